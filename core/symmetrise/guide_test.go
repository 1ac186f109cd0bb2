package symmetrise

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
)

// A guided network is e + w·(b - g), where b is e or that of another network, and as
// equivariant as they are.
func TestGuide(t *testing.T) {
	worse := New(Func(2, func(eps, z []float32, t float32) {
		for i, v := range z {
			eps[i] = v*v - t
		}
	}), Haar(O3))
	net := New(crooked, Learned(O3, frame{}))
	third := New(crooked, Haar(O3))
	const w = 1.5
	z, noise := input(net)
	call := func(n Network) []float32 {
		eps := make([]float32, len(z))
		n.NewState(sizes).Eps(eps, z, 0.3, noise)
		return eps
	}
	e, g := call(net), call(worse)
	for name, better := range map[string]Network{"itself": nil, "another": third} {
		guided, b := Guide(net, Guidance{Weak: worse, Expert: better, Weight: w, From: 0.3, To: 0.3}), e
		if better != nil {
			b = call(better)
		}
		differ, got := 0.0, call(guided)
		for i := range got {
			want := float64(e[i]) + w*(float64(b[i])-float64(g[i]))
			if math.Abs(float64(got[i])-want) > 1e-5*(1+math.Abs(want)) {
				t.Fatalf("%s: value %d is %g, want %g", name, i, got[i], want)
			}
			differ = max(differ, math.Abs(float64(b[i]-g[i])))
		}
		if differ < 0.1 {
			t.Fatalf("%s: the two networks do not differ", name)
		}
		if d := coupling(guided, O3); !(d < 1e-5) {
			t.Errorf("%s: the guided network is not equivariant: %g", name, d)
		}
		for _, outside := range [][2]float32{{0.31, 1}, {0, 0.29}} {
			if !slices.Equal(
				call(Guide(net, Guidance{Weak: worse, Expert: better, Weight: w, From: outside[0], To: outside[1]})),
				e,
			) {
				t.Errorf("%s: guided at a time that is not between %v", name, outside)
			}
		}
	}
	for name, other := range map[string]Network{
		"features": New(Func(3, func(_, _ []float32, _ float32) {}), Haar(O3)),
		"group":    New(crooked, Haar(SO3)),
	} {
		for _, by := range []Guidance{{Weak: other}, {Weak: net, Expert: other}} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s: a guide with other inputs is accepted", name)
					}
				}()
				Guide(net, by)
			}()
		}
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

// A guided network has the gamma that is chosen for it, in all its networks, and all
// get the schedule.
func TestGuidedNetworkKeepsGammaAndSchedule(t *testing.T) {
	scheduled := 0
	k := counted{crooked, &scheduled}
	net, weak := New(k, None()), New(k, Learned(O3, frame{}))
	guided := Guide(net, Guidance{Weak: New(k, Haar(O3)), Expert: New(k, None()), Weight: 1, To: 1})
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
	if scheduled != 3 {
		t.Errorf("%d of 3 networks got the schedule", scheduled)
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

// Conditioned is e + w·(e - u); of a guided network it is, and the better and the worse
// one are under the values if they can be.
func TestCondition(t *testing.T) {
	by := func(weak, expert Network) Network {
		return Guide(constant(1), Guidance{Weak: weak, Expert: expert, Weight: 0.5, To: 1})
	}
	net, guided, x := constant(1), by(constant(3), nil), map[string]float64{"x": 2}
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
		{by(constant(3).Network, nil), x, 3, 5 + 0.5*(5-3)},
		{by(constant(3).Network, constant(7)), x, 3, 5 + 0.5*(2-3)},
		{by(constant(3), constant(7).Network), x, 3, 5 + 0.5*(7-2)},
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
