//go:build torch

package torch

import (
	"slices"
	"strings"

	"github.com/sugarme/gotch"

	"github.com/symdiff-go/symdiff/core/egnn"
	"github.com/symdiff-go/symdiff/core/geoldm"
	"github.com/symdiff-go/symdiff/core/safetensors"
)

// latent are the parts of a GeoLDM (see package core/geoldm), which share its leaves.
type latent struct {
	config                     geoldm.Config
	denoiser, encoder, decoder *Params
}

// NewLatentParams are those of a GeoLDM.
func NewLatentParams(c geoldm.Config, device gotch.Device, halfWeights bool,
	beside ...safetensors.Parameter) *Params {
	p := newParams(&Params{List: append(c.Parameters(), beside...), device: device}, halfWeights)
	part := func(prefix string, of *egnn.Config) *Params {
		q := &Params{egnn: of, device: device, byName: map[string]Tensor{}}
		for name, leaf := range p.byName {
			if rest, ok := strings.CutPrefix(name, prefix); ok {
				q.byName[rest] = leaf
			}
		}
		return q
	}
	p.latent = &latent{config: c, encoder: part(geoldm.EncoderPrefix, &c.Encoder),
		decoder: part(geoldm.DecoderPrefix, &c.Decoder)}
	if c.UsesDiT() {
		p.latent.denoiser = part(geoldm.DenoiserPrefix, nil)
		p.latent.denoiser.Config = c.DiT
	} else {
		p.latent.denoiser = part(geoldm.DenoiserPrefix, &c.EGNN)
	}
	return p
}

// Encode gives the means of the latents of data, x (B, N, 3) and h (B, N, L), and the encoder's
// whole head (B, N, 2L+1).
func Encode(s *Scope, p *Params, x, h Tensor) (meanX, meanH, head Tensor) {
	size := h.MustSize()
	l := p.latent
	out := forwardEGNN(s, l.encoder, Input{B: size[0], N: size[1], X: x, H: h})
	head = l.encoder.linear(s, "final_mlp.2", s.silu(l.encoder.linear(s, "final_mlp.0", out.H)))
	return out.X, s.narrow(head, -1, 1, int64(l.config.Latent())), head
}

// Decode gives x_hat (B, N, 3), and log-odds of the types and the charge (B, N, F), of latents.
func Decode(s *Scope, p *Params, zx, zh Tensor) Output {
	size := zh.MustSize()
	return forwardEGNN(s, p.latent.decoder, Input{B: size[0], N: size[1], X: zx, H: zh})
}

// Latents is a batch of B molecules of N atoms, and the noise of a step of training.
type Latents struct {
	X, H      Tensor // (B, N, 3), (B, N, F) data, x with zero centre of mass
	Posterior Tensor // (B, N, 3+L) of the latents about their means, its x part of zero mean
	Std       float64
	Eps       Tensor // (B, N, 3+L) of the diffusion
	Alpha     Tensor // (B, 1, 1)
	Sigma     Tensor // (B, 1, 1)
	Input     Input  // time, R0 and eta
}

// Stages of the training of a GeoLDM.
type Stages struct {
	Encoder, Decoder bool // whether these are trained; the decoder is with the encoder
	Denoiser         bool
}

// LatentTerms are those of the loss of a GeoLDM, each (B), or nil where that part is not trained:
//
//	Rec = sum over atoms of |x_hat - x|² + cross-entropy of the types + (charge_hat - charge)²,  of z = mean + std·noise
//	KL  = ½(|mean_x|² + |mean_h|²), with an encoder that is trained
//	Eps = |eps - eps_hat(alpha·z + sigma·eps, t)|², whose gradient does not go into the encoder
type LatentTerms struct{ Rec, KL, Eps Tensor }

// LatentLoss computes them.
func LatentLoss(s *Scope, p *Params, b Latents, train Stages) LatentTerms {
	c, size := p.latent.config, b.H.MustSize()
	var x, h Tensor
	encode := func() { x, h, _ = Encode(s, p, b.X, b.H) }
	if train.Encoder {
		encode()
	} else {
		NoGrad(encode)
	}
	noise := s.split(b.Posterior, -1, 3, int64(c.Latent()))
	zx, zh := s.add(x, s.mulScalar(noise[0], b.Std)), s.add(h, s.mulScalar(noise[1], b.Std))
	t := LatentTerms{}
	if train.Encoder {
		t.KL = s.mulScalar(s.add(s.sum(s.mul(x, x), false, 1, 2), s.sum(s.mul(h, h), false, 1, 2)), 0.5)
	}
	if train.Decoder {
		t.Rec = reconstruction(s, c, Decode(s, p, zx, zh), b.X, b.H)
	}
	if !train.Denoiser {
		return t
	}
	zx, zh = s.keep(zx.MustDetach(false)), s.keep(zh.MustDetach(false))
	eps := s.split(b.Eps, -1, 3, int64(c.Latent()))
	in := b.Input
	in.B, in.N = size[0], size[1]
	in.X = s.add(s.mul(zx, b.Alpha), s.mul(eps[0], b.Sigma))
	in.H = s.add(s.mul(zh, b.Alpha), s.mul(eps[1], b.Sigma))
	t.Eps = SquaredError(s, Forward(s, p.latent.denoiser, in), b.Eps, nil)
	return t
}

// reconstruction is Rec of LatentTerms.
func reconstruction(s *Scope, c geoldm.Config, out Output, x, h Tensor) Tensor {
	kinds := int64(c.Features)
	if c.Charge {
		kinds--
	}
	d := s.sub(out.X, x)
	sum := s.sum(s.mul(d, d), false, 1, 2)
	log := s.keep(s.narrow(out.H, -1, 0, kinds).MustLogSoftmax(-1, f32, false))
	sum = s.sub(sum, s.sum(s.mul(log, s.narrow(h, -1, 0, kinds)), false, 1, 2))
	if c.Charge {
		d = s.sub(s.narrow(out.H, -1, kinds, 1), s.narrow(h, -1, kinds, 1))
		sum = s.add(sum, s.sum(s.mul(d, d), false, 1, 2))
	}
	return sum
}

// InitLatent is a random start of a GeoLDM: of its EGNNs as InitEGNN's, of a DiT as Init's.
func InitLatent(c geoldm.Config, seed uint64, grid bool) []float32 {
	list := c.Parameters()
	if !c.UsesDiT() {
		return initLinear(list, seed, 0)
	}
	of := len(c.DiT.Parameters())
	return slices.Concat(Init(c.DiT, seed, grid), initLinear(list[of:], seed, of))
}

// LatentNetworks are the parts of a GeoLDM on one molecule, as reference.CompareLatent runs them.
type LatentNetworks struct{ *Params }

// rows cuts rows (n, 3+width) into positions (1, n, 3) and the rest (1, n, width).
func rows(s *Scope, all []float32, width int) (x, h Tensor) {
	n := int64(len(all) / (3 + width))
	parts := s.split(s.Of(all, 1, n, int64(3+width)), -1, 3, int64(width))
	return parts[0], parts[1]
}

// Encode gives mean (n, 3+L), sigma_x and sigma_h (n, L) of data (n, 3+F).
func (p LatentNetworks) Encode(data []float32) (mean []float32, sigmaX float32, sigmaH []float32) {
	s := &Scope{Device: p.device}
	defer s.Close()
	c := p.latent.config
	x, h := rows(s, data, c.Features)
	meanX, meanH, head := Encode(s, p.Params, x, h)
	exp := func(a Tensor) []float32 { return Float32s(s.keep(s.mulScalar(a, 0.5).MustExp(false))) }
	latent := int64(c.Latent())
	sum := s.sum(s.narrow(head, -1, 0, 1), false, 0, 1, 2)
	return Float32s(s.cat(-1, meanX, meanH)), exp(sum)[0], exp(s.narrow(head, -1, 1+latent, latent))
}

// Decode gives data (n, 3+F) of latents (n, 3+L).
func (p LatentNetworks) Decode(z []float32) []float32 {
	s := &Scope{Device: p.device}
	defer s.Close()
	x, h := rows(s, z, p.latent.config.Latent())
	return Float32s(Decode(s, p.Params, x, h).Eps(s))
}

// Eps gives eps_hat (n, 3+L) of latents at time t, with R0 = I.
func (p LatentNetworks) Eps(z []float32, t float32) []float32 {
	s := &Scope{Device: p.device}
	defer s.Close()
	x, h := rows(s, z, p.latent.config.Latent())
	n := h.MustSize()[1]
	in := Input{B: 1, N: n, X: x, H: h, T: s.Of([]float32{t}, 1),
		R0: s.Of([]float32{1, 0, 0, 0, 1, 0, 0, 0, 1}, 1, 3, 3)}
	if dims := int64(p.latent.denoiser.Config.NoiseDims); dims > 0 {
		in.Eta = s.Of(make([]float32, n*dims), 1, n, dims)
	}
	return Float32s(Forward(s, p.latent.denoiser, in).Eps(s))
}
