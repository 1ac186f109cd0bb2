//go:build torch

package torch

import (
	"math"
	"strconv"
	"strings"

	"github.com/sugarme/gotch"
	"github.com/sugarme/gotch/ts"
)

// Optimiser takes steps with a moving average of the weights, on flat buffers: AdamW (Loshchilov
// and Hutter 2019),
//
//	m <- m + (1-b1)(g - m),  v <- v + (1-b2)(g² - v),  w <- (1 - lr·wd)·w - lr·m̂/(sqrt(v̂) + eps),
//
// ema <- ema + (1-d)(w - ema)
//
// with m̂ = m/(1-b1^t), v̂ = v/(1-b2^t); with AMSGrad v̂ takes the largest v so far. With Muon the
// matrices of attention and MLPs take another step (see muon). The buffers are cut into shards, so
// that as many threads can work on one step: first Gather on each, then Apply on each. A shard is
// worked through in pieces small enough for a processor's cache: fifteen operations on all of it
// would wait for memory most of the time. On a GPU, with one shard, a step is taken on the whole
// buffers (see whole).
type Optimiser struct {
	Beta1, Beta2, Eps float64
	WeightDecay       float64

	M, V, VMax, EMA Tensor // (Size); VMax is nil without AMSGrad
	params          *Params
	shards          [][]piece
	whole           *whole // nil: piece by piece
}

// piece is a part of every buffer, as views.
type piece struct {
	span
	w, half, m, v, vmax, e Tensor // e of EMA; half and vmax may be nil
}

// span is a range of the flat buffers: a matrix (rows, cols) that Muon steps, or what AdamW steps,
// with no rows.
type span struct{ from, n, rows, cols int64 }

// beta1 is the usual decay of AdamW's first moment.
const beta1 = 0.9

// pieceSize is the number of values of a piece: six buffers of it fill 1 MB.
const pieceSize = 40 << 10

// NewOptimiser starts with zero moments and the average at p's present values.
func NewOptimiser(p *Params, amsgrad, muon bool, shards int) *Optimiser {
	zeros := func() Tensor { return ts.MustZeros([]int64{int64(p.Size)}, f32, p.device) }
	o := &Optimiser{Beta1: beta1, Beta2: 0.999, Eps: 1e-8, M: zeros(), V: zeros(), EMA: zeros(),
		params: p}
	if amsgrad {
		o.VMax = zeros()
	}
	NoGrad(func() {
		o.EMA.Copy_(p.Flat)
		if p.device.IsCuda() && shards == 1 {
			o.whole = newWhole(p, muon)
			return
		}
		for _, spans := range p.cut(muon, shards, pieceSize) {
			var pieces []piece
			for _, s := range spans {
				view := func(t Tensor) Tensor {
					if t == nil {
						return nil
					}
					return t.MustNarrow(0, s.from, s.n, false)
				}
				pieces = append(pieces, piece{s, view(p.Flat), view(p.half), view(o.M), view(o.V), view(o.VMax),
					view(o.EMA)})
			}
			o.shards = append(o.shards, pieces)
		}
	})
	return o
}

// cut divides the flat buffers among shards: the matrices of Muon in turn, the rest evenly, in
// spans of at most step values.
func (p *Params) cut(muon bool, shards int, step int64) [][]span {
	out := make([][]span, shards)
	var rest []span
	total, count := int64(0), 0
	for i, q := range p.List {
		s := span{from: int64(p.offsets[i]), n: int64(q.Size())}
		if muon && inProducts(q.Name) && len(q.Shape) == 2 {
			for _, m := range matrices(p.Config, q, s.from) {
				out[count%shards] = append(out[count%shards], m)
				count++
			}
			continue
		}
		total += s.n
		if last := len(rest) - 1; last >= 0 && rest[last].from+rest[last].n == s.from {
			rest[last].n += s.n
		} else {
			rest = append(rest, s)
		}
	}
	for i := range out {
		at, from, to := int64(0), int64(i)*total/int64(shards), int64(i+1)*total/int64(shards)
		for _, s := range rest {
			end := min(s.n, to-at)
			for k := max(0, from-at); k < end; k += step {
				out[i] = append(out[i], span{from: s.from + k, n: min(step, end-k)})
			}
			at += s.n
		}
	}
	return out
}

// Gather is shard i of the sum of gradients (Size), piece by piece, and the sum of its squares. Nil
// gradients count as zero; one must not be nil.
func (o *Optimiser) Gather(s *Scope, grads []Tensor, i int) (g []Tensor, squares float64) {
	var all []Tensor
	NoGrad(func() {
		if o.whole != nil {
			g, squares = o.gatherWhole(s, grads)
			return
		}
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
func (o *Optimiser) Apply(s *Scope, g []Tensor, i int, scale float64, step int, lr,
	emaDecay float64) {
	c1, c2 := 1-math.Pow(o.Beta1, float64(step)), 1-math.Pow(o.Beta2, float64(step))
	number := ts.FloatScalar
	keepM, addM, keepV, addV := number(o.Beta1), number(scale*(1-o.Beta1)), number(o.Beta2),
		number(scale*scale*(1-o.Beta2))
	root, eps := number(-c1/(lr*math.Sqrt(c2))), number(-o.Eps*c1/lr)
	NoGrad(func() {
		if o.whole != nil {
			o.applyWhole(s, g[0], scale, step, lr, emaDecay)
			return
		}
		o.muon(s, g, i, scale, lr, emaDecay)
		for k, h := range o.shards[i] {
			if h.rows > 0 {
				continue
			}
			// gone before the next piece, whose memory is then in the cache
			t := &Scope{Device: s.Device}
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
			o.decay(h, lr)
			h.w.MustAddcdiv_(h.m, d)
			h.average(t, emaDecay)
			t.Close()
		}
	})
}

// decay shrinks the weights of a piece by lr·wd.
func (o *Optimiser) decay(h piece, lr float64) {
	if o.WeightDecay > 0 {
		h.w.MustMulScalar_(ts.FloatScalar(1 - lr*o.WeightDecay))
	}
}

// average takes a piece's new weights into what follows from them: the moving average and the
// bfloat16 copy.
func (h piece) average(s *Scope, emaDecay float64) {
	h.e.MustMulScalar_(ts.FloatScalar(emaDecay))
	h.e.MustAdd_(s.keep(h.w.MustMulScalar(ts.FloatScalar(1-emaDecay), false)))
	if h.half != nil {
		h.half.Copy_(h.w)
	}
}

// Load sets a flat buffer of the parameters' size.
func (o *Optimiser) Load(buffer Tensor, data []float32) {
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
	}
	if number, found := strings.CutPrefix(name, "cuda:"); found {
		if n, err := strconv.ParseUint(number, 10, 8); err == nil {
			return gotch.CudaBuilder(uint(n)), true
		}
	}
	return d, false
}
