package f32

import (
	"math"
	"math/rand/v2"
	"slices"
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
		qkv, bias := normals(r, n*3*width), normals(r, heads*n*n)
		dst := make([]float32, n*width)
		Attention(dst, width, qkv, 3*width, n, 0, n, heads, hd, bias, make([]float32, AttentionScratch(n, n, hd)))
		for h := range heads {
			for i := range n {
				p, sum := make([]float64, n), 0.0
				for j := range n {
					s := float64(bias[(h*n+i)*n+j])
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

// TestNoAllocation checks that kernels do not allocate.
func TestNoAllocation(t *testing.T) {
	forEach(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(31, 32))
		m, in, out, n, heads, headDim := 7, 72, 100, 19, 2, 20
		width := heads * headDim
		p, x, dst := Pack(normals(r, in*out), out, in), normals(r, m*in), make([]float32, m*out)
		qkv, att, scratch := normals(r, n*3*width), make([]float32, n*width), make(
			[]float32,
			AttentionScratch(n, n, headDim),
		)
		a, b, c, d, ab := normals(r, 73), normals(r, 73), normals(r, 73), normals(r, 73), normals(r, 146)
		if allocs := testing.AllocsPerRun(10, func() {
			Linear(dst, out, x, in, m, p, nil)
			Linear(dst, out, x, in, 1, p, nil)
			Attention(att, width, qkv, 3*width, n, 0, n, heads, headDim, nil, scratch)
			for _, k := range rowKernels {
				k.run(a, b, c, d, ab)
			}
		}); allocs != 0 {
			t.Errorf("%g allocations per run", allocs)
		}
	})
}

func TestImplementations(t *testing.T) {
	names := Implementations()
	if names[0] != "portable" {
		t.Errorf("the first implementation is %q", names[0])
	}
	if Implementation() != names[len(names)-1] {
		t.Errorf("%q is in use, not the last of %q", Implementation(), names)
	}
	if Use("no such implementation") || Implementation() != names[len(names)-1] {
		t.Error("Use accepted an unknown name")
	}
	t.Logf("implementations: %q", names)
}

func TestMisusePanics(t *testing.T) {
	v := func(n int) []float32 { return make([]float32, n) }
	p := Pack(v(6), 2, 3)
	if p.In() != 3 || p.Out() != 2 {
		t.Errorf("In, Out = %d, %d", p.In(), p.Out())
	}
	Linear(nil, 2, nil, 3, 0, p, nil)
	Attention(nil, 0, nil, 0, 0, 0, 0, 1, 1, nil, nil)
	Softmax(nil, 1)
	for _, c := range []struct {
		want string
		f    func()
	}{
		{errPackDim, func() { Pack(nil, 0, 3) }},
		{errPack, func() { Pack(v(5), 2, 3) }},
		{errRows, func() { Linear(v(4), 2, v(6), 3, -1, p, nil) }},
		{errLdx, func() { Linear(v(4), 2, v(6), 2, 2, p, nil) }},
		{errLdd, func() { Linear(v(4), 1, v(6), 3, 2, p, nil) }},
		{errShortX, func() { Linear(v(4), 2, v(5), 3, 2, p, nil) }},
		{errShortDst, func() { Linear(v(3), 2, v(6), 3, 2, p, nil) }},
		{errBias, func() { Linear(v(4), 2, v(6), 3, 2, p, v(3)) }},
		{errLength, func() { LayerNormModulate(v(4), v(4), v(4), v(3), 1e-6) }},
		{errLength, func() { Add(v(4), v(5)) }},
		{errLength, func() { AddGated(v(4), v(4), v(5)) }},
		{errLength, func() { AddScaled(v(4), 1, v(5)) }},
		{errLength, func() { Exp(v(4), v(5)) }},
		{errLength, func() { SiLU(v(4), v(5)) }},
		{errLength, func() { GELUTanh(v(4), v(5)) }},
		{errLength, func() { GELU(v(4), v(5)) }},
		{errLength, func() { AddGaussians(v(4), 1, v(4), v(4), v(5)) }},
		{errSwiGLU, func() { SwiGLU(v(4), v(7)) }},
		{errAttention, func() { Attention(v(8), 4, v(24), 12, 2, 0, 2, 0, 4, nil, v(1000)) }},
		{errAttention, func() { Attention(v(8), 4, v(24), 12, 2, 1, 2, 1, 4, nil, v(1000)) }},
		{errLdq, func() { Attention(v(8), 4, v(24), 11, 2, 0, 2, 1, 4, nil, v(1000)) }},
		{errLdo, func() { Attention(v(8), 3, v(24), 12, 2, 0, 2, 1, 4, nil, v(1000)) }},
		{errShortQKV, func() { Attention(v(8), 4, v(23), 12, 2, 0, 2, 1, 4, nil, v(1000)) }},
		{errShortDst, func() { Attention(v(7), 4, v(24), 12, 2, 0, 2, 1, 4, nil, v(1000)) }},
		{errScratch, func() { Attention(v(8), 4, v(24), 12, 2, 0, 2, 1, 4, nil, v(AttentionScratch(2, 2, 4)-1)) }},
		{errAttBias, func() { Attention(v(8), 4, v(24), 12, 2, 0, 2, 1, 4, v(3), v(1000)) }},
	} {
		func() {
			defer func() {
				if got := recover(); got != c.want {
					t.Errorf("panic %v, want %q", got, c.want)
				}
			}()
			c.f()
		}()
	}
}

// Queries in blocks give the bits of all queries at once.
func TestAttentionInBlocks(t *testing.T) {
	forEach(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(33, 34))
		for _, n := range []int{1, 19, 37} {
			const heads, hd, width = 3, 20, 60
			qkv, bias := normals(r, n*3*width), normals(r, heads*n*n)
			want, got := make([]float32, n*width), make([]float32, n*width)
			scratch := make([]float32, AttentionScratch(n, n, hd))
			Attention(want, width, qkv, 3*width, n, 0, n, heads, hd, bias, scratch)
			for from := 0; from < n; from += 12 {
				m := min(12, n-from)
				var some []float32 // (heads, m, n)
				for h := range heads {
					some = append(some, bias[(h*n+from)*n:][:m*n]...)
				}
				Attention(got[from*width:], width, qkv, 3*width, n, from, m, heads, hd, some, scratch)
			}
			if !slices.Equal(got, want) {
				t.Errorf("n=%d: %v, at once %v", n, got, want)
			}
		}
	})
}
