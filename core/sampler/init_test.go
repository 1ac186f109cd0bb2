package sampler

import (
	"math"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/schedule"
)

// moments of the data of exact: N(0, std²) in every coordinate, the atomic number's channel
// correlated with the first.
func moments(std float64) *encoding.Moments {
	m := &encoding.Moments{X: [2]float64{std * std, 0}, Mean: make([]float64, 6)}
	for i := range 6 {
		m.Cov = append(m.Cov, make([]float64, 6))
		m.Cov[i][i] = std * std
	}
	return m
}

// On Gaussian data the fitted Gaussian is the distribution of z_t, so that a late
// start gives the data's moments too.
func TestLateStart(t *testing.T) {
	const std, n, atoms = 0.5, 150, 40
	for method, steps := range map[Method]int{Ancestral: 200, DPM: 20, Heun: 20} {
		o := Options{Seed: 2, sizes: fill(make([]int, n), atoms), Steps: steps, Method: method}
		o.TStart = 55_000
		meta := moments(std)
		meta.Mean[2], meta.Cov[0][5], meta.Cov[5][0] = 3, 0.2, 0.2
		s := exactFrom(t, o, std, meta)
		if s.times[0] != 55_000 || s.Steps() != steps+1 {
			t.Errorf("%s: %d calls from t = %d", method, s.Steps(), s.times[0])
		}
		a2, a := s.sched.Alpha2(o.TStart), s.sched.Alpha(o.TStart)
		var x2, mean, v, cov float64
		for i := 0; i < len(s.z); i += s.width {
			for _, x := range s.z[i : i+3] {
				x2 += float64(x) * float64(x)
			}
			mean += float64(s.z[i+3+2])
			v += float64(s.z[i+3]) * float64(s.z[i+3])
			cov += float64(s.z[i+3]) * float64(s.z[i+3+5])
		}
		rows := float64(n * atoms)
		want := a2*std*std + 1 - a2
		for _, c := range []struct {
			name      string
			got, want float64
		}{
			{"variance of positions", x2 / (3 * float64(n*(atoms-1))), want}, {"mean of a feature", mean / rows, 3 * a},
			{"variance of a feature", v / rows, want}, {"covariance", cov / rows, a2 * 0.2},
		} {
			if math.Abs(c.got-c.want) > 5*1.5/math.Sqrt(rows) {
				t.Errorf("%s at the start: %g, want %g", c.name, c.got, c.want)
			}
		}
	}
	s := exactFrom(t,
		Options{Seed: 2, sizes: fill(make([]int, n), atoms), Steps: 100, TStart: 55_000}, std,
		moments(std))
	for !s.Done() {
		if err := s.Step(); err != nil {
			t.Fatal(err)
		}
	}
	sum2, count := 0.0, 0.0
	for i := 0; i < len(s.z); i += s.width {
		for _, v := range s.z[i+3 : i+s.width] {
			sum2 += float64(v) * float64(v)
			count++
		}
	}
	if v := sum2 / count; math.Abs(v/(std*std)-1) > 4*math.Sqrt(2/count)+0.02 {
		t.Errorf("variance of the result %g, want %g", v, std*std)
	}
}

// exactFrom is exact with moments in the metadata.
func exactFrom(t *testing.T, o Options, std float64, moments *encoding.Moments) *Sampler {
	t.Helper()
	return exactMeta(t, o, std, moments,
		schedule.Spec{Name: "polynomial_2", Timesteps: 100_000, Precision: 1e-5})
}

func TestStartRefuses(t *testing.T) {
	m := network(t, "dit")
	with := *m
	with.Meta.Moments = moments(1)
	for _, c := range []struct {
		m    *model.Model
		o    Options
		want string
	}{
		{m, Options{TStart: 500, Steps: 5}, "no moments of the training data"},
		{&with, Options{TStart: 1001, Steps: 5}, "t_start 1001: want 1 to 1000"},
		{&with, Options{TStart: -1, Steps: 5}, "t_start -1"},
		{&with, Options{TStart: 500, Steps: 501}, "steps 501: want 1 to 500"},
	} {
		c.o.Atoms = 3
		if _, err := of(c.m, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v", c.want, err)
		}
	}
	s := run(t, &with, Options{Seed: 1, sizes: []int{4, 7}, TStart: 550, Steps: 5, Method: DPMSDE})
	if p := s.Result(0).Properties; !strings.Contains(keys(p), " t_start=550 ") {
		t.Errorf("properties %v", p)
	}
	alone := run(t, &with,
		Options{Seed: 1, First: 1, sizes: []int{7}, TStart: 550, Steps: 5, Method: DPMSDE})
	if bits(alone.z) != bits(s.rows(1)) {
		t.Error("a molecule depends on its batch")
	}
	whole := run(t, m, Options{Seed: 1, sizes: []int{4}, Steps: 5})
	if explicit := run(t, m, Options{Seed: 1, sizes: []int{4}, Steps: 5, TStart: 1000}); bits(
		explicit.z,
	) != bits(whole.z) {
		t.Error("a start at T is not the whole run")
	}
}
