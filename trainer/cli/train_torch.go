//go:build torch

package cli

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"symdiff/core/model"
	"symdiff/trainer/train"
)

// newTrainCommand trains a network with libtorch.
func newTrainCommand() *cobra.Command {
	o := train.Defaults()
	cmd := &cobra.Command{
		Use:   "train --data FILE[,FILE...] --out DIR (--steps N | --epochs N | --max-time D)",
		Short: "Train a model on molecules",
		Long: `Train a model on molecules, by the objective of SymDiff (libtorch).

Data files are XYZ or SDF, perhaps gzipped; FILE@key=value takes the molecules with that property only. DIR gets

  checkpoint.safetensors     the newest state; checkpoint.1.safetensors is the one before, and so on (--keep)
  best.safetensors           the state of the lowest validation loss
  log.jsonl, log.csv         the log; events.out.tfevents.* is the same for TensorBoard

Ctrl-C writes a checkpoint and ends with code 130. A run that was stopped, or killed at any moment, and goes on ends with the bits of
one that was left alone (on a CPU; with --max-time the rates follow the clock). A loss that is no number ends the run, with its batch
in nan-batch.safetensors.

--resume takes a checkpoint or the folder of a run, and its options; flags that are given replace them. Where the newest checkpoint of
a folder is damaged it goes on from the one before, and says so. --init starts a new run from any weights.`,
		Example: `  symdiff train --data qm9_train.xyz.gz --val qm9_val.xyz.gz --out run --max-time 2h --bf16
  symdiff train --resume run`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.Resume != "" {
				if err := resumeOptions(cmd.Flags(), &o); err != nil {
					return err
				}
			}
			o.Command = commandLine(os.Args)
			runtime.LockOSThread() // libtorch's state belongs to a thread
			defer runtime.UnlockOSThread()
			status := cmd.ErrOrStderr()
			f, ok := status.(*os.File)
			return train.Run(cmd.Context(), o, status, ok && term.IsTerminal(int(f.Fd())))
		},
	}
	trainFlags(cmd.Flags(), &o)
	return cmd
}

// trainFlags binds the flags of train to o.
func trainFlags(f *pflag.FlagSet, o *train.Options) {
	c := &o.Config
	f.StringSliceVar(&o.Data, "data", o.Data, "files of molecules to train on")
	f.StringSliceVar(&o.Val, "val", o.Val, "files of held-out molecules")
	f.StringVar(&o.Out, "out", o.Out, "folder for log and checkpoints")
	f.StringVar(&o.Resume, "resume", "", "checkpoint, or folder of a run, to go on from")
	f.IntVar(&o.Steps, "steps", o.Steps, "end after this many steps")
	f.IntVar(&o.Epochs, "epochs", o.Epochs, "end after this many epochs")
	f.DurationVar((*time.Duration)(&o.MaxTime), "max-time", time.Duration(o.MaxTime), "end after this time, as in 2h30m")
	f.Uint64Var(&o.Seed, "seed", o.Seed, "seed of weights, order and noise")
	f.IntVar(&o.Limit, "limit", o.Limit, "molecules to train on, 0: all")

	f.StringSliceVar(&o.Elements, "elements", o.Elements, "elements of the model, in order")
	f.BoolVar(&o.Charge, "charge", o.Charge, "atomic number as a feature beside the one-hot type")
	f.StringVar(&o.Schedule, "schedule", o.Schedule, "noise schedule: polynomial_2 or cosine")
	f.IntVar(&o.Timesteps, "timesteps", o.Timesteps, "T, the steps of the diffusion process")

	f.StringVar((*string)(&c.Variant), "variant", string(c.Variant), "symdiff, symdiff-h or none")
	f.StringVar(&c.GammaOrder, "gamma-order", c.GammaOrder, "paper, or released as the published code has it (not equivariant)")
	f.BoolVar(&c.FixQR, "fix-qr", c.FixQR, "orthonormalise f's output by rows rather than by columns")
	f.IntVar(&c.PadTo, "pad-to", c.PadTo, "imitate the published code's padding to this many atoms, 0: do not")
	f.IntVar(&c.Hidden, "hidden", c.Hidden, "width of the backbone k")
	f.IntVar(&c.Depth, "depth", c.Depth, "blocks of k")
	f.IntVar(&c.Heads, "heads", c.Heads, "attention heads of k")
	f.Float64Var(&c.MLPRatio, "mlp-ratio", c.MLPRatio, "width of k's MLPs as a multiple of its width")
	f.StringVar(&c.MLPType, "mlp-type", c.MLPType, "swiglu or mlp")
	f.IntVar(&c.XHHidden, "xh-hidden", c.XHHidden, "width of the embedding of positions and features, the rest is for distances")
	f.IntVar(&c.K, "K", c.K, "Gaussians of the distance features")
	f.BoolVar(&o.DistanceGrid, "distance-grid", o.DistanceGrid, "start the Gaussians on an even grid rather than at random as published")
	f.IntVar(&c.EncHidden, "enc-hidden", c.EncHidden, "width of f")
	f.IntVar(&c.EncDepth, "enc-depth", c.EncDepth, "blocks of f")
	f.IntVar(&c.EncHeads, "enc-heads", c.EncHeads, "attention heads of f")
	f.Float64Var(&c.EncMLPRatio, "enc-mlp-ratio", c.EncMLPRatio, "width of f's MLPs as a multiple of its width")
	f.IntVar(&c.DecHidden, "dec-hidden", c.DecHidden, "width of the MLP at the end of f")
	f.IntVar(&c.NoiseDims, "noise-dims", c.NoiseDims, "dimensions of eta per atom")
	f.Float64Var(&c.NoiseStd, "noise-std", c.NoiseStd, "standard deviation of eta")
	f.BoolVar(&c.PairBias, "pair-bias", c.PairBias, "let k's attention see the distances of pairs (not in the published network)")
	f.Float64Var(&c.TimeScale, "time-scale", c.TimeScale, "multiply t by this before its sinusoids, 0: do not, as published")
	f.BoolVar(&o.Augment, "augment", o.Augment, "turn each molecule by a Haar matrix (with --variant none: DiT-Aug)")

	f.StringVar(&o.Init, "init", o.Init, "weights file to start from; parameters that it lacks start as usual, time embeddings are fitted to --time-scale")
	f.IntVar(&o.BatchAtoms, "batch-atoms", o.BatchAtoms, "atoms per batch")
	f.IntVar(&o.Accumulate, "accumulate", o.Accumulate, "parts of --batch-atoms each that make a step, one after the other")
	f.Float64Var(&o.LR, "lr", o.LR, "learning rate")
	f.Float64Var(&o.MinLR, "min-lr", o.MinLR, "floor of the cosine decay, as a share of --lr")
	f.IntVar(&o.Warmup, "warmup", o.Warmup, "steps of linear warm-up")
	f.Float64Var(&o.EMA, "ema", o.EMA, "decay of the moving average of the weights")
	f.Float64Var(&o.Clip, "clip", o.Clip, "largest norm of the gradient, 0: no clipping")
	f.Float64Var(&o.WeightDecay, "weight-decay", o.WeightDecay, "decoupled weight decay")
	f.BoolVar(&o.AMSGrad, "amsgrad", o.AMSGrad, "the AMSGrad form of AdamW")
	f.BoolVar(&o.BF16, "bf16", o.BF16, "matrix products in bfloat16, weights kept in float32")
	f.BoolVar(&o.UniformTimes, "uniform-times", o.UniformTimes, "independent times in a batch instead of stratified ones")
	f.Float64Var(&o.TimePower, "time-power", o.TimePower, "draw t/T as the power of a uniform number: above 1 trains more at low noise")

	f.IntVar(&o.Threads, "threads", o.Threads, "workers that share each batch, one thread each, 0: one per CPU")
	f.StringVar(&o.Device, "device", o.Device, "cpu, cuda or cuda:N")
	f.IntVar(&o.ValEvery, "val-every", o.ValEvery, "steps between validations, 0: at the end only")
	f.IntVar(&o.ValMolecules, "val-molecules", o.ValMolecules, "held-out molecules to use, 0: none")
	f.IntVar(&o.LogEvery, "log-every", o.LogEvery, "steps between lines of the log")
	f.DurationVar((*time.Duration)(&o.CheckpointEvery), "checkpoint-every", time.Duration(o.CheckpointEvery), "time between checkpoints, 0: at the end only")
	f.IntVar(&o.Keep, "keep", o.Keep, "older checkpoints that stay beside the newest one and the best")
}

// resumeOptions replaces o by the options of the checkpoint o.Resume, except for the flags that were given.
func resumeOptions(given *pflag.FlagSet, o *train.Options) error {
	c, _, err := train.ResumeCheckpoint(o.Resume)
	if err != nil {
		return err
	}
	resume := o.Resume
	values := map[string]string{}
	given.Visit(func(f *pflag.Flag) { values[f.Name] = strings.Trim(f.Value.String(), "[]") })
	*o = c.Options
	o.Config.Features = 0 // Validate computes it
	if fi, err := os.Stat(resume); err == nil && fi.IsDir() {
		o.Out = resume // it may have been moved
	}
	fresh := pflag.NewFlagSet("", pflag.ContinueOnError)
	trainFlags(fresh, o)
	for name, v := range values {
		if err := fresh.Set(name, v); err != nil {
			return fmt.Errorf("--%s: %w", name, err)
		}
	}
	o.Resume = resume
	if c.Config.Variant != model.Symdiff && o.Config.Variant == model.Symdiff {
		return fmt.Errorf("--resume %s: the variant of a run cannot change", resume)
	}
	return nil
}

// commandLine is what would start the same run from a shell.
func commandLine(args []string) string {
	quoted := make([]string, len(args))
	for i, a := range args {
		if a == "" || strings.ContainsAny(a, " \t\n'\"\\$&|;<>*?()[]{}~#!`") {
			a = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
		quoted[i] = a
	}
	quoted[0] = "symdiff"
	return strings.Join(quoted, " ")
}
