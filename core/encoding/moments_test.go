package encoding

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/molecule"
)

// A diatomic and a triangle: moments by hand, and through a file.
func TestMoments(t *testing.T) {
	m := QM9()
	s := NewMomentsSum(m)
	if s.Moments() != nil {
		t.Error("moments of no molecules")
	}
	add := func(m *molecule.Molecule) {
		if err := s.Add(m); err != nil {
			t.Error(err)
		}
	}
	if err := s.Add(&molecule.Molecule{Elements: []molecule.Element{14}, Positions: make([][3]float64, 1)}); err == nil ||
		!strings.Contains(err.Error(), "Si") {
		t.Errorf("silicon: %v", err)
	}
	if err := s.Add(&molecule.Molecule{Elements: []molecule.Element{1, 1}}); err == nil ||
		!strings.Contains(err.Error(), "2 atoms, 0 positions") {
		t.Errorf("atoms without positions: %v", err)
	}
	add(
		&molecule.Molecule{
			Elements:  []molecule.Element{molecule.H, molecule.C},
			Positions: [][3]float64{{5, 0, 0}, {7, 0, 0}},
		},
	)
	add(
		&molecule.Molecule{
			Elements:  []molecule.Element{molecule.O, molecule.H, molecule.H},
			Positions: [][3]float64{{0, 0, 0}, {3, 0, 0}, {0, 3, 0}},
		},
	)
	add(
		&molecule.Molecule{Elements: []molecule.Element{molecule.N}, Positions: [][3]float64{{1, 2, 3}}},
	) // says nothing of positions
	got := s.Moments()
	// Variances: 2/3 for two atoms, (9 + 9 - 2·3)/6 = 2 for three.
	if v2, v3 := got.X[0]+2*got.X[1], got.X[0]+3*got.X[1]; math.Abs(v2-2.0/3) > 1e-12 || math.Abs(v3-2) > 1e-12 {
		t.Errorf("variances %g and %g, want 2/3 and 2", v2, v3)
	}
	if h := got.Mean[0]; math.Abs(h-3.0/6/4) > 1e-12 {
		t.Errorf("mean of hydrogen %g, want 1/8", h)
	}
	if v := got.Cov[0][0]; math.Abs(v-0.25/16) > 1e-12 {
		t.Errorf("variance of hydrogen %g, want 1/64", v)
	}
	if v := got.Mean[5]; math.Abs(v-(1+6+8+1+1+7)/60.0) > 1e-12 {
		t.Errorf("mean charge %g", v)
	}
	m.Moments = got
	md := described(m)
	read, err := Parse("file", md)
	if err != nil || !reflect.DeepEqual(read.Moments, got) {
		t.Errorf("%v: read %+v, want %+v", err, read.Moments, got)
	}
	for _, c := range []struct{ text, want string }{
		{`7`, "want an object"},
		{`{"x":[1],"mean":[1],"cov":[[1]]}`, "x: want two numbers"},
		{`{"x":[1,2],"mean":[1],"cov":[[1]]}`, "want 6 features"},
		{`{"x":[1,"a"],"mean":[1],"cov":[[1]]}`, "want numbers"},
		{strings.Replace(md["moments"], `"cov":[[`, `"cov":[[-`, 1), "row 0: want the features' covariances"},
		{strings.Replace(md["moments"], `"x":[`, `"x":[1e9`, 1), "moments"},
	} {
		md["moments"] = c.text
		if _, err := Parse("file", md); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", c.text, err, c.want)
		}
	}
}
