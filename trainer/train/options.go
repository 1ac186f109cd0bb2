// Package train fits a network to molecules: the objective of SymDiff, AdamW, an exponential moving
// average of the weights, validation, a log, checkpoints from which a run goes on bit for bit.
//
// A batch holds B molecules of N atoms each. Random numbers are counter-based (core/rng): what a
// step draws is a function of the seed, the step and the place in the batch, so that a checkpoint
// needs no generator's state. What needs libtorch is built with the tag torch; options, batches,
// schedules, checkpoints and export are plain Go.
package train

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/symdiff-go/symdiff/core/egnn"
	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/geoldm"
	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/schedule"
	"github.com/symdiff-go/symdiff/trainer/dataset"
)

// Options say what to train and how. They are stored in checkpoints.
type Options struct {
	// files, each perhaps with @key=value (see dataset.Load)
	Data   []string `json:"data"`
	Val    []string `json:"val,omitempty"`  // files of held-out molecules
	Out    string   `json:"out"`            // folder of log and checkpoints
	Resume string   `json:"-"`              // checkpoint to go on from; empty: start anew
	Init   string   `json:"init,omitempty"` // weights file to start from; empty: random weights

	// weights file whose prediction is learned in place of the noise
	Teacher string `json:"teacher,omitempty"`
	// weights file of a weak model that guides the teacher
	Guide    string  `json:"guide,omitempty"`
	Guidance float64 `json:"guidance,omitempty"` // weight w of the guidance (see teacher)

	// steps of the sampler of a student of few steps, each of which it learns to make like so many
	// of its teacher (see progressive); 0: it learns the teacher's prediction
	StudentSteps int `json:"student_steps,omitempty"`
	TeacherSteps int `json:"teacher_steps,omitempty"`

	NFT *NFT `json:"nft,omitempty"` // makes the run a round of DiffusionNFT

	Reader *dataset.Reader `json:"-"` // of Data and Val; nil: strict

	Elements  []string `json:"elements"`
	Charge    bool     `json:"charge"`
	Schedule  string   `json:"schedule"`
	Timesteps int      `json:"timesteps"`
	// empty: SymDiff's, as Config says; egnn: EDM's, as EGNN says
	Network string `json:"network,omitempty"`
	// of EDM's network only the variant (none or symdiff-h), the features and the context
	Config model.Config `json:"model"`
	EGNN   egnn.Config  `json:"egnn,omitzero"`
	Latent Latent       `json:"latent,omitzero"` // of a GeoLDM
	// scalar properties that the network is given, and Types
	Condition []string `json:"condition,omitempty"`
	// probability that they are kept from it
	Dropout float64 `json:"condition_dropout,omitempty"`
	// share of the composition-conditional molecules of which a fragment is fixed (see encoding.FixedMark)
	Fragments float64 `json:"parts,omitempty"`
	Loss      string  `json:"loss,omitempty"`    // l2 or vlb; empty: l2
	Augment   bool    `json:"augment,omitempty"` // rotate each molecule by a Haar matrix (dit-aug)
	// start the distance features on an even grid (see torch.Init)
	DistanceGrid bool `json:"distance_grid,omitempty"`
	BatchAtoms   int  `json:"batch_atoms"`
	// parts of a batch, of BatchAtoms each, one after the other; 0 is 1
	Accumulate int      `json:"accumulate,omitempty"`
	LR         float64  `json:"lr"`
	MinLR      float64  `json:"min_lr"` // floor of the cosine decay, as a share of LR
	Warmup     int      `json:"warmup"` // steps of linear warm-up
	Steps      int      `json:"steps,omitempty"`
	Epochs     int      `json:"epochs,omitempty"`
	MaxTime    Duration `json:"max_time,omitempty"`
	EMA        float64  `json:"ema"`
	Clip       float64  `json:"clip"`
	// clip by the gradients of the last steps in place of Clip (see clipping)
	AdaptiveClip bool    `json:"adaptive_clip,omitempty"`
	WeightDecay  float64 `json:"weight_decay"`
	AMSGrad      bool    `json:"amsgrad"`
	// orthogonalised updates of the matrices of attention and MLPs
	Muon bool `json:"muon,omitempty"`
	BF16 bool `json:"bf16"`
	// products of float32 matrices in TensorFloat-32; CUDA only
	TF32 bool   `json:"tf32,omitempty"`
	Seed uint64 `json:"seed"`
	// independent times instead of stratified ones
	UniformTimes bool `json:"uniform_times,omitempty"`
	// t/T = u^TimePower with u uniform; 0 is 1 (see Batcher.Times)
	TimePower float64 `json:"time_power,omitempty"`
	// of each file of Data, to which times its molecules are noised; nil: to all
	Spans []Span `json:"spans,omitempty"`

	Threads      int    `json:"threads,omitempty"`
	Device       string `json:"device"` // cpu, cuda, cuda:N
	ValEvery     int    `json:"val_every"`
	ValMolecules int    `json:"val_molecules"`
	// to sample and measure after each validation, 0: none
	SampleMolecules int      `json:"sample_molecules,omitempty"`
	LogEvery        int      `json:"log_every"`
	CheckpointEvery Duration `json:"checkpoint_every"`
	// older checkpoints that stay beside the newest
	Keep int `json:"keep"`
	// time after which this part of the run ends, to be resumed; 0: none
	StopAfter Duration `json:"-"`
	Limit     int      `json:"limit,omitempty"` // molecules to train on, 0: all
	Command   string   `json:"command"`
}

// Losses (see run.step).
const (
	lossL2  = "l2"
	lossVLB = "vlb"
)

// Types among Options.Condition lets the types of the atoms be given to the network (see
// encoding.TypesName).
const Types = encoding.TypesName

// NetworkEGNN is Options.Network of EDM's network.
const NetworkEGNN = "egnn"

// variants are the names of what can be trained.
var variants = map[string]struct {
	network string
	variant model.Variant
	augment bool
}{
	"symdiff":   {variant: model.Symdiff},
	"symdiff-h": {variant: model.SymdiffH},
	"dit":       {variant: model.None},
	"dit-aug":   {variant: model.None, augment: true},
	"egnn":      {network: NetworkEGNN, variant: model.None},

	"geoldm":           {network: networkGeoLDM, variant: model.None},
	"geoldm-symdiff":   {network: networkGeoLDMDiT, variant: model.Symdiff},
	"geoldm-symdiff-h": {network: networkGeoLDMDiT, variant: model.SymdiffH},
	"geoldm-dit":       {network: networkGeoLDMDiT, variant: model.None},
}

// Variants lists the names that SetVariant takes.
func Variants() []string { return slices.Sorted(maps.Keys(variants)) }

// SetVariant chooses network, symmetrisation and augmentation by one name. none is dit.
func (o *Options) SetVariant(name string) error {
	if name == string(model.None) {
		name = "dit"
	}
	v, ok := variants[name]
	if !ok {
		return fmt.Errorf("%q, want one of %s", name, strings.Join(Variants(), ", "))
	}
	o.Network, o.Config.Variant, o.Augment = v.network, v.variant, v.augment
	return nil
}

// VariantName is the name by which SetVariant chooses what o has.
func (o *Options) VariantName() string {
	for name, v := range variants {
		if v.network == o.Network && v.variant == o.Config.Variant && v.augment == o.Augment {
			return name
		}
	}
	return string(o.Config.Variant)
}

// HasDiT tells whether the network is, or a GeoLDM has as its denoiser, a DiT.
func (o *Options) HasDiT() bool { return o.Network == "" || o.Network == networkGeoLDMDiT }

// HasEGNN tells whether the network is, or a GeoLDM has as its encoder and decoder, an EGNN.
func (o *Options) HasEGNN() bool { return o.Network != "" }

// Parameters lists those of the network.
func (o *Options) Parameters() []safetensors.Parameter {
	if o.isLatent() {
		return o.Latent.Config.Parameters()
	}
	if o.Network == NetworkEGNN {
		return o.EGNN.Parameters()
	}
	return o.Config.Parameters()
}

// Metadata is the header of a file of the network's weights.
func (o *Options) Metadata(meta encoding.Meta) map[string]string {
	if o.isLatent() {
		return geoldm.Metadata(o.Latent.Config, meta)
	}
	if o.Network == NetworkEGNN {
		return egnn.Metadata(o.EGNN, meta)
	}
	return model.Metadata(o.Config, meta)
}

// sameNetwork tells whether weights of one are weights of the other.
func (o *Options) sameNetwork(p *Options) bool {
	return o.Network == p.Network && o.Config == p.Config && o.EGNN == p.EGNN &&
		o.Latent.Config == p.Latent.Config
}

// describeNetwork is the network for an error message.
func (o *Options) describeNetwork() string {
	if o.isLatent() {
		return fmt.Sprintf("%s %+v", o.VariantName(), o.Latent.Config)
	}
	if o.Network == NetworkEGNN {
		return fmt.Sprintf("%s %+v", o.VariantName(), o.EGNN)
	}
	return fmt.Sprintf("%+v", o.Config)
}

// Duration is a time.Duration that JSON holds as text, like 1h30m.
type Duration time.Duration

func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

func (d *Duration) UnmarshalText(b []byte) error {
	v, err := time.ParseDuration(string(b))
	*d = Duration(v)
	return err
}

// Defaults are the options of a small QM9 model.
func Defaults() Options {
	return Options{
		Elements: []string{"H", "C", "N", "O", "F"}, Charge: true, Schedule: "polynomial_2",
		Timesteps: 1000, Config: model.Config{
			Variant: model.Symdiff, GammaOrder: model.GammaPaper, FixQR: true,
			XHHidden: 128, K: 64, EncHidden: 64, EncDepth: 2, EncHeads: 4, EncMLPRatio: 4, DecHidden: 32,
			Hidden: 192, Depth: 6, Heads: 6, MLPRatio: 4, NoiseDims: 3, NoiseStd: 1, MLPType: model.SwiGLU,
		},
		EGNN: egnn.QM9(), Latent: defaultLatent(), Loss: lossL2, Dropout: 0.1,
		TeacherSteps: 4, BatchAtoms: 1152, Accumulate: 1, LR: 1e-3, MinLR: 0.01, Warmup: 500, EMA: 0.999, Clip: 2,
		WeightDecay: 1e-12, TimePower: 1, Device: "cpu",
		ValEvery: 2000, ValMolecules: 2000, LogEvery: 50, CheckpointEvery: Duration(10 * time.Minute), Keep: 2,
	}
}

// Meta is the meaning of the network's inputs, without histogram and provenance.
func (o *Options) Meta() encoding.Meta {
	m := encoding.QM9()
	m.Elements, m.Charge = o.Elements, o.Charge
	m.Schedule.Name, m.Schedule.Timesteps = o.Schedule, o.Timesteps
	m.Fragments = o.Fragments > 0
	if o.isLatent() {
		m.SetScales(encoding.Unscaled)
	}
	return m
}

// Validate checks the options and completes Config.Features; an error names the flag.
func (o *Options) Validate() error {
	if err := o.validate(); err != nil {
		return OptionError{err}
	}
	return nil
}

// OptionError is an option with a wrong value: wrong usage of the command.
type OptionError struct{ error }

func (e OptionError) Unwrap() error { return e.error }

// ExitCode is that of wrong usage.
func (OptionError) ExitCode() int { return 2 }

func (o *Options) validate() error {
	if o.Accumulate == 0 { // of a checkpoint of before there was a choice
		o.Accumulate = 1
	}
	o.Config.Features = len(o.Elements)
	if o.Charge {
		o.Config.Features++
	}
	context := o.Condition
	o.Config.Context = 2 * len(context)
	for i, name := range context {
		if name == "" || slices.Contains(context[:i], name) {
			return fmt.Errorf("condition: %q: want names of properties, each once", o.Condition)
		}
	}
	if err := o.completeNetwork(); err != nil {
		return fmt.Errorf("model: %w", err)
	}
	meta := o.Meta()
	meta.Fragments = false // for there is no context yet
	if err := cmp.Or(meta.Validate(), meta.CheckFeatures(o.Config.Features)); err != nil {
		return err
	}
	if o.Loss == "" {
		o.Loss = lossL2
	}
	if o.isLatent() {
		if err := o.checkLatent(); err != nil {
			return err
		}
	}
	if err := o.checkChoices(); err != nil {
		return err
	}
	if o.NFT != nil {
		if err := o.NFT.check(o); err != nil {
			return err
		}
	}
	return o.checkRanges()
}

// checkChoices refuses choices that do not go together.
func (o *Options) checkChoices() error {
	switch {
	case o.Loss != lossL2 && o.Loss != lossVLB:
		return fmt.Errorf("loss: %q, want l2 or vlb", o.Loss)
	case o.Schedule == schedule.Learned:
		return errors.New("schedule: learned is read from weights, not trained")
	case o.Config.Variant == model.Symdiff && (!o.Config.FixQR ||
		o.Config.GammaOrder != model.GammaPaper) || o.Config.PadTo != 0:
		return errors.New("model: training needs fix_qr, gamma_order paper and pad_to 0: what the " +
			"published code does otherwise is for its own weights")
	case o.Fragments > 0 && !slices.Contains(o.Condition, Types):
		return errors.New("fragments: needs condition types")
	case o.BF16 && (o.Network == NetworkEGNN || o.Network == networkGeoLDM):
		return errors.New("bf16: EDM's network is trained in float32 only")
	case o.TF32 && o.BF16:
		return errors.New("tf32: not together with bf16")
	case o.TF32 && !strings.HasPrefix(o.Device, "cuda"):
		return errors.New("tf32: needs --device cuda")
	case len(o.Data) == 0:
		return errors.New("--data: no files given")
	case o.Spans != nil && (len(o.Spans) != len(o.Data) || o.Loss == lossVLB || o.Limit > 0):
		return errors.New("spans: want one of each file of the data, loss l2 and no limit")
	case o.Teacher != "" && o.Network == NetworkEGNN:
		return errors.New("--teacher: the student must be a DiT, of any variant but egnn")
	case o.StudentSteps != 0 && o.Teacher == "":
		return errors.New("--student-steps: needs a --teacher, whose steps it learns")
	case o.Guide != "" && o.Teacher == "":
		return errors.New("--guide: needs a --teacher, which it guides")
	case o.Guide == "" && o.Guidance != 0:
		return errors.New("--guidance: needs --guide, the weak model")
	case o.Guide != "" && o.Guidance == 0:
		return errors.New("--guidance: with --guide, needs a weight above 0")
	case o.SampleMolecules > 0 && (len(o.Val) == 0 || o.ValMolecules == 0):
		return errors.New("sample-molecules: needs --val, for the samples are made after each validation")
	case o.Out == "":
		return errors.New("--out: no folder given")
	case o.Steps < 0 || o.Epochs < 0 || o.MaxTime < 0 || o.Steps == 0 && o.Epochs == 0 &&
		o.MaxTime == 0:
		return errors.New("one of --steps, --epochs and --max-time must be given, and be positive")
	}
	return nil
}

// checkRanges refuses numbers that are out of range.
func (o *Options) checkRanges() error {
	for _, c := range []struct {
		flag string
		ok   bool
		want string
	}{
		{"batch-atoms", o.BatchAtoms >= 1, "at least 1"},
		{"accumulate", o.Accumulate >= 1, "at least 1"},
		{"keep", o.Keep >= 0, "not negative"},
		{"--stop-after", o.StopAfter >= 0, "not negative"},
		{"--lr", o.LR > 0 && o.LR < 1, "in (0, 1)"},
		{"min-lr", o.MinLR >= 0 && o.MinLR <= 1, "in [0, 1]"},
		{"time-power", o.TimePower >= 0 && o.TimePower <= 10, "in [0, 10]"},
		{"condition-dropout", o.Dropout >= 0 && o.Dropout <= 1, "in [0, 1]"},
		{"fragments", o.Fragments >= 0 && o.Fragments <= 1, "in [0, 1]"},
		{"warmup", o.Warmup >= 0, "not negative"},
		{"ema", o.EMA >= 0 && o.EMA < 1, "in [0, 1)"},
		{"clip", o.Clip >= 0, "not negative (0: no clipping)"},
		{"weight-decay", o.WeightDecay >= 0 && o.WeightDecay < 1, "in [0, 1)"},
		{"--student-steps", o.StudentSteps >= 0, "not negative"},
		{"teacher-steps", o.TeacherSteps >= 1 || o.StudentSteps == 0, "at least 1"},
		{"--guidance", o.Guidance >= 0 && o.Guidance <= 100, "in [0, 100]"},
		{"val-every", o.ValEvery >= 0, "not negative"},
		{"val-molecules", o.ValMolecules >= 0, "not negative"},
		{"sample-molecules", o.SampleMolecules >= 0, "not negative"},
		{"log-every", o.LogEvery >= 1, "at least 1"},
		{"checkpoint-every", o.CheckpointEvery >= 0, "not negative"},
		{"--threads", o.Threads >= 0, "not negative"},
		{"limit", o.Limit >= 0, "not negative"},
	} {
		if !c.ok {
			return fmt.Errorf("%s: want a value %s", c.flag, c.want)
		}
	}
	return nil
}

// completeNetwork sets what follows from the rest, clears what the network does not have, and
// checks the sizes.
func (o *Options) completeNetwork() error {
	c := &o.Config
	o.clearLatent()
	if o.isLatent() {
		return o.completeLatent()
	}
	if o.Network == NetworkEGNN {
		*c = model.Config{Variant: c.Variant, Features: c.Features, Context: c.Context}
		o.EGNN.Features, o.EGNN.Context = c.Features, c.Context
		return o.EGNN.Validate()
	}
	o.EGNN = egnn.Config{}
	o.clearF()
	return c.Validate()
}

// elements are the numbers of o.Elements, which Validate has checked.
func (o *Options) elements() []molecule.Element {
	var list []molecule.Element
	for _, s := range o.Elements {
		e, _ := molecule.ParseUnited(s)
		list = append(list, e)
	}
	return list
}
