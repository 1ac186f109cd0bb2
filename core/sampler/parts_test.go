package sampler

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/schedule"
)

// A network that takes parts sees, by every method and in every call, the given atoms in their places at the scale of the time, and
// marked; it alone decides where the part is and the rest.
func TestGivenParts(t *testing.T) {
	sched, err := schedule.New(schedule.Polynomial2)
	if err != nil {
		t.Fatal(err)
	}
	part := &Known{Elements: formula(t, "CHHF")[:3], Positions: [][3]float64{{5, 0, 0}, {6.1, 0, 0}, {4.6, 1, 0}}}
	for _, method := range Methods() {
		net, meta := typed()
		meta.Parts, meta.Compositions, meta.Moments = true, meta.Compositions[3:], moments(1)
		o := Options{Seed: 2, Atoms: []int{0, 0}, Steps: 4, Start: 700, Method: method, Known: part}
		s := finished(t, net, meta, o)
		times := s.times
		if method == Heun { // it looks ahead, and calls once more at the end of a step
			times = []int{times[0], times[1], times[1], times[2], times[2], times[3], times[3], times[4], times[4]}
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
					t.Fatalf("%s, call %d, atom %d: features %v, want %v", method, call, a, row[3:], want)
				}
			}
			for b := 1; b < 3; b++ {
				for k := range 3 {
					got, want := float64(z[9*b+k]-z[k]), alpha*(part.Positions[b][k]-part.Positions[0][k])
					if math.Abs(got-want) > 1e-5 {
						t.Fatalf("%s, call %d at t = %d: atom %d is %g from the first along %d, want %g", method, call, at, b, got, k, want)
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
						t.Errorf("%s: atom %d is %g from the first along %d, want %g", method, b, got, k, want)
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
		one.Parts, one.Compositions, one.Moments = true, meta.Compositions, meta.Moments
		o.First, o.Atoms = 1, []int{0}
		if bits(finished(t, alone, one, o).z) != bits(s.rows(1)) {
			t.Errorf("%s: the second molecule differs when it is sampled alone", method)
		}
	}
}

// Without given types, and for a network that takes no parts, it is replacement.
func TestPartsReplaced(t *testing.T) {
	part := &Known{Elements: formula(t, "CH"), Positions: [][3]float64{{}, {1.1, 0, 0}}}
	net, meta := typed()
	for want, o := range map[string]Options{
		"known atoms need the method ancestral": {Method: DPMSDE},
		"":                                      {Resample: 2},
	} {
		o.Atoms, o.Steps, o.Known = []int{5}, 4, part
		if _, err := NewNetwork(net, meta, o); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("a network without parts: %v", err)
		}
		meta := meta
		meta.Parts, o.FreeTypes = true, true
		if _, err := NewNetwork(net, meta, o); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("free types: %v", err)
		}
	}
	meta.Parts = true
	if _, err := NewNetwork(net, meta, Options{Atoms: []int{5}, Steps: 4, Known: part, Resample: 2}); err == nil || !strings.Contains(err.Error(), "nothing is replaced") {
		t.Errorf("resample: %v", err)
	}
}
