//go:build torch

package torch

import (
	"math"

	"github.com/sugarme/gotch"
	"github.com/sugarme/gotch/ts"
)

// AdamW is Adam with decoupled weight decay (Loshchilov and Hutter 2019) and a moving average of the weights, on flat buffers:
//
//	m <- m + (1-b1)(g - m),  v <- v + (1-b2)(g² - v),  w <- (1 - lr·wd)·w - lr·m̂/(sqrt(v̂) + eps),  ema <- ema + (1-d)(w - ema)
//
// with m̂ = m/(1-b1^t), v̂ = v/(1-b2^t); with AMSGrad v̂ takes the largest v so far. The buffers are cut into shards, so that as
// many threads can work on one step: first Gather on each, then Apply on each.
type AdamW struct {
	Beta1, Beta2, Eps float64
	WeightDecay       float64

	M, V, VMax, EMA Tensor // (Size); VMax is nil without AMSGrad
	params          *Params
	shards          []shard
}

// shard is a part of every buffer, as views.
type shard struct {
	from, n                         int64
	w, half, m, v, vmax, ema, spare Tensor // half and vmax may be nil
}

// NewAdamW starts with zero moments and the average at p's present values.
func NewAdamW(p *Params, amsgrad bool, shards int) *AdamW {
	zeros := func() Tensor { return ts.MustZeros([]int64{int64(p.Size)}, f32, p.device) }
	o := &AdamW{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, M: zeros(), V: zeros(), EMA: zeros(), params: p}
	if amsgrad {
		o.VMax = zeros()
	}
	spare := zeros()
	NoGrad(func() {
		o.EMA.Copy_(p.Flat)
		for i := range int64(shards) {
			from := i * int64(p.Size) / int64(shards)
			n := (i+1)*int64(p.Size)/int64(shards) - from
			view := func(t Tensor) Tensor {
				if t == nil {
					return nil
				}
				return t.MustNarrow(0, from, n, false)
			}
			o.shards = append(o.shards, shard{from, n, view(p.Flat), view(p.half), view(o.M), view(o.V), view(o.VMax), view(o.EMA), view(spare)})
		}
	})
	return o
}

// Gather is shard i of the sum of gradients (Size), and the sum of its squares. Nil gradients count as zero; one must not be nil.
func (o *AdamW) Gather(s *Scope, grads []Tensor, i int) (g Tensor, squares float64) {
	h := o.shards[i]
	NoGrad(func() {
		for _, grad := range grads {
			if grad == nil {
				continue
			}
			part := s.narrow(grad, 0, h.from, h.n)
			if g == nil {
				g = part
			} else {
				g = s.add(g, part)
			}
		}
		norm := s.keep(g.MustNorm(false)).Float64Values()[0]
		squares = norm * norm
	})
	return g, squares
}

// Apply takes a step (from 1) with scale times the gathered gradient of shard i, which it changes.
func (o *AdamW) Apply(s *Scope, g Tensor, i int, scale float64, step int, lr, emaDecay float64) {
	h := o.shards[i]
	NoGrad(func() {
		if scale != 1 {
			g = s.mulScalar(g, scale)
		}
		h.m.MustLerp_(g, ts.FloatScalar(1-o.Beta1))
		h.v.MustLerp_(s.mul(g, g), ts.FloatScalar(1-o.Beta2))
		v := h.v
		if h.vmax != nil {
			h.vmax.Copy_(s.keep(h.vmax.MustMaximum(h.v, false)))
			v = h.vmax
		}
		c1, c2 := 1-math.Pow(o.Beta1, float64(step)), 1-math.Pow(o.Beta2, float64(step))
		// w += m / d with d = -(sqrt(v/c2) + eps)·c1/lr
		h.spare.Copy_(v)
		h.spare.MustSqrt_()
		h.spare.MustMulScalar_(ts.FloatScalar(-c1 / (lr * math.Sqrt(c2))))
		h.spare.MustAddScalar_(ts.FloatScalar(-o.Eps * c1 / lr))
		if o.WeightDecay > 0 {
			h.w.MustMulScalar_(ts.FloatScalar(1 - lr*o.WeightDecay))
		}
		h.w.MustAddcdiv_(h.m, h.spare)
		h.ema.MustLerp_(h.w, ts.FloatScalar(1-emaDecay))
		if h.half != nil {
			h.half.Copy_(h.w)
		}
	})
}

// Load sets a flat buffer of the parameters' size.
func (o *AdamW) Load(buffer Tensor, data []float32) {
	if len(data) != o.params.Size {
		panic("torch: wrong number of values")
	}
	s := &Scope{Device: o.params.device}
	NoGrad(func() { buffer.Copy_(s.Of(data, int64(len(data)))) })
	s.Close()
}

// ParseDevice reads cpu, cuda or cuda:N; ok is false for anything else.
func ParseDevice(name string) (d gotch.Device, ok bool) {
	switch {
	case name == "cpu":
		return gotch.CPU, true
	case name == "cuda":
		return gotch.CudaBuilder(0), true
	case len(name) == 6 && name[:5] == "cuda:" && name[5] >= '0' && name[5] <= '9':
		return gotch.CudaBuilder(uint(name[5] - '0')), true
	}
	return d, false
}
