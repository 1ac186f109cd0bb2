package dataset

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/molecule"
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
		n, saturated, double, missing int
		// a quarter, and two times three eighths, rounded
	}{{4, 1, 2, 2}, {3, 1, 2, 0}, {12, 3, 2, 8}} {
		b, err := Balance([]string{own}, data, c.n, 1)
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
	}
	for want, names := range map[string][2]string{
		"no plausible molecule with the bonds of": {file("unstable.xyz", unstableXYZ), data},
		"none.xyz": {own, filepath.Join(dir, "none.xyz")},
		"cut.xyz":  {file("cut.xyz", saturatedXYZ[:30]), data},
	} {
		if _, err := Balance(names[:1], names[1], 8, 1); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", want, err)
		}
	}
}

// One double bond, two of a kind, and none are patterns of their own; more than two are two.
func TestPatternsCountToTwo(t *testing.T) {
	carbonyls := func(n int) string {
		m := &molecule.Molecule{}
		for i := range n {
			m.Elements = append(m.Elements, molecule.C, molecule.O)
			m.Positions = append(m.Positions, [3]float64{9 * float64(i)}, [3]float64{9 * float64(i), 1.2})
		}
		return patternOf(m)
	}
	if carbonyls(0) == carbonyls(1) || carbonyls(1) == carbonyls(2) || carbonyls(2) != carbonyls(3) {
		t.Errorf("%q, %q, %q, %q", carbonyls(0), carbonyls(1), carbonyls(2), carbonyls(3))
	}
}
