package sampler

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/o3"
)

// unitedModel is a model of C, CH3, O and OH that is given the types.
func unitedModel(t *testing.T) *model.Model {
	t.Helper()
	c := wide()
	c.Features, c.Context = 5, 2
	meta := encoding.QM9()
	meta.Elements = []string{"C", "[CH3]", "O", "[OH]"}
	meta.Context = []encoding.Quantity{{Name: encoding.TypesName, MAD: 1}}
	meta.Compositions = []encoding.Composition{{Formula: "[CH3][OH]", Molecules: 3}, {Formula: "O[CH3]2", Molecules: 2},
		{Formula: "C2[CH3][OH]2", Molecules: 1}, {Formula: "C2O[CH3][OH]", Molecules: 1}}
	meta.Histogram = map[int]int{2: 3, 3: 2, 5: 1, 4: 1}
	return zeros(t, c, meta)
}

func TestUnitedAtomsGetTheirHydrogens(t *testing.T) {
	m := unitedModel(t)
	const n = 12
	s, err := of(m, Options{Seed: 3, N: n, Steps: 4, TStart: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if want := []molecule.Element{molecule.H, molecule.C, molecule.O}; !slices.Equal(s.Elements(), want) {
		t.Errorf("elements of frames %v, want %v", s.Elements(), want)
	}
	for {
		for i := range n {
			whole := s.Molecule(i)
			atoms := len(whole.Elements)
			if s.Atoms(i) != atoms {
				t.Fatalf("molecule %d: %d atoms in frames, %d in the molecule", i, s.Atoms(i), atoms)
			}
			positions, types := make([]float32, 3*atoms), make([]float32, 3*atoms)
			s.Frame(i, positions, types)
			for a, e := range whole.Elements {
				for k, x := range whole.Positions[a] {
					if positions[3*a+k] != float32(x) {
						t.Fatalf("molecule %d, atom %d is at %v in frames, at %v else", i, a, positions[3*a:3*a+3], whole.Positions[a])
					}
				}
				if k := slices.Index(s.Elements(), e); types[3*a+k] != 1 {
					t.Fatalf("molecule %d, atom %d is %v in frames, %v else", i, a, types[3*a:3*a+3], e)
				}
			}
			s.Frame(i, nil, types)
			s.Predicted(i, positions, nil)
		}
		if s.Done() {
			break
		}
		if err := s.Step(); err != nil {
			t.Fatal(err)
		}
	}
	formulas := map[string]int{}
	for i := range n {
		formula, _ := s.Result(i).Property("formula")
		formulas[formula]++
	}
	if len(formulas) < 2 || formulas["CH4O"] == 0 {
		t.Errorf("formulas %v", formulas)
	}
}

// Which types are unknown on the way: frames have no hydrogens then, the molecules do.
func TestUnitedAtomsThatAreSampled(t *testing.T) {
	s, err := of(unitedModel(t), Options{Seed: 3, N: 4, Steps: 4, TStart: 1000, Joint: true, Atoms: 5})
	if err != nil {
		t.Fatal(err)
	}
	for !s.Done() {
		if err := s.Step(); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 4 {
		if s.Atoms(i) != 5 {
			t.Errorf("%d atoms in frames, want 5", s.Atoms(i))
		}
		types := make([]float32, 15)
		s.Frame(i, make([]float32, 15), types)
		if got := s.Molecule(i); len(got.Elements) < 5 || molecule.IsUnited(got.Elements) {
			t.Errorf("atoms %v", got.Elements)
		}
	}
}

// A formula of elements is of the compositions that the training data have of it, here dimethyl ether,
// and as often as one more molecule of any that its hydrogens allow: ethanol 0.24, the ether 0.18.
func TestFormulaBeyondTheCompositions(t *testing.T) {
	meta := unitedModel(t).Meta
	meta.Fragments = true
	meta.Compositions = []encoding.Composition{{Formula: "O[CH3]2", Molecules: 1},
		{Formula: "[CH2]2[CH3][OH]", Molecules: 1}}
	const n = 2000
	frequency := func(o Options) (ethanol float64) {
		t.Helper()
		o.N, o.Seed = n, 1
		types, err := o.types(meta)
		if err != nil {
			t.Fatal(err)
		}
		for _, atoms := range types {
			if hill := (&molecule.Molecule{Elements: molecule.Apart(atoms)}).Formula(); hill != "C2H6O" {
				t.Fatalf("a molecule is %s", hill)
			}
			if slices.ContainsFunc(atoms, func(e molecule.Element) bool { return e.Symbol() == "[OH]" }) {
				ethanol += 1. / n
			}
		}
		return ethanol
	}
	if got := frequency(Options{Formula: "C2H6O"}); math.Abs(got-0.24/0.42/2) > 0.04 {
		t.Errorf("ethanol is %.2f of the molecules", got)
	}
	oh, _ := molecule.ParseUnited("[OH]")
	fragment := &molecule.Molecule{Elements: []molecule.Element{oh}, Positions: make([][3]float64, 1)}
	if got := frequency(Options{Formula: "C2H6O", Fragment: fragment}); math.Abs(got-1) > 1e-9 {
		t.Errorf("around a hydroxyl group %.2f have one", got)
	}
	for formula, want := range map[string]string{"H2": "do not add up", "C2H9O2": "do not add up",
		"CH4": "do not add up", "C2H6": "fewer O than"} {
		o := Options{Formula: formula, N: 1}
		if formula == "C2H6" {
			o.Fragment = fragment
		}
		if _, err := o.types(meta); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", formula, err, want)
		}
	}
}

func TestFormulaOfUnitedAtoms(t *testing.T) {
	m := unitedModel(t)
	for formula, want := range map[string]string{
		"CH4O": "CH4O", "[CH3][OH]": "CH4O", "C3H4O2": "C3H4O2", // the latter is of one composition
		"[CH3]3[OH]": "C3H10O", // and this of none
	} {
		for got, err := range Generate(context.Background(), m.Network(), m.Meta, Options{Formula: formula, Steps: 2, N: 3}) {
			if err != nil {
				t.Fatalf("%s: %v", formula, err)
			}
			if got.Formula() != want {
				t.Errorf("%s gives %s, want %s", formula, got.Formula(), want)
			}
			if target, _ := got.Property("target_formula"); target == "" {
				t.Errorf("%s: properties %v", formula, got.Properties)
			}
		}
	}
	methanol := &molecule.Molecule{Elements: []molecule.Element{8, 1, 6, 1, 1, 1}, Positions: [][3]float64{{0, 0, 1.42},
		{0.92, 0, 1.7}, {0, 0, 0}, {1.03, 0, -0.37}, {-0.51, 0.89, -0.37}, {-0.51, -0.89, -0.37}}}
	s, err := of(m, Options{From: []*molecule.Molecule{methanol}, N: 2, TStart: 100, Steps: 2})
	if err != nil {
		t.Fatal(err)
	}
	if s.sizes[0] != 2 || s.Atoms(0) != 6 {
		t.Errorf("from methanol: %d united atoms, %d atoms", s.sizes[0], s.Atoms(0))
	}
	if s, err = of(m, Options{Atoms: 9, Steps: 2, N: 3}); err != nil || s.Atoms(2) != 9 {
		t.Errorf("9 atoms: %v", err)
	}
	apart := &molecule.Molecule{Elements: []molecule.Element{1, 8}, Positions: [][3]float64{{}, {5}}}
	for name, c := range map[string]struct {
		o    Options
		want string
	}{
		"formula":       {Options{Formula: "C9H20"}, "united atoms such as [CH3]2[OH]"},
		"atoms":         {Options{Formula: "CH4O", Atoms: 2}, "the formula CH4O has 6"},
		"other element": {Options{Formula: "[NH2]2"}, "element [NH2] is not among"},
		"sulphur":       {Options{Formula: "H2S"}, "the model's C [CH3] O [OH] do not add up to it"},
		"hydrogen": {Options{From: []*molecule.Molecule{apart}, TStart: 10},
			"molecule 0: atom 1: a hydrogen without a bond"},
	} {
		if _, err := of(m, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if note := m.Meta.FormulaNotes("CH4O"); note != "" {
		t.Errorf("CH4O: %s", note)
	}
	if note := m.Meta.FormulaNotes("C2H6O2"); !strings.Contains(note, "No molecule of the training data") {
		t.Errorf("C2H6O2: %q", note)
	}
	if note := m.Meta.FormulaNotes("C3H8O5"); !strings.Contains(note, "16 atoms") {
		t.Errorf("C3H8O5: %q", note)
	}
}

// A fragment without hydrogens, or with some of them, is a part of any molecule that has more.
func TestFragmentsOfUnitedAtoms(t *testing.T) {
	m := unitedModel(t)
	m.Meta.Fragments = true
	bare := &molecule.Molecule{Elements: []molecule.Element{6, 8}, Positions: [][3]float64{{0, 0, 7}, {0, 0, 8.42}}}
	s, err := of(m, Options{Fragment: bare, N: 60, Steps: 2, Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	for !s.Done() {
		if err := s.Step(); err != nil {
			t.Fatal(err)
		}
	}
	first := map[string]int{}
	for i := range 60 {
		first[s.given[i][0].Symbol()+s.given[i][1].Symbol()]++
		whole := s.Molecule(i)
		if len(whole.Elements) < 9 || whole.Positions[0] != bare.Positions[0] || whole.Positions[1] != bare.Positions[1] {
			t.Fatalf("molecule %d: %v at %v", i, whole.Elements, whole.Positions)
		}
	}
	// O[CH3]2 twice as often as the others, in which C is drawn from two
	for _, pair := range []string{"[CH3]O", "C[OH]", "[CH3][OH]", "CO"} {
		if first[pair] == 0 {
			t.Errorf("the fragment is never %s: %v", pair, first)
		}
	}
	hydroxyl := &molecule.Molecule{Elements: []molecule.Element{1, 8}, Positions: [][3]float64{{0.96}, {}}}
	swap := &o3.Matrix{{0, 1, 0}, {1, 0, 0}, {0, 0, 1}}
	if s, err = of(m, Options{Fragment: hydroxyl, N: 20, Steps: 2, Rotate: swap}); err != nil {
		t.Fatal(err)
	}
	for !s.Done() {
		if err := s.Step(); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 20 {
		if s.given[i][0].Symbol() != "[OH]" {
			t.Errorf("a hydroxyl group is %v", s.given[i][0])
		}
		got := s.Result(i)
		if number, _ := got.Property("fragment"); got.Elements[0] != 1 || got.Elements[1] != 8 || number != "2" ||
			got.Positions[0] != [3]float64{0, 0.96} || got.Positions[1] != [3]float64{} {
			t.Errorf("around a hydroxyl group: %v at %v, fragment=%s", got.Elements, got.Positions, number)
		}
		positions := make([]float32, 3*s.Atoms(i))
		types := make([]float32, s.Atoms(i)*len(s.Elements()))
		s.Frame(i, positions, types)
		if len(got.Elements) != s.Atoms(i) {
			t.Fatalf("%d atoms, frames have %d", len(got.Elements), s.Atoms(i))
		}
		for a, e := range got.Elements {
			if d := math.Abs(float64(positions[3*a+1]) - got.Positions[a][1]); d > 1e-3 ||
				types[a*len(s.Elements())+slices.Index(s.Elements(), e)] != 1 {
				t.Errorf("atom %d of the frame is %g Å from that of the molecule, types %v", a, d, types)
			}
		}
	}
	// one hydrogen of a methyl group is given, two are placed
	var united [2]molecule.Element
	for k, symbol := range []string{"[CH]", "[CH3]"} {
		united[k], _ = molecule.ParseUnited(symbol)
	}
	methine := &molecule.Molecule{Elements: []molecule.Element{6, 1}, Positions: [][3]float64{{}, {1.09}}}
	s.o.apart, s.o.Fragment = methine, &molecule.Molecule{Elements: united[:1], Positions: methine.Positions[:1]}
	s.o.Rotate = nil
	whole := s.whole(0, &molecule.Molecule{Elements: []molecule.Element{united[1], s.given[0][0]},
		Positions: [][3]float64{{}, {-0.48, 1.35}}})
	if whole.Formula() != "CH4O" || whole.Positions[1] != methine.Positions[1] {
		t.Errorf("around CH: %s, %v", whole.Formula(), whole.Positions)
	}
	for a, e := range whole.Elements[2:] {
		if e == 1 && whole.Distance(1, a+2) < 1.5 {
			t.Errorf("hydrogens 1 and %d are %.2f Å apart", a+2, whole.Distance(1, a+2))
		}
	}
	for name, c := range map[string]struct {
		o    Options
		want string
	}{
		"formula": {Options{Formula: "[CH3]3", Fragment: hydroxyl}, "it has fewer [OH] than the fragment"},
		"part": {Options{Formula: "C2H6O", Fragment: hydroxyl},
			"no composition of C2H6O in the weights file has its atoms"},
	} {
		if _, err := of(m, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// The atoms of a fragment without hydrogens have those that its geometry leaves room for: the whole of
// propene's skeleton all of them.
func TestFragmentWithoutHydrogens(t *testing.T) {
	meta := unitedModel(t).Meta
	meta.Fragments = true
	meta.Compositions = []encoding.Composition{{Formula: "[CH]2[CH2]2[CH3]2", Molecules: 5},
		{Formula: "[CH][CH2][CH3]", Molecules: 1}}
	propene := &molecule.Molecule{Elements: []molecule.Element{6, 6, 6},
		Positions: [][3]float64{{0, 0, 0}, {1.336, 0, 0}, {2.08, 1.305, 0}}}
	ethene := &molecule.Molecule{Elements: propene.Elements[:2], Positions: propene.Positions[:2]}
	for formula, c := range map[string]struct {
		fixed *molecule.Molecule
		most  []int // hydrogens of its atoms
	}{"C3H6": {propene, []int{2, 1, 3}}, "": {propene, []int{2, 1, 3}}, "C6H12": {ethene, []int{2, 2}}} {
		o, err := Options{Formula: formula, N: 200, Fragment: c.fixed}.united(meta)
		if err != nil {
			t.Fatal(err)
		}
		types, err := o.types(meta)
		if err != nil {
			t.Fatalf("%s: %v", formula, err)
		}
		for _, atoms := range types {
			for a, most := range c.most {
				if _, n := atoms[a].Split(); n > most || n < most && formula == "C3H6" {
					t.Fatalf("%q: atom %d has %d hydrogens, with room for %d", formula, a, n, most)
				}
			}
		}
	}
}

// Hydrogens rotate with the noise, reflections too, where the rule has a choice: about the one bond of
// methanol.
func TestHydrogensAreEquivariant(t *testing.T) {
	m := unitedModel(t)
	h := &o3.Matrix{{0.6, 0.8, 0}, {-0.8, 0.6, 0}, {0, 0, -1}}
	o := Options{Seed: 4, N: 20, Steps: 2, Formula: "[CH3][OH]"}
	var runs [3]*Sampler
	for k := range runs {
		if k > 0 {
			o.Rotate, o.Uncoupled = h, k == 2
		}
		s, err := of(m, o)
		if err != nil {
			t.Fatal(err)
		}
		for !s.Done() {
			if err := s.Step(); err != nil {
				t.Fatal(err)
			}
		}
		runs[k] = s
	}
	apart := 0.0
	for i := range o.N {
		one := runs[0].Molecule(i)
		for a, p := range one.Positions {
			want := turned(p, h)
			for k, x := range runs[1].Molecule(i).Positions[a] {
				if math.Abs(x-want[k]) > 1e-4 {
					t.Fatalf("molecule %d, atom %d is at %v, want %v", i, a, runs[1].Molecule(i).Positions[a], want)
				}
			}
			for k, x := range runs[2].Molecule(i).Positions[a] {
				apart = max(apart, math.Abs(x-want[k]))
			}
		}
	}
	if apart < 0.5 {
		t.Errorf("uncoupled, hydrogens are %g Å apart", apart)
	}
}
