package sampler

import (
	"math"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/molecule"
)

var hydroxide = &molecule.Molecule{
	Elements:  []molecule.Element{molecule.O, molecule.H},
	Positions: [][3]float64{{1, 2, 3}, {1, 2, 3.96}},
}

// A run from molecules begins at z_t = alpha_t·x + sigma_t·noise, centred, with the
// sizes of the molecules.
func TestFrom(t *testing.T) {
	const n = 4000
	m := network(t, "dit")
	s, err := of(m,
		Options{Seed: 3, N: n, From: []*molecule.Molecule{hydroxide}, TStart: 300, Steps: 5})
	if err != nil {
		t.Fatal(err)
	}
	if s.Len() != n || s.Atoms(7) != 2 || s.times[0] != 300 {
		t.Fatalf("%d molecules of %d atoms from t = %d", s.Len(), s.Atoms(7), s.times[0])
	}
	alpha, sigma := s.sched.Alpha(300), s.sched.Sigma(300)
	want := []float64{
		0,
		0,
		0.48 * alpha,
		0.25 * alpha,
		0,
		0,
		0,
		0,
		0.1 * alpha,
	} // of the hydrogen: H C N O F and the charge
	deviation := []float64{
		sigma / math.Sqrt2,
		sigma / math.Sqrt2,
		sigma / math.Sqrt2,
		sigma,
		sigma,
		sigma,
		sigma,
		sigma,
		sigma,
	}
	for k, mean := range want {
		sum, squares := 0.0, 0.0
		for i := range n {
			d := float64(s.rows(i)[s.width+k]) - mean
			sum += d
			squares += d * d
		}
		if e := deviation[k] / math.Sqrt(n); math.Abs(sum/n) > 5*e ||
			math.Abs(squares/n/deviation[k]/deviation[k]-1) > 5*math.Sqrt(2.0/n) {
			t.Errorf("channel %d: off by %g with deviation %g, want 0 within %g and %g", k, sum/n,
				math.Sqrt(squares/n), e, deviation[k])
		}
	}
}

// From almost no noise a run comes back to where it began, rotated with the rest.
func TestFromNearby(t *testing.T) {
	m := network(t, "symdiff")
	o := Options{
		Seed: 5,
		From: []*molecule.Molecule{
			hydroxide,
			{Elements: hydroxide.Elements[:1], Positions: hydroxide.Positions[:1]},
		},
		TStart: 1,
		Steps:  1,
	}
	s := run(t, m, o)
	got := s.Result(0)
	if got.Formula() != "HO" || math.Abs(got.Distance(0, 1)-0.96) > 0.1 ||
		!strings.Contains(keys(got.Properties), "from") {
		t.Errorf("%s, %g Å, %v", got.Formula(), got.Distance(0, 1), got.Properties)
	}
	o.TStart, o.Steps = 400, 10
	s = run(t, m, o)
	h := someRotation()
	o.Rotate = h
	if d := distance(s, run(t, m, o), h); d > 1e-3 {
		t.Errorf("rotated along, it comes out %g away", d)
	}
}

func TestFromRefuses(t *testing.T) {
	m := network(t, "dit")
	one := []*molecule.Molecule{hydroxide}
	for want, o := range map[string]Options{
		"from: not with":         {From: one, Fragment: water},
		"from: not with formula": {From: one, Formula: "HO"},
		"fragment or atoms":      {From: one, Atoms: 3},
		"molecule 0 .* no atoms": {From: []*molecule.Molecule{{}}},
		"molecule 1 .* no atoms": {From: []*molecule.Molecule{hydroxide, nil}},
		"molecule 0: 2 atoms, 0 positions": {
			From: []*molecule.Molecule{{Elements: hydroxide.Elements}},
		},
		"want t_start": {From: one, TStart: -10},
		"atom 0: element S is not": {
			From: []*molecule.Molecule{{Elements: []molecule.Element{16}, Positions: make([][3]float64, 1)}},
		},
		"atom 0: position NaN": {
			From: []*molecule.Molecule{{Elements: []molecule.Element{1}, Positions: [][3]float64{{math.NaN()}}}},
		},
	} {
		o.Steps, o.TStart = 3, o.TStart+10
		_, err := of(m, o)
		first, second, _ := strings.Cut(want, " .* ")
		if err == nil || !strings.Contains(err.Error(), first) ||
			!strings.Contains(err.Error(), second) {
			t.Errorf("%s: error %v", want, err)
		}
	}
}
