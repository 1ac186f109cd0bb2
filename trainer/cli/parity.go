package cli

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/symdiff-go/symdiff/core/model"
)

// parityReport is what `symdiff parity --json` prints.
type parityReport struct {
	Weights string       `json:"weights"`
	IO      string       `json:"io"`
	Variant string       `json:"variant"`
	Tol     float64      `json:"tol"`
	Cases   []parityCase `json:"cases"`
	Eps     float64      `json:"eps"`   // largest of all cases
	Gamma   float64      `json:"gamma"` // largest of all cases
	OK      bool         `json:"ok"`
}

type parityCase struct {
	Atoms int     `json:"atoms"`
	T     float32 `json:"t"`
	Eps   float64 `json:"eps"`
	Gamma float64 `json:"gamma"`
}

func newParityCommand() *cobra.Command {
	var weightsPath, ioPath string
	var tol float64
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "parity --weights WEIGHTS --io IO [--tol 1e-4] [--json]",
		Short: "Compare the network with stored calls of a reference implementation",
		Long: `Run the cases of a reference file (inputs, the Haar matrix and eta to inject, outputs) through the network and print
the largest absolute difference of the predicted noise eps and of the matrix gamma, per case and overall. Beyond --tol
the exit code is 1.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !(tol >= 0) {
				return usagef("--tol: %v, want a number that is not negative", tol)
			}
			n, f, err := loadNetwork(weightsPath)
			if err != nil {
				return err
			}
			io, err := openWeights(ioPath)
			if err != nil {
				return err
			}
			cases, err := model.ReadCases(io.File, n.cases)
			if err != nil {
				return err
			}
			r := parityReport{Weights: f.Name, IO: io.Name, Variant: n.Variant, Tol: tol}
			for _, c := range cases {
				eps, gamma := c.Run(n)
				r.Cases = append(r.Cases, parityCase{c.Atoms, c.T, eps, gamma})
				r.Eps, r.Gamma = max(r.Eps, eps), max(r.Gamma, gamma)
			}
			r.OK = r.Eps <= tol && r.Gamma <= tol
			if err := r.print(cmd, asJSON); err != nil {
				return err
			}
			if !r.OK {
				return fmt.Errorf("%s: eps differs by %.3g, gamma by %.3g, more than %g", ioPath, r.Eps, r.Gamma, tol)
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&weightsPath, "weights", "", "weights of the network (safetensors)")
	flags.StringVar(&ioPath, "io", "", "reference file of cases (safetensors)")
	flags.Float64Var(&tol, "tol", 1e-4, "largest absolute difference that passes")
	flags.BoolVar(&asJSON, "json", false, "print JSON")
	for _, name := range []string{"weights", "io"} {
		must(cmd.MarkFlagRequired(name))
		must(cmd.MarkFlagFilename(name, "safetensors"))
	}
	return cmd
}

func (r parityReport) print(cmd *cobra.Command, asJSON bool) error {
	w := cmd.OutOrStdout()
	if asJSON {
		return writeJSON(w, r)
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "case\tatoms\tt\tmax |eps diff|\tmax |gamma diff|\t")
	for i, c := range r.Cases {
		fmt.Fprintf(t, "%d\t%d\t%.4g\t%.2e\t%.2e\t\n", i, c.Atoms, c.T, c.Eps, c.Gamma)
	}
	fmt.Fprintf(t, "all\t\t\t%.2e\t%.2e\t\n", r.Eps, r.Gamma)
	return t.Flush()
}

// must stops on errors that only a wrong definition of a command can cause.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
