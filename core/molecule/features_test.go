package molecule

import (
	_ "embed"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
)

//go:embed testdata/features.xyz
var qm9Features string

// TestFeaturesOfQM9Molecules compares with what one counts in the SMILES by hand.
func TestFeaturesOfQM9Molecules(t *testing.T) {
	type counts = map[string]int
	want := map[string]Features{
		"N#CC1C2CNCC1O2": {
			counts{"C#N": 1, "C-C": 5, "C-N": 2, "C-O": 2}, counts{"4": 1, "6": 1},
			counts{"ether": 1, "nitrile": 1, "secondary amine": 1},
		},
		"CC1=CC(=O)C(O)C1=O": {
			counts{"C-C": 5, "C-O": 1, "C=C": 1, "C=O": 2}, counts{"5": 1}, counts{"alcohol": 1, "alkene": 1, "ketone": 2},
		},
		"CC(CO)N=COC=O": {
			counts{"C-C": 2, "C-N": 1, "C-O": 3, "C=N": 1, "C=O": 1}, counts{}, counts{"alcohol": 1, "ester": 1, "imine": 1},
		},
		"C1CC1COCC1CO1": {
			counts{"C-C": 6, "C-O": 4}, counts{"3": 2}, counts{"cyclopropane": 1, "epoxide": 1, "ether": 1},
		},
		"CC(C)(C#N)CC(N)=O": {
			counts{"C#N": 1, "C-C": 5, "C-N": 1, "C=O": 1}, counts{}, counts{"amide": 1, "nitrile": 1},
		},
		"Oc1nc2c([nH]1)CCC2": {
			counts{"C-C": 4, "C-O": 1, "C:C": 1, "C:N": 4}, counts{"5": 2}, counts{"alcohol": 1, "aromatic five-ring": 1},
		},
		"Cc1cnc(=N)oc1C": {
			counts{"C-C": 2, "C:C": 2, "C:N": 2, "C:O": 2, "C=N": 1}, counts{"6": 1},
			counts{"benzene-like ring": 1, "imine": 1},
		},
		"CC#CCOC(=O)NC": { // a carbamate: the first of ester and amide
			counts{"C#C": 1, "C-C": 2, "C-N": 2, "C-O": 2, "C=O": 1}, counts{}, counts{"alkyne": 1, "ester": 1},
		},
	}
	found := 0
	for m, err := range ReadXYZ(strings.NewReader(qm9Features), "features.xyz") {
		if err != nil {
			t.Fatal(err)
		}
		smiles, _ := m.Property("smiles")
		w, ok := want[smiles]
		if !ok {
			continue
		}
		found++
		f := m.Features()
		for _, part := range []struct {
			name      string
			have, all counts
		}{{"bonds", f.Bonds, w.Bonds}, {"rings", f.Rings, w.Rings}, {"groups", f.Groups, w.Groups}} {
			if !maps.Equal(part.have, part.all) {
				t.Errorf("%s: %s %v, want %v", smiles, part.name, part.have, part.all)
			}
		}
		for name := range f.Groups {
			if !slices.Contains(Groups, name) {
				t.Errorf("%s: group %q is not listed", smiles, name)
			}
		}
	}
	if found != len(want) {
		t.Errorf("%d of %d molecules found", found, len(want))
	}
}

// A cloud of atoms in one place is no molecule: its atoms have as many bonds as their elements can
// have, and so it has no more rings than bonds.
func TestACloudOfAtomsHasNoMoreRingsThanBonds(t *testing.T) {
	m := &Molecule{}
	for i := range 600 {
		m.Elements = append(m.Elements, 16)
		m.Positions = append(m.Positions, [3]float64{float64(i) * 0.01, 0, 0})
	}
	rings := 0
	for _, n := range m.Features().Rings {
		rings += n
	}
	if bonds := len(m.Lewis(0).Bonds); rings > bonds || bonds > 3*len(m.Elements) {
		t.Errorf("%d rings, %d bonds", rings, bonds)
	}
}

// TestGroupsOfLewisStructures compares with what one counts in the SMILES by hand.
func TestGroupsOfLewisStructures(t *testing.T) {
	type counts = map[string]int
	want := map[string]counts{
		"aspirin":           {"ester": 1, "carboxylic acid": 1, "benzene-like ring": 1},
		"acetate":           {"carboxylate": 1},
		"betaine":           {"ammonium": 1, "carboxylate": 1},
		"trimethylammonium": {"ammonium": 1},
		"nitrobenzene":      {"nitro": 1, "benzene-like ring": 1},
		"azide":             {"N-N": 2},
		"sulfonamide":       {"sulfonamide": 1, "benzene-like ring": 1},
		"sulfone":           {"sulfone": 1},
		"sulfoxide":         {"sulfoxide": 1},
		"thione":            {"thiocarbonyl": 1},
		"thiophene":         {"aromatic five-ring": 1},
		"phosphate":         {"P=O": 1},
		"pyridinium":        {"benzene-like ring": 1},
		"uracil":            {"amide": 2, "benzene-like ring": 1},
		"metformin":         {"imine": 2, "primary amine": 1, "secondary amine": 1, "tertiary amine": 1},
		"penicillin":        {"thioether": 1, "amide": 2, "carboxylate": 1, "benzene-like ring": 1},
		"omeprazole": {
			"ether": 2, "sulfoxide": 1, "benzene-like ring": 2, "aromatic five-ring": 1,
		},
		"sildenafil core":                       {"ether": 1, "amide": 1, "benzene-like ring": 2, "aromatic five-ring": 1},
		"chlorobenzene with bromine and iodine": {"C-halogen": 3, "benzene-like ring": 1},
	}
	for _, m := range lewisCases(t) {
		name, _ := m.Property("title")
		f := m.Features()
		if w, ok := want[name]; ok && !maps.Equal(f.Groups, w) {
			t.Errorf("%s: %v, want %v", name, f.Groups, w)
		}
		delete(want, name)
		for group := range f.Groups {
			if !slices.Contains(Groups, group) {
				t.Errorf("%s: group %q is not listed", name, group)
			}
		}
	}
	for name := range want {
		t.Errorf("no molecule %s", name)
	}
}

// The two Kekulé structures of a ring have the same features, and its atoms the same environments.
func TestFeaturesDoNotDependOnTheKekuleStructure(t *testing.T) {
	toluene := &Molecule{Elements: []Element{C, C, C, C, C, C, C, H, H, H, H, H, H, H, H}}
	place := func(radius, degrees, height float64) {
		sin, cos := math.Sincos(degrees * math.Pi / 180)
		toluene.Positions = append(toluene.Positions, [3]float64{radius * cos, radius * sin, height})
	}
	for k := range 6 {
		place(1.39, float64(60*k), 0)
	}
	toluene.Positions = append(toluene.Positions, [3]float64{2.9, 0, 0})
	for k := range 5 {
		place(2.48, float64(60*k+60), 0)
	}
	for k := range 3 {
		sin, cos := math.Sincos(float64(k) * 2 * math.Pi / 3)
		toluene.Positions = append(toluene.Positions, [3]float64{3.26, 1.03 * cos, 1.03 * sin})
	}
	l := toluene.Lewis(0)
	other := *l
	other.Bonds = slices.Clone(l.Bonds)
	for k, aromatic := range l.Aromatic() {
		if aromatic {
			other.Bonds[k].Order = 3 - l.Bonds[k].Order
		}
	}
	a, b := l.Features(), other.Features()
	if !maps.Equal(a.Bonds, b.Bonds) || !maps.Equal(a.Groups, b.Groups) || a.Bonds["C:C"] != 6 {
		t.Errorf("features %v and %v", a, b)
	}
	e := toluene.Environments()
	if e[1] != e[5] || e[2] != e[4] || e[1] == e[2] {
		t.Errorf("environments of the ring %v", e[:6])
	}
}

func TestEnvironmentsReachTwoBonds(t *testing.T) {
	same := map[string]int{}
	for m, err := range ReadXYZ(strings.NewReader(qm9Features), "features.xyz") {
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range m.Environments() {
			same[e]++
		}
		break
	}
	if len(same) < 10 {
		t.Errorf("%d environments in a molecule of ten heavy atoms", len(same))
	}
	// Hydrogens of one methyl group look alike, those of CH3-CH2- and -CH2-OH do not.
	ethanol := &Molecule{
		Elements: []Element{C, C, O, H, H, H, H, H, H},
		Positions: [][3]float64{
			{1.1683, -0.4023, 0}, {0, 0.5576, 0}, {-1.1917, -0.2143, 0}, {2.1140, 0.1393, 0}, {1.1310, -1.0434, 0.8857},
			{1.1310, -1.0434, -0.8857}, {0.0477, 1.2076, 0.8846}, {0.0477, 1.2076, -0.8846}, {-1.9282, 0.3845, 0},
		},
	}
	e := ethanol.Environments()
	if e[3] != e[4] || e[4] != e[5] || e[6] != e[7] || e[3] == e[6] || e[6] == e[8] || e[0] == e[1] {
		t.Errorf("environments of ethanol: %v", e)
	}
}
