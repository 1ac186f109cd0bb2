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

func TestDataBalance(t *testing.T) {
	dir := t.TempDir()
	own := writeFile(t, "own.xyz", strings.Repeat(methane, 3)+strings.Repeat(ammonia, 2))
	out, repeated := filepath.Join(dir, "good.xyz.gz"), filepath.Join(dir, "repeated.xyz")
	said := succeeds(t, "data", "balance", own, "--reference", own, "--n", "3", "--out", out, "--duplicates", repeated)
	if want := out + ": 2 of 2 different plausible molecules (5 read), 1 patterns of " + own +
		", 1 molecules short\n" + repeated + ": 3 molecules, each 3 times or more\n"; said != want {
		t.Errorf("it says %q, want %q", said, want)
	}
	twice := filepath.Join(dir, "twice.xyz")
	if said = succeeds(t, "data", "balance", own, "--reference", own, "--out", out, "--duplicates", twice, "--min-count",
		"2"); !strings.Contains(said, twice+": 5 molecules, each 2 times or more\n") {
		t.Errorf("it says %q", said)
	}
	known := filepath.Join(dir, "known.xyz")
	said = succeeds(t, "data", "balance", own, "--reference", writeFile(t, "data.xyz", ammonia), "--out", out,
		"--memorised", known)
	if !strings.Contains(said, known+": 2 molecules, all of them in ") {
		t.Errorf("it says %q", said)
	}
	if s := succeeds(t, "data", "stats", known); !strings.Contains(s, "2 molecules") || strings.Contains(s, "C-H") {
		t.Error(s)
	}
	fails(t, 2, "--duplicates and --memorised are the same file", "data", "balance", own, "--reference", own, "--out", out,
		"--duplicates", "r.xyz", "--memorised", "r.xyz")
	succeeds(t, "data", "balance", own, "--reference", own, "--n", "3", "--out", out)
	if s := succeeds(t, "evaluate", out); !strings.Contains(s, "2 molecules") {
		t.Error(s)
	}
	if s := succeeds(t, "data", "stats", repeated); !strings.Contains(s, "3 molecules") || strings.Contains(s, "N-H") {
		t.Error(s)
	}
	fails(t, 2, `"reference" not set`, "data", "balance", own, "--out", out)
	fails(t, 2, "--count 0: want 1 or more", "data", "balance", own, "--reference", own, "-n", "0", "--out", out)
	fails(t, 2, "--min-count 1: want 2 or more", "data", "balance", own, "--reference", own, "--min-count",
		"1", "--out", out)
	fails(t, 2, `--out "good.pdb": want a name that ends in .xyz`, "data", "balance", own, "--reference", own, "--out",
		"good.pdb")
	fails(t, 2, `--duplicates "r.pdb": want a name that ends in .xyz`, "data", "balance", own, "--reference", own,
		"--out", out, "--duplicates", "r.pdb")
	fails(t, 2, "the same file", "data", "balance", own, "--reference", own, "--out", out, "--duplicates", out)
	fails(t, 1, "none.xyz", "data", "balance", own, "--reference", "none.xyz", "--out", out)
	fails(t, 1, "no plausible molecule", "data", "balance", writeFile(t, "unstable.xyz",
		strings.Replace(methane, "C 0", "N 0", 1)), "--reference", own, "--out", out)
}

// Furan and allene have two C=C each.
func TestDataAromatic(t *testing.T) {
	const (
		furan = "9\n\nO 0 0 1.1564\nC 1.0936 0 0.3478\nC -1.0936 0 0.3478\nC 0.7138 0 -0.9602\nC -0.7138 0 " +
			"-0.9602\nH 2.0504 0 0.8507\nH -2.0504 0 0.8507\nH 1.3765 0 -1.8142\nH -1.3765 0 -1.8142\n"
		allene = "7\n\nC 0 0 0\nC 0 0 1.31\nC 0 0 -1.31\nH 0 0.927 1.86\nH 0 -0.927 1.86\nH 0.927 0 -1.86\nH -0.927 0 -1.86\n"
	)
	dir := t.TempDir()
	data := writeFile(t, "data.xyz", furan+allene+methane)
	out, others := filepath.Join(dir, "aromatic.xyz"), filepath.Join(dir, "others.xyz")
	said := succeeds(t, "data", "aromatic", data, "--out", out, "--others", others)
	if want := out + ", " + others + ": 1 pairs, 0 of one formula; 0 aromatic molecules have no partner\n"; said != want {
		t.Errorf("it says %q, want %q", said, want)
	}
	for file, atoms := range map[string]string{out: "9\n", others: "7\n"} {
		text, err := os.ReadFile(file)
		if err != nil || !strings.HasPrefix(string(text), atoms) {
			t.Errorf("%s holds %q, %v", file, text, err)
		}
	}
	fails(t, 2, `"others" not set`, "data", "aromatic", data, "--out", out)
	fails(t, 2, `--others "o.pdb": want a name that ends in .xyz`, "data", "aromatic", data, "--out", out,
		"--others", "o.pdb")
	fails(t, 2, "the same file", "data", "aromatic", data, "--out", out, "--others", out)
	fails(t, 1, "none.xyz", "data", "aromatic", "none.xyz", "--out", out, "--others", others)
	fails(t, 1, "no aromatic molecule", "data", "aromatic", writeFile(t, "m.xyz", methane), "--out", out,
		"--others", others)
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
