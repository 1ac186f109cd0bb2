// Package train fits a network to molecules: the objective of SymDiff, AdamW, an exponential moving average of the weights,
// validation, a log, checkpoints from which a run goes on bit for bit.
//
// A batch holds B molecules of N atoms each. Random numbers are counter-based (core/rng): what a step draws is a function of the
// seed, the step and the place in the batch, so that a checkpoint needs no generator's state. What needs libtorch is built with
// the tag torch; options, batches, schedules, checkpoints and export are plain Go.
package train

import (
	"errors"
	"fmt"
	"time"

	"symdiff/core/model"
	"symdiff/core/molecule"
)

// Options say what to train and how. They are stored in checkpoints.
type Options struct {
	Data   []string `json:"data"`           // files, each perhaps with @key=value (see dataset.Load)
	Val    []string `json:"val,omitempty"`  // files of held-out molecules
	Out    string   `json:"out"`            // folder of log and checkpoints
	Resume string   `json:"-"`              // checkpoint to go on from; empty: start anew
	Init   string   `json:"init,omitempty"` // weights file to start from; empty: random weights

	Elements     []string     `json:"elements"`
	Charge       bool         `json:"charge"`
	Schedule     string       `json:"schedule"`
	Timesteps    int          `json:"timesteps"`
	Config       model.Config `json:"model"`
	Augment      bool         `json:"augment,omitempty"`       // turn each molecule by a Haar matrix (dit-aug)
	DistanceGrid bool         `json:"distance_grid,omitempty"` // start the distance features on an even grid (see torch.Init)
	BatchAtoms   int          `json:"batch_atoms"`
	Accumulate   int          `json:"accumulate,omitempty"` // parts of a batch, of BatchAtoms each, one after the other; 0 is 1
	LR           float64      `json:"lr"`
	MinLR        float64      `json:"min_lr"` // floor of the cosine decay, as a share of LR
	Warmup       int          `json:"warmup"` // steps of linear warm-up
	Steps        int          `json:"steps,omitempty"`
	Epochs       int          `json:"epochs,omitempty"`
	MaxTime      Duration     `json:"max_time,omitempty"`
	EMA          float64      `json:"ema"`
	Clip         float64      `json:"clip"`
	WeightDecay  float64      `json:"weight_decay"`
	AMSGrad      bool         `json:"amsgrad"`
	BF16         bool         `json:"bf16"`
	Seed         uint64       `json:"seed"`
	UniformTimes bool         `json:"uniform_times,omitempty"` // independent times instead of stratified ones
	TimePower    float64      `json:"time_power,omitempty"`    // t/T = u^TimePower with u uniform; 0 is 1 (see Batcher.Times)

	Threads         int      `json:"threads,omitempty"`
	Device          string   `json:"device"` // cpu, cuda, cuda:N
	ValEvery        int      `json:"val_every"`
	ValMolecules    int      `json:"val_molecules"`
	LogEvery        int      `json:"log_every"`
	CheckpointEvery Duration `json:"checkpoint_every"`
	Keep            int      `json:"keep"`            // older checkpoints that stay beside the newest
	Limit           int      `json:"limit,omitempty"` // molecules to train on, 0: all
	Command         string   `json:"command"`
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
		Elements: []string{"H", "C", "N", "O", "F"}, Charge: true, Schedule: "polynomial_2", Timesteps: 1000,
		Config: model.Config{
			Variant: model.Symdiff, GammaOrder: model.GammaPaper, FixQR: true,
			XHHidden: 128, K: 64, EncHidden: 64, EncDepth: 2, EncHeads: 4, EncMLPRatio: 4, DecHidden: 32,
			Hidden: 192, Depth: 6, Heads: 6, MLPRatio: 4, NoiseDims: 3, NoiseStd: 1, MLPType: model.SwiGLU,
		},
		BatchAtoms: 1152, Accumulate: 1, LR: 1e-3, MinLR: 0.01, Warmup: 500, EMA: 0.999, Clip: 2, WeightDecay: 1e-12, TimePower: 1, Device: "cpu",
		ValEvery: 2000, ValMolecules: 2000, LogEvery: 50, CheckpointEvery: Duration(10 * time.Minute), Keep: 2,
	}
}

// Meta is the meaning of the network's inputs, without histogram and provenance.
func (o *Options) Meta() model.Meta {
	m := model.QM9Meta()
	m.Elements, m.Charge = o.Elements, o.Charge
	m.Schedule.Name, m.Schedule.Timesteps = o.Schedule, o.Timesteps
	return m
}

// Validate checks the options and completes Config.Features; an error names the flag.
func (o *Options) Validate() error {
	if o.Accumulate == 0 { // of a checkpoint of before there was a choice
		o.Accumulate = 1
	}
	o.Config.Features = len(o.Elements)
	if o.Charge {
		o.Config.Features++
	}
	if c := &o.Config; c.Variant != model.Symdiff { // as files hold it: no f, nothing said of it
		c.GammaOrder, c.FixQR = model.GammaPaper, true
		c.EncHidden, c.EncDepth, c.EncHeads, c.EncMLPRatio, c.DecHidden, c.NoiseDims, c.NoiseStd = 0, 0, 0, 0, 0, 0, 0
	}
	if err := o.Config.Validate(); err != nil {
		return fmt.Errorf("model: %w", err)
	}
	if err := o.Meta().Validate(o.Config); err != nil {
		return err
	}
	switch {
	case len(o.Data) == 0:
		return errors.New("--data: no files given")
	case o.Out == "":
		return errors.New("--out: no folder given")
	case o.Steps < 0 || o.Epochs < 0 || o.MaxTime < 0 || o.Steps == 0 && o.Epochs == 0 && o.MaxTime == 0:
		return errors.New("one of --steps, --epochs and --max-time must be given, and be positive")
	}
	for _, c := range []struct {
		flag string
		ok   bool
		want string
	}{
		{"--batch-atoms", o.BatchAtoms >= 1, "at least 1"},
		{"--accumulate", o.Accumulate >= 1, "at least 1"},
		{"--keep", o.Keep >= 0, "not negative"},
		{"--lr", o.LR > 0 && o.LR < 1, "in (0, 1)"},
		{"--min-lr", o.MinLR >= 0 && o.MinLR <= 1, "in [0, 1]"},
		{"--time-power", o.TimePower >= 0 && o.TimePower <= 10, "in [0, 10]"},
		{"--warmup", o.Warmup >= 0, "not negative"},
		{"--ema", o.EMA >= 0 && o.EMA < 1, "in [0, 1)"},
		{"--clip", o.Clip >= 0, "not negative (0: no clipping)"},
		{"--weight-decay", o.WeightDecay >= 0 && o.WeightDecay < 1, "in [0, 1)"},
		{"--val-every", o.ValEvery >= 0, "not negative"},
		{"--val-molecules", o.ValMolecules >= 0, "not negative"},
		{"--log-every", o.LogEvery >= 1, "at least 1"},
		{"--checkpoint-every", o.CheckpointEvery >= 0, "not negative"},
		{"--threads", o.Threads >= 0, "not negative"},
		{"--limit", o.Limit >= 0, "not negative"},
	} {
		if !c.ok {
			return fmt.Errorf("%s: want a value %s", c.flag, c.want)
		}
	}
	return nil
}

// elements are the numbers of o.Elements, which Validate has checked.
func (o *Options) elements() []molecule.Element {
	var list []molecule.Element
	for _, s := range o.Elements {
		e, _ := molecule.ParseElement(s)
		list = append(list, e)
	}
	return list
}
