//go:build rdkit && cgo

package rdkit

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/rng"
)

const small = "../../core/molecule/testdata/small.xyz"

func molecules(t *testing.T, path string, most int) (list []*molecule.Molecule) {
	t.Helper()
	for m, err := range molecule.Open(path) {
		if err != nil {
			t.Fatal(err)
		}
		if list = append(list, m); len(list) == most {
			break
		}
	}
	return list
}

// embedded are structures of all kinds, with nitro and aromatic groups and
// elements beyond QM9's.
func embedded(t *testing.T) (list []*molecule.Molecule) {
	t.Helper()
	for _, s := range []string{"O", "C", "c1ccccc1", "c1ccc2[nH]ccc2c1", "CC(=O)Oc1ccccc1C(=O)O",
		"CN1C=NC2=C1C(=O)N(C)C(=O)N2C", "C1CC1", "CC#N", "NCC(=O)O",
		"c1ccsc1", "FC(F)(F)c1ccncc1", "ClCCBr", "CS(=O)(=O)N", "O=C1C=CC(=O)C=C1"} {
		c, err := Embed(context.Background(), s, 2, 42, time.Minute)
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		list = append(list, c.Molecules[0])
	}
	return list
}

func TestSMILES(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"O", "[H]O[H]"}, {"C=O", "[H]C([H])=O"}, {"CC#N", "[H]C([H])([H])C#N"},
	} {
		e, err := Embed(context.Background(), c.in, 1, 1, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		got, err := SMILES(e.Molecules[0])
		if err != nil || got != c.want {
			t.Errorf("%s: %q, %v; want %q", c.in, got, err, c.want)
		}
	}
	if s, err := Canonical("OCC"); err != nil || s != "CCO" {
		t.Errorf("canonical OCC: %q, %v", s, err)
	}
	if _, err := Canonical("C1CC"); err == nil {
		t.Error("an open ring is a SMILES")
	}
	// A carbon of five bonds, and nothing at all.
	five := &molecule.Molecule{Elements: []molecule.Element{6, 1, 1, 1, 1, 1},
		Positions: [][3]float64{{}, {1, 0, 0}, {-1, 0, 0}, {0, 1, 0}, {0, -1, 0}, {0, 0, 1}}}
	if _, err := SMILES(five); err == nil || !strings.Contains(err.Error(), "valence") {
		t.Errorf("CH5: %v, want a fault of valence", err)
	}
	if _, err := SMILES(&molecule.Molecule{}); err == nil {
		t.Error("no atoms are valid")
	}
}

// The closed form for H, C, N, O and F is RDKit's judgement, and Key separates
// what SMILES separate, on distorted structures too.
func TestClosedFormAgrees(t *testing.T) {
	list := molecules(t, small, 0)
	if all, err := os.Stat("../../../shared/data/qm9_test.xyz.gz"); err == nil && all.Size() > 0 {
		list = append(list, molecules(t, "../../../shared/data/qm9_test.xyz.gz", 1500)...)
	}
	stream := rng.New(1, 0, rng.Init, 0)
	noisy := len(list)
	for _, m := range list[:noisy] { // as a poor model makes them
		d := &molecule.Molecule{Elements: m.Elements}
		for _, p := range m.Positions {
			for k := range p {
				p[k] += 0.08 * stream.Norm()
			}
			d.Positions = append(d.Positions, p)
		}
		list = append(list, d)
	}
	keys, smiles := map[string]string{}, map[string]string{}
	valid := 0
	for i, m := range list {
		ok, reason := m.Valid()
		s, err := SMILES(m)
		if ok != (err == nil) {
			t.Errorf("molecule %d, %s: closed form %v %s, RDKit %v", i, m.Formula(), ok, reason, err)
		}
		if !ok {
			continue
		}
		valid++
		if k := m.Key(); i < noisy { // distorted Kekulé forms differ where aromatic SMILES do not
			if other, seen := smiles[s]; seen && other != k {
				t.Logf("%s has two keys (Kekulé forms)", s)
			}
			if other, seen := keys[k]; seen && other != s {
				t.Errorf("one key for %s and %s", s, other)
			}
			smiles[s], keys[k] = k, s
		}
	}
	t.Logf("%d structures, %d valid by both", len(list), valid)
	if valid == 0 || valid == len(list) {
		t.Error("the structures test nothing")
	}
}

// Both find the same aromatic rings of five and six atoms.
func TestAromaticRings(t *testing.T) {
	list, enough := embedded(t), 7
	// of benzene no distance shows a double bond
	for _, s := range []string{"c1ccoc1", "c1cc[nH]c1", "c1cnoc1", "c1cn[nH]c1", "c1c[nH]cn1", "c1cocn1", "Cc1ccoc1"} {
		e, err := Embed(context.Background(), s, 1, 42, time.Minute)
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		list = append(list, e.Molecules[0])
	}
	if _, err := os.Stat("../../../shared/data/qm9_test.xyz.gz"); err == nil {
		list, enough = append(list, molecules(t, "../../../shared/data/qm9_test.xyz.gz", 3000)...), 400
	}
	rings, differ := 0, 0
	for _, m := range list {
		theirs, err := AromaticRings(m)
		if err != nil {
			continue
		}
		var want, got []string
		for _, r := range theirs {
			if len(r) == 5 || len(r) == 6 {
				slices.Sort(r)
				want = append(want, fmt.Sprint(r))
			}
		}
		for _, r := range m.Geometry().Rings {
			slices.Sort(r.Atoms)
			got = append(got, fmt.Sprint(r.Atoms))
		}
		slices.Sort(want)
		slices.Sort(got)
		rings += len(want)
		if !slices.Equal(got, want) {
			differ++
			s, _ := SMILES(m)
			t.Logf("%s: %v, RDKit %v", s, got, want)
		}
	}
	t.Logf("%d rings in %d molecules, %d molecules differ", rings, len(list), differ)
	if rings < enough || differ*100 > len(list) {
		t.Error("too few rings or too many differences")
	}
}

func TestRelax(t *testing.T) {
	for _, m := range embedded(t) {
		s, _, err := Relax(context.Background(), m, 2000)
		if err != nil {
			t.Logf("%s: %v", m.Formula(), err) // bonds from distances may misjudge it
			continue
		}
		if math.Abs(s.Energy()) > 1e-2 || !s.Converged {
			t.Errorf("%s: strain of a relaxed structure %+v", m.Formula(), s)
		}
		stretched := &molecule.Molecule{Elements: m.Elements, Positions: slices.Clone(m.Positions)}
		for i := range stretched.Positions {
			for k := range 3 {
				stretched.Positions[i][k] *= 1.02
			}
		}
		after, back, err := Relax(context.Background(), stretched, 2000)
		if err != nil {
			continue
		}
		if after.Energy() < 0.1 || math.Abs(after.After-s.After) > 0.5 {
			t.Errorf("%s stretched: %+v, relaxed %+v", m.Formula(), after, s)
		}
		if d := math.Abs(back.Distance(0, 1) - m.Distance(0, 1)); d > 0.02 {
			t.Errorf("%s: the first bond relaxes to %v Å from where it was", m.Formula(), d)
		}
	}
	radical := &molecule.Molecule{Elements: []molecule.Element{6, 1}, Positions: [][3]float64{{}, {1.09, 0, 0}}}
	if _, _, err := Relax(context.Background(), radical, 100); err == nil || !strings.Contains(err.Error(), "hydrogens") {
		t.Errorf("CH: %v, want missing hydrogens", err)
	}
}

func TestEmbedIsReproducible(t *testing.T) {
	a, err := Embed(context.Background(), "CCCCO", 4, 7, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := Embed(context.Background(), "CCCCO", 4, 7, time.Minute)
	if !slices.IsSorted(a.Energies) || len(a.Molecules) < 2 || fmt.Sprint(a) == "" ||
		!slices.Equal(a.Energies, b.Energies) {
		t.Errorf("energies %v and %v", a.Energies, b.Energies)
	}
	if f := a.Molecules[0].Formula(); f != "C4H10O" || !a.Molecules[0].Stable() {
		t.Errorf("butanol is %s, stable %v", f, a.Molecules[0].Stable())
	}
	if c, err := Embed(context.Background(), "[NH4+]", 1, 1, time.Minute); err != nil || c.Charge != 1 {
		t.Errorf("ammonium: charge %d, %v", c.Charge, err)
	}
	if _, err := Embed(context.Background(), "C(", 1, 1, time.Minute); err == nil {
		t.Error("C( has conformers")
	}
}

// The Python interface of the same RDKit gives the same SMILES.
func TestPythonAgrees(t *testing.T) {
	const python = "/usr/bin/python3"
	if exec.Command(python, "-c", "import rdkit").Run() != nil {
		t.Skip("no python3-rdkit")
	}
	var script, want strings.Builder
	script.WriteString("from rdkit import Chem\nB=[None,Chem.BondType.SINGLE," +
		"Chem.BondType.DOUBLE,Chem.BondType.TRIPLE]\n" +
		"def f(z,b):\n m=Chem.RWMol()\n for a in z: m.AddAtom(Chem.Atom(a))\n" +
		" for i,j,o in b: m.AddBond(i,j,B[o])\n try: Chem.SanitizeMol(m)\n except Exception: return '-'\n" +
		" return Chem.MolToSmiles(max(Chem.GetMolFrags(m,asMols=True),key=lambda x:x.GetNumAtoms()))\n")
	for _, m := range append(molecules(t, small, 0), embedded(t)...) {
		script.WriteString("print(f([")
		for _, e := range m.Elements {
			fmt.Fprintf(&script, "%d,", e)
		}
		script.WriteString("],[")
		for _, b := range m.Bonds() {
			fmt.Fprintf(&script, "(%d,%d,%d),", b.I, b.J, b.Order)
		}
		script.WriteString("]))\n")
		s, err := SMILES(m)
		if err != nil {
			s = "-"
		}
		want.WriteString(s + "\n")
	}
	cmd := exec.Command(python, "-")
	cmd.Stdin = strings.NewReader(script.String())
	got, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want.String() {
		t.Errorf("Python says\n%s\nwe say\n%s", got, want.String())
	}
}

// By the rule for GEOM the closed form is RDKit's judgement too: of each of GEOM's
// elements with one hydrogen to eight, and of drug-like molecules.
func TestClosedFormOfGEOMAgrees(t *testing.T) {
	var list []*molecule.Molecule
	for _, z := range []molecule.Element{5, 6, 7, 8, 9, 13, 14, 15, 16, 17, 33, 35, 53, 80, 83} {
		for n := range 9 {
			m := &molecule.Molecule{Elements: []molecule.Element{z}, Positions: [][3]float64{{}}}
			length := 0.0
			for d := 3.0; d > 0.5 && length == 0; d -= 0.01 {
				if molecule.BondOrder(z, molecule.H, d) > 0 {
					length = d
				}
			}
			for k := range n {
				a, h := 2.4*float64(k), 1-2*(float64(k)+0.5)/float64(n) // a spiral on a sphere
				s := math.Sqrt(1 - h*h)
				m.Elements = append(m.Elements, molecule.H)
				m.Positions = append(m.Positions, [3]float64{length * s * math.Cos(a), length * s * math.Sin(a), length * h})
			}
			list = append(list, m)
		}
	}
	list = append(list, molecules(t, "../../core/molecule/testdata/cases/drug-like.xyz", 0)...)
	valid := 0
	for _, m := range list {
		ok, reason := m.ValidBy(molecule.GEOMRule)
		s, err := SMILESBy(m, molecule.GEOMRule)
		if ok != (err == nil) {
			t.Errorf("%s: closed form %v %s, RDKit %q %v", m.Formula(), ok, reason, s, err)
		}
		if ok {
			valid++
		}
	}
	t.Logf("%d of %d are valid", valid, len(list))
}

// A structure and the SMILES that it was made of have one name.
func TestExplicitIsTheNameOfTheStructure(t *testing.T) {
	for _, smiles := range []string{"CCO", "C[C@H](N)C(=O)O", "CC#N", "C1CC1", "O=CC=O", "CN", "[2H]C"} {
		c, err := Embed(context.Background(), smiles, 1, 1, time.Minute)
		if err != nil {
			t.Fatalf("%s: %v", smiles, err)
		}
		for _, rule := range []molecule.Rule{molecule.QM9Rule, molecule.GEOMRule} {
			want, err := SMILESBy(c.Molecules[0], rule)
			got, err2 := Explicit(smiles, rule)
			if err != nil || err2 != nil || got != want {
				t.Errorf("%s by %s: %s, %v; the structure is %s, %v", smiles, rule, got, err2, want, err)
			}
		}
	}
}

// What cannot be is refused: fragments that nothing places, bonds that are not
// those of the SMILES, atoms of no element; ions and radicals are reported.
func TestEmbedRefusesWhatCannotBe(t *testing.T) {
	for smiles, want := range map[string]string{
		"[Na+].[Cl-]": "more than one fragment", "CCO.O": "more than one fragment",
		"O=C=O": "bonds unlike the SMILES", "N#N": "bonds unlike the SMILES", "*CC": "stands for no element", "": "no atoms",
	} {
		_, err := Embed(context.Background(), smiles, 2, 1, time.Minute)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", smiles, err, want)
		}
	}
	for smiles, want := range map[string][2]int{"[NH4+]": {1, 0}, "[CH3]": {0, 1}, "CC(=O)[O-]": {-1, 0},
		"C[N+](C)(C)CC(=O)[O-]": {0, 0}} {
		c, err := Embed(context.Background(), smiles, 1, 1, time.Minute)
		if err != nil || c.Charge != want[0] || c.Radicals != want[1] {
			t.Errorf("%s: charge %d, %d radical electrons, %v; want %v", smiles, c.Charge, c.Radicals, err, want)
		}
	}
}

// A molecule that cannot be embedded ends with its context, and not minutes later.
func TestEmbedEndsWithItsContext(t *testing.T) {
	const impossible = "CCSCc1ccc2c(c1)c1c3c(c4c5cc(CSCC)ccc5n5c4c1n2[C@@H]1C[C@H](C(=O)OOC)[C@]5(C)O1)CNC3=O"
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		_, err := Embed(ctx, impossible, 30, 1, time.Minute)
		done <- err
	}()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// Ethanol's descriptors are those that RDKit's documentation and Python interface give.
func TestDescribe(t *testing.T) {
	c, err := Embed(t.Context(), "CCO", 1, 1, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	d, err := Describe(c.Molecules[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []struct{ name, got, want string }{
		{"logP", fmt.Sprintf("%.4f", d.LogP), "-0.0014"}, {"TPSA", fmt.Sprintf("%.2f", d.TPSA), "20.23"},
		{"mass", fmt.Sprintf("%.2f", d.Mass), "46.07"},
	} {
		if v.got != v.want {
			t.Errorf("%s of ethanol: %s, want %s", v.name, v.got, v.want)
		}
	}
	if _, err := Describe(&molecule.Molecule{}); err == nil {
		t.Error("no atoms have descriptors")
	}
}

// Similarities are those that RDKit's Python interface has of the SMILES
// (GetMorganFingerprintAsBitVect(mol, 2, 2048), TanimotoSimilarity).
func TestFingerprint(t *testing.T) {
	print := func(smiles string) *Fingerprint {
		c, err := Embed(t.Context(), smiles, 1, 1, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		f, err := FingerprintOf(c.Molecules[0])
		if err != nil {
			t.Fatal(err)
		}
		return &f
	}
	for _, c := range []struct {
		a, b string
		want float64
	}{
		{"CCO", "CCO", 1}, {"CCO", "CCCO", 5. / 9}, {"CCO", "CCN", 1. / 3}, {"Cc1ccccc1", "Cc1ncccc1", 0.35},
		{"CC(=O)NC", "CC(=O)OC", 3. / 7},
	} {
		if got := print(c.a).Similarity(print(c.b)); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%s and %s: %g, want %g", c.a, c.b, got, c.want)
		}
	}
	if _, err := FingerprintOf(&molecule.Molecule{}); err == nil {
		t.Error("no atoms have a fingerprint")
	}
}

// The limit of processor time ends an embedding, and holds for that one alone.
func TestEmbedLimit(t *testing.T) {
	const smiles = "CC(C)CCCC(C)C1CCC2C3CC=C4CC(O)CCC4(C)C3CCC12C"
	if _, err := Embed(context.Background(), smiles, 50, 1, 10*time.Millisecond); !errors.Is(err, ErrTime) {
		t.Errorf("error %v", err)
	}
	if c, err := Embed(context.Background(), "CCO", 1, 1, time.Minute); err != nil || len(c.Bonds) != 8 {
		t.Errorf("%d bonds, %v", len(c.Bonds), err)
	}
}
