//go:build torch

package torch

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"testing"

	"github.com/symdiff-go/symdiff/core/egnn"
	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/o3"
	"github.com/symdiff-go/symdiff/core/rng"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// The published implementation's values, to 1e-4.
func TestEGNNReference(t *testing.T) {
	onThread(t)
	dir := filepath.Join("..", "..", "core", "egnn", "testdata")
	w, err := safetensors.Open(filepath.Join(dir, "egnn.weights.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	io, err := safetensors.Open(filepath.Join(dir, "egnn.io.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := egnn.Load(w)
	if err != nil {
		t.Fatal(err)
	}
	var flat []float32
	for _, q := range m.Config.Parameters() {
		v, err := w.Float32(q.Name, q.Shape...)
		if err != nil {
			t.Fatal(err)
		}
		flat = append(flat, v...)
	}
	p := NewEGNNParams(m.Config, CPU)
	p.Set(flat)
	cases, err := model.ReadCases(io, model.Config{Variant: model.None, Features: m.Config.Features})
	if err != nil {
		t.Fatal(err)
	}
	worst := 0.0
	for _, c := range cases {
		n, f := int64(c.Atoms), int64(m.Config.Features)
		s := &Scope{Device: CPU}
		xh := s.split(s.Of(c.Z, 1, n, 3+f), -1, 3, f)
		out := Forward(s, p, Input{B: 1, N: n, X: xh[0], H: xh[1], T: s.Of([]float32{c.T}, 1)})
		worst = max(worst, maxDiff(Float32s(s.cat(-1, out.X, out.H)), c.Eps))
		s.Close()
	}
	t.Logf("max |eps - reference| = %.2g", worst)
	if !(worst <= 1e-4) {
		t.Errorf("differs from the published implementation by %g", worst)
	}
}

// libtorch and core agree for every option, on weights of a fresh start with more at the last layer.
func TestEGNNParityWithCore(t *testing.T) {
	onThread(t)
	worst := 0.0
	for k := range 16 {
		c := egnn.Config{Features: 6, Hidden: 24, Layers: 2, InvSublayers: 1 + k&1, Attention: k&2 > 0, Tanh: k&4 > 0, Haar: k&8 > 0, NormConstant: 1, NormFactor: 3}
		flat := InitEGNN(c, uint64(k))
		r := rng.New(3, uint32(k), rng.Initial, 0)
		for i := range flat {
			flat[i] += float32(0.02 * r.Norm())
		}
		p := NewEGNNParams(c, CPU)
		p.Set(flat)
		core := coreEGNN(t, c, model.QM9Meta(), flat)
		for _, n := range []int{1, 2, 9} {
			z, haar := make([]float32, n*9), o3.Haar(&r)
			r.Fill(z, 1)
			symmetrise.RemoveMean(z, 9, []int{n})
			want := make([]float32, len(z))
			core.NewState([]int{n}).Eps(want, z, 0.3, symmetrise.Noise{R0: []o3.Matrix{haar}})
			r0 := make([]float32, 9)
			for i := range r0 {
				r0[i] = float32(haar[i/3][i%3])
			}
			s := &Scope{Device: CPU}
			nn := int64(n)
			xh := s.split(s.Of(z, 1, nn, 9), -1, 3, 6)
			out := Forward(s, p, Input{B: 1, N: nn, X: xh[0], H: xh[1], T: s.Of([]float32{0.3}, 1), R0: s.Of(r0, 1, 3, 3)})
			got := Float32s(s.cat(-1, out.X, out.H))
			s.Close()
			scale := 0.0
			for _, v := range want {
				scale = max(scale, math.Abs(float64(v)))
			}
			d := maxDiff(got, want) / scale
			worst = max(worst, d)
			if !(d <= 1e-4) {
				t.Errorf("%s, %d atoms: relative difference %.2g", fmt.Sprintf("%+v", c), n, d)
			}
		}
	}
	t.Logf("largest relative difference %.2g", worst)
}

// The network under values of properties is core's, and the gradient of the context's weights is that of finite differences.
func TestEGNNConditionalParityWithCore(t *testing.T) {
	onThread(t)
	for _, haar := range []bool{false, true} {
		c := egnn.Config{Features: 6, Context: 4, Hidden: 16, Layers: 2, InvSublayers: 1, Attention: true, Tanh: true, Haar: haar, NormConstant: 1, NormFactor: 3}
		flat := InitEGNN(c, 1)
		r := rng.New(4, 0, rng.Initial, 0)
		for i := range flat {
			flat[i] += float32(0.1 * r.Norm())
		}
		p := NewEGNNParams(c, CPU)
		const n = 5
		z, frame := make([]float32, n*9), o3.Haar(&r)
		r.Fill(z, 1)
		symmetrise.RemoveMean(z, 9, []int{n})
		r0 := make([]float32, 9)
		for i := range r0 {
			r0[i] = float32(frame[i/3][i%3])
		}
		call := func(s *Scope, weights []float32) Tensor {
			p.Set(weights)
			xh := s.split(s.Of(z, 1, n, 9), -1, 3, 6)
			// gap = 0.35 with mean 0.2 and deviation 0.1, homo unknown
			return Forward(s, p, Input{B: 1, N: n, X: xh[0], H: xh[1], T: s.Of([]float32{0.4}, 1), R0: s.Of(r0, 1, 3, 3), Context: s.Of([]float32{1.5, 1, 0, 0}, 1, 4)}).Eps(s)
		}
		meta := model.QM9Meta()
		meta.Context = []model.Quantity{{Name: "gap", Mean: 0.2, MAD: 0.1}, {Name: "homo", Mean: 1, MAD: 2}}
		net, err := symmetrise.Condition(coreEGNN(t, c, meta, flat), map[string]float64{"gap": 0.35}, 0)
		if err != nil {
			t.Fatal(err)
		}
		want := make([]float32, len(z))
		net.NewState([]int{n}).Eps(want, z, 0.4, symmetrise.Noise{R0: []o3.Matrix{frame}})
		s := &Scope{Device: CPU}
		defer s.Close()
		if d := maxDiff(Float32s(call(s, flat)), want); !(d <= 1e-4) {
			t.Errorf("haar %v: differs by %g", haar, d)
		}

		loss := func(weights []float32) Tensor {
			e := call(s, weights)
			return s.sum(s.mul(e, e), false, 0, 1, 2)
		}
		grad := Float32s(p.Grad(s, loss(flat)))
		in := c.Features + 1 + c.Context
		for row := range 3 {
			for channel := range c.Context {
				i := row*in + c.Features + 1 + channel // of egnn.embedding.weight, the first
				const h = 1e-2
				up, down := slices.Clone(flat), slices.Clone(flat)
				up[i] += h
				down[i] -= h
				want := float64(Float32s(loss(up))[0]-Float32s(loss(down))[0]) / (2 * h)
				if math.Abs(float64(grad[i])-want) > 1e-2*(1+math.Abs(want)) || (channel < 2) != (grad[i] != 0) {
					t.Errorf("haar %v: gradient of channel %d is %g, by differences %g", haar, channel, grad[i], want)
				}
			}
		}
	}
}

func coreEGNN(t *testing.T, c egnn.Config, meta model.Meta, flat []float32) symmetrise.Network {
	t.Helper()
	m, err := egnn.Load(asFile(t, c.Parameters(), flat, egnn.Metadata(c, meta)))
	if err != nil {
		t.Fatal(err)
	}
	if m.Config != c {
		t.Fatalf("read %+v, wrote %+v", m.Config, c)
	}
	return m.Network()
}
