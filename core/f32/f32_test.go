package f32

import (
	"math"
	"math/rand/v2"
	"testing"
)

// forEach runs f once per implementation of the build, with it in use.
func forEach(t *testing.T, f func(t *testing.T)) {
	defer Use(Implementation())
	for _, name := range Implementations() {
		t.Run(name, func(t *testing.T) {
			if !Use(name) {
				t.Fatalf("Use(%q) = false", name)
			}
			f(t)
		})
	}
}

func normals(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

func TestLinearSmall(t *testing.T) {
	forEach(t, func(t *testing.T) {
		w := Pack([]float32{1, 2, 3, 4, 5, 6}, 2, 3)
		var dst [4]float32
		Linear(dst[:], 2, []float32{1, 0, -1, 2, 2, 2}, 3, 2, w, []float32{10, 20})
		if want := [4]float32{8, 18, 22, 50}; dst != want {
			t.Errorf("got %v, want %v", dst, want)
		}
	})
}

// TestAttentionFloat64 compares Attention with its formula in float64.
func TestAttentionFloat64(t *testing.T) {
	forEach(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 2))
		n, heads, hd := 19, 3, 20
		width := heads * hd
		qkv := normals(r, n*3*width)
		dst := make([]float32, n*width)
		Attention(dst, width, qkv, 3*width, n, heads, hd, make([]float32, AttentionScratch(n, hd)))
		for h := range heads {
			for i := range n {
				p, sum := make([]float64, n), 0.0
				for j := range n {
					s := 0.0
					for k := range hd {
						s += float64(qkv[i*3*width+h*hd+k]) * float64(qkv[j*3*width+width+h*hd+k])
					}
					p[j] = math.Exp(s / math.Sqrt(float64(hd)))
					sum += p[j]
				}
				for c := range hd {
					want := 0.0
					for j := range n {
						want += p[j] / sum * float64(qkv[j*3*width+2*width+h*hd+c])
					}
					if got := float64(dst[i*width+h*hd+c]); math.Abs(got-want) > 3e-6 {
						t.Fatalf("head %d atom %d feature %d: got %g, want %g", h, i, c, got, want)
					}
				}
			}
		}
	})
}
