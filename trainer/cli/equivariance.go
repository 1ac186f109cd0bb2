package cli

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/symdiff-go/symdiff/core/rng"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// equivarianceReport is what `symdiff equivariance --json` prints.
type equivarianceReport struct {
	Model string            `json:"model"`
	Group string            `json:"group"`
	Atoms int               `json:"atoms"`
	Times []equivarianceRow `json:"times"`
}

type equivarianceRow struct {
	T        float32 `json:"t"`
	Coupling float64 `json:"coupling"` // largest relative deviation
	Energy   float64 `json:"energy"`   // energy distance
	P        float64 `json:"p"`
}

func newEquivarianceCommand() *cobra.Command {
	var path string
	var atoms, couplings, samples int
	var seed uint64
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "equivariance [--model FILE] [--atoms N] [--samples N]",
		Short: "Test how equivariant a network is",
		Long: `Test a network's equivariance on a molecule of random positions, at four times.

coupling: the output for the input rotated by H, with the noise of gamma rotated too, is compared
with the output for the input, rotated by H. The figure is the largest relative deviation over ten
H. Rounding (1e-6) shows that the network is equivariant. A larger figure shows that it is not, if
gamma has no noise. With noise, see p below.

energy, p: two samples of outputs with independent noise are compared, those of the rotated input
and those of the input, rotated. The figures are their energy distance and its p-value by 999
permutations. A p near 0.001 says that the distributions differ: the network is not equivariant.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if atoms < 2 || atoms > 1024 || couplings < 1 || couplings > 10000 || samples < 2 ||
				samples > 10000 {
				return usagef("--atoms %d, --couplings %d, --samples %d: want 2 to 1024, 1 to 10000 and 2 to 10000",
					atoms, couplings, samples)
			}
			n, f, err := loadNetwork(path)
			if err != nil {
				return err
			}
			if err := symmetrise.CheckState(n, []int{atoms}); err != nil {
				return fmt.Errorf("%s: %w", f.Name, err)
			}
			stream := rng.New(seed, 0, rng.Initial, 0)
			z := make([]float32, atoms*(3+n.Features()))
			stream.Fill(z, 1)
			symmetrise.RemoveMean(z, 3+n.Features(), []int{atoms})
			r := equivarianceReport{Model: f.Name, Group: n.Group().String(), Atoms: atoms}
			for _, t := range []float32{0.05, 0.3, 0.6, 0.95} {
				e := symmetrise.CheckEquivariance(n, z, t, couplings, samples, seed)
				r.Times = append(r.Times, equivarianceRow{t, e.Coupling, e.Energy, e.P})
			}
			w := cmd.OutOrStdout()
			if asJSON {
				return writeJSON(w, r)
			}
			fmt.Fprintf(w, "%s, group %s, %d atoms\n", r.Model, r.Group, r.Atoms)
			t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
			fmt.Fprintln(t, "t\tcoupling\tenergy distance\tp\t")
			for _, row := range r.Times {
				fmt.Fprintf(t, "%.2f\t%.1e\t%.3g\t%.3f\t\n", row.T, row.Coupling, row.Energy, row.P)
			}
			return t.Flush()
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&path, "model", "", "weights (safetensors), by default the shipped model")
	flags.IntVar(&atoms, "atoms", 9, "atoms of the molecule")
	flags.IntVar(&couplings, "couplings", 10, "rotations H of the coupling test")
	flags.IntVar(&samples, "samples", 100, "outputs of each sample of the two-sample test")
	flags.Uint64VarP(&seed, "seed", "s", 1, "seed of the random numbers")
	flags.BoolVar(&asJSON, "json", false, "print JSON")
	must(cmd.MarkFlagFilename("model", "safetensors"))
	return cmd
}
