package sampler

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/o3"
)

// A default depends on the model, and on no other option: to name it changes nothing.
func TestDefaultIsTheSameWhenItIsNamed(t *testing.T) {
	m := network(t, "symdiff")
	m.Meta.Moments = moments(1)
	want := run(t, m, Options{Seed: 7, Atoms: 6})
	if want.o.TStart != 600 || want.o.Steps != 40 || want.o.Method != DPMSDE || want.Len() != 1 ||
		want.o.NoiseScale != 1 {
		t.Errorf("by default %d molecules by %s from %d in %d steps", want.Len(), want.o.Method,
			want.o.TStart, want.o.Steps)
	}
	for _, o := range []Options{
		{Steps: 40}, {TStart: 600}, {Method: DPMSDE}, {NoiseScale: 1}, {N: 1}, {Gamma: Learned},
		{Steps: 40, TStart: 600, Method: DPMSDE, N: 1, NoiseScale: 1},
	} {
		o.Seed, o.Atoms = 7, 6
		if got := run(t, m, o); bits(got.z) != bits(want.z) {
			t.Errorf("%+v: another molecule than by default", o)
		}
	}
	for _, o := range []Options{
		{Method: Ancestral}, {Method: Heun, NoiseScale: 1}, {Joint: true}, {Seed: 3},
		{Rotate: &o3.Matrix{{1}, {0, 1}, {0, 0, 1}}},
	} {
		o.Atoms = 6
		s, err := of(m, o)
		if err != nil {
			t.Fatal(err)
		}
		if s.o.TStart != 600 || s.o.Steps != 40 {
			t.Errorf("%+v: %d steps from %d, want 40 from 600", o, s.o.Steps, s.o.TStart)
		}
	}
}

// The start is where alpha² has fallen to 0.41, or T without moments; there are no more steps
// than times.
func TestDefaultsOfASchedule(t *testing.T) {
	with := encoding.QM9()
	with.Moments = moments(1)
	without, few, one, cosine, odd := with, with, with, with, with
	without.Moments, few.Schedule.Timesteps, one.Schedule.Timesteps = nil, 10, 1
	cosine.Schedule.Name, odd.Schedule.Name = "cosine", "line"
	for name, c := range map[string]struct {
		meta         encoding.Meta
		start, steps int
	}{
		"polynomial_2": {with, 600, 40}, "without moments": {without, 1000, 40},
		"ten times": {few, 6, 6}, "one time": {one, 1, 1}, "cosine": {cosine, 554, 40},
	} {
		if got, err := (Options{}).For(c.meta); err != nil || got.TStart != c.start ||
			got.Steps != c.steps ||
			got.Method != DPMSDE {
			t.Errorf("%s: %s from %d in %d steps, %v; want dpm++2m-sde from %d in %d", name,
				got.Method, got.TStart, got.Steps, err, c.start, c.steps)
		}
	}
	if _, err := (Options{}).For(odd); err == nil {
		t.Error("an unknown schedule has defaults")
	}
}

// full has a value for each option.
var full = Options{
	Seed: 1<<64 - 1, First: 2, N: 3, Atoms: 9, Formula: "C2H6O", Joint: true,
	Fragment: &molecule.Molecule{
		Elements:  []molecule.Element{6, 1},
		Positions: [][3]float64{{0.1, 2, -3e-7}, {4, 5, 6}},
	},
	From: []*molecule.Molecule{
		{Elements: []molecule.Element{8}, Positions: [][3]float64{{1, 2, 3}}},
		{Elements: []molecule.Element{9}, Positions: [][3]float64{{1, 2, 3}}},
	},
	Properties: map[string]float64{"mu": -0.5, "gap": 0.25}, CFGWeight: 1.5,
	Steps: 20, Rho: 7, TStart: 500, Method: Heun, NoiseScale: 0.9, Gamma: Haar,
	Rotate: &o3.Matrix{
		{0, 1, 0},
		{-1, 0, 0},
		{0, 0, 1},
	}, Uncoupled: true, Branches: []Branch{{3, 1 << 63}, {7, 5}},
}

// Each field of the struct is an option under the name of its JSON tag, and comes back from its
// JSON.
func TestOptionsAreWhatTheStructHas(t *testing.T) {
	var tags []string
	v := reflect.ValueOf(full)
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if tag := f.Tag.Get("json"); f.IsExported() && tag != "-" {
			tags = append(tags, tag)
			if v.Field(i).IsZero() {
				t.Errorf("%s: the test has no value for it", f.Name)
			}
		}
	}
	if !slices.Equal(Names(), tags) {
		t.Errorf("options %v, fields %v", Names(), tags)
	}
	data, err := json.Marshal(full)
	if err != nil {
		t.Fatal(err)
	}
	var back Options
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(back, full) {
		t.Errorf("%s comes back as %+v", data, back)
	}
	if data, err := json.Marshal(Options{}); err != nil || string(data) != "{}" {
		t.Errorf("the default is %s, %v", data, err)
	}
}

// What Text writes, Set reads.
func TestOptionsAsText(t *testing.T) {
	var back Options
	for _, name := range Names() {
		if name == "fragment" || name == "from" {
			if err := back.Set(name, full.Text(name)); err == nil {
				t.Errorf("%s is set from text", name)
			}
			continue
		}
		if err := back.Set(name, full.Text(name)); err != nil {
			t.Error(err)
		}
		if back.Text(name) != full.Text(name) || full.Text(name) == "" {
			t.Errorf("%s: %q comes back as %q", name, full.Text(name), back.Text(name))
		}
		if new(Options).Text(name) != "" {
			t.Errorf("%s: the default is %q", name, new(Options).Text(name))
		}
	}
	back.Fragment, back.From = full.Fragment, full.From
	if !reflect.DeepEqual(back, full) {
		t.Errorf("%+v", back)
	}
}

func TestOptionsRefuseWhatTheyCannotRead(t *testing.T) {
	for text, want := range map[string]string{
		`[]`:                                "want an object, have an array",
		`{"seed": 1`:                        "JSON at byte",
		`{"sed": 1}`:                        `"sed": no such option, want one of seed, first`,
		`{"seed": -1}`:                      "seed: want a whole number below 2^64, have -1",
		`{"seed": 0.5}`:                     "have 0.5",
		`{"seed": "18446744073709551616"}`:  `have "18446744073709551616"`,
		`{"steps": 1.5}`:                    "steps: want a whole number, have 1.5",
		`{"steps": "5"}`:                    `have "5"`,
		`{"noise_scale": null}`:             "noise_scale: want a number, have null",
		`{"joint": 1}`:                      "joint: want true or false, have 1",
		`{"formula": 7}`:                    "formula: want text, have 7",
		`{"properties": 7}`:                 "properties: want an object of numbers",
		`{"properties": {"gap": "x"}}`:      `properties: gap: want a number, have "x"`,
		`{"rotate": [1, 2]}`:                "rotate: want nine numbers",
		`{"rotate": [1,0,0,0,1,0,0,0,"1"]}`: "rotate: want nine numbers",
		`{"branches": {}}`:                  "branches: want a list",
		`{"branches": [{"step": 1}]}`:       "branches: seed: want a whole number",
		`{"branches": [{"seed": 1}]}`:       "branches: step: want a whole number",
		`{"fragment": {"elements": ["C"], "positions": [1]}}`:             "fragment: 1 elements and 1 coordinates",
		`{"fragment": {"elements": "C", "positions": []}}`:                "fragment: 0 elements",
		`{"fragment": {"elements": ["Xx"], "positions": [1,2,3]}}`:        `unknown element "Xx"`,
		`{"from": [{"elements": ["C"], "positions": [1,2,3]}, 5]}`:        "from: 0 elements",
		`{"from": {"elements": ["C"], "positions": [1,2,3], "x": "y"}}`:   "",
		`{"seed": 7, "atoms": 3, "from": [], "branches": [], "first": 0}`: "",
	} {
		var o Options
		err := o.UnmarshalJSON([]byte(text))
		var bad *OptionError
		if want == "" && err != nil ||
			want != "" && (!errors.As(err, &bad) || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: error %v, want %s", text, err, want)
		}
	}
	for text, want := range map[string]string{
		"sed=1": "no such option", "seed=x": `seed "x": want a whole number`,
		"steps=1.5": "whole number", "noise_scale=x": "want a number",
		"joint=maybe": "true or false",
		"rotate=1,2":  "2 numbers, want nine", "rotate=a": "want nine numbers",
		"branches=3": "STEP:SEED", "properties=gap": "NAME=VALUE",
		"properties=gap=1,gap=2": "each name once", "fragment=a.xyz": "want a file",
	} {
		name, value, _ := strings.Cut(text, "=")
		if err := new(Options).Set(name, value); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", text, err)
		}
	}
}
