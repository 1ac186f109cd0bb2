//go:build torch

package torch

// SquaredError is Σ_j Σ_k m_k·(eps_hat - eps)²_jk of each molecule: (B), with eps (B, N, 3+F) and mask (B, 1, 3+F) or nil.
func SquaredError(s *Scope, out Output, eps, mask Tensor) Tensor {
	d := s.sub(s.cat(-1, out.X, out.H), eps)
	d = s.mul(d, d)
	if mask != nil {
		d = s.mul(d, mask)
	}
	return s.sum(d, false, 1, 2)
}

// Weigh is factor times the sum of a, a scalar.
func Weigh(s *Scope, a Tensor, factor float64) Tensor {
	return s.mulScalar(s.sum(a, false, 0), factor)
}
