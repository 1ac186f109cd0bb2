//go:build torch

package torch

import (
	"math"

	"github.com/sugarme/gotch/ts"
)

// whole is what the optimiser needs to take a step on the flat buffers at once, in some hundred
// operations, where piece by piece takes a thousand: on a GPU an operation costs the time to start
// it, whatever its size.
type whole struct {
	matrices []matrix
	adam     Tensor // (Size): 1 where AdamW steps, 0 where Muon does; nil without Muon
	decay    Tensor // (Size), of the first moment: Adam's or Muon's; nil without Muon
	gain     Tensor // (Size), of the gradient in it: 1 - Adam's decay, or 1; nil without Muon
}

// matrix is one that Muon steps, with a view (rows, cols) of its weights.
type matrix struct {
	span
	w Tensor
}

func newWhole(p *Params, muon bool) *whole {
	f := &whole{}
	if !muon {
		return f
	}
	adam := make([]float32, p.Size)
	for i := range adam {
		adam[i] = 1
	}
	for _, spans := range p.cut(true, 1, int64(p.Size)) {
		for _, m := range spans {
			if m.rows == 0 {
				continue
			}
			clear(adam[m.from : m.from+m.n])
			f.matrices = append(f.matrices, matrix{m, p.Flat.MustNarrow(0, m.from, m.n,
				false).MustView([]int64{m.rows, m.cols}, true)})
		}
	}
	s := &Scope{Device: p.device}
	defer s.Close()
	a := s.Of(adam, int64(p.Size))
	f.adam = a.MustShallowClone()
	// decay = 0.95 + adam·(0.9 - 0.95), gain = 1 + adam·(0.1 - 1)
	f.decay = s.mulScalar(a, beta1-muonMomentum).MustAddScalar(ts.FloatScalar(muonMomentum), false)
	f.gain = s.mulScalar(a, -beta1).MustAddScalar(ts.FloatScalar(1), false)
	return f
}

// gatherWhole is the sum of the gradients, of which one at least is not nil, and the sum of its
// squares.
func (o *Optimiser) gatherWhole(s *Scope, grads []Tensor) (g []Tensor, squares float64) {
	var sum Tensor
	for _, grad := range grads {
		switch {
		case grad == nil:
		case sum == nil:
			sum = grad
		default:
			sum = s.add(sum, grad)
		}
	}
	return []Tensor{sum}, float64(Float32s(s.keep(sum.MustDot(sum, false)))[0])
}

// applyWhole is Apply on the flat buffers, with the same formulas.
func (o *Optimiser) applyWhole(s *Scope, g Tensor, scale float64, step int, lr, emaDecay float64) {
	f, p, number := o.whole, o.params, ts.FloatScalar
	c1, c2 := 1-math.Pow(o.Beta1, float64(step)), 1-math.Pow(o.Beta2, float64(step))
	g = s.mulScalar(g, scale)
	if f.decay == nil {
		o.M.MustMulScalar_(number(o.Beta1))
		o.M.MustAdd_(s.mulScalar(g, 1-o.Beta1))
	} else {
		o.M.MustMul_(f.decay)
		o.M.MustAdd_(s.mul(g, f.gain))
	}
	o.V.MustMulScalar_(number(o.Beta2))
	o.V.MustAdd_(s.mulScalar(s.mul(g, g), 1-o.Beta2))
	v := o.V
	if o.VMax != nil {
		o.VMax.Copy_(s.keep(o.VMax.MustMaximum(o.V, false)))
		v = o.VMax
	}
	d := s.addScalar(s.mulScalar(s.sqrt(v), -c1/(lr*math.Sqrt(c2))), -o.Eps*c1/lr)
	m := o.M
	if f.adam != nil {
		m = s.mul(m, f.adam)
	}
	if o.WeightDecay > 0 {
		p.Flat.MustMulScalar_(number(1 - lr*o.WeightDecay))
	}
	if len(f.matrices) > 0 {
		// before the weights change, as all else that a step is made of
		u := s.add(g, s.mulScalar(o.M, muonMomentum))
		list := make([]span, len(f.matrices))
		updates := make([]Tensor, len(f.matrices))
		for i, h := range f.matrices {
			list[i], updates[i] = h.span, s.view(s.narrow(u, 0, h.from, h.n), h.rows, h.cols)
		}
		for i, d := range o.orthogonalised(s, list, updates, lr) {
			f.matrices[i].w.MustAdd_(d)
		}
	}
	p.Flat.MustAddcdiv_(m, d)
	o.EMA.MustMulScalar_(number(emaDecay))
	o.EMA.MustAdd_(s.mulScalar(p.Flat, 1-emaDecay))
	p.Refresh()
}
