//go:build rdkit && cgo

package dataset

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/trainer/source"
	"github.com/symdiff-go/symdiff/trainer/xtb"
)

// drugLike is a table of molecules with what drugs have, and of some that filters leave out.
const drugLike = "split\tsmiles\n" +
	"train\tCC(=O)Nc1ccc(O)cc1\nval\tCS(=O)(=O)c1ccccc1Cl\n" +
	"test\tBrc1ccsc1\ntrain\tCP(C)(C)=O\ntrain\tO=[N+]([O-])c1ccccc1\n" +
	"train\tC[NH3+]\ntrain\tCCO.O\ntrain\tC[Si](C)(C)C\nval\tCCCCCCCCCCCCCCCC\ntrain\tC1CC\ntrain\tCCI\n"

var drugElements = []molecule.Element{
	molecule.H, molecule.C, molecule.N, molecule.O, molecule.F, 15, 16, 17, 35, 53,
}

func drugJob(dir, list string) Job {
	return Job{Inputs: []string{list}, Out: filepath.Join(dir, "drugs.safetensors"), Elements: drugElements, MaxAtoms: 40,
		Neutral: true, Leave: true, Properties: []string{"charge"}, Command: "test",
		Reader: Reader{Source: source.Options{Conformers: 1, Threads: 2}}}
}

// A list becomes neutral molecules of one fragment and of the elements at hand; the
// reason is counted for each that does not.
func TestFiltersOfSMILES(t *testing.T) {
	j := drugJob(t.TempDir(), put(t, "drugs.tsv", drugLike))
	s, err := Prepare(context.Background(), j)
	if err != nil {
		t.Fatal(err)
	}
	why := map[string]int{"more than 40 atoms": 1, "an ion": 1, "element Si": 1, "more than one fragment": 1,
		"not a SMILES": 1}
	if s.Molecules != 6 || s.Left != 3 || s.Skipped != 2 || !maps.Equal(s.Why, why) {
		t.Errorf("%+v", s)
	}
	if !maps.Equal(s.Splits, map[string]int{"train": 4, "val": 1, "test": 1}) {
		t.Errorf("splits %v", s.Splits)
	}
	p, err := openPacked(j.Out)
	if err != nil {
		t.Fatal(err)
	}
	if charge := p.Properties["charge"]; len(charge) != 6 || slices.ContainsFunc(charge,
		func(q float32) bool { return q != 0 }) {
		t.Errorf("charges %v", charge)
	}
	if _, err := os.Stat(j.Out + ".embedded"); !os.IsNotExist(err) {
		t.Errorf("conformers are left behind: %v", err)
	}
}

// A run that ends anywhere is gone on with, and makes the bytes of one that was left
// alone: after a run that failed, and with the last block torn.
func TestPrepareGoesOn(t *testing.T) {
	list := put(t, "drugs.tsv", drugLike)
	whole := drugJob(t.TempDir(), list)
	if _, err := Prepare(context.Background(), whole); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(whole.Out)
	if err != nil {
		t.Fatal(err)
	}
	j := drugJob(t.TempDir(), list)
	j.Source.Threads = 1
	// An element that is an error ends the run after conformers were made; they stay.
	j.Leave, j.Elements = false, drugElements[:5]
	if _, err := Prepare(context.Background(), j); err == nil {
		t.Fatal("phosphorus is not among the elements")
	}
	kept := j.Out + ".embedded"
	full, err := os.ReadFile(kept)
	if err != nil {
		t.Fatal(err)
	}
	j.Leave, j.Elements, j.Source.Threads = true, drugElements, 2
	for _, cut := range []int{0, 1, 40} {
		if err := os.WriteFile(kept, full[:len(full)-cut], 0o666); err != nil {
			t.Fatal(err)
		}
		s, err := Prepare(context.Background(), j)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(j.Out)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes cut off: other bytes than those of one run, %v", cut, err)
		}
		if s.Earlier == 0 {
			t.Errorf("%d bytes cut off: nothing was taken from the run before", cut)
		}
	}
}

// Conformers of other options are not taken, and no other file is written over.
func TestPrepareRefusesOtherConformers(t *testing.T) {
	j := drugJob(t.TempDir(), put(t, "drugs.tsv", drugLike))
	j.Source.Tries = 3
	e, err := source.OpenEmbedded(j.Out+".embedded", j.Source)
	if err != nil {
		t.Fatal(err)
	}
	e.Close()
	for want, change := range map[string]func(*source.Options){
		"--seed":        func(o *source.Options) { o.Seed = 1 },
		"--tries":       func(o *source.Options) { o.Tries = 4 },
		"--conformers":  func(o *source.Options) { o.Conformers = 2 },
		"--embed-limit": func(o *source.Options) { o.Limit = time.Second },
	} {
		other := j
		change(&other.Source)
		if _, err := Prepare(context.Background(), other); err == nil ||
			!strings.Contains(err.Error(), "drugs.safetensors.embedded") ||
			!strings.Contains(err.Error(), want+" is") {
			t.Errorf("%s: %v", want, err)
		}
	}
	if err := os.WriteFile(j.Out+".embedded", []byte("notes of mine"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Prepare(context.Background(), j); err == nil || !strings.Contains(err.Error(), "no file of conformers") {
		t.Errorf("%v", err)
	}
	if b, _ := os.ReadFile(j.Out + ".embedded"); string(b) != "notes of mine" {
		t.Errorf("a file was written over: %q", b)
	}
}

// The last relaxation by GFN2-xTB moves the atoms, gives its own energies, and keeps the bonds.
// Without the program the error says so.
func TestPrepareByXTB(t *testing.T) {
	list := put(t, "few.smi", "CCO\nCS(C)(=O)=O\n[NH4+]\n")
	job := func(xtb bool) Job {
		j := drugJob(t.TempDir(), list)
		j.Neutral, j.Source.XTB, j.Properties = false, xtb, []string{"energy", "charge"}
		return j
	}
	without := job(true)
	t.Run("missing", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		if _, err := Prepare(context.Background(), without); !errors.Is(err, xtb.ErrMissing) {
			t.Errorf("error %v", err)
		}
	})
	if _, err := xtb.Find(); err != nil {
		t.Skip(err)
	}
	energies := func(j Job) []float32 {
		s, err := Prepare(context.Background(), j)
		if err != nil || s.Molecules != 3 {
			t.Fatalf("%+v, %v", s, err)
		}
		p, err := openPacked(j.Out)
		if err != nil {
			t.Fatal(err)
		}
		return p.Properties["energy"]
	}
	plain, relaxed := energies(job(false)), energies(job(true))
	for i, e := range relaxed {
		if e > -1000 || plain[i] < -1000 { // of all electrons, and of a force field
			t.Errorf("molecule %d: energies %g of GFN2-xTB, %g of MMFF94s", i, e, plain[i])
		}
	}
}
