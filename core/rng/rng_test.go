package rng

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Known answers of the Random123 library (kat_vectors, philox4x32 10).
func TestPhiloxKnownAnswers(t *testing.T) {
	const ff = 0xffffffff
	for _, c := range []struct {
		ctr  [4]uint32
		key  [2]uint32
		want [4]uint32
	}{
		{want: [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{[4]uint32{ff, ff, ff, ff}, [2]uint32{ff, ff}, [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, [2]uint32{0xa4093822, 0x299f31d0},
			[4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	} {
		if got := philox(c.ctr, c.key); got != c.want {
			t.Errorf("philox(%x, %x) = %x, want %x", c.ctr, c.key, got, c.want)
		}
	}
}

// What a seed means must never change.
func TestFrozenStream(t *testing.T) {
	s := New(42, 7, Haar, 3)
	var bits [6]uint64
	for i := range bits {
		bits[i] = math.Float64bits(s.Norm())
	}
	want := [6]uint64{
		0x3fe6beba562eb7a8,
		0xbfeefc529dd824c2,
		0xbfd5637975bc4fca,
		0xbfe7010667e81c25,
		0x3fee50c34acd8a15,
		0xbfe4f6be2c844dae,
	}
	if bits != want {
		t.Errorf("Gaussians of stream (42, 7, Haar, 3): %#x, want %#x", bits, want)
	}
}

func TestStreamsDiffer(t *testing.T) {
	seen := map[uint32]string{}
	for _, c := range []struct {
		name string
		s    Stream
	}{
		{"base", New(1, 2, Step, 3)}, {"seed", New(2, 2, Step, 3)}, {"seed high", New(1|1<<40, 2, Step, 3)},
		{"molecule", New(1, 3, Step, 3)}, {"purpose", New(1, 2, Haar, 3)}, {"step", New(1, 2, Step, 4)},
	} {
		v := c.s.Uint32()
		if other, ok := seen[v]; ok {
			t.Errorf("%s and %s begin with the same word", c.name, other)
		}
		seen[v] = c.name
	}
}

func TestElementaryFunctions(t *testing.T) {
	worstLog, worstSin := 0.0, 0.0
	s := New(1, 0, Init, 0)
	for range 200_000 {
		u := s.Float64()
		worstLog = max(worstLog, math.Abs(Log(u)-math.Log(u))/math.Abs(math.Log(u)))
		sin, cos := sincosTurn(u)
		worstSin = max(worstSin, math.Abs(sin-math.Sin(2*math.Pi*u)),
			math.Abs(cos-math.Cos(2*math.Pi*u)))
	}
	worstExp := 0.0
	for range 200_000 {
		x := 1400*s.Float64() - 700
		if s.Uint32()%2 == 0 {
			x /= 700
		}
		worstExp = max(worstExp, math.Abs(Exp(x)/math.Exp(x)-1))
	}
	t.Logf("largest relative error of log %.1e and exp %.1e, largest error of sin and cos %.1e",
		worstLog, worstExp, worstSin)
	if !(worstLog <= 4e-16 && worstExp <= 4e-16 && worstSin <= 1e-15) { // nor NaN
		t.Errorf("log off by %g, exp by %g, sin or cos by %g", worstLog, worstExp, worstSin)
	}
	for x, want := range map[float64]float64{
		0: 1, 710: math.Inf(1), math.Inf(1): math.Inf(1), -746: 0, math.Inf(-1): 0, 1: math.E,
	} {
		if got := Exp(x); got != want {
			t.Errorf("exp %g is %g, want %g", x, got, want)
		}
	}
	if got := Exp(math.NaN()); got == got {
		t.Errorf("exp of NaN is %g", got)
	}
}

// Kolmogorov-Smirnov at a fixed seed, the moments, and the correlation of neighbours.
func TestNormIsGaussian(t *testing.T) {
	const n = 100_000
	s := New(3, 0, Init, 0)
	x := make([]float64, n)
	for i := range x {
		x[i] = s.Norm()
	}
	if m := stat.Mean(x, nil); math.Abs(m) > 4/math.Sqrt(n) {
		t.Errorf("mean %g", m)
	}
	if v := stat.Variance(x, nil); math.Abs(v-1) > 4*math.Sqrt(2.0/n) {
		t.Errorf("variance %g", v)
	}
	if k := stat.ExKurtosis(x, nil); math.Abs(k) > 4*math.Sqrt(24.0/n) {
		t.Errorf("excess kurtosis %g", k)
	}
	if c := stat.Correlation(x[:n-1], x[1:], nil); math.Abs(c) > 4/math.Sqrt(n) {
		t.Errorf("correlation of neighbours %g", c)
	}
	if s := stat.Skew(x, nil); math.Abs(s) > 4*math.Sqrt(6.0/n) {
		t.Errorf("skewness %g", s)
	}
	slices.Sort(x)
	d := 0.0 // between the distribution functions; above 2/sqrt(n) for one in 1,500 seeds
	for i, v := range x {
		p := distuv.UnitNormal.CDF(v)
		d = max(d, p-float64(i)/n, float64(i+1)/n-p)
	}
	if d > 2/math.Sqrt(n) {
		t.Errorf("the distribution function is off by %g", d)
	}
}
