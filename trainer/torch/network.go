//go:build torch

package torch

import (
	"math"
	"strconv"

	"github.com/sugarme/gotch/ts"

	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// Input is a batch of B molecules of N atoms.
type Input struct {
	B, N int64
	X    Tensor // (B, N, 3), zero centre of mass
	H    Tensor // (B, N, F)
	T    Tensor // (B), time in [0, 1]
	R0   Tensor // (B, 3, 3), Haar; unused by the variant none
	Eta  Tensor // (B, N, noise_dims); used by the variant symdiff only, nil if noise_dims is 0

	Context Tensor // (B, C), nil without a condition
}

// context is the same at every atom: (B, N, channels).
func (in Input) context(s *Scope, channels int) Tensor {
	c := int64(channels)
	return s.keep(s.view(in.Context, in.B, 1, c).MustExpand([]int64{in.B, in.N, c}, false, false))
}

// Output is the network's estimate of the noise.
type Output struct {
	X Tensor // (B, N, 3), zero centre of mass
	H Tensor // (B, N, F)
	// (B, 3, 3), the matrix C of which rows are rotated by, X·C, and back by Cᵀ; nil for the
	// variant none
	Gamma Tensor
}

// Forward is the denoiser
//
//	C = R0·f(X·R0, eta),   (x, h) = k(X·C, h, t),   eps_hat = (P(x)·Cᵀ, h)
//
// with P the projection to zero centre of mass. Variant symdiff-h has f = I, variant none C = I.
func Forward(s *Scope, p *Params, in Input) Output {
	if p.egnn != nil {
		return forwardEGNN(s, p, in)
	}
	c := p.Config
	t := in.T
	if c.TimeScale != 0 {
		t = s.mulScalar(t, c.TimeScale)
	}
	time := timeFeatures(s, t)
	g := gaussians(s, p, in)
	pos := distancePart(s, p, in, g)
	x := in.X
	var gamma Tensor
	if c.GammaBase == model.GammaFrame {
		in.R0 = principalFrame(s, in.X, in.R0)
	}
	switch c.Variant {
	case model.SymdiffH:
		gamma = in.R0
	case model.Symdiff:
		q := orthogonal(s, p, in, time, pos)
		if c.GammaOrder == model.GammaReleased {
			gamma = s.bmm(q, s.transpose(in.R0, 1, 2))
		} else {
			gamma = s.bmm(in.R0, q)
		}
	}
	if gamma != nil {
		x = s.bmm(x, gamma)
	}
	xh := []Tensor{x, in.H}
	if c.Context > 0 {
		xh = append(xh, in.context(s, c.Context))
	}
	tok := s.cat(-1, p.linear(s, "xh_embedder", s.cat(-1, xh...)), pos)
	prefix := c.Prefix()
	k := dit{p: p, prefix: prefix, width: int64(c.Hidden), depth: c.Depth, heads: int64(c.Heads),
		swiglu: c.MLPType == model.SwiGLU}
	cond := k.condition(s, time)
	out := k.blocks(s, tok, cond, k.pairBias(s, cond, g, in.B, in.N), in.B, in.N)
	ada := s.unbind(s.view(p.linear(s, prefix+"final_layer.adaLN_modulation.1", cond), in.B, 2, 1,
		k.width), 1)
	out = s.modulate(s.layerNorm(out, k.width), ada[0], ada[1])
	xh = s.split(p.linear(s, prefix+"final_layer.linear", out), -1, 3, int64(c.Features))
	ox, oh := xh[0], xh[1]
	ox = s.sub(ox, s.mean(ox, true, 1))
	if gamma != nil {
		ox = s.bmm(ox, s.transpose(gamma, 1, 2))
	}
	return Output{X: ox, H: oh, Gamma: gamma}
}

// orthogonal is f: a DiT over [X·R0, eta, distance part], its mean over atoms, an MLP to nine
// numbers, Gram-Schmidt. (B, 3, 3)
func orthogonal(s *Scope, p *Params, in Input, time, pos Tensor) Tensor {
	c := p.Config
	parts := []Tensor{s.bmm(in.X, in.R0)}
	if c.NoiseDims > 0 {
		parts = append(parts, in.Eta)
	}
	tok := p.linear(s, "gamma_enc.x_embedder", s.cat(-1, append(parts, pos)...))
	enc := dit{p: p, prefix: "gamma_enc.", width: int64(c.EncHidden), depth: c.EncDepth,
		heads: int64(c.EncHeads), swiglu: c.MLPType == model.SwiGLU}
	blocks := enc.blocks(s, tok, enc.condition(s, time), nil, in.B, in.N)
	if c.GammaHead == model.GammaMoments {
		return momentsOf(s, p, in, blocks)
	}
	h := s.mean(blocks, false, 1)
	h = s.keep(p.linear(s, "gamma_dec.fc1", h).MustGelu("none", false))
	a := s.view(p.linear(s, "gamma_dec.fc2", h), in.B, 3, 3)
	if c.FixQR {
		return orthonormaliseRows(s, a)
	}
	return s.transpose(orthonormaliseRows(s, s.transpose(a, 1, 2)), 1, 2)
}

// momentsOf is the head of moments (see core/model): u_i = W·LN(x_i) with rows of W of length 1, A
// = sum_i u_iᵀ·x_i of the positions X·C0, and f the transpose of A made orthonormal on its rows.
// (B, 3, 3)
func momentsOf(s *Scope, p *Params, in Input, blocks Tensor) Tensor {
	w := p.get("gamma_dec.moments.weight") // (3, enc_hidden)
	w = s.div(s.to(w, f32), s.sqrt(s.addScalar(s.sum(s.mul(w, w), true, -1), 1e-20)))
	u := s.matmul(s.layerNorm(blocks, int64(p.Config.EncHidden)), s.transpose(w, 0, 1)) // (B, N, 3)
	a := s.bmm(s.transpose(u, 1, 2), s.bmm(in.X, in.R0))
	return s.transpose(orthonormaliseRows(s, a), 1, 2)
}

// principalFrame is symmetrise.Frame, without a gradient: (B, 3, 3).
func principalFrame(s *Scope, x, r0 Tensor) (c Tensor) {
	NoGrad(func() {
		x, r := s.to(x, f64), s.to(r0, f64)
		scatter := s.bmm(s.transpose(x, 1, 2), x)
		trace := s.view(s.sum(s.reshape(s.mul(x, x), x.MustSize()[0], -1), true, 1), -1, 1, 1)
		ties := s.bmm(s.mul(r, s.Of([]float32{1, 2, 3}, 1, 1, 3)), s.transpose(r, 1, 2))
		scatter = s.add(scatter, s.mul(s.addScalar(s.mulScalar(trace, symmetrise.TieBreak), 1e-12), ties))
		values, vectors := scatter.MustLinalgEigh("L", false) // vectors in columns, ascending
		s.keep(values)
		v := s.keep(vectors)
		sign := s.sum(s.mul(v, r), true, 1) // (B, 1, 3): v_k·R0·e_k
		c = s.to(s.mul(v, s.keep(sign.MustSign(false))), f32)
	})
	return c
}

// orthonormaliseRows is Gram-Schmidt on the rows of a (B, 3, 3). The third row is the cross product
// of the first two with the sign of its product with a's third row, which is the same in exact
// arithmetic, as is its gradient: in three dimensions the first two rows leave the third nothing
// but the sign.
func orthonormaliseRows(s *Scope, a Tensor) Tensor {
	rows := s.unbind(a, 1) // each (B, 3)
	dot := func(u, v Tensor) Tensor { return s.sum(s.mul(u, v), true, -1) }
	unit := func(v Tensor) Tensor { return s.div(v, s.sqrt(s.addScalar(dot(v, v), 1e-20))) }
	q0 := unit(rows[0])
	q1 := unit(s.sub(rows[1], s.mul(q0, dot(q0, rows[1]))))
	// once more: float32 leaves the first try oblique where a is nearly singular
	q1 = unit(s.sub(q1, s.mul(q0, dot(q0, q1))))
	cross := s.keep(q0.MustLinalgCross(q1, -1, false))
	sign := s.keep(dot(s.keep(cross.MustDetach(false)),
		s.keep(rows[2].MustDetach(false))).MustSign(false))
	q2 := s.mul(cross, sign)
	return s.keep(ts.MustStack([]Tensor{q0, q1, q2}, 1))
}

// timeFeatures is [cos(t·w), sin(t·w)] with w_i = 10⁻⁴ to the power i/128: (B) -> (B, 256).
func timeFeatures(s *Scope, t Tensor) Tensor {
	const half = model.TimeEmbedding / 2
	w := make([]float32, half)
	for i := range w {
		w[i] = float32(math.Exp(-math.Log(1e4) * float64(i) / half))
	}
	a := s.mul(s.view(t, -1, 1), s.Of(w, 1, half))
	return s.cat(-1, s.keep(a.MustCos(false)), s.keep(a.MustSin(false)))
}

// gaussians are K Gaussians of the distances of all pairs of atoms, i = j included: (B·N, N, K),
//
//	exp(-½((d-mean)/std)²) / (sqrt(2·3.14159)·std),   std = |s| + 0.01.
func gaussians(s *Scope, p *Params, in Input) Tensor {
	b, n, k := in.B, in.N, int64(p.Config.K)
	var d Tensor
	NoGrad(func() {
		diff := s.sub(s.view(in.X, b, n, 1, 3), s.view(in.X, b, 1, n, 3))
		d = s.view(s.sqrt(s.sum(s.mul(diff, diff), false, -1)), b*n, n, 1)
	})
	means := s.view(p.get("gaussian_embedder.means.weight"), 1, 1, k)
	std := s.addScalar(s.keep(s.view(p.get("gaussian_embedder.stds.weight"), 1, 1, k).MustAbs(false)),
		1e-2)
	inv := s.keep(std.MustReciprocal(false))
	u := s.addcmul(s.keep(s.mul(means, inv).MustNeg(false)), d, inv)
	g := s.keep(s.mulScalar(s.mul(u, u), -0.5).MustExp(false))
	return s.mul(g, s.mulScalar(inv, 1/math.Sqrt(2*3.14159)))
}

// distancePart is the pos_embedder of the mean of the Gaussians g over j, taken before the linear
// layer: (B, N, hidden - xh_hidden). With pad_to its bias counts pad_to/N times, which is what the
// published code's padded atoms add.
func distancePart(s *Scope, p *Params, in Input, g Tensor) Tensor {
	b, n, k := in.B, in.N, int64(p.Config.K)
	g = s.view(s.mean(g, false, 1), b, n, k)
	bias := p.get("pos_embedder.bias")
	if p.Config.PadTo > 0 {
		bias = s.mulScalar(bias, float64(p.Config.PadTo)/float64(n))
	}
	return s.linear(g, p.get("pos_embedder.weight"), bias)
}

// dit is a stack of DiT blocks with adaLN-zero conditioning.
type dit struct {
	p      *Params
	prefix string
	width  int64
	depth  int
	heads  int64
	swiglu bool
}

// linear is the named layer in the type of its weights, bfloat16 or float32.
func (p *Params) linear(s *Scope, name string, x Tensor) Tensor {
	w := p.get(name + ".weight")
	return s.linear(s.to(x, w.DType()), w, p.get(name+".bias"))
}

// condition is SiLU of the time embedding: (B, 256) -> (B, width).
func (m dit) condition(s *Scope, time Tensor) Tensor {
	h := s.silu(m.p.linear(s, m.prefix+"t_embedder.mlp.0", time))
	return s.silu(m.p.linear(s, m.prefix+"t_embedder.mlp.2", h))
}

// modulate is x·(1+scale) + shift.
func (s *Scope) modulate(x, shift, scale Tensor) Tensor {
	return s.addcmul(shift, x, s.addScalar(scale, 1))
}

// pairBias is what k adds to the attention scores, from the Gaussians g (B·N, N, K) of the
// distances, with pair_bias:
//
//	b_ij = (1 + scale_lh(t))·sum_k W_lhk·g_k(d_ij)
//
// for head h of block l, (depth, B, heads, N, N); else nil.
func (m dit) pairBias(s *Scope, cond, g Tensor, b, n int64) []Tensor {
	if !m.p.Config.PairBias {
		return nil
	}
	all := int64(m.depth) * m.heads
	w := s.mul(s.view(s.addScalar(m.p.linear(s, m.prefix+"pair_adaLN_modulation.1", cond), 1), b, all,
		1), m.p.get(m.prefix+"pair_embedder.weight"))
	a := s.bmm(w, s.transpose(s.view(g, b, n*n, -1), 1, 2)) // (B, depth·heads, N·N)
	return s.unbind(s.view(a, b, int64(m.depth), m.heads, n, n), 1)
}

// blocks runs x (B, N, width) through the blocks, with the bias of each one's attention, or none if
// bias is nil.
func (m dit) blocks(s *Scope, x, cond Tensor, bias []Tensor, b, n int64) Tensor {
	for i := range m.depth {
		name := m.prefix + "blocks." + strconv.Itoa(i) + "."
		// each (B, 1, width)
		ada := s.unbind(s.view(m.p.linear(s, name+"adaLN_modulation.1", cond), b, 6, 1, m.width), 1)
		h := s.modulate(s.layerNorm(x, m.width), ada[0], ada[1])
		var pairs Tensor
		if bias != nil {
			pairs = bias[i]
		}
		x = s.addcmul(x, ada[2], s.to(m.attention(s, name+"attn.", h, pairs, b, n), f32))
		h = s.modulate(s.layerNorm(x, m.width), ada[3], ada[4])
		x = s.addcmul(x, ada[5], s.to(m.mlp(s, name+"mlp.", h), f32))
	}
	return x
}

// attention is softmax(q·kᵀ/sqrt(d) + bias)·v per head, then the projection; bias is (B, heads, N,
// N) or nil.
func (m dit) attention(s *Scope, name string, x, bias Tensor, b, n int64) Tensor {
	d := m.width / m.heads
	// each (B, heads, N, d)
	qkv := s.unbind(s.permute(s.view(m.p.linear(s, name+"qkv", x), b, n, 3, m.heads, d), 2, 0, 3, 1,
		4), 0)
	q := s.mulScalar(qkv[0], 1/math.Sqrt(float64(d)))
	a := s.matmul(q, s.transpose(qkv[1], -2, -1))
	typ := a.DType()
	if bias != nil {
		a = s.add(s.to(a, f32), bias)
	}
	a = s.to(s.keep(a.MustSoftmax(-1, f32, false)), typ)
	y := s.matmul(a, qkv[2])
	return m.p.linear(s, name+"proj", s.reshape(s.transpose(y, 1, 2), b, n, m.width))
}

// mlp is SiLU(first)·second of fc1's halves, or GELU (tanh form) of fc1, and fc2.
func (m dit) mlp(s *Scope, name string, x Tensor) Tensor {
	h := m.p.linear(s, name+"fc1", x)
	if m.swiglu {
		w := h.MustSize()
		half := w[len(w)-1] / 2
		parts := s.split(h, -1, half, half)
		h = s.mul(s.silu(parts[0]), parts[1])
	} else {
		h = s.keep(h.MustGelu("tanh", false))
	}
	return m.p.linear(s, name+"fc2", h)
}
