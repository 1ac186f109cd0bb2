package cli

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/trainer/dataset"
	"github.com/symdiff-go/symdiff/trainer/evaluation"
	"github.com/symdiff-go/symdiff/trainer/rdkit"
	"github.com/symdiff-go/symdiff/trainer/source"
)

// From raw files to a packed data set, and what reads it.
func TestData(t *testing.T) {
	dir := t.TempDir()
	raw := writeFile(t, "raw.xyz", methane+strings.Replace(methane, "C 0", "Q 0", 1)+methane+methane)
	out := filepath.Join(dir, "set.safetensors")
	code, stdout, stderr := runCommand("", "data", "prepare", raw, "--out", out, "--split", "0.5,0.5", "--json")
	var s dataset.Summary
	if err := json.Unmarshal([]byte(stdout), &s); err != nil || code != 0 {
		t.Fatalf("code %d, %v: %s %s", code, err, stdout, stderr)
	}
	if s.Molecules != 3 || s.Skipped != 1 || !strings.Contains(stderr,
		"skipped: "+raw+":10: molecule 2: unknown element") {
		t.Errorf("%+v, %s", s, stderr)
	}
	var e evaluation.Statistics
	if err := json.Unmarshal([]byte(succeeds(t, "data", "stats", out, "--json", "--html",
		filepath.Join(dir, "p.html"))), &e); err != nil {
		t.Fatal(err)
	}
	if e.Molecules != 3 || e.Sizes[5] != 3 || e.Elements["H"] != 12 || e.StableMolecules.Value != 1 ||
		e.Bonds[0].Name != "C-H" || e.Bonds[0].Count != 12 {
		t.Errorf("%+v", e)
	}
	if out := succeeds(t, "nll", "--model", tinyModel(t), "--data", out, "--limit", "2"); !strings.Contains(out,
		"2 molecules of") {
		t.Error(out)
	}
	fails(t, 1, "no molecules with a=b", "data", "stats", writeFile(t, "a.xyz", methane)+"@a=b")
}

// What a command reads is never replaced by what it writes.
func TestOutputIsNoInput(t *testing.T) {
	dir := t.TempDir()
	own, link := filepath.Join(dir, "own.xyz"), filepath.Join(dir, "link.xyz")
	if err := os.WriteFile(own, []byte(methane), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("own.xyz", link); err != nil {
		t.Fatal(err)
	}
	tiny := tinyModel(t)
	for _, args := range [][]string{
		{"data", "stats", own + "@split=a", "--html", own},
		{"data", "bonds", link, "--html", own},
		{"evaluate", own, "--html", own},
		{"evaluate", tiny, "--train", own, "--html", own},
		{"compare", "a=" + tiny + "," + own, "--html", own},
		{"nll", "--model", tiny, "--data", "x," + own, "--html", own},
		{"sample", "--model", tiny, "--from", own, "--out", own},
		{"sample", "--model", tiny, "--from", own, "--out", link},
	} {
		fails(t, exitUsage, ": would replace ", args...)
	}
	fails(t, exitUsage, "--out: would replace "+tiny, "export", tiny, "--out", tiny)
	if text, err := os.ReadFile(own); err != nil || string(text) != methane {
		t.Errorf("it holds %.40q, %v", text, err)
	}
	other := writeFile(t, "page.html", "old")
	succeeds(t, "evaluate", own, "--html", other)
}

func TestDataFailures(t *testing.T) {
	raw, out := writeFile(t, "raw.xyz", methane), filepath.Join(t.TempDir(), "x.safetensors")
	fails(t, 2, "want a name that ends in .safetensors", "data", "prepare", raw)
	fails(t, 2, `"Xx" is not an element`, "data", "prepare", raw, "--out", out, "--elements", "Xx")
	fails(t, 1, "element C is not among the model's [H]", "data", "prepare", raw, "--out", out, "--elements", "H")
	fails(t, 1, "0 molecules are excluded, want 3054", "data", "prepare", raw, "--out", out, "--split", "qm9")
	fails(t, 1, "b.xyz:3: molecule 1: unknown element", "data", "prepare",
		writeFile(t, "b.xyz", strings.Replace(methane, "C 0", "Q 0", 1)), "--out", out, "--strict")
	if code, _, stderr := runCommand("", "data", "prepare", writeFile(t, "b.xyz",
		strings.Replace(methane, "C 0", "Q 0", 1)), "--out", out); code != 1 ||
		!strings.Contains(stderr, ": no molecules to write: ") {
		t.Errorf("nothing but corrupt records: %d, %s", code, stderr)
	}
	if !rdkit.Available {
		fails(t, 1, "built without RDKit", "data", "prepare", writeFile(t, "a.smi", "CCO\n"), "--out", out)
	}
	fails(t, 1, "gone.txt: no such file", "data", "prepare", raw, "--out", out, "--exclude", "gone.txt")
	fails(t, 2, "unknown command", "data", "prepair")
	fails(t, 2, `"qm8": want qm9`, "data", "download", "qm8")
	if _, err := os.Stat(out); err == nil {
		t.Error("a failure left a file")
	}
}

// The mirror is asked first, by the published names; what it has is not QM9.
func TestDataDownload(t *testing.T) {
	var asked []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		http.NotFound(w, r)
	}))
	defer s.Close()
	before := source.QM9
	defer func() { source.QM9 = before }()
	// no other place: tests stay on this machine
	source.QM9 = []source.Published{{Name: before[0].Name, Size: before[0].Size, MD5: before[0].MD5}}
	fails1 := func() string {
		code, _, stderr := runCommand("", "data", "download", "qm9", "--dir", t.TempDir(), "--mirror", s.URL+"/")
		if code != 1 {
			t.Errorf("code %d", code)
		}
		return stderr
	}
	if stderr := fails1(); !strings.Contains(stderr, "404") || len(asked) != 1 || asked[0] != "/dsgdb9nsd.xyz.tar.bz2" {
		t.Errorf("%s, asked for %v", stderr, asked)
	}
}
