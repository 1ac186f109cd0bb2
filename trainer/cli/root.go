// Package cli is the command symdiff: training, sampling, measuring and
// inspecting, each a cobra command in a file of its own.
//
// Results go to standard output, all else to standard error. The exit code is 0
// for success, 1 for a failure, which is told in one line, 2 for wrong usage
// and 130 after an interrupt.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes of the command.
const (
	exitFailure     = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// Main runs the command with its arguments and returns the exit code. Ctrl-C
// and SIGTERM cancel what runs; a second one ends the process.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return run(ctx, args, stdin, stdout, stderr)
}

// run is Main without the signals.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	started := false
	root := newRootCommand(func() { started = true })
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return 0
	}
	code := exitCode(err, started, ctx.Err() != nil)
	if code == exitUsage {
		fmt.Fprintf(stderr, "symdiff: %v\nTry '%s --help'.\n", err, cmd.CommandPath())
	} else {
		fmt.Fprintf(stderr, "symdiff: %v\n", err)
	}
	return code
}

// exitCode tells what an error means. What fails before a command has started
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
func newRootCommand(started func()) *cobra.Command {
	root := &cobra.Command{
		Use:   "symdiff",
		Short: "Generate molecules by stochastically symmetrised diffusion",
		Long: `symdiff trains, samples, measures and inspects SymDiff models: diffusion models of molecules in 3D whose
equivariance comes from stochastic symmetrisation (Zhang et al., ICLR 2025, arXiv 2410.06262).`,
		Args:          cobra.NoArgs,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.AddCommand(
		newSampleCommand(), newInspectCommand(), newEquivarianceCommand(),
		newTrainCommand(), newDistillCommand(), newPosttrainCommand(), newExportCommand(), newImportCommand(), newPlotCommand(), newServeCommand(), newVersionCommand(),
		newEvaluateCommand(), newCompareCommand(), newNLLCommand(), newAnalyseCommand(), newDataCommand(),
	)
	announce(root, started)
	return root
}

// announce has every command below cmd call started before it runs.
func announce(cmd *cobra.Command, started func()) {
	for _, cmd := range cmd.Commands() {
		cmd.DisableFlagsInUseLine = true
		announce(cmd, started)
		body := cmd.RunE
		if body == nil {
			continue // a group: it prints its help
		}
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			started()
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
