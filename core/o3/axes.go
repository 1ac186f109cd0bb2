package o3

import "math"

// Axes diagonalises a symmetric matrix A: the rows of axes are orthonormal
// eigenvectors, values their eigenvalues in ascending order,
//
//	A = axesᵀ·diag(values)·axes.
//
// Jacobi rotations until the off-diagonal part is rounding. Of an eigenvector
// the sign is arbitrary, and of equal eigenvalues the basis.
func Axes(a Matrix) (values [3]float64, axes Matrix) {
	axes = Identity
	for range 50 {
		p, q := 0, 1
		for _, pair := range [][2]int{{0, 2}, {1, 2}} {
			if math.Abs(a[pair[0]][pair[1]]) > math.Abs(a[p][q]) {
				p, q = pair[0], pair[1]
			}
		}
		if math.Abs(a[p][q]) <= 1e-17*(math.Abs(a[0][0])+math.Abs(a[1][1])+math.Abs(a[2][2])) {
			break
		}
		theta := (a[q][q] - a[p][p]) / (2 * a[p][q])
		// Rounded product by product, so that the bits are the same on every machine.
		t := math.Copysign(1, theta) / (math.Abs(theta) + math.Sqrt(float64(theta*theta)+1))
		c := 1 / math.Sqrt(float64(t*t)+1)
		r := Identity
		r[p][p], r[q][q], r[p][q], r[q][p] = c, c, -t*c, t*c
		a = r.Mul(a).Mul(r.T())
		axes = r.Mul(axes)
	}
	values = [3]float64{a[0][0], a[1][1], a[2][2]}
	for i := range 2 {
		for j := range 2 - i {
			if values[j] > values[j+1] {
				values[j], values[j+1] = values[j+1], values[j]
				axes[j], axes[j+1] = axes[j+1], axes[j]
			}
		}
	}
	return values, axes
}

// Scatter is sum_i x_iᵀ·x_i of the positions x_i that begin rows of z, of width
// numbers each.
func Scatter(z []float32, width int) (s Matrix) {
	for ; len(z) > 0; z = z[width:] {
		for i := range 3 {
			for j := range 3 {
				s[i][j] += float64(float64(z[i]) * float64(z[j]))
			}
		}
	}
	return s
}
