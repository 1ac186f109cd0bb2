//go:build torch

package torch

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/o3"
	"github.com/symdiff-go/symdiff/core/rng"
	"github.com/symdiff-go/symdiff/core/safetensors"
)

func TestMain(m *testing.M) {
	Setup(2)
	os.Exit(m.Run())
}

// onThread runs f on the test's own goroutine, bound to a thread: each test has another one.
func onThread(t *testing.T) {
	t.Helper()
	Setup(0)
}

// published is the network of a reference file: its configuration, and the values of its
// parameters.
func published(t testing.TB, name string) (model.Config, []float32) {
	t.Helper()
	f, err := safetensors.Open(filepath.Join("..", "..", "core", "model", "testdata", name+".weights.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.Load(f)
	if err != nil {
		t.Fatal(err)
	}
	var flat []float32
	for _, p := range m.Config.Parameters() {
		v, err := f.Float32(p.Name, p.Shape...)
		if err != nil {
			t.Fatal(err)
		}
		flat = append(flat, v...)
	}
	return m.Config, flat
}

func maxDiff(a, b []float32) float64 {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	m := 0.0
	for i := range a {
		d := math.Abs(float64(a[i]) - float64(b[i]))
		if !(d <= m) {
			m = d
		}
	}
	return m
}

// coupledDeviation feeds X and X·H, with R0' = Hᵀ·R0 for the second and the same eta, and returns
// the largest deviation of the second output from the first rotated by H, relative to the largest
// output. It is rounding error exactly if gamma is equivariant.
func coupledDeviation(t *testing.T, order string) float64 {
	c, weights := published(t, "symdiff")
	c.GammaOrder = order
	p := NewParams(c, CPU, false)
	p.Set(weights)
	const b, n = 4, 9
	stream := rng.New(1, 0, rng.Initial, 0)
	x, h, eta := make([]float32, b*n*3), make([]float32, b*n*6), make([]float32, b*n*3)
	stream.Fill(x, 1.5)
	stream.Fill(h, 1)
	stream.Fill(eta, 1)
	for m := range b {
		removeMean(x[m*n*3:(m+1)*n*3], n)
	}
	xh := make([]float32, len(x))
	r0, r0h, rotations := make([]float32, b*9), make([]float32, b*9), make([]o3.Matrix, b)
	for m := range b {
		rotation, haar := o3.Haar(&stream), o3.Haar(&stream)
		rotations[m] = rotation
		rotation.Rotate(xh[m*n*3:], 3, x[m*n*3:], 3, n)
		haarH := rotation.T().Mul(haar)
		for i := range 9 {
			r0[m*9+i], r0h[m*9+i] = float32(haar[i/3][i%3]), float32(haarH[i/3][i%3])
		}
	}
	s := &Scope{Device: CPU}
	defer s.Close()
	run := func(x, r0 []float32) []float32 {
		out := Forward(s, p, Input{B: b, N: n, X: s.Of(x, b, n, 3), H: s.Of(h, b, n, 6),
			T: s.Of([]float32{0.1, 0.4, 0.7, 1}, b), R0: s.Of(r0, b, 3, 3), Eta: s.Of(eta, b, n, 3)})
		return Float32s(out.X)
	}
	y, yh := run(x, r0), run(xh, r0h)
	scale := 0.0
	for m := range b {
		rotations[m].Rotate(y[m*n*3:], 3, y[m*n*3:], 3, n)
	}
	for _, v := range y {
		scale = max(scale, math.Abs(float64(v)))
	}
	return maxDiff(yh, y) / scale
}

func removeMean(x []float32, n int) {
	for k := range 3 {
		m := 0.0
		for i := range n {
			m += float64(x[3*i+k]) / float64(n)
		}
		for i := range n {
			x[3*i+k] -= float32(m)
		}
	}
}

func TestCoupling(t *testing.T) {
	onThread(t)
	paper, released := coupledDeviation(t, model.GammaPaper), coupledDeviation(t, model.GammaReleased)
	t.Logf("relative deviation under a rotated input: paper %.2g, released %.2g", paper, released)
	if !(paper < 1e-4) {
		t.Errorf("gamma_order paper is not equivariant: %g", paper)
	}
	if !(released > 0.1) {
		t.Errorf("gamma_order released passes the coupling test (%g): the test has no power", released)
	}
}
