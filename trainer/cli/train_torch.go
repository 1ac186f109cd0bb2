//go:build torch

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/symdiff-go/symdiff/trainer/train"
)

// newTrainCommand trains a network with libtorch.
func newTrainCommand() *cobra.Command {
	return trains(&trainConfig{kind: "train"}, &cobra.Command{
		Use:   "train --data FILE[,FILE...] --out DIR (--steps N | --epochs N | --max-time D)",
		Short: "Train a model on molecules",
		Long: `Train a model on molecules, by the objective of SymDiff (libtorch).

Data files are XYZ or SDF, perhaps gzipped; FILE@key=value takes the molecules with that
property only. DIR gets

  checkpoint.safetensors     the newest state; checkpoint.1.safetensors is the one before, and so
                             on (run.keep)
  best.safetensors           the state of the lowest validation loss
  log.jsonl                  the log; events.out.tfevents.* is the same for TensorBoard

Ctrl-C writes a checkpoint and ends with code 130. A run that was stopped, or killed at any
moment, and goes on ends with the bits of one that was left alone (on a CPU; with --max-time the
rates follow the clock). A loss that is no number ends the run, with its batch in
nan-batch.safetensors.

--config takes a TOML file, or a recipe by its name:
` + strings.Join(recipeNames(), ", ") + `.
Several are read in turn, then --set SECTION.KEY=VALUE, then flags. --print-config prints all
settings, with what they mean, as such a file.

--resume takes a checkpoint or the folder of a run, and its options; settings that are given
replace them. Where the newest checkpoint of a folder is damaged it goes on from the one before,
and says so. --init starts a new run from any weights.

In a build with MPI (make trainer-mpi), mpirun -n N starts N processes that train one model: a
step is N batches of optimiser.batch-atoms.

The result goes to standard output, all else to standard error: a line that is rewritten on a
terminal, plain lines elsewhere.`,
		Example: `  symdiff train --config fast --data qm9_train.xyz.gz --val qm9_val.xyz.gz --out run --max-time 2h
  symdiff train --resume run
  symdiff train --config published --data qm9_train.xyz.gz --out run --dry-run`,
	})
}

// newPosttrainCommand trains a network against its own samples.
func newPosttrainCommand() *cobra.Command {
	return trains(&trainConfig{kind: "posttrain"}, &cobra.Command{
		Use:   "posttrain --init WEIGHTS --data FILE[,FILE...] --val FILE --out DIR",
		Short: "Train a model against its own samples, or towards a reward",
		Long: `Train a model against its own samples, round after round (libtorch;
DDO, arXiv 2503.01103; DiffusionNFT, arXiv 2509.16117). Each round samples molecules with the
network of its start, e_old, and trains on as many of the data (a = 1) and of the samples
(a = -negative), noised:

  target = e_old + a/beta·(eps - e_old)   in an interval of t/T,   e_old outside it

It stands still where the samples have the distribution of the data. The data of a round are
those that the last one did not see.

A round is judged by its samples: stable molecules + unique among valid - 1 - 20·(Jensen-Shannon
divergence of the distances to those of --val). It ends after posttrain.patience rounds without
a better score, and DIR/model.safetensors are the weights of the best round; DIR/posttrain.json
has all rounds, DIR/roundK the samples, the log and the weights of each.

With --sample-steps the samples are those of a sampler of so few steps, which the network then
learns to do well in.

--reward says what is wanted instead: an expression such as 'stable && rings(3) == 0', or
program:COMMAND, a program that reads molecules as SDF and prints a number for each, one on a
line. Samples above the mean have a > 0, those below a < 0; --mix is the share of the data
against the samples, which holds the distribution, and the score is the mean reward. With
--set group=EXPR the mean is that of the samples with an equal value of EXPR, such as
aromatic_rings, and the shares of such groups are drawn to those of --val. An expression
(expr-lang.org) may name

  ` + strings.Join(train.RewardMeasures(), "\n  ") + `

A run that was stopped, or killed at any moment, goes on with --resume DIR, and ends with the
bits of one that was left alone (on a CPU).`,
		Example: `  symdiff posttrain --init model.safetensors --data qm9_train.xyz.gz --val qm9_val.xyz.gz --out self
  symdiff posttrain --init model.safetensors --data qm9_train.xyz.gz --val qm9_val.xyz.gz \
      --out wish --reward 'sound && rings(3) == 0' --rounds 3`,
	})
}

// newDistillCommand trains a network to predict what a guided teacher does.
func newDistillCommand() *cobra.Command {
	return trains(&trainConfig{kind: "distill"}, &cobra.Command{
		Use: "distill --teacher FILE [--guide FILE --guidance W] --data FILE[,FILE...] --out DIR " +
			"(--steps N | --epochs N | --max-time D)",
		Short: "Teach a model what another predicts, guided by a weak model",
		Long: `Teach a student what a teacher predicts (libtorch). The student begins
as its teacher, with its sizes; --set may change them.

With --guide a weak model guides the teacher, such as an earlier state of its own training
(autoguidance, Karras et al. 2024):

  eps* = eps_teacher + W·(eps_teacher - eps_guide)

so that the student does with one network evaluation what symdiff sample --guide takes two for.
With objective.expert the difference is that of an expert from a weak model, eps_expert -
eps_guide; objective.guide-from and guide-to are the interval of t/T that is guided. All else is
as in symdiff train; the validation loss is the distance to the teacher.`,
		Example: `  symdiff distill --teacher model.safetensors --guide early.safetensors --guidance 2 \
      --data qm9_train.xyz.gz --out student --max-time 1h`,
	})
}

// trains makes cmd train with the settings that its flags give.
func trains(c *trainConfig, cmd *cobra.Command) *cobra.Command {
	var quiet, asJSON bool
	cmd.Args, cmd.Annotations = cobra.NoArgs, map[string]string{finishes: "yes"}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		p, err := c.options(cmd.Flags())
		if err != nil {
			return err
		}
		if c.print {
			return c.writeConfig(cmd.OutOrStdout(), p)
		}
		p.Train.Command = startedAs(cmd)
		p.Train.Reader = newReader(cmd)
		runtime.LockOSThread() // libtorch's state belongs to a thread
		defer runtime.UnlockOSThread()
		status := cmd.ErrOrStderr()
		terminal := isTerminal(status)
		if quiet {
			status = nil
		}
		result, err := c.start(cmd.Context(), p, status, terminal)
		if result == nil {
			return err
		}
		if asJSON {
			return errors.Join(err, writeJSON(cmd.OutOrStdout(), result))
		}
		fmt.Fprintln(cmd.OutOrStdout(), result)
		return err
	}
	c.bind(cmd)
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "no progress and no notes")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}

// start does what the command is for; the result is nil where there is none.
func (c *trainConfig) start(ctx context.Context, p train.Posttraining, status io.Writer, terminal bool) (any, error) {
	switch {
	case c.dry:
		return orNil(train.DryRun(p.Train))
	case c.kind == "posttrain":
		return orNil(train.Posttrain(ctx, p, c.resume != "", status, terminal))
	}
	return orNil(train.Run(ctx, p.Train, status, terminal))
}

// orNil is a nil pointer as a nil value.
func orNil[T any](p *T, err error) (any, error) {
	if p == nil {
		return nil, err
	}
	return p, err
}
