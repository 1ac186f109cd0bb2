package cli

import (
	"fmt"
	"math"
	"strings"

	"github.com/spf13/cobra"

	"github.com/symdiff-go/symdiff/core/likelihood"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/trainer/report"
)

// likelihoodReport is what `symdiff nll --json` prints.
type likelihoodReport struct {
	Model  string   `json:"model"`
	SHA256 string   `json:"model_sha256"`
	Data   []string `json:"data"`
	Seed   uint64   `json:"seed"`
	likelihood.Bound
}

func newNLLCommand() *cobra.Command {
	var path string
	var data []string
	var out reportOptions
	var limit int
	o := likelihood.Options{Samples: 1}
	cmd := &cobra.Command{
		Use:   "nll --data FILE[,FILE...] [--model FILE] [--samples N] [--limit N]",
		Short: "Bound the negative log-likelihood of molecules under a model",
		Long: `Bound the negative log-likelihood of molecules, in nats per molecule, by the variational
bound of EDM. Each Monte Carlo sample of a molecule takes two network evaluations, at a random time
t and at 0. The bound includes the prior, the constants and -log p(N). Published figures are for the
QM9 test split, with 5 samples and EMA weights.

Times are drawn more often where the terms of the bound are large; EDM draws them evenly. The mean
is the same bound, with a smaller standard error. The standard error covers the choice of the
molecules and the noise.`,
		Example: "  symdiff nll --data qm9_test.xyz.gz --samples 5\n  symdiff nll --model model.safetensors " +
			"--data qm9_test.xyz.gz --limit 2000 --json",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case len(data) == 0:
				return usagef("--data: no files given")
			case o.Samples < 1 || o.Samples > 1000 || limit < 0 || o.Threads < 0 || o.Threads > 4096:
				return usagef("--samples %d, --limit %d, --threads %d: want 1 to 1000 samples, the others 0 or more",
					o.Samples, limit, o.Threads)
			}
			n, f, err := loadNetwork(path)
			if err != nil {
				return err
			}
			var molecules []*molecule.Molecule
			for _, name := range data {
				if limit > 0 && len(molecules) == limit {
					break
				}
				for m, err := range newReader(cmd).Open(name) {
					if err != nil {
						return err
					}
					if molecules = append(molecules, m); len(molecules) == limit {
						break
					}
				}
			}
			var line *progress
			if w := cmd.ErrOrStderr(); isTerminal(w) {
				line = startProgress(w, "molecules", int64(len(molecules)*o.Samples), 2)
				o.Progress = line.add
			}
			b, err := likelihood.Estimate(cmd.Context(), n.Network, n.Meta, molecules, o)
			line.end()
			if err != nil {
				return fmt.Errorf("%s: %s: %w", f.Name, strings.Join(data, ","), err)
			}
			r := likelihoodReport{f.Name, f.hash, data, o.Seed, b}
			return out.write(cmd, r, r.document())
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&path, "model", "", "weights (safetensors), by default the shipped model")
	flags.StringSliceVar(&data, "data", nil,
		"files of molecules; FILE@key=value takes those with a property")
	flags.IntVar(&limit, "limit", 0, "molecules to use (default all)")
	flags.IntVar(&o.Samples, "samples", o.Samples, "Monte Carlo samples per molecule")
	flags.IntVar(&o.Threads, "threads", 0, "threads (default one per core)")
	flags.Uint64VarP(&o.Seed, "seed", "s", 1, "seed of times and noise")
	out.flags(cmd)
	must(cmd.MarkFlagFilename("model", "safetensors"))
	must(cmd.MarkFlagFilename("data", "xyz", "sdf", "gz"))
	return cmd
}

// document is the bound to be read.
func (r likelihoodReport) document() report.Report {
	d := report.Report{
		Title: fmt.Sprintf("%s: NLL %.2f ± %.2f nats per molecule", r.Model, r.NLL, r.StandardError),
		Lead: fmt.Sprintf("%d molecules of %s, %d samples; %.3f bits per dimension", r.Molecules,
			strings.Join(r.Data, ", "), r.Samples, r.BitsPerDim),
	}
	s := report.Section{Head: []string{"", "nats"}}
	for _, term := range []struct {
		name  string
		value float64
	}{
		{"KL(q(z_T)|N(0, I))", r.Terms.Prior}, {"diffusion, t = 1 to T", r.Terms.Diffusion},
		{"-log p(x|z_0)", r.Terms.Positions},
		{"-log p(h|z_0)", r.Terms.Features}, {"-log p(N)", r.Terms.Size}, {"NLL", r.NLL},
	} {
		s.Rows = append(s.Rows, []string{term.name, fmt.Sprintf("%.3f", term.value)})
	}
	if r.UnknownSizes > 0 {
		s.Notes = append(s.Notes,
			fmt.Sprintf("%d molecules are of a size that the training set does not have: "+"%.1f nats each",
				r.UnknownSizes, -math.Log(1e-30)))
	}
	deciles := report.Section{Title: "Diffusion term by deciles of t, from low noise to high",
		Head: []string{"", "nats"}}
	for k, v := range r.Deciles {
		deciles.Rows = append(deciles.Rows, []string{fmt.Sprintf("%.1f to %.1f", float64(k)/10,
			float64(k+1)/10), fmt.Sprintf("%.2f", v)})
	}
	d.Sections = []report.Section{s, deciles}
	return d
}
