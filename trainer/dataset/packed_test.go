package dataset

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/molecule"
)

// packed writes molecules of two splits and returns the file.
func packed(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "set.safetensors")
	w := newWriter(path, []string{"gap"})
	for i, split := range []string{"val", "train", "train", "val"} {
		m := &molecule.Molecule{Properties: []molecule.Property{{Key: "gap", Value: []string{"0.25", "x", "0.5", "inf"}[i]}}}
		for a := range i + 1 {
			m.Elements = append(m.Elements, []molecule.Element{molecule.H, molecule.O}[a%2])
			m.Positions = append(m.Positions, [3]float64{float64(a), 1, float64(i)})
		}
		if err := w.Add(m, split); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close([]RawSource{{File: "/home/ada/a", SHA256: "b", Molecules: 4}}, "command"); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(path + ".tmp*"); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	return path
}

func TestPacked(t *testing.T) {
	path := packed(t)
	p, err := openPacked(path)
	if err != nil {
		t.Fatal(err)
	}
	if p.Len() != 4 || p.Atoms() != 10 || p.Splits["train"] != [2]int{0, 2} || p.Splits["val"] != [2]int{2, 4} ||
		p.Sources[0].SHA256 != "b" || p.Sources[0].File != "a" {
		t.Errorf("%d molecules, %d atoms, %v, %v", p.Len(), p.Atoms(), p.Splits, p.Sources)
	}
	gap := p.Properties["gap"]
	if !math.IsNaN(float64(gap[0])) || gap[1] != 0.5 || gap[2] != 0.25 || !math.IsNaN(float64(gap[3])) {
		t.Errorf("gap %v", gap)
	}
	m := p.Molecule(1) // three atoms on a line, centred
	if m.Formula() != "H2O" || m.Positions[0] != [3]float64{-1, 0, 0} || m.Positions[2] != [3]float64{1, 0, 0} {
		t.Errorf("%s at %v", m.Formula(), m.Positions)
	}
	if v, _ := m.Property("split"); v != "train" {
		t.Errorf("properties %v", m.Properties)
	}
	count := 0
	for m, err := range Open(path + "@split=val") {
		if err != nil {
			t.Fatal(err)
		}
		count += len(m.Elements)
	}
	if count != 5 {
		t.Errorf("%d atoms in val, want 1 and 4", count)
	}
}

// A packed set trains as the files that it was made of do.
func TestLoadPacked(t *testing.T) {
	path := packed(t)
	elements := []molecule.Element{molecule.O, molecule.H}
	s, err := Load([]string{path}, elements, 0)
	if err != nil {
		t.Fatal(err)
	}
	if s.Len() != 4 || s.Atoms() != 10 || !slices.Equal(s.Types(1), []uint8{1, 0, 1}) ||
		!slices.Equal(s.Positions(1), []float32{-1, 0, 0, 0, 0, 0, 1, 0, 0}) {
		t.Errorf("%d molecules: types %v, positions %v", s.Len(), s.Types(1), s.Positions(1))
	}
	part, err := Load([]string{path + "@split=val"}, elements, 0)
	if err != nil || part.Len() != 2 || part.Atoms() != 5 || part.Size(1) != 4 || part.Sources[0].Filter != "split=val" {
		t.Fatalf("%+v, %v", part, err)
	}
	both, err := Load([]string{path + "@split=val", path + "@split=train"}, elements, 0)
	if err != nil || both.Len() != 4 || !slices.Equal(both.Positions(1), part.Positions(1)) ||
		!slices.Equal(both.Types(3), s.Types(1)) {
		t.Errorf("%+v, %v", both, err)
	}
	if one, err := Load([]string{path}, elements, 1); err != nil || one.Len() != 1 || one.Atoms() != 2 {
		t.Errorf("limit 1: %+v, %v", one, err)
	}
	for name, want := range map[string]string{
		path + "@split=test": "no molecules with split=test; a packed data set is filtered by split=train, split=val",
		path + "@gap=1":      "no molecules with gap=1",
	} {
		if _, err := Load([]string{name}, elements, 0); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if _, err := Load([]string{path}, []molecule.Element{molecule.H}, 0); err == nil ||
		!strings.Contains(err.Error(), "molecule 1: element O is not among") {
		t.Errorf("%v", err)
	}
}

func replace(old, new string) func([]byte) []byte {
	return func(b []byte) []byte { return []byte(strings.Replace(string(b), old, new, 1)) }
}

func TestDamagedPacked(t *testing.T) {
	path := packed(t)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	damaged := func(change func([]byte) []byte) string {
		p := filepath.Join(t.TempDir(), "damaged.safetensors")
		if err := os.WriteFile(p, change(slices.Clone(data)), 0o666); err != nil {
			t.Fatal(err)
		}
		return p
	}
	header := 8 + int(data[0]) + int(data[1])<<8
	for name, c := range map[string]struct {
		change func([]byte) []byte
		want   string
	}{
		"truncated": {func(b []byte) []byte { return b[:len(b)-1] }, "truncated"},
		"empty":     {func(b []byte) []byte { return nil }, "truncated"},
		"offsets":   {func(b []byte) []byte { b[header+8] = 99; return b }, `tensor "offsets": molecule 1 has 99 atoms`[:18]},
		"format": {func(b []byte) []byte {
			return []byte(strings.Replace(string(b), "molecules 1", "molecules 2",
				1))
		}, "want symdiff-molecules 1"},
		"NaN": {func(b []byte) []byte { copy(b[header+40+12*3+4:], "\x00\x00\xc0\x7f"); return b },
			`tensor "positions": molecule 2, atom 2: NaN, want finite`},
		"infinity": {func(b []byte) []byte { copy(b[header+40+12*9:], "\x00\x00\x80\xff"); return b },
			`molecule 4, atom 4: -Inf`},
		"property": {func(b []byte) []byte { copy(b[header+40+120+4:], "\x00\x00\x80\x7f"); return b },
			`tensor "property.gap": molecule 2: infinity`},
		"element": {func(b []byte) []byte { b[len(b)-10] = 0; return b },
			`tensor "elements": molecule 1, atom 1: 0, want an atomic number`},
		"integers": {replace(`"elements":{"dtype":"U8"`, `"elements":{"dtype":"I8"`),
			`tensor "elements": is I8 of shape [10], want U8`},
		"shape": {replace(`"shape":[10,3]`, `"shape":[3,10]`),
			`tensor "positions": is F32 of shape [3 10], want F32 of shape (atoms, 3)`},
		"splits": {func(b []byte) []byte { return []byte(strings.Replace(string(b), `[2,4]`, `[2,9]`, 1)) },
			"metadata splits: val is [2 9] of 4 molecules"},
		"backward": {replace(`[2,4]`, `[4,2]`), "metadata splits: val is [4 2] of 4 molecules"},
		"overlap":  {replace("[2,4]", "[1,4]"), "metadata splits: train and val share molecules"},
		"far": {func(b []byte) []byte { copy(b[header+40+12*3+4:], "\x00\x00\x80\x7e"); return b },
			`tensor "positions": molecule 2, atom 2: 8.507059e+37, want finite coordinates within 2e6 Å`},
	} {
		if _, err := openPacked(damaged(c.change)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if _, err := openPacked("gone.safetensors"); err == nil ||
		!strings.Contains(err.Error(), "gone.safetensors: open: no such file") {
		t.Errorf("%v", err)
	}
}
