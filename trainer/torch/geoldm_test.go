//go:build torch

package torch

import (
	"math"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/egnn"
	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/geoldm"
	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/rng"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// latentConfigs are small models with and without charge, by both kinds of denoiser.
func latentConfigs() []geoldm.Config {
	small := geoldm.New(geoldm.Sizes{Hidden: 16, Layers: 2, Latent: 2}, 6, true)
	bare := geoldm.New(geoldm.Sizes{Hidden: 16, Layers: 1, Latent: 1}, 5, false)
	dit := small
	dit.EGNN = egnn.Config{}
	dit.DiT = model.Config{
		Variant: model.Symdiff, GammaOrder: model.GammaPaper, FixQR: true, MLPType: model.SwiGLU, Features: 2,
		XHHidden: 16, K: 8, Hidden: 32, Depth: 1, Heads: 2, MLPRatio: 4,
		EncHidden: 16, EncDepth: 1, EncHeads: 2, EncMLPRatio: 4, DecHidden: 8, NoiseDims: 3, NoiseStd: 1,
	}
	return []geoldm.Config{small, bare, dit}
}

// latentWeights are of a random start, with more everywhere, so that nothing hides.
func latentWeights(c geoldm.Config) []float32 {
	flat := InitLatent(c, 3, false)
	r := rng.New(9, 0, rng.Init, 0)
	for i := range flat {
		flat[i] += float32(0.05 * r.Norm())
	}
	return flat
}

// The parts are those of core, by both kinds of denoiser, at every stage's loss: its terms are
// recomputed from core's networks.
func TestLatentLossFromCoresNetworks(t *testing.T) {
	onThread(t)
	for k, c := range latentConfigs() {
		flat := latentWeights(c)
		meta := encoding.QM9()
		meta.Charge, meta.ScaleTypes, meta.ScaleCharge = c.Charge, 1, 1
		m, err := geoldm.Load(asFile(t, c.Parameters(), flat, geoldm.Metadata(c, meta)))
		if err != nil {
			t.Fatal(err)
		}
		p := NewLatentParams(c, CPU, false)
		p.Set(flat)
		const n, std, time, alpha, sigma = 7, 0.0032, 0.4, 0.84, 0.54
		f, l := c.Features, c.Latent()
		r := rng.New(5, uint32(k), rng.Initial, 0)
		data, posterior, eps := make([]float32, n*(3+f)), make([]float32, n*(3+l)), make([]float32, n*(3+l))
		x, h := make([]float32, 3*n), make([]float32, n*f)
		r.Fill(x, 1.5)
		r.Fill(posterior, 1)
		r.Fill(eps, 1)
		removeMean(x, n)
		symmetrise.RemoveMean(posterior, 3+l, []int{n})
		symmetrise.RemoveMean(eps, 3+l, []int{n})
		for i := range n {
			typ := i % 5
			h[i*f+typ] = 1
			if c.Charge {
				h[i*f+5] = []float32{1, 6, 7, 8, 9}[typ]
			}
			copy(data[i*(3+f):], x[3*i:3*i+3])
			copy(data[i*(3+f)+3:], h[i*f:(i+1)*f])
		}
		mean, _, _ := m.Networks().Encode(data)
		z, noised, kl := make([]float32, len(mean)), make([]float32, len(mean)), 0.0
		for i, v := range mean {
			z[i] = v + std*posterior[i]
			noised[i] = alpha*z[i] + sigma*eps[i]
			kl += float64(v) * float64(v) / 2
		}
		rec := 0.0
		for i, row := range split(m.Networks().Decode(z), 3+f) {
			sum := 0.0
			for k := range 5 {
				sum += math.Exp(float64(row[3+k]))
			}
			rec += math.Log(sum) - float64(row[3+i%5])
			for k := range 3 {
				rec += math.Pow(float64(row[k])-float64(x[3*i+k]), 2)
			}
			if c.Charge {
				rec += math.Pow(float64(row[8])-float64(h[i*f+5]), 2)
			}
		}
		squares := 0.0
		for i, v := range m.Networks().Eps(noised, time) {
			squares += math.Pow(float64(v)-float64(eps[i]), 2)
		}

		s := &Scope{Device: CPU}
		b := Latents{
			X: s.Of(x, 1, n, 3), H: s.Of(h, 1, n, int64(f)), Posterior: s.Of(posterior, 1, n, int64(3+l)), Std: std,
			Eps: s.Of(eps, 1, n, int64(3+l)), Alpha: s.Of([]float32{alpha}, 1, 1, 1), Sigma: s.Of([]float32{sigma}, 1, 1, 1),
			Input: Input{
				T: s.Of([]float32{time}, 1), R0: s.Of([]float32{1, 0, 0, 0, 1, 0, 0, 0, 1}, 1, 3, 3),
				Eta: s.Of(make([]float32, 3*n), 1, n, 3),
			},
		}
		terms := LatentLoss(s, p, b, Stages{Encoder: true, Decoder: true, Denoiser: true})
		first := func(a Tensor) float64 { return float64(Float32s(a)[0]) }
		for name, v := range map[string]struct{ got, want float64 }{
			"rec": {first(terms.Rec), rec}, "kl": {first(terms.KL), kl}, "eps": {first(terms.Eps), squares},
		} {
			if !(math.Abs(v.got-v.want) <= 1e-4*math.Abs(v.want)) {
				t.Errorf("model %d: %s is %g, want %g", k, name, v.got, v.want)
			}
		}
		s.Close()
	}
}

func split(all []float32, width int) (rows [][]float32) {
	for ; len(all) > 0; all = all[width:] {
		rows = append(rows, all[:width])
	}
	return rows
}

// What a stage does not train has no gradient, and what it does has one: of the encoder with its
// reconstruction alone.
func TestLatentStagesFreezeTheRest(t *testing.T) {
	onThread(t)
	for k, c := range latentConfigs() {
		for name, stage := range map[string]struct {
			train  Stages
			frozen []string
		}{
			"autoencoder": {Stages{Encoder: true, Decoder: true}, []string{geoldm.DenoiserPrefix}},
			"diffusion":   {Stages{Denoiser: true}, []string{geoldm.EncoderPrefix, geoldm.DecoderPrefix}},
			"released":    {Stages{Decoder: true, Denoiser: true}, []string{geoldm.EncoderPrefix}},
		} {
			p := NewLatentParams(c, CPU, false)
			p.Set(latentWeights(c))
			p.Freeze(stage.frozen...)
			s := &Scope{Device: CPU}
			const n = 5
			r := rng.New(1, uint32(k), rng.Initial, 0)
			noise := func(width int64) Tensor {
				v := make([]float32, n*width)
				r.Fill(v, 1)
				return s.Of(v, 1, n, width)
			}
			l := int64(c.Latent())
			one := s.Of([]float32{0.7}, 1, 1, 1)
			b := Latents{
				X: noise(3), H: noise(int64(c.Features)), Posterior: noise(3 + l), Std: 0.0032, Eps: noise(3 + l),
				Alpha: one, Sigma: one,
				Input: Input{T: s.Of([]float32{0.5}, 1), R0: s.Of([]float32{1, 0, 0, 0, 1, 0, 0, 0, 1}, 1, 3, 3), Eta: noise(3)},
			}
			terms := LatentLoss(s, p, b, stage.train)
			var total Tensor
			for _, x := range []Tensor{terms.Rec, terms.KL, terms.Eps} {
				switch {
				case x == nil:
				case total == nil:
					total = s.sum(x, false, 0)
				default:
					total = s.add(total, s.sum(x, false, 0))
				}
			}
			norm := map[string]float64{}
			for name, v := range p.Split(Float32s(p.Grad(s, total))) {
				for _, prefix := range []string{geoldm.DenoiserPrefix, geoldm.EncoderPrefix, geoldm.DecoderPrefix} {
					if strings.HasPrefix(name, prefix) {
						for _, g := range v {
							norm[prefix] += float64(g) * float64(g)
						}
					}
				}
			}
			for prefix, want := range map[string]bool{
				geoldm.DenoiserPrefix: stage.train.Denoiser, geoldm.EncoderPrefix: stage.train.Encoder,
				geoldm.DecoderPrefix: stage.train.Decoder,
			} {
				if (norm[prefix] > 0) != want {
					t.Errorf("%s, model %d: gradient of %s is %g", name, k, prefix, norm[prefix])
				}
			}
			s.Close()
		}
	}
}
