package dit

import (
	"math"
	"slices"
	"testing"

	"github.com/symdiff-go/symdiff/core/f32"
	"github.com/symdiff-go/symdiff/core/rng"
)

func TestSinusoids(t *testing.T) {
	s := make([]float32, Frequencies)
	worst := 0.0
	for _, at := range []float32{0, 1e-3, 0.25, 0.5, 0.999, 1, 1.1, 3, 37, 500.5, 1000} {
		sinusoids(s, at)
		for i := range 128 {
			x := float64(at) * math.Exp(-math.Log(10000)*float64(i)/128)
			worst = max(worst, math.Abs(float64(s[i])-math.Cos(x)), math.Abs(float64(s[128+i])-math.Sin(x)))
		}
	}
	t.Logf("largest error %.1e", worst)
	if worst > 6.1e-8 { // float32 rounding alone gives up to 2^-24
		t.Errorf("sinusoids are off by %g", worst)
	}
}

// random is a transformer with Gaussian weights, gates and all.
func random(c Config) *Weights {
	s := rng.New(1, 0, rng.Init, 0)
	linear := func(in, out int) Linear {
		w, b := make([]float32, in*out), make([]float32, out)
		s.Fill(w, 1/math.Sqrt(float64(in)))
		s.Fill(b, 0.1)
		return Linear{f32.Pack(w, out, in), b}
	}
	w := &Weights{Config: c, T0: linear(Frequencies, c.Width), T2: linear(c.Width, c.Width)}
	for range c.Depth {
		w.Blocks = append(w.Blocks, Block{
			QKV: linear(c.Width, 3*c.Width), Proj: linear(c.Width, c.Width),
			FC1: linear(c.Width, c.MLP), FC2: linear(c.mlpIn(), c.Width), AdaLN: linear(c.Width, 6*c.Width),
		})
	}
	return w
}

// at is the modulation at one time.
func at(w *Weights, t float32) Modulation {
	table := w.NewModulationCache(1, Linear{})
	table.Reset([]float32{t})
	return table.At(0)
}

func TestPermutationEquivariance(t *testing.T) {
	for _, c := range []Config{
		{Width: 24, Depth: 2, Heads: 3, MLP: 64, SwiGLU: true},
		{Width: 20, Depth: 1, Heads: 5, MLP: 50},
	} {
		const n = 11
		w := random(c)
		s := w.NewState([]int{n}, nil)
		stream := rng.New(2, 0, rng.Init, 0)
		x := make([]float32, n*c.Width)
		stream.Fill(x, 1)
		y := make([]float32, len(x))
		for i := range n { // reversed
			copy(y[(n-1-i)*c.Width:], x[i*c.Width:(i+1)*c.Width])
		}
		before := append([]float32{}, x...)
		s.Use(at(w, 0.3))
		s.Forward(x)
		s.Forward(y)
		moved := 0.0
		for i := range n {
			for k := range c.Width {
				a, b := x[i*c.Width+k], y[(n-1-i)*c.Width+k]
				if math.Abs(float64(a-b)) > 1e-4 {
					t.Fatalf("atom %d: %v, and %v when the atoms are reversed", i, a, b)
				}
				moved += math.Abs(float64(a - before[i*c.Width+k]))
			}
		}
		if moved < 1 {
			t.Error("the blocks did nothing")
		}
	}
}

// Attention stays within a molecule: changing one leaves the others' bits.
func TestMoleculesDoNotMix(t *testing.T) {
	c := Config{Width: 16, Depth: 2, Heads: 2, MLP: 32, SwiGLU: true}
	w := random(c)
	sizes := []int{4, 6, 3}
	s := w.NewState(sizes, nil)
	stream := rng.New(3, 0, rng.Init, 0)
	x := make([]float32, 13*c.Width)
	stream.Fill(x, 1)
	y := append([]float32{}, x...)
	y[5*c.Width] += 1 // second molecule
	s.Use(at(w, 0.9))
	s.Forward(x)
	s.Forward(y)
	for i := range 13 {
		same := true
		for k := range c.Width {
			same = same && x[i*c.Width+k] == y[i*c.Width+k]
		}
		if inside := i >= 4 && i < 10; same == inside {
			t.Errorf("atom %d: unchanged %v, in the changed molecule %v", i, same, inside)
		}
	}
}

// A bias that is the same for all pairs leaves the softmax as it is; one that forbids
// every other atom makes each atom see itself alone, as it does in a molecule of one
// atom.
func TestPairBias(t *testing.T) {
	c := Config{Width: 16, Depth: 2, Heads: 2, MLP: 32, SwiGLU: true}
	plain := random(c)
	w := *plain
	all, stream := c.Depth*c.Heads, rng.New(6, 0, rng.Init, 0)
	ones, scale := make([]float32, all*2), make([]float32, all*c.Width)
	for i := range ones {
		ones[i] = 1
	}
	stream.Fill(scale, 0.02)
	w.Pair, w.PairAdaLN = Linear{
		f32.Pack(ones, all, 2),
		nil,
	}, Linear{
		f32.Pack(scale, all, c.Width),
		make([]float32, all),
	}
	sizes := []int{3, 5}
	x := make([]float32, 8*c.Width)
	stream.Fill(x, 1)
	forward := func(w *Weights, sizes []int, x []float32, feature func(i, j int) float32) []float32 {
		y := append([]float32{}, x...)
		s := w.NewState(sizes, nil)
		s.Use(at(w, 0.4))
		for m, n := range sizes {
			if w.Pair.W == nil {
				break
			}
			for i := range n {
				features := make([]float32, n*2)
				for j := range n {
					features[2*j] = feature(i, j)
				}
				s.PairBias(m, i, features)
			}
		}
		s.Forward(y)
		return y
	}
	near := func(what string, got, want []float32) {
		t.Helper()
		for i, v := range got {
			if math.Abs(float64(v-want[i])) > 1e-4 {
				t.Fatalf("%s: %g at %d, want %g", what, v, i, want[i])
			}
		}
	}
	near("the same bias for all", forward(&w, sizes, x, func(int, int) float32 { return 3 }),
		forward(plain, sizes, x, nil))
	alone := forward(&w, sizes, x, func(i, j int) float32 {
		if i == j {
			return 0
		}
		return -1e4
	})
	for i := range 8 {
		near("alone", alone[i*c.Width:(i+1)*c.Width], forward(plain, []int{1}, x[i*c.Width:(i+1)*c.Width], nil))
	}
}

// Attention for blocks of few atoms gives the bits of one block, with and without a bias.
func TestBlocksOfQueries(t *testing.T) {
	c := Config{Width: 24, Depth: 2, Heads: 3, MLP: 64, SwiGLU: true}
	w := random(c)
	const features = 5
	sizes, stream := []int{3, 19, 8}, rng.New(7, 0, rng.Init, 0)
	x, pairs := make([]float32, 30*c.Width), make([]float32, 30*30*features)
	stream.Fill(x, 1)
	stream.Fill(pairs, 1)
	for p := range pairs { // symmetric
		i, j, f := p/features/30, p/features%30, p%features
		pairs[p] = pairs[(max(i, j)*30+min(i, j))*features+f]
	}
	pairFeatures := func(dst []float32, first, n, i int) {
		copy(dst, pairs[((first+i)*30+first)*features:][:n*features])
	}
	forward := func(queries int) []float32 {
		y := append([]float32{}, x...)
		s := w.newState(sizes, pairFeatures, queries)
		s.Use(at(w, 0.4))
		first := 0
		for m, n := range sizes {
			for i := range n {
				if w.Pair.W != nil {
					f := make([]float32, n*features)
					pairFeatures(f, first, n, i)
					s.PairBias(m, i, f)
				}
			}
			first += n
		}
		s.Forward(y)
		return y
	}
	check := func(want []float32) {
		t.Helper()
		for _, queries := range []int{1, 4, 18} {
			if got := forward(queries); !slices.Equal(got, want) {
				t.Errorf("the bits of blocks of %d atoms differ", queries)
			}
		}
	}
	plain := forward(Queries)
	check(plain)
	all := c.Depth * c.Heads
	pair, scale := make([]float32, all*features), make([]float32, all*c.Width)
	stream.Fill(pair, 1)
	stream.Fill(scale, 0.1)
	w.Pair.W = f32.Pack(pair, all, features)
	w.PairAdaLN = Linear{f32.Pack(scale, all, c.Width), make([]float32, all)}
	for l := range w.Blocks {
		w.Blocks[l].Pair.W = f32.Pack(pair[l*c.Heads*features:][:c.Heads*features], c.Heads, features)
	}
	biased := forward(Queries)
	check(biased)
	if slices.Equal(biased, plain) {
		t.Error("the bias does nothing")
	}
}
