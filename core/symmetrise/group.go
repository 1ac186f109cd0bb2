package symmetrise

import (
	"errors"
	"math"

	"github.com/symdiff-go/symdiff/core/o3"
	"github.com/symdiff-go/symdiff/core/rng"
)

// Group is a compact group of orthogonal matrices.
type Group struct {
	name string
	axis [3]float64 // unit vector, of O(2)
}

var (
	// O3 is O(3): rotations and reflections.
	O3 = Group{name: "O(3)"}
	// SO3 is SO(3): rotations.
	SO3 = Group{name: "SO(3)"}
)

// O2 is O(2) about an axis through the origin: the rotations about it and the
// reflections in the planes that contain it.
func O2(axis [3]float64) (Group, error) {
	n := math.Sqrt(float64(axis[0]*axis[0]) + float64(axis[1]*axis[1]) + float64(axis[2]*axis[2]))
	if !(n > 0) || math.IsInf(n, 0) {
		return Group{}, errors.New("symmetrise: the axis of O(2) must be finite and not zero")
	}
	for i := range axis {
		axis[i] /= n
	}
	return Group{"O(2)", axis}, nil
}

// String is the group's name.
func (g Group) String() string { return g.name }

// Haar draws from the group's invariant measure: for O(3) see o3.Haar; for SO(3)
// the same matrix times its determinant; for O(2) a uniform angle and, every
// other time, a reflection.
func (g Group) Haar(s *rng.Stream) o3.Matrix {
	switch g.name {
	case SO3.name:
		q := o3.Haar(s)
		if q.Det() < 0 {
			for i := range q {
				for j := range q[i] {
					q[i][j] = -q[i][j]
				}
			}
		}
		return q
	case "O(2)":
		// A Gaussian vector in the plane has a uniform direction.
		a, b, flip := s.Norm(), s.Norm(), s.Float64() < 0.5
		n := math.Sqrt(float64(a*a) + float64(b*b))
		return g.about(a/n, b/n, flip)
	}
	return o3.Haar(s)
}

// about is, in a basis [u, v, axis], the rotation with the given cosine and sine
// in the plane of u and v, after v -> -v where flip.
func (g Group) about(cos, sin float64, flip bool) o3.Matrix {
	b := g.basis()
	r := o3.Matrix{{cos, sin, 0}, {-sin, cos, 0}, {0, 0, 1}}
	if flip {
		r[1][0], r[1][1] = -r[1][0], -r[1][1]
	}
	return b.T().Mul(r).Mul(b)
}

// basis has orthonormal rows, the last of them the axis.
func (g Group) basis() o3.Matrix {
	q := o3.OrthonormaliseRows(o3.Matrix{g.axis, {1, 0, 0}, {0, 1, 0}})
	return o3.Matrix{q[1], q[2], q[0]}
}

// Project turns any finite matrix into an element of the group: Gram-Schmidt on
// its rows for O(3), the same with the last row's sign chosen for SO(3), and for
// O(2) Gram-Schmidt on the rows of the part of it that acts in the plane.
func (g Group) Project(a o3.Matrix) o3.Matrix {
	if g.name == "O(2)" {
		b := g.basis()
		in := b.Mul(a).Mul(b.T())
		in[0][2], in[1][2] = 0, 0
		in[2] = [3]float64{0, 0, 1}
		if in[0][0] == 0 && in[0][1] == 0 {
			in[0][0] = 1
		}
		q := o3.OrthonormaliseRows(o3.Matrix{in[0], in[1], {0, 0, 1}})
		if q[1][2] != 0 { // its second row gave no direction
			q = o3.Matrix{q[0], {-q[0][1], q[0][0], 0}, {0, 0, 1}}
		}
		return b.T().Mul(o3.Matrix{q[0], q[1], {0, 0, 1}}).Mul(b)
	}
	q := o3.OrthonormaliseRows(a)
	if g.name == SO3.name && q.Det() < 0 {
		for k := range q[2] {
			q[2][k] = -q[2][k]
		}
	}
	return q
}
