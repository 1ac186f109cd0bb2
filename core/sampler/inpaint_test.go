package sampler

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/o3"
	"github.com/symdiff-go/symdiff/core/schedule"
)

var (
	water = &molecule.Molecule{
		Elements:  []molecule.Element{8, 1, 1},
		Positions: [][3]float64{{0, 0, 0.119}, {0, 0.763, -0.477}, {0, -0.763, -0.477}},
	}
	fluoromethyl = &molecule.Molecule{
		Elements:  []molecule.Element{6, 1, 1},
		Positions: [][3]float64{{5, 0, 0}, {6.1, 0, 0}, {4.6, 1, 0}},
	}
)

// A network that is conditioned on fragments sees, by every method and in every call, the given
// atoms in their places at the scale of the time, and marked; it alone decides where the part is
// and the rest.
func TestFixedAtoms(t *testing.T) {
	sched, err := schedule.New(schedule.Polynomial2)
	if err != nil {
		t.Fatal(err)
	}
	part := fluoromethyl
	for _, method := range Methods() {
		net, meta := typed()
		meta.Fragments, meta.Compositions, meta.Moments = true, meta.Compositions[3:], moments(1)
		o := Options{
			Seed:     2,
			sizes:    []int{0, 0},
			Steps:    4,
			TStart:   700,
			Method:   method,
			Fragment: part,
		}
		s := finished(t, net, meta, o)
		times := s.times
		if method == Heun { // it looks ahead, and calls once more at the end of a step
			times = []int{
				times[0],
				times[1],
				times[1],
				times[2],
				times[2],
				times[3],
				times[3],
				times[4],
				times[4],
			}
		}
		if len(*net.seen) != 2*len(times) { // of each molecule one
			t.Fatalf("%s: %d calls at %v", method, len(*net.seen), times)
		}
		for call, z := range *net.seen {
			at := times[call/2]
			alpha := sched.Alpha(at)
			for a, row := range slices.Collect(slices.Chunk(z, 9)) {
				e, mark := s.Molecule(call % 2).Elements[a], float32(1)
				if a < 3 {
					mark = 2
				}
				want := make([]float32, 6)
				want[slices.Index([]molecule.Element{1, 6, 7, 8, 9}, e)], want[5] = mark*0.25, mark*(float32(e)/10)
				if !slices.Equal(row[3:], want) {
					t.Fatalf("%s, call %d, atom %d: features %v, want %v", method, call, a, row[3:],
						want)
				}
			}
			for b := 1; b < 3; b++ {
				for k := range 3 {
					got, want := float64(
						z[9*b+k]-z[k],
					), alpha*(part.Positions[b][k]-part.Positions[0][k])
					if math.Abs(got-want) > 1e-5 {
						t.Fatalf(
							"%s, call %d at t = %d: atom %d is %g from the first along %d, want %g",
							method,
							call,
							at,
							b,
							got,
							k,
							want,
						)
					}
				}
			}
		}
		for i := range 2 {
			m := s.Molecule(i)
			if f := m.Formula(); f != "C2H5F" || !slices.Equal(m.Elements[:3], part.Elements) {
				t.Errorf("%s: %s, %v", method, f, m.Elements)
			}
			for b := 1; b < 3; b++ {
				for k := range 3 {
					got, want := m.Positions[b][k]-m.Positions[0][k], part.Positions[b][k]-part.Positions[0][k]
					if math.Abs(got-want) > 1e-5 {
						t.Errorf("%s: atom %d is %g from the first along %d, want %g", method, b,
							got, k, want)
					}
				}
			}
			types := make([]float32, 40)
			s.Frame(i, nil, types)
			hat := make([]float32, 40)
			s.Predicted(i, nil, hat)
			if slices.Max(types) != 1 || slices.Max(hat) != 1 {
				t.Errorf("%s: types %v, predicted %v", method, types, hat)
			}
		}
		if bits(s.rows(0)) == bits(s.rows(1)) {
			t.Errorf("%s: two molecules are one", method)
		}
		alone, one := typed()
		one.Fragments, one.Compositions, one.Moments = true, meta.Compositions, meta.Moments
		o.First, o.sizes = 1, []int{0}
		if bits(finished(t, alone, one, o).z) != bits(s.rows(1)) {
			t.Errorf("%s: the second molecule differs when it is sampled alone", method)
		}
	}
}

// The fixed atoms rotate with the noise, and nothing else changes.
func TestFragmentIsRotated(t *testing.T) {
	h := someRotation()
	net, meta := typed()
	meta.Fragments = true
	o := Options{Seed: 3, Steps: 12, Formula: "C2H5F", Fragment: fluoromethyl}
	straight := finished(t, net, meta, o)
	o.Rotate = h
	if d := distance(straight, finished(t, net, meta, o), h); d > 1e-4 {
		t.Errorf("rotated and straight differ by %.1e", d)
	}
}

// A composition that is drawn has the fragment and more.
func TestCompositionHasRoomForTheFragment(t *testing.T) {
	net, meta := typed() // of CH4, H2O, C2H6 and C2H5F
	meta.Fragments = true
	methane := &molecule.Molecule{Elements: formula(t, "CH4"), Positions: make([][3]float64, 5)}
	for i := range 20 {
		s, err := New(net, meta, Options{First: i, Steps: 4, Fragment: methane})
		if err != nil {
			t.Fatal(err)
		}
		if n := s.Atoms(0); n != 8 {
			t.Fatalf("around CH4 %d atoms, want 8", n)
		}
		if _, err := New(net, meta, Options{First: i, Steps: 4, Fragment: water}); err == nil ||
			!strings.Contains(err.Error(), "training data has its atoms and more") {
			t.Fatalf("around the whole of H2O: %v", err)
		}
	}
}

func TestFragmentRefused(t *testing.T) {
	at := func(e molecule.Element, x float64) *molecule.Molecule {
		return &molecule.Molecule{Elements: []molecule.Element{e}, Positions: [][3]float64{{x}}}
	}
	net, meta := typed()
	meta.Fragments = true
	bare, drawn := meta, meta
	bare.Fragments = false
	drawn.Compositions = nil
	for want, c := range map[string]struct {
		meta encoding.Meta
		o    Options
	}{
		"conditioned on fragments":         {bare, Options{Fragment: water}},
		"fragment: not with joint":         {meta, Options{Fragment: water, Joint: true}},
		"fragment: want atoms":             {meta, Options{Fragment: &molecule.Molecule{}}},
		"fragment: want atoms with":        {meta, Options{Fragment: &molecule.Molecule{Elements: water.Elements}}},
		"atoms 2: the fragment has 3":      {meta, Options{Fragment: water, Atoms: 2}},
		"fragment: want formula":           {drawn, Options{Fragment: water}},
		"CH4: it has fewer O than":         {meta, Options{Fragment: water, Formula: "CH4"}},
		"fragment: atom 0: position NaN":   {meta, Options{Fragment: at(molecule.C, math.NaN())}},
		"from: not with formula, fragment": {meta, Options{From: []*molecule.Molecule{water}, Fragment: water, TStart: 9}},
		"fragment: atom 0: position -5e+07": {
			meta, Options{Fragment: &molecule.Molecule{
				Elements: formula(t, "CH")[:2], Positions: [][3]float64{{}, {1e8}},
			}},
		},
		"training data has its atoms and more": {meta, Options{Fragment: at(molecule.N, 0)}},
	} {
		c.o.Steps = 3
		if _, err := New(net, c.meta, c.o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", want, err)
		}
	}
}

// A formula has the elements of the fragment first.
func TestArranged(t *testing.T) {
	o := Options{Fragment: &molecule.Molecule{Elements: []molecule.Element{8, 1, 1}}}
	whole, missing := o.arranged(formula(t, "C2H4O"), 0)
	if want := []molecule.Element{8, 1, 1, 6, 6, 1, 1}; missing != 0 || !slices.Equal(whole, want) {
		t.Errorf("%v, want %v", whole, want)
	}
	for small, want := range map[string]molecule.Element{"C2H4": 8, "HO": 1, "C": 8} {
		o.Fragment = water
		if _, missing := o.arranged(formula(t, small), 0); missing != want {
			t.Errorf("%s: missing %s, want %s", small, missing.Symbol(), want.Symbol())
		}
	}
}

// Fixed atoms are where they were given, in every molecule and frame, near the origin or far from
// it; with a rotation they are rotated.
func TestFixedAtomsStayInSpace(t *testing.T) {
	near := map[[3]int]*molecule.Molecule{}
	h := o3.Matrix{{0, 1, 0}, {-1, 0, 0}, {0, 0, -1}}
	for _, far := range []float64{0, 300, -5e5} {
		for _, rotate := range []*o3.Matrix{nil, &h} {
			part := &molecule.Molecule{Elements: fluoromethyl.Elements}
			var want [][3]float64
			for _, p := range fluoromethyl.Positions {
				p = [3]float64{p[0] + far, p[1] - far, p[2] + 2*far}
				part.Positions = append(part.Positions, p)
				if rotate != nil {
					p = [3]float64{-p[1], p[0], -p[2]}
				}
				want = append(want, p)
			}
			for seed := range uint64(3) {
				net, meta := typed()
				meta.Fragments, meta.Compositions = true, meta.Compositions[2:]
				s, err := New(net, meta,
					Options{Seed: seed, N: 2, Steps: 4, Fragment: part, Rotate: rotate})
				if err != nil {
					t.Fatal(err)
				}
				checkCentres(t, s, want)
				for i := range s.Len() {
					mol := s.Molecule(i)
					if !slices.Equal(mol.Positions[:3], want) {
						t.Errorf("far %g, seed %d, molecule %d: %v, want %v", far, seed, i,
							mol.Positions[:3], want)
					}
					key := [3]int{int(seed), i, 0}
					if rotate != nil {
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

// checkCentres runs s to its end: the centre of the fixed atoms is where it is wanted in every
// frame.
func checkCentres(t *testing.T, s *Sampler, want [][3]float64) {
	t.Helper()
	for {
		for i := range s.Len() {
			frame := make([]float32, 3*s.Atoms(i))
			s.Frame(i, frame, nil)
			for k := range 3 {
				centre, here := 0.0, 0.0
				for a, p := range want {
					centre += p[k] / float64(len(want))
					here += float64(frame[3*a+k]) / float64(len(want))
				}
				if d := math.Abs(here - centre); d > 1e-6*(10+math.Abs(centre)) {
					t.Fatalf("step %d: the centre of the fixed atoms is off by %g", s.StepsDone(),
						d)
				}
			}
		}
		if s.Done() {
			return
		}
		if err := s.Step(); err != nil {
			t.Fatal(err)
		}
	}
}
