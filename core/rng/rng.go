// Package rng gives counter-based random streams: every number is a function
// of (seed, molecule, purpose, step, position), not of what was drawn before.
//
// A molecule's noise therefore depends neither on the molecules that share its
// batch, nor on the number of workers, nor on the platform. The generator is
// Philox 4x32-10 (Salmon et al., SC 2011), keyed by the 64-bit seed; its
// 128-bit counter is (block, step, purpose, molecule). Gaussians come from the
// Box-Muller transform in float64, with elementary functions made of exactly
// rounded operations only, so that they have the same bits everywhere.
package rng

import (
	"math"
	"math/bits"
)

// Purpose tells the streams of one molecule apart. The values are frozen:
// changing one changes what a seed means.
type Purpose uint32

const (
	Size    Purpose = 1 // number of atoms, when it is drawn from the histogram
	Initial Purpose = 2 // z_T
	Step    Purpose = 3 // noise of an ancestral step
	Haar    Purpose = 4 // R0 of gamma
	Eta     Purpose = 5 // eta of gamma
	Final   Purpose = 6 // p(x|z_0)
	Init    Purpose = 7 // random weights, in tests and benchmarks
	// 8 and 9 are those of old files
	Hydrogens Purpose = 10 // the frame of the rule that places them
)

// Stream is a sequence of random numbers. The zero value is a valid stream; the
// methods change only the position in it.
type Stream struct {
	key   [2]uint32
	ctr   [4]uint32
	block [4]uint32
	used  int // words of block already given out
	spare float64
	has   bool
}

// New is the stream of one purpose of one molecule at one step.
func New(seed uint64, molecule uint32, purpose Purpose, step uint32) Stream {
	return Stream{
		key:  [2]uint32{uint32(seed), uint32(seed >> 32)},
		ctr:  [4]uint32{0, step, uint32(purpose), molecule},
		used: 4,
	}
}

// Uint32 is uniform on [0, 2³²).
func (s *Stream) Uint32() uint32 {
	if s.used == 4 {
		s.block = philox(s.ctr, s.key)
		s.ctr[0]++
		s.used = 0
	}
	v := s.block[s.used]
	s.used++
	return v
}

// Float64 is uniform on the 2³² midpoints (i+½)/2³² of (0, 1).
func (s *Stream) Float64() float64 {
	return (float64(s.Uint32()) + 0.5) * (1.0 / (1 << 32))
}

// Norm is a standard Gaussian,
//
//	sqrt(-2·ln u)·cos(2πv) and then sqrt(-2·ln u)·sin(2πv),
//
// so that two values use two words. |Norm| <= 6.77.
func (s *Stream) Norm() float64 {
	if s.has {
		s.has = false
		return s.spare
	}
	r := math.Sqrt(-2 * Log(s.Float64()))
	sin, cos := sincosTurn(s.Float64())
	s.spare, s.has = r*sin, true
	return r * cos
}

// Fill sets every element of dst to std times a standard Gaussian, rounded to
// float32.
func (s *Stream) Fill(dst []float32, std float64) {
	for i := range dst {
		dst[i] = float32(std * s.Norm())
	}
}

// philox is Philox 4x32-10.
func philox(c [4]uint32, k [2]uint32) [4]uint32 {
	const (
		m0, m1 = 0xD2511F53, 0xCD9E8D57
		w0, w1 = 0x9E3779B9, 0xBB67AE85
	)
	for range 10 {
		hi0, lo0 := bits.Mul32(m0, c[0])
		hi1, lo1 := bits.Mul32(m1, c[2])
		c = [4]uint32{hi1 ^ c[1] ^ k[0], lo1, hi0 ^ c[3] ^ k[1], lo0}
		k[0] += w0
		k[1] += w1
	}
	return c
}

// Log is ln(x) for positive normal x, by the argument reduction and series of
// FreeBSD's e_log.c: error below 1 ulp, and the same bits on every platform,
// which math.Log does not promise.
func Log(x float64) float64 {
	const (
		ln2Hi = 6.93147180369123816490e-01
		ln2Lo = 1.90821492927058770002e-10
		l1    = 6.666666666666735130e-01
		l2    = 3.999999999940941908e-01
		l3    = 2.857142874366239149e-01
		l4    = 2.222219843214978396e-01
		l5    = 1.818357216161805012e-01
		l6    = 1.531383769920937332e-01
		l7    = 1.479819860511658591e-01
	)
	b := math.Float64bits(x)
	k := float64(int(b>>52) - 1022)
	m := math.Float64frombits(b&^(0x7FF<<52) | 1022<<52) // in [½, 1)
	if m < math.Sqrt2/2 {
		m *= 2
		k--
	}
	f := m - 1
	s := f / (2 + f)
	s2 := s * s
	s4 := s2 * s2
	t1 := float64(s2 * (float64(s4*(float64(s4*(float64(s4*l7)+l5))+l3)) + l1))
	t2 := float64(s4 * (float64(s4*(float64(s4*l6)+l4)) + l2))
	r := t1 + t2
	hfsq := float64(0.5 * f * f)
	return float64(k*ln2Hi) - ((hfsq - (float64(s*(hfsq+r)) + float64(k*ln2Lo))) - f)
}

// Exp is e^x, by the argument reduction and rational function of FreeBSD's
// e_exp.c: error below 1 ulp, and the same bits on every platform, which
// math.Exp does not promise.
func Exp(x float64) float64 {
	const (
		ln2Hi = 6.93147180369123816490e-01
		ln2Lo = 1.90821492927058770002e-10
		p1    = 1.66666666666666657415e-01
		p2    = -2.77777777770155933842e-03
		p3    = 6.61375632143793436117e-05
		p4    = -1.65339022054652515390e-06
		p5    = 4.13813679705723846039e-08
	)
	switch {
	case x != x:
		return x
	case x > 709.782712893383973096:
		return math.Inf(1)
	case x < -745.133219101941108420:
		return 0
	}
	k := math.Floor(float64(x*math.Log2E) + 0.5)
	hi := x - float64(k*ln2Hi)
	lo := float64(k * ln2Lo)
	r := hi - lo
	t := float64(r * r)
	c := r - float64(t*(float64(t*(float64(t*(float64(t*(float64(t*p5)+p4))+p3))+p2))+p1))
	return math.Ldexp(1-((lo-float64(r*c)/(2-c))-hi), int(k))
}

// sincosTurn is (sin 2πv, cos 2πv) for v in [0, 1): reduction to the nearest
// quarter turn, exact, then FreeBSD's k_sin.c and k_cos.c on [-π/4, π/4].
func sincosTurn(v float64) (sin, cos float64) {
	const (
		s1 = -1.66666666666666324348e-01
		s2 = 8.33333333332248946124e-03
		s3 = -1.98412698298579493134e-04
		s4 = 2.75573137070700676789e-06
		s5 = -2.50507602534068634195e-08
		s6 = 1.58969099521155010221e-10
		c1 = 4.16666666666666019037e-02
		c2 = -1.38888888888741095749e-03
		c3 = 2.48015872894767294178e-05
		c4 = -2.75573143513906633035e-07
		c5 = 2.08757232129817482790e-09
		c6 = -1.13596475577881948265e-11
	)
	quarter := int(float64(4*v) + 0.5)
	x := float64((float64(4*v) - float64(quarter)) * (math.Pi / 2))
	z := x * x
	p := float64(z*(float64(z*(float64(z*(float64(z*(float64(z*s6)+s5))+s4))+s3))+s2)) + s1
	sin = float64(x*float64(z*p)) + x
	q := float64(z*(float64(z*(float64(z*(float64(z*(float64(z*c6)+c5))+c4))+c3))+c2)) + c1
	cos = 1 - (float64(0.5*z) - float64(z*float64(z*q)))
	switch quarter & 3 {
	case 1:
		return cos, -sin
	case 2:
		return -sin, -cos
	case 3:
		return -cos, sin
	}
	return sin, cos
}
