package source

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// server serves a file, in pieces of at most limit bytes a connection.
func server(t *testing.T, data []byte, limit int, ranges bool) (url string, requests *atomic.Int64) {
	t.Helper()
	requests = new(atomic.Int64)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if !ranges {
			r.Header.Del("Range")
		}
		http.ServeContent(&cut{w, limit}, r, "", time.Time{}, bytes.NewReader(data))
	}))
	t.Cleanup(s.Close)
	return s.URL, requests
}

// cut breaks the connection after some bytes.
type cut struct {
	http.ResponseWriter
	left int
}

func (c *cut) Write(p []byte) (int, error) {
	if c.left <= 0 {
		panic(http.ErrAbortHandler)
	}
	p = p[:min(len(p), c.left)]
	c.left -= len(p)
	return c.ResponseWriter.Write(p)
}

func published(data []byte, urls ...string) Published {
	sum := md5.Sum(data)
	return Published{"file.bin", urls, int64(len(data)), hex.EncodeToString(sum[:])}
}

func TestFetch(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 20_000)
	d := Downloader{Client: http.DefaultClient, Attempts: 2, Wait: time.Millisecond}
	fetch := func(t *testing.T, p Published, dir string) (string, error) {
		return d.Fetch(context.Background(), p, dir)
	}
	same := func(t *testing.T, path string) {
		t.Helper()
		got, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(got, data) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		if _, err := os.Stat(path + partial); err == nil {
			t.Error("the partial file is still there")
		}
	}
	t.Run("connections that break", func(t *testing.T) {
		url, requests := server(t, data, 100_000, true)
		path, err := fetch(t, published(data, url), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		same(t, path)
		if n := requests.Load(); n < 3 || n > 6 {
			t.Errorf("%d requests for 320,000 bytes in pieces of 100,000", n)
		}
	})
	t.Run("goes on with what is there, and does not fetch twice", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "file.bin"+partial), data[:310_000], 0o666); err != nil {
			t.Fatal(err)
		}
		url, requests := server(t, data, 20_000, true)
		path, err := fetch(t, published(data, url), dir)
		if err != nil || requests.Load() != 1 {
			t.Fatalf("%v, %d requests", err, requests.Load())
		}
		same(t, path)
		if _, err := fetch(t, published(data, url), dir); err != nil || requests.Load() != 1 {
			t.Errorf("%v, %d requests", err, requests.Load())
		}
	})
	t.Run("a server without ranges", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "file.bin"+partial), data[:1000], 0o666); err != nil {
			t.Fatal(err)
		}
		url, _ := server(t, data, 1<<30, false)
		path, err := fetch(t, published(data, url), dir)
		if err != nil {
			t.Fatal(err)
		}
		same(t, path)
	})
	t.Run("the next mirror after a wrong file and one that is gone", func(t *testing.T) {
		wrong, _ := server(t, bytes.Repeat([]byte("x"), len(data)), 1<<30, true)
		gone := httptest.NewServer(http.NotFoundHandler())
		defer gone.Close()
		url, _ := server(t, data, 1<<30, true)
		var notes []string
		d := d
		d.Note = func(text string) { notes = append(notes, text) }
		path, err := d.Fetch(context.Background(), published(data, wrong, gone.URL, url), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		same(t, path)
		if len(notes) != 2 || !strings.Contains(notes[0], "MD5") || !strings.Contains(notes[1], "404") {
			t.Errorf("notes %q", notes)
		}
	})
	t.Run("all mirrors fail", func(t *testing.T) {
		busy, requests := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter,
			_ *http.Request) {
			w.WriteHeader(503)
		})), 0
		defer busy.Close()
		_, err := fetch(t, published(data, busy.URL, "http://127.0.0.1:1/"), t.TempDir())
		if err == nil || !strings.Contains(err.Error(), "503") || !strings.Contains(err.Error(), "127.0.0.1:1") ||
			requests != 0 {
			t.Errorf("%v", err)
		}
	})
	t.Run("another file of the name", func(t *testing.T) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "file.bin"), []byte("mine"), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := fetch(t, published(data, "http://127.0.0.1:1/"), dir); err == nil ||
			!strings.Contains(err.Error(), "is another file") {
			t.Errorf("%v", err)
		}
		if got, _ := os.ReadFile(filepath.Join(dir, "file.bin")); string(got) != "mine" {
			t.Error("it was changed")
		}
	})
}
