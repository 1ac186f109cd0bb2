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

// A group is what its name says in chemistry: not the oxonium of an aromatic ring, an ester of nitrous
// acid, an isocyanide or a ring with a double bond.
func TestGroupsThatLookAlike(t *testing.T) {
	hydrogens := func(l *Lewis, at ...int) *Lewis {
		for _, i := range at {
			l.Bonds = append(l.Bonds, Bond{i, len(l.Elements), 1})
			l.Elements = append(l.Elements, H)
		}
		valence := make([]int, len(l.Elements))
		for _, b := range l.Bonds {
			valence[b.I], valence[b.J] = valence[b.I]+b.Order, valence[b.J]+b.Order
		}
		for i, e := range l.Elements {
			q, _ := formalCharge(e, valence[i])
			l.Charges = append(l.Charges, q)
		}
		l.Radicals = make([]int, len(l.Elements))
		return l
	}
	chain := func(text string) *Lewis { // letters and bonds
		l := &Lewis{}
		for i := range text {
			if at := strings.IndexByte("-=#", text[i]); at >= 0 {
				l.Bonds = append(l.Bonds, Bond{i / 2, i/2 + 1, at + 1})
			} else {
				e, _ := parseElement([]byte{text[i]})
				l.Elements = append(l.Elements, e)
			}
		}
		return l
	}
	nitro := chain("C-N=O")
	nitro.Elements, nitro.Bonds = append(nitro.Elements, O), append(nitro.Bonds, Bond{1, 3, 1})
	ring := func(e Element, first int) *Lewis { // pyrylium and its kin, in both Kekulé structures
		l := &Lewis{Elements: []Element{e, C, C, C, C, C}}
		for k := range 5 {
			l.Bonds = append(l.Bonds, Bond{k, k + 1, 1 + (k+first)%2})
		}
		l.Bonds = append(l.Bonds, Bond{0, 5, 2 - first})
		return hydrogens(l, 1, 2, 3, 4, 5)
	}
	three := func(elements ...Element) *Lewis { // the first two doubly bonded
		l := &Lewis{Elements: elements, Bonds: []Bond{{0, 1, 2}, {0, 2, 1}, {1, 2, 1}}}
		return hydrogens(l, map[Element][]int{C: {0, 1, 2, 2}, O: {0, 1}, N: {0, 1, 2}}[elements[2]]...)
	}
	type counts = map[string]int
	for name, c := range map[string]struct {
		l    *Lewis
		want counts
	}{
		"pyrylium":     {ring(O, 0), counts{"benzene-like ring": 1}},
		"pyrylium 2":   {ring(O, 1), counts{"benzene-like ring": 1}},
		"thiopyrylium": {ring(16, 0), counts{"benzene-like ring": 1}},
		"cyclopropene": {three(C, C, C), counts{"alkene": 1}},
		"oxirene":      {three(C, C, O), counts{"alkene": 1}},
		"1H-azirine":   {three(C, C, N), counts{"alkene": 1, "secondary amine": 1}},
		"nitrous acid": {hydrogens(chain("O=N-O"), 2), counts{"N-O": 1}},
		"nitromethane": {hydrogens(nitro, 0, 0, 0), counts{"nitro": 1}},
		"isocyanide":   {hydrogens(chain("C#N-C"), 2, 2, 2), counts{}},
		"nitrile":      {hydrogens(chain("C-C#N"), 0, 0, 0), counts{"nitrile": 1}},
		"methanal":     {hydrogens(chain("C=O"), 0, 0), counts{"aldehyde": 1}},
		"thioaldehyde": {hydrogens(chain("C=S"), 0, 0), counts{"thiocarbonyl": 1}},
	} {
		if have := c.l.Features().Groups; !maps.Equal(have, c.want) {
			t.Errorf("%s: groups %v, want %v", name, have, c.want)
		}
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
