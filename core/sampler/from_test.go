package sampler

import (
	"math"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/molecule"
)

var hydroxide = &molecule.Molecule{Elements: []molecule.Element{molecule.O, molecule.H}, Positions: [][3]float64{{1, 2, 3}, {1, 2, 3.96}}}

// A run from molecules begins at z_t = alpha_t·x + sigma_t·noise, centred, with the
// sizes of the molecules.
func TestFrom(t *testing.T) {
	const n = 4000
	from := make([]*molecule.Molecule, n)
	for i := range from {
		from[i] = hydroxide
	}
	m := network(t, "dit")
	s, err := New(m, Options{Seed: 3, From: from, Start: 300, Steps: 5})
	if err != nil {
		t.Fatal(err)
	}
	if s.Len() != n || s.Atoms(7) != 2 || s.times[0] != 300 {
		t.Fatalf("%d molecules of %d atoms from t = %d", s.Len(), s.Atoms(7), s.times[0])
	}
	alpha, sigma := s.sched.Alpha(300), s.sched.Sigma(300)
	want := []float64{0, 0, 0.48 * alpha, 0.25 * alpha, 0, 0, 0, 0, 0.1 * alpha} // of the hydrogen: H C N O F and the charge
	deviation := []float64{sigma / math.Sqrt2, sigma / math.Sqrt2, sigma / math.Sqrt2, sigma, sigma, sigma, sigma, sigma, sigma}
	for k, mean := range want {
		sum, squares := 0.0, 0.0
		for i := range n {
			d := float64(s.rows(i)[s.width+k]) - mean
			sum += d
			squares += d * d
		}
		if e := deviation[k] / math.Sqrt(n); math.Abs(sum/n) > 5*e || math.Abs(squares/n/deviation[k]/deviation[k]-1) > 5*math.Sqrt(2.0/n) {
			t.Errorf("channel %d: off by %g with deviation %g, want 0 within %g and %g", k, sum/n, math.Sqrt(squares/n), e, deviation[k])
		}
	}
}

// From almost no noise a run comes back to where it began, turned with the rest.
func TestFromNearby(t *testing.T) {
	m := network(t, "symdiff")
	o := Options{Seed: 5, From: []*molecule.Molecule{hydroxide, {Elements: hydroxide.Elements[:1], Positions: hydroxide.Positions[:1]}}, Start: 1, Steps: 1}
	s := run(t, m, o)
	got := s.Result(0, "")
	if got.Formula() != "HO" || math.Abs(got.Distance(0, 1)-0.96) > 0.1 || !strings.Contains(keys(got.Properties), "from") {
		t.Errorf("%s, %g Å, %v", got.Formula(), got.Distance(0, 1), got.Properties)
	}
	o.Start, o.Steps = 400, 10
	s = run(t, m, o)
	h := someTurn()
	o.Turn = h
	if d := distance(s, run(t, m, o), h); d > 1e-3 {
		t.Errorf("turned along, it comes out %g away", d)
	}
}

func TestFromRefuses(t *testing.T) {
	m := network(t, "dit")
	one := []*molecule.Molecule{hydroxide}
	for want, o := range map[string]Options{
		"cannot keep parts":        {From: one, Known: water},
		"molecule 0 .* no atoms":   {From: []*molecule.Molecule{{}}},
		"2 sizes for 1":            {From: one, Atoms: []int{2, 2}},
		"3 atoms asked for":        {From: one, Atoms: []int{3}},
		"atom 0: element S is not": {From: []*molecule.Molecule{{Elements: []molecule.Element{16}, Positions: make([][3]float64, 1)}}},
		"atom 0: position NaN":     {From: []*molecule.Molecule{{Elements: []molecule.Element{1}, Positions: [][3]float64{{math.NaN()}}}}},
		"no molecules asked for":   {From: []*molecule.Molecule{}},
	} {
		o.Steps, o.Start = 3, 10
		_, err := New(m, o)
		first, second, _ := strings.Cut(want, " .* ")
		if err == nil || !strings.Contains(err.Error(), first) || !strings.Contains(err.Error(), second) {
			t.Errorf("%s: error %v", want, err)
		}
	}
}
