package f32

import (
	"math"
	"math/rand/v2"
	"testing"
)

// maxError applies f to a grid of all float32 values in [lo, hi] and returns the
// largest value of err(got, x) and where it is.
func maxError(f func(dst, x []float32), lo, hi float32, err func(got, x float64) float64) (worst float64, at float32) {
	const block = 1 << 12
	x, y := make([]float32, 0, block), make([]float32, block)
	flush := func() {
		f(y[:len(x)], x)
		for i, v := range x {
			if e := err(float64(y[i]), float64(v)); !(e <= worst) {
				worst, at = e, v
			}
		}
		x = x[:0]
	}
	// A stride of about 2^12 ulps, odd, through the positive and the negative numbers.
	for b := uint64(0); b <= math.MaxUint32; b += 4093 {
		if v := math.Float32frombits(uint32(b)); v >= lo && v <= hi {
			if x = append(x, v); len(x) == block {
				flush()
			}
		}
	}
	flush()
	return worst, at
}

func TestExpAccuracy(t *testing.T) {
	forEach(t, func(t *testing.T) {
		low := float32(-125.5 * math.Ln2)
		worst, at := maxError(Exp, low+1e-4, 88.7228,
			func(got, x float64) float64 { return math.Abs(got/math.Exp(x) - 1) })
		t.Logf("relative error of Exp: %.3g at %g", worst, at)
		if !(worst < 1.2e-7) {
			t.Errorf("relative error %g at %g", worst, at)
		}
		worst, at = maxError(Exp, -math.MaxFloat32, low-1e-4, func(got, x float64) float64 { return got })
		if worst != 0 {
			t.Errorf("Exp(%g) = %g, want 0", at, worst)
		}
		worst, at = maxError(Exp, 88.7229, math.MaxFloat32, func(got, x float64) float64 {
			if math.IsInf(got, 1) {
				return 0
			}
			return 1
		})
		if worst != 0 {
			t.Errorf("Exp(%g) is not +Inf", at)
		}
		inf, nan := float32(math.Inf(1)), float32(math.NaN())
		y := []float32{inf, -inf, nan, -nan, 0, float32(math.Copysign(0, -1))}
		Exp(y, y)
		if y[0] != inf || y[1] != 0 || y[2] == y[2] || y[3] == y[3] || y[4] != 1 || y[5] != 1 {
			t.Errorf("Exp(Inf, -Inf, NaN, -NaN, 0, -0) = %v", y)
		}
	})
}

func TestSiLUAccuracy(t *testing.T) {
	forEach(t, func(t *testing.T) {
		worst, at := maxError(SiLU, -80, 1e38, func(got, x float64) float64 {
			if math.Abs(x) < 1e-37 { // denormal results
				return math.Abs(got-x/2) / 1e-37
			}
			return math.Abs(got/(x/(1+math.Exp(-x))) - 1)
		})
		t.Logf("relative error of SiLU: %.3g at %g", worst, at)
		if !(worst < 2e-7) {
			t.Errorf("relative error %g at %g", worst, at)
		}
	})
}

func TestGELUAccuracy(t *testing.T) {
	exact := func(got, x float64) float64 {
		return math.Abs(got-x/2*math.Erfc(-x/math.Sqrt2)) / max(1, math.Abs(x))
	}
	worst, at := maxError(GELU, -1e38, 1e38, exact)
	t.Logf("error of GELU over max(1, |x|): %.3g at %g", worst, at)
	if !(worst < 1.2e-7) {
		t.Errorf("error %g at %g", worst, at)
	}
	inf := float32(math.Inf(1))
	y := []float32{inf, -inf, 0}
	GELU(y, y)
	if y[0] != inf || y[1] != 0 || y[2] != 0 {
		t.Errorf("GELU(Inf, -Inf, 0) = %v", y)
	}
	forEach(t, func(t *testing.T) {
		worst, at := maxError(GELUTanh, -1e12, 1e12, func(got, x float64) float64 {
			want := x / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
			return math.Abs(got-want) / max(1, math.Abs(x))
		})
		t.Logf("error of GELUTanh over max(1, |x|): %.3g at %g", worst, at)
		if !(worst < 2e-7) {
			t.Errorf("error %g at %g", worst, at)
		}
	})
}

func TestSoftmaxAccuracy(t *testing.T) {
	forEach(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(21, 22))
		for _, n := range []int{1, 2, 19, 64, 181} {
			x := normals(r, n)
			want, sum := make([]float64, n), 0.0
			for i, v := range x {
				want[i] = math.Exp(3 * float64(v))
				sum += want[i]
			}
			Softmax(x, 3)
			for i, v := range x {
				if e := math.Abs(float64(v)*sum/want[i] - 1); e > 2e-6 {
					t.Errorf("n = %d: relative error %g", n, e)
				}
			}
		}
	})
}

func TestLayerNormModulateAccuracy(t *testing.T) {
	forEach(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(23, 24))
		for _, n := range []int{72, 256, 384} {
			x, shift, scale, dst := normals(r, n), normals(r, n), normals(r, n), make([]float32, n)
			for i := range x {
				x[i] = 3*x[i] + 5
			}
			mean, variance := 0.0, 0.0
			for _, v := range x {
				mean += float64(v) / float64(n)
			}
			for _, v := range x {
				variance += (float64(v) - mean) * (float64(v) - mean) / float64(n)
			}
			LayerNormModulate(dst, x, shift, scale, 1e-6)
			for i, v := range x {
				want := (float64(v)-mean)/math.Sqrt(variance+1e-6)*(1+float64(scale[i])) + float64(shift[i])
				if math.Abs(float64(dst[i])-want) > 3e-6 {
					t.Errorf("n = %d element %d: got %g, want %g", n, i, dst[i], want)
				}
			}
		}
	})
}

// TestLinearAccuracy compares Linear with float64 sums.
func TestLinearAccuracy(t *testing.T) {
	forEach(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(25, 26))
		m, in, out := 7, 384, 130
		w, x, b, dst := normals(r, out*in), normals(r, m*in), normals(r, out), make([]float32, m*out)
		Linear(dst, out, x, in, m, Pack(w, out, in), b)
		for i := range m {
			for j := range out {
				want, size := float64(b[j]), math.Abs(float64(b[j]))
				for k := range in {
					p := float64(x[i*in+k]) * float64(w[j*in+k])
					want, size = want+p, size+math.Abs(p)
				}
				if e := math.Abs(float64(dst[i*out+j]) - want); e > 1e-6*size {
					t.Errorf("row %d column %d: error %g of %g", i, j, e, size)
				}
			}
		}
	})
}
