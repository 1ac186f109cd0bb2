//go:build torch && rdkit

package cli

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/symdiff-go/symdiff/trainer/evaluation"
)

// The recipe of drug-like molecules runs from the list of SMILES to an evaluation, in small.
func TestDrugsRecipe(t *testing.T) {
	t.Chdir(t.TempDir())
	writeDrugs(t)
	code, _, stderr := runCommand("", "run", "drugs", "--out", "out", "--set", "smiles=geomdrugs_smiles.tsv.gz",
		"--set", "steps=6", "--set", "samples=4", "--set", "positives=4", "--set", "tuning=3", "--set", "molecules=3")
	if code != 0 {
		t.Fatalf("code %d, %s", code, stderr)
	}
	var found evaluation.Comparison
	b, err := os.ReadFile("out/evaluation.json")
	if err == nil {
		err = json.Unmarshal(b, &found)
	}
	if err != nil || len(found.Entries) != 3 || len(found.Entries[0].Runs) != 3 {
		t.Errorf("%d entries, %v", len(found.Entries), err)
	}
}
