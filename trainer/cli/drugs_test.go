//go:build rdkit && cgo

package cli

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/trainer/dataset"
)

// writeDrugs writes a small table as that of GEOM-Drugs is, into the folder at hand.
func writeDrugs(t *testing.T) {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, err := z.Write([]byte("split\tsmiles\ntrain\tCC(=O)Nc1ccc(O)cc1\nval\tCS(=O)(=O)c1ccccc1Cl\n" +
		"test\tBrc1ccsc1\ntrain\tC[NH3+]\ntrain\tC[Si](C)(C)C\ntrain\tCCCCCCCCCCCCCCCCCCCC\n"))
	if err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("geomdrugs_smiles.tsv.gz", b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
}

// The commands of the README lead from the table of GEOM-Drugs to a packed data set
// that states what is not in it, and why.
func TestSMILESOfDrugs(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	writeDrugs(t)
	joined := regexp.MustCompile(`\\\n\s*`).ReplaceAllString(string(text), "")
	_, section, ok := strings.Cut(joined, "### Drug-like molecules\n")
	section, _, _ = strings.Cut(section, "\n## ")
	commands := regexp.MustCompile(`(?m)^    build/symdiff (.*)$`).FindAllStringSubmatch(section, -1)
	if !ok || len(commands) != 3 {
		t.Fatalf("%d commands in the README, want 3", len(commands))
	}
	code, stdout, stderr := runCommand("", append(strings.Fields(commands[0][1]), "--json")...)
	var s dataset.Summary
	if err := json.Unmarshal([]byte(stdout), &s); code != 0 || err != nil {
		t.Fatalf("code %d, %v: %s", code, err, stderr)
	}
	if s.Molecules != 3 || s.Left != 3 || s.Why["an ion"] != 1 || s.Why["element Si"] != 1 ||
		s.Why["more than 60 atoms"] != 1 {
		t.Errorf("%+v", s)
	}
	code, stdout, stderr = runCommand("", strings.Fields(commands[1][1])...)
	if code != 0 || !strings.Contains(stdout, "Cl") {
		t.Errorf("code %d, %s%s", code, stdout, stderr)
	}
	code, stdout, stderr = runCommand("", strings.Fields(commands[2][1])...)
	if code != 0 || !regexp.MustCompile(`same graph as the SMILES +100\.00 .* 6 +6\n`).MatchString(stdout) {
		t.Errorf("code %d, %s%s", code, stdout, stderr)
	}
	_, stdout, _ = runCommand("", "data", "prepare", "geomdrugs_smiles.tsv.gz", "--leave-others", "--out", "x.safetensors")
	if stdout != "" {
		t.Errorf("--leave-others without --elements: %s", stdout)
	}
}
