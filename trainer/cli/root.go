// Package cli is the command symdiff: training, sampling, measuring and
// inspecting, each a cobra command in its own file.
//
// Results go to standard output, all else to standard error. The exit code is 0
// for success, 1 for a failure, which is reported in one line, 2 for wrong usage
// and 130 after an interrupt.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/symdiff-go/symdiff/trainer/leftover"
)

// Exit codes of the command.
const (
	exitFailure     = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// grace is how long a command may go on after it was interrupted. What it does then,
// such as one call of a huge network or of a library, cannot be stopped: it is given up.
const grace = time.Second

// finishes marks the commands that end in their own time when they are interrupted,
// with a checkpoint.
const finishes = "finishes"

// interrupts are the signals that cancel what runs, but for those that are ignored, as
// nohup has it.
func interrupts() (list []os.Signal) {
	for _, s := range []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP} {
		if !signal.Ignored(s) {
			list = append(list, s)
		}
	}
	return list
}

// Main runs the command with its arguments and returns the exit code. Ctrl-C,
// SIGTERM and the end of the terminal (SIGHUP) cancel what runs; a second one ends
// the process.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if list := interrupts(); len(list) > 0 {
		var stop func()
		ctx, stop = signal.NotifyContext(ctx, list...)
		defer stop()
		context.AfterFunc(ctx, stop)
	}
	return run(ctx, args, stdin, stdout, stderr)
}

// run is Main without the signals.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var started atomic.Pointer[cobra.Command]
	root := newRootCommand(started.Store)
	stdout, stderr = &plain{w: stdout}, &plain{w: stderr}
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	patience := func() <-chan time.Time {
		if cmd := started.Load(); cmd != nil && cmd.Annotations[finishes] != "" {
			return nil
		}
		return time.After(grace)
	}
	cmd, err := execute(ctx, root, patience)
	if err == nil {
		return 0
	}
	code := exitCode(err, started.Load() != nil, ctx.Err() != nil)
	if code == exitUsage {
		fmt.Fprintf(stderr, "symdiff: %v\nTry '%s --help'.\n", err, cmd.CommandPath())
	} else {
		fmt.Fprintf(stderr, "symdiff: %v\n", err)
	}
	return code
}

// execute runs the command until it ends, or until patience ends after ctx was
// cancelled: then it is given up, and what it has not finished is removed.
func execute(ctx context.Context, root *cobra.Command,
	patience func() <-chan time.Time) (*cobra.Command, error) {
	type result struct {
		cmd *cobra.Command
		err error
	}
	ended := make(chan result, 1)
	go func() {
		cmd, err := root.ExecuteContextC(ctx)
		ended <- result{cmd, err}
	}()
	select {
	case r := <-ended:
		return r.cmd, r.err
	case <-ctx.Done():
	}
	select {
	case r := <-ended:
		return r.cmd, r.err
	case <-patience():
		leftover.Remove()
		return root, ctx.Err()
	}
}

// exitCode says what an error means. What fails before a command has started
// is wrong usage: an unknown command or flag, a missing argument.
func exitCode(err error, started, interrupted bool) int {
	if e, ok := errors.AsType[interface {
		error
		ExitCode() int
	}](err); ok {
		return e.ExitCode()
	}
	switch {
	case !started:
		return exitUsage
	case interrupted || errors.Is(err, context.Canceled):
		return exitInterrupted
	}
	return exitFailure
}

// usageError is wrong usage that a command finds itself.
type usageError struct{ error }

func (usageError) ExitCode() int { return exitUsage }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// newRootCommand assembles the commands; each calls started before it runs.
func newRootCommand(started func(*cobra.Command)) *cobra.Command {
	root := &cobra.Command{
		Use:   "symdiff",
		Short: "Generate molecules by stochastically symmetrised diffusion",
		Long: `symdiff trains, samples, measures and inspects SymDiff models: diffusion models of
molecules in 3D whose equivariance comes from stochastic symmetrisation (Zhang et al., ICLR 2025,
arXiv 2410.06262).`,
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       currentVersion().Version, // --version
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.AddCommand(
		newSampleCommand(), newInspectCommand(), newEquivarianceCommand(),
		newTrainCommand(), newDistillCommand(), newPosttrainCommand(), newRunCommand(), newExportCommand(),
		newImportCommand(), newPlotCommand(), newServeCommand(), newVersionCommand(), newManCommand(),
		newEvaluateCommand(), newCompareCommand(), newNLLCommand(), newAnalyseCommand(), newDataCommand(),
	)
	root.PersistentFlags().Bool("strict", false,
		"stop at the first bad record of a file of molecules; by default it is skipped")
	announce(root, started)
	root.InitDefaultHelpCmd()
	explainArguments(root)
	fitHelp(root)
	return root
}

// explainArguments has all commands say what is wrong with their arguments, and what they want.
func explainArguments(cmd *cobra.Command) {
	for _, c := range cmd.Commands() {
		explainArguments(c)
	}
	check := cmd.Args
	switch {
	case cmd.Name() == "help":
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			found, rest, err := cmd.Root().Find(args)
			if len(rest) > 0 {
				return unknownCommand(found, rest[0])
			}
			return err
		}
	case check != nil:
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if check(cmd, args) == nil {
				return nil
			}
			if cmd.HasSubCommands() {
				return unknownCommand(cmd, args[0])
			}
			for n := len(args) - 1; n >= 0; n-- {
				if check(cmd, args[:n]) == nil {
					return fmt.Errorf("unexpected argument %q, want %s", args[n], cmd.UseLine())
				}
			}
			return fmt.Errorf("an argument is missing, want %s", cmd.UseLine())
		}
	}
}

// unknownCommand is the error of a word that is no command below cmd.
func unknownCommand(cmd *cobra.Command, word string) error {
	cmd.SuggestionsMinimumDistance = 2
	if like := cmd.SuggestionsFor(word); len(like) > 0 {
		return fmt.Errorf("unknown command %q for %q, want %s?", word, cmd.CommandPath(),
			strings.Join(like, " or "))
	}
	return fmt.Errorf("unknown command %q for %q", word, cmd.CommandPath())
}

// announce has every command below cmd call started before it runs.
func announce(cmd *cobra.Command, started func(*cobra.Command)) {
	for _, cmd := range cmd.Commands() {
		cmd.DisableFlagsInUseLine = true
		announce(cmd, started)
		body := cmd.RunE
		if body == nil {
			continue // a group: it prints its help
		}
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			started(cmd)
			if err := replacesInput(cmd, args); err != nil {
				return err
			}
			return body(cmd, args)
		}
	}
}

// must stops on errors that only a wrong definition of a command can cause.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
