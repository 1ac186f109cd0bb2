package sampler

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/o3"
)

var water = &Known{Elements: []molecule.Element{molecule.O, molecule.H, molecule.H}, Positions: [][3]float64{{5, 0, 0}, {5.96, 0, 0}, {4.76, 0.93, 0}}}

// The given atoms end with their types and their exact geometry, whatever the batch; the rest is drawn.
func TestKnownAtomsAreKept(t *testing.T) {
	m := network(t, "symdiff")
	for _, resample := range []int{0, 3} {
		o := Options{Seed: 3, Atoms: []int{3, 9, 6}, Steps: 8, Known: water, Resample: resample}
		s := run(t, m, o)
		for i := range s.Len() {
			mol := s.Molecule(i)
			for a, e := range water.Elements {
				if mol.Elements[a] != e {
					t.Errorf("resample %d, molecule %d: atom %d is %s, want %s", resample, i, a, mol.Elements[a].Symbol(), e.Symbol())
				}
				for b := range a {
					want, got := 0.0, 0.0
					for k := range 3 {
						want += math.Pow(water.Positions[a][k]-water.Positions[b][k], 2)
						got += math.Pow(mol.Positions[a][k]-mol.Positions[b][k], 2)
					}
					if math.Abs(math.Sqrt(got)-math.Sqrt(want)) > 1e-4 {
						t.Errorf("resample %d, molecule %d: distance %g, want %g", resample, i, math.Sqrt(got), math.Sqrt(want))
					}
				}
			}
			alone := run(t, m, Options{Seed: 3, First: i, Atoms: o.Atoms[i : i+1], Steps: 8, Known: water, Resample: resample})
			if bits(alone.z) != bits(s.rows(i)) {
				t.Errorf("resample %d: molecule %d differs when it is sampled alone", resample, i)
			}
		}
	}
	once, thrice := run(t, m, Options{Seed: 3, Atoms: []int{9}, Steps: 8, Known: water}), run(t, m, Options{Seed: 3, Atoms: []int{9}, Steps: 8, Known: water, Resample: 3})
	if bits(once.z) == bits(thrice.z) {
		t.Error("resampling changes nothing")
	}
}

// A size that is drawn has room for more than what is known, and so has a formula.
func TestKnownDrawn(t *testing.T) {
	m := network(t, "symdiff")
	m.Meta.Histogram = map[int]int{3: 1000, 4: 1, 6: 1}
	got := map[int]int{}
	for i := range 40 {
		s, err := New(m, Options{Seed: 3, First: i, Atoms: []int{0}, Steps: 4, Known: water})
		if err != nil {
			t.Fatal(err)
		}
		got[s.Atoms(0)]++
	}
	if got[4]+got[6] != 40 || got[4] < 8 || got[6] < 8 { // 20 ± 3
		t.Errorf("sizes %v, want 4 and 6", got)
	}
	m.Meta.Histogram = map[int]int{3: 1000, 2: 1}
	if _, err := New(m, Options{Atoms: []int{0}, Steps: 4, Known: water}); err == nil || !strings.Contains(err.Error(), "above the 3 known atoms") {
		t.Errorf("error %v", err)
	}
	net, meta := typed() // of CH4, H2O, C2H6 and C2H5F
	for i := range 20 {
		part := &Known{Elements: formula(t, "H2O"), Positions: water.Positions}
		if _, err := NewNetwork(net, meta, Options{First: i, Atoms: []int{0}, Steps: 4, Known: part}); err == nil || !strings.Contains(err.Error(), "knows no composition that fits") {
			t.Fatalf("around the whole of H2O: %v", err)
		}
		part = &Known{Elements: formula(t, "CH4"), Positions: make([][3]float64, 5)}
		s, err := NewNetwork(net, meta, Options{First: i, Atoms: []int{0}, Steps: 4, Known: part})
		if err != nil {
			t.Fatal(err)
		}
		if n := s.Atoms(0); n != 8 {
			t.Fatalf("around CH4 %d atoms, want 8", n)
		}
	}
}

// Types without positions fix the composition.
func TestComposition(t *testing.T) {
	elements := []molecule.Element{molecule.C, molecule.C, molecule.O, molecule.H, molecule.H, molecule.H, molecule.H}
	s := run(t, network(t, "symdiff"), Options{Seed: 1, Atoms: []int{7, 7}, Steps: 5, Known: &Known{Elements: elements}})
	for i := range 2 {
		if f := s.Molecule(i).Formula(); f != "C2H4O" {
			t.Errorf("molecule %d is %s", i, f)
		}
	}
}

// On Gaussian data with independent atoms what is given tells nothing of the rest: the features of the others keep their moments.
func TestKnownLeavesIndependentAtomsAlone(t *testing.T) {
	const std, atoms, n = 0.5, 30, 100
	s := exact(t, Options{Seed: 2, Atoms: fill(make([]int, n), atoms), Steps: 200, Known: &Known{Elements: water.Elements}, Resample: 2}, std)
	for !s.Done() {
		if err := s.Step(); err != nil {
			t.Fatal(err)
		}
	}
	sum2, count := 0.0, 0.0
	for i := range n {
		for j, v := range s.rows(i)[3*s.width:] {
			if j%s.width >= 3 {
				sum2 += float64(v) * float64(v)
				count++
			}
		}
	}
	if v := sum2 / count; math.Abs(v/(std*std)-1) > 4*math.Sqrt(2/count)+0.02 {
		t.Errorf("variance %g, want %g", v, std*std)
	}
}

func TestKnownRefuses(t *testing.T) {
	m := network(t, "dit")
	far := &Known{Elements: water.Elements, Positions: [][3]float64{{math.NaN()}}}
	for want, o := range map[string]Options{
		"ancestral":         {Method: DPM, Known: water},
		"3 known types and": {Known: &Known{Elements: water.Elements, Positions: make([][3]float64, 4)}},
		"0 known types":     {Known: &Known{}},
		"has 2 atoms":       {Atoms: []int{2}, Known: water},
		"element Si is not": {Known: &Known{Elements: []molecule.Element{14}}},
		"position NaN":      {Known: far},
		"resample -1":       {Known: water, Resample: -1},
		"resample without":  {Resample: 2},
		"resample 1001":     {Known: water, Resample: 1001},
	} {
		if o.Atoms == nil {
			o.Atoms = []int{5}
		}
		o.Steps = 3
		if _, err := New(m, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", want, err)
		}
	}
}

func TestComplete(t *testing.T) {
	parse := func(formula string) []molecule.Element {
		elements, err := molecule.ParseFormula(formula)
		if err != nil {
			t.Fatal(err)
		}
		return elements
	}
	k := &Known{Elements: []molecule.Element{8, 1, 1}, Positions: make([][3]float64, 3)}
	if err := k.Complete(parse("C2H4O")); err != nil {
		t.Fatal(err)
	}
	if want := []molecule.Element{8, 1, 1, 6, 6, 1, 1}; !slices.Equal(k.Elements, want) || len(k.Positions) != 3 {
		t.Errorf("%v, want %v and three positions", k.Elements, want)
	}
	for _, small := range []string{"C2H4", "HO", "C"} {
		k := &Known{Elements: []molecule.Element{8, 1, 1}}
		if err := k.Complete(parse(small)); err == nil || len(k.Elements) != 3 {
			t.Errorf("%s: error %v, elements %v", small, err, k.Elements)
		}
	}
}

// Kept atoms are where they were given, in every molecule and frame, near the origin or far from it; with a turn they are turned.
func TestKeptAtomsStayInSpace(t *testing.T) {
	m := network(t, "symdiff")
	near := map[[3]int]*molecule.Molecule{}
	h := o3.Matrix{{0, 1, 0}, {-1, 0, 0}, {0, 0, -1}}
	for _, far := range []float64{0, 300, -5e5} {
		for _, turn := range []*o3.Matrix{nil, &h} {
			part := &Known{Elements: water.Elements}
			var want [][3]float64
			for _, p := range water.Positions {
				p = [3]float64{p[0] + far, p[1] - far, p[2] + 2*far}
				part.Positions = append(part.Positions, p)
				if turn != nil {
					p = [3]float64{-p[1], p[0], -p[2]}
				}
				want = append(want, p)
			}
			for seed := range uint64(3) {
				s, err := New(m, Options{Seed: seed, Atoms: []int{9, 5}, Steps: 4, Known: part, Resample: 2, Turn: turn})
				if err != nil {
					t.Fatal(err)
				}
				for {
					for i := range s.Len() {
						frame := make([]float32, 3*s.Atoms(i))
						s.Frame(i, frame, nil)
						centre, here := [3]float64{}, [3]float64{}
						for a, p := range want {
							for k := range p {
								centre[k] += p[k] / 3
								here[k] += float64(frame[3*a+k]) / 3
							}
						}
						for k := range centre {
							if d := math.Abs(here[k] - centre[k]); d > 1e-6*(10+math.Abs(centre[k])) {
								t.Fatalf("far %g, step %d: the centre of what is kept is off by %g", far, s.StepsDone(), d)
							}
						}
					}
					if s.Done() {
						break
					}
					if err := s.Step(); err != nil {
						t.Fatal(err)
					}
				}
				for i := range s.Len() {
					mol := s.Molecule(i)
					if !slices.Equal(mol.Positions[:3], want) {
						t.Errorf("far %g, seed %d, molecule %d: %v, want %v", far, seed, i, mol.Positions[:3], want)
					}
					key := [3]int{int(seed), i, 0}
					if turn != nil {
						key[2] = 1
					}
					if near[key] == nil { // far 0 comes first
						near[key] = mol
					}
					for a, p := range mol.Positions { // the rest lies around them as it does there
						for k, x := range p {
							d := (x - want[0][k]) - (near[key].Positions[a][k] - near[key].Positions[0][k])
							if math.Abs(d) > 1e-2 {
								t.Fatalf("far %g, seed %d: atom %d is off by %g", far, seed, a, d)
							}
						}
					}
				}
			}
		}
	}
}
