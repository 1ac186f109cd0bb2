//go:build !js

package symdiff

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/sampler"
)

// made is all molecules of a run.
func made(t *testing.T, m *Model, o Options) (list []*Molecule) {
	t.Helper()
	for mol, err := range m.Generate(context.Background(), o) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, mol)
	}
	return list
}

func TestOpenTellsWhatIsInTheFile(t *testing.T) {
	m, err := Open("../weights/qm9-base.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	if m.Kind != "symdiff-h" || m.Parameters < 1e6 || len(m.SHA256) != 64 || !m.Meta.CompositionConditional() {
		t.Errorf("%s, %d parameters, %s", m.Kind, m.Parameters, m.SHA256)
	}
	if _, err := Open("gone.safetensors"); err == nil ||
		!strings.Contains(err.Error(), "gone.safetensors") {
		t.Errorf("error %v", err)
	}
	if _, err := Read("empty", nil); err == nil || !strings.Contains(err.Error(), "empty") {
		t.Errorf("error %v", err)
	}
	if a, b := QM9(), QM9(); a != b {
		t.Error("the shipped model is loaded twice")
	}
}

// A molecule of Generate is that of the sampler, step by step.
func TestGenerateIsTheSampler(t *testing.T) {
	m := QM9()
	o := Options{Seed: 7, N: 3, Atoms: 9, Steps: 4}
	list := made(t, m, o)
	s, err := m.Sampler(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	for i, got := range list {
		want := s.Result(i, m.Provenance()...)
		if !slices.Equal(got.Positions, want.Positions) ||
			!slices.Equal(got.Properties, want.Properties) {
			t.Errorf("molecule %d: %v, want %v", i, got.Properties, want.Properties)
		}
		if v, _ := got.Property("model"); v != m.SHA256[:16] {
			t.Errorf("model=%s", v)
		}
	}
}

// A model that is guided by itself makes the same molecules; by a weaker one, others, which tell
// of it.
func TestGuided(t *testing.T) {
	m := QM9()
	weak, err := Open("../weights/qm9-base.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Seed: 1, Atoms: 9, Steps: 3}
	plain := made(t, m, o)[0]
	itself, err := m.Guided(m, 3)
	if err != nil {
		t.Fatal(err)
	}
	if got := made(t, itself, o)[0]; !slices.Equal(got.Positions, plain.Positions) {
		t.Error("guided by itself, the model makes another molecule")
	}
	guided, err := m.Guided(weak, 0.5)
	if err != nil {
		t.Fatal(err)
	}
	got := made(t, guided, o)[0]
	hash, _ := got.Property("guide")
	weight, _ := got.Property("guide_weight")
	if slices.Equal(got.Positions, plain.Positions) || hash != weak.SHA256[:16] || weight != "0.5" {
		t.Errorf("%v", got.Properties)
	}
	for _, w := range []float64{-1, 101} {
		if _, err := m.Guided(weak, w); err == nil ||
			!strings.Contains(err.Error(), "from 0 to 100") {
			t.Errorf("weight %g: %v", w, err)
		}
	}
	other, err := Open("../egnn/testdata/egnn.weights.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Guided(other, 1); err == nil ||
		!strings.Contains(err.Error(), "elements, schedule or noise") {
		t.Errorf("error %v", err)
	}
}

// A weak model that takes no types guides jointly only.
func TestGuideWithoutTypes(t *testing.T) {
	weak := *QM9()
	weak.Meta.Context = nil
	guided, err := QM9().Guided(&weak, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range guided.Generate(context.Background(), Options{Steps: 2}) {
		if bad, ok := errors.AsType[*sampler.OptionError](err); !ok || bad.Name != "joint" {
			t.Errorf("error %v", err)
		}
	}
	if _, err := guided.Sampler(Options{Joint: true, Steps: 2}); err != nil {
		t.Error(err)
	}
}
