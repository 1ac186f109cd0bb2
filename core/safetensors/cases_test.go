//go:build !js

package safetensors

import (
	"encoding/binary"
	"os"
	"strings"
	"testing"
)

// Files as other programs write them: what is read, and what is refused with
// which reason.
func TestFilesOfTheFieldAreReadOrRefused(t *testing.T) {
	for name, want := range map[string]string{
		"st-bf16-i64-bool": "", "st-metadata-empty": "", "st-no-metadata": "", "st-scalar-empty": "",
		"st-lfs-pointer":     "is a pointer of Git LFS, not the file itself: `git lfs pull` fetches it",
		"st-metadata-null":   "expected an object, found null",
		"st-metadata-number": "expected a string, found a number",
	} {
		path := "testdata/" + name + ".safetensors"
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		f, err := Parse(path, data)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want) ||
			!strings.HasPrefix(err.Error(), path)) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
		if err == nil && len(f.Names()) == 0 {
			t.Errorf("%s: no tensors", name)
		}
	}
	// A header whose length begins as a pickle or as gzip does.
	for _, n := range []int{0x280, 0x380, 0x480, 0x580, 0x8b1f} {
		header := `{"x":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}`
		header += strings.Repeat(" ", n-len(header))
		file := append(binary.LittleEndian.AppendUint64(nil, uint64(n)), header...)
		if f, err := Parse("f", file); err != nil || len(f.Names()) != 1 {
			t.Errorf("header of %d bytes: %v", n, err)
		}
	}
	for first, want := range map[string]string{
		"PK\x03\x04\x00\x00\x00\x00": "symdiff import", "\x80\x02}q\x00\x00\x00\x00": "symdiff import",
		"\x93NUMPY\x01\x00": "NumPy", "<!DOCTYPE html>": "web page",
	} {
		if _, err := Parse("f", []byte(first)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", first, err, want)
		}
	}
}
