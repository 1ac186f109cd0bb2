package symmetrise

import (
	"math"
	"testing"

	"github.com/symdiff-go/symdiff/core/rng"
)

func TestCheckEquivariance(t *testing.T) {
	s := rng.New(8, 0, rng.Init, 0)
	z := make([]float32, 6*5)
	s.Fill(z, 1)
	RemoveMean(z, 5, []int{6})
	for _, c := range []struct {
		name        string
		gamma       Gamma
		equivariant bool
	}{
		{"Haar", Haar(O3), true},
		{"learned", Learned(O3, frame{}), true},
		{"frame", Frame(), true},
		{"learned over the frame", Refined(Frame(), frame{}, Published{}), true},
		{"none", None(), false},
		{"published order", Refined(Haar(O3), frame{}, Published{Released: true}), false},
	} {
		r := CheckEquivariance(New(crooked, c.gamma), z, 0.4, 5, 60, 1)
		t.Logf("%s: %+v", c.name, r)
		if (r.Coupling < 1e-5) != c.equivariant || (r.P > 0.01) != c.equivariant {
			t.Errorf("%s: %+v", c.name, r)
		}
	}
}

// Two samples of one distribution give p-values that are uniform; a shift by one
// standard deviation is seen.
func TestEnergyTest(t *testing.T) {
	s := rng.New(2, 0, rng.Init, 0)
	draw := func(shift float32) [][]float32 {
		x := make([][]float32, 20)
		for i := range x {
			x[i] = make([]float32, 3)
			s.Fill(x[i], 1)
			x[i][0] += shift
		}
		return x
	}
	mean := 0.0
	const n = 60
	for i := range n {
		_, p := EnergyTest(draw(0), draw(0), 99, uint64(i))
		mean += p / n
	}
	if math.Abs(mean-0.5) > 4/math.Sqrt(12*n) {
		t.Errorf("mean p-value of equal distributions: %.3f", mean)
	}
	if e, p := EnergyTest(draw(0), draw(1.5), 199, 1); p > 0.01 || e <= 0 {
		t.Errorf("shifted: energy %g, p %g", e, p)
	}
}
