package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/symdiff-go/symdiff/trainer/evaluation"
	"github.com/symdiff-go/symdiff/trainer/rdkit"
	"github.com/symdiff-go/symdiff/trainer/source"
)

func newDataBondsCommand() *cobra.Command {
	var o evaluation.BondOptions
	var out reportOptions
	cmd := &cobra.Command{
		Use:   "bonds FILE [--openbabel] [--json]",
		Short: "Compare the bonds that distances give with those of SMILES",
		Long: `Find bonds, bond orders and charges of structures from their elements and distances, for the
total charge of their SMILES, and compare them with the SMILES: as canonical SMILES by RDKit,
without stereo marks and isotopes. FILE is a list or table of SMILES, of each of which a structure
is made (see symdiff data prepare), or a file of structures with the property smiles.

Beside it stand the bonds by EDM's table of distances and, with --openbabel, those of Open Babel.
It needs a build with RDKit (make cli RDKIT=1).`,
		Example: "  symdiff data bonds geomdrugs_smiles.tsv.gz --json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !rdkit.Available {
				return rdkit.ErrMissing
			}
			if o.List < 0 || o.Threads < 0 || o.Threads > 4096 {
				return usagef("--list %d, --threads %d: want 0 or more, at most 4096 threads", o.List,
					o.Threads)
			}
			if err := out.check(); err != nil {
				return err
			}
			o.Name = args[0]
			if w := cmd.ErrOrStderr(); isTerminal(w) {
				o.Progress = func(stage string, n int) { fmt.Fprintf(w, "\r%s: %d molecules"+clearLine, stage, n) }
				defer io.WriteString(w, "\r"+clearLine)
			}
			read := newReader(cmd, source.Options{Conformers: 1, Threads: o.Threads})
			b, err := evaluation.CompareBonds(cmd.Context(), read.Open(args[0]), o)
			if err != nil {
				return err
			}
			if b.Molecules == 0 {
				return fmt.Errorf("%s: no structures with a SMILES", args[0])
			}
			return out.write(cmd, b, b.Document())
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.OpenBabel, "openbabel", false,
		"compare the bonds of Open Babel too (the program obabel)")
	f.IntVar(&o.List, "list", 20, "failures to list")
	f.IntVar(&o.Threads, "threads", 0, "threads (default one per core)")
	out.flags(cmd)
	return cmd
}
