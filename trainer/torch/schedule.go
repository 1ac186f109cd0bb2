//go:build torch

package torch

import (
	"math"

	"github.com/sugarme/gotch"

	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/rng"
	"github.com/symdiff-go/symdiff/core/schedule"
)

const f64 = gotch.Double

// Noised is a batch of B molecules of N atoms noised by a learned schedule (see schedule.Network), with the gradient of its parameters:
//
//	z = alpha_t·[x, h] + sigma_t·eps,   alpha_t² = sigmoid(log SNR(t)),  sigma_t² = sigmoid(-log SNR(t))
type Noised struct {
	X Tensor // (B, N, 3) of z
	H Tensor // (B, N, F) of z

	b, n    int64
	clean   Tensor // (B, N, F)
	squares Tensor // sum of |[x, h]|² over the batch
	times   []int

	// In float64.
	step        Tensor // (B), log SNR(t-1) - log SNR(t); 0 at t = 0
	first, last Tensor // (1), -log SNR at t = 0 and t = T
}

// Noise evaluates the schedule among p's parameters at the given times of 0..T and noises x (B, N, 3) and h (B, N, F) by eps
// (B, N, 3+F).
func Noise(s *Scope, p *Params, times []int, T int, x, h, eps Tensor) *Noised {
	size := h.MustSize()
	z := &Noised{b: size[0], n: size[1], clean: h, times: times}
	grid := make([]float32, 0, 2*len(times)+2) // t of all, t-1 of all, 0, T
	for _, t := range times {
		grid = append(grid, float32(t))
	}
	for _, t := range times {
		grid = append(grid, float32(max(t-1, 0)))
	}
	grid = append(grid, 0, float32(T))
	g := s.split(p.negLogSNR(s, s.mulScalar(s.to(s.Of(grid, int64(len(grid)), 1), f64), 1/float64(T))), 0, z.b, z.b, 1, 1)
	z.step, z.first, z.last = s.sub(g[0], g[1]), g[2], g[3]
	alpha, sigma := s.level(g[0], -1, z.b), s.level(g[0], 1, z.b)
	e := s.split(eps, -1, 3, size[2])
	z.X = s.add(s.mul(x, alpha), s.mul(e[0], sigma))
	z.H = s.add(s.mul(h, alpha), s.mul(e[1], sigma))
	z.squares = s.to(s.add(s.total(s.mul(x, x)), s.total(s.mul(h, h))), f64)
	return z
}

// level is sqrt(sigmoid(sign·g)) of g (B) as float32 (B, 1, 1): sigma for 1, alpha for -1.
func (s *Scope) level(g Tensor, sign float64, b int64) Tensor {
	return s.to(s.view(s.sqrt(s.sigmoid(s.mulScalar(g, sign))), b, 1, 1), f32)
}

func (s *Scope) sigmoid(a Tensor) Tensor { return s.keep(a.MustSigmoid(false)) }
func (s *Scope) total(a Tensor) Tensor   { return s.sum(s.reshape(a, 1, -1), false, 1) }
func (s *Scope) log(a Tensor) Tensor     { return s.keep(a.MustLog(false)) }

// negLogSNR is -log SNR at u (P, 1), float64 in [0, 1], of which the last two are 0 and 1: (P).
func (p *Params) negLogSNR(s *Scope, u Tensor) Tensor {
	parameter := func(name string) Tensor { return s.to(p.get("gamma."+name), f64) }
	layer := func(name string, x Tensor) Tensor {
		return s.linear(x, s.keep(parameter(name+".weight").MustSoftplus(false)), parameter(name+".bias"))
	}
	x := layer("l1", u)
	g := s.view(s.add(x, layer("l3", s.sigmoid(layer("l2", x)))), -1)
	n := g.MustSize()[0]
	from, to := s.narrow(g, 0, n-2, 1), s.narrow(g, 0, n-1, 1)
	share := s.div(s.sub(g, from), s.sub(to, from))
	low, high := parameter("gamma_0"), parameter("gamma_1")
	return s.add(low, s.mul(s.sub(high, low), share))
}

// Terms is the sum over the molecules of
//
//	t > 0: c·½(SNR(t-1)/SNR(t) - 1)·e      t = 0: c·(½e - log p(h|z_0))
//
// in nats, float64 (1), with the squared errors e (B), on x alone where t = 0, and factors c.
func (z *Noised) Terms(s *Scope, meta model.Meta, e Tensor, c []float64) Tensor {
	zero, factors := make([]float32, len(z.times)), make([]float32, len(z.times))
	for i, t := range z.times {
		if factors[i] = float32(0.5 * c[i]); t == 0 {
			zero[i] = 1
		}
	}
	weights := s.add(s.keep(z.step.MustExpm1(false)), s.to(s.Of(zero, z.b), f64))
	sum := s.total(s.mul(s.mul(weights, s.to(s.Of(factors, z.b), f64)), s.to(e, f64)))
	for i, t := range z.times {
		if t == 0 {
			h := func(a Tensor) Tensor { return s.to(s.view(s.narrow(a, 0, int64(i), 1), z.n, -1), f64) }
			sum = s.sub(sum, s.mulScalar(z.logFeatures(s, meta, h(z.clean), h(z.H)), c[i]))
		}
	}
	return sum
}

// Ends is the sum over the molecules of what the bound has beside Terms,
//
//	KL(q(z_T)|N(0, I)) + (N-1)·3·(½·log(sigma_0²/alpha_0²) + ½·log 2π)
//
// in nats, float64 (1) (see package core/likelihood).
func (z *Noised) Ends(s *Scope, meta model.Meta) Tensor {
	b, n := float64(z.b), float64(z.n)
	positions, features := 3*(n-1), n*float64(meta.Features())
	alpha2 := s.sigmoid(s.mulScalar(z.last, -1))
	dims := s.mulScalar(s.add(alpha2, s.keep(z.last.MustLogSigmoid(false))), -0.5*b*(positions+features)) // -log sigma_T + ½(sigma_T² - 1)
	prior := s.add(dims, s.mulScalar(s.mul(alpha2, z.squares), 0.5))
	start := s.addScalar(s.mulScalar(z.first, 0.5*b*positions), b*positions*(0.5*math.Log(2*math.Pi)+math.Log(meta.ScaleX)))
	return s.add(prior, start)
}

// Bound is factor times the sum of Terms and Ends, float32 (1).
func (z *Noised) Bound(s *Scope, meta model.Meta, e Tensor, c []float64, factor float64) Tensor {
	return s.to(s.mulScalar(s.add(z.Terms(s, meta, e, c), z.Ends(s, meta)), factor), f32)
}

// logFeatures is log p(h|z_0) of one molecule (see likelihood.LogFeatures), h and z (N, F): (1).
func (z *Noised) logFeatures(s *Scope, meta model.Meta, h, z0 Tensor) Tensor {
	sigma := s.sqrt(s.sigmoid(z.first))
	window := func(x Tensor, scale float64) Tensor { // Phi((x+½)/s) - Phi((x-½)/s) + 1e-10 with s = sigma_0·scale
		phi := func(shift float64) Tensor {
			return s.keep(s.mulScalar(s.div(s.addScalar(x, shift), sigma), 1/(scale*math.Sqrt2)).MustErf(false))
		}
		return s.addScalar(s.mulScalar(s.sub(phi(0.5), phi(-0.5)), 0.5), 1e-10)
	}
	kinds := int64(len(meta.Elements))
	hot := s.mulScalar(s.narrow(h, 1, 0, kinds), meta.ScaleTypes)
	w := window(s.addScalar(s.mulScalar(s.narrow(z0, 1, 0, kinds), meta.ScaleTypes), -1), meta.ScaleTypes)
	sum := s.total(s.log(s.div(s.sum(s.mul(w, hot), false, 1), s.sum(w, false, 1))))
	if meta.Charge {
		off := s.mulScalar(s.sub(s.narrow(h, 1, kinds, 1), s.narrow(z0, 1, kinds, 1)), meta.ScaleCharge)
		sum = s.add(sum, s.total(s.log(window(off, meta.ScaleCharge))))
	}
	return sum
}

// InitSchedule is the random start of a learned schedule, as published: -log SNR from -5 to 10, weights (before softplus) uniform on
// -2 ± 1/sqrt(inputs), biases on ± 1/sqrt(inputs). Every tensor has its own stream of the seed.
func InitSchedule(seed uint64) []float32 {
	var flat []float32
	for i, q := range model.ScheduleParameters(schedule.Spec{Name: schedule.Learned}) {
		r := rng.New(seed, 1<<16+uint32(i), rng.Init, 0)
		a, offset := 1.0, 0.0
		switch q.Name {
		case "gamma.gamma_0":
			a, offset = 0, -5
		case "gamma.gamma_1":
			a, offset = 0, 10
		case "gamma.l3.weight", "gamma.l3.bias":
			a = 1 / math.Sqrt(schedule.Hidden)
		}
		if len(q.Shape) == 2 {
			offset = -2
		}
		for range q.Size() {
			flat = append(flat, float32(offset+a*(2*r.Float64()-1)))
		}
	}
	return flat
}
