package cli

import (
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/symdiff-go/symdiff/trainer/train"
)

// newPlotCommand draws the logs of runs.
func newPlotCommand() *cobra.Command {
	var out, over string
	var asJSON, markdown bool
	cmd := &cobra.Command{
		Use:   "plot RUN...",
		Short: "Draw the logs of training runs as SVG, and print a table of them",
		Long: `Draw the logs of training runs: training and validation loss, learning rate, norm of the
gradient and speed. RUN is a folder that symdiff train writes; the run need not be finished. Each
chart is an SVG file with one curve per run, in the folder of the first run or in --out. A table of
the runs goes to standard output.`,
		Example: `  symdiff plot run
  symdiff plot ../peers/1M/symdiff/run ../peers/1M/egnn/run --over time --out charts`,
		Args: cobra.MinimumNArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if over != "step" && over != "epoch" && over != "time" {
				return usagef("--over: %q, want step, epoch or time", over)
			}
			if out == "" {
				out = args[0]
			}
			charts, err := train.Charts(args, over)
			if err != nil {
				return err
			}
			if err := os.MkdirAll(out, 0o777); err != nil {
				return err
			}
			for _, name := range slices.Sorted(maps.Keys(charts)) {
				path := filepath.Join(out, name+".svg")
				if err := writeText(path, charts[name].SVG()+"\n"); err != nil {
					return err
				}
				fmt.Fprintln(cmd.ErrOrStderr(), "wrote", path)
			}
			var runs []*train.Summary
			for _, folder := range args {
				s, err := train.Summarise(folder)
				if err != nil {
					return err
				}
				runs = append(runs, s)
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), runs)
			}
			return printRuns(cmd.OutOrStdout(), runs, markdown)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&out, "out", "o", "", "folder for the charts (default that of the first run)")
	f.StringVar(&over, "over", "step", "x axis: step, epoch or time")
	f.BoolVar(&asJSON, "json", false, "print the table as JSON")
	f.BoolVar(&markdown, "markdown", false, "print the table as Markdown")
	return cmd
}

// writeText writes a small file, whole or not at all.
func writeText(path, text string) error {
	o, err := createOutput(path, false)
	if err != nil {
		return err
	}
	if _, err := o.Write([]byte(text)); err != nil {
		o.Discard()
		return err
	}
	return o.Commit()
}

// printRuns prints the table of runs.
func printRuns(w io.Writer, runs []*train.Summary, markdown bool) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	line := "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n"
	if markdown {
		t = tabwriter.NewWriter(w, 0, 0, 0, ' ', 0)
		line = "| %s | %s | %s | %s | %s | %s | %s | %s |\n"
	}
	fmt.Fprintf(t, line, "run", "variant", "parameters", "steps", "epochs", "time", "validation loss",
		"best")
	if markdown {
		fmt.Fprintf(t, line, "---", "---", "--:", "--:", "--:", "--:", "--:", "--:")
	}
	loss := func(v float64) string {
		if v == 0 {
			return "-"
		}
		return fmt.Sprintf("%.4f", v)
	}
	for _, r := range runs {
		spent := time.Duration(r.Seconds * float64(time.Second)).Round(time.Second)
		fmt.Fprintf(t, line, r.Run, r.Variant, fmt.Sprint(r.Parameters), fmt.Sprint(r.Step),
			fmt.Sprintf("%.2f", r.Epochs), spent.String(), loss(r.ValLoss), loss(r.Best))
	}
	return t.Flush()
}
