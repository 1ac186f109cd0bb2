//go:build torch

package torch

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/rng"
)

// TestMuon holds three steps to the formula in float64, for the matrices of the blocks, and to
// AdamW for the rest; the number of shards makes no difference.
func TestMuon(t *testing.T) {
	onThread(t)
	const steps, lr, decay, scale, wd = 3, 1e-2, 0.9, 0.5, 0.1
	for _, c := range []model.Config{configs()[0], configs()[len(configs())-1]} {
		start := randomWeights(c, 3)
		run := func(muon bool, shards int) (w, ema []float32) {
			p := NewParams(c, CPU, false)
			p.Set(start)
			o := newOptimiser(p, false, muon, shards)
			o.WeightDecay = wd
			for step := 1; step <= steps; step++ {
				s := &Scope{Device: CPU}
				g := gradient(p.Size, step)
				for i := range max(shards, 1) {
					part, _ := o.Gather(s, []Tensor{s.Of(g, int64(p.Size))}, i)
					o.Apply(s, part, i, scale, step, lr, decay)
				}
				s.Close()
			}
			return Float32s(p.Flat), Float32s(o.EMA)
		}
		adam, _ := run(false, 1)
		want := append([]float32(nil), adam...)
		p := NewParams(c, CPU, false)
		matrixValues := 0
		for i, q := range p.List {
			if !inProducts(q.Name) || len(q.Shape) != 2 {
				continue
			}
			for _, m := range matrices(c, q, int64(p.offsets[i])) {
				w := start[m.from : m.from+m.n]
				copy(want[m.from:], muonReference(w, m, steps, func(step int) []float32 {
					return gradient(p.Size,
						step)[m.from : m.from+m.n]
				}, lr, scale, wd))
				matrixValues += int(m.n)
			}
		}
		if matrixValues < p.Size/4 {
			t.Fatalf("%d of %d values are in matrices", matrixValues, p.Size)
		}
		for _, shards := range []int{1, 3, wholly} {
			got, ema := run(true, shards)
			moved, way := 0.0, 0.0
			for i := range got {
				if math.Abs(float64(got[i]-want[i])) > 2e-5 {
					t.Fatalf("%s, %d shards: value %d is %g, want %g", c.Variant, shards, i, got[i], want[i])
				}
				moved += math.Abs(float64(ema[i] - start[i]))
				way += math.Abs(float64(got[i] - start[i]))
			}
			// 1 - 0.9³ of a steady step's way is 0.27 at the most
			if moved < 0.1*way || moved > 0.5*way {
				t.Errorf("%s, %d shards: the average moved %g, the weights %g", c.Variant, shards, moved, way)
			}
		}
	}
}

func gradient(n, step int) []float32 {
	r := rng.New(uint64(step), 0, rng.Initial, 0)
	g := make([]float32, n)
	r.Fill(g, 1/float64(step))
	return g
}

// muonReference is Muon in float64 on one matrix.
func muonReference(start []float32, m span, steps int, gradient func(step int) []float32, lr, scale,
	wd float64) []float32 {
	rows, cols := int(m.rows), int(m.cols)
	w, momentum := mat.NewDense(rows, cols, widen(start)), mat.NewDense(rows, cols, nil)
	for step := 1; step <= steps; step++ {
		g := mat.NewDense(rows, cols, widen(gradient(step)))
		g.Scale(scale, g)
		momentum.Scale(muonMomentum, momentum)
		momentum.Add(momentum, g)
		var u mat.Dense
		u.Scale(muonMomentum, momentum)
		u.Add(&u, g)
		x := mat.DenseCopyOf(&u)
		x.Scale(1/(mat.Norm(&u, 2)+1e-7), x)
		for range 5 {
			var a, a2, b, bx mat.Dense
			if rows > cols {
				a.Mul(x.T(), x)
			} else {
				a.Mul(x, x.T())
			}
			a2.Mul(&a, &a)
			a2.Scale(2.0315, &a2)
			b.Scale(-4.7750, &a)
			b.Add(&b, &a2)
			if rows > cols {
				bx.Mul(x, &b)
			} else {
				bx.Mul(&b, x)
			}
			x.Scale(3.4445, x)
			x.Add(x, &bx)
		}
		x.Scale(lr*0.2*math.Sqrt(float64(max(rows, cols))), x)
		w.Scale(1-lr*wd, w)
		w.Sub(w, x)
	}
	out := make([]float32, len(start))
	for i, v := range w.RawMatrix().Data {
		out[i] = float32(v)
	}
	return out
}

// TestPolar: singular values of all sizes come near to one, and singular vectors stay.
func TestPolar(t *testing.T) {
	onThread(t)
	const rows, cols = 12, 20
	r := rng.New(1, 0, rng.Initial, 0)
	data := make([]float32, rows*cols)
	r.Fill(data, 1)
	for i := range rows { // rows of very different length
		for j := range cols {
			data[i*cols+j] *= float32(math.Pow(0.75, float64(i)))
		}
	}
	s := &Scope{Device: CPU}
	defer s.Close()
	out := Float32s(polar(s, s.Of(data, 1, rows, cols)))
	var before, after mat.SVD
	before.Factorize(mat.NewDense(rows, cols, widen(data)), mat.SVDThin)
	after.Factorize(mat.NewDense(rows, cols, widen(out)), mat.SVDThin)
	values := after.Values(nil)
	if values[0] > 1.25 || values[rows-1] < 0.6 {
		t.Errorf("singular values %v, want them near 1", values)
	}
	var u, v, vt, uv mat.Dense
	before.UTo(&u)
	before.VTo(&v)
	vt.CloneFrom(v.T())
	uv.Mul(&u, &vt)
	var dot float64
	for i, x := range uv.RawMatrix().Data {
		dot += x * float64(out[i])
	}
	if share := dot / (mat.Norm(&uv, 2) * mat.Norm(mat.NewDense(rows, cols, widen(out)), 2)); share < 0.97 {
		t.Errorf("cosine with the orthogonal factor %.3f, want near 1", share)
	}
}
