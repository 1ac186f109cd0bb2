package o3

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/symdiff-go/symdiff/core/rng"
)

// deviation is the largest element of |Q·Qᵀ - I|.
func deviation(q Matrix) float64 {
	p := q.Mul(q.T())
	worst := 0.0
	for i := range p {
		for j := range p[i] {
			worst = max(worst, math.Abs(p[i][j]-Identity[i][j]))
		}
	}
	return worst
}

func gaussian(s *rng.Stream) (a Matrix) {
	for i := range a {
		for j := range a[i] {
			a[i][j] = s.Norm()
		}
	}
	return a
}

// gonum's Householder QR with the signs fixed is the same matrix.
func TestOrthonormaliseColumnsIsQR(t *testing.T) {
	s := rng.New(1, 0, rng.Init, 0)
	for range 200 {
		a := gaussian(&s)
		var qr mat.QR
		qr.Factorize(mat.NewDense(3, 3,
			append(append(append([]float64{}, a[0][:]...), a[1][:]...), a[2][:]...)))
		var q, r mat.Dense
		qr.QTo(&q)
		qr.RTo(&r)
		got := OrthonormaliseColumns(a)
		for i := range 3 {
			for j := range 3 {
				want := q.At(i, j) * math.Copysign(1, r.At(j, j))
				if !(math.Abs(got[i][j]-want) <= 1e-10) {
					t.Fatalf("A = %v: Q[%d][%d] = %v, want %v", a, i, j, got[i][j], want)
				}
			}
		}
	}
}

func TestOrthonormaliseDegenerate(t *testing.T) {
	for _, a := range []Matrix{
		{},
		{{1, 2, 3}, {2, 4, 6}, {1, 0, 0}},
		{{1, 2, 3}, {-1, -2, -3}, {3, 6, 9}},
		{{0, 0, 0}, {0, 0, 1}, {0, 0, 2}},
		{{1e-30, 0, 0}, {1e-30, 1e-45, 0}, {0, 1, 1e-20}},
		{{1e20, 1e20, 0}, {1e20, 1e20, 1e-3}, {1, 1, 1}},
		{{1e150, 1e149, 1e150}, {1e-150, 1e150, 1e150}, {1e149, 0, 1e148}},
		{{1e-150, 1e-149, 0}, {0, 1e-150, 1e-149}, {1e-149, 0, 1e-149}},
	} {
		for _, q := range []Matrix{OrthonormaliseRows(a), OrthonormaliseColumns(a)} {
			if d := deviation(q); !(d < 1e-12) {
				t.Errorf("A = %v: Q·Qᵀ deviates from I by %g", a, d)
			}
		}
	}
}

func TestHaar(t *testing.T) {
	const n = 20_000
	s := rng.New(5, 0, rng.Haar, 0)
	var mean Matrix
	angle, positive := make([]float64, 0, n), 0.0
	for range n {
		q := Haar(&s)
		if d := deviation(q); !(d <= 1e-13) {
			t.Fatalf("QᵀQ deviates from I by %g", d)
		}
		for i := range q {
			for j := range q[i] {
				mean[i][j] += q[i][j] / n
			}
		}
		if q.Det() > 0 {
			positive++
			angle = append(angle, math.Acos(min(1, max(-1, (q[0][0]+q[1][1]+q[2][2]-1)/2))))
		}
	}
	for i := range mean {
		for j := range mean[i] { // an element has variance 1/3
			if math.Abs(mean[i][j]) > 4*math.Sqrt(1.0/3/n) {
				t.Errorf("E[Q][%d][%d] = %g, want 0", i, j, mean[i][j])
			}
		}
	}
	if math.Abs(positive/n-0.5) > 4*0.5/math.Sqrt(n) {
		t.Errorf("share with determinant +1: %g, want 1/2", positive/n)
	}
	// The angle of a Haar rotation has density (1-cos)/π: mean π/2 + 2/π.
	if m := stat.Mean(angle, nil); math.Abs(m-(math.Pi/2+2/math.Pi)) > 4*stat.StdDev(
		angle,
		nil,
	)/math.Sqrt(float64(len(angle))) {
		t.Errorf("mean rotation angle %g", m)
	}
	// One column is uniform on the sphere: its coordinates are uniform on [-1, 1].
	u := distuv.Uniform{Min: -1, Max: 1}
	s = rng.New(6, 0, rng.Haar, 0)
	counts := make([]float64, 10)
	for range n {
		q := Haar(&s)
		counts[min(9, int(10*u.CDF(q[2][0])))]++
	}
	expect := make([]float64, 10)
	for i := range expect {
		expect[i] = n / 10
	}
	if p := (distuv.ChiSquared{K: 9}).Survival(stat.ChiSquare(counts, expect)); p < 1e-4 {
		t.Errorf("coordinates of a column are not uniform: p = %g, counts %v", p, counts)
	}
}

func TestRotateThereAndBack(t *testing.T) {
	s := rng.New(9, 0, rng.Init, 0)
	x := make([]float32, 7*4)
	s.Fill(x, 1)
	y := append([]float32{}, x...)
	q := Haar(&s)
	back := q.T()
	q.Rotate(y, 4, y, 4, 7)
	if y[0] == x[0] {
		t.Error("Rotate left the rows where they were")
	}
	back.Rotate(y, 4, y, 4, 7)
	for i := range x {
		if math.Abs(float64(x[i]-y[i])) > 1e-6 {
			t.Errorf("element %d: %v became %v", i, x[i], y[i])
		}
	}
}

func TestDeviation(t *testing.T) {
	s := rng.New(1, 0, rng.Haar, 0)
	q := Haar(&s)
	if d := q.Deviation(); !(d < 1e-14) {
		t.Errorf("orthogonal: %g", d)
	}
	q[1][2] += 0.5
	if d := q.Deviation(); !(d > 0.1) {
		t.Errorf("not orthogonal: %g", d)
	}
	q[0][0] = math.NaN()
	if d := q.Deviation(); d == d {
		t.Errorf("NaN: %g", d)
	}
}
