package sampler

import (
	"testing"

	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/schedule"
)

func TestUsual(t *testing.T) {
	with := model.Meta{Schedule: schedule.Polynomial2, Moments: moments(1)}
	without, few, cosine, odd, learned := with, with, with, with, with
	without.Moments, few.Schedule.Timesteps, cosine.Schedule.Name, odd.Schedule.Name = nil, 10, "cosine", "line"
	layer := schedule.Layer{Weight: []float32{1}, Bias: []float32{0}}
	curve, err := schedule.Network{L1: layer, L3: schedule.Layer{Bias: []float32{0}}, Gamma0: -10, Gamma1: 10}.Curve(1000)
	if err != nil {
		t.Fatal(err)
	}
	learned.Schedule.Name, learned.Schedule.Curve = schedule.Learned, curve
	told := with
	told.Context = composed().Context
	methane, gap := formula(t, "CH4"), map[string]float64{"gap": 1}
	known := &Known{Elements: []molecule.Element{1}}
	_, typed := typed()
	typed.Moments = with.Moments
	parts := typed
	parts.Parts = true
	placed := &Known{Elements: []molecule.Element{1}, Positions: make([][3]float64, 1)}
	for _, c := range []struct {
		meta model.Meta
		o    Options
		want Options
	}{
		{with, Options{}, Options{Method: DPMSDE, Start: 600, Steps: 40}},
		{without, Options{}, Options{Method: DPMSDE, Steps: 50}},
		{cosine, Options{}, Options{Method: DPMSDE, Start: 554, Steps: 40}},
		{learned, Options{}, Options{Method: DPMSDE, Start: 519, Steps: 40}}, // log SNR from 10 to -10, evenly
		{odd, Options{}, Options{Method: DPMSDE, Steps: 50}},                 // for New to refuse
		{few, Options{}, Options{Method: DPMSDE, Start: 6, Steps: 6}},
		{with, Options{Method: DPMSDE}, Options{Method: DPMSDE, Start: 600, Steps: 40}},
		{with, Options{Start: 400}, Options{Method: DPMSDE, Start: 400, Steps: 40}},
		{with, Options{Start: 1000}, Options{Method: DPMSDE, Steps: 50}},
		{with, Options{Start: 1000, Steps: 30}, Options{Method: DPMSDE, Steps: 30}},
		{with, Options{Steps: 30}, Options{Method: DPMSDE, Steps: 30}},
		{with, Options{Steps: 30, Start: 500}, Options{Method: DPMSDE, Steps: 30, Start: 500}},
		{with, Options{Method: Ancestral}, Options{Method: Ancestral, Steps: 1000}},
		{with, Options{Method: Heun, Start: 300}, Options{Method: Heun, Start: 300, Steps: 300}},
		{with, Options{Known: known}, Options{Method: Ancestral, Steps: 1000, Known: known, Resample: 10}},
		{with, Options{Composition: methane}, Options{Method: Ancestral, Steps: 1000, Resample: 10}},
		{told, Options{Composition: methane}, Options{Method: DPMSDE, Steps: 50}},
		{told, Options{Composition: methane, Known: known}, Options{Method: Ancestral, Steps: 1000, Known: known, Resample: 10}},
		{told, Options{Composition: methane, Known: known, Resample: 3}, Options{Method: Ancestral, Steps: 1000, Known: known, Resample: 3}},
		{typed, Options{Known: placed}, Options{Method: Ancestral, Steps: 1000, Known: placed, Resample: 10}},
		{parts, Options{Known: placed}, Options{Method: DPMSDE, Start: 600, Steps: 40, Known: placed}},
		{parts, Options{Known: placed, Composition: methane}, Options{Method: DPMSDE, Start: 600, Steps: 40, Known: placed}},
		{parts, Options{Known: placed, FreeTypes: true}, Options{Method: Ancestral, Steps: 1000, Known: placed, Resample: 10}},
		{told, Options{Values: gap}, Options{Method: DPMSDE, Steps: 50}},
		{told, Options{}, Options{Method: DPMSDE, Start: 600, Steps: 40}},
		{with, Options{Start: -1}, Options{Method: DPMSDE, Start: -1, Steps: 50}}, // for New to refuse
	} {
		got := c.o.Usual(c.meta)
		if got.Method != c.want.Method || got.Start != c.want.Start || got.Steps != c.want.Steps || got.Known != c.want.Known || got.Resample != c.want.Resample {
			t.Errorf("%+v, %d times: %s from %d in %d steps of %d, want %s from %d in %d of %d", c.o, c.meta.Schedule.Timesteps, got.Method, got.Start, got.Steps, got.Resample, c.want.Method, c.want.Start, c.want.Steps, c.want.Resample)
		}
	}
}
