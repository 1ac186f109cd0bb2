//go:build torch

package cli

import (
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"github.com/symdiff-go/symdiff/trainer/train"
)

// newTrainCommand trains a network with libtorch.
func newTrainCommand() *cobra.Command {
	return trains(&trainConfig{}, &cobra.Command{
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

--config takes a TOML file, or a recipe by its name: ` + strings.Join(recipeNames(), ", ") + `. Several are read in turn; flags come last. --print-config
prints all settings as such a file.

--resume takes a checkpoint or the folder of a run, and its options; settings that are given replace them. Where the newest checkpoint
of a folder is damaged it goes on from the one before, and says so. --init starts a new run from any weights.

In a build with MPI (make trainer-mpi), mpirun -n N starts N processes that train one model: a step is N batches of --batch-atoms.

The result goes to standard output, all else to standard error: a line that is rewritten on a terminal, plain lines elsewhere.`,
		Example: `  symdiff train --config fast --data qm9_train.xyz.gz --val qm9_val.xyz.gz --out run --max-time 2h
  symdiff train --resume run
  symdiff train --config published --data qm9_train.xyz.gz --out run --dry-run`,
	})
}

// newDistillCommand trains a network to predict what a guided teacher does.
func newDistillCommand() *cobra.Command {
	return trains(&trainConfig{student: true}, &cobra.Command{
		Use:   "distill --teacher FILE [--guide FILE [--better FILE] --guidance W] --data FILE[,FILE...] --out DIR (--steps N | --epochs N | --max-time D)",
		Short: "Teach a model what another predicts, guided by a worse one",
		Long: `Teach a student what a teacher predicts (libtorch). The student begins as its teacher, with its sizes; flags may change them.

With --guide the teacher is led away from a worse network, such as an earlier one of its own training (autoguidance, Karras et al. 2024):

  eps* = eps_teacher + W·(eps_teacher - eps_guide)

so that the student does in one network call what symdiff sample --guide takes two for. With --better the difference is that of another
network from its own worse state, eps_better - eps_guide, and is carried over to the teacher; --guide-from and --guide-to say at which
times it is led. All else is as in symdiff train, whose flags it takes; the validation loss is the distance to the teacher.`,
		Example: `  symdiff distill --teacher model.safetensors --guide early.safetensors --guidance 2 --data qm9_train.xyz.gz --out student --max-time 1h`,
	})
}

// trains makes cmd train with the settings that its flags give.
func trains(c *trainConfig, cmd *cobra.Command) *cobra.Command {
	var quiet, asJSON bool
	cmd.Args, cmd.Annotations = cobra.NoArgs, map[string]string{finishes: "yes"}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		o, err := c.options(cmd.Flags())
		if err != nil {
			return err
		}
		if c.print {
			return writeConfig(cmd.OutOrStdout(), o)
		}
		o.Command = startedAs(cmd)
		o.Reader = newReader(cmd)
		runtime.LockOSThread() // libtorch's state belongs to a thread
		defer runtime.UnlockOSThread()
		if c.dry {
			e, err := train.DryRun(o)
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), e)
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), e)
			return err
		}
		status := cmd.ErrOrStderr()
		terminal := isTerminal(status)
		if quiet {
			status = nil
		}
		result, err := train.Run(cmd.Context(), o, status, terminal)
		if result == nil {
			return err
		}
		if asJSON {
			return errors.Join(err, writeJSON(cmd.OutOrStdout(), result))
		}
		fmt.Fprintln(cmd.OutOrStdout(), result)
		return err
	}
	c.bind(cmd.Flags())
	completeTrain(cmd)
	cmd.Flags().BoolVar(&quiet, "quiet", false, "no progress and no notes")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}
