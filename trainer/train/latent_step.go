//go:build torch

package train

import (
	"github.com/symdiff-go/symdiff/core/geoldm"
	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/trainer/torch"
)

// trainedParts are the parts that a stage trains, and the prefixes of the parameters of the others.
func trainedParts(stage string) (parts torch.Stages, frozen []string) {
	switch stage {
	case stageAutoencoder:
		return torch.Stages{Encoder: true, Decoder: true}, []string{geoldm.DenoiserPrefix}
	case stageDiffusion:
		return torch.Stages{Denoiser: true}, []string{geoldm.EncoderPrefix, geoldm.DecoderPrefix}
	case stageJoint:
		return torch.Stages{Encoder: true, Decoder: true, Denoiser: true}, nil
	}
	return torch.Stages{Decoder: true, Denoiser: true}, []string{geoldm.EncoderPrefix}
}

// latentTerms are those of a GeoLDM's loss on a batch (see torch.LatentLoss). The latents' noise
// about their means is 0.0032 in the stage autoencoder and sigma(0) of the schedule else, as
// published.
func (r *run) latentTerms(s *torch.Scope, p *torch.Params, b *Batch) torch.LatentTerms {
	n, m, wide := int64(b.B), int64(b.N), int64(3+r.Latent.Size)
	alpha, sigma := make([]float32, b.B), make([]float32, b.B)
	sched := r.batcher.sched
	for i, t := range b.Times {
		alpha[i], sigma[i] = float32(sched.Alpha(t)), float32(sched.Sigma(t))
	}
	in := torch.Latents{
		X: s.Of(b.X, n, m, 3), H: s.Of(b.H, n, m, int64(r.Config.Features)), Posterior: s.Of(b.Posterior, n, m, wide),
		Std: sched.Sigma(0), Eps: s.Of(b.Eps, n, m, wide), Alpha: s.Of(alpha, n, 1, 1), Sigma: s.Of(sigma, n, 1, 1),
		Input: torch.Input{T: s.Of(b.T, n)},
	}
	if r.Config.Variant != model.None {
		in.Input.R0 = s.Of(b.R0, n, 3, 3)
	}
	if dims := int64(r.Config.NoiseDims); dims > 0 {
		in.Input.Eta = s.Of(b.Eta, n, m, dims)
	}
	if r.Stage() == stageAutoencoder {
		in.Std = geoldm.Sigma
	}
	parts, _ := trainedParts(r.Stage())
	return torch.LatentLoss(s, p, in, parts)
}

// latentObjective is the loss of a GeoLDM,
//
//	½·Eps/((3+L)·N) + Rec/((3+F)·N) + kl_weight·KL
//
// of what the stage trains (see torch.LatentTerms), averaged over atoms as EDM's (see step). The
// last is not divided by the number of coordinates, as published.
func (r *run) latentObjective(s *torch.Scope, b *Batch,
	atoms int) (total torch.Tensor, value float64) {
	terms := r.latentTerms(s, r.params, b)
	share := 1 / float64(r.batchAtoms())
	for _, t := range []struct {
		sum    torch.Tensor
		factor float64
	}{
		{terms.Eps, 0.5 * share / float64(3+r.Latent.Size)}, {terms.Rec, share / float64(3+r.Config.Features)},
		{terms.KL, r.Latent.KLWeight * share * float64(b.N)},
	} {
		if t.sum == nil || t.factor == 0 {
			continue
		}
		total = torch.Plus(s, total, torch.Weigh(s, t.sum, nil, t.factor))
	}
	return total, float64(torch.Float32s(total)[0]) * float64(r.batchAtoms()) / float64(atoms)
}

// latentErrors are those of each molecule of a batch for validation: |eps - eps_hat|² per
// coordinate of the latents and the reconstruction's error per coordinate of the data, of what the
// stage trains.
func (r *run) latentErrors(s *torch.Scope, b *Batch) []float64 {
	errors := make([]float64, b.B)
	terms := r.latentTerms(s, r.emaParams, b)
	for _, t := range []struct {
		sum   torch.Tensor
		width int
	}{{terms.Eps, 3 + r.Latent.Size}, {terms.Rec, 3 + r.Config.Features}} {
		if t.sum == nil {
			continue
		}
		for i, e := range torch.Float32s(t.sum) {
			errors[i] += float64(e) / float64(t.width*b.N)
		}
	}
	return errors
}
