package schedule

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/rng"
)

// random is a network with weights as in EDM's start, of the given spread.
func random(seed uint64, spread float64) Network {
	r := rng.New(seed, 0, rng.Init, 0)
	values := func(n int, mean float64) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(mean + spread*(2*r.Float64()-1))
		}
		return v
	}
	layer := func(n, out int) Layer { return Layer{values(n, -2), values(out, 0)} }
	return Network{layer(1, 1), layer(Hidden, Hidden), layer(Hidden, 1), -13.3, 11}
}

// The formula once more, with math's functions.
func TestLearnedAgainstFormula(t *testing.T) {
	for _, spread := range []float64{0.03, 1, 20} {
		n := random(5, spread)
		positive := func(w float32) float64 { return math.Log1p(math.Exp(-math.Abs(float64(w)))) + math.Max(float64(w), 0) }
		g := func(u float64) float64 {
			x := positive(n.L1.Weight[0])*u + float64(n.L1.Bias[0])
			sum := x + float64(n.L3.Bias[0])
			for i := range n.L2.Weight {
				y := positive(n.L2.Weight[i])*x + float64(n.L2.Bias[i])
				sum += positive(n.L3.Weight[i]) / (1 + math.Exp(-y))
			}
			return sum
		}
		const T = 250
		c, err := n.Curve(T)
		if err != nil {
			t.Fatal(err)
		}
		s, err := New(Spec{Name: Learned, Timesteps: T, Curve: c})
		if err != nil {
			t.Fatal(err)
		}
		worst := 0.0
		for i := range T + 1 {
			want := float64(
				n.Gamma0,
			) + (float64(n.Gamma1)-float64(n.Gamma0))*(g(float64(i)/T)-g(0))/(g(1)-g(0))
			worst = max(worst, math.Abs(s.NegLogSNR(i)-want))
			if i > 0 && !(s.NegLogSNR(i) > s.NegLogSNR(i-1)) {
				t.Fatalf("spread %g: -log SNR does not rise at t = %d", spread, i)
			}
		}
		t.Logf("spread %g: max |difference| of -log SNR over t = 0..%d: %.2g", spread, T, worst)
		if !(worst <= 1e-8) { // nor NaN
			t.Errorf("spread %g: -log SNR differs by %g", spread, worst)
		}
		if math.Abs(s.NegLogSNR(0)+13.3) > 1e-6 || math.Abs(s.NegLogSNR(T)-11) > 1e-6 {
			t.Errorf("spread %g: -log SNR from %g to %g, want -13.3 to 11", spread, s.NegLogSNR(0),
				s.NegLogSNR(T))
		}
	}
}

// The table has the same bits on every platform.
func TestLearnedIsFrozen(t *testing.T) {
	c, err := random(6, 1).Curve(100)
	if err != nil {
		t.Fatal(err)
	}
	h := fnv.New64a()
	for _, a := range c.alpha2 {
		h.Write(binary.LittleEndian.AppendUint64(nil, math.Float64bits(a)))
	}
	if got, want := h.Sum64(), uint64(0x32999958f0b7d0b1); got != want {
		t.Errorf("hash %#x of the table's bits, want %#x", got, want)
	}
}

// A table that is no noise schedule is refused, with the reason.
func TestHostileNetworks(t *testing.T) {
	for name, c := range map[string]struct {
		want   string
		change func(n *Network)
	}{
		"falling":       {"at t = 1", func(n *Network) { n.Gamma1 = n.Gamma0 - 1 }},
		"level":         {"at t = 1", func(n *Network) { n.Gamma1 = n.Gamma0 }},
		"no noise":      {"at t = 0", func(n *Network) { n.Gamma0 = -1000 }},
		"all noise":     {"alpha² is 0", func(n *Network) { n.Gamma1 = 1e30 }},
		"not a number":  {"NaN", func(n *Network) { n.L2.Bias[7] = float32(math.NaN()) }},
		"weights of 0":  {"NaN", func(n *Network) { n.L1.Weight[0] = -3e38 }},
		"huge":          {"at t = 2", func(n *Network) { n.L2.Weight[0], n.L3.Weight[0], n.L1.Bias[0] = 3e38, 3e38, -1e-30 }},
		"infinite bias": {"NaN", func(n *Network) { n.L3.Bias[0] = float32(math.Inf(1)) }},
	} {
		n := random(7, 1)
		c.change(&n)
		if _, err := n.Curve(50); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one about %q", name, err, c.want)
		}
	}
	if _, err := random(7, 1).Curve(0); err == nil || !strings.Contains(err.Error(), "timesteps") {
		t.Errorf("no time steps: error %v", err)
	}
	c, err := random(7, 1).Curve(50)
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range []Spec{{Name: Learned, Timesteps: 50}, {Name: Learned, Timesteps: 51, Curve: c}} {
		if _, err := New(spec); err != ErrNoCurve {
			t.Errorf("%+v: error %v", spec, err)
		}
	}
}

// A table of -log SNR gives the schedule back that it was taken from; one that does not rise, or of
// no length, is refused with its t.
func TestTableCurve(t *testing.T) {
	want, err := New(Polynomial2)
	if err != nil {
		t.Fatal(err)
	}
	table := make([]float32, want.T()+1)
	for i := range table {
		table[i] = float32(want.NegLogSNR(i))
	}
	curve, err := TableCurve(table)
	if err != nil {
		t.Fatal(err)
	}
	got, err := New(Spec{Name: Tabulated, Timesteps: 1000, Curve: curve})
	if err != nil {
		t.Fatal(err)
	}
	for i := range table {
		if d := math.Abs(got.NegLogSNR(i) - want.NegLogSNR(i)); !(d < 2e-6) {
			t.Fatalf("-log SNR(%d) differs by %g", i, d)
		}
	}
	table[7] = table[6]
	if _, err := TableCurve(table); err == nil || !strings.Contains(err.Error(), "t = 7") {
		t.Errorf("a table that does not rise: %v", err)
	}
	if _, err := TableCurve(nil); err == nil {
		t.Error("no table, and no error")
	}
}
