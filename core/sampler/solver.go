package sampler

import (
	"math"

	"github.com/symdiff-go/symdiff/core/rng"
	"github.com/symdiff-go/symdiff/core/schedule"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// Method is how a step from z_t to z_s is made. Whatever the method, gamma is
// drawn anew at every step.
type Method string

const (
	// Ancestral draws z_s from the reverse process, on evenly spaced times. It is
	// what the published figures use.
	Ancestral Method = "ancestral"
	// DDIM is the deterministic first-order step (Song et al. 2021, arXiv
	// 2010.02502, eta = 0), on evenly spaced times.
	DDIM Method = "ddim"
	// DPM is DPM-Solver++(2M), the deterministic second-order multistep method (Lu
	// et al. 2022, arXiv 2211.01095, algorithm 2), on times that are evenly spaced
	// in log SNR, or by Options.Rho.
	DPM Method = "dpm++2m"
	// DPMSDE is SDE-DPM-Solver++(2M), the stochastic counterpart of DPM (same paper), on
	// the same times.
	DPMSDE Method = "dpm++2m-sde"
	// Heun is the deterministic second-order one-step method in log SNR: the mean of
	// the predicted data at both ends of the step (exponential Heun; Hochbruck and
	// Ostermann 2010), on the same times as DPM. A step takes two network evaluations.
	Heun Method = "heun"
)

// Methods lists the methods.
func Methods() []Method { return []Method{Ancestral, DDIM, DPM, DPMSDE, Heun} }

// Stochastic reports whether a method draws noise at every step, the last one included;
// the others do at the start only.
func (m Method) Stochastic() bool { return m == "" || m == Ancestral || m == DPMSDE }

// spaced reports whether the times of a method are not evenly spaced.
func (m Method) spaced() bool { return m != Ancestral && m != DDIM }

// Times is the grid TStart = t_0 > t_1 > ... > t_Steps = 0 of a run with options that For has filled in.
func (o Options) Times(s *schedule.Schedule) []int {
	return times(s, o.Method, o.TStart, o.Steps, o.Rho)
}

// times is the grid start = t_0 > ... > t_S = 0 of a method.
func times(s *schedule.Schedule, m Method, start, steps int, rho float64) []int {
	t := make([]int, steps+1)
	if m.spaced() {
		spacedTimes(t, s, start, rho)
		return t
	}
	for i := range t {
		t[i] = (2*start*(steps-i) + steps) / (2 * steps) // start·(S-i)/S, rounded
	}
	return t
}

// spacedTimes spaces the times evenly in log SNR, or with rho > 0 in
// (sigma_t/alpha_t)^(1/rho), as far as the grid of the schedule lets them be different.
func spacedTimes(t []int, s *schedule.Schedule, start int, rho float64) {
	steps := len(t) - 1
	from, to := s.Lambda(start), s.Lambda(0)
	at := start
	for i := range t {
		want := from + (to-from)*float64(i)/float64(steps)
		if rho > 0 {
			first, last := rng.Exp(-from/rho), rng.Exp(-to/rho)
			want = -rho * rng.Log(first+float64((last-first)*float64(i)/float64(steps)))
		}
		for at > 0 && s.Lambda(at-1) < want {
			at--
		}
		if at > 0 && s.Lambda(at-1)-want < want-s.Lambda(at) {
			at--
		}
		t[i] = at
	}
	t[0], t[steps] = start, 0
	for i := 1; i < steps; i++ {
		t[i] = min(t[i], t[i-1]-1)
	}
	for i := steps - 1; i >= 0; i-- {
		t[i] = max(t[i], t[i+1]+1)
	}
}

// ancestral draws
//
//	z_s = Z·z_t - Eps·eps_hat(z_t, t) + NoiseScale·Std·noise
//
// with the coefficients of schedule.Step.
func (s *Sampler) ancestral(t, to int) {
	s.draw(s.noise, s.stepSeed(), rng.Step, tick(t, 0))
	s.sched.Ancestral(t, to).Draw(s.z, s.eps, s.noise, s.o.NoiseScale)
}

// ddim takes z_t to z_s as schedule.DDIM says.
func (s *Sampler) ddim(t, to int) {
	ofZ, ofEps := s.sched.DDIM(t, to)
	z, e := float32(ofZ), float32(ofEps)
	for i, v := range s.z {
		s.z[i] = float32(z*v) + float32(e*s.eps[i])
	}
}

// dpm is, with h = lambda_s - lambda_t and the previous step's h',
//
//	z_s = (sigma_s/sigma_t)·z_t + alpha_s·(1 - e^(-h))·D,
//	D = x_hat + h/(2h')·(x_hat - x_hat')
//
// and D = x_hat in the first step and, to be stable, in the last. The stochastic
// method takes
//
//	z_s = (sigma_s/sigma_t)·e^(-h)·z_t + alpha_s·(1 - e^(-2h))·D + NoiseScale·sigma_s·sqrt(1 - e^(-2h))·noise.
func (s *Sampler) dpm(t, to int) {
	alpha, sigma := s.sched.Alpha(t), s.sched.Sigma(t)
	alphaTo, sigmaTo := s.sched.Alpha(to), s.sched.Sigma(to)
	decay := alpha * sigmaTo / (sigma * alphaTo) // e^(-h)
	ratio, step, std := sigmaTo/sigma, alphaTo-float64(alpha*sigmaTo/sigma), 0.0
	if s.o.Method == DPMSDE {
		fresh := 1 - float64(decay*decay)
		ratio, step, std = ratio*decay, alphaTo*fresh, s.o.NoiseScale*float64(
			sigmaTo*math.Sqrt(fresh),
		)
		s.draw(s.noise, s.stepSeed(), rng.Step, tick(t, 0))
	}
	extra := 0.0
	if s.done > 0 && to > 0 {
		extra = s.sched.Extrapolation(s.times[s.done-1], t, to)
	}
	keep, d, x, noisy := float32(ratio), float32(step), float32(extra), float32(std)
	for i, v := range s.z {
		hat := s.hat[i]
		s.z[i] = float32(keep*v) + float32(d*(hat+float32(x*(hat-s.data[i]))))
		s.data[i] = hat
	}
	if s.o.Method != DPMSDE {
		return
	}
	for i, e := range s.noise {
		s.z[i] += float32(noisy * e)
	}
}

// heun is, with h = lambda_s - lambda_t,
//
//	z' = (sigma_s/sigma_t)·z_t + alpha_s·(1 - e^(-h))·x_hat(z_t, t)
//	z_s = (sigma_s/sigma_t)·z_t + alpha_s·(1 - e^(-h))·½(x_hat(z_t, t) + x_hat(z', s)).
func (s *Sampler) heun(t, to int) {
	step := s.sched.Alpha(to) - float64(s.sched.Alpha(t)*s.sched.Sigma(to)/s.sched.Sigma(t))
	keep, d := float32(s.sched.Sigma(to)/s.sched.Sigma(t)), float32(step)
	for i, v := range s.z {
		s.data[i] = float32(keep*v) + float32(d*0.5*s.hat[i])
		s.z[i] = float32(keep*v) + float32(d*s.hat[i])
	}
	s.fix(to)
	symmetrise.RemoveMean(s.z, s.width, s.sizes)
	s.predict(to, 1)
	s.predicted(to)
	for i, hat := range s.hat {
		s.z[i] = s.data[i] + float32(d*0.5*hat)
	}
}

// decode sets the positions to those of the data: drawn from
// x ~ N((z_0 - sigma_0·eps_hat)/alpha_0, (sigma_0/alpha_0)²) by the stochastic
// methods, to the mean by the others. The types stay: they are the largest of
// z_0's own channels. Latents are drawn as the positions are, all of them.
func (s *Sampler) decode() {
	if !s.o.Method.Stochastic() {
		clear(s.noise)
	} else {
		s.draw(s.noise, s.stepSeed(), rng.Final, tick(0, 0))
	}
	last, drawn := s.sched.Last(), 3
	if s.decoder != nil {
		drawn = s.width
	}
	for i := 0; i < len(s.z); i += s.width {
		last.Draw(s.z[i:i+drawn], s.eps[i:], s.noise[i:])
	}
}
