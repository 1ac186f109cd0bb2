package sampler

import (
	"math"
	"strconv"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/rng"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// from is the molecule that molecule i of the batch starts from.
func (o *Options) from(i int) *molecule.Molecule { return o.From[(o.First+i)%len(o.From)] }

// init makes z at the first time: noise, what is fitted to the noised training data,
// or the molecules that the run starts from, noised.
func (s *Sampler) init() error {
	t := s.times[0]
	s.draw(s.z, s.o.Seed, rng.Initial, tick(t, 0))
	switch {
	case len(s.o.From) > 0:
		return s.noised(t)
	case t < s.sched.T():
		s.fit(t)
	}
	return nil
}

// noised makes z_t of the molecules of From and the standard Gaussians in z:
//
//	z_t = alpha_t·x + sigma_t·noise.
func (s *Sampler) noised(t int) error {
	x := make([]float32, len(s.z))
	at := 0
	for i := range s.sizes {
		m := s.o.from(i)
		for a, e := range m.Elements {
			if err := s.meta.Encode(x[at:at+s.width], e, &m.Positions[a]); err != nil {
				return bad("from", "",
					"molecule "+strconv.Itoa((s.o.First+i)%len(s.o.From))+", atom "+
						strconv.Itoa(a)+": "+err.Error())
			}
			at += s.width
		}
	}
	symmetrise.RemoveMean(x, s.width, s.sizes)
	s.rotated(x, len(x)/s.width)
	alpha, sigma := float32(s.sched.Alpha(t)), float32(s.sched.Sigma(t))
	for i, v := range x {
		s.z[i] = float32(alpha*v) + float32(sigma*s.z[i])
	}
	return nil
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
