//go:build torch

package train

import (
	"math"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/trainer/torch"
)

// A student of one step that is its teacher has nothing to learn from one step of the teacher; from
// several it has, and learning makes it less. The weights state the sampler.
func TestProgressiveDistillation(t *testing.T) {
	teacher := trained(t, 1, 40)
	student := func(teacherSteps, steps int) (loss float64, sampling encoding.Sampling) {
		o := small(t)
		o.Val, o.Init, o.Teacher, o.StudentSteps, o.TeacherSteps = o.Data, teacher, teacher, 1, teacherSteps
		o.Seed, o.Steps, o.EMA, o.LR, o.Warmup = 7, steps, 0, 5e-4, 0
		if steps == 1 {
			o.LR = 1e-12 // only the loss is asked for
		}
		c := mustRun(t, o)
		_, md := c.Model()
		meta, err := encoding.Parse("student", md)
		if err != nil {
			t.Fatal(err)
		}
		return c.Provenance.ValLoss, meta.Sampling
	}
	if loss, _ := student(1, 1); loss > 1e-6 {
		t.Errorf("a student that is its teacher has the loss %g", loss)
	}
	untrained, sampling := student(4, 1)
	if learned, _ := student(4, 500); untrained < 1e-5 || learned > 0.8*untrained {
		t.Errorf("500 steps bring the loss from %g to %g", untrained, learned)
	}
	if want := (encoding.Sampling{Method: "dpm++2m", Steps: 1, Rho: 7}); sampling != want {
		t.Errorf("the weights state %+v of their sampler, want %+v", sampling, want)
	}
}

// The student's own step, from the state and with the eps of the target, ends where the teacher's
// steps end; given types stay, and at t = 0 the target is the teacher's prediction.
func TestProgressiveTarget(t *testing.T) {
	o := small(t)
	o.Teacher, o.StudentSteps, o.TeacherSteps = trained(t, 1, 2), 5, 2
	p, err := newProgressive(o)
	if err != nil {
		t.Fatal(err)
	}
	o.StudentSteps = 1001
	if _, err := newProgressive(o); err == nil ||
		!strings.Contains(err.Error(), "--student-steps: steps 1001: want 1 to ") {
		t.Errorf("more steps than times: %v", err)
	}
	T := p.sched.T()
	if p.grid[0] != 0 || len(p.grid) != 6 || p.time(0, T) != 0 || p.time(T, T) != p.grid[5] {
		t.Fatalf("the grid is %v", p.grid)
	}
	s := &torch.Scope{Device: torch.CPU}
	defer s.Close()
	width := 3 + o.Config.Features
	z := make([]float32, 2*width)
	for i := range z {
		z[i] = float32(i%width + 1)
	}
	split := func() (x, h []float32) {
		for i := range 2 {
			x, h = append(x, z[i*width:i*width+3]...), append(h, z[i*width+3:(i+1)*width]...)
		}
		return x, h
	}
	// a network that predicts eps = c·z
	network := func(c float32) predictor {
		return func(s *torch.Scope, in torch.Input, _ []float32) torch.Tensor {
			z := whole(s, in)
			return torch.Combine(s, s.Of([]float32{c}, 1, 1, 1), z, s.Of([]float32{0}, 1, 1, 1), z)
		}
	}
	const teacher, student = 0.5, 0.3
	// moved is the factor of z in the teacher's steps from one time to another
	moved := func(from, to int) float64 {
		f := 1.0
		for k := range 2 {
			t, u := between(from, to, k, 2), between(from, to, k+1, 2)
			ratio := p.sched.Alpha(u) / p.sched.Alpha(t)
			f *= ratio + teacher*(p.sched.Sigma(u)-p.sched.Sigma(t)*ratio)
		}
		return f
	}
	lambda := func(t int) float64 { return math.Log(p.sched.Alpha(t) / p.sched.Sigma(t)) }
	for _, c := range []struct{ before, now, then int }{
		{p.grid[5], p.grid[5], p.grid[4]}, // the first of a batch
		{p.grid[5], p.grid[4], p.grid[3]}, // the second
		{p.grid[4], p.grid[3], p.grid[2]},
		{p.grid[3], p.grid[2], p.grid[1]},
		{p.grid[1], p.grid[1], 0},
		{0, 0, 0},
	} {
		for _, typed := range []bool{false, true} {
			b := &Batch{B: 2, N: 1, Times: []int{c.before, c.before}, Eps: make([]float32, 2*width), T: make([]float32, 2)}
			if typed {
				one := append([]float32{1, 1, 1}, make([]float32, width-3)...)
				b.Mask = append(one, one...)
			}
			x, h := split()
			in := torch.Input{B: 2, N: 1, X: s.Of(x, 2, 1, 3), H: s.Of(h, 2, 1, int64(width-3)), T: p.times(s, b.Times)}
			at, target := p.target(s, in, b, network(teacher), network(student))
			i := 0 // the molecule that takes this step
			if c.before == p.grid[5] && c.now != c.before {
				i = 1
			}
			got, state := torch.Float32s(target)[i*width:], torch.Float32s(whole(s, at))[i*width:]
			if now := torch.Float32s(at.T)[i]; now != p.shares([]int{c.now})[0] {
				t.Errorf("%v: the state is at %g·T", c, now)
			}
			for k, v := range z[:width] {
				if typed && k >= 3 {
					if state[k] != v {
						t.Errorf("%v: a given type becomes %g from %g", c, state[k], v)
					}
					continue
				}
				start := float64(v)
				z := start * moved(c.before, c.now)
				if d := float64(state[k])/z - 1; d > 1e-4 || d < -1e-4 {
					t.Errorf("%v: the state is %g, want %g", c, state[k], z)
				}
				if c.now == 0 {
					if want := float32(teacher * z); got[k] != want {
						t.Errorf("at t = 0 the target is %g, want the prediction %g", got[k], want)
					}
					continue
				}
				hat := (z - p.sched.Sigma(c.now)*float64(got[k])) / p.sched.Alpha(c.now)
				if c.before > c.now {
					last := start * (1 - student*p.sched.Sigma(c.before)) / p.sched.Alpha(c.before)
					h, before := lambda(c.then)-lambda(c.now), lambda(c.now)-lambda(c.before)
					hat += h / (2 * before) * (hat - last)
				}
				ratio := p.sched.Sigma(c.then) / p.sched.Sigma(c.now)
				end := ratio*z + (p.sched.Alpha(c.then)-p.sched.Alpha(c.now)*ratio)*hat
				if want := z * moved(c.now, c.then); end/want-1 > 1e-3 || end/want-1 < -1e-3 {
					t.Errorf("%v, typed %v: channel %d ends at %g, the teacher's at %g", c, typed, k, end, want)
				}
			}
		}
	}
}
