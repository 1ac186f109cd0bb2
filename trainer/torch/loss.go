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
