//go:build torch

package cli

import (
	"errors"
	"fmt"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/symdiff-go/symdiff/trainer/train"
)

// newPosttrainCommand trains a network against its own samples.
func newPosttrainCommand() *cobra.Command {
	var p train.Posttraining
	var weights, resume string
	var quiet, asJSON bool
	var set []string
	bind := func(f *pflag.FlagSet, p *train.Posttraining) {
		f.StringSliceVar(&p.Train.Data, "data", p.Train.Data, "files of molecules to train on")
		f.StringSliceVar(&p.Train.Val, "val", p.Train.Val, "files of held-out molecules, by which rounds are judged")
		f.StringVar(&p.Train.Out, "out", p.Train.Out, "folder of samples, weights and state")
		f.IntVar(&p.Rounds, "rounds", p.Rounds, "rounds at most")
		f.IntVar(&p.Patience, "patience", p.Patience, "end after this many rounds without a better score")
		f.IntVar(&p.Samples, "samples", p.Samples, "molecules sampled in a round")
		f.IntVar(&p.Positives, "positives", p.Positives, "training molecules of a round")
		f.IntVar(&p.SampleSteps, "sample-steps", p.SampleSteps, "steps of the sampler, 0: the default sampler's")
		f.IntVar(&p.Train.Steps, "steps", p.Train.Steps, "steps of training in a round")
		f.StringVar(&p.Reward, "reward", p.Reward, "what is wanted of molecules: an expression, or a program's name after |")
		f.Float64Var(&p.Mix, "mix", p.Mix, "with --reward, share of the data against the samples")
		f.Uint64Var(&p.Train.Seed, "seed", p.Train.Seed, "seed of samples, order and noise")
		f.IntVar(&p.Train.Threads, "threads", p.Train.Threads, "threads, 0: one per CPU")
		f.StringVar(&p.Train.Device, "device", p.Train.Device, "cpu, cuda or cuda:N")
	}
	cmd := &cobra.Command{
		Annotations: map[string]string{finishes: "yes"},
		Use:         "posttrain --init WEIGHTS --data FILE[,FILE...] --val FILE --out DIR",
		Short:       "Train a model against its own samples",
		Args:        cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			var o train.Posttraining
			switch {
			case resume != "":
				o, err = train.ReadPosttraining(resume)
			case weights == "":
				return usagef("--init: no weights file given")
			default:
				o, err = train.PosttrainDefaults(weights)
			}
			if err != nil {
				return err
			}
			fresh := pflag.NewFlagSet("", pflag.ContinueOnError)
			bind(fresh, &o)
			more := pflag.NewFlagSet("", pflag.ContinueOnError)
			bindOptions(more, &o.Train)
			more.Float64Var(&o.Beta, "beta", o.Beta, "")
			more.Float64Var(&o.From, "from", o.From, "")
			more.Float64Var(&o.To, "to", o.To, "")
			for _, text := range set {
				name, value, ok := strings.Cut(text, "=")
				if !ok || more.Lookup(name) == nil {
					return usagef("--set %q: want KEY=VALUE", text)
				}
				if err := more.Set(name, value); err != nil {
					return err
				}
			}
			cmd.Flags().Visit(func(f *pflag.Flag) {
				if fresh.Lookup(f.Name) != nil && err == nil {
					err = fresh.Set(f.Name, flagText(f))
				}
			})
			if err != nil {
				return err
			}
			o.Train.Command = startedAs(cmd)
			runtime.LockOSThread() // libtorch's state belongs to a thread
			defer runtime.UnlockOSThread()
			status := cmd.ErrOrStderr()
			terminal := isTerminal(status)
			if quiet {
				status = nil
			}
			result, err := train.Posttrain(cmd.Context(), o, resume != "", status, terminal)
			if result == nil {
				return err
			}
			if asJSON {
				return errors.Join(err, writeJSON(cmd.OutOrStdout(), result))
			}
			fmt.Fprintln(cmd.OutOrStdout(), result)
			return err
		},
	}
	bind(cmd.Flags(), &p)
	f := cmd.Flags()
	f.StringVar(&weights, "init", "", "weights file to start from")
	f.StringVar(&resume, "resume", "", "folder of post-training to go on with")
	f.StringArrayVar(&set, "set", nil, "another setting, as KEY=VALUE")
	f.BoolVar(&quiet, "quiet", false, "no progress and no notes")
	f.BoolVar(&asJSON, "json", false, "print the result as JSON")
	return cmd
}
