package o3

import (
	"math"
	"testing"

	"github.com/symdiff-go/symdiff/core/rng"
)

func TestAxes(t *testing.T) {
	s := rng.New(3, 0, rng.Init, 0)
	cases := []Matrix{
		{},
		Identity,
		{{2, 0, 0}, {0, 1, 0}, {0, 0, 1}},
		{{1, 1, 1}, {1, 1, 1}, {1, 1, 1}},
	}
	for range 200 {
		q := Haar(&s)
		scale := math.Exp(20 * (s.Float64() - 0.5))
		cases = append(cases,
			q.T().Mul(Matrix{{scale * s.Norm()}, {0, s.Norm()}, {0, 0, s.Norm()}}).Mul(q))
	}
	for _, a := range cases {
		for i := range a { // exactly symmetric
			for j := range i {
				a[i][j] = a[j][i]
			}
		}
		size := 0.0
		for i := range a {
			size = max(size, norm(a[i]))
		}
		values, axes := Axes(a)
		if values[0] > values[1] || values[1] > values[2] {
			t.Errorf("eigenvalues %v are not ascending", values)
		}
		back := axes.T().Mul(Matrix{{values[0]}, {0, values[1]}, {0, 0, values[2]}}).Mul(axes)
		unit := axes.Mul(axes.T())
		for i := range a {
			for j := range a[i] {
				if d := math.Abs(back[i][j] - a[i][j]); d > 1e-14*size {
					t.Errorf("%v: axesᵀ·values·axes differs by %g", a, d)
				}
				if d := math.Abs(unit[i][j] - Identity[i][j]); d > 1e-14 {
					t.Errorf("%v: axes are not orthonormal, by %g", a, d)
				}
			}
		}
	}
}
