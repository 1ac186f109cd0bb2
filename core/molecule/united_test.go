package molecule

import (
	"encoding/binary"
	"hash/fnv"
	"iter"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestUnitedAtomsHaveSymbols(t *testing.T) {
	for symbol, want := range map[string]struct {
		heavy     Element
		hydrogens int
	}{"C": {C, 0}, "[CH]": {C, 1}, "[CH3]": {C, 3}, "[NH2]": {N, 2}, "[SiH3]": {14, 3}, "[OH]": {O, 1},
		"[BH4]": {5, 4}, "[SeH]": {34, 1}, "Cl": {17, 0}} {
		e, ok := ParseUnited(symbol)
		heavy, n := e.Split()
		if !ok || heavy != want.heavy || n != want.hydrogens || e.Symbol() != symbol {
			t.Errorf("%s: %v, %v, %d hydrogens, ok %v", symbol, e, heavy, n, ok)
		}
	}
	for _, symbol := range []string{"", "[", "[]", "[H]", "[C]", "[CH5]", "[CH0]", "[CH-1]", "[FH]", "[CH3",
		"CH3", "[CH]3", "[XH]", "[NaH]"} {
		if e, ok := ParseUnited(symbol); ok {
			t.Errorf("%q is %v", symbol, e)
		}
	}
	for e := range 256 { // a symbol that is read again, or none
		if back, ok := ParseUnited(Element(e).Symbol()); ok && back != Element(e) {
			t.Errorf("%d has the symbol %s of %d", e, Element(e).Symbol(), back)
		}
	}
}

func TestFormulasOfUnitedAtoms(t *testing.T) {
	atoms, err := ParseFormula("[CH3]2[CH]OC2")
	if err != nil {
		t.Fatal(err)
	}
	if got := (&Molecule{Elements: atoms}).Formula(); got != "C2O[CH3]2[CH]" {
		t.Errorf("formula %s", got)
	}
	if got := (&Molecule{Elements: Apart(atoms)}).Formula(); got != "C5H7O" {
		t.Errorf("apart %s", got)
	}
	for _, text := range []string{"[CH3", "[CH9]", "C[", "[]", "[C]2"} {
		if _, err := ParseFormula(text); err == nil || !strings.Contains(err.Error(), "no element at") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// What hydrogens a molecule has does not change when they are placed by rule, nor the places of its other
// atoms; its Lewis structure does not either, or its bonds by EDM's table.
func TestHydrogensAreAdded(t *testing.T) {
	all := lewisCases(t)
	for _, m := range small(t) {
		all = append(all, m)
	}
	sum, count := 0.0, 0
	for _, m := range all {
		name, _ := m.Property("title")
		united, err := bare(m).United()
		if err != nil {
			continue // tested below
		}
		placed := united.AddHydrogens()
		if again, err := placed.United(); err != nil || !slices.Equal(again.Elements, united.Elements) ||
			!slices.Equal(again.Positions, united.Positions) {
			t.Errorf("%s: united again %v, want %v, %v", name, again.Elements, united.Elements, err)
		}
		if got, want := placed.Formula(), m.Formula(); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
		before, after := bare(m).Lewis(m.Charge()), placed.Lewis(m.Charge())
		if got, want := orders(after), orders(before); m.Charge() == 0 && got != want {
			t.Errorf("%s: orders %s, want %s", name, got, want)
		}
		for i, e := range placed.Elements {
			if e == H {
				nearest := math.Inf(1)
				for j, other := range m.Elements {
					if other == H {
						d := vector{placed.at(i).x - m.at(j).x, placed.at(i).y - m.at(j).y, placed.at(i).z - m.at(j).z}
						nearest = min(nearest, math.Sqrt(dot(d, d)))
					}
				}
				sum, count = sum+nearest, count+1
			}
		}
	}
	if mean := sum / float64(count); !(mean < 0.25) || count < 500 {
		t.Errorf("%d hydrogens are %.3f Å from those of the data in the mean, want less than 0.25", count, mean)
	}
}

// orders counts the bonds of a structure but those of hydrogen, by elements and order.
func orders(l *Lewis) string {
	var list []string
	for _, b := range l.Bonds {
		if a, c := l.Elements[b.I], l.Elements[b.J]; a != H && c != H {
			list = append(list, min(a, c).Symbol()+max(a, c).Symbol()+strconv.Itoa(b.Order))
		}
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

func TestHydrogensOfSmallMolecules(t *testing.T) {
	ch4, _ := Unite(C, 4)
	oh2, _ := Unite(O, 2)
	for name, m := range map[string]*Molecule{
		"methane": {Elements: []Element{ch4}, Positions: make([][3]float64, 1)},
		"water":   {Elements: []Element{oh2}, Positions: make([][3]float64, 1)},
	} {
		if placed := m.AddHydrogens(); !placed.Stable() {
			t.Errorf("%s: %v at %v is not stable", name, placed.Elements, placed.Positions)
		}
	}
	ch2, _ := Unite(C, 2)
	ethene := (&Molecule{Elements: []Element{ch2, ch2}, Positions: [][3]float64{{}, {1.33}}}).AddHydrogens()
	for i := 2; i < 6; i++ { // in one plane
		for j := 2; j < i; j++ {
			n := cross(plus(ethene.at(i), -1, ethene.at(0)), plus(ethene.at(j), -1, ethene.at(0)))
			if math.Abs(dot(unit(n), vector{1, 0, 0})) > 1e-9 {
				t.Errorf("hydrogens %d and %d of ethene are in no plane with C=C", i, j)
			}
		}
	}
	if !ethene.Plausible() {
		t.Errorf("ethene %v is not plausible", ethene.Positions)
	}
	if m := (&Molecule{Elements: []Element{C}, Positions: make([][3]float64, 1)}); m.AddHydrogens() != m {
		t.Error("a molecule without united atoms is another one")
	}
}

// A molecule that no rule fits, as on the way to a sample, gets all of its hydrogens too.
func TestHydrogensOfNoMolecule(t *testing.T) {
	ch4, _ := Unite(C, 4)
	nh3, _ := Unite(N, 3)
	for name, positions := range map[string][][3]float64{
		"on one spot": make([][3]float64, 4),
		"in a line":   {{}, {1.5}, {3}, {4.5}},
		"in a square": {{}, {1.5}, {0, 1.5}, {1.5, 1.5}},
	} {
		m := &Molecule{Elements: []Element{ch4, nh3, ch4, F}, Positions: positions}
		placed := m.AddHydrogens()
		if placed.Formula() != "C2H11FN" || len(placed.Positions) != 15 {
			t.Errorf("%s: %s at %d places", name, placed.Formula(), len(placed.Positions))
		}
		for _, p := range placed.Positions {
			if p != p {
				t.Errorf("%s: position %v", name, p)
			}
		}
	}
}

func TestUnitedIsRefused(t *testing.T) {
	of := func(elements []Element, along ...float64) *Molecule {
		m := &Molecule{Elements: elements}
		for _, x := range along {
			m.Positions = append(m.Positions, [3]float64{x})
		}
		return m
	}
	for name, c := range map[string]struct {
		m    *Molecule
		want string
	}{
		"far":      {of([]Element{C, H}, 0, 2), "atom 2: a hydrogen without"},
		"fluoride": {of([]Element{H, F}, 0, 0.92), "atom 1: a hydrogen without"},
		"H2":       {of([]Element{H, H}, 0, 0.74), "atom 1: a hydrogen without"},
		"nothing":  {&Molecule{}, "no atom but hydrogen"},
		"CH5":      {of([]Element{C, H, H, H, H, H}, 0, 1, -1, 0.9, -0.9, 1.1), "atom 6: a hydrogen without"},
	} {
		if _, err := c.m.United(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// Every bit of the places is the same natively and as WebAssembly, which runs this test too.
func TestHydrogensAreTheSameEverywhere(t *testing.T) {
	h := fnv.New64a()
	for _, m := range lewisCases(t) {
		if united, err := bare(m).United(); err == nil {
			for _, p := range united.AddHydrogens().Positions {
				for _, x := range p {
					var b [8]byte
					binary.LittleEndian.PutUint64(b[:], math.Float64bits(x))
					h.Write(b[:])
				}
			}
		}
	}
	const want = "64441d6131f55f9e"
	if got := strconv.FormatUint(h.Sum64(), 16); got != want {
		t.Errorf("hash %s, want %s", got, want)
	}
}

// roomFor counts the atoms of molecules whose other atoms leave room for as many hydrogens as they
// have, and for fewer; and the molecules whose hydrogens Saturate puts where they are, and others.
func roomFor(t *testing.T, molecules iter.Seq2[*Molecule, error]) (atoms, same, fewer, right, wrong int) {
	t.Helper()
	for m, err := range molecules {
		if err != nil {
			t.Fatal(err)
		}
		united, err := m.United()
		if err != nil {
			continue
		}
		bare, hydrogens := &Molecule{Positions: united.Positions}, 0
		for _, e := range united.Elements {
			heavy, n := e.Split()
			bare.Elements = append(bare.Elements, heavy)
			hydrogens += n
		}
		if got, ok := bare.Saturate(hydrogens); ok && slices.Equal(got, united.Elements) {
			right++
		} else {
			wrong++
		}
		if got, ok := united.Saturate(hydrogens); !ok || !slices.Equal(got, united.Elements) {
			t.Errorf("%s with its hydrogens: %v, %v", united.Formula(), got, ok)
		}
		given := united.RoomForHydrogens()
		for i, room := range bare.RoomForHydrogens() {
			_, n := united.Elements[i].Split()
			if given[i] != max(room, n) {
				t.Errorf("room for %d at %s, for %d without its own", given[i], united.Elements[i].Symbol(), room)
			}
			atoms++
			if room == n {
				same++
			}
			if room < n {
				fewer++
			}
		}
	}
	t.Logf("of %d atoms, room for as many hydrogens as they have: %.2f %%, for fewer: %.2f %%", atoms,
		100*float64(same)/float64(atoms), 100*float64(fewer)/float64(atoms))
	t.Logf("of %d molecules, hydrogens put where they were: %.2f %%", right+wrong,
		100*float64(right)/float64(right+wrong))
	return atoms, same, fewer, right, wrong
}

func TestRoomForHydrogens(t *testing.T) {
	atoms, same, fewer, right, wrong := roomFor(t, ReadXYZ(strings.NewReader(qm9Features), "features.xyz"))
	if right < 9*wrong {
		t.Errorf("hydrogens put where they were in %d molecules, not in %d", right, wrong)
	}
	ethane := &Molecule{Elements: []Element{C, C}, Positions: [][3]float64{{}, {1.53}}}
	for _, n := range []int{-1, 7} {
		if got, ok := ethane.Saturate(n); ok {
			t.Errorf("ethane with %d hydrogens: %v", n, got)
		}
	}
	if atoms < 80 || same*100 < atoms*95 || fewer*100 > atoms {
		t.Errorf("of %d atoms %d have room for as many hydrogens as they have, %d for fewer", atoms, same, fewer)
	}
}

// A hydrogen whose nearest atoms carry four others already takes the place of one that another atom can
// carry.
func TestHydrogensAreCarriedWhereTheyCan(t *testing.T) {
	m := &Molecule{Elements: []Element{C, C, H, H, H, H, H}, Positions: [][3]float64{{}, {0.8, 0, 0},
		{0.3, 0.9, 0}, {0.3, -0.9, 0}, {0.3, 0, 0.9}, {0.3, 0, -0.9}, {-1.09, 0, 0}}}
	united, err := m.United()
	if err != nil {
		t.Fatal(err)
	}
	if got := united.Formula(); got != "[CH4][CH]" {
		t.Errorf("united atoms %s", got)
	}
}

// Whatever the angle of its two bonds, an atom's hydrogens are at the length of a bond.
func TestHydrogensOfStraightBonds(t *testing.T) {
	methylene, _ := ParseUnited("[CH2]")
	for _, bend := range []float64{0, 1e-4, 0.01, 0.05, 0.09, 0.11, 0.3, 0.5} {
		m := &Molecule{Elements: []Element{methylene, C, C}, Positions: [][3]float64{{}, {1.5, bend, 0}, {-1.5, bend, 0}}}
		placed := m.AddHydrogens()
		for _, i := range []int{3, 4} {
			if d := placed.Distance(0, i); placed.Elements[i] != H || math.Abs(d-1.1) > 0.02 {
				t.Errorf("bonds bent by %g Å: hydrogen at %.3f Å", bend, d)
			}
			if d := placed.Distance(i, 1) - placed.Distance(i, 2); math.Abs(d) > 0.01 {
				t.Errorf("bonds bent by %g Å: a hydrogen is %.3f Å nearer to one neighbour", bend, d)
			}
		}
	}
}

// Opposite to a lone pair of oxygen a bond of carbon to hydrogen is longer and leans away: dimethyl ether of
// QM9 (gdb_000015), where one hydrogen of each methyl group is opposite to the other carbon atom.
func TestHydrogensBesideLonePairs(t *testing.T) {
	methyl, _ := Unite(C, 3)
	m := &Molecule{Elements: []Element{methyl, O, methyl}, Positions: [][3]float64{
		{-0.014821, 1.392412, 0.005671}, {-0.004715, -0.013607, 0.014597}, {0.637949, -0.553297, -1.113582}}}
	placed := m.AddHydrogens()
	for _, carbon := range []int{0, 2} {
		var bond, across []float64 // to carbon and to oxygen
		for i, e := range placed.Elements {
			if e == H && placed.Distance(i, carbon) < 1.2 {
				bond = append(bond, placed.Distance(i, carbon))
				across = append(across, placed.Distance(i, 1))
			}
		}
		slices.Sort(bond)
		slices.Sort(across)
		for k, want := range []float64{1.0928, 1.1023, 1.1023} {
			if math.Abs(bond[k]-want) > 0.003 {
				t.Errorf("carbon %d: bonds of %.4f Å, want %.4f", carbon, bond, want)
			}
		}
		for k, want := range []float64{2.0236, 2.0850, 2.0850} {
			if math.Abs(across[k]-want) > 0.01 {
				t.Errorf("carbon %d: hydrogens %.4f Å from oxygen, want %.4f", carbon, across, want)
			}
		}
	}
}

// The hydrogen of a carbon atom of a double bond leans to a single bond to oxygen, away from a double bond:
// methyl formate of QM9 (gdb_000037).
func TestHydrogensBesideDoubleBonds(t *testing.T) {
	methyl, _ := Unite(C, 3)
	formyl, _ := Unite(C, 1)
	m := &Molecule{Elements: []Element{methyl, O, formyl, O}, Positions: [][3]float64{{0.106538, 1.435120, 0.033361},
		{0.426866, 0.047169, 0.093099}, {0.507149, -0.636527, -1.063183}, {0.769270, -1.799550, -1.110105}}}
	placed := m.AddHydrogens()
	h := slices.IndexFunc(placed.Positions, func(p [3]float64) bool {
		return math.Abs(p[0]-0.304585) < 0.1 && math.Abs(p[1]+0.002319) < 0.1 && math.Abs(p[2]+1.949656) < 0.1
	})
	if h < 0 {
		t.Fatalf("no hydrogen where the data have one: %v", placed.Positions)
	}
	for o, want := range map[int]float64{1: 2.0470, 3: 2.0374} {
		if d := placed.Distance(h, o); math.Abs(d-want) > 0.01 {
			t.Errorf("hydrogen is %.4f Å from oxygen %d, want %.4f", d, o+1, want)
		}
	}
}
