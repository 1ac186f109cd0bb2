// Package model is the network of SymDiff (Zhang et al., ICLR 2025, arXiv
// 2410.06262): what it is (Config), what it has learned (Model, read from a
// safetensors file) and what it is working on (State).
//
// Atoms are rows. A row of the input z is [x, h]: position (3) and F features
// (scaled one-hot type, scaled atomic number), so 3+F values; the output eps_hat
// has the same layout. Molecules of a batch stand one after the other, without
// padding. An orthogonal matrix acts on rows from the right.
//
// One network evaluation draws
//
//	C = gamma = R0·f(X·R0, eta),   R0 ~ Haar(O(3)),  eta ~ N(0, noise_std²)
//
// rotates the positions by C, lets the unconstrained DiT k predict the noise, and
// rotates the positional part back by Cᵀ:
//
//	eps_x = CoM-free(k_x([X·C, h], t))·Cᵀ,   eps_h = k_h([X·C, h], t).
//
// Package symmetrise does that (Model.Network); here are k, a symmetrise.Denoiser, and
// gamma. They share the distance features, which do not change under C.
//
// What goes beyond the published network is off by default (see Config). With
// Config.PairBias the attention of k adds to head h of block l
//
//	b_ij = (1 + scale_lh(t))·sum_k W_lhk·g_k(|x_i - x_j|)
//
// with the Gaussians g of the distance features, W pair_embedder and scale
// pair_adaLN_modulation; b is invariant, so that symmetrisation stays exact. With
// Config.TimeScale the sinusoids are of that multiple of t.
package model

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/symdiff-go/symdiff/core/dit"
	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/f32"
	"github.com/symdiff-go/symdiff/core/safetensors"
)

// Model is a network with its weights, packed for the kernels. Once it is loaded
// any number of States may use it at the same time.
type Model struct {
	Config Config
	Meta   encoding.Meta

	mean, invStd, norm []float32   // (K) Gaussians of the distance features
	xh                 dit.Linear  // [x, h] -> xh_hidden
	context            [][]float32 // of each channel of the context, its column (xh_hidden) of xh
	pos                dit.Linear  // K -> hidden - xh_hidden

	encX       dit.Linear   // f: [X·R0, eta, distance features] -> enc_hidden
	enc        *dit.Weights // f: blocks
	dec1, dec2 dit.Linear   // f: enc_hidden -> dec_hidden -> 9
	moments    dit.Linear   // f: enc_hidden -> 3, rows of length 1, in the place of these

	k          *dit.Weights // backbone
	timeScale  float32
	finalAdaLN dit.Linear // hidden -> 2·hidden: shift, scale
	final      dit.Linear // hidden -> 3+F

	shared *sharedCache // modulations of the schedule in use

	padBias []float32 // (hidden - xh_hidden) bias of pos where pad_to imitates its leak, else nil
}

// Load reads a network. It wants every tensor of Config.Parameters and of
// encoding.ScheduleParameters with its shape, finite values, and nothing else but
// what Config.Unused names. Errors are *safetensors.Error naming the file and the
// tensor or metadata key.
func Load(f *safetensors.File) (*Model, error) {
	c, meta, err := ParseMetadata(f.Name, f.Metadata)
	if err != nil {
		return nil, err
	}
	if !meta.Defined() {
		info, ok := f.Info("xh_embedder.weight")
		if !ok || len(info.Shape) != 2 {
			return nil, &safetensors.Error{
				File:   f.Name,
				Tensor: "xh_embedder.weight",
				Reason: "missing, or not a matrix",
			}
		}
		c.Features = info.Shape[1] - 3
	}
	if err := c.Validate(); err != nil {
		return nil, &safetensors.Error{File: f.Name, Reason: "metadata config: " + err.Error()}
	}
	if err := meta.ReadSchedule(f); err != nil {
		return nil, err
	}
	l := loader{values: map[string][]float32{}, packed: map[string]*f32.Packed{}}
	known := map[string]bool{}
	for _, p := range encoding.ScheduleParameters(meta.Schedule) {
		known[p.Name] = true
	}
	for _, p := range c.Parameters() {
		if err := l.read(f, c, p); err != nil {
			return nil, err
		}
		known[p.Name] = true
	}
	for _, name := range f.Names() {
		if !known[name] && !c.Unused(name) {
			return nil, &safetensors.Error{
				File:   f.Name,
				Tensor: name,
				Reason: "is no parameter of a " + string(c.Variant) +
					" network of this configuration",
			}
		}
	}
	return l.model(c, meta), nil
}

// loader reads the tensors one after the other. Matrices of linear layers are
// packed at once, so that the file is never there twice.
type loader struct {
	values  map[string][]float32   // of vectors, and of the Gaussians
	packed  map[string]*f32.Packed // of matrices
	scratch []float32              // of the matrix at hand
	pairs   []*f32.Packed          // of the attention bias, one of each block
	context [][]float32            // columns of the first layer (see Model.At)
}

func (l *loader) read(f *safetensors.File, c Config, p safetensors.Parameter) (err error) {
	if len(p.Shape) != 2 || strings.HasPrefix(p.Name, "gaussian_embedder.") {
		l.values[p.Name], err = f.Float32(p.Name, p.Shape...)
		return err
	}
	if l.scratch, err = f.Float32To(l.scratch, p.Name, p.Shape...); err != nil {
		return err
	}
	if p.Name == c.Prefix()+"pair_embedder.weight" { // the attention kernel divides by this root
		f32.Scale(l.scratch, float32(math.Sqrt(float64(c.Hidden/c.Heads))))
		for part := range slices.Chunk(l.scratch, c.Heads*c.K) {
			l.pairs = append(l.pairs, f32.Pack(part, c.Heads, c.K))
		}
	}
	if p.Name == momentsWeight {
		unitRows(l.scratch, p.Shape[1])
	}
	if c.Context > 0 && p.Name == "xh_embedder.weight" {
		var inner []float32
		inner, l.context = dit.SplitColumns(l.scratch, p.Shape[0], p.Shape[1], c.Context)
		l.packed[p.Name] = f32.Pack(inner, p.Shape[0], p.Shape[1]-c.Context)
		return nil
	}
	l.packed[p.Name] = f32.Pack(l.scratch, p.Shape[0], p.Shape[1])
	return nil
}

// linear is a layer; one whose bias is no parameter has none.
func (l *loader) linear(name string) dit.Linear {
	return dit.Linear{W: l.packed[name+".weight"], Bias: l.values[name+".bias"]}
}

func (l *loader) trunk(prefix string, c dit.Config) *dit.Weights {
	w := &dit.Weights{
		Config: c,
		T0:     l.linear(prefix + "t_embedder.mlp.0"),
		T2:     l.linear(prefix + "t_embedder.mlp.2"),
	}
	for i := range c.Depth {
		b := prefix + "blocks." + strconv.Itoa(i) + "."
		w.Blocks = append(w.Blocks, dit.Block{
			QKV: l.linear(b + "attn.qkv"), Proj: l.linear(b + "attn.proj"),
			FC1: l.linear(b + "mlp.fc1"), FC2: l.linear(b + "mlp.fc2"),
			AdaLN: l.linear(b + "adaLN_modulation.1"),
		})
	}
	return w
}

func (l *loader) model(c Config, meta encoding.Meta) *Model {
	m := &Model{Config: c, Meta: meta, shared: new(sharedCache)}
	m.mean, m.invStd, m.norm = gaussians(
		l.values["gaussian_embedder.means.weight"],
		l.values["gaussian_embedder.stds.weight"],
	)
	m.context = l.context
	m.xh, m.pos = l.linear("xh_embedder"), l.linear("pos_embedder")
	if c.PadTo > 0 { // the bias's share depends on the number of atoms: see distanceFeatures
		m.padBias, m.pos.Bias = m.pos.Bias, nil
	}
	m.timeScale = 1
	if c.TimeScale != 0 {
		m.timeScale = float32(c.TimeScale)
	}
	k := c.Prefix()
	m.k = l.trunk(k, c.backbone())
	if c.PairBias {
		m.k.Pair, m.k.PairAdaLN = l.linear(k+"pair_embedder"), l.linear(k+"pair_adaLN_modulation.1")
		for i, w := range l.pairs {
			m.k.Blocks[i].Pair.W = w
		}
	}
	m.final = l.linear(k + "final_layer.linear")
	m.finalAdaLN = l.linear(k + "final_layer.adaLN_modulation.1")
	if c.Variant == Symdiff {
		m.encX = l.linear("gamma_enc.x_embedder")
		m.enc = l.trunk("gamma_enc.", c.encoder())
		if c.GammaHead == GammaMoments {
			m.moments = l.linear(strings.TrimSuffix(momentsWeight, ".weight"))
		} else {
			m.dec1, m.dec2 = l.linear("gamma_dec.fc1"), l.linear("gamma_dec.fc2")
		}
	}
	return m
}

// backbone is the size of k.
func (c Config) backbone() dit.Config {
	return dit.Config{
		Width:  c.Hidden,
		Depth:  c.Depth,
		Heads:  c.Heads,
		MLP:    mlpWidth(c.MLPRatio, c.Hidden),
		SwiGLU: c.MLPType == SwiGLU,
	}
}

// encoder is the size of f's transformer.
func (c Config) encoder() dit.Config {
	return dit.Config{
		Width:  c.EncHidden,
		Depth:  c.EncDepth,
		Heads:  c.EncHeads,
		MLP:    mlpWidth(c.EncMLPRatio, c.EncHidden),
		SwiGLU: c.MLPType == SwiGLU,
	}
}

// gaussians turns the learned means and widths into the constants of
//
//	g_k(d) = exp(-½((d-mean)/std)²)/(sqrt(2·3.14159)·std),  std = |s| + 0.01.
func gaussians(means, stds []float32) (mean, invStd, norm []float32) {
	invStd, norm = make([]float32, len(stds)), make([]float32, len(stds))
	root := math.Sqrt(2 * 3.14159) // as published
	for i, s := range stds {
		std := math.Abs(float64(s)) + 1e-2
		invStd[i] = float32(1 / std)
		norm[i] = float32(1 / (root * std))
	}
	return means, invStd, norm
}
