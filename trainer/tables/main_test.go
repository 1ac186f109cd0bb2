package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const twoRuns = `[{"method":"ddim","steps":100,"molecules":1000,"stable_atoms":0.973,"stable_molecules":0.812,"valid":0.921,
"unique_among_valid":0.999,"connected":0.973},
{"method":"dpm++2m-sde","steps":40,"start":600,"free_types":true,"molecules":200,"stable_atoms":1,"stable_molecules":0.5,"valid":0.25,
"unique_among_valid":1,"connected":1}]`

func TestTablesAreWrittenBetweenTheirMarks(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("m.json", []byte(twoRuns), 0o666); err != nil {
		t.Fatal(err)
	}
	before := "# Card\n\n<!-- table samplers m.json -->\nstale\n<!-- /table -->\n\nThe end.\n"
	if err := os.WriteFile("card.md", []byte(before), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := run(true, []string{"card.md"}); err == nil || !strings.Contains(err.Error(), "card.md") {
		t.Errorf("-check of a stale table: %v", err)
	}
	if text, _ := os.ReadFile("card.md"); string(text) != before {
		t.Error("-check changed the file")
	}
	if err := run(false, []string{"card.md"}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("card.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| ddim | 101 | 1,000 | 97.3 | 81.2 | 92.1 | 99.9 | 97.3 |\n",
		"| dpm++2m-sde from t = 600, `--joint` | 41 | 200 | 100.0 | 50.0 | 25.0 | 100.0 | 100.0 |\n",
		"# Card\n\n<!-- table samplers m.json -->\n| sampler |", "<!-- /table -->\n\nThe end.\n",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if err := run(true, []string{"card.md"}); err != nil {
		t.Errorf("a fresh table is stale: %v", err)
	}
}

func TestFaultsOfTablesNameTheFile(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{"bad.json": "{", "none.json": "[]", "source.json": `[{"name":"EDM"}]`} {
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for mark, want := range map[string]string{
		"samplers bad.json":   "bad.json",
		"samplers none.json":  "none.json",
		"samplers absent.txt": "absent.txt",
		"samplers":            "want one file",
		"nothing bad.json":    "no such kind",
	} {
		file := filepath.Join(t.TempDir(), "a.md")
		if err := os.WriteFile(file, []byte("<!-- table "+mark+" -->\n<!-- /table -->\n"), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := run(true, []string{file}); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "a.md") {
			t.Errorf("%s: %v, want %q", mark, err, want)
		}
	}
	if _, err := fill("<!-- table samplers m.json -->\n| a |\n"); err == nil {
		t.Error("a mark that is not closed passes")
	}
}
