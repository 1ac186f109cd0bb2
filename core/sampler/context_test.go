package sampler

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// told is a network that remembers under which values it was put; every value adds its part to the features that it predicts.
type told struct {
	symmetrise.Network
	values *map[string]float64
}

func (n told) At(values map[string]float64) (symmetrise.Network, error) {
	*n.values = values
	sum := float32(0)
	for _, v := range values {
		sum += float32(v)
	}
	return steady(sum, n.values), nil
}

// steady predicts features of v everywhere.
func steady(v float32, values *map[string]float64) told {
	return told{symmetrise.New(symmetrise.Func(6, func(eps, _ []float32, _ float32) {
		for i := range eps {
			eps[i] = 0
			if i%9 >= 3 {
				eps[i] = v
			}
		}
	}), symmetrise.None()), values}
}

func formula(t testing.TB, text string) []molecule.Element {
	t.Helper()
	elements, err := molecule.ParseFormula(text)
	if err != nil {
		t.Fatal(err)
	}
	return elements
}

// composed is the meaning of the inputs of a network that is conditioned on gap and composition.
func composed() model.Meta {
	meta := model.QM9Meta()
	meta.Context = []model.Quantity{{Name: "gap", MAD: 1}}
	for _, symbol := range meta.Elements {
		meta.Context = append(meta.Context, model.Quantity{Name: model.CountName(symbol), MAD: 1})
	}
	return meta
}

// A network without a condition is held to the composition by replacement.
func TestCompositionByReplacement(t *testing.T) {
	m := network(t, "symdiff")
	ethene := formula(t, "C2H4")
	a := run(t, m, Options{Seed: 1, Atoms: []int{0, 6}, Steps: 5, Composition: ethene, Resample: 2})
	b := run(t, m, Options{Seed: 1, Atoms: []int{6, 6}, Steps: 5, Known: &Known{Elements: ethene}, Resample: 2})
	if bits(a.z) != bits(b.z) || a.Molecule(1).Formula() != "C2H4" {
		t.Errorf("%s, which is not what replacement makes", a.Molecule(1).Formula())
	}
	part := &Known{Elements: water.Elements, Positions: water.Positions}
	whole := run(t, m, Options{Seed: 1, Atoms: []int{0}, Steps: 5, Composition: formula(t, "C2H4O"), Known: part}).Molecule(0)
	if whole.Formula() != "C2H4O" || !slices.Equal(whole.Elements[:3], water.Elements) || len(part.Elements) != 3 {
		t.Errorf("around a part: %v", whole.Elements)
	}
}

// A network that is conditioned on the composition is given it, with any method, and is not held to it.
func TestCompositionAsContext(t *testing.T) {
	var values map[string]float64
	base := steady(0, &values)
	sample := func(o Options) *Sampler {
		t.Helper()
		o.Atoms, o.Seed, o.Steps = []int{0}, 3, 5
		return finished(t, base, composed(), o)
	}
	target := func(s *Sampler, key string) string {
		v, _ := s.Result(0, "").Property(key)
		return v
	}
	s := sample(Options{Composition: formula(t, "CH2O"), Method: DPMSDE, Resample: 10})
	want := map[string]float64{"count:H": 2, "count:C": 1, "count:N": 0, "count:O": 1, "count:F": 0}
	if s.Atoms(0) != 4 || s.given != nil || !maps.Equal(values, want) || target(s, "target_formula") != "CH2O" || target(s, "known") != "" {
		t.Errorf("%d atoms under %v: %v", s.Atoms(0), values, s.Result(0, "").Properties)
	}
	led := sample(Options{Composition: formula(t, "OH2C"), Values: map[string]float64{"gap": 0.5}, Guidance: 2, Method: DPMSDE})
	want["gap"] = 0.5
	if !maps.Equal(values, want) || target(led, "target_gap") != "0.5" || target(led, "target_formula") != "CH2O" || target(led, "property_guidance") != "2" {
		t.Errorf("under %v: %v", values, led.Result(0, "").Properties)
	}
	// eps_hat is 4 without, 4.5 with the gap, 4.5·(1 + 2) with guidance: the network's own value is 0
	if e := s.eps[3]; e != 4 || led.eps[3] != 13.5 {
		t.Errorf("the network predicts %g and %g", e, led.eps[3])
	}
	kept := sample(Options{Composition: formula(t, "C2H2O"), Known: &Known{Elements: []molecule.Element{molecule.O}, Positions: [][3]float64{{}}}, Resample: 3})
	if m := kept.Result(0, ""); m.Elements[0] != molecule.O || target(kept, "known") != "1" || target(kept, "resample") != "3" || values["count:C"] != 2 {
		t.Errorf("around a part: %v", m.Properties)
	}
}

func TestCompositionRefuses(t *testing.T) {
	values := map[string]float64{}
	gap := map[string]float64{"gap": 1}
	for want, o := range map[string]Options{
		"the composition has 3 atoms, asked for are 4": {Composition: formula(t, "H2O"), Atoms: []int{4}},
		"fewer O than the part":                        {Composition: formula(t, "CH4"), Known: water},
		"element S is not among the model's":           {Composition: formula(t, "H2S")},
		"count:C: the composition is given as a whole": {Values: map[string]float64{"count:C": 1}},
		"guidance without a value":                     {Guidance: 1},
		"guidance -1":                                  {Guidance: -1, Values: gap},
	} {
		if o.Atoms == nil {
			o.Atoms = []int{0}
		}
		meta := composed()
		meta.Histogram = map[int]int{5: 1}
		o.Steps = 3
		if _, err := NewNetwork(steady(0, &values), meta, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", want, err)
		}
	}
	if _, err := New(network(t, "dit"), Options{Atoms: []int{3}, Steps: 3, Values: gap}); err == nil || !strings.Contains(err.Error(), "conditioned on: nothing") {
		t.Errorf("a network without a condition: %v", err)
	}
}
