package cli

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/sampler"
	"github.com/symdiff-go/symdiff/core/symdiff"
	"github.com/symdiff-go/symdiff/trainer/chart"
	"github.com/symdiff-go/symdiff/trainer/report"
	"github.com/symdiff-go/symdiff/trainer/train"
)

// samplerReport is what `symdiff analyse sampler --json` prints.
type samplerReport struct {
	Model  string       `json:"model"`
	SHA256 string       `json:"model_sha256"`
	Seed   uint64       `json:"seed"`
	Within float64      `json:"within"` // percentage points
	Runs   []samplerRun `json:"runs"`   // the first is the one that the others are held against
}

// samplerRun is a sampler, and shares of the molecules that it makes.
type samplerRun struct {
	Method    sampler.Method `json:"method"`
	Steps     int            `json:"steps"`
	Rho       float64        `json:"rho"`
	Start     int            `json:"t_start"`
	NFE       int            `json:"nfe"`
	Molecules int            `json:"molecules"`
	Atoms     float64        `json:"stable_atoms"`
	Stable    float64        `json:"stable_molecules"`
	Valid     float64        `json:"valid"`
	Unique    float64        `json:"unique_among_valid"`
	Connected float64        `json:"connected"`
	Plausible float64        `json:"plausible"`
	Aromatic  float64        `json:"with_aromatic_ring"`
	Chosen    bool           `json:"chosen"`
}

// analyseSampler is symdiff analyse sampler.
type analyseSampler struct {
	model, file string
	steps       []int
	within      float64 // percentage points
	options     sampler.Options
	judge       evaluateOptions
	out         reportOptions
}

func newAnalyseSamplerCommand() *cobra.Command {
	a := analyseSampler{steps: []int{10, 15, 20, 25, 30}, within: 2, options: sampler.Options{N: 10_000, Seed: 9}}
	cmd := &cobra.Command{
		Use:   "sampler [--model FILE] [--steps N,...] [--out WEIGHTS]",
		Short: "Measure samplers of few steps, and choose the default one of a model",
		Long: `Sample by dpm++2m-sde with its default steps, and by dpm++2m with fewer, and measure both. The
times of dpm++2m are spaced by rho = 7 (Karras et al. 2022).

The rule: the choice is dpm++2m with the fewest steps whose shares of valid and of plausible
molecules are at most --within percentage points below those of dpm++2m-sde. If there is none, the
choice is dpm++2m-sde. No data are read.

--out writes the model, as f32, with the choice in its metadata. symdiff sample, the page and the
package take it as the default of that model.`,
		Example: "  symdiff analyse sampler --model model.safetensors --steps 15,20,25,30 --out chosen.safetensors",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.run(cmd) },
	}
	f := cmd.Flags()
	f.StringVarP(&a.model, "model", "m", "", "weights (safetensors), by default the shipped model")
	f.IntSliceVar(&a.steps, "steps", a.steps, "`steps` of dpm++2m, with commas between them")
	f.Float64Var(&a.within, "within", a.within, "percentage points that the choice may lose")
	f.SetNormalizeFunc(aliases)
	f.VarP(option(&a.options, "n"), "count", "n", "number of `molecules` by each sampler")
	f.VarP(option(&a.options, "seed"), "seed", "s", "`seed` of the random numbers")
	f.StringVarP(&a.file, "out", "o", "", "weights `file` to write")
	f.IntVar(&a.judge.threads, "threads", 0, "threads (default one per core)")
	a.out.flags(cmd)
	must(cmd.MarkFlagFilename("model", "safetensors"))
	must(cmd.MarkFlagFilename("out", "safetensors"))
	return cmd
}

func (a *analyseSampler) run(cmd *cobra.Command) error {
	slices.Sort(a.steps)
	a.steps = slices.Compact(a.steps)
	switch {
	case len(a.steps) == 0 || a.steps[0] < 1:
		return usagef("--steps %v: want numbers above 0", a.steps)
	case !(a.within >= 0 && a.within <= 100):
		return usagef("--within %g: want percentage points, from 0 to 100", a.within)
	case a.options.N < 1:
		return usagef("--count %d: want 1 or more", a.options.N)
	case a.judge.threads < 0 || a.judge.threads > 4096:
		return usagef("--threads %d: want 0 to 4096", a.judge.threads)
	case a.file != "" && a.model == "":
		return usagef("--out needs --model")
	}
	if err := a.writable(); err != nil {
		return err
	}
	a.options.Threads = a.judge.threads
	m, err := openModel(a.model)
	if err != nil {
		return err
	}
	r := samplerReport{Model: m.Name, SHA256: m.SHA256, Seed: a.options.Seed, Within: a.within}
	// Without what its metadata state, dpm++2m-sde is the default of all models.
	plain := *m
	plain.Meta.Sampling = encoding.Sampling{}
	var samplers []sampler.Options
	for _, steps := range append([]int{0}, a.steps...) {
		o := a.options
		if steps > 0 {
			few := train.FewSteps(steps)
			o.Method, o.Steps, o.Rho = sampler.Method(few.Method), few.Steps, few.Rho
		}
		if o, err = o.For(plain.Meta); err != nil {
			return ofModel(m, err)
		}
		samplers = append(samplers, o)
	}
	for _, o := range samplers {
		run, err := a.measure(cmd, &plain, o)
		if err != nil {
			return err
		}
		r.Runs = append(r.Runs, run)
	}
	chosen := choose(r.Runs, a.within/100)
	if r.Runs[chosen].Chosen = true; a.file != "" {
		var own encoding.Sampling
		if chosen > 0 {
			own = train.FewSteps(r.Runs[chosen].Steps)
		}
		if err := a.state(cmd, own); err != nil {
			return err
		}
	}
	return a.out.write(cmd, r, r.document())
}

// writable reports, before the molecules are sampled, a file that cannot be written.
func (a *analyseSampler) writable() error {
	if a.file != "" {
		f, err := createOutput(a.file, false)
		if err != nil {
			return err
		}
		f.Discard()
	}
	return a.out.check()
}

// measure samples by options that For has filled in, and says what came of it.
func (a *analyseSampler) measure(cmd *cobra.Command, m *symdiff.Model, o sampler.Options) (run samplerRun,
	err error) {
	e, err := a.judge.sampled(cmd, fmt.Sprintf("%s, %d steps of %s", m.Name, o.Steps, o.Method), m, o)
	if err != nil {
		return run, err
	}
	return samplerRun{Method: o.Method, Steps: o.Steps, Rho: o.Rho, Start: o.TStart, NFE: e.NFE,
		Molecules: e.Molecules, Atoms: e.StableAtoms, Stable: e.StableMolecules, Valid: e.Valid,
		Unique: e.UniqueAmongValid, Connected: e.Connected, Plausible: e.Geometry.Plausible.Value,
		Aromatic: e.Geometry.Rings.Value}, nil
}

// choose is the run of the fewest steps that loses at most so much to the first.
func choose(runs []samplerRun, within float64) (best int) {
	for i, r := range runs[1:] {
		if r.Valid >= runs[0].Valid-within && r.Plausible >= runs[0].Plausible-within &&
			(best == 0 || r.Steps < runs[best].Steps) {
			best = i + 1
		}
	}
	return best
}

// state writes the model with its sampler in the metadata.
func (a *analyseSampler) state(cmd *cobra.Command, s encoding.Sampling) error {
	w, _, err := train.ReadWeights(a.model)
	if err != nil {
		return err
	}
	if err := w.Went(startedAs(cmd)); err != nil {
		return err
	}
	meta, err := encoding.Parse(w.Name, w.Metadata)
	if err != nil {
		return err
	}
	meta.Sampling = s
	meta.Describe(w.Metadata)
	return safetensors.WriteFile(a.file, w.Tensors, w.Metadata)
}

// document is the report to be read.
func (r samplerReport) document() report.Report {
	s := report.Section{
		Head: []string{"sampler", "NFE", "stable molecules %", "valid %", "unique among valid %", "plausible %",
			"aromatic ring %", "choice"},
		Notes: []string{fmt.Sprintf("The choice: the fewest steps whose shares of valid and of plausible molecules "+
			"are at most %g percentage points below those of the first row.", r.Within)},
		Charts: []chart.Chart{{Title: "quality against network evaluations", X: "NFE", Y: "%"}},
	}
	valid, plausible := chart.Series{Name: "valid", Points: true}, chart.Series{Name: "plausible", Points: true}
	percent := func(share float64) string { return fmt.Sprintf("%.1f", 100*share) }
	for _, run := range r.Runs {
		chosen := ""
		if run.Chosen {
			chosen = "*"
		}
		s.Rows = append(s.Rows, []string{fmt.Sprintf("%s, %d steps", run.Method, run.Steps), fmt.Sprint(run.NFE),
			percent(run.Stable), percent(run.Valid), percent(run.Unique), percent(run.Plausible), percent(run.Aromatic),
			chosen})
	}
	for _, run := range r.Runs[1:] {
		for _, c := range []struct {
			series *chart.Series
			share  float64
		}{{&valid, run.Valid}, {&plausible, run.Plausible}} {
			c.series.X, c.series.Y = append(c.series.X, float64(run.NFE)), append(c.series.Y, 100*c.share)
		}
	}
	s.Charts[0].Series = []chart.Series{valid, plausible}
	return report.Report{Title: fmt.Sprintf("Samplers of %s: %d molecules by each, seed %d", r.Model,
		r.Runs[0].Molecules, r.Seed), Sections: []report.Section{s}}
}
