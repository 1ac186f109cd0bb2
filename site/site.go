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
	"path"
	"strings"
	"syscall"
	"time"
)

// contentSecurityPolicy is sent with every answer; the build puts the same into the page for hosts that set no headers.
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

// Read takes in every file. A site without index.html is an error.
func Read(dir fs.FS) (Site, error) {
	s := Site{}
	err := fs.WalkDir(dir, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
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

// Serve listens on addr (host:port; port 0 takes a free one), tells out where the site is, under the path base, and answers until the
// context ends, which is no error.
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
	fmt.Fprintf(out, "SymDiff is at http://%s%s/ (Ctrl-C stops it)\n", net.JoinHostPort(host, fmt.Sprint(port)), base)
	server := &http.Server{Handler: http.StripPrefix(base, s), ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { server.Close() })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// listen explains the one failure that people meet.
func listen(addr string) (net.Listener, error) {
	listener, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is taken by another program: choose another port, such as PORT=8081 with make, or --addr localhost:8081", addr)
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
	w := gzip.NewWriter(&z)
	w.Write(body) // a bytes.Buffer does not fail
	w.Close()
	return z.Bytes()
}

// ServeHTTP answers GET and HEAD. A folder is its index.html.
func (s Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", strings.TrimSpace(contentSecurityPolicy))
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	name := r.URL.Path
	if strings.HasSuffix(name, "/") {
		name += "index.html"
	}
	f := s[name]
	switch {
	case r.URL.Path == "":
		from, query, _ := strings.Cut(r.RequestURI, "?")
		header.Set("Location", path.Base(from)+"/"+strings.TrimRight("?"+query, "?")) // relative: the prefix has been stripped
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

// serve sends f. Files whose names hold a hash of their content never change; all others are asked for anew.
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

// acceptsGzip ignores quality values but for a plain refusal.
func acceptsGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		coding, quality, _ := strings.Cut(strings.ReplaceAll(part, " ", ""), ";")
		if coding == "gzip" && quality != "q=0" {
			return true
		}
	}
	return false
}
