package train

import (
	"errors"
	"fmt"
	"slices"

	"github.com/symdiff-go/symdiff/core/geoldm"
	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/rng"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// Networks of Options.Network that are GeoLDMs (see core/geoldm): with EDM's network on the
// latents, as published, and with SymDiff's.
const (
	networkGeoLDM    = "geoldm"
	networkGeoLDMDiT = "geoldm-dit"
)

// Latent says what autoencoder a GeoLDM has, and how it is trained.
type Latent struct {
	Size     int     `json:"latent_nf"` // L: scalars of an atom's latent
	Stage    string  `json:"stage"`     // see the Stages
	KLWeight float64 `json:"kl_weight"` // of the KL divergence, where the encoder is trained

	Config geoldm.Config `json:"config,omitzero"` // what follows from this and the other options
}

// Stages of training a GeoLDM. stageReleased is what the published commands do, stageAutoencoder
// and stageDiffusion are the two stages of the paper; the published code starts the second from the
// first with the autoencoder frozen.
const (
	stageReleased    = "released"    // decoder and denoiser, the encoder as it starts
	stageAutoencoder = "autoencoder" // encoder and decoder
	stageDiffusion   = "diffusion"   // the denoiser, of an autoencoder from --init
	// all three; the loss of the denoiser does not reach the encoder
	stageJoint = "joint"
)

// stages lists them.
func stages() []string {
	return []string{stageReleased, stageAutoencoder, stageDiffusion, stageJoint}
}

// defaultLatent is the published one of QM9.
func defaultLatent() Latent { return Latent{Size: 1, Stage: stageReleased, KLWeight: 0.01} }

// isLatent tells whether the network is a GeoLDM.
func (o *Options) isLatent() bool {
	return o.Network == networkGeoLDM || o.Network == networkGeoLDMDiT
}

// completeLatent sets the configuration of a GeoLDM: encoder and decoder are EGNNs of the EGNN's
// width, one block and as many as it has.
func (o *Options) completeLatent() error {
	if o.Latent == (Latent{}) {
		o.Latent = defaultLatent()
	}
	c, part := &o.Config, o.EGNN
	part.Features, part.Context = o.Latent.Size, 0
	// The published code leaves the last type out where there is no charge; here every type can
	// come out.
	m := geoldm.Config{Features: c.Features, Charge: o.Charge, AllTypes: !o.Charge, Encoder: part,
		Decoder: part}
	m.Encoder.Features, m.Encoder.Layers = c.Features, 1
	m.Complete()
	if o.Network == networkGeoLDM {
		*c = model.Config{Variant: model.None, Features: c.Features}
		m.EGNN = part
	} else {
		o.clearF()
		m.DiT = *c
		m.DiT.Features = o.Latent.Size
	}
	o.EGNN, o.Latent.Config = part, m
	return m.Validate()
}

// checkLatent refuses what a GeoLDM cannot be trained with.
func (o *Options) checkLatent() error {
	l := o.Latent
	switch {
	case !slices.Contains(stages(), l.Stage):
		return fmt.Errorf("stage: %q, want one of %q", l.Stage, stages())
	case !(l.KLWeight >= 0):
		return errors.New("kl-weight: want a value that is not negative")
	case l.Stage == stageDiffusion && o.Init == "":
		return errors.New("stage diffusion: needs --init with weights of stage autoencoder")
	case len(o.Condition) > 0 || o.Fragments > 0:
		return errors.New("--condition, --parts: not with a GeoLDM")
	case o.Teacher != "":
		return errors.New("--teacher: not with a GeoLDM")
	case o.Loss == lossVLB:
		return errors.New("--loss: a GeoLDM has l2 alone, since its decoder has no variance")
	case o.Stage() == stageAutoencoder && o.SampleMolecules > 0:
		return errors.New("sample-molecules: stage autoencoder trains nothing that samples")
	}
	return nil
}

// Stage is that of a GeoLDM, empty of another network.
func (o *Options) Stage() string {
	if !o.isLatent() {
		return ""
	}
	return o.Latent.Stage
}

// clearLatent forgets what only a GeoLDM has.
func (o *Options) clearLatent() {
	if !o.isLatent() {
		o.Latent = Latent{}
	}
}

// clearF takes what only f has out of the configuration of a network without f, as files hold it.
func (o *Options) clearF() {
	c := &o.Config
	if c.Variant == model.Symdiff {
		return
	}
	c.GammaOrder, c.FixQR = model.GammaPaper, true
	c.EncHidden, c.EncDepth, c.EncHeads, c.EncMLPRatio = 0, 0, 0, 0
	c.DecHidden, c.NoiseDims, c.NoiseStd = 0, 0, 0
}

// latents gives a batch of clean data the noise (B, N, 3+L) of its latents about their means, and
// that of the diffusion, each from a separate stream for each molecule, its x part of zero mean.
func (b *Batcher) latents(out *Batch, ids []int, seed uint64, step int) {
	width := 3 + b.latent
	rows := out.N * width
	out.Mask, out.LogPH = nil, nil // its loss has no special term at t = 0
	out.Eps, out.Posterior = make([]float32, out.B*rows), make([]float32, out.B*rows)
	for i := range out.B {
		id := uint32(i)
		if ids != nil {
			id = uint32(ids[i])
		}
		for purpose, dst := range map[rng.Purpose][]float32{drawNoise: out.Eps,
			drawPosterior: out.Posterior} {
			stream, part := rng.New(seed, id, purpose, uint32(step)), dst[i*rows:(i+1)*rows]
			stream.Fill(part, 1)
			symmetrise.RemoveMean(part, width, []int{out.N})
		}
	}
}

// Latents makes the batches those of a GeoLDM of so many scalars an atom.
func (b *Batcher) Latents(size int) { b.latent = size }
