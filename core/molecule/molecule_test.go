package molecule

import (
	"bytes"
	_ "embed"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
)

//go:embed testdata/small.xyz
var smallXYZ []byte

// small returns the molecules of testdata/small.xyz by name.
func small(t testing.TB) map[string]*Molecule {
	t.Helper()
	all := make(map[string]*Molecule)
	for m, err := range ReadXYZ(bytes.NewReader(smallXYZ), "small.xyz") {
		if err != nil {
			t.Fatal(err)
		}
		name, _ := m.Property("name")
		all[name] = m
	}
	return all
}

func TestElement(t *testing.T) {
	for symbol, z := range map[string]Element{"H": 1, "C": 6, "cl": 17, "BR": 35, "Hg": 80, "Bi": 83, "Og": 118} {
		e, ok := ParseElement(symbol)
		if !ok || e != z || !strings.EqualFold(e.Symbol(), symbol) {
			t.Errorf("ParseElement(%q) = %d, %v", symbol, e, ok)
		}
	}
	for _, symbol := range []string{"", "X", "Hx", "Cla", "1", "6", "é", "H ", " H", "\x08", "H\x00"} {
		if e, ok := ParseElement(symbol); ok {
			t.Errorf("ParseElement(%q) = %v", symbol, e)
		}
	}
	if Element(0).Symbol() != "X" || Element(200).Symbol() != "X" {
		t.Error("the symbol of no element is not X")
	}
}

// The tables for QM9's elements with their margins: each threshold is exclusive.
func TestBondOrder(t *testing.T) {
	for text, order := range map[string]int{
		"HH 74 HC 109 HN 101 HO 96 HF 92 CC 154 CN 147 CO 143 CF 135 NN 145 NO 140 NF 136 OO 148 OF 142 FF 142": 1,
		"CC 134 CN 129 CO 120 NN 125 NO 121 OO 121":                                                             2,
		"CC 120 CN 116 CO 113 NN 110":                                                                           3,
	} {
		margin := []float64{10, 5, 3}[order-1]
		fields := strings.Fields(text)
		for i := 0; i < len(fields); i += 2 {
			a, _ := ParseElement(fields[i][:1])
			b, _ := ParseElement(fields[i][1:])
			length, _ := strconv.ParseFloat(fields[i+1], 64)
			below, at := (length+margin-1e-9)/100, (length+margin+1e-9)/100
			for range 2 {
				if got := BondOrder(a, b, below); got != order {
					t.Errorf("%v-%v at %v Å: order %d, want %d", a, b, below, got, order)
				}
				if got := BondOrder(a, b, at); got != order-1 {
					t.Errorf("%v-%v at %v Å: order %d, want %d", a, b, at, got, order-1)
				}
				a, b = b, a
			}
		}
	}
	for _, c := range []struct {
		a, b  string
		d     float64
		order int
	}{
		{"F", "F", 0.1, 1}, {"C", "S", 1.64, 2}, {"S", "C", 1.64, 2}, {"C", "S", 1.70, 1}, {"P", "O", 1.50, 2},
		{"S", "P", 1.90, 2},
		{"Si", "Si", 2.42, 1}, {"Al", "H", 0.1, 0}, {"Hg", "Hg", 0.1, 0}, {"He", "H", 0.1, 0}, {"U", "H", 0.1, 0},
		{"B", "C", 1.5, 0},
		{"H", "H", 0.84, 0}, {"H", "H", math.NaN(), 0}, {"H", "H", math.Inf(1), 0},
	} {
		a, _ := ParseElement(c.a)
		b, _ := ParseElement(c.b)
		if got := BondOrder(a, b, c.d); got != c.order {
			t.Errorf("%s-%s at %v Å: order %d, want %d", c.a, c.b, c.d, got, c.order)
		}
	}
}

func TestMeasures(t *testing.T) {
	all := small(t)
	for _, c := range []struct {
		name, formula string
		orders        [4]int // single, double and triple bonds
		stable        int    // atoms
		connected     bool
		reason        string // why not valid
	}{
		{"methane", "CH4", [4]int{0, 4}, 5, true, ""},
		{"water", "H2O", [4]int{0, 2}, 3, true, ""},
		{"ethanol", "C2H6O", [4]int{0, 8}, 9, true, ""},
		{"ethene", "C2H4", [4]int{0, 4, 1}, 6, true, ""},
		{"acetone", "C3H6O", [4]int{0, 8, 1}, 10, true, ""},
		{"fluoromethane", "CH3F", [4]int{0, 4}, 5, true, ""},
		{"hydrogen_cyanide", "CHN", [4]int{0, 1, 0, 1}, 3, true, ""},
		{"hydrogen", "H2", [4]int{0, 1}, 2, true, ""},
		// N of valence 5 is not stable by EDM's rule, yet valid after the clean-up.
		{"nitromethane", "CH3NO2", [4]int{0, 4, 2}, 6, true, ""},
		{"methyl_azide", "CH3N3", [4]int{0, 4, 1, 1}, 6, true, ""},
		{"benzene_kekule", "C6H6", [4]int{0, 9, 3}, 12, true, ""},
		// At 1.397 Å all ring bonds are single by the table, which judges aromatic rings badly.
		{"benzene_regular", "C6H6", [4]int{0, 12}, 6, true, ""},
		{"carbon_monoxide", "CO", [4]int{0, 0, 0, 1}, 0, true, "atom 2 (O): bond orders sum to 3, at most 2"},
		{"methane_and_hydrogen", "CH6", [4]int{0, 5}, 7, false, ""},
		{"hydrogen_of_two_bonds", "H3", [4]int{0, 2}, 2, true, "atom 2 (H): bond orders sum to 2, at most 1"},
		{"methyl", "CH3", [4]int{0, 3}, 3, true, ""},
	} {
		m := all[c.name]
		if m == nil {
			t.Errorf("%s: not in testdata/small.xyz", c.name)
			continue
		}
		var orders [4]int
		for _, b := range m.Bonds() {
			orders[b.Order]++
		}
		stable := 0
		for _, s := range m.StableAtoms() {
			if s {
				stable++
			}
		}
		if got := m.Formula(); got != c.formula {
			t.Errorf("%s: formula %s, want %s", c.name, got, c.formula)
		}
		if orders != c.orders {
			t.Errorf("%s: bonds %v, want %v", c.name, orders, c.orders)
		}
		if stable != c.stable || m.Stable() != (c.stable == len(m.Elements)) {
			t.Errorf("%s: %d stable atoms, %v, want %d", c.name, stable, m.Stable(), c.stable)
		}
		if m.Connected() != c.connected {
			t.Errorf("%s: connected %v", c.name, m.Connected())
		}
		if ok, reason := m.Valid(); ok != (c.reason == "") || reason != c.reason {
			t.Errorf("%s: valid %v, %q, want %q", c.name, ok, reason, c.reason)
		}
	}
	if len(all) != 16 {
		t.Errorf("%d molecules in testdata/small.xyz, 16 tested", len(all))
	}
}

func TestFormulaOrder(t *testing.T) {
	for want, list := range map[string]string{
		"":        "",
		"CHBrClF": "H F Cl Br C",
		"C2":      "C C",
		"Br2H2O":  "O H Br H Br", // no carbon: the alphabet alone
		"CF4":     "F F F F C",
	} {
		m := &Molecule{}
		for _, s := range strings.Fields(list) {
			e, _ := ParseElement(s)
			m.Elements = append(m.Elements, e)
		}
		if got := m.Formula(); got != want {
			t.Errorf("%q: %q, want %q", list, got, want)
		}
	}
}

func TestFragments(t *testing.T) {
	// Two H2 whose atoms alternate, and a lone O far away.
	m := &Molecule{Elements: []Element{H, H, O, H, H}, Positions: [][3]float64{{0, 0, 0}, {9, 0, 0}, {0, 50, 0},
		{0, 0, .74}, {9, 0, .74}}}
	want := [][]int{{0, 3}, {1, 4}, {2}}
	if got := m.Fragments(); !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("fragments %v, want %v", got, want)
	}
	if (&Molecule{}).Connected() || (&Molecule{}).Stable() {
		t.Error("no atoms count as connected or stable")
	}
	if ok, reason := (&Molecule{}).Valid(); ok || reason != "no atoms" {
		t.Errorf("no atoms: valid %v, %q", ok, reason)
	}
	if got := (&Molecule{}).Key(); len(got) != 32 {
		t.Errorf("key of no atoms: %q", got)
	}
}

func TestValidNotJudged(t *testing.T) {
	s, _ := ParseElement("S")
	m := &Molecule{Elements: []Element{H, s, H}, Positions: [][3]float64{{0, 0, 1.34}, {0, 0, 0}, {0, 1.34, 0}}}
	if ok, reason := m.Valid(); ok || reason != "atom 2 (S): no valence rule for this element" {
		t.Errorf("hydrogen sulfide: %v, %q", ok, reason)
	}
	r, err := Evaluate(func(yield func(*Molecule, error) bool) { yield(m, nil) })
	if err != nil || r.Rule != GEOMRule || r.Counts.NotJudged != 0 || r.Counts.Valid != 1 || r.Connected != 1 {
		t.Errorf("report %+v, %v", r, err)
	}
}

// rotated turns, reflects, moves and renumbers a molecule.
func rotated(m *Molecule) *Molecule {
	c, s := math.Cos(1), math.Sin(1)
	r := &Molecule{}
	for i := len(m.Elements) - 1; i >= 0; i-- {
		p := m.Positions[i]
		r.Elements = append(r.Elements, m.Elements[i])
		r.Positions = append(r.Positions, [3]float64{c*p[0] - s*p[2] + 3, -p[1], s*p[0] + c*p[2] - 1})
	}
	return r
}

func TestKey(t *testing.T) {
	seen := make(map[string]string)
	for name, m := range small(t) {
		key := m.Key()
		if other := rotated(m).Key(); other != key {
			t.Errorf("%s: key %s, rotated and renumbered %s", name, key, other)
		}
		if name == "methane_and_hydrogen" { // the largest fragment is methane
			name = "methane"
		}
		if other, ok := seen[key]; ok && other != name {
			t.Errorf("%s and %s share a key", name, other)
		}
		seen[key] = name
	}
	if got := small(t)["methane"].Key(); got != "3fcd7ab65e7489f241d5a10e7bf0ee6f" {
		t.Errorf("methane: key %s; it must not change, reports would differ", got)
	}
}

// A chain far beyond any molecule of the data has a key within reason.
func TestKeyLarge(t *testing.T) {
	m := &Molecule{}
	for i := range 2000 {
		m.Elements = append(m.Elements, C)
		m.Positions = append(m.Positions, [3]float64{1.5 * float64(i), 0, 0})
	}
	long := m.Key()
	m.Elements, m.Positions = m.Elements[:1999], m.Positions[:1999]
	if m.Key() == long {
		t.Error("chains of 2000 and 1999 atoms share a key")
	}
}

//go:embed testdata/rdkit.txt
var rdkit string

// On stored graphs, real, broken, charged and symmetric, validity is RDKit's and
// keys are equal exactly where its canonical SMILES are.
func TestAgainstRDKit(t *testing.T) {
	keyOf, smilesOf := make(map[string]string), make(map[string]string)
	graphs, valid := 0, 0
	for line := range strings.Lines(rdkit) {
		if line[0] == '#' {
			continue
		}
		part := strings.Split(strings.TrimSpace(line), " | ")
		g, smiles := parseGraph(t, part[0], part[1]), part[2]
		graphs++
		g.cleanUp()
		ok, reason := g.valid(QM9Rule)
		if ok != (smiles != "-") {
			t.Errorf("%s: valid %v (%s), RDKit: %s", line, ok, reason, smiles)
		}
		if !ok {
			continue
		}
		valid++
		key := g.key()
		if other, ok := keyOf[smiles]; ok && other != key {
			t.Errorf("%s has two keys", smiles)
		}
		if other, ok := smilesOf[key]; ok && other != smiles {
			t.Errorf("%s and %s share a key", smiles, other)
		}
		keyOf[smiles], smilesOf[key] = key, smiles
	}
	if graphs != 117 || valid != 92 || len(keyOf) != 57 {
		t.Errorf("%d graphs, %d valid, %d distinct, want 117, 92, 57", graphs, valid, len(keyOf))
	}
}

// parseGraph reads a line of testdata/rdkit.txt.
func parseGraph(t *testing.T, atoms, bonds string) *graph {
	g := &graph{}
	for _, s := range strings.Fields(atoms) {
		e, ok := ParseElement(s)
		if !ok {
			t.Fatalf("element %q", s)
		}
		g.elements = append(g.elements, e)
	}
	g.valence, g.charge = make([]int, len(g.elements)), make([]int, len(g.elements))
	var number []int
	for _, s := range strings.Fields(bonds) {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		number = append(number, n)
	}
	for b := range slices.Chunk(number, 3) {
		g.bonds = append(g.bonds, Bond{b[0], b[1], b[2]})
		g.valence[b[0]] += b[2]
		g.valence[b[1]] += b[2]
	}
	return g
}

func TestCleanUp(t *testing.T) {
	for name, want := range map[string]struct {
		charges []int
		double  int
	}{
		"nitromethane": {[]int{0, 1, -1, 0, 0, 0, 0}, 1}, // C N O O H H H
		"methyl_azide": {[]int{0, 0, 1, -1, 0, 0, 0}, 2}, // C N N N H H H
		"ethanol":      {make([]int, 9), 0},
	} {
		g := small(t)[name].graph()
		g.cleanUp()
		double := 0
		for _, b := range g.bonds {
			if b.Order == 2 {
				double++
			}
		}
		if !slices.Equal(g.charge, want.charges) || double != want.double {
			t.Errorf("%s: charges %v, %d double bonds, want %v, %d", name, g.charge, double, want.charges, want.double)
		}
	}
	// Nitrous oxide has both partners; the oxygen is taken whatever the order.
	a := &Molecule{Elements: []Element{N, N, O}, Positions: [][3]float64{{0, 0, 0}, {0, 0, 1.11}, {0, 0, 2.31}}}
	b := rotated(a)
	if a.Key() != b.Key() {
		t.Error("nitrous oxide: the key depends on the numbering")
	}
}

func TestEvaluate(t *testing.T) {
	r, err := Evaluate(ReadXYZ(bytes.NewReader(append(slices.Clone(smallXYZ), smallXYZ...)), "twice"))
	if err != nil {
		t.Fatal(err)
	}
	want := Report{
		Rule: QM9Rule, Molecules: 32, Atoms: 2 * 97, StableAtoms: 85. / 97, StableMolecules: 20. / 32, Valid: 28. / 32,
		UniqueAmongValid: 13. / 28, ValidAndUnique: 13. / 32, Connected: 30. / 32,
		Counts: Counts{StableAtoms: 170, StableMolecules: 20, Valid: 28, Unique: 13, Connected: 30, FreeValences: 4},
	}
	if r != want {
		t.Errorf("got  %+v\nwant %+v", r, want)
	}
	if r, err := Evaluate(ReadXYZ(strings.NewReader(""), "empty")); err != nil || r != (Report{Rule: QM9Rule}) {
		t.Errorf("empty: %+v, %v", r, err)
	}
	if _, err := Evaluate(ReadXYZ(strings.NewReader("2\n\nH 0 0 0\n"), "cut")); err == nil {
		t.Error("a truncated file is evaluated")
	}
}

func TestParseFormula(t *testing.T) {
	for text, want := range map[string]string{"C2H6O": "C2H6O", "OH2": "H2O", "Cl2": "Cl2", "HCHO": "CH2O"} {
		atoms, err := ParseFormula(text)
		if m := (&Molecule{Elements: atoms, Positions: make([][3]float64, len(atoms))}); err != nil || m.Formula() != want {
			t.Errorf("%s: %s, %v", text, m.Formula(), err)
		}
	}
	for text, want := range map[string]string{
		"": "empty", "2H": "no element", "C-1": "no element", "Xx": "no element", "C 2": "no element",
		"c6": "want a formula such as C2H6O", "C0": "want 1 to 65536", "C99999999999999999999": "want 1 to",
	} {
		if atoms, err := ParseFormula(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is read as %v, %v, want %q", text, atoms, err, want)
		}
	}
}

func TestTooFewValences(t *testing.T) {
	for formula, few := range map[string]bool{"CH4": false, "CH6": true, "C7H16": false, "C7H18": true, "C7H100": true,
		"H2": false, "H3": true, "CF6": true, "H": false, "C2H6O": false, "PF5": false, "PF6": true, "PF7": true,
		"O2H2": false, "O2H4": true} {
		elements, err := ParseFormula(formula)
		if err != nil {
			t.Fatal(err)
		}
		if TooFewValences(elements) != few {
			t.Errorf("%s: %v", formula, !few)
		}
	}
	if TooFewValences([]Element{H, H, H, 118}) || TooFewValences([]Element{H, H, H, 2}) {
		t.Error("one without a known valence")
	}
}

func TestOddValence(t *testing.T) {
	for formula, odd := range map[string]bool{"CH4": false, "CH3": true, "H2O": false, "HO": true,
		"C2H5NO2": false, "NH2": true, "CHF3": false, "PH3": false, "HgH": false, "O2": false} {
		elements, err := ParseFormula(formula)
		if err != nil {
			t.Fatal(err)
		}
		if OddValence(elements) != odd {
			t.Errorf("%s: %v", formula, !odd)
		}
	}
	if OddValence(nil) || OddValence([]Element{H, 118}) {
		t.Error("no atoms, or one without a known valence")
	}
}
