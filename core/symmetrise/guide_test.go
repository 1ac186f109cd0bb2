package symmetrise

import (
	"errors"
	"math"
	"strings"
	"testing"
)

// A guided network is e + w·(e - g), and as equivariant as both are.
func TestGuide(t *testing.T) {
	weak := New(Func(2, func(eps, z []float32, t float32) {
		for i, v := range z {
			eps[i] = v*v - t
		}
	}), Haar(O3))
	net := New(crooked, Learned(O3, frame{}))
	const w = 1.5
	z, noise := input(net)
	call := func(n Network) []float32 {
		eps := make([]float32, len(z))
		n.NewState(sizes).Eps(eps, z, 0.3, noise)
		return eps
	}
	e, g := call(net), call(weak)
	guided, differ := Guide(net, weak, w), 0.0
	for i, got := range call(guided) {
		want := float64(e[i]) + w*(float64(e[i])-float64(g[i]))
		if math.Abs(float64(got)-want) > 1e-5*(1+math.Abs(want)) {
			t.Fatalf("value %d is %g, want %g", i, got, want)
		}
		differ = max(differ, math.Abs(float64(e[i]-g[i])))
	}
	if differ < 0.1 {
		t.Fatal("the two networks do not differ")
	}
	if d := coupling(guided, O3); !(d < 1e-5) {
		t.Errorf("the guided network is not equivariant: %g", d)
	}
	for name, other := range map[string]Network{
		"features": New(Func(3, func(_, _ []float32, _ float32) {}), Haar(O3)),
		"group":    New(crooked, Haar(SO3)),
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: a guide with other inputs is accepted", name)
				}
			}()
			Guide(net, other, w)
		}()
	}
}

// counted is a denoiser that counts the calls of Schedule of its states.
type counted struct {
	Denoiser
	scheduled *int
}

func (c counted) NewState(sizes []int) State {
	return countedState{c.Denoiser.NewState(sizes), c.scheduled}
}

type countedState struct {
	State
	scheduled *int
}

func (c countedState) Schedule([]float32) { *c.scheduled++ }

// A guided network has the gamma that is chosen for it, in both its networks, and both
// get the schedule.
func TestGuidedNetworkKeepsGammaAndSchedule(t *testing.T) {
	scheduled := 0
	k := counted{crooked, &scheduled}
	net, weak := New(k, None()), New(k, Learned(O3, frame{}))
	guided := Guide(net, New(k, Haar(O3)), 1)
	haar, err := guided.WithGamma("haar", "")
	if err != nil {
		t.Fatal(err)
	}
	if d := coupling(haar, O3); !(d < 1e-5) {
		t.Errorf("guided under haar is not equivariant: %g", d)
	}
	if d := coupling(guided, O3); !(d > 0.1) {
		t.Errorf("guided without gamma passes for equivariant: %g", d)
	}
	haar.NewState(sizes).Schedule([]float32{1, 0})
	if scheduled != 2 {
		t.Errorf("%d of 2 networks got the schedule", scheduled)
	}
	for _, n := range []Network{net, guided, Decoded(guided, nil)} {
		if _, err := n.WithGamma("learned", ""); !errors.Is(err, ErrNotLearned) &&
			!strings.Contains(err.Error(), ErrNotLearned.Error()) {
			t.Errorf("learned: %v", err)
		}
		if _, err := n.WithGamma("odd", ""); err == nil {
			t.Error("an unknown kind is taken")
		}
		if _, err := n.WithGamma("haar", "paper"); err == nil {
			t.Error("an order of a gamma that is not learned is taken")
		}
	}
	if same, err := weak.WithGamma("", ""); err != nil || coupling(same, O3) > 1e-5 {
		t.Errorf("the network as it is: %v", err)
	}
}

// valued is a network whose prediction is its value, 1 without one.
type valued struct {
	Network
	value float64
}

func (v valued) At(values map[string]float64) (Network, error) {
	x, ok := values["x"]
	if !ok {
		return nil, errors.New("no x")
	}
	return constant(x), nil
}

func constant(x float64) valued {
	return valued{New(Func(2, func(eps, _ []float32, _ float32) {
		for i := range eps {
			eps[i] = float32(x)
		}
	}), None()), x}
}

// Conditioned is e + w·(e - u); of a guided network it is, and the weak one is
// under the values if it can be.
func TestCondition(t *testing.T) {
	by := func(weak Network) Network { return Guide(constant(1), weak, 0.5) }
	net, guided, x := constant(1), by(constant(3)), map[string]float64{"x": 2}
	for _, c := range []struct {
		net    Network
		values map[string]float64
		w      float32
		want   float32 // of a feature
	}{
		{net, nil, 0, 1},
		{net, x, 0, 2},
		{net, x, 3, 2 + 3*(2-1)},
		{guided, x, 3, 5 + 0.5*(5-2)},
		{by(constant(3).Network), x, 3, 5 + 0.5*(5-3)},
	} {
		n, err := Condition(c.net, c.values, c.w)
		if err != nil {
			t.Fatal(err)
		}
		z, noise := input(n)
		eps := make([]float32, len(z))
		n.NewState(sizes).Eps(eps, z, 0.3, noise)
		if got := eps[3]; got != c.want {
			t.Errorf("%v, %g: predicts %g, want %g", c.values, c.w, got, c.want)
		}
	}
	for want, net := range map[string]Network{"no x": net, "not conditioned": New(crooked, None())} {
		if _, err := Condition(net, map[string]float64{"y": 1}, 0); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}
