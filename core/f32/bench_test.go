package f32

import (
	"math/rand/v2"
	"strconv"
	"testing"
)

// benchmarkEach runs f under every implementation and reports flop
// floating-point operations per call as GFLOP/s.
func benchmarkEach(b *testing.B, name string, flop int, f func()) {
	active := Implementation()
	defer Use(active)
	for _, implementation := range Implementations() {
		b.Run(name+"/"+implementation, func(b *testing.B) {
			Use(implementation)
			for b.Loop() {
				f()
			}
			b.ReportMetric(float64(flop)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}

func BenchmarkLinear(b *testing.B) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, s := range []struct{ m, in, out int }{
		{19, 256, 1024}, {19, 256, 768}, {19, 1024, 256}, {152, 256, 1024}, {152, 256, 768}, {152, 1024, 256},
		{1, 256, 1536}, {19, 9, 72}, {19, 256, 9},
	} {
		w, bias, x, dst := normals(r, s.out*s.in), normals(r, s.out), normals(r, s.m*s.in), make([]float32, s.m*s.out)
		packed := map[string]*Packed{}
		for _, name := range Implementations() {
			Use(name)
			packed[name] = Pack(w, s.out, s.in)
		}
		benchmarkEach(b, strconv.Itoa(s.m)+"x"+strconv.Itoa(s.in)+"x"+strconv.Itoa(s.out), 2*s.m*s.in*s.out, func() {
			Linear(dst, s.out, x, s.in, s.m, packed[Implementation()], bias)
		})
	}
}

func BenchmarkAttention(b *testing.B) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, s := range []struct{ n, heads, headDim int }{{19, 4, 64}, {19, 8, 16}, {64, 4, 64}} {
		width := s.heads * s.headDim
		qkv, dst := normals(r, s.n*3*width), make([]float32, s.n*width)
		scratch := make([]float32, AttentionScratch(s.n, s.n, s.headDim))
		benchmarkEach(
			b,
			strconv.Itoa(s.n)+"x"+strconv.Itoa(s.heads)+"x"+strconv.Itoa(s.headDim),
			4*s.n*s.n*width,
			func() {
				Attention(dst, width, qkv, 3*width, s.n, 0, s.n, s.heads, s.headDim, nil, scratch)
			},
		)
	}
}

func BenchmarkPack(b *testing.B) {
	w := normals(rand.New(rand.NewPCG(7, 8)), 1024*256)
	b.SetBytes(int64(4 * len(w)))
	for b.Loop() {
		Pack(w, 1024, 256)
	}
}

// BenchmarkRow measures the row and elementwise kernels on 256 and 184 elements.
func BenchmarkRow(b *testing.B) {
	r := rand.New(rand.NewPCG(9, 10))
	for _, n := range []int{256, 184} {
		x, y, z, dst, ab := normals(r, n), normals(r, n), normals(r, n), make([]float32, n), normals(r, 2*n)
		scores := make([]float32, 19)
		for _, k := range []struct {
			name string
			f    func()
		}{
			{"Sum", func() { Sum(x) }},
			{"LayerNormModulate", func() { LayerNormModulate(dst, x, y, z, 1e-6) }},
			{"Add", func() { Add(dst, x) }},
			{"AddGated", func() { AddGated(dst, x, y) }},
			{"Exp", func() { Exp(dst, x) }},
			{"SiLU", func() { SiLU(dst, x) }},
			{"SwiGLU", func() { SwiGLU(dst, ab) }},
			{"GELUTanh", func() { GELUTanh(dst, x) }},
			{"Softmax19", func() { copy(scores, x); Softmax(scores, 0.125) }},
			{"AddGaussians", func() { AddGaussians(dst, 1.5, x, y, z) }},
		} {
			benchmarkEach(b, k.name+"/"+strconv.Itoa(n), n, k.f)
		}
	}
}
