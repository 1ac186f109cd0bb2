//go:build torch

package torch

import (
	"bytes"
	"fmt"
	"math"
	"testing"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/o3"
	"github.com/symdiff-go/symdiff/core/rng"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// randomWeights fills every parameter, those that start at zero included, so that nothing hides.
func randomWeights(c model.Config, seed uint64) []float32 {
	flat := Init(c, seed, false)
	r := rng.New(seed, 0, rng.Init, 1)
	for i := range flat {
		flat[i] += float32(0.05 * r.Norm())
	}
	return flat
}

// asFile is a file of the values of flat under the names of the list.
func asFile(t *testing.T, list []safetensors.Parameter, flat []float32, md map[string]string) *safetensors.File {
	t.Helper()
	var tensors []safetensors.Tensor
	for _, p := range list {
		tensors = append(tensors, safetensors.Tensor{Name: p.Name, DType: "F32", Shape: p.Shape, Data: flat[:p.Size()]})
		flat = flat[p.Size():]
	}
	var b bytes.Buffer
	if err := safetensors.Write(&b, tensors, md); err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Parse("random", b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func coreModel(t *testing.T, c model.Config, meta encoding.Meta, flat []float32) *model.Model {
	t.Helper()
	m, err := model.Load(asFile(t, c.Parameters(), flat, model.Metadata(c, meta)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// configs are every variant with every option.
func configs() []model.Config {
	base := model.Config{
		Variant: model.Symdiff, GammaOrder: model.GammaPaper, FixQR: true, Features: 6, XHHidden: 20, K: 11,
		EncHidden: 24, EncDepth: 2, EncHeads: 3, EncMLPRatio: 2, DecHidden: 7,
		Hidden: 48, Depth: 3, Heads: 4, MLPRatio: 4, NoiseDims: 3, NoiseStd: 1, MLPType: model.SwiGLU,
	}
	var list []model.Config
	for _, mlp := range []string{model.SwiGLU, model.MLP} {
		for _, pad := range []int{0, 29} {
			c := base
			c.MLPType, c.PadTo = mlp, pad
			plain := c
			plain.EncHidden, plain.EncDepth, plain.EncHeads, plain.EncMLPRatio, plain.DecHidden, plain.NoiseDims,
				plain.NoiseStd = 0, 0, 0, 0, 0, 0, 0
			for _, v := range []model.Variant{model.SymdiffH, model.None} {
				plain.Variant, plain.PairBias = v, false
				list = append(list, plain)
				plain.PairBias = true
				list = append(list, plain)
			}
			for _, order := range []string{model.GammaPaper, model.GammaReleased} {
				for _, fix := range []bool{true, false} {
					for _, noise := range []int{0, 3} {
						c.GammaOrder, c.FixQR, c.NoiseDims = order, fix, noise
						c.PairBias, c.TimeScale = false, 0
						list = append(list, c)
						c.PairBias, c.TimeScale = true, 1000
						list = append(list, c)
					}
				}
			}
		}
	}
	for _, head := range []string{"", model.GammaMoments} {
		c := base
		c.GammaHead, c.GammaBase = head, model.GammaFrame
		list = append(list, c)
	}
	c := base
	c.GammaHead = model.GammaMoments
	frame := list[0] // symdiff-h
	frame.GammaBase = model.GammaFrame
	return append(list, c, frame)
}

// libtorch and core agree on random weights to 1e-4 of the largest output, for every variant and
// option.
func TestParityWithCore(t *testing.T) {
	onThread(t)
	worst := 0.0
	for k, c := range configs() {
		flat := randomWeights(c, uint64(k))
		core := coreModel(t, c, encoding.QM9(), flat)
		p := NewParams(c, CPU, false)
		p.Set(flat)
		for _, n := range []int{1, 2, 5, 19} {
			if n == 2 && c.GammaHead != "" {
				continue // on one line, where the moments of all three rows are parallel
			}
			const b, time = 2, float32(0.37)
			w := 3 + c.Features
			r := rng.New(7, uint32(n), rng.Initial, uint32(k))
			x, h, eta := make([]float32, b*n*3), make([]float32, b*n*c.Features), make([]float32, b*n*c.NoiseDims)
			r.Fill(x, 1.3)
			r.Fill(h, 0.5)
			r.Fill(eta, 1)
			z := make([]float32, b*n*w)
			r0, haar := make([]float32, b*9), make([]o3.Matrix, b)
			for m := range b {
				removeMean(x[m*n*3:(m+1)*n*3], n)
				haar[m] = o3.Haar(&r)
				for i := range 9 {
					r0[m*9+i] = float32(haar[m][i/3][i%3])
				}
			}
			for i := range b * n {
				copy(z[i*w:], x[3*i:3*i+3])
				copy(z[i*w+3:], h[i*c.Features:(i+1)*c.Features])
			}
			if c.Variant == model.None {
				for m := range haar {
					haar[m] = o3.Identity
				}
			}
			want := make([]float32, len(z))
			core.Network().NewState([]int{n, n}).Eps(want, z, time, symmetrise.Noise{R0: haar, Eta: eta})

			s := &Scope{Device: CPU}
			nn := int64(n)
			in := Input{B: b, N: nn, X: s.Of(x, b, nn, 3), H: s.Of(h, b, nn, int64(c.Features)),
				T: s.Of([]float32{time, time}, b), R0: s.Of(r0, b, 3, 3)}
			if c.NoiseDims > 0 {
				in.Eta = s.Of(eta, b, nn, int64(c.NoiseDims))
			}
			out := Forward(s, p, in)
			got := Float32s(s.cat(-1, out.X, out.H))
			s.Close()
			scale := 0.0
			for _, v := range want {
				scale = max(scale, math.Abs(float64(v)))
			}
			d := maxDiff(got, want) / scale
			worst = max(worst, d)
			if !(d <= 1e-4) {
				t.Errorf("%s, %d atoms: relative difference %.2g", describe(c), n, d)
			}
		}
	}
	t.Logf("%d configurations: largest relative difference %.2g", len(configs()), worst)
}

// The network under values of properties is core's.
func TestConditionalParityWithCore(t *testing.T) {
	onThread(t)
	for k, c := range configs()[:6] {
		c.Context = 2
		flat := randomWeights(c, uint64(k))
		meta := encoding.QM9()
		meta.Context = []encoding.Quantity{{Name: "gap", Mean: 0.2, MAD: 0.1}}
		m, err := coreModel(t, c, meta, flat).Network().At(map[string]float64{"gap": 0.35})
		if err != nil {
			t.Fatal(err)
		}
		p := NewParams(c, CPU, false)
		p.Set(flat)
		const n = 5
		r := rng.New(7, 0, rng.Initial, uint32(k))
		z, eta, haar := make([]float32, n*9), make([]float32, n*c.NoiseDims), o3.Haar(&r)
		r.Fill(z, 1)
		r.Fill(eta, 1)
		symmetrise.RemoveMean(z, 9, []int{n})
		want := make([]float32, len(z))
		m.NewState([]int{n}).Eps(want, z, 0.4, symmetrise.Noise{R0: []o3.Matrix{haar}, Eta: eta})
		r0 := make([]float32, 9)
		for i := range r0 {
			r0[i] = float32(haar[i/3][i%3])
		}
		s := &Scope{Device: CPU}
		xh := s.split(s.Of(z, 1, n, 9), -1, 3, 6)
		in := Input{B: 1, N: n, X: xh[0], H: xh[1], T: s.Of([]float32{0.4}, 1), R0: s.Of(r0, 1, 3, 3),
			Context: s.Of([]float32{1.5, 1}, 1, 2)}
		if c.NoiseDims > 0 {
			in.Eta = s.Of(eta, 1, n, int64(c.NoiseDims))
		}
		out := Forward(s, p, in)
		if d := maxDiff(Float32s(s.cat(-1, out.X, out.H)), want); !(d <= 1e-4) {
			t.Errorf("%s: differs by %g", describe(c), d)
		}
		s.Close()
	}
}

func describe(c model.Config) string {
	return fmt.Sprintf("%s order=%s fix_qr=%v pad_to=%d noise_dims=%d pair_bias=%v time_scale=%g %s",
		c.Variant, c.GammaOrder, c.FixQR, c.PadTo, c.NoiseDims, c.PairBias, c.TimeScale, c.MLPType)
}

// Gram-Schmidt: orthogonal, leaves orthogonal matrices alone, agrees with core/o3, and its gradient
// is that of finite differences.
func TestOrthonormaliseRows(t *testing.T) {
	onThread(t)
	s := &Scope{Device: CPU}
	defer s.Close()
	const b = 200
	r := rng.New(3, 0, rng.Initial, 0)
	a := make([]float32, b*9)
	r.Fill(a, 1)
	q := Float32s(orthonormaliseRows(s, s.Of(a, b, 3, 3)))
	worst := 0.0
	for m := range b {
		var in o3.Matrix
		for i := range 9 {
			in[i/3][i%3] = float64(a[9*m+i])
		}
		want := o3.OrthonormaliseRows(in)
		for i := range 9 {
			worst = max(worst, math.Abs(float64(q[9*m+i])-want[i/3][i%3]))
		}
	}
	t.Logf("largest difference from core/o3: %.2g", worst)
	if worst > 1e-4 {
		t.Error("differs from core/o3 by more than 1e-4")
	}

	weights := s.Of([]float32{.3, -1, .2, .5, .7, -.4, 1.2, .1, .9}, 1, 3, 3)
	at := []float32{.3, -1, .2, .5, .7, -.4, 1.2, .1, .9}
	value := func(v []float32) Tensor {
		return s.sum(s.mul(orthonormaliseRows(s, s.Of(v, 1, 3, 3)), weights), false, 0, 1, 2)
	}
	leaf := s.Of(at, 1, 3, 3)
	leaf.MustRequiresGrad_(true)
	y := s.sum(s.mul(orthonormaliseRows(s, leaf), weights), false, 0, 1, 2)
	y.MustBackward()
	grad := Float32s(s.keep(leaf.MustGrad(false)))
	for i := range at {
		const h = 1e-2
		up, down := append([]float32{}, at...), append([]float32{}, at...)
		up[i] += h
		down[i] -= h
		want := float64(Float32s(value(up))[0]-Float32s(value(down))[0]) / (2 * h)
		if math.Abs(want-float64(grad[i])) > 1e-3 {
			t.Errorf("gradient %d: %g, by differences %g", i, grad[i], want)
		}
	}
}

// With bf16 products the output stays near that of float32, and the gradient too.
func TestBF16IsNear(t *testing.T) {
	onThread(t)
	if !FastBF16(CPU) {
		t.Skip("a processor without AVX-512 takes float32")
	}
	c := configs()[2]
	flat := randomWeights(c, 1)
	var out, grad [2][]float32
	for k, half := range []bool{false, true} {
		p := NewParams(c, CPU, half)
		p.Set(flat)
		s := &Scope{Device: CPU}
		r := rng.New(5, 0, rng.Initial, 0)
		const b, n = 8, 9
		make32 := func(size int, std float64) []float32 {
			v := make([]float32, size)
			r.Fill(v, std)
			return v
		}
		in := Input{B: b, N: n, X: s.Of(make32(b*n*3, 1), b, n, 3), H: s.Of(make32(b*n*6, .5), b, n, 6),
			T: s.Of(make32(b, .1), b)}
		haar := make([]float32, 0, b*9)
		for range b {
			h := o3.Haar(&r)
			for i := range 9 {
				haar = append(haar, float32(h[i/3][i%3]))
			}
		}
		in.R0 = s.Of(haar, b, 3, 3)
		if c.NoiseDims > 0 {
			in.Eta = s.Of(make32(b*n*c.NoiseDims, 1), b, n, int64(c.NoiseDims))
		}
		eps := s.Of(make32(b*n*9, 1), b, n, 9)
		o := Forward(s, p, in)
		loss := Weigh(s, SquaredError(s, o, eps, nil), nil, 1./(b*n*9))
		out[k] = Float32s(s.cat(-1, o.X, o.H))
		grad[k] = Float32s(p.Grad(s, loss))
		s.Close()
	}
	if d := relative(out[0], out[1]); !(d < 0.03) || d == 0 {
		t.Errorf("bf16 output differs by %g (relative norm)", d)
	}
	if d := relative(grad[0], grad[1]); !(d < 0.05) || d == 0 {
		t.Errorf("bf16 gradient differs by %g (relative norm)", d)
	}
}

// A processor without AVX-512 multiplies in float32, whatever is asked for.
func TestBF16NeedsAVX512(t *testing.T) {
	onThread(t)
	has := avx512
	defer func() { avx512 = has }()
	for _, avx512 = range []bool{false, true} {
		if p := NewParams(configs()[0], CPU, true); (p.half != nil) != avx512 {
			t.Errorf("AVX-512 %v: bfloat16 weights %v", avx512, p.half != nil)
		}
	}
}

// relative is |a - b| / |a|.
func relative(a, b []float32) float64 {
	d, n := 0.0, 0.0
	for i := range a {
		d += math.Pow(float64(a[i]-b[i]), 2)
		n += math.Pow(float64(a[i]), 2)
	}
	return math.Sqrt(d / n)
}

// One step after another as by the formula in float64, with and without AMSGrad and weight decay,
// in one shard, in three, and on all of the buffers at once.
func TestAdamW(t *testing.T) {
	onThread(t)
	c := configs()[0]
	for _, amsgrad := range []bool{false, true} {
		for _, shards := range []int{1, 3, wholly} {
			p := NewParams(c, CPU, false)
			start := randomWeights(c, 2)
			p.Set(start)
			o := newOptimiser(p, amsgrad, false, shards)
			o.WeightDecay = 0.1
			w, ema := widen(start), widen(start)
			m, v, vmax := make([]float64, p.Size), make([]float64, p.Size), make([]float64, p.Size)
			const lr, decay = 1e-2, 0.9
			for step := 1; step <= 5; step++ {
				r := rng.New(uint64(step), 0, rng.Initial, 0)
				g, g2 := make([]float32, p.Size), make([]float32, p.Size)
				r.Fill(g, 1/float64(step*step))
				r.Fill(g2, 0.1)
				s := &Scope{Device: CPU}
				squares := 0.0
				parts := make([][]Tensor, max(shards, 1))
				for i := range parts {
					part, sq := o.Gather(s, []Tensor{s.Of(g, int64(p.Size)), nil, s.Of(g2, int64(p.Size))}, i)
					parts[i] = part
					squares += sq
				}
				wantSquares := 0.0
				for i := range g {
					wantSquares += math.Pow(float64(g[i]+g2[i]), 2)
				}
				if math.Abs(squares/wantSquares-1) > 1e-5 {
					t.Errorf("sum of squares %g, want %g", squares, wantSquares)
				}
				const scale = 0.5
				for i, part := range parts {
					o.Apply(s, part, i, scale, step, lr, decay)
				}
				s.Close()
				for i := range w {
					x := scale * float64(g[i]+g2[i])
					m[i] = 0.9*m[i] + 0.1*x
					v[i] = 0.999*v[i] + 0.001*x*x
					vmax[i] = max(vmax[i], v[i])
					vv := v[i]
					if amsgrad {
						vv = vmax[i]
					}
					w[i] -= lr * 0.1 * w[i]
					w[i] -= lr * m[i] / (1 - math.Pow(0.9, float64(step))) / (math.Sqrt(vv/(1-math.Pow(0.999, float64(step)))) + 1e-8)
					ema[i] += (1 - decay) * (w[i] - ema[i])
				}
			}
			for i, got := range Float32s(p.Flat) {
				if math.Abs(float64(got)-w[i]) > 1e-5 {
					t.Fatalf("amsgrad %v, %d shards: weight %d is %g, want %g", amsgrad, shards, i, got, w[i])
				}
			}
			for i, got := range Float32s(o.EMA) {
				if math.Abs(float64(got)-ema[i]) > 1e-5 {
					t.Fatalf("amsgrad %v, %d shards: average %d is %g, want %g", amsgrad, shards, i, got, ema[i])
				}
			}
		}
	}
}

// wholly, as a number of shards, is the way that a GPU goes.
const wholly = 0

func newOptimiser(p *Params, amsgrad, muon bool, shards int) *Optimiser {
	o := NewOptimiser(p, amsgrad, muon, max(shards, 1))
	if shards == wholly {
		NoGrad(func() { o.whole = newWhole(p, muon) })
	}
	return o
}

func widen(a []float32) []float64 {
	b := make([]float64, len(a))
	for i, v := range a {
		b[i] = float64(v)
	}
	return b
}
