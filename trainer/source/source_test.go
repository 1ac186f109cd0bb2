package source

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Entries of GEOM without conformers, and atoms that are none, are named and
// skipped; the others are read.
func TestOddRecordsOfGEOM(t *testing.T) {
	var read, faults []string
	_, err := Read(context.Background(), "testdata/geom-odd-records.msgpack", Options{}, func(r Record) error {
		if r.Err != nil {
			faults = append(faults, r.Err.Error())
		} else {
			read = append(read, r.Molecule.Formula())
		}
		return nil
	})
	want := "testdata/geom-odd-records.msgpack: molecule 2: no conformers: sars\n" +
		"testdata/geom-odd-records.msgpack: molecule 6: no conformers: empty"
	if err != nil || strings.Join(read, " ") != "H2O H2O H2O H2O H2O" || strings.Join(faults, "\n") != want {
		t.Errorf("read %v, faults %q, %v", read, faults, err)
	}
}

// A cut archive ends with an error, wherever it is cut, and what a member lacks is reported once.
func TestCutArchive(t *testing.T) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, text := range []string{"1\n\nH 0 0 0\n", "many\n", strings.Repeat("2\n\nH 0 0 0\nH 0 0 1\n", 60)} {
		head := &tar.Header{Name: "a.xyz", Mode: 0o644, Size: int64(len(text)), Typeflag: tar.TypeReg}
		if err := w.WriteHeader(head); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	whole := b.Len() - 2*tarBlock
	for cut := 0; cut <= whole; cut += 32 {
		path := filepath.Join(t.TempDir(), "cut.tar")
		if err := os.WriteFile(path, b.Bytes()[:cut], 0o666); err != nil {
			t.Fatal(err)
		}
		bad := 0
		_, err := Read(t.Context(), path, Options{}, func(r Record) error {
			if r.Err != nil {
				bad++
			}
			if bad > 3 {
				return errors.New("too many")
			}
			return nil
		})
		if err == nil || !strings.Contains(err.Error(), path+": the archive is cut") {
			t.Errorf("cut at %d of %d: %d bad records, error %v", cut, whole, bad, err)
		}
	}
}
