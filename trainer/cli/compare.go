package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/symdiff-go/symdiff/core/likelihood"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/sampler"
	"github.com/symdiff-go/symdiff/core/symdiff"
	"github.com/symdiff-go/symdiff/trainer/evaluation"
)

// compareOptions are the flags of compare.
type compareOptions struct {
	evaluateOptions
	sample         sampleCommand
	seeds          int
	nll            string
	limit, samples int
	likelihoodOf   []*molecule.Molecule // those of --nll, once read
}

func newCompareCommand() *cobra.Command {
	var o compareOptions
	var out reportOptions
	cmd := &cobra.Command{
		Use:   "compare [NAME=]A[,A2,...] [NAME=]B[,B2,...] ...",
		Short: "One table and one page for several models or sample files",
		Long: `Compare models or files of molecules in one table, in the layout of the papers' tables, and
with --html on one page.

An entry is one file, or several of one kind with commas between them: molecules (XYZ, SDF),
evaluations (JSON of symdiff evaluate), or models (safetensors). From each model --count molecules
are sampled for each of --seeds. Several files or seeds of an entry are its runs: the table shows
their mean ± standard deviation. For one run it shows the value and its 95 % interval.

--nll FILE bounds the negative log-likelihood of held-out molecules under every model. --train and
--reference mean the same as in symdiff evaluate.`,
		Example: `  symdiff compare symdiff=a1.xyz,a2.xyz,a3.xyz egnn=b1.xyz,b2.xyz,b3.xyz --html page.html
  symdiff compare symdiff.safetensors dit.safetensors -n 1000 --seeds 3 --steps 250 --nll qm9_test.xyz.gz`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(cmd); err != nil {
				return err
			}
			if err := out.check(); err != nil {
				return err
			}
			var c evaluation.Comparison
			for _, arg := range args {
				name, files, err := entryOf(arg)
				if err != nil {
					return err
				}
				var runs []*evaluation.Evaluation
				for _, file := range files {
					list, err := o.runs(cmd, file)
					if err != nil {
						return err
					}
					runs = append(runs, list...)
				}
				c.Add(name, runs)
			}
			return out.write(cmd, c, c.Document())
		},
	}
	o.flags(cmd)
	out.flags(cmd)
	f := cmd.Flags()
	o.sample.options.N = 1000
	f.SetNormalizeFunc(aliases)
	f.VarP(option(&o.sample.options, "n"), "count", "n",
		"`molecules` to sample from a model, for each seed")
	f.IntVar(&o.seeds, "seeds", 1, "number of seeds of a model: 1, 2, ...")
	stepFlags(cmd, &o.sample.options)
	f.StringVar(&o.nll, "nll", "",
		"file of held-out molecules, to bound their likelihood under the models")
	f.IntVar(&o.limit, "nll-limit", 0, "molecules of --nll to use (default all)")
	f.IntVar(&o.samples, "samples", 1, "Monte Carlo samples of the likelihood per molecule")
	must(cmd.MarkFlagFilename("nll", "xyz", "sdf", "gz"))
	return cmd
}

func (o *compareOptions) check(cmd *cobra.Command) error {
	if o.seeds < 1 || o.seeds > 1000 || o.limit < 0 || o.samples < 1 || o.samples > 1000 {
		return usagef(
			"--seeds %d, --nll-limit %d, --samples %d: want 1 to 1000 seeds and samples, a limit of 0 or more",
			o.seeds,
			o.limit,
			o.samples,
		)
	}
	o.sample.out, o.sample.options.Threads = "-", o.threads
	if err := o.sample.check(nil); err != nil {
		return err
	}
	return o.evaluateOptions.check(cmd)
}

// entryOf takes apart NAME=A,B; without NAME the first file names the entry.
func entryOf(arg string) (name string, files []string, err error) {
	name, rest, named := strings.Cut(arg, "=")
	if _, err := os.Stat(arg); err == nil {
		return strings.TrimSuffix(filepath.Base(arg), filepath.Ext(arg)), []string{arg}, nil
	}
	if !named || strings.ContainsAny(name, "@/") { // the = of FILE@key=value
		rest, name = arg, ""
	}
	files = strings.Split(rest, ",")
	if slices.Contains(files, "") {
		return "", nil, usagef("%q: want [NAME=]FILE[,FILE...]", arg)
	}
	if name == "" {
		name = strings.TrimSuffix(filepath.Base(files[0]), filepath.Ext(files[0]))
	}
	return name, files, nil
}

// runs are the evaluations that a file stands for.
func (o *compareOptions) runs(cmd *cobra.Command, file string) ([]*evaluation.Evaluation, error) {
	switch filepath.Ext(file) {
	case ".json":
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, named(file, err)
		}
		e := new(evaluation.Evaluation)
		if err := json.Unmarshal(data, e); err != nil {
			return nil, fmt.Errorf("%s: not an evaluation: %w", file, err)
		}
		if e.Molecules == 0 {
			return nil, fmt.Errorf("%s: not an evaluation: no molecules, want what symdiff evaluate --json prints", file)
		}
		return []*evaluation.Evaluation{e}, nil
	case ".safetensors":
		return o.model(cmd, file)
	}
	e, err := o.evaluate(cmd, file, newReader(cmd).Open(file))
	return []*evaluation.Evaluation{e}, err
}

// model samples from a model with every seed and measures what it makes.
func (o *compareOptions) model(cmd *cobra.Command,
	file string) (runs []*evaluation.Evaluation, err error) {
	var bound *evaluation.Likelihood
	for seed := range o.seeds {
		s := o.sample
		s.model, s.options.Seed = file, uint64(seed+1)
		m, err := s.open(newReader(cmd))
		if err != nil {
			return nil, err
		}
		if bound == nil && o.nll != "" {
			if bound, err = o.bound(cmd, m); err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
		}
		e, err := o.sampled(cmd, fmt.Sprintf("%s, seed %d", file, seed+1), m, s.options)
		if err != nil {
			return nil, err
		}
		e.Likelihood = bound
		runs = append(runs, e)
	}
	return runs, nil
}

// sampled measures what a model makes.
func (o evaluateOptions) sampled(cmd *cobra.Command, name string, m *symdiff.Model,
	options sampler.Options) (*evaluation.Evaluation, error) {
	var line *progress
	if w := cmd.ErrOrStderr(); isTerminal(w) {
		line = startProgress(w, "molecules of "+name, int64(options.N), int64(options.Steps+1))
		options.Progress = line.add
	}
	var molecules []*molecule.Molecule
	for mol, err := range m.Generate(cmd.Context(), options) {
		if err != nil {
			line.end()
			return nil, ofModel(m, err)
		}
		molecules = append(molecules, mol)
	}
	line.end()
	o.rule = cmp.Or(o.rule, string(m.Meta.Rule()))
	return o.evaluate(cmd, name, listed(molecules))
}

// bound is the likelihood of the molecules of --nll.
func (o *compareOptions) bound(cmd *cobra.Command,
	m *symdiff.Model) (*evaluation.Likelihood, error) {
	if o.likelihoodOf == nil {
		for m, err := range newReader(cmd).Open(o.nll) {
			if err != nil {
				return nil, err
			}
			if o.likelihoodOf = append(o.likelihoodOf, m); len(o.likelihoodOf) == o.limit {
				break
			}
		}
	}
	b, err := likelihood.Estimate(cmd.Context(), m.Network, m.Meta, o.likelihoodOf,
		likelihood.Options{Seed: 1, Samples: o.samples, Threads: o.sample.options.Threads})
	if err != nil {
		return nil, err
	}
	return &evaluation.Likelihood{NLL: b.NLL, StandardError: b.StandardError}, nil
}

// listed is a sequence of molecules at hand.
func listed(molecules []*molecule.Molecule) evaluation.Molecules {
	return func(yield func(*molecule.Molecule, error) bool) {
		for _, m := range molecules {
			if !yield(m, nil) {
				return
			}
		}
	}
}
