package site

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"testing/fstest"
)

func testSite(t *testing.T) Site {
	t.Helper()
	s, err := Read(fstest.MapFS{
		"index.html":            {Data: []byte(strings.Repeat("<p>page</p>", 100))},
		"sw.js":                 {Data: []byte("self")},
		"assets/core-1234.wasm": {Data: bytes.Repeat([]byte{0, 'a', 's', 'm'}, 100)},
		"assets/w.safetensors":  {Data: []byte("0123456789")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func get(s http.Handler, path string, header map[string]string) *http.Response {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for k, v := range header {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Result()
}

func TestHeaders(t *testing.T) {
	s := testSite(t)
	for _, c := range []struct{ path, mime, cache string }{
		{"/", "text/html; charset=utf-8", "no-cache"},
		{"/index.html", "text/html; charset=utf-8", "no-cache"},
		{"/sw.js", "text/javascript; charset=utf-8", "no-cache"},
		{"/assets/core-1234.wasm", "application/wasm", "public, max-age=31536000, immutable"},
		{"/assets/w.safetensors", "application/octet-stream", "public, max-age=31536000, immutable"},
	} {
		h := get(s, c.path, nil).Header
		if h.Get("Content-Type") != c.mime || h.Get("Cache-Control") != c.cache {
			t.Errorf("%s: Content-Type %q, Cache-Control %q", c.path, h.Get("Content-Type"), h.Get("Cache-Control"))
		}
		if csp := h.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none';") ||
			strings.Contains(csp, "unsafe-inline") {
			t.Errorf("%s: Content-Security-Policy %q", c.path, csp)
		}
		if h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: no nosniff", c.path)
		}
		if h.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: a frame without an origin may not fetch it", c.path)
		}
	}
	if code := get(s, "/missing", nil).StatusCode; code != http.StatusNotFound {
		t.Errorf("/missing: status %d", code)
	}
	if code := get(s, "/../site.go", nil).StatusCode; code != http.StatusNotFound {
		t.Errorf("/../site.go: status %d", code)
	}
}

func TestGzipAndETag(t *testing.T) {
	s := testSite(t)
	plain := get(s, "/", nil)
	zipped := get(s, "/", map[string]string{"Accept-Encoding": "br, gzip;q=0.8"})
	if plain.Header.Get("Content-Encoding") != "" || zipped.Header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("Content-Encoding %q and %q", plain.Header.Get("Content-Encoding"), zipped.Header.Get("Content-Encoding"))
	}
	z, err := gzip.NewReader(zipped.Body)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := io.ReadAll(plain.Body)
	have, err := io.ReadAll(z)
	if err != nil || !bytes.Equal(have, want) || len(want) == 0 {
		t.Errorf("gzip: %d bytes, want %d, error %v", len(have), len(want), err)
	}
	if plain.Header.Get("ETag") == zipped.Header.Get("ETag") {
		t.Error("one ETag for two encodings")
	}
	again := get(s, "/", map[string]string{"If-None-Match": plain.Header.Get("ETag")})
	if again.StatusCode != http.StatusNotModified {
		t.Errorf("If-None-Match: status %d", again.StatusCode)
	}
	if e := get(s, "/assets/w.safetensors",
		map[string]string{"Accept-Encoding": "gzip"}).Header.Get("Content-Encoding"); e != "" {
		t.Errorf("weights are sent with Content-Encoding %q", e)
	}
}

func TestErrors(t *testing.T) {
	if _, err := Read(fstest.MapFS{"other.html": {}}); err == nil || !strings.Contains(err.Error(), "index.html") {
		t.Errorf("a folder without index.html: %v", err)
	}
	taken, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if _, err := listen(taken.Addr().String()); err == nil || !strings.Contains(err.Error(), "another port") {
		t.Errorf("a taken port: %v", err)
	}
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	w := httptest.NewRecorder()
	testSite(t).ServeHTTP(w, r)
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: status %d", w.Code)
	}
}

func TestBaseRedirects(t *testing.T) {
	h := http.StripPrefix("/lab/symdiff", testSite(t))
	for from, to := range map[string]string{"/lab/symdiff": "symdiff/", "/lab/symdiff?seed=7": "symdiff/?seed=7"} {
		have := get(h, from, nil)
		if have.StatusCode != http.StatusMovedPermanently || have.Header.Get("Location") != to {
			t.Errorf("%s: status %d, Location %q", from, have.StatusCode, have.Header.Get("Location"))
		}
	}
	if code := get(h, "/lab/symdiff/", nil).StatusCode; code != http.StatusOK {
		t.Errorf("/lab/symdiff/: status %d", code)
	}
}

// A base with letters beyond ASCII, spaces and brackets is found however a client escapes it.
func TestBaseIsFoundHoweverItIsEscaped(t *testing.T) {
	h := testSite(t).server("/sch\u00f6n [1]").Handler
	for _, at := range []string{"/sch%C3%B6n%20[1]", "/sch%C3%B6n%20%5B1%5D", "/sch%c3%b6n%20%5b1%5D"} {
		if code := get(h, at+"/sw.js", nil).StatusCode; code != http.StatusOK {
			t.Errorf("%s: status %d", at, code)
		}
		have := get(h, at, nil)
		if have.StatusCode != http.StatusMovedPermanently ||
			have.Header.Get("Location") != strings.TrimPrefix(at, "/")+"/" {
			t.Errorf("%s: status %d, Location %q", at, have.StatusCode, have.Header.Get("Location"))
		}
	}
}

func TestServeUntilCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	out, told := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- testSite(t).Serve(ctx, told, "localhost:0", "lab/") }()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	url := regexp.MustCompile(`http://localhost:\d+/lab/`).FindString(line)
	answer, err := http.Get(url)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Errorf("%q: %v, %v", line, answer, err)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("after cancelling: %v", err)
	}
	if _, err := http.Get(url); err == nil {
		t.Error("it answers after it has been stopped")
	}
}

func TestEveryAnswerHasTheHeaders(t *testing.T) {
	server := testSite(t).server("/lab")
	for _, c := range []struct {
		method, path string
		code         int
	}{
		{http.MethodGet, "/lab/", 200}, {http.MethodHead, "/lab/", 200}, {http.MethodGet, "/lab/none", 404},
		{http.MethodGet, "/elsewhere", 404},
		{http.MethodPost, "/lab/", 405}, {http.MethodGet, "/lab", 301},
	} {
		w := httptest.NewRecorder()
		server.Handler.ServeHTTP(w, httptest.NewRequest(c.method, c.path, nil))
		h := w.Result().Header
		if w.Code != c.code || h.Get("X-Content-Type-Options") != "nosniff" ||
			h.Get("Cross-Origin-Resource-Policy") != "cross-origin" || h.Get("Content-Security-Policy") == "" {
			t.Errorf("%s %s: status %d, %v", c.method, c.path, w.Code, h)
		}
	}
}

func TestClientsThatDoNothingAreLeft(t *testing.T) {
	server := testSite(t).server("")
	if server.ReadHeaderTimeout <= 0 || server.ReadTimeout <= 0 || server.IdleTimeout <= 0 {
		t.Errorf("%+v has no time-outs", server)
	}
	deadlines := 0
	w := httptest.NewRecorder()
	n, err := (&parts{w, func() { deadlines++ }}).Write(make([]byte, 3*part+1))
	if n != 3*part+1 || err != nil || deadlines != 4 || w.Body.Len() != n {
		t.Errorf("%d bytes, %v, %d deadlines", n, err, deadlines)
	}
}

func TestQualityOfGzip(t *testing.T) {
	for header, want := range map[string]bool{
		"gzip": true, "GZIP": true, "br, gzip;q=0.8": true, "*": true, "gzip ; q=1.0": true, "deflate, *;q=0.1": true,
		"": false, "br": false, "gzip;q=0": false, "gzip; q=0.000": false,
		"gzip;q=0.0, *": false, "*;q=0": false, "gzip;q=x": false, "xgzip": false,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Accept-Encoding", header)
		if have := acceptsGzip(r); have != want {
			t.Errorf("%q: %v, want %v", header, have, want)
		}
	}
}

func TestFoldersAreNotLeft(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("secret"), 0o666); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		make func(path string) error
		want string
	}{
		"a link that leaves": {func(p string) error { return os.Symlink(outside, p) }, "odd: path escapes"},
		"a link to a folder": {func(p string) error { return os.Symlink("sub", p) }, "odd: is a folder"},
		"a link within":      {func(p string) error { return os.Symlink("index.html", p) }, ""},
		"a link to nothing":  {func(p string) error { return os.Symlink("none", p) }, "odd: no such file"},
		"a pipe":             {func(p string) error { return syscall.Mkfifo(p, 0o666) }, "behind a link, a pipe"},
		"a link to a device": {func(p string) error { return os.Symlink("/dev/zero", p) }, "odd: path escapes"},
	} {
		dir := t.TempDir()
		err := errors.Join(
			os.Mkdir(filepath.Join(dir, "sub"), 0o777), os.WriteFile(filepath.Join(dir, "index.html"), nil, 0o666),
			c.make(filepath.Join(dir, "odd")),
		)
		if err != nil {
			t.Fatal(err)
		}
		_, err = ReadFolder(dir)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}
