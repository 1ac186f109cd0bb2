//go:build torch

package torch

// SquaredError is Σ_j Σ_k m_k·(eps_hat - eps)²_jk of each molecule: (B), with eps (B, N, 3+F) and
// mask (B, 1, 3+F) or nil.
func SquaredError(s *Scope, out Output, eps, mask Tensor) Tensor {
	d := s.sub(out.Eps(s), eps)
	d = s.mul(d, d)
	if mask != nil {
		d = s.mul(d, mask)
	}
	return s.sum(d, false, 1, 2)
}

// Weigh is factor·Σ_i w_i·a_i, a scalar; nil weights are 1.
func Weigh(s *Scope, a Tensor, weights []float64, factor float64) Tensor {
	if weights != nil {
		w := make([]float32, len(weights))
		for i, v := range weights {
			w[i] = float32(v)
		}
		a = s.mul(a, s.Of(w, int64(len(w))))
	}
	return s.mulScalar(s.sum(a, false, 0), factor)
}

// Plus is a + b, or b where a is nil.
func Plus(s *Scope, a, b Tensor) Tensor {
	if a == nil {
		return b
	}
	return s.add(a, b)
}

// Eps is the whole estimate [x, h]: (B, N, 3+F).
func (o Output) Eps(s *Scope) Tensor { return s.cat(-1, o.X, o.H) }

// Extrapolate is e + w·(a - b) of each molecule: (B, N, 3+F), with w (B).
func Extrapolate(s *Scope, e, a, b Tensor, w []float32) Tensor {
	return s.addcmul(e, s.sub(a, b), s.Of(w, int64(len(w)), 1, 1))
}

// Combine is a·x + b·y of tensors (B, N, 3+F), with factors (B, 1, 1) or (B, 1, 3+F).
func Combine(s *Scope, a, x, b, y Tensor) Tensor { return s.addcmul(s.mul(a, x), b, y) }

// Split are the positions and features of [x, h]: (B, N, 3) and (B, N, F).
func Split(s *Scope, z Tensor) (x, h Tensor) {
	f := z.MustSize()[2] - 3
	return s.narrow(z, 2, 0, 3), s.narrow(z, 2, 3, f)
}

// Choose is f(in, choice) of each molecule, one call for all molecules of a choice: (B, ...).
func Choose(s *Scope, in Input, choices []bool, f func(in Input, choice bool) Tensor) Tensor {
	var no, yes []int64 // places in the batch
	for i, c := range choices {
		if c {
			yes = append(yes, int64(i))
		} else {
			no = append(no, int64(i))
		}
	}
	if len(no) == 0 || len(yes) == 0 {
		return f(in, choices[0])
	}
	both := s.cat(0, f(in.pick(s, no), false), f(in.pick(s, yes), true))
	back := make([]int64, len(choices)) // places in both
	for k, place := range append(no, yes...) {
		back[place] = int64(k)
	}
	return s.pick(both, back)
}

// pick are the molecules of places.
func (in Input) pick(s *Scope, places []int64) Input {
	in.B = int64(len(places))
	for _, t := range []*Tensor{&in.X, &in.H, &in.T, &in.R0, &in.Eta, &in.Context} {
		if *t != nil {
			*t = s.pick(*t, places)
		}
	}
	return in
}
