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

Data files are XYZ or SDF, also compressed, or packed (symdiff data prepare). FILE@key=value
takes only the molecules with that property. DIR gets

  checkpoint.safetensors     the newest checkpoint; checkpoint.1.safetensors is the one before it,
                             and so on (run.keep)
  best.safetensors           the checkpoint with the lowest validation loss
  log.jsonl                  the log; events.out.tfevents.* is the same for TensorBoard

Ctrl-C writes a checkpoint and ends with code 130. A run that was stopped or killed at any moment
and then resumed ends with the same bits as an uninterrupted run. This holds on a CPU; with
--max-time the learning rates follow the clock. A loss of NaN ends the run; its batch is in
nan-batch.safetensors.

--config takes a TOML file, or the name of a recipe: ` + strings.Join(recipeNames(), ", ") + `.
Later settings replace earlier ones: files and recipes in their order, then
--set SECTION.KEY=VALUE, then flags. --print-config prints all settings and their meaning as such a
file.

--resume continues from a checkpoint, or from the newest one in the folder of a run, with the
settings of that run. Settings that you give replace them. If the newest checkpoint of a folder is
damaged, the run continues from the one before and says so. --init starts a new run from any
weights.

In a build with MPI (make trainer-mpi), mpirun -n N starts N processes that train one model. A step
is then N batches of optimiser.batch-atoms.

The result goes to standard output and everything else to standard error: on a terminal one line
that is rewritten, otherwise plain lines.`,
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
		Long: `Train a model against its own samples in rounds (libtorch). Each round samples molecules with the
network, and changes it so that its samples become more like the data. Nothing changes once both
have one distribution.

--method diffusionnft (DiffusionNFT, arXiv 2509.16117; DDO, arXiv 2503.01103) trains the network on
equal numbers of molecules of the data (a = 1) and of the samples (a = -negative), noised. e_old is
the network at the start of the round, and e_init that of --init:

  target = e_old + a/beta·(eps - e_old)   in an interval of t/T,   e_init outside it

Below t/T = posttrain.ramp, a is smaller in proportion to t: there the noised molecules tell data
and samples apart, and the prediction's error grows from round to round. Samples of few steps suffer
from that first.

--method task-vector fine-tunes two copies of the network, an expert on the data and a weak copy on
the samples, and adds their difference (Ilharco et al. 2023, arXiv 2212.04089) to its weights theta.
To first order this is guidance by the weak copy (Alemohammad et al. 2024, arXiv 2408.16333):

  theta <- theta + w·(theta_expert - theta_weak)      w = posttrain.scale

A round that is no better is followed by one from the best round, with half of that w.

The score of a round is measured on its samples: stable molecules + unique among valid - 1 -
20·(Jensen-Shannon divergence of the distances from those of --val). Training ends after
posttrain.patience rounds without a better score. DIR/model.safetensors has the weights of the best
round, DIR/posttrain.json the figures of all rounds, DIR/roundK the samples, the runs and the
weights of round K.

--reward steers the samples. It is an expression such as 'stable && rings(3) == 0', whose measures
are by the rule of the model's data set, as those of symdiff evaluate; or
program:COMMAND, a program that reads molecules as SDF and prints one number per line, one for each
molecule. The score is then the mean reward, and the data are those that are not below it.
  diffusionnft   Samples above the mean get a > 0, samples below it a < 0. posttrain.mix is the
                 share of the data against the samples, which keeps the distribution.
  task-vector    The weak copy learns only the samples below the mean, the poor ones. In round k,
                 w = scale·poor_k/poor_0.
With posttrain.group=EXPR a sample is compared only with samples of the same value of EXPR. By
diffusionnft the share of each such group is drawn to its share in --val; by task-vector the weak
copy has each in its share of all samples, so that it does not learn which are hard to make.
With posttrain.reward-below = R the reward counts for t/T < R, and above R all samples are alike:
for a reward that judges bonds and geometry, which come about at a low t. An expression
(expr-lang.org) may name

  ` + strings.Join(train.RewardMeasures(), "\n  ") + `

--resume DIR continues a run that was stopped or killed at any moment. On a CPU it ends with the
same bits as an uninterrupted run.`,
		Example: `  symdiff posttrain --init model.safetensors --data qm9_train.xyz.gz --val qm9_val.xyz.gz --out self
  symdiff posttrain --init model.safetensors --data qm9_train.xyz.gz --val qm9_val.xyz.gz \
      --out no-3-rings --reward 'plausible && rings(3) == 0' --rounds 3 --method task-vector`,
	})
}

// newDistillCommand trains a network to do in fewer evaluations what its teacher does.
func newDistillCommand() *cobra.Command {
	return trains(&trainConfig{kind: "distill"}, &cobra.Command{
		Use: "distill --teacher FILE [--student-steps N] [--guide FILE --guidance W] " +
			"--data FILE[,FILE...] --out DIR (--steps N | --max-time D)",
		Short: "Train a student to need fewer network evaluations than its teacher",
		Long: `Train a student to predict what a teacher predicts (libtorch). The student starts from the
weights of the teacher and has its sizes; --set may change them.

With --student-steps N it samples in N steps of DPM-Solver++(2M), each of which ends where
objective.teacher-steps DDIM steps of the teacher end (progressive distillation, Salimans and Ho 2022,
arXiv 2202.00512). The weights make this sampler their default.

With --guide a weak model guides the teacher (autoguidance, Karras et al. 2024). It may be an
earlier checkpoint of the teacher's training:

  eps* = eps_teacher + W·(eps_teacher - eps_guide)

So the student needs one network evaluation where symdiff sample --guide needs two. The validation
loss is the distance to the teacher. Everything else is as in symdiff train.`,
		Example: `  symdiff distill --teacher model.safetensors --student-steps 15 --data qm9_train.xyz.gz \
      --out student --steps 800
  symdiff distill --teacher model.safetensors --guide early.safetensors --guidance 2 \
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
func (c *trainConfig) start(ctx context.Context, p train.Posttraining, status io.Writer,
	terminal bool) (any, error) {
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
