//go:build torch

package torch

import (
	"math"
	"testing"

	"github.com/symdiff-go/symdiff/core/likelihood"
	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/rng"
	"github.com/symdiff-go/symdiff/core/schedule"
)

// learned are the parameters of a learned schedule of 100 time steps, far from their start, and core's table of it.
func learned(t *testing.T) (p *Params, meta model.Meta, flat []float32, table *schedule.Schedule) {
	t.Helper()
	meta = model.QM9Meta()
	meta.ScaleX, meta.Schedule = 1.5, schedule.Spec{Name: schedule.Learned, Timesteps: 100}
	p = newParams(&Params{List: model.ScheduleParameters(meta.Schedule), device: CPU}, false)
	flat = InitSchedule(3)
	r := rng.New(4, 0, rng.Init, 0)
	for i := range flat {
		flat[i] += 3 * float32(2*r.Float64()-1)
	}
	p.Set(flat)
	if err := meta.SetSchedule(p.Split(flat)); err != nil {
		t.Fatal(err)
	}
	table, err := schedule.New(meta.Schedule)
	if err != nil {
		t.Fatal(err)
	}
	return p, meta, flat, table
}

// noisedExample is a batch at times 0, 1, 50 and 100 of four molecules of three atoms, its squared errors and factors.
func noisedExample(s *Scope, p *Params, meta model.Meta) (z *Noised, data, eps []float32, types []uint8, e Tensor, c []float64) {
	times := []int{0, 1, 50, 100}
	f := meta.Features()
	r := rng.New(5, 0, rng.Init, 0)
	x, h := make([]float32, 4*3*3), make([]float32, 4*3*f)
	r.Fill(x, 1)
	for i := range 12 {
		types = append(types, uint8(i%5))
		h[i*f+i%5], h[i*f+5] = 0.25, []float32{1, 6, 7, 8, 9}[i%5]/10
	}
	eps = make([]float32, 4*3*(3+f))
	r.Fill(eps, 1)
	z = Noise(s, p, times, 100, s.Of(x, 4, 3, 3), s.Of(h, 4, 3, int64(f)), s.Of(eps, 4, 3, int64(3+f)))
	return z, append(x, h...), eps, types, s.Of([]float32{3, 20, 2, 0.5}, 4), []float64{101, 7, 30, 200}
}

// libtorch and core agree on the schedule and on the bound's terms.
func TestLearnedScheduleAgainstCore(t *testing.T) {
	onThread(t)
	p, meta, _, table := learned(t)
	s := &Scope{Device: CPU}
	defer s.Close()
	z, data, eps, types, e, c := noisedExample(s, p, meta)
	near := func(what string, got, want, tolerance float64) {
		t.Helper()
		if !(math.Abs(got-want) <= tolerance*math.Max(1, math.Abs(want))) {
			t.Errorf("%s is %g, want %g", what, got, want)
		}
	}
	f := meta.Features()
	x, h := Float32s(z.X), Float32s(z.H)
	for i, at := range z.times {
		alpha, sigma := table.Alpha(at), table.Sigma(at)
		for k := range 9 {
			near("x", float64(x[9*i+k]), alpha*float64(data[9*i+k])+sigma*float64(eps[(3*i+k/3)*(3+f)+k%3]), 1e-5)
		}
		for k := range 3 * f {
			near("h", float64(h[3*f*i+k]), alpha*float64(data[36+3*f*i+k])+sigma*float64(eps[(3*i+k/f)*(3+f)+3+k%f]), 1e-5)
		}
	}
	want := 101 * (0.5*3 - likelihood.LogFeatures(meta, table.Sigma(0), types[:3], h[:3*f]))
	for i, at := range z.times[1:] {
		want += c[1+i] * 0.5 * math.Expm1(table.NegLogSNR(at)-table.NegLogSNR(at-1)) * []float64{20, 2, 0.5}[i]
	}
	near("the sum of terms", z.Terms(s, meta, e, c).Float64Values(false)[0], want, 1e-5)

	want = 0
	squares := 0.0
	for _, v := range data {
		squares += float64(v) * float64(v)
	}
	alpha2, sigma := table.Alpha2(100), table.Sigma(100)
	positions := 3 * 2.0
	want += 4*(positions+3*float64(f))*(-math.Log(sigma)+0.5*(sigma*sigma-1)) + 0.5*alpha2*squares
	want += 4 * positions * (0.5*table.NegLogSNR(0) + 0.5*math.Log(2*math.Pi) + math.Log(1.5))
	near("the ends", z.Ends(s, meta).Float64Values(false)[0], want, 1e-6)
}

// The gradient of every tensor of the schedule, along the direction in which it is steepest, against differences: of the bound with
// fixed errors, and of z.
func TestGradientOfLearnedSchedule(t *testing.T) {
	onThread(t)
	p, meta, flat, _ := learned(t)
	value := func(s *Scope) Tensor {
		z, _, eps, _, e, c := noisedExample(s, p, meta)
		probe := s.add(s.total(s.mul(z.X, s.narrow(s.Of(eps, 4, 3, int64(3+meta.Features())), -1, 0, 3))), s.total(s.mul(z.H, z.H)))
		return s.add(s.add(z.Terms(s, meta, e, c), z.Ends(s, meta)), s.to(probe, f64))
	}
	at := func(flat []float32) float64 {
		s := &Scope{Device: CPU}
		defer s.Close()
		p.Set(flat)
		return value(s).Float64Values(false)[0]
	}
	s := &Scope{Device: CPU}
	defer s.Close()
	grad := p.Split(Float32s(p.Grad(s, value(s))))
	for i, q := range p.List {
		if q.Name == "gamma.l3.bias" { // cancels
			continue
		}
		step, slope := 0.02, 0.0
		up, down := append([]float32{}, flat...), append([]float32{}, flat...)
		for k, g := range grad[q.Name] {
			d := math.Copysign(step, float64(g))
			up[p.offsets[i]+k] += float32(d)
			down[p.offsets[i]+k] -= float32(d)
			slope += float64(g) * (float64(up[p.offsets[i]+k]) - float64(down[p.offsets[i]+k]))
		}
		got := at(up) - at(down)
		t.Logf("%s: differences %.6g, gradient %.6g", q.Name, got, slope)
		if slope == 0 || math.Abs(got-slope) > 0.01*math.Abs(slope) {
			t.Errorf("%s: the value changes by %g, by its gradient %g", q.Name, got, slope)
		}
	}
}
