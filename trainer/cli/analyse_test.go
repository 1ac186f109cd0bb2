package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAnalyseGamma(t *testing.T) {
	tiny, data, page := tinyModel(t), writeFile(t, "a.xyz", methane+methane+methane), filepath.Join(t.TempDir(), "g.html")
	args := []string{"analyse", "gamma", "--model", tiny, "--data", data, "--molecules", "2", "--draws", "4",
		"--times", "0.1,0.9"}
	var r gammaReport
	if err := json.Unmarshal([]byte(succeeds(t, append(args, "--json", "--html", page)...)), &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Rows) != 6 || r.Molecules != 2 || r.Rows[0].Kernel != "learned" || r.Rows[5].Kernel != "none" ||
		r.Rows[5].T != 0.9 {
		t.Fatalf("%+v", r)
	}
	for _, g := range r.Rows {
		if equivariant := g.Coupling < 1e-3; equivariant != (g.Kernel != "none") {
			t.Errorf("%s at %v: coupling %v", g.Kernel, g.T, g.Coupling)
		}
	}
	if html, err := os.ReadFile(page); err != nil || strings.Count(string(html), "<svg") != 7 {
		t.Errorf("page: %v", err)
	}
	if out := succeeds(t, append(args, "--gamma", "haar")...); !strings.Contains(out, "haar 0.1") ||
		strings.Contains(out, "learned 0.1") {
		t.Error(out)
	}
	fails(t, 2, "--data: no file", "analyse", "gamma")
	fails(t, 2, "--times [2]", "analyse", "gamma", "--data", data, "--times", "2")
	fails(t, 1, `unknown kind "polar"`, "analyse", "gamma", "--data", data, "--gamma", "polar")
	fails(t, 1, "element S is not among", "analyse", "gamma", "--model", tiny, "--data",
		writeFile(t, "s.xyz", "1\n\nS 0 0 0\n"+methane))
}
