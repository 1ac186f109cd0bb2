package evaluation

import (
	"bytes"
	"os/exec"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/trainer/rdkit"
)

func lewisCases(t *testing.T) (all []*molecule.Molecule) {
	t.Helper()
	for m, err := range molecule.Open("../../core/molecule/testdata/lewis.sdf") {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

// Drug-like molecules are judged by today's protocol too, and the data's share stands beside each.
func TestRevisited(t *testing.T) {
	all := lewisCases(t)
	named := map[string]*molecule.Molecule{}
	for _, m := range all {
		name, _ := m.Property("title")
		named[name] = m
	}
	set := []*molecule.Molecule{named["aspirin"], named["sulfonamide"], named["nitrobenzene"], named["betaine"],
		named["acetate"], named["methyl radical"], named["thiophene"], named["water"]}
	e := evaluate(t, set, Options{Reference: list(all), RefName: "data", RDKit: rdkit.Available})
	v := e.Revisited
	if v == nil || v.Floor == nil {
		t.Fatalf("%+v", e)
	}
	for _, c := range []struct {
		name     string
		share    Share
		count, n int
	}{
		{"stable molecules", v.StableMolecules, 7, 8}, {"connected", v.Connected, 8, 8}, {"both", v.StableConnected, 7, 8},
		{"no radicals", v.NoRadicals, 7, 8}, {"lengths", v.BondLengths, 8, 8}, {"angles", v.BondAngles, 8, 8},
		{"rings", v.AromaticFlat, 8, 8}, {"double bonds", v.DoubleBondFlat, 8, 8}, {"clashes", v.NoClash, 8, 8},
		{"PoseBusters", v.PoseBusters, 7, 8}, {"the data, stable", v.Floor.StableMolecules, 94, len(all)},
		{"the data, PoseBusters", v.Floor.PoseBusters, 101, len(all)},
		{"the data, connected", v.Floor.Connected, len(all), len(all)},
	} {
		if c.share.Count != c.count || c.share.Of != c.n {
			t.Errorf("%s: %d of %d, want %d of %d", c.name, c.share.Count, c.share.Of, c.count, c.n)
		}
	}
	if atoms := v.StableAtoms; atoms.Of-atoms.Count != 1 {
		t.Errorf("stable atoms %+v, want all but the carbon of methyl", atoms)
	}
	if rdkit.Available && (v.Valid == nil || v.Valid.Count != 8 || v.ValidConnected.Count != 8) {
		t.Errorf("valid by RDKit %+v", v.Valid)
	}
	var text bytes.Buffer
	if err := e.Document().Text(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"GEOM-Drugs revisited (arXiv 2505.00169)", "the data, %",
		"EDM's rule for GEOM, every bond single"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
}

// GFN2-xTB relaxes what is stable by the protocol, an ion with its charge: a minimum stays where it
// is.
func TestRevisitedIsRelaxed(t *testing.T) {
	if _, err := exec.LookPath("xtb"); err != nil {
		t.Skip("no xtb")
	}
	var set []*molecule.Molecule
	for _, m := range lewisCases(t) {
		switch name, _ := m.Property("title"); name {
		case "acetate", "sulfonamide", "methyl radical":
			set = append(set, m)
		}
	}
	x := evaluate(t, set, Options{Rule: molecule.GEOMRule, XTB: 10}).XTB
	if x == nil || x.Tried != 2 || x.Survives.Count != 2 || x.Survives.Of != 2 || len(x.Failed) > 0 ||
		!(x.Drop.Median < 0.1) || !(x.RMSD.Median < 0.05) {
		t.Errorf("%+v", x)
	}
}

// QM9's molecules are judged by EDM's rule alone.
func TestRevisitedIsForDrugLikeMolecules(t *testing.T) {
	if e := evaluate(t, read(t), Options{}); e.Revisited != nil {
		t.Errorf("%+v", e.Revisited)
	}
}
