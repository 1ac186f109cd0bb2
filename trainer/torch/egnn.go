//go:build torch

package torch

import (
	"math"
	"strconv"
	"strings"

	"github.com/sugarme/gotch/ts"

	"github.com/symdiff-go/symdiff/core/egnn"
	"github.com/symdiff-go/symdiff/core/rng"
	"github.com/symdiff-go/symdiff/core/safetensors"
)

// forwardEGNN is EDM's network (see package core/egnn), or a part of an autoencoder that is one.
//
// The first layer of an MLP over edges [h_i, h_j, d²_ij, d0²_ij] is computed atom by atom, W_i·h_i
// + W_j·h_j + w·d²_ij + w0·d0²_ij + b: the same values, N times cheaper.
func forwardEGNN(s *Scope, p *Params, in Input) Output {
	c := p.egnn
	b, n, d := in.B, in.N, int64(c.Hidden)
	channels := []Tensor{in.H}
	if !c.Timeless {
		channels = append(channels, s.keep(s.view(in.T, b, 1, 1).MustExpand([]int64{b, n, 1}, false,
			false)))
	}
	if c.Context > 0 {
		channels = append(channels, in.context(s, c.Context))
	}
	h := p.linear(s, "egnn.embedding", s.cat(-1, channels...)) // (B, N, d)
	off := s.view(s.Of(offDiagonal(int(n)), n*n), 1, n, n, 1)
	x := in.X
	d0 := squaredDistances(s, x, b, n) // (B, N, N, 1)
	for l := range c.Layers {
		block := "egnn.e_block_" + strconv.Itoa(l) + "."
		d2 := squaredDistances(s, x, b, n)
		edges := func(name string) Tensor {
			m := s.silu(p.edges(s, name+".0", h, d2, d0, b, n, d))
			return s.silu(p.linear(s, name+".2", m)) // (B, N, N, d)
		}
		for i := range c.InvSublayers {
			gcl := block + "gcl_" + strconv.Itoa(i) + "."
			m := edges(gcl + "edge_mlp")
			gate := off
			if c.Attention {
				gate = s.mul(s.keep(p.linear(s, gcl+"att_mlp.0", m).MustSigmoid(false)), off)
			}
			sum := s.mulScalar(s.sum(s.mul(m, gate), false, 2), 1/c.NormFactor)
			u := s.silu(p.linear(s, gcl+"node_mlp.0", s.cat(-1, h, sum)))
			h = s.add(h, p.linear(s, gcl+"node_mlp.2", u))
		}
		equiv := block + "gcl_equiv.coord_mlp"
		// (B, N, N, 1)
		w := s.keep(edges(equiv).MustMatmul(s.transpose(p.get(equiv+".4.weight"), 0, 1), false))
		if c.Tanh {
			w = s.mulScalar(s.keep(w.MustTanh(false)), 15)
		}
		w = s.div(w, s.addScalar(s.sqrt(s.addScalar(d2, 1e-8)), c.NormConstant))
		diff := s.sub(s.view(x, b, n, 1, 3), s.view(x, b, 1, n, 3))
		x = s.add(x, s.mulScalar(s.sum(s.mul(diff, w), false, 2), 1/c.NormFactor))
	}
	out, ox := p.linear(s, "egnn.embedding_out", h), x
	if c.Outputs == 0 { // as many as go in, and channels that are dropped
		out = s.narrow(out, -1, 0, int64(c.Features))
	}
	if !c.Absolute {
		ox = s.sub(x, in.X)
	}
	ox = s.sub(ox, s.mean(ox, true, 1))
	return Output{X: ox, H: out}
}

// edges is the linear layer name of all edges: (B, N, N, d).
func (p *Params) edges(s *Scope, name string, h, d2, d0 Tensor, b, n, d int64) Tensor {
	w := s.split(p.get(name+".weight"), 1, d, d, 1, 1)
	from := s.view(s.keep(ts.MustLinear(h, w[0], p.get(name+".bias"))), b, n, 1, d)
	to := s.view(s.matmul(h, s.transpose(w[1], 0, 1)), b, 1, n, d)
	e := s.add(from, to)
	e = s.addcmul(e, d2, s.view(w[2], 1, 1, 1, d))
	return s.addcmul(e, d0, s.view(w[3], 1, 1, 1, d))
}

// squaredDistances are those of all pairs of x (B, N, 3): (B, N, N, 1).
func squaredDistances(s *Scope, x Tensor, b, n int64) Tensor {
	diff := s.sub(s.view(x, b, n, 1, 3), s.view(x, b, 1, n, 3))
	return s.sum(s.mul(diff, diff), true, -1)
}

// offDiagonal is 1 - I, (N, N).
func offDiagonal(n int) []float32 {
	m := make([]float32, n*n)
	for i := range m {
		if i/n != i%n {
			m[i] = 1
		}
	}
	return m
}

// InitEGNN is a random start as PyTorch has it: weights and biases uniform on ±1/sqrt(inputs), the
// last layer of the coordinates Xavier-uniform with gain 0.001. Every parameter has its own stream
// of the seed.
func InitEGNN(c egnn.Config, seed uint64) []float32 { return initLinear(c.Parameters(), seed, 0) }

// initLinear is that of a list of linear layers, by the streams of their numbers from first on.
func initLinear(list []safetensors.Parameter, seed uint64, first int) []float32 {
	var flat []float32
	inputs := 1
	for i, q := range list {
		r := rng.New(seed, uint32(first+i), rng.Init, 0)
		if len(q.Shape) == 2 { // the weight comes before its bias
			inputs = q.Shape[1]
		}
		a := 1 / math.Sqrt(float64(inputs))
		if strings.HasSuffix(q.Name, "coord_mlp.4.weight") {
			a = 0.001 * math.Sqrt(6/float64(q.Shape[0]+q.Shape[1]))
		}
		for range q.Size() {
			flat = append(flat, float32(a*(2*r.Float64()-1)))
		}
	}
	return flat
}
