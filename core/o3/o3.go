// Package o3 handles orthogonal 3x3 matrices.
//
// Atoms are the rows of X (N, 3), so a matrix acts from the right: X·C rotates a
// molecule and X·Cᵀ rotates it back. Matrices are float64: they are nine
// numbers among thousands, and the orthonormalisation of an ill-conditioned one
// should not be what limits the precision of a step.
package o3

import (
	"math"

	"github.com/symdiff-go/symdiff/core/rng"
)

// Matrix is a 3x3 matrix by rows.
type Matrix [3][3]float64

// Identity is the unit matrix.
var Identity = Matrix{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}

// Haar draws from the Haar measure on O(3), reflections included: a matrix of
// standard Gaussians, orthonormalised with the diagonal of R positive
// (Mezzadri, math-ph/0609050, eq. 5.12).
func Haar(s *rng.Stream) Matrix {
	var a Matrix
	for i := range a {
		for j := range a[i] {
			a[i][j] = s.Norm()
		}
	}
	return OrthonormaliseColumns(a)
}

// OrthonormaliseColumns is Q of A = Q·R with R upper triangular and its
// diagonal positive: Gram-Schmidt on the columns in their order. A column that
// depends on those before it, to 1e-12 of its length, is replaced by a unit
// vector orthogonal to them, so that the result is orthogonal for every A whose columns
// are zero or of a length from 1e-150 to 1e150: the squares of others are no float64.
func OrthonormaliseColumns(a Matrix) Matrix {
	return OrthonormaliseRows(a.T()).T()
}

// OrthonormaliseRows is Gram-Schmidt on the rows of A in their order (see
// OrthonormaliseColumns): L·Q = A with L lower triangular, diagonal positive.
func OrthonormaliseRows(a Matrix) Matrix {
	for i := range a {
		length := norm(a[i])
		for range 2 { // twice is enough (Giraud et al. 2005)
			for j := range i {
				d := dot(a[j], a[i])
				for k := range a[i] {
					a[i][k] -= float64(d * a[j][k])
				}
			}
		}
		rest := norm(a[i])
		if rest <= 1e-12*length || length == 0 {
			a[i] = complete(a[:i])
			continue
		}
		for k := range a[i] {
			a[i][k] /= rest
		}
	}
	return a
}

// complete is a unit vector orthogonal to the orthonormal rows q (at most two):
// the coordinate axis that they span least, made orthogonal to them.
func complete(q [][3]float64) [3]float64 {
	best, left := 0, -1.0
	for axis := range 3 {
		l := 1.0
		for _, v := range q {
			l -= float64(v[axis] * v[axis])
		}
		if l > left {
			best, left = axis, l
		}
	}
	var e [3]float64
	e[best] = 1
	for range 2 {
		for _, v := range q {
			d := dot(v, e)
			for k := range e {
				e[k] -= float64(d * v[k])
			}
		}
	}
	n := norm(e)
	for k := range e {
		e[k] /= n
	}
	return e
}

func dot(a, b [3]float64) float64 {
	return float64(float64(a[0]*b[0])+float64(a[1]*b[1])) + float64(a[2]*b[2])
}

func norm(a [3]float64) float64 { return math.Sqrt(dot(a, a)) }

// T is the transpose, which for an orthogonal matrix is the inverse.
func (a Matrix) T() Matrix {
	return Matrix{
		{a[0][0], a[1][0], a[2][0]},
		{a[0][1], a[1][1], a[2][1]},
		{a[0][2], a[1][2], a[2][2]},
	}
}

// Mul is A·B.
func (a Matrix) Mul(b Matrix) Matrix {
	bt := b.T()
	var c Matrix
	for i := range c {
		for j := range c[i] {
			c[i][j] = dot(a[i], bt[j])
		}
	}
	return c
}

// Deviation is the largest entry of |Aᵀ·A - I|: 0 for an orthogonal matrix, NaN
// where there is one in A.
func (a Matrix) Deviation() float64 {
	d := 0.0
	for i, row := range a.T().Mul(a) {
		for j, v := range row {
			d = math.Max(d, math.Abs(v-Identity[i][j]))
		}
	}
	return d
}

// Det is the determinant: +1 for a rotation, -1 with a reflection.
func (a Matrix) Det() float64 {
	minor := func(i, j int) float64 { return float64(a[1][i]*a[2][j]) - float64(a[1][j]*a[2][i]) }
	x, y, z := a[0][0]*minor(1, 2), a[0][1]*minor(0, 2), a[0][2]*minor(0, 1)
	return float64(x) - float64(y) + float64(z)
}

// Rotate sets the rows of dst to X·A: dst and x hold n rows of three values, ldd
// and ldx apart. They may be the same rows.
func (a *Matrix) Rotate(dst []float32, ldd int, x []float32, ldx, n int) {
	for i := range n {
		r := x[i*ldx : i*ldx+3]
		v := [3]float64{float64(r[0]), float64(r[1]), float64(r[2])}
		d := dst[i*ldd : i*ldd+3]
		for j := range d {
			d[j] = float32(dot(v, [3]float64{a[0][j], a[1][j], a[2][j]}))
		}
	}
}
