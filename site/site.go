// Package site serves the built page: as a static host would, with the headers
// that a careful one sets. The command site/serve takes the files from a
// folder, `symdiff serve` from its own binary (embed.go).
package site

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// contentSecurityPolicy is sent with every answer; the build puts the same into the page for hosts
// that set no headers.
//
//go:embed csp.txt
var contentSecurityPolicy string

// Site is a folder of files in memory, by path, as an http.Handler.
type Site map[string]*file

// file is one answer, ready to send.
type file struct {
	mime    string
	etag    string
	body    []byte
	gzipped []byte // nil where compressing does not pay
}

var mimeTypes = map[string]string{
	".css":         "text/css; charset=utf-8",
	".html":        "text/html; charset=utf-8",
	".ico":         "image/x-icon",
	".js":          "text/javascript; charset=utf-8",
	".json":        "application/json",
	".png":         "image/png",
	".safetensors": "application/octet-stream",
	".svg":         "image/svg+xml",
	".txt":         "text/plain; charset=utf-8",
	".wasm":        "application/wasm",
	".webmanifest": "application/manifest+json",
	".woff2":       "font/woff2",
}

var errNotRegular = errors.New("is a folder behind a link, a pipe or a device, want a regular file")

// ReadFolder is Read of a folder. A link that leads out of it is an error.
func ReadFolder(name string) (Site, error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return Read(root.FS())
}

// Read takes in every file. A site without index.html, and what is no regular file, is an error.
func Read(dir fs.FS) (Site, error) {
	s := Site{}
	err := fs.WalkDir(dir, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		// of what a link leads to, before the opening, which waits for a pipe
		info, err := fs.Stat(dir, name)
		if err == nil && !info.Mode().IsRegular() {
			err = &fs.PathError{Op: "open", Path: name, Err: errNotRegular}
		}
		if err != nil {
			return err
		}
		body, err := fs.ReadFile(dir, name)
		if err != nil {
			return err
		}
		s["/"+name] = newFile(name, body)
		return nil
	})
	if err == nil && s["/index.html"] == nil {
		err = &fs.PathError{Op: "open", Path: "index.html", Err: fs.ErrNotExist}
	}
	return s, err
}

// Serve listens on addr (host:port; port 0 takes a free one), prints where the site is,
// under the path base, and answers until the context ends, which is no error.
func (s Site) Serve(ctx context.Context, out io.Writer, addr, base string) error {
	listener, err := listen(addr)
	if err != nil {
		return err
	}
	host, _, _ := net.SplitHostPort(addr)
	if host == "" {
		host = "localhost"
	}
	base = strings.TrimSuffix("/"+strings.Trim(base, "/"), "/")
	port := listener.Addr().(*net.TCPAddr).Port
	shown := (&url.URL{Path: base}).EscapedPath()
	fmt.Fprintf(out, "SymDiff is at http://%s%s/ (Ctrl-C stops it)\n",
		net.JoinHostPort(host, fmt.Sprint(port)), shown)
	if listener.Addr().(*net.TCPAddr).IP.IsUnspecified() {
		addresses, _ := net.InterfaceAddrs() // without any there is no local network
		tellLAN(out, addresses, port, shown)
	}
	server := s.server(base)
	context.AfterFunc(ctx, func() { server.Close() })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// A client has so long for a request, for the next one on the same connection, and for each part of
// an answer.
const (
	requestTime = 10 * time.Second
	idleTime    = 2 * time.Minute
	partTime    = 30 * time.Second
	part        = 1 << 16 // bytes
)

// server answers under base, every answer with the same headers, and leaves clients that do not
// read or ask.
func (s Site) server(base string) *http.Server {
	inner := http.StripPrefix(base, s)
	return &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			setHeaders(w.Header())
			r.URL.RawPath = "" // a browser may escape the base otherwise than Go does
			inner.ServeHTTP(&parts{w,
				func() { http.NewResponseController(w).SetWriteDeadline(time.Now().Add(partTime)) }}, r)
		}),
		ReadHeaderTimeout: requestTime, ReadTimeout: requestTime, IdleTimeout: idleTime, MaxHeaderBytes: part,
	}
}

// parts writes an answer piece by piece and sets a new deadline for each: a slow client gets
// all, one that does not read is left.
type parts struct {
	http.ResponseWriter
	next func()
}

func (p *parts) Write(b []byte) (n int, err error) {
	for len(b) > 0 && err == nil {
		var k int
		p.next()
		k, err = p.ResponseWriter.Write(b[:min(len(b), part)])
		n, b = n+k, b[k:]
	}
	return n, err
}

func (p *parts) Unwrap() http.ResponseWriter { return p.ResponseWriter }

// setHeaders are those of every answer. Files may be used from anywhere: a frame in a sandbox
// without allow-same-origin is of no origin, and fetches even its own scripts as a stranger (CORS).
func setHeaders(header http.Header) {
	header.Set("Content-Security-Policy", strings.TrimSpace(contentSecurityPolicy))
	header.Set("Cross-Origin-Resource-Policy", "cross-origin")
	header.Set("Access-Control-Allow-Origin", "*")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
}

// listen explains the one failure that people meet.
func listen(addr string) (net.Listener, error) {
	listener, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is taken by another program: choose another port, such as PORT=8081 with make, "+
			"or --addr localhost:8081", addr)
	}
	return listener, err
}

func newFile(name string, body []byte) *file {
	sum := sha256.Sum256(body)
	f := &file{mime: mimeTypes[path.Ext(name)], etag: `"` + hex.EncodeToString(sum[:12]) + `"`, body: body}
	if f.mime == "" {
		f.mime = "application/octet-stream"
	}
	if z := compress(body); len(z) < len(body)*9/10 {
		f.gzipped = z
	}
	return f
}

func compress(body []byte) []byte {
	var z bytes.Buffer
	w, _ := gzip.NewWriterLevel(&z, gzip.BestCompression) // it is done once
	w.Write(body)                                         // a bytes.Buffer does not fail
	w.Close()
	return z.Bytes()
}

// ServeHTTP answers GET and HEAD. A folder is its index.html.
func (s Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	setHeaders(header)
	name := r.URL.Path
	if strings.HasSuffix(name, "/") {
		name += "index.html"
	}
	f := s[name]
	switch {
	case r.URL.Path == "":
		from, query, _ := strings.Cut(r.RequestURI, "?")
		// relative: the prefix has been stripped
		header.Set("Location", path.Base(from)+"/"+strings.TrimRight("?"+query, "?"))
		w.WriteHeader(http.StatusMovedPermanently)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		header.Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
	case f == nil:
		http.Error(w, "not found", http.StatusNotFound)
	default:
		f.serve(w, r, strings.HasPrefix(name, "/assets/"))
	}
}

// serve sends f. Files whose names hold a hash of their content never change; all others are asked
// for anew.
func (f *file) serve(w http.ResponseWriter, r *http.Request, hashed bool) {
	header := w.Header()
	header.Set("Content-Type", f.mime)
	header.Set("Cache-Control", "no-cache")
	if hashed {
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	body, etag := f.body, f.etag
	if f.gzipped != nil {
		header.Set("Vary", "Accept-Encoding")
		if acceptsGzip(r) {
			header.Set("Content-Encoding", "gzip")
			body, etag = f.gzipped, strings.TrimSuffix(f.etag, `"`)+`-gz"`
		}
	}
	header.Set("ETag", etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// acceptsGzip tells whether gzip is named, or everything, with a quality that is not zero.
func acceptsGzip(r *http.Request) bool {
	accepts := false
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		coding, parameters, _ := strings.Cut(strings.ToLower(strings.ReplaceAll(part, " ", "")), ";")
		quality := 1.0
		if text, ok := strings.CutPrefix(parameters, "q="); ok {
			var err error
			if quality, err = strconv.ParseFloat(text, 64); err != nil {
				quality = 0
			}
		}
		switch coding {
		case "gzip":
			return quality > 0
		case "*":
			accepts = quality > 0
		}
	}
	return accepts
}
