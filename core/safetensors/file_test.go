//go:build !js

package safetensors

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "w.safetensors")
	good := []Tensor{{"a", F32, []int{2}, []float32{1, 2}}}
	if err := WriteFile(path, good, nil); err != nil {
		t.Fatal(err)
	}
	bad := []Tensor{{"a", F16, []int{1}, []float32{1e6}}}
	err := WriteFile(path, bad, nil)
	if e, ok := errors.AsType[*Error](err); !ok || e.File != path || e.Tensor != "a" {
		t.Errorf("error %v", err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if x, err := f.Float32("a", 2); err != nil || !slices.Equal(x, []float32{1, 2}) {
		t.Errorf("after a failed write: %v, %v", x, err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left in the folder: %v", entries)
	}
}

func TestFileErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "no", "w.safetensors")
	for _, err := range []error{
		WriteFile(path, nil, nil),
		func() error { _, err := Open(path); return err }(),
	} {
		if e, ok := errors.AsType[*Error](err); !ok || e.File != path || !errors.Is(err, fs.ErrNotExist) ||
			strings.Count(err.Error(), path) != 1 {
			t.Errorf("error %v", err)
		}
	}
}

func TestOpenReadsTheHeaderOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "large.safetensors")
	if err := os.WriteFile(path, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, 5<<30); err != nil {
		t.Skip(err)
	}
	var m0, m1 runtime.MemStats
	runtime.ReadMemStats(&m0)
	_, err := Open(path)
	runtime.ReadMemStats(&m1)
	if e, ok := errors.AsType[*Error](err); !ok || e.File != path {
		t.Errorf("error %v", err)
	}
	if n := m1.TotalAlloc - m0.TotalAlloc; n > 1<<20 {
		t.Errorf("%d bytes allocated for a file of 5 GiB of zeros", n)
	}
}

func TestFoldersAndDevicesAreRefused(t *testing.T) {
	for _, path := range []string{t.TempDir(), os.DevNull} {
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), "regular file") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// The files written by the reference implementation.
func TestReferenceFiles(t *testing.T) {
	paths, _ := filepath.Glob("../../../shared/fixtures/reference/*.safetensors")
	if len(paths) == 0 {
		t.Skip("../shared is not there")
	}
	for _, path := range paths {
		f, err := Open(path)
		if err != nil {
			t.Error(err)
			continue
		}
		elements := 0
		for _, name := range f.Names() {
			info, _ := f.Info(name)
			x, err := f.Float32(name, info.Shape...)
			if err != nil {
				t.Error(err)
			}
			elements += len(x)
		}
		if elements == 0 {
			t.Errorf("%s: no elements", path)
		}
	}
}
