//go:build torch

package train

import (
	"fmt"
	"slices"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/sampler"
	"github.com/symdiff-go/symdiff/core/schedule"
	"github.com/symdiff-go/symdiff/trainer/torch"
)

// progressive makes the target of a student of few steps, as progressive distillation does (Salimans
// and Ho 2022, arXiv 2202.00512): one step of the student, from a time t of its sampler's grid to
// the next, s, is to be like several DDIM steps of the teacher between the same times. The student's
// step is that of DPM-Solver++(2M), see [sampler.DPM],
//
//	z_s = (sigma_s/sigma_t)·z_t + alpha_s·(1 - e^(-h))·(x_hat + c·(x_hat - x_hat')),
//	c = h/(2h'), but 0 in the first step and in the last,
//
// with x_hat' the student's prediction at the time r before t. Where c is not 0, a molecule is
// noised to r, and the teacher takes it to t. With the teacher's z_s this formula gives the x_hat,
// and so the eps, that is the target. All steps take the student's R0 and eta, so that the target is
// a function of what the student is given. At t = 0 it is the teacher's prediction.
type progressive struct {
	sched *schedule.Schedule
	grid  []int // of the student's sampler, ascending from 0
	steps int   // of the teacher for one of the student
}

// newProgressive is that of a student whose teacher's file has the moments that its sampler starts
// from.
func newProgressive(o Options) (*progressive, error) {
	f, err := safetensors.Open(o.Teacher)
	if err != nil {
		return nil, err
	}
	meta, err := encoding.Parse(f.Name, f.Metadata)
	if err != nil {
		return nil, err
	}
	student := FewSteps(o.StudentSteps)
	options, err := sampler.Options{
		Method: sampler.Method(student.Method), Steps: student.Steps, Rho: student.Rho,
	}.For(meta)
	if err != nil {
		return nil, fmt.Errorf("--student-steps: %w", err)
	}
	sched, err := schedule.New(meta.Schedule)
	if err != nil {
		return nil, err
	}
	grid := options.Times(sched)
	slices.Reverse(grid)
	return &progressive{sched, grid, o.TeacherSteps}, nil
}

// time maps a time of {0..T} to one of the grid that a molecule is noised to, uniform ones to
// uniform ones.
func (p *progressive) time(t, T int) int {
	n := len(p.grid)
	k := t * n / (T + 1)
	if k == 2 && n > 3 { // its step is learned by those that begin one time before
		k = 1
	}
	return p.grid[k]
}

// next is the last time of the grid before t.
func (p *progressive) next(t int) int {
	i, _ := slices.BinarySearch(p.grid, t)
	return p.grid[max(0, i-1)]
}

// target is the state z_t that the student is given and the eps that it is to predict, for a batch
// whose molecules are noised to b.Times. Those that start at the first time take in turn the first
// step and the second.
func (p *progressive) target(s *torch.Scope, in torch.Input, b *Batch,
	teacher, student predictor) (at torch.Input, eps torch.Tensor) {
	n := len(p.grid)
	before, now, then := slices.Clone(b.Times), slices.Clone(b.Times), make([]int, b.B)
	second := false
	for i, t := range b.Times {
		last := n < 3 || t <= p.grid[2]
		if !last && (t < p.grid[n-1] || i%2 == 1) {
			now[i], second = p.next(t), true
		}
		then[i] = p.next(now[i])
	}
	at = in
	var previous torch.Tensor // eps of the student at the times before
	if second {
		previous = student(s, in, b.T)
		at, _ = p.leap(s, in, b, before, now, teacher)
	}
	end, first := p.leap(s, at, b, now, then, teacher)
	return at, p.solve(s, b, before, now, then, in, at, end, previous, first)
}

// predictor is a network's eps at the times of in.
type predictor func(s *torch.Scope, in torch.Input, times []float32) torch.Tensor

// leap takes a batch from times to others by DDIM steps of the teacher, and gives its prediction in
// the first of them.
func (p *progressive) leap(s *torch.Scope, in torch.Input, b *Batch, from, to []int,
	teacher predictor) (at torch.Input, first torch.Tensor) {
	at = in
	for k := range p.steps {
		t, u := make([]int, b.B), make([]int, b.B)
		for i := range t {
			t[i], u[i] = between(from[i], to[i], k, p.steps), between(from[i], to[i], k+1, p.steps)
		}
		at.T = p.times(s, t)
		eps := teacher(s, at, p.shares(t))
		if k == 0 {
			first = eps
		}
		z, e := p.factors(s, b, func(i int) (float64, float64) { return p.sched.DDIM(t[i], u[i]) })
		at.X, at.H = torch.Split(s, torch.Combine(s, z, whole(s, at), e, eps))
	}
	at.T = p.times(s, to)
	return at, first
}

// between is the time after k of n steps from one to another.
func between(from, to, k, n int) int { return from - (from-to)*k/n }

// solve is the eps at the times now with which the student's step ends at the state end:
//
//	x_hat = ((z_s - sigma_s/sigma_t·z_t)/d + c·x_hat')/(1 + c),  d = alpha_s·(1 - e^(-h)),
//	eps = (z_t - alpha_t·x_hat)/sigma_t
//
// written as a sum of z_s, z_t, z_r and the student's eps' at r. Where t = 0 it is the teacher's
// prediction.
func (p *progressive) solve(s *torch.Scope, b *Batch, before, now, then []int,
	start, at, end torch.Input, previous, prediction torch.Tensor) torch.Tensor {
	ofEnd, ofNow := make([]float32, b.B), make([]float32, b.B)
	ofStart, ofPrevious := make([]float32, b.B), make([]float32, b.B)
	ofPrediction := make([]float32, b.B)
	for i := range b.B {
		if now[i] == 0 {
			ofPrediction[i] = 1
			continue
		}
		alpha, sigma := p.sched.Alpha(now[i]), p.sched.Sigma(now[i])
		sigmaTo, c := p.sched.Sigma(then[i]), 0.0
		if before[i] > now[i] {
			c = p.sched.Extrapolation(before[i], now[i], then[i])
			x := -alpha / sigma * c / (1 + c) / p.sched.Alpha(before[i])
			ofStart[i], ofPrevious[i] = float32(x), float32(-x*p.sched.Sigma(before[i]))
		}
		d := p.sched.Alpha(then[i]) - alpha*sigmaTo/sigma
		z := -alpha / (sigma * d * (1 + c))
		ofEnd[i], ofNow[i] = float32(z), float32((1-z*sigmaTo)/sigma)
	}
	of := func(v []float32) torch.Tensor { return s.Of(v, int64(b.B), 1, 1) }
	eps := torch.Combine(s, of(ofEnd), whole(s, end), of(ofNow), whole(s, at))
	eps = torch.Combine(s, s.Of([]float32{1}, 1, 1, 1), eps, of(ofPrediction), prediction)
	if previous == nil {
		return eps
	}
	return torch.Combine(s, s.Of([]float32{1}, 1, 1, 1), eps, s.Of([]float32{1}, 1, 1, 1),
		torch.Combine(s, of(ofStart), whole(s, start), of(ofPrevious), previous))
}

// whole is z = [x, h].
func whole(s *torch.Scope, in torch.Input) torch.Tensor { return torch.Output{X: in.X, H: in.H}.Eps(s) }

// shares are times as shares of T.
func (p *progressive) shares(t []int) []float32 {
	v := make([]float32, len(t))
	for i := range v {
		v[i] = float32(float64(t[i]) / float64(p.sched.T()))
	}
	return v
}

func (p *progressive) times(s *torch.Scope, t []int) torch.Tensor {
	return s.Of(p.shares(t), int64(len(t)))
}

// factors are those of z and eps in a step of each molecule (B, 1, 3+F), where given types stay.
func (p *progressive) factors(s *torch.Scope, b *Batch, of func(i int) (z, e float64)) (z, e torch.Tensor) {
	width := len(b.Eps) / (b.B * b.N)
	zs, es := slices.Repeat([]float32{1}, b.B*width), make([]float32, b.B*width)
	for i := range b.B {
		zi, ei := of(i)
		for k := i * width; k < (i+1)*width; k++ {
			if b.Mask == nil || b.Mask[k] != 0 {
				zs[k], es[k] = float32(zi), float32(ei)
			}
		}
	}
	shape := []int64{int64(b.B), 1, int64(width)}
	return s.Of(zs, shape...), s.Of(es, shape...)
}
