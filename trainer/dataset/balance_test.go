package dataset

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	saturatedXYZ = "5\n%s\nC 0 0 0\nH 0.629 0.629 0.629\nH -0.629 -0.629 0.629\nH -0.629 0.629 -0.629\nH 0.629 -0.629 -0.629\n"
	doubleXYZ    = "6\n%s\nC 0 0 0.665\nC 0 0 -0.665\nH 0 0.922 1.237\nH 0 -0.922 1.237\nH 0 0.922 -1.237\nH 0 -0.922 -1.237\n"
	tripleXYZ    = "4\n%s\nC 0 0 0.6\nC 0 0 -0.6\nH 0 0 1.66\nH 0 0 -1.66\n"
	brokenXYZ    = "4\n%s\nC 0 0 0\nH 1.08 0 0\nH -0.54 0.935 0\nH -0.54 -0.935 0\n" // not stable
)

// The data have three double bonds in four molecules; of the model's own molecules most have none.
func TestBalance(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, molecules ...string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(strings.Join(molecules, ""), "%s", "x=1")), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	data := file("data.xyz", saturatedXYZ, doubleXYZ, doubleXYZ, doubleXYZ)
	own := file("own.xyz", slices.Concat(slices.Repeat([]string{saturatedXYZ}, 20), slices.Repeat([]string{doubleXYZ}, 7), slices.Repeat([]string{brokenXYZ}, 5), []string{tripleXYZ})...)
	count := func(n int) (saturated, double int, b *Balanced) {
		t.Helper()
		b, err := Balance([]string{own}, data, n, 1)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range b.Molecules {
			switch f := m.Formula(); f {
			case "CH4":
				saturated++
			case "C2H4":
				double++
			default:
				t.Errorf("%s was chosen", f)
			}
		}
		return saturated, double, b
	}
	if s, d, b := count(8); s != 2 || d != 6 || b.Missing != 0 || b.Read != 33 || b.Sound != 28 || b.Patterns != 2 {
		t.Errorf("of 8 molecules %d are saturated and %d have a double bond: %+v", s, d, b)
	}
	if s, d, b := count(16); s != 4 || d != 7 || b.Missing != 5 {
		t.Errorf("of 16 molecules %d are saturated and %d have a double bond, %d are missing; want 4, 7, 5", s, d, b.Missing)
	}
	for want, names := range map[string][2]string{
		"no sound molecule with the bonds of": {file("broken.xyz", brokenXYZ), data},
		"none.xyz":                            {own, filepath.Join(dir, "none.xyz")},
		"cut.xyz":                             {file("cut.xyz", saturatedXYZ[:30]), data},
	} {
		if _, err := Balance(names[:1], names[1], 8, 1); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", want, err)
		}
	}
}
