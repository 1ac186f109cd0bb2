package model

import (
	"errors"
	"strconv"

	"github.com/symdiff-go/symdiff/core/dit"
	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/safetensors"
)

// Variant says how the network is symmetrised.
type Variant string

const (
	// Symdiff draws C from the learned gamma = R0·f(R0⁻¹x, eta).
	Symdiff Variant = "symdiff"
	// SymdiffH draws C from the Haar measure on O(3): f is the identity.
	SymdiffH Variant = "symdiff-h"
	// None leaves the backbone as it is: C = I.
	None Variant = "none"
)

// Orders in which gamma can be composed (see Config.GammaOrder).
const (
	GammaPaper    = "paper"
	GammaReleased = "released"
)

// What gamma can be beyond the published one (see Config.GammaBase, Config.GammaHead).
const (
	GammaFrame   = "frame"
	GammaMoments = "moments"
)

// Kinds of the MLP of a DiT block (see Config.MLPType).
const (
	SwiGLU = "swiglu"
	MLP    = "mlp"
)

// Config says what a network is. The JSON names of its sizes are the published
// ones (see Metadata).
type Config struct {
	Variant    Variant
	GammaOrder string // "paper": C = R0·f(X·R0); "released": C = f(X·R0)·R0ᵀ, not equivariant
	FixQR      bool   // orthonormalise f's 3x3 output on rows (true) or on columns (false)
	PadTo      int    // number of atoms to which the published code pads; 0: no padding is imitated
	Features   int    // F: features of an atom beside its position, one-hot type and charge
	Context    int    // channels of what k is conditioned on, two for each of Meta.Context

	XHHidden    int     // xh_hidden_size: width of the embedding of [x, h]
	K           int     // number of Gaussians of the distance features
	EncHidden   int     // enc_hidden_size: width of f
	EncDepth    int     // enc_depth
	EncHeads    int     // enc_num_heads
	EncMLPRatio float64 // enc_mlp_ratio
	DecHidden   int     // dec_hidden_features: width of the MLP at the end of f
	Hidden      int     // hidden_size: width of k
	Depth       int     // depth
	Heads       int     // num_heads
	MLPRatio    float64 // mlp_ratio
	NoiseDims   int     // noise_dims: dimensions of eta per atom
	NoiseStd    float64 // noise_std: standard deviation of eta
	MLPType     string  // mlp_type: "swiglu" or "mlp" (GELU, tanh form)

	// Beyond the published network; zero is as published.
	PairBias bool // pair_bias: k's attention sees the distances of pairs (see Model)
	// GammaBase is gamma_base: the kernel that f refines, and gamma itself without f. Empty: the
	// Haar measure; or frame (see symmetrise.Frame).
	GammaBase string
	// GammaHead is gamma_head: what makes f's matrix of its blocks. Empty: the published MLP; or
	// moments (see encoder).
	GammaHead string
	TimeScale float64 // time_scale: t is multiplied by it before its sinusoids, unless it is 0
}

// TimeEmbedding is the number of sinusoids that t is turned into.
const TimeEmbedding = dit.Frequencies

// Published sizes: QM9 of the paper, 31,195,834 parameters with h of 6
// features (H C N O F and the charge).
func Published() Config {
	return Config{
		Variant: Symdiff, GammaOrder: GammaPaper, FixQR: true, Features: 6,
		XHHidden: 184, K: 184,
		EncHidden: 128, EncDepth: 8, EncHeads: 4, EncMLPRatio: 4, DecHidden: 64,
		Hidden: 384, Depth: 12, Heads: 6, MLPRatio: 4,
		NoiseDims: 3, NoiseStd: 1, MLPType: SwiGLU,
	}
}

// Bounds on what a file may ask for: far above any published model, low enough
// that sizes computed from them do not overflow.
const (
	maxWidth  = 1 << 14
	maxDepth  = 1 << 8
	maxRatio  = 64
	maxStdDev = 1e3

	maxPairBias  = 1 << 10
	maxTimeScale = 1e6
)

// bound is a number of the configuration, and what it may be.
type bound struct {
	name      string
	v, lo, hi int
}

// bounds are those of the numbers that the network has.
func (c Config) bounds() []bound {
	bounds := []bound{
		{"features", c.Features, 1, 256},
		{"context", c.Context, 0, 64},
		{"pad_to", c.PadTo, 0, encoding.MaxAtoms},
		{"K", c.K, 1, maxWidth},
		{"hidden_size", c.Hidden, 1, maxWidth},
		{"xh_hidden_size", c.XHHidden, 1, c.Hidden - 1},
		{"depth", c.Depth, 1, maxDepth},
		{"num_heads", c.Heads, 1, c.Hidden},
	}
	if c.PairBias {
		bounds = append(bounds,
			bound{"pair_bias: depth times num_heads", c.Depth * c.Heads, 1, maxPairBias})
	}
	if c.Variant == Symdiff {
		bounds = append(bounds,
			bound{"enc_hidden_size", c.EncHidden, 1, maxWidth},
			bound{"enc_depth", c.EncDepth, 1, maxDepth},
			bound{"enc_num_heads", c.EncHeads, 1, c.EncHidden},
			bound{"noise_dims", c.NoiseDims, 0, maxWidth})
		if c.GammaHead == "" {
			bounds = append(bounds, bound{"dec_hidden_features", c.DecHidden, 1, maxWidth})
		}
	}
	return bounds
}

// Validate checks the fields one by one; the error names the one that is wrong
// by its name in a file.
func (c Config) Validate() error {
	switch c.Variant {
	case Symdiff, SymdiffH, None:
	default:
		return errors.New("kind: unknown variant " + strconv.Quote(string(c.Variant)) +
			", want symdiff, symdiff-h or none")
	}
	if c.MLPType != SwiGLU && c.MLPType != MLP {
		return errors.New("mlp_type: " + strconv.Quote(c.MLPType) + ", want swiglu or mlp")
	}
	if c.Variant == Symdiff && c.GammaOrder != GammaPaper && c.GammaOrder != GammaReleased {
		return errors.New(
			"gamma_order: " + strconv.Quote(c.GammaOrder) + ", want paper or released",
		)
	}
	if c.GammaBase != "" && (c.GammaBase != GammaFrame || c.Variant == None) {
		return errors.New("gamma_base: " + strconv.Quote(c.GammaBase) +
			", want frame, of a network that is symmetrised")
	}
	if c.GammaHead != "" && (c.GammaHead != GammaMoments || c.Variant != Symdiff || !c.FixQR) {
		return errors.New("gamma_head: " + strconv.Quote(c.GammaHead) +
			", want moments, of a learned gamma with fix_qr")
	}
	for _, b := range c.bounds() {
		if b.v < b.lo || b.v > b.hi {
			return errors.New(
				b.name + ": " + strconv.Itoa(b.v) + " not in [" + strconv.Itoa(b.lo) + ", " +
					strconv.Itoa(b.hi) + "]",
			)
		}
	}
	if !(c.TimeScale >= 0 && c.TimeScale <= maxTimeScale) {
		return errors.New(
			"time_scale: " + formatFloat(c.TimeScale) + " not in [0, " + formatFloat(maxTimeScale) +
				"]",
		)
	}
	if err := divides("num_heads", c.Heads, c.Hidden); err != nil {
		return err
	}
	if err := checkRatio("mlp_ratio", c.MLPRatio, c.Hidden, c.MLPType); err != nil {
		return err
	}
	if c.Variant != Symdiff {
		return nil
	}
	if err := divides("enc_num_heads", c.EncHeads, c.EncHidden); err != nil {
		return err
	}
	if !(c.NoiseStd >= 0 && c.NoiseStd <= maxStdDev) {
		return errors.New(
			"noise_std: " + formatFloat(c.NoiseStd) + " not in [0, " + formatFloat(maxStdDev) + "]",
		)
	}
	return checkRatio("enc_mlp_ratio", c.EncMLPRatio, c.EncHidden, c.MLPType)
}

func divides(name string, heads, width int) error {
	if width%heads != 0 {
		return errors.New(
			name + ": " + strconv.Itoa(heads) + " does not divide the width " + strconv.Itoa(width),
		)
	}
	return nil
}

// checkRatio asks that the MLP's width be a positive integer, even for SwiGLU.
func checkRatio(name string, ratio float64, width int, kind string) error {
	if !(ratio > 0 && ratio <= maxRatio) {
		return errors.New(
			name + ": " + formatFloat(ratio) + " not in (0, " + strconv.Itoa(maxRatio) + "]",
		)
	}
	if n := mlpWidth(ratio, width); n < 1 || kind == SwiGLU && n%2 != 0 {
		return errors.New(
			name + ": " + formatFloat(ratio) + " gives an MLP of width " + strconv.Itoa(n) +
				", which " + kind + " cannot use",
		)
	}
	return nil
}

// mlpWidth is the output width of fc1, rounded down as int() does.
func mlpWidth(ratio float64, width int) int { return int(ratio * float64(width)) }

func formatFloat(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// Prefix is what the names of the backbone's parameters begin with: "k." in a
// symmetrised network and "model." in a plain one.
func (c Config) Prefix() string {
	if c.Variant == None {
		return "model."
	}
	return "k."
}

// Parameters lists every parameter of the network, in the order of the
// published state_dict, and last those it does not have. It is the one
// definition of names and shapes: files, the sampler and the trainer all follow
// it.
//
// Published files of the symdiff variant also hold
// gamma_enc.final_layer.adaLN_modulation.1, which no output depends on; it is
// neither listed nor needed (see Unused).
func (c Config) Parameters() []safetensors.Parameter {
	l := list{}
	pos := c.Hidden - c.XHHidden // width of the distance part of the embedding
	l.Add("gaussian_embedder.means.weight", 1, c.K)
	l.Add("gaussian_embedder.stds.weight", 1, c.K)
	l.Linear("xh_embedder", 3+c.Features+c.Context, c.XHHidden)
	l.Linear("pos_embedder", c.K, pos)
	if c.Variant == Symdiff {
		l.Linear("gamma_enc.x_embedder", 3+c.NoiseDims+pos, c.EncHidden)
		l.trunk("gamma_enc.", c.EncHidden, c.EncDepth, mlpWidth(c.EncMLPRatio, c.EncHidden),
			c.MLPType)
		if c.GammaHead == GammaMoments {
			l.Add(momentsWeight, 3, c.EncHidden)
		} else {
			l.Linear("gamma_dec.fc1", c.EncHidden, c.DecHidden)
			l.Linear("gamma_dec.fc2", c.DecHidden, 9)
		}
	}
	k := c.Prefix()
	l.trunk(k, c.Hidden, c.Depth, mlpWidth(c.MLPRatio, c.Hidden), c.MLPType)
	l.Linear(k+"final_layer.linear", c.Hidden, 3+c.Features)
	l.Linear(k+"final_layer.adaLN_modulation.1", c.Hidden, 2*c.Hidden)
	if c.PairBias {
		l.Add(k+"pair_embedder.weight", c.Depth*c.Heads, c.K)
		l.Linear(k+"pair_adaLN_modulation.1", c.Hidden, c.Depth*c.Heads)
	}
	return l.Parameters
}

// Unused reports whether a published file may hold a tensor of that name
// although no output of the network depends on it.
func (c Config) Unused(name string) bool {
	switch name {
	case "gamma_enc.final_layer.adaLN_modulation.1.weight",
		"gamma_enc.final_layer.adaLN_modulation.1.bias",
		"gamma_enc.final_layer.linear.weight",
		"gamma_enc.final_layer.linear.bias":
		return c.Variant == Symdiff
	}
	return false
}

// NumParameters is the number of values of all parameters.
func (c Config) NumParameters() int {
	n := 0
	for _, p := range c.Parameters() {
		n += p.Size()
	}
	return n
}

type list struct{ safetensors.Parameters }

// trunk is the time embedding and the blocks of a DiT of the given width.
func (l *list) trunk(prefix string, width, depth, mlp int, kind string) {
	l.Linear(prefix+"t_embedder.mlp.0", TimeEmbedding, width)
	l.Linear(prefix+"t_embedder.mlp.2", width, width)
	mlpIn := mlp
	if kind == SwiGLU {
		mlpIn = mlp / 2
	}
	for i := range depth {
		b := prefix + "blocks." + strconv.Itoa(i) + "."
		l.Linear(b+"attn.qkv", width, 3*width)
		l.Linear(b+"attn.proj", width, width)
		l.Linear(b+"mlp.fc1", width, mlp)
		l.Linear(b+"mlp.fc2", mlpIn, width)
		l.Linear(b+"adaLN_modulation.1", width, 6*width)
	}
}
