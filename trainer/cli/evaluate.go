package cli

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/trainer/evaluation"
	"github.com/symdiff-go/symdiff/trainer/rdkit"
	"github.com/symdiff-go/symdiff/trainer/report"
	"github.com/symdiff-go/symdiff/trainer/source"
)

// reportOptions are the flags of every command that writes a report.
type reportOptions struct {
	json, markdown bool
	html           string
}

func (o *reportOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&o.json, "json", false, "print JSON")
	f.BoolVar(&o.markdown, "markdown", false, "print Markdown")
	f.StringVar(&o.html, "html", "", "write a page with charts to this file too")
	must(cmd.MarkFlagFilename("html", "html"))
}

// check reports, before the molecules are measured, that the page cannot be written.
func (o *reportOptions) check() error {
	info, err := os.Stat(o.html)
	if o.html == "" || err == nil && !info.IsDir() && !info.Mode().IsRegular() { // a pipe is opened once
		return nil
	}
	f, err := createOutput(o.html, false)
	if err == nil {
		f.Discard()
	}
	return err
}

// write prints value as JSON or the report as text or Markdown, and writes the page.
func (o *reportOptions) write(cmd *cobra.Command, value any, r report.Report) error {
	if o.html != "" {
		f, err := createOutput(o.html, false)
		if err != nil {
			return err
		}
		if err := r.HTML(f); err != nil {
			f.Discard()
			return err
		}
		if err := f.Commit(); err != nil {
			return err
		}
	}
	switch w := cmd.OutOrStdout(); {
	case o.json:
		return writeJSON(w, value)
	case o.markdown:
		return r.Markdown(w)
	default:
		return r.Text(w)
	}
}

// evaluateOptions are the flags that say what to measure.
type evaluateOptions struct {
	train, reference string
	rdkit            bool
	rule             string
	strain, xtb      int
	threads          int
}

func (o *evaluateOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.train, "train", "",
		"training molecules, or a list of their SMILES, for novelty; FILE@key=value takes those with a property")
	f.StringVar(&o.reference, "reference", "",
		"molecules of the data, for the divergences of distributions")
	f.StringVar(&o.rule, "rule", "",
		"of EDM for validity: qm9, or geom (every bond single); default: geom if any molecule needs it")
	f.BoolVar(&o.rdkit, "rdkit", rdkit.Available,
		"judge validity by RDKit too, and find strain energies (in a build with RDKit)")
	f.IntVar(&o.strain, "strain", 1000,
		"stable, connected molecules whose strain energy is found (MMFF94 by RDKit)")
	f.IntVar(&o.xtb, "xtb", 0, "stable, connected molecules that GFN2-xTB relaxes (the program xtb)")
	f.IntVar(&o.threads, "threads", 0, "threads (default one per core)")
	must(cmd.MarkFlagFilename("train", "xyz", "sdf", "gz", "smi", "csv", "tsv"))
	must(cmd.MarkFlagFilename("reference", "xyz", "sdf", "gz"))
}

func (o *evaluateOptions) check(cmd *cobra.Command) error {
	if o.strain < 0 || o.xtb < 0 || o.threads < 0 || o.threads > 4096 {
		return usagef("--strain %d, --xtb %d, --threads %d: want 0 or more, at most 4096 threads",
			o.strain, o.xtb, o.threads)
	}
	if o.rule != "" && o.rule != string(molecule.QM9Rule) && o.rule != string(molecule.GEOMRule) {
		return usagef("--rule %q: want qm9 or geom", o.rule)
	}
	if o.rdkit && !rdkit.Available {
		return fmt.Errorf("--rdkit: %w", rdkit.ErrMissing)
	}
	if o.strain > 0 && !o.rdkit && cmd.Flags().Changed("strain") {
		return usagef("--strain %d: needs --rdkit", o.strain)
	}
	return nil
}

// evaluate measures molecules; name stands for them.
func (o *evaluateOptions) evaluate(cmd *cobra.Command, name string,
	molecules evaluation.Molecules) (*evaluation.Evaluation, error) {
	e := evaluation.Options{Name: name, Rule: molecule.Rule(o.rule), RDKit: o.rdkit, Strain: o.strain,
		XTB: o.xtb, Threads: o.threads, TrainName: o.train, RefName: o.reference}
	if o.train != "" {
		r := newReader(cmd)
		if e.TrainList = source.IsSMILES(strings.SplitN(o.train, "@", 2)[0]); e.TrainList {
			r.Source.Unembedded = true
		}
		e.Train = r.Open(o.train)
	}
	if o.reference != "" {
		e.Reference = newReader(cmd).Open(o.reference)
	}
	if w := cmd.ErrOrStderr(); isTerminal(w) {
		e.Progress = func(stage string, n int) { fmt.Fprintf(w, "\r%s: %d molecules"+clearLine, stage, n) }
		defer io.WriteString(w, "\r"+clearLine)
	}
	found, err := evaluation.Run(cmd.Context(), molecules, e)
	if err == nil && found.Molecules == 0 {
		err = fmt.Errorf("%s: no molecules", name)
	}
	return found, err
}

// formatStarting is .sdf where a text has a version of SDF in its fourth line, else .xyz.
func formatStarting(in *bufio.Reader) string {
	start, _ := in.Peek(1024)
	lines := strings.SplitN(string(start), "\n", 5)
	if len(lines) > 3 && (strings.Contains(lines[3], "V2000") || strings.Contains(lines[3], "V3000")) {
		return ".sdf"
	}
	return ".xyz"
}

func newEvaluateCommand() *cobra.Command {
	var o evaluateOptions
	var out reportOptions
	cmd := &cobra.Command{
		Use:   "evaluate FILE [--train FILE] [--reference FILE] [--html FILE] [--json]",
		Short: "Measure molecules: stability, validity, novelty, geometry, distributions, strain",
		Long: `Measure the molecules of a file in XYZ, SDF or PDB (also .gz). FILE@key=value takes only
the molecules with that property; - reads XYZ or SDF from standard input.

The protocol is EDM's. Bonds follow from distances. An atom is stable if its bond orders sum to its
valence, a molecule if all its atoms are stable. A molecule is valid if RDKit would accept it; a
closed form decides this. Two molecules are duplicates if the graphs of their largest fragments are
equal. In a build with RDKit (make cli RDKIT=1) RDKit judges validity too, by SMILES, and every
disagreement is listed.

--rule chooses between EDM's rules for QM9 and for GEOM. The rule for GEOM counts every bond as
single. It is the default if any molecule of the file has an element of GEOM that QM9 lacks (B, Si,
P, S, Cl, Br, I ...). A molecule with an element that the rule lacks counts neither as valid nor as
invalid.

With the rule for GEOM the command also measures by GEOM-Drugs revisited (arXiv 2505.00169), which
has valencies by element and charge and counts aromatic bonds apart, and makes checks like those of
PoseBusters. Both use the Lewis structure that follows from the distances and the total charge
(that of the file, else 0). --reference adds the same figures of the data. --xtb then relaxes the
molecules that are stable and connected by this protocol.

A bad record is named, counted and skipped; with --strict it ends the command.

--train adds novelty: among the valid and unique molecules, and among all. A list or table of SMILES
(.smi, .csv, .tsv) is compared by RDKit. --reference adds how far the distributions of sizes,
elements, distances, lengths and angles are from those of the data (Jensen-Shannon, Wasserstein).
Bond lengths, angles, planar aromatic rings and clashes are always counted. Strain energies need
RDKit.

Intervals are at 95 %: Wilson's for shares, widened for atoms, bonds, angles and rings, which are
not independent within a molecule; bootstrap for means and medians. With --json, shares are
fractions of 1.`,
		Example: `  symdiff evaluate qm9_test.xyz.gz
  symdiff evaluate out.xyz --train qm9_train.xyz.gz --reference qm9_test.xyz.gz --html report.html
  symdiff sample -n 100 | symdiff evaluate -`,
		Args: cobra.ExactArgs(1),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return []string{"xyz", "extxyz", "sdf", "mol", "gz"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(cmd); err != nil {
				return err
			}
			if err := out.check(); err != nil {
				return err
			}
			molecules := newReader(cmd).Open(args[0])
			if args[0] == "-" {
				in := bufio.NewReader(cmd.InOrStdin())
				molecules = newReader(cmd).Text(in, "standard input", formatStarting(in))
			}
			e, err := o.evaluate(cmd, args[0], molecules)
			if err != nil {
				return err
			}
			r := e.Document()
			if !rdkit.Available {
				r.Sections[0].Notes = append(r.Sections[0].Notes,
					"validity by the closed form alone: "+rdkit.ErrMissing.Error())
			}
			return out.write(cmd, e, r)
		},
	}
	o.flags(cmd)
	out.flags(cmd)
	return cmd
}
