package dataset

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestValues(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.xyz")
	text := "1\ngap=0.5 split=train\nH 0 0 0\n1\nsplit=train\nH 0 0 0\n1\ngap=-2 split=val\nH 0 0 0\n1\nmu=x " +
		"split=val\nH 0 0 0\n"
	if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	v, err := Values([]string{path + "@split=val", path}, "gap", 5)
	if err != nil || len(v) != 5 || v[0] != -2 || !math.IsNaN(float64(v[1])) || v[2] != 0.5 ||
		!math.IsNaN(float64(v[3])) || v[4] != -2 {
		t.Errorf("%v, %v", v, err)
	}
	for property, want := range map[string]string{"homo": "no molecule has", "mu": "molecule 4"} {
		if _, err := Values([]string{path}, property, 0); err == nil || !strings.Contains(err.Error(), want) ||
			!strings.Contains(err.Error(), "a.xyz") {
			t.Errorf("%s: %v", property, err)
		}
	}
}
