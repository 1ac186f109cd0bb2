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
// many threads can work on one step: first Gather on each, then Apply on each. A shard is worked through in pieces small enough
// for a processor's cache: fifteen operations on all of it would wait for memory most of the time.
type AdamW struct {
	Beta1, Beta2, Eps float64
	WeightDecay       float64

	M, V, VMax, EMA Tensor // (Size); VMax is nil without AMSGrad
	params          *Params
	shards          [][]piece
}

// piece is a part of every buffer, as views.
type piece struct {
	from, n                int64
	w, half, m, v, vmax, e Tensor // e of EMA; half and vmax may be nil
}

// pieceSize is the number of values of a piece: six buffers of it fill 1 MB.
const pieceSize = 40 << 10

// NewAdamW starts with zero moments and the average at p's present values.
func NewAdamW(p *Params, amsgrad bool, shards int) *AdamW {
	zeros := func() Tensor { return ts.MustZeros([]int64{int64(p.Size)}, f32, p.device) }
	o := &AdamW{Beta1: 0.9, Beta2: 0.999, Eps: 1e-8, M: zeros(), V: zeros(), EMA: zeros(), params: p}
	if amsgrad {
		o.VMax = zeros()
	}
	step := int64(pieceSize)
	if p.device.IsCuda() {
		step = int64(p.Size)
	}
	NoGrad(func() {
		o.EMA.Copy_(p.Flat)
		for i := range int64(shards) {
			var pieces []piece
			end := (i + 1) * int64(p.Size) / int64(shards)
			for from := i * int64(p.Size) / int64(shards); from < end; from += step {
				n := min(step, end-from)
				view := func(t Tensor) Tensor {
					if t == nil {
						return nil
					}
					return t.MustNarrow(0, from, n, false)
				}
				pieces = append(pieces, piece{from, n, view(p.Flat), view(p.half), view(o.M), view(o.V), view(o.VMax), view(o.EMA)})
			}
			o.shards = append(o.shards, pieces)
		}
	})
	return o
}

// Gather is shard i of the sum of gradients (Size), piece by piece, and the sum of its squares. Nil gradients count as zero; one
// must not be nil.
func (o *AdamW) Gather(s *Scope, grads []Tensor, i int) (g []Tensor, squares float64) {
	var all []Tensor
	NoGrad(func() {
		for _, h := range o.shards[i] {
			var sum Tensor
			for _, grad := range grads {
				if grad == nil {
					continue
				}
				part := s.narrow(grad, 0, h.from, h.n)
				if sum == nil {
					sum = part
				} else {
					sum = s.add(sum, part)
				}
			}
			g = append(g, sum)
			all = append(all, s.view(s.keep(sum.MustDot(sum, false)), 1))
		}
		if len(all) == 0 {
			return
		}
		for _, v := range Float32s(s.cat(0, all...)) {
			squares += float64(v)
		}
	})
	return g, squares
}

// Apply takes a step (from 1) with scale times the gathered gradient of shard i.
func (o *AdamW) Apply(s *Scope, g []Tensor, i int, scale float64, step int, lr, emaDecay float64) {
	c1, c2 := 1-math.Pow(o.Beta1, float64(step)), 1-math.Pow(o.Beta2, float64(step))
	number := ts.FloatScalar
	keepM, addM, keepV, addV := number(o.Beta1), number(scale*(1-o.Beta1)), number(o.Beta2), number(scale*scale*(1-o.Beta2))
	root, eps := number(-c1/(lr*math.Sqrt(c2))), number(-o.Eps*c1/lr)
	shrink, keepE, addE := number(1-lr*o.WeightDecay), number(emaDecay), number(1-emaDecay)
	NoGrad(func() {
		for k, h := range o.shards[i] {
			t := &Scope{Device: s.Device} // gone before the next piece, whose memory is then in the cache
			h.m.MustMulScalar_(keepM)
			h.m.MustAdd_(t.keep(g[k].MustMulScalar(addM, false)))
			square := t.mul(g[k], g[k])
			square.MustMulScalar_(addV)
			h.v.MustMulScalar_(keepV)
			h.v.MustAdd_(square)
			v := h.v
			if h.vmax != nil {
				h.vmax.Copy_(t.keep(h.vmax.MustMaximum(h.v, false)))
				v = h.vmax
			}
			// w += m / d with d = -(sqrt(v/c2) + eps)·c1/lr
			d := t.sqrt(v)
			d.MustMulScalar_(root)
			d.MustAddScalar_(eps)
			if o.WeightDecay > 0 {
				h.w.MustMulScalar_(shrink)
			}
			h.w.MustAddcdiv_(h.m, d)
			h.e.MustMulScalar_(keepE)
			h.e.MustAdd_(t.keep(h.w.MustMulScalar(addE, false)))
			if h.half != nil {
				h.half.Copy_(h.w)
			}
			t.Close()
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
