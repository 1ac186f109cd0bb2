//go:build !js

package symdiff

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/sampler"
	"github.com/symdiff-go/symdiff/core/schedule"
	"github.com/symdiff-go/symdiff/core/symmetrise"
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

// A model that is guided by itself makes the same molecules. Guided by a weaker one, it makes
// others, which name that one.
func TestGuided(t *testing.T) {
	m, err := Open("../weights/qm9-base.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	weak := *m
	weak.SHA256 = strings.Repeat("a", 64)
	weak.Network = symmetrise.New(
		symmetrise.Func(m.Network.Features(), func(_, _ []float32, _ float32) {}),
		symmetrise.Haar(symmetrise.O3))
	o := Options{Seed: 1, Atoms: 9, Steps: 3}
	plain := made(t, m, o)[0]
	itself, err := m.Guided(m, 3)
	if err != nil {
		t.Fatal(err)
	}
	if got := made(t, itself, o)[0]; !slices.Equal(got.Positions, plain.Positions) {
		t.Error("guided by itself, the model makes another molecule")
	}
	guided, err := m.Guided(&weak, 0.5)
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
		if _, err := m.Guided(&weak, w); err == nil ||
			!strings.Contains(err.Error(), "from 0 to 100") {
			t.Errorf("weight %g: %v", w, err)
		}
	}
	other, err := Open("../egnn/testdata/egnn.weights.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Guided(other, 1); err == nil ||
		!strings.Contains(err.Error(), "want the elements of "+m.Name) {
		t.Errorf("error %v", err)
	}
}

// What the weak model takes otherwise than the model, or cannot take, is refused.
func TestGuideThatDoesNotFit(t *testing.T) {
	weak := *QM9()
	weak.Meta.ScaleX = 2
	guided, err := QM9().Guided(QM9(), 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		m, weak *Model
		want    string
	}{
		{QM9(), &weak, "scales"},
		{guided, QM9(), "guided already"},
		{QM9(), guided, "guided already"},
	} {
		if _, err := c.m.Guided(c.weak, 1); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %s", err, c.want)
		}
	}
	weak = *QM9()
	weak.Meta.Fragments = false
	if guided, err = QM9().Guided(&weak, 1); err != nil {
		t.Fatal(err)
	}
	o := Options{Steps: 2, Fragment: &Molecule{
		Elements: []molecule.Element{molecule.C}, Positions: make([][3]float64, 1),
	}}
	if _, err := QM9().Sampler(o); err != nil {
		t.Fatal(err)
	}
	_, err = guided.Sampler(o)
	if bad, ok := errors.AsType[*sampler.OptionError](err); !ok || bad.Name != "fragment" {
		t.Errorf("error %v", err)
	}
}

// A schedule without a formula is the same if its table is, though each file has its own.
func TestGuideOfATabulatedSchedule(t *testing.T) {
	tabulated := func(last float32) *Model {
		table := make([]float32, 1001)
		for i := range table {
			table[i] = float32(i)/50 - 10
		}
		table[1000] = last
		curve, err := schedule.TableCurve(table)
		if err != nil {
			t.Fatal(err)
		}
		m := *QM9()
		m.Meta.Schedule = schedule.Spec{Name: schedule.Tabulated, Timesteps: 1000, Curve: curve}
		return &m
	}
	if _, err := tabulated(10).Guided(tabulated(10), 1); err != nil {
		t.Error(err)
	}
	if _, err := tabulated(10).Guided(tabulated(11), 1); err == nil {
		t.Error("another schedule is taken")
	}
}

// doubled is a decoder of other latents.
type doubled struct{ symmetrise.Decoder }

func (d doubled) Decode(data, z []float32) {
	d.Decoder.Decode(data, z)
	for i := range data {
		data[i] *= 2
	}
}

// A model of latents is guided by one of the same decoder.
func TestGuideOfLatents(t *testing.T) {
	open := func() *Model {
		m, err := Open("../geoldm/testdata/geoldm_latent2.weights.safetensors")
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	m, other, atoms := open(), open(), open()
	if _, err := m.Guided(other, 1); err != nil {
		t.Error(err)
	}
	other.Network = symmetrise.Decoded(m.Network,
		func(sizes []int) symmetrise.Decoder { return doubled{m.Network.NewDecoder(sizes)} })
	atoms.Network = symmetrise.New(
		symmetrise.Func(m.Network.Features(), func(_, _ []float32, _ float32) {}), symmetrise.None())
	for name, weak := range map[string]*Model{"another decoder": other, "atoms": atoms} {
		if _, err := m.Guided(weak, 1); err == nil ||
			!strings.Contains(err.Error(), "want the latents of") {
			t.Errorf("%s: error %v", name, err)
		}
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
