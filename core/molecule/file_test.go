//go:build !js

package molecule

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// QM9's own molecules, as EDM measured them: 99.4 % of atoms and 95.8 % of
// molecules stable in the training split; the intervals are four standard
// errors of a sample of 10,859. Keys are as many as SMILES, one for each.
func TestQM9(t *testing.T) {
	const path = "../../../shared/data/qm9_test.xyz.gz"
	if _, err := os.Stat(path); err != nil {
		t.Skip("../shared is not there")
	}
	atoms, same, fewer, right, wrong := roomFor(t, Open(path))
	if same*1000 < atoms*984 || fewer*1000 > atoms*3 || right < 45*wrong {
		t.Errorf("of %d atoms %d have room for as many hydrogens as they have, %d for fewer", atoms, same, fewer)
	}
	r, err := Evaluate(Open(path))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", r)
	if r.Molecules != 10859 || r.Atoms != 196618 {
		t.Errorf("%d molecules, %d atoms", r.Molecules, r.Atoms)
	}
	if r.StableAtoms < 0.9934 || r.StableAtoms > 0.9954 {
		t.Errorf("stable atoms %.4f, want 0.9944 within 0.0010", r.StableAtoms)
	}
	if r.StableMolecules < 0.9497 || r.StableMolecules > 0.9653 {
		t.Errorf("stable molecules %.4f, want 0.9575 within 0.0078", r.StableMolecules)
	}
	if r.Counts.Valid != 10654 || r.Counts.Unique != 10654 { // RDKit 2022.09.3 on the same bonds
		t.Errorf("%d valid, %d unique, want 10654 of both", r.Counts.Valid, r.Counts.Unique)
	}
	smilesOf := make(map[string]string)
	for m, err := range Open(path) {
		if err != nil {
			t.Fatal(err)
		}
		smiles, _ := m.Property("smiles")
		if other, ok := smilesOf[m.Key()]; ok && other != smiles {
			t.Errorf("%s and %s share a key", smiles, other)
		}
		smilesOf[m.Key()] = smiles
	}
	if len(smilesOf) != 10859 {
		t.Errorf("%d keys for 10859 distinct SMILES", len(smilesOf))
	}
}

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	if r, err := Evaluate(Open(write("a.XYZ", "1\n\nH 0 0 0\n"))); err != nil || r.Molecules != 1 {
		t.Errorf("upper-case extension: %+v, %v", r, err)
	}
	for name, text := range map[string]string{
		// the text of a.XYZ by gzip, twice, and by bzip2
		"a.xyz.gz": strings.Repeat("\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff\x33\xe4\xe2\xf2\x50\x30\x00\x41\x2e\x00\xa6\x96"+
			"\xe4\x07\x0b\x00\x00\x00", 2),
		"a.XYZ.BZ2": "\x42\x5a\x68\x39\x31\x41\x59\x26\x53\x59\x17\x35\x15\xf8\x00\x00\x04\xdc\x00\x00\x10\x40" +
			"\x00\x60\x00\x00\x40\x20\x00\x21\x86\x81\x9a\x00\xb1\x6c\xc5\xc5\xdc\x91\x4e\x14\x24\x05" +
			"\xcd\x45\x7e\x00",
	} {
		want := 1 + strings.Count(text, "\x1f\x8b")/2
		if r, err := Evaluate(Open(write(name, text))); err != nil || r.Molecules != want {
			t.Errorf("%s: %+v, %v, want %d molecules", name, r, err, want)
		}
	}
	for name, path := range map[string]string{
		"missing":      filepath.Join(dir, "gone.xyz"),
		"extension":    write("a.txt", ""),
		"no gzip":      write("b.xyz.gz", "1\n\nH 0 0 0\n"),
		"only gz":      write("c.gz", ""),
		"a folder":     func() string { p := filepath.Join(dir, "d.xyz"); os.Mkdir(p, 0o777); return p }(),
		"empty gzip":   write("e.sdf.gz", ""),
		"cut bzip2":    write("h.xyz.bz2", "BZh91AY&SY"),
		"cut gzip":     write("f.xyz.gz", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"),
		"wrong format": write("g.sdf", "1\n\nH 0 0 0\n"),
	} {
		_, err := Evaluate(Open(path))
		e, ok := errors.AsType[*ParseError](err)
		if !ok || e.File != path {
			t.Errorf("%s: error %v", name, err)
		}
		if name == "empty gzip" && !strings.Contains(err.Error(), "is empty, or cut") {
			t.Errorf("%s: error %v", name, err)
		}
		if name == "missing" && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("missing: error %v does not wrap fs.ErrNotExist", err)
		}
	}
}
