package sampler

import (
	"math"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/schedule"
)

// exact is a sampler whose data are Gaussian, N(0, std²) in every coordinate, and
// whose network is replaced by the exact prediction
//
//	eps_hat = sigma_t·z/v_t,  v_t = alpha_t²·std² + sigma_t².
func exact(t *testing.T, o Options, std float64) *Sampler {
	t.Helper()
	return exactMeta(t, o, std, nil,
		schedule.Spec{Name: "polynomial_2", Timesteps: 100_000, Precision: 1e-5})
}

// exactMeta is exact with moments and a schedule in its metadata.
func exactMeta(t *testing.T, o Options, std float64, moments *encoding.Moments,
	spec schedule.Spec) *Sampler {
	t.Helper()
	m := network(t, "dit")
	m.Meta.Moments, m.Meta.Schedule = moments, spec
	s, err := of(m, o)
	if err != nil {
		t.Fatal(err)
	}
	s.predict = func(at, _ int) {
		f := float32(s.sched.Sigma(at) / variance(s.sched, at, std))
		for i, z := range s.z {
			s.eps[i] = f * z
		}
	}
	return s
}

func variance(s *schedule.Schedule, t int, std float64) float64 {
	a2 := s.Alpha2(t)
	return a2*std*std + 1 - a2
}

// odeError follows the probability-flow equation, along which z_t/sqrt(v_t) does
// not change, from T to 0 and returns the largest relative error of z_0.
func odeError(t *testing.T, m Method, steps int) float64 {
	const std = 0.5
	s := exact(t, Options{Seed: 1, sizes: []int{6}, Steps: steps, Method: m}, std)
	scale := math.Sqrt(variance(s.sched, 0, std) / variance(s.sched, s.sched.T(), std))
	want := make([]float64, len(s.z))
	for i, z := range s.z {
		want[i] = scale * float64(z)
	}
	for s.StepsDone() < steps {
		if err := s.Step(); err != nil {
			t.Fatal(err)
		}
	}
	worst := 0.0
	for i, z := range s.z {
		worst = max(worst, math.Abs(float64(z)-want[i])/(math.Abs(want[i])+1e-3))
	}
	return worst
}

// Twice the steps give half the error of a first-order method and a quarter of
// that of a second-order one.
func TestOrderOfConvergence(t *testing.T) {
	for _, c := range []struct {
		method Method
		order  float64
		steps  int
	}{{DDIM, 1, 100}, {DPM, 2, 20}, {Heun, 2, 20}} {
		coarse, fine := odeError(t, c.method, c.steps), odeError(t, c.method, 2*c.steps)
		order := math.Log2(coarse / fine)
		t.Logf("%s: error %.2e in %d steps, %.2e in %d: order %.2f", c.method, coarse, c.steps,
			fine, 2*c.steps, order)
		if math.Abs(order-c.order) > 0.35 {
			t.Errorf("%s converges with order %.2f, want %v", c.method, order, c.order)
		}
	}
	if ddim, dpm := odeError(t, DDIM, 25), odeError(t, DPM, 25); dpm > ddim/4 {
		t.Errorf("in 25 steps DPM's error %g is not far below DDIM's %g", dpm, ddim)
	}
}

// The moments of what each method makes of noise are those of the data.
func TestMomentsOfGaussianData(t *testing.T) {
	const std, n, atoms = 0.5, 150, 40
	for method, steps := range map[Method]int{Ancestral: 400, DDIM: 400, DPM: 40, DPMSDE: 60, Heun: 30} {
		s := exact(t,
			Options{Seed: 2, sizes: fill(make([]int, n), atoms), Steps: steps, Method: method}, std)
		for !s.Done() {
			if err := s.Step(); err != nil {
				t.Fatal(err)
			}
		}
		sum, sum2, count := 0.0, 0.0, 0.0
		for i := 0; i < len(s.z); i += s.width {
			for _, v := range s.z[i+3 : i+s.width] {
				sum += float64(v)
				sum2 += float64(v) * float64(v)
				count++
			}
		}
		mean, v := sum/count, sum2/count
		t.Logf("%s, %d steps: mean %.4f, standard deviation %.4f", method, steps, mean,
			math.Sqrt(v))
		if math.Abs(mean) > 4*std/math.Sqrt(count) {
			t.Errorf("%s: mean %g", method, mean)
		}
		if math.Abs(v/(std*std)-1) > 4*math.Sqrt(2/count)+0.01 { // 1 % for the size of the steps
			t.Errorf("%s: variance %g, want %g", method, v, std*std)
		}
	}
}

func fill(s []int, v int) []int {
	for i := range s {
		s[i] = v
	}
	return s
}

func TestLogSNRTimes(t *testing.T) {
	s, err := schedule.New(schedule.Polynomial2)
	if err != nil {
		t.Fatal(err)
	}
	for _, steps := range []int{1, 2, 10, 50, 400, 999, 1000} {
		grid := times(s, DPM, s.T(), steps, 0)
		if grid[0] != 1000 || grid[steps] != 0 {
			t.Errorf("%d steps run from %d to %d", steps, grid[0], grid[steps])
		}
		for i := 1; i <= steps; i++ {
			if grid[i] >= grid[i-1] {
				t.Fatalf("%d steps: time %d follows %d", steps, grid[i], grid[i-1])
			}
		}
	}
	grid := times(s, DPM, s.T(), 10, 0)
	for i := 1; i < 9; i++ {
		if gap := s.Lambda(grid[i+1]) - s.Lambda(grid[i]); math.Abs(gap-1.15129) > 0.1 {
			t.Errorf("gap of log SNR between %d and %d: %.3f, want 1.151", grid[i], grid[i+1], gap)
		}
	}
}

// With rho the times are evenly spaced in (sigma/alpha)^(1/rho), and a large rho is log SNR.
func TestRhoSpacesTimes(t *testing.T) {
	s, err := schedule.New(schedule.Polynomial2)
	if err != nil {
		t.Fatal(err)
	}
	grid := times(s, DPMSDE, 600, 15, 7)
	if grid[0] != 600 || grid[15] != 0 {
		t.Errorf("the times run from %d to %d", grid[0], grid[15])
	}
	u := func(i int) float64 { return math.Pow(math.Exp(-s.Lambda(grid[i])), 1./7) }
	for i := 1; i < 12; i++ {
		if gap := u(i-1) - u(i); math.Abs(gap-(u(0)-u(15))/15) > 0.003 {
			t.Errorf("gap of (sigma/alpha)^(1/7) before time %d: %.4f", grid[i], gap)
		}
	}
	got, want := times(s, DPM, 600, 15, 1000), times(s, DPM, 600, 15, 0)
	for i := range got {
		if d := got[i] - want[i]; d < -1 || d > 1 {
			t.Errorf("rho = 1000: %v, evenly in log SNR: %v", got, want)
		}
	}
}

// The weights state the steps and the spacing of the sampler that they were trained for.
func TestSamplingOfTheModel(t *testing.T) {
	meta := encoding.QM9()
	meta.Moments = &encoding.Moments{}
	meta.Sampling = encoding.Sampling{Steps: 15, Rho: 7}
	for _, c := range []struct {
		o, want Options
	}{
		{Options{}, Options{Steps: 15, Rho: 7}},
		{Options{TStart: 10}, Options{Steps: 10, Rho: 7}},
		{Options{Steps: 30, Rho: 3}, Options{Steps: 30, Rho: 3}},
		{Options{Method: Ancestral}, Options{Steps: 40}},
	} {
		o, err := c.o.For(meta)
		if err != nil || o.Steps != c.want.Steps || o.Rho != c.want.Rho {
			t.Errorf("%+v: steps %d, rho %g (%v)", c.o, o.Steps, o.Rho, err)
		}
	}
	meta.Sampling.Method = "euler"
	if _, err := (Options{Method: DDIM}).For(meta); err == nil ||
		err.Error() != "sampler: metadata sampling: no method euler" {
		t.Errorf("a method that is none: %v", err)
	}
	meta.Sampling.Method = string(DPM)
	for _, c := range []struct{ o, want Options }{
		{Options{}, Options{Method: DPM, Steps: 15, Rho: 7}},
		{Options{Steps: 30}, Options{Method: DPM, Steps: 30, Rho: 7}},
		{Options{Method: DPMSDE}, Options{Method: DPMSDE, Steps: 40}},
		{Options{Method: Ancestral}, Options{Method: Ancestral, Steps: 40}},
	} {
		o, err := c.o.For(meta)
		if err != nil || o.Method != c.want.Method || o.Steps != c.want.Steps || o.Rho != c.want.Rho {
			t.Errorf("%+v: %s, steps %d, rho %g (%v)", c.o, o.Method, o.Steps, o.Rho, err)
		}
	}
	meta.Sampling.Method = ""
	for want, o := range map[string]Options{
		"rho 0.5: want a number from 1 to 1000":          {Rho: 0.5},
		"rho 1000.5: want a number from 1 to 1000":       {Rho: 1000.5},
		"rho NaN: want a number from 1 to 1000":          {Rho: math.NaN()},
		"rho 7: the method ddim has evenly spaced times": {Rho: 7, Method: DDIM},
	} {
		if _, err := o.For(meta); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestDeterministicMethodsUseNoNoiseAfterTheStart(t *testing.T) {
	for _, method := range []Method{DDIM, DPM, Heun} {
		s := run(t, network(t, "symdiff"),
			Options{Seed: 4, sizes: []int{5}, Steps: 6, Method: method})
		for i, v := range s.noise {
			if v != 0 {
				t.Fatalf("%s drew noise: %v at %d", method, v, i)
			}
		}
	}
	if _, err := of(network(t, "dit"), Options{Atoms: 3, Method: "euler"}); err == nil {
		t.Error("an unknown method is accepted")
	}
}

// The variance of ancestral samples follows the recursion that the noise scale stands in; at 1 it
// is that of the data.
func TestNoiseScale(t *testing.T) {
	const std, steps = 0.5, 60
	for _, scale := range []float64{0.5, 0.9, 1.5} {
		s := exact(
			t,
			Options{
				Seed:       3,
				sizes:      fill(make([]int, 100), 40),
				Steps:      steps,
				Method:     Ancestral,
				NoiseScale: scale,
			},
			std,
		)
		want := 1.0
		for s.StepsDone() < steps {
			from, to := s.times[s.done], s.times[s.done+1]
			c := s.sched.Ancestral(from, to)
			keep := c.Z - c.Eps*s.sched.Sigma(from)/variance(s.sched, from, std)
			want = keep*keep*want + math.Pow(scale*c.Std, 2)
			if err := s.Step(); err != nil {
				t.Fatal(err)
			}
		}
		sum, count := 0.0, 0.0
		for i := 0; i < len(s.z); i += s.width {
			for _, v := range s.z[i+3 : i+s.width] {
				sum += float64(v) * float64(v)
				count++
			}
		}
		t.Logf("scale %g: variance %.4f, by the recursion %.4f", scale, sum/count, want)
		if math.Abs(sum/count/want-1) > 4*math.Sqrt(2/count) {
			t.Errorf("noise scale %g: variance %g, want %g", scale, sum/count, want)
		}
		if (want < std*std) != (scale < 1) {
			t.Errorf("noise scale %g gives the variance %g, of the data it is %g", scale, want,
				std*std)
		}
	}
	m := network(t, "symdiff")
	for _, method := range []Method{Ancestral, DPMSDE} {
		byDefault, same := run(t, m, Options{Seed: 4, sizes: []int{5}, Steps: 6, Method: method}), run(
			t,
			m,
			Options{Seed: 4, sizes: []int{5}, Steps: 6, Method: method, NoiseScale: 1},
		)
		less := run(t, m,
			Options{Seed: 4, sizes: []int{5}, Steps: 6, Method: method, NoiseScale: 0.5})
		if byDefault.Molecule(0).Positions[0] != same.Molecule(0).Positions[0] {
			t.Errorf("%s: a noise scale of 1 changes the molecule", method)
		}
		if byDefault.Molecule(0).Positions[0] == less.Molecule(0).Positions[0] {
			t.Errorf("%s: the noise scale has no effect", method)
		}
		if v, ok := less.Result(0).Property("noise_scale"); !ok || v != "0.5" {
			t.Errorf("%s: the result says noise_scale=%q", method, v)
		}
	}
	for _, o := range []Options{
		{NoiseScale: -1}, {NoiseScale: 2.5}, {NoiseScale: math.NaN()}, {NoiseScale: 0.9, Method: DDIM},
	} {
		o.Atoms = 3
		if _, err := of(m, o); err == nil || !strings.Contains(err.Error(), "noise_scale") {
			t.Errorf("noise scale %g with %q: %v", o.NoiseScale, o.Method, err)
		}
	}
}

// Whatever schedule a file names, with any number of steps that it allows, each
// method ends with molecules; with as many steps as there are times those have the
// data's variance, as far as so few steps can.
func TestEverySchedule(t *testing.T) {
	const std = 0.5
	for _, spec := range []schedule.Spec{
		{Name: "polynomial_2", Timesteps: 1, Precision: 1e-3},
		{Name: "polynomial_2", Timesteps: 17, Precision: 1e-4},
		{Name: "polynomial_2", Timesteps: 300, Precision: 1e-5},
		{Name: "cosine", Timesteps: 1}, {Name: "cosine", Timesteps: 300},
	} {
		for _, method := range Methods() {
			for _, steps := range []int{1, 2, 5, spec.Timesteps} {
				if steps > spec.Timesteps {
					continue
				}
				s := exactMeta(
					t,
					Options{
						Seed:   1,
						sizes:  fill(make([]int, 10), 20),
						Steps:  steps,
						Method: method,
					},
					std,
					nil,
					spec,
				)
				for !s.Done() {
					if err := s.Step(); err != nil {
						t.Fatalf("%+v, %s, %d steps: %v", spec, method, steps, err)
					}
				}
				sum2, n := 0.0, 0.0
				for i := range s.z {
					if i%s.width >= 3 {
						sum2 += float64(s.z[i]) * float64(s.z[i])
						n++
					}
				}
				if got := math.Sqrt(sum2 / n); steps == 300 && math.Abs(got/std-1) > 0.15 {
					t.Errorf("%+v, %s, %d steps: standard deviation %g, want %g", spec, method,
						steps, got, std)
				}
			}
		}
	}
}
