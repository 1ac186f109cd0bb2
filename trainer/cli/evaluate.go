package cli

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"gonum.org/v1/gonum/stat/distuv"

	"symdiff/core/molecule"
)

// evaluation is a report with what a reader needs to judge it.
type evaluation struct {
	File string `json:"file"`
	molecule.Report
	Intervals map[string][2]float64 `json:"intervals"` // 95 % Wilson intervals of the rates
}

// rate is one line of an evaluation.
type rate struct {
	key, name   string
	part, whole int
}

func rates(r molecule.Report) []rate {
	c := r.Counts
	return []rate{
		{"stable_atoms", "stable atoms", c.StableAtoms, r.Atoms},
		{"stable_molecules", "stable molecules", c.StableMolecules, r.Molecules},
		{"valid", "valid", c.Valid, r.Molecules},
		{"unique_among_valid", "unique among valid", c.Unique, c.Valid},
		{"valid_and_unique", "valid and unique", c.Unique, r.Molecules},
		{"connected", "connected", c.Connected, r.Molecules},
	}
}

func newEvaluation(file string, r molecule.Report) evaluation {
	e := evaluation{File: file, Report: r, Intervals: make(map[string][2]float64)}
	for _, line := range rates(r) {
		lo, hi := wilson(line.part, line.whole)
		e.Intervals[line.key] = [2]float64{lo, hi}
	}
	return e
}

// wilson is the 95 % score interval of a proportion p = part/whole,
//
//	(p + z²/2n ± z·sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n),
//
// and [0, 1] where whole is 0. Source: E. B. Wilson, J. Am. Stat. Assoc. 22
// (1927) 209.
func wilson(part, whole int) (lo, hi float64) {
	if whole == 0 {
		return 0, 1
	}
	n, p := float64(whole), float64(part)/float64(whole)
	z := distuv.UnitNormal.Quantile(0.975)
	middle, half := p+z*z/(2*n), z*math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	return max(0, (middle-half)/(1+z*z/n)), min(1, (middle+half)/(1+z*z/n))
}

// print writes the table.
func (e evaluation) print(w io.Writer) error {
	fmt.Fprintf(w, "%s: %d molecules, %d atoms\n\n", e.File, e.Molecules, e.Atoms)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\t%\t95 % interval\tcount\tof\t")
	for _, line := range rates(e.Report) {
		value := "-"
		if line.whole > 0 {
			value = fmt.Sprintf("%.2f", 100*float64(line.part)/float64(line.whole))
		}
		interval := e.Intervals[line.key]
		fmt.Fprintf(t, "%s\t%s\t%.2f to %.2f\t%d\t%d\t\n", line.name, value, 100*interval[0], 100*interval[1], line.part, line.whole)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if n := e.Counts.NotJudged; n > 0 {
		_, err := fmt.Fprintf(w, "\n%d molecules have elements other than H, C, N, O, F: no valence rule, counted as not valid\n", n)
		return err
	}
	return nil
}

func newEvaluateCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "evaluate FILE [--json]",
		Short: "Measure molecules: stability, validity, uniqueness, connectedness",
		Long: `Measure the molecules of an XYZ or SDF file (also .gz; - reads XYZ from standard input) by the protocol of
EDM: bonds from distances; an atom is stable if its bond orders sum to its valence, a molecule if all its atoms are.
Valid is what RDKit would accept (elements H, C, N, O, F), unique what differs in the graph of its largest fragment.

The intervals are Wilson's at 95 %; they take molecules, or atoms, as independent. With --json, rates are fractions of 1.`,
		Example: "  symdiff evaluate qm9_test.xyz.gz\n  symdiff sample --n 100 | symdiff evaluate -",
		Args:    cobra.ExactArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"xyz", "extxyz", "sdf", "mol", "gz"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			molecules := molecule.Open(args[0])
			if args[0] == "-" {
				molecules = molecule.ReadXYZ(cmd.InOrStdin(), "standard input")
			}
			r, err := molecule.Evaluate(func(yield func(*molecule.Molecule, error) bool) {
				for m, err := range molecules {
					if err == nil {
						err = cmd.Context().Err()
					}
					if !yield(m, err) {
						return
					}
				}
			})
			if err != nil {
				return err
			}
			if r.Molecules == 0 {
				return fmt.Errorf("%s: no molecules", args[0])
			}
			e := newEvaluation(args[0], r)
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), e)
			}
			return e.print(cmd.OutOrStdout())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
