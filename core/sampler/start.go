package sampler

import (
	"errors"
	"math"
	"strconv"

	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/schedule"
)

// start checks Options.Start and completes it.
func (o Options) start(s *schedule.Schedule, meta model.Meta) (int, error) {
	if o.Start == 0 || o.Start == s.T() {
		return s.T(), nil
	}
	if o.Start < 0 || o.Start > s.T() {
		return 0, errors.New("sampler: start at t = " + strconv.Itoa(o.Start) + ", want 1 to " + strconv.Itoa(s.T()))
	}
	if meta.Moments == nil && o.From == nil {
		return 0, errors.New("sampler: the weights file has no moments of the data: a run cannot start at t = " + strconv.Itoa(o.Start))
	}
	return o.Start, nil
}

// fit turns the standard Gaussians in z into the Gaussian with the moments of z_t,
//
//	x ~ N(0, alpha_t²·v_N + sigma_t²) on the subspace,  h ~ N(alpha_t·mean, alpha_t²·Cov + sigma_t²·I)
//
// atom by atom.
func (s *Sampler) fit(t int) {
	m, features := s.meta.Moments, s.width-3
	a2, alpha := s.sched.Alpha2(t), s.sched.Alpha(t)
	l := cholesky(m.Cov, a2, 1-a2)
	h := make([]float64, features)
	z := s.z
	for _, n := range s.sizes {
		v := max(0, m.X[0]+float64(m.X[1]*float64(n)))
		std := math.Sqrt(float64(a2*v) + 1 - a2)
		for range n {
			for k := range 3 {
				z[k] = float32(std * float64(z[k]))
			}
			for i := range h {
				h[i] = alpha * m.Mean[i]
				for j := range i + 1 {
					h[i] += float64(l[i][j] * float64(z[3+j]))
				}
			}
			for i, v := range h {
				z[3+i] = float32(v)
			}
			z = z[s.width:]
		}
	}
}

// cholesky is the lower triangle L with L·Lᵀ = a·cov + b·I, b > 0.
func cholesky(cov [][]float64, a, b float64) [][]float64 {
	l := make([][]float64, len(cov))
	for i := range l {
		l[i] = make([]float64, i+1)
		for j := range l[i] {
			sum := a * cov[i][j]
			for k := range j {
				sum -= float64(l[i][k] * l[j][k])
			}
			if i == j {
				l[i][i] = math.Sqrt(max(sum+b, b*1e-6)) // cov may be no covariance by a rounding
			} else {
				l[i][j] = sum / l[j][j]
			}
		}
	}
	return l
}
