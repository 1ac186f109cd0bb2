package dataset

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	saturatedXYZ = "5\n%s\nC 0 0 0\nH 0.629 0.629 0.629\nH -0.629 -0.629 0.629\nH -0.629 0.629 -0.629\nH 0.629 " +
		"-0.629 -0.629\n"
	doubleXYZ = "6\n%s\nC 0 0 0.665\nC 0 0 -0.665\nH 0 0.922 1.237\nH 0 -0.922 1.237\nH 0 0.922 -1.237\nH 0 " +
		"-0.922 -1.237\n"
	ammoniaXYZ  = "4\n%s\nN 0 0 0\nH 0.94 0 -0.38\nH -0.47 0.81 -0.38\nH -0.47 -0.81 -0.38\n"
	waterXYZ    = "3\n%s\nO 0 0 0\nH 0.76 0.59 0\nH -0.76 0.59 0\n"
	carbonylXYZ = "4\n%s\nC 0 0 0\nO 0 0 1.21\nH 0 0.94 -0.587\nH 0 -0.94 -0.587\n"
	tripleXYZ   = "4\n%s\nC 0 0 0.6\nC 0 0 -0.6\nH 0 0 1.66\nH 0 0 -1.66\n"
	furanXYZ    = "9\n%s\nO 0 0 1.1564\nC 1.0936 0 0.3478\nC -1.0936 0 0.3478\nC 0.7138 0 -0.9602\nC -0.7138 " +
		"0 -0.9602\nH 2.0504 0 0.8507\nH -2.0504 0 0.8507\nH 1.3765 0 -1.8142\nH -1.3765 0 -1.8142\n"
	// C4H4O, too
	trienolXYZ = "9\n%s\nC 0 0 0\nC 0 0 1.32\nC 0 0 2.6\nC 0 0 3.92\nO 1.153 0 4.641\nH 0.927 0 -0.55\nH " +
		"-0.927 0 -0.55\nH -0.927 0 4.48\nH 1.888 0 4.024\n"
	alleneXYZ = "7\n%s\nC 0 0 0\nC 0 0 1.31\nC 0 0 -1.31\nH 0 0.927 1.86\nH 0 -0.927 1.86\nH 0.927 0 " +
		"-1.86\nH -0.927 0 -1.86\n"
	unstableXYZ = "4\n%s\nC 0 0 0\nH 1.08 0 0\nH -0.54 0.935 0\nH -0.54 -0.935 0\n" // not stable
)

// writer gives a folder, and what writes a file of molecules into it.
func writer(t *testing.T) (dir string, file func(name string, molecules ...string) string) {
	dir = t.TempDir()
	return dir, func(name string, molecules ...string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(strings.Join(molecules, ""), "%s", "x=1")),
			0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
}

// Of the data, three molecules in four have a double bond, C=C as often as C=O; of the model's own
// molecules one in three.
func TestBalance(t *testing.T) {
	dir, file := writer(t)
	data := file("data.xyz", saturatedXYZ, saturatedXYZ, doubleXYZ, doubleXYZ, doubleXYZ, carbonylXYZ, carbonylXYZ,
		carbonylXYZ)
	own := file("own.xyz", slices.Concat(slices.Repeat([]string{saturatedXYZ}, 20),
		slices.Repeat([]string{ammoniaXYZ, doubleXYZ}, 3),
		slices.Repeat([]string{waterXYZ, carbonylXYZ}, 2), slices.Repeat([]string{unstableXYZ}, 5), []string{tripleXYZ})...)
	for _, c := range []struct {
		n, saturated, double, missing, often int
		// a quarter, and two times three eighths, rounded
	}{{4, 1, 2, 2, 3}, {3, 1, 2, 0, 3}, {12, 3, 2, 8, 2}} {
		b, err := Balance([]string{own}, data, Choice{N: c.n, MinCount: c.often, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		var saturated, double int
		seen := map[string]bool{}
		for _, m := range b.Molecules {
			f := m.Formula()
			if seen[f] {
				t.Errorf("n = %d: %s was chosen twice", c.n, f)
			}
			seen[f] = true
			switch f {
			case "CH4", "H3N", "H2O":
				saturated++
			case "C2H4", "CH2O":
				double++
			default:
				t.Errorf("n = %d: %s was chosen", c.n, f)
			}
		}
		if saturated != c.saturated || double != c.double || b.Missing != c.missing || b.Read != 36 || b.Plausible != 6 ||
			b.Patterns != 3 {
			t.Errorf("of %d molecules %d are saturated and %d have a double bond: %d read, %d plausible, %d patterns, %d "+
				"missing; want %+v",
				c.n, saturated, double, b.Read, b.Plausible, b.Patterns, b.Missing, c)
		}
		repeated := map[string]int{}
		for _, m := range b.Duplicates {
			repeated[m.Formula()]++
		}
		want := map[string]int{"CH4": 20, "H3N": 3, "C2H4": 3}
		if c.often == 2 {
			want["H2O"], want["CH2O"] = 2, 2
		}
		if !maps.Equal(repeated, want) {
			t.Errorf("repeated are %v, want %v", repeated, want)
		}
	}
	// the data have methane, ethene and formaldehyde; n = 3 did not ask
	for _, n := range []int{3, 4} {
		b, err := Balance([]string{own}, data, Choice{N: n, MinCount: 3, Seed: 1, Memorised: n > 3})
		if err != nil {
			t.Fatal(err)
		}
		known, want := map[string]int{}, map[string]int{}
		for _, m := range b.Memorised {
			known[m.Formula()]++
		}
		if n > 3 {
			want = map[string]int{"CH4": 20, "C2H4": 3, "CH2O": 2}
		}
		if !maps.Equal(known, want) {
			t.Errorf("n = %d: known are %v, want %v", n, known, want)
		}
	}
	for want, names := range map[string][2]string{
		"no plausible molecule with the bonds of": {file("unstable.xyz", unstableXYZ), data},
		"none.xyz": {own, filepath.Join(dir, "none.xyz")},
		"cut.xyz":  {file("cut.xyz", saturatedXYZ[:30]), data},
	} {
		if _, err := Balance(names[:1], names[1], Choice{N: 8, MinCount: 3, Seed: 1}); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", want, err)
		}
	}
}

// Furan has two C=C, as allene has and, of the same formula, butatrienol, whose third does not
// count; ethene has one.
func TestPairs(t *testing.T) {
	dir, file := writer(t)
	for _, c := range []struct{ furans, same, pairs, alone int }{{1, 1, 1, 0}, {4, 3, 4, 0}, {8, 3, 6, 2}} {
		a := file("a.xyz", slices.Concat(slices.Repeat([]string{furanXYZ}, c.furans),
			[]string{trienolXYZ, unstableXYZ, doubleXYZ})...)
		p, err := Pairs([]string{a, file("b.xyz", alleneXYZ)}, 1)
		if err != nil {
			t.Fatal(err)
		}
		if p.SameFormula != c.same || len(p.Aromatic) != c.pairs || len(p.Others) != c.pairs || p.Alone != c.alone {
			t.Errorf("%d pairs, %d and %d molecules, %d alone; want %+v", p.SameFormula, len(p.Aromatic), len(p.Others),
				p.Alone, c)
		}
		for i, m := range p.Aromatic {
			want := "C4H4O"
			if i >= c.same {
				want = "C3H4"
			}
			if o := p.Others[i]; m.Formula() != "C4H4O" || len(m.Geometry().Rings) != 1 || o.Formula() != want ||
				len(o.Geometry().Rings) != 0 {
				t.Errorf("of %d furans, pair %d: %s and %s", c.furans, i, m.Formula(), o.Formula())
			}
		}
	}
	for want, names := range map[string][]string{
		"no aromatic molecule, or no other": {file("lonely.xyz", furanXYZ, doubleXYZ)},
		"none.xyz":                          {filepath.Join(dir, "none.xyz")},
	} {
		if _, err := Pairs(names, 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", want, err)
		}
	}
}
