package cli

import (
	"fmt"
	"math"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/trainer/analysis"
)

func newAnalyseCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "analyse",
		Short: "What a trained network has learned, and its best sampler",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newAnalyseGammaCommand(), newAnalyseSamplerCommand())
	return cmd
}

// gammaReport is what `symdiff analyse gamma --json` prints.
type gammaReport struct {
	Model     string           `json:"model"`
	SHA256    string           `json:"model_sha256"`
	Data      string           `json:"data"`
	Molecules int              `json:"molecules"`
	Draws     int              `json:"draws"`
	Seed      uint64           `json:"seed"`
	Rows      []analysis.Gamma `json:"rows"`
}

// analyseGamma is symdiff analyse gamma.
type analyseGamma struct {
	model, data string
	kinds       []string
	count       int // of molecules
	options     analysis.Options
	out         reportOptions
}

func newAnalyseGammaCommand() *cobra.Command {
	a := analyseGamma{options: analysis.Options{
		Times: []float64{0.01, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9, 1}, Draws: 32,
	}}
	o := &a.options
	cmd := &cobra.Command{
		Use:   "gamma --data FILE [--model FILE] [--molecules N] [--draws N]",
		Short: "Measure what gamma and f have learned over t, and how equivariant a step is",
		Long: `Noise molecules to several times, draw gamma many times for each, and measure

- how far its matrices are from the Haar measure, and whether they put the principal axes of the
  molecule on coordinate axes;
- what f does: whether it depends on its input, and by what angle it rotates;
- the loss of the same backbone with the learned gamma, with Haar matrices and without
  symmetrisation, and how much its prediction varies with the draw of gamma;
- how equivariant a step is: exactly, by coupling the noise, and by Monte Carlo, with a standard
  error.

Each molecule is rotated at random first. Means are over molecules.`,
		Example: "  symdiff analyse gamma --data qm9_test.xyz.gz --molecules 64 --draws 64 --html gamma.html",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.run(cmd) },
	}
	flags := cmd.Flags()
	flags.StringVar(&a.model, "model", "", "weights (safetensors), by default the shipped model")
	flags.StringVar(&a.data, "data", "", "molecules; FILE@key=value takes those with a property")
	flags.StringSliceVar(&a.kinds, "gamma", nil,
		"learned, haar, none: which to measure, by default all that the model has")
	flags.IntVar(&a.count, "molecules", 16, "molecules to use")
	flags.IntVar(&o.Draws, "draws", o.Draws, "draws of gamma for each molecule and time")
	flags.Float64SliceVar(&o.Times, "times", o.Times, "`times` t/T, with commas between them")
	flags.Lookup("times").DefValue = "nine from 0.01 to 1"
	flags.IntVar(&o.Threads, "threads", 0, "threads (default one per core)")
	flags.Uint64VarP(&o.Seed, "seed", "s", 1, "seed of the random numbers")
	a.out.flags(cmd)
	must(cmd.MarkFlagFilename("model", "safetensors"))
	must(cmd.MarkFlagFilename("data", "xyz", "sdf", "gz", "safetensors"))
	return cmd
}

func (a *analyseGamma) run(cmd *cobra.Command) error {
	o := &a.options
	switch {
	case a.data == "":
		return usagef("--data: no file given")
	case a.count < 2 || o.Draws < 2 || o.Draws > 10_000 || o.Threads < 0 || o.Threads > 4096:
		return usagef("--molecules %d, --draws %d, --threads %d: want 2 or more molecules and draws",
			a.count, o.Draws, o.Threads)
	}
	for _, t := range o.Times {
		if !(t >= 0 && t <= 1) || math.IsNaN(t) {
			return usagef("--times %v: want numbers from 0 to 1", o.Times)
		}
	}
	n, f, err := loadNetwork(a.model)
	if err != nil {
		return err
	}
	kernels, err := kernelsOf(n, a.kinds)
	if err != nil {
		return fmt.Errorf("%s: %w", f.Name, err)
	}
	var molecules []*molecule.Molecule
	for m, err := range newReader(cmd).Open(a.data) {
		if err != nil {
			return err
		}
		if molecules = append(molecules, m); len(molecules) == a.count {
			break
		}
	}
	if o.Threads == 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	var line *progress
	if w := cmd.ErrOrStderr(); isTerminal(w) {
		line = startProgress(w, "molecules", int64(len(molecules)*len(kernels)*len(o.Times)), 1)
		o.Progress = line.add
	}
	rows, err := analysis.Run(cmd.Context(), kernels, n.Meta, molecules, *o)
	line.end()
	if err != nil {
		return fmt.Errorf("%s: %w", a.data, err)
	}
	title := fmt.Sprintf("gamma of %s: %d molecules of %s, %d draws of each", f.Name, len(molecules),
		a.data, o.Draws)
	return a.out.write(cmd, gammaReport{f.Name, f.hash, a.data, len(molecules), o.Draws, o.Seed, rows},
		analysis.Document(title, rows))
}

// kernelsOf is the network under each kind of gamma; without kinds, those that
// it has.
func kernelsOf(n network, kinds []string) ([]analysis.Kernel, error) {
	all := len(kinds) == 0
	if all {
		kinds = []string{"learned", "haar", "none"}
	}
	var kernels []analysis.Kernel
	for _, kind := range kinds {
		net, err := n.WithGamma(kind, "")
		if err != nil && all && kind == "learned" {
			continue
		}
		if err != nil {
			return nil, err
		}
		kernels = append(kernels, analysis.Kernel{Name: kind, Net: net})
	}
	return kernels, nil
}
