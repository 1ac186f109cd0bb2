package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/trainer/evaluation"
)

func TestCompare(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good, bad := file("a.xyz", methane+methane), file("b.xyz", methane+"2\n\nH 0 0 0\nH 0 0 9\n")
	saved := file("c.json", succeeds(t, "evaluate", good, "--json"))
	page := filepath.Join(dir, "page.html")
	out := succeeds(t, "compare", "two="+good+","+bad, bad, "saved="+saved, "--train", good, "--html", page, "--markdown")
	for _, want := range []string{"| two | ", "75.00 ± 35.36", "| b | ", "| saved | 100.00 (",
		"| novel among unique % |"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	var c evaluation.Comparison
	if err := json.Unmarshal([]byte(succeeds(t, "compare", "two="+good+","+bad, "--json")), &c); err != nil {
		t.Fatal(err)
	}
	// Of the molecules, 1 and 1/2 are stable: mean 0.75, standard deviation 0.3536.
	if e := c.Entries[0]; len(e.Runs) != 2 || e.Mean["stable_molecules"] != 0.75 ||
		e.Std["stable_molecules"] < 0.3535 || e.Std["stable_molecules"] > 0.3536 {
		t.Errorf("%+v", e)
	}
	if html, err := os.ReadFile(page); err != nil || strings.Count(string(html), "<svg") < 8 {
		t.Errorf("page: %v, %d charts", err, strings.Count(string(html), "<svg"))
	}
	tiny := tinyModel(t)
	out = succeeds(t, "compare", "tiny="+tiny, "--n", "3", "--seeds", "2", "--steps", "2", "--nll", good)
	if !strings.Contains(out, "NLL") || !strings.Contains(out, " ± ") || !strings.Contains(out, "tiny") {
		t.Error(out)
	}
	fails(t, 2, "an argument is missing, want symdiff compare", "compare")
	fails(t, 2, "want [NAME=]FILE", "compare", "a=")
	fails(t, 1, "not an evaluation", "compare", file("d.json", "{}"))
	fails(t, 1, "not an evaluation", "compare", file("e.json", "["))
	fails(t, 1, "gone.xyz", "compare", "gone.xyz")
	fails(t, 2, "--seeds 0", "compare", good, "--seeds", "0")
}

// A name may have a comma, a point or spaces; the = of a filter and of a folder is not that of a name.
func TestCompareNames(t *testing.T) {
	for arg, want := range map[string][]string{
		"QM9, test molecules=a.xyz,b.xyz": {"QM9, test molecules", "a.xyz", "b.xyz"},
		"v1.2=a.xyz":                      {"v1.2", "a.xyz"},
		"a.xyz@split=test":                {"a", "a.xyz@split=test"},
		"a.xyz,b.xyz@split=test":          {"a", "a.xyz", "b.xyz@split=test"},
		"lr=1e-3/a.xyz":                   {"lr", "1e-3/a.xyz"},
		"runs/lr=1e-3/a.xyz":              {"a", "runs/lr=1e-3/a.xyz"},
	} {
		name, files, err := entryOf(arg)
		if got := append([]string{name}, files...); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v, want %q", arg, got, err, want)
		}
	}
}
