package sampler

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// watched is a network that takes types, adds up the features that it is called with, and
// predicts features at random.
type watched struct {
	symmetrise.Network
	seen   *[][]float32
	values *map[string]float64
}

func (n watched) At(values map[string]float64) (symmetrise.Network, error) {
	*n.values = values
	return watched{n.Network, n.seen, n.values}, nil
}

// typed is such a network and the meaning of its inputs.
func typed() (watched, encoding.Meta) {
	w := watched{seen: &[][]float32{}, values: &map[string]float64{}}
	w.Network = symmetrise.New(symmetrise.Func(6, func(eps, z []float32, _ float32) {
		*w.seen = append(*w.seen, slices.Clone(z))
		for i, v := range z {
			eps[i] = 0.1 * v
			if i%9 >= 3 {
				eps[i] = 40 - v // not to be used
			}
		}
	}), symmetrise.None())
	meta := encoding.QM9()
	meta.Context = []encoding.Quantity{{Name: encoding.TypesName, MAD: 1}}
	meta.Compositions = []encoding.Composition{
		{Formula: "CH4", Molecules: 60},
		{Formula: "H2O", Molecules: 30},
		{Formula: "C2H6", Molecules: 9},
		{Formula: "C2H5F", Molecules: 1},
	}
	return w, meta
}

func finished(t testing.TB, net symmetrise.Network, meta encoding.Meta, o Options) *Sampler {
	t.Helper()
	s, err := New(net, meta, o)
	if err != nil {
		t.Fatal(err)
	}
	for !s.Done() {
		if err := s.Step(); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// Given types are in every input of the network, without noise, by every method, and in what
// comes out.
func TestGivenTypes(t *testing.T) {
	for _, method := range Methods() {
		net, meta := typed()
		s := finished(t, net, meta,
			Options{Seed: 2, sizes: []int{0, 0}, Steps: 4, Method: method, Formula: "HOF"})
		if v, ok := (*net.values)[encoding.TypesName]; !ok || v != 0 {
			t.Errorf("%s: under %v", method, *net.values)
		}
		for call, z := range *net.seen {
			for a, z := range slices.Collect(slices.Chunk(z, 9)) {
				want := []float32{0, 0, 0, 0, 0, 0}
				e := s.Molecule(0).Elements[a%3]
				want[slices.Index([]molecule.Element{1, 6, 7, 8, 9}, e)], want[5] = 0.25, float32(
					e,
				)/10
				if !slices.Equal(z[3:], want) {
					t.Fatalf("%s, call %d, atom %d: features %v, want %v", method, call, a, z[3:],
						want)
				}
			}
		}
		for i := range 2 {
			hat := make([]float32, 15)
			s.Predicted(i, nil, hat)
			if m := s.Result(i); m.Formula() != "FHO" || len(*net.seen) == 0 ||
				slices.Max(hat) != 1 ||
				slices.Min(hat) != 0 {
				t.Errorf("%s: %s, predicted types %v", method, m.Formula(), hat)
			}
		}
		if v, _ := s.Result(0).Property("target_formula"); v != "FHO" {
			t.Errorf("target %q", v)
		}
	}
}

// Without a composition one is drawn as often as it is in the data, among those of the size and
// with the part that are asked for.
func TestTypesAreDrawn(t *testing.T) {
	net, meta := typed()
	count := func(o Options) map[string]int {
		o.Seed, o.Steps = 5, 1
		s, err := New(net, meta, o)
		if err != nil {
			t.Fatal(err)
		}
		counts := map[string]int{}
		for i := range s.Len() {
			counts[s.Molecule(i).Formula()]++
		}
		return counts
	}
	const n = 2000
	got := count(Options{sizes: make([]int, n)})
	for name, share := range map[string]float64{"CH4": 0.6, "H2O": 0.3, "C2H6": 0.09, "C2H5F": 0.01} {
		if v := float64(got[name]) / n; math.Abs(v-share) > 4*math.Sqrt(share/n) {
			t.Errorf("%s: %.3f of all, want %.3f", name, v, share)
		}
	}
	if got = count(Options{sizes: fill(make([]int, n), 8)}); got["C2H6"]+got["C2H5F"] != n ||
		got["C2H5F"] < n/20 ||
		got["C2H5F"] > n/6 {
		t.Errorf("of 8 atoms: %v", got)
	}
	meta.Fragments = true
	part := &molecule.Molecule{
		Elements:  []molecule.Element{molecule.C, molecule.C},
		Positions: [][3]float64{{}, {1.5, 0, 0}},
	}
	if got = count(Options{sizes: make([]int, 100), Fragment: part}); got["C2H6"]+got["C2H5F"] != 100 {
		t.Errorf("with two carbons: %v", got)
	}
	s := finished(t, net, meta, Options{Seed: 1, sizes: []int{0}, Steps: 3, Fragment: part})
	if m := s.Molecule(0); m.Elements[1] != molecule.C || math.Abs(m.Distance(0, 1)-1.5) > 1e-5 {
		t.Errorf("the part comes out as %v, %g Å", m.Elements[:2], m.Distance(0, 1))
	}
	// The order and the batch of molecules do not matter.
	one := finished(t, net, meta,
		Options{Seed: 5, First: 7, sizes: []int{0}, Steps: 2, Method: DPMSDE})
	many := finished(t, net, meta,
		Options{Seed: 5, First: 3, sizes: make([]int, 9), Steps: 2, Method: DPMSDE})
	if bits(one.rows(0)) != bits(many.rows(4)) {
		t.Error("a molecule depends on its batch")
	}
}

func TestTypesOfMolecules(t *testing.T) {
	net, meta := typed()
	s := finished(t, net, meta,
		Options{Seed: 1, From: []*molecule.Molecule{hydroxide}, TStart: 900, Steps: 3})
	if m := s.Molecule(0); !slices.Equal(m.Elements, hydroxide.Elements) {
		t.Errorf("from hydroxide comes %s", m.Formula())
	}
}

// Sampled jointly, or without compositions to draw from, types are sampled as by any network.
func TestJoint(t *testing.T) {
	net, meta := typed()
	meta.Histogram = map[int]int{4: 1}
	s := finished(t, net, meta, Options{Seed: 2, sizes: []int{0}, Steps: 4, Joint: true})
	joint, _ := s.Result(0).Property("joint")
	if s.types != nil || len(*net.values) != 0 || joint != "true" {
		t.Errorf("given %v under %v, joint=%q", s.types, *net.values, joint)
	}
	meta.Compositions = nil
	if s = finished(t, net, meta, Options{Seed: 2, sizes: []int{0}, Steps: 4}); s.types != nil {
		t.Error("types out of nowhere")
	}
}

// constant predicts eps for everything.
func constant(eps float32) symmetrise.Network {
	return symmetrise.New(symmetrise.Func(6, func(out, _ []float32, _ float32) {
		for i := range out {
			out[i] = eps
		}
	}), symmetrise.None())
}

// valued predicts 10 for a value of gap and 1 for types.
type valued struct{ symmetrise.Network }

func (n valued) At(values map[string]float64) (symmetrise.Network, error) {
	eps := float32(0)
	for name := range values {
		eps += map[string]float32{"gap": 10, encoding.TypesName: 1}[name]
	}
	return constant(eps), nil
}

// CFGWeight leads away from what is predicted without the values, but of the same given types.
func TestTypesCFGWeight(t *testing.T) {
	_, meta := typed()
	meta.Context = append(meta.Context, encoding.Quantity{Name: "gap", MAD: 1})
	// 11 + 2·(11 - 1) and 10 + 2·(10 - 0)
	for want, o := range map[float32]Options{31: {}, 30: {Joint: true}} {
		o.sizes, o.Steps, o.Properties, o.CFGWeight = []int{5}, 2, map[string]float64{"gap": 1}, 2
		s, err := New(valued{constant(0)}, meta, o)
		if err != nil {
			t.Fatal(err)
		}
		s.predict(100, 0)
		if got := s.eps[s.width-1]; got != want {
			t.Errorf("joint %t: %g, want %g", o.Joint, got, want)
		}
	}
}

func TestTypesRefused(t *testing.T) {
	net, meta := typed()
	for want, o := range map[string]Options{
		"atoms 7: no molecule of the model's": {sizes: []int{0, 7}},
		"atoms 4: the formula H2O has 3":      {Atoms: 4, Formula: "H2O"},
		"element S is not":                    {Formula: "H2S"},
		"formula: ":                           {Formula: "H2o"},
		"formula H2O: want a model":           {Formula: "H2O", Joint: true},
		"not with formula":                    {Formula: "H2O", From: []*molecule.Molecule{water}, TStart: 5},
	} {
		o.Steps = 2
		if _, err := New(net, meta, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}
