//go:build torch

package torch

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/symdiff-go/symdiff/core/egnn"
	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/rng"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// libtorch and core agree for every option, on weights of a fresh start with more at the last
// layer.
func TestEGNNParityWithCore(t *testing.T) {
	onThread(t)
	worst := 0.0
	for k := range 8 {
		c := egnn.Config{Features: 6, Hidden: 24, Layers: 2, InvSublayers: 1 + k&1, Attention: k&2 > 0,
			Tanh: k&4 > 0, NormConstant: 1, NormFactor: 3}
		flat := InitEGNN(c, uint64(k))
		r := rng.New(3, uint32(k), rng.Initial, 0)
		for i := range flat {
			flat[i] += float32(0.02 * r.Norm())
		}
		p := NewEGNNParams(c, CPU)
		p.Set(flat)
		core := coreEGNN(t, c, encoding.QM9(), flat)
		for _, n := range []int{1, 2, 9} {
			z := make([]float32, n*9)
			r.Fill(z, 1)
			symmetrise.RemoveMean(z, 9, []int{n})
			want := make([]float32, len(z))
			core.NewState([]int{n}).Eps(want, z, 0.3, symmetrise.NewNoise(core, []int{n}))
			s := &Scope{Device: CPU}
			nn := int64(n)
			xh := s.split(s.Of(z, 1, nn, 9), -1, 3, 6)
			out := Forward(s, p, Input{B: 1, N: nn, X: xh[0], H: xh[1], T: s.Of([]float32{0.3}, 1)})
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

// The network under values of properties is core's, and the gradient of the context's weights is
// that of finite differences.
func TestEGNNConditionalParityWithCore(t *testing.T) {
	onThread(t)
	c := egnn.Config{Features: 6, Context: 4, Hidden: 16, Layers: 2, InvSublayers: 1, Attention: true,
		Tanh: true, NormConstant: 1, NormFactor: 3}
	flat := InitEGNN(c, 1)
	r := rng.New(4, 0, rng.Initial, 0)
	for i := range flat {
		flat[i] += float32(0.1 * r.Norm())
	}
	p := NewEGNNParams(c, CPU)
	const n = 5
	z := make([]float32, n*9)
	r.Fill(z, 1)
	symmetrise.RemoveMean(z, 9, []int{n})
	call := func(s *Scope, weights []float32) Tensor {
		p.Set(weights)
		xh := s.split(s.Of(z, 1, n, 9), -1, 3, 6)
		// gap = 0.35 with mean 0.2 and deviation 0.1, homo unknown
		return Forward(s, p, Input{B: 1, N: n, X: xh[0], H: xh[1], T: s.Of([]float32{0.4}, 1),
			Context: s.Of([]float32{1.5, 1, 0, 0}, 1, 4)}).Eps(s)
	}
	meta := encoding.QM9()
	meta.Context = []encoding.Quantity{{Name: "gap", Mean: 0.2, MAD: 0.1}, {Name: "homo", Mean: 1, MAD: 2}}
	net, err := symmetrise.Condition(coreEGNN(t, c, meta, flat), map[string]float64{"gap": 0.35}, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := make([]float32, len(z))
	net.NewState([]int{n}).Eps(want, z, 0.4, symmetrise.NewNoise(net, []int{n}))
	s := &Scope{Device: CPU}
	defer s.Close()
	if d := maxDiff(Float32s(call(s, flat)), want); !(d <= 1e-4) {
		t.Errorf("differs by %g", d)
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
				t.Errorf("gradient of channel %d is %g, by differences %g", channel, grad[i], want)
			}
		}
	}
}

func coreEGNN(t *testing.T, c egnn.Config, meta encoding.Meta, flat []float32) symmetrise.Network {
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
