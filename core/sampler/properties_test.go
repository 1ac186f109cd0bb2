package sampler

import (
	"maps"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// told is a network that remembers under which values it was put; every value adds its part to
// the features that it predicts.
type told struct {
	symmetrise.Network
	values *map[string]float64
}

func (n told) At(values map[string]float64) (symmetrise.Network, error) {
	*n.values = values
	sum := float32(0)
	for _, v := range values {
		sum += float32(v)
	}
	return steady(sum, n.values), nil
}

// steady predicts features of v everywhere.
func steady(v float32, values *map[string]float64) told {
	return told{symmetrise.New(symmetrise.Func(6, func(eps, _ []float32, _ float32) {
		for i := range eps {
			eps[i] = 0
			if i%9 >= 3 {
				eps[i] = v
			}
		}
	}), symmetrise.None()), values}
}

func formula(t testing.TB, text string) []molecule.Element {
	t.Helper()
	elements, err := molecule.ParseFormula(text)
	if err != nil {
		t.Fatal(err)
	}
	return elements
}

// A network is put under the properties that are asked for, by any method, and guided
// away from its prediction without them.
func TestPropertiesAndTheirGuidance(t *testing.T) {
	meta := encoding.QM9()
	meta.Context = []encoding.Quantity{{Name: "gap", MAD: 1}, {Name: "mu", MAD: 1}}
	var values map[string]float64
	asked := map[string]float64{"gap": 0.5, "mu": 4}
	target := func(s *Sampler, key string) string {
		v, _ := s.Result(0).Property(key)
		return v
	}
	// 4.5 under them, 0 without, 4.5·(1 + 2) with guidance
	for weight, want := range map[float64]float32{0: 4.5, 2: 13.5} {
		s := finished(t, steady(0, &values), meta,
			Options{Seed: 3, Atoms: 4, Steps: 5, Properties: asked, CFGWeight: weight})
		if !maps.Equal(values, asked) || target(s, "target_gap") != "0.5" ||
			target(s, "target_mu") != "4" {
			t.Errorf("under %v: %v", values, s.Result(0).Properties)
		}
		if v := target(s, "cfg_weight"); s.eps[3] != want ||
			v != map[float64]string{2: "2"}[weight] {
			t.Errorf("cfg_weight=%s: the network predicts %g, want %g", v, s.eps[3], want)
		}
	}
}

func TestPropertiesRefused(t *testing.T) {
	gap := map[string]float64{"gap": 1}
	for want, o := range map[string]Options{
		"cfg_weight 1: want properties": {CFGWeight: 1},
		"cfg_weight -1: want a number":  {CFGWeight: -1, Properties: gap},
		"cfg_weight 101: want a number": {CFGWeight: 101, Properties: gap},
		"properties: types is no":       {Properties: map[string]float64{encoding.TypesName: 0}},
		"conditioned on: nothing":       {Properties: gap},
	} {
		o.Atoms = 3
		if _, err := of(network(t, "dit"), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v", want, err)
		}
	}
}
