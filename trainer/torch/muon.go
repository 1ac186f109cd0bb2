//go:build torch

package torch

import (
	"math"
	"strings"

	"github.com/sugarme/gotch/ts"

	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/safetensors"
)

// muonMomentum is the decay of Muon's momentum.
const muonMomentum = 0.95

// muon steps the matrices W (rows, cols) of shard i (Jordan et al. 2024; Liu et al. 2025, arXiv
// 2502.16982):
//
//	m <- 0.95·m + g,  w <- (1 - lr·wd)·w - lr·0.2·sqrt(max(rows, cols))·polar(g + 0.95·m)
//
// with polar(U·S·Vᵀ) ≈ U·Vᵀ: every direction of the update counts the same. The factor makes the
// step's root mean square that of AdamW, so that one learning rate serves both. Matrices of one
// shape are stacked.
func (o *Optimiser) muon(s *Scope, g []Tensor, i int, scale, lr, emaDecay float64) {
	var spans []span
	var members []piece
	var updates []Tensor
	for k, h := range o.shards[i] {
		if h.rows == 0 {
			continue
		}
		u := s.keep(g[k].MustMulScalar(ts.FloatScalar(scale), false))
		h.m.MustMulScalar_(ts.FloatScalar(muonMomentum))
		h.m.MustAdd_(u)
		u = s.view(s.add(u, s.keep(h.m.MustMulScalar(ts.FloatScalar(muonMomentum), false))), h.rows,
			h.cols)
		spans, members, updates = append(spans, h.span), append(members, h), append(updates, u)
	}
	for k, d := range o.orthogonalised(s, spans, updates, lr) {
		h := members[k]
		o.decay(h, lr)
		h.w.MustAdd_(s.reshape(d, -1))
		h.average(s, emaDecay)
	}
}

// orthogonalised are the steps -lr·0.2·sqrt(max(rows, cols))·polar(u), each (rows, cols).
func (o *Optimiser) orthogonalised(s *Scope, spans []span, updates []Tensor, lr float64) []Tensor {
	type shape struct{ short, long int64 }
	stacks, members := map[shape][]Tensor{}, map[shape][]int{}
	var shapes []shape
	for k, h := range spans {
		u := updates[k]
		if h.rows > h.cols {
			u = s.transpose(u, 0, 1)
		}
		key := shape{min(h.rows, h.cols), max(h.rows, h.cols)}
		if stacks[key] == nil {
			shapes = append(shapes, key)
		}
		stacks[key], members[key] = append(stacks[key], u), append(members[key], k)
	}
	steps := make([]Tensor, len(spans))
	for _, key := range shapes {
		u := s.keep(ts.MustStack(stacks[key], 0))
		if o.params.half != nil {
			u = s.to(u, bf16)
		}
		step := s.to(polar(s, u), f32)
		step = s.mulScalar(step, -lr*0.2*math.Sqrt(float64(key.long)))
		for k, d := range s.unbind(step, 0) {
			i := members[key][k]
			if spans[i].rows > spans[i].cols {
				d = s.transpose(d, 0, 1)
			}
			steps[i] = d
		}
	}
	return steps
}

// polar is near the orthogonal factor of each matrix of x (k, m, n), m <= n: five steps of the
// Newton-Schulz iteration
//
//	x <- 3.4445·x - 4.7750·x·xᵀ·x + 2.0315·(x·xᵀ)²·x
//
// from x/|x|, which bring singular values of that into (0.68, 1.14) where they are above 0.002 or
// so (Jordan et al. 2024).
func polar(s *Scope, x Tensor) Tensor {
	norm := s.sqrt(s.sum(s.mul(x, x), true, 1, 2))
	x = s.div(x, s.addScalar(norm, 1e-7))
	for range 5 {
		a := s.bmm(x, s.transpose(x, 1, 2))
		b := s.keep(a.MustBaddbmm(a, a, ts.FloatScalar(-4.7750), ts.FloatScalar(2.0315), false))
		x = s.keep(x.MustBaddbmm(b, x, ts.FloatScalar(3.4445), ts.FloatScalar(1), false))
	}
	return x
}

// matrices are the parts of a weight that Muon steps one by one: queries, keys and values, and the
// halves of a SwiGLU.
func matrices(c model.Config, q safetensors.Parameter, from int64) []span {
	parts := int64(1)
	switch {
	case strings.Contains(q.Name, ".attn.qkv."):
		parts = 3
	case strings.Contains(q.Name, ".mlp.fc1.") && c.MLPType == model.SwiGLU:
		parts = 2
	}
	rows, cols := int64(q.Shape[0])/parts, int64(q.Shape[1])
	spans := make([]span, parts)
	for i := range spans {
		spans[i] = span{from + int64(i)*rows*cols, rows * cols, rows, cols}
	}
	return spans
}
