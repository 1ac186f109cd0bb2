package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/sampler"
	"github.com/symdiff-go/symdiff/core/symdiff"
	"github.com/symdiff-go/symdiff/trainer/dataset"
	"github.com/symdiff-go/symdiff/trainer/formula"
	"github.com/symdiff-go/symdiff/trainer/source"
)

// sampleCommand is symdiff sample: the sampler's options, and the files of a run.
type sampleCommand struct {
	options        sampler.Options
	set            []string // NAME=VALUE of options without a flag
	formulas       string   // learned: from a model of those of the training data; empty: from these
	fragment, from string
	model, guide   string
	out, format    string
	json, quiet    bool
}

func newSampleCommand() *cobra.Command {
	var o sampleCommand
	cmd := &cobra.Command{
		Use:   "sample [-n COUNT] [-s SEED] [-o FILE]",
		Short: "Generate molecules",
		Long: `Generate molecules with the shipped model, or with that of --model.

Molecule i of a seed depends only on the seed, i, the options and the model, not on --count or
--threads. So --first splits a job: two runs of --count 500, the second with --first 500, make the
molecules of one run of --count 1000.

The extension of --out chooses XYZ (.xyz), SDF (.sdf) or PDB (.pdb), compressed if .gz follows. "-"
is standard output as XYZ; "-.sdf" and "-.pdb" are standard output in these formats. The file
records for each molecule its seed, index and options, the hash of the model, and its formula,
stability, validity and connectedness. It appears only when the run is finished; an interrupted run
leaves none.

With --json, molecules on standard output are JSON objects, one on a line. If --out is a file,
--json prints a summary of the run.

The shipped model is conditioned on the composition, p(x | h): on --formula, or on a formula drawn
from its training data. --formula learned draws it from a model of p(formula) that is fitted to
them: p(x | h)·p(h). --joint samples types and positions together, p(x, h). It is conditioned on
fragments too (inpainting): --fragment fixes the atoms of a molecule and samples the others around
them. --formula or --atoms then give the composition or size of the whole molecule.`,
		Example: `  symdiff sample -n 100 -s 7 -o molecules.sdf
  symdiff sample -n 5 --formula C7H10O2
  symdiff sample --joint --method ancestral --t-start 1000 --steps 1000   # as published
  symdiff sample -n 10 --fragment part.xyz -o around.sdf
  symdiff sample -n 10 --from molecules.sdf --t-start 200         # molecules like those of a file
  symdiff sample -n 500 --first 500 -s 7 -o second-half.xyz
  symdiff sample --method dpm++2m-sde --set noise_scale=0.9 --set branches=20:8`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	o.moleculeFlags(cmd)
	o.samplerFlags(cmd)
	o.outputFlags(cmd)
	groupFlags(cmd,
		flagGroup{"Which molecules", []string{"count", "seed", "first", "atoms", "formula",
			"fragment", "from", "properties", "joint"}},
		flagGroup{"Sampler", []string{"steps", "t-start", "method", "gamma", "guide", "set"}},
		flagGroup{"Files and output", []string{"model", "out", "threads", "json", "quiet"}})
	return cmd
}

// moleculeFlags say which molecules are made.
func (o *sampleCommand) moleculeFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.SetNormalizeFunc(aliases)
	f.VarP(option(&o.options, "n"), "count", "n",
		"number of `molecules` (default 1, or one for each of --from)")
	f.VarP(option(&o.options, "seed"), "seed", "s", "`seed` of the random numbers (default 0)")
	f.Var(option(&o.options, "first"), "first",
		"`index` of the first molecule in the stream of the seed (default 0)")
	f.Var(option(&o.options, "atoms"), "atoms",
		"`number` of atoms (default drawn like those of the training data)")
	f.Var(option(&o.options, "formula"), "formula",
		"`composition`, such as C7H10O2, or learned: drawn from a model of p(formula) "+
			"(default drawn like those of the training data)")
	f.StringVar(&o.fragment, "fragment", "",
		"XYZ or SDF `file`; the atoms of its first molecule are fixed in every sample")
	f.StringVar(&o.from, "from", "",
		"XYZ or SDF `file` of molecules to start from, noised to --t-start (SDEdit)")
	f.Var(option(&o.options, "properties"), "properties",
		"properties that the model is conditioned on, `NAME=VALUE`,..., such as gap=0.2")
	boolean(f, &o.options, "joint", "sample types and positions together, p(x, h)")
	must(cmd.MarkFlagFilename("fragment", "xyz", "sdf", "gz"))
	must(cmd.MarkFlagFilename("from", "xyz", "sdf", "gz"))
}

// samplerFlags say how they are made.
func (o *sampleCommand) samplerFlags(cmd *cobra.Command) {
	stepFlags(cmd, &o.options)
	f := cmd.Flags()
	f.Var(option(&o.options, "gamma"), "gamma",
		"`symmetrisation`: "+words(sampler.Gammas())+" (default the model's own)")
	f.StringVar(&o.guide, "guide", "",
		"weights of a weak model to be guided by (autoguidance), as `file`[@weight=1]")
	f.StringArrayVar(&o.set, "set", nil,
		"set another option, `NAME=VALUE`, as rho=5: "+
			strings.Join(withoutFlag(cmd), ", "))
	must(cmd.MarkFlagFilename("guide", "safetensors"))
	complete(cmd, "gamma", sampler.Gammas())
}

// stepFlags are the flags of the solver, which compare has as well.
func stepFlags(cmd *cobra.Command, o *sampler.Options) {
	f := cmd.Flags()
	f.Var(option(o, "steps"), "steps",
		"diffusion `steps`, of one network evaluation each (default what the weights state, or 40)")
	f.Var(option(o, "t_start"), "t-start",
		"`time` to start from, by a Gaussian fitted to the noised training data "+
			"(default 600 of the shipped model's 1000)")
	f.Var(option(o, "method"), "method",
		"`solver`: "+words(sampler.Methods())+" (default what the weights state, or dpm++2m-sde)")
	complete(cmd, "method", sampler.Methods())
}

// outputFlags name the model and say where molecules go.
func (o *sampleCommand) outputFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&o.model, "model", "m", "",
		"weights, a safetensors `file` (default the shipped model)")
	f.StringVarP(&o.out, "out", "o", "-", "`file` to write, - for standard output")
	f.IntVar(&o.options.Threads, "threads", 0, "`number` of threads (default one per core)")
	f.BoolVar(&o.json, "json", false, "print JSON")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "no progress, no notes and no summary on standard error")
	must(cmd.MarkFlagFilename("out", "xyz", "sdf", "pdb"))
	must(cmd.MarkFlagFilename("model", "safetensors"))
}

// check reads what flags name and refuses what makes no sense with any model.
func (o *sampleCommand) check(r *dataset.Reader) (err error) {
	for _, text := range o.set {
		name, value, ok := strings.Cut(text, "=")
		if !ok {
			return usagef("--set %q: want NAME=VALUE", text)
		}
		if err := o.options.Set(name, value); err != nil {
			return optionError(err)
		}
	}
	if o.options.Formula == learned {
		o.formulas, o.options.Formula = learned, ""
	}
	if o.out == "" {
		return usagef("--out: empty name")
	}
	if o.format = formatOf(o.out); writers[o.format] == nil {
		return usagef("--out %s: format %q, want xyz, sdf or pdb", o.out, o.format)
	}
	if o.out = strings.TrimSuffix(o.out, "-."+o.format); o.out == "" {
		o.out = "-"
	}
	if o.format == "sdf" && o.options.Atoms > 999 {
		return usagef("--atoms %d: SDF (V2000) holds 999", o.options.Atoms)
	}
	if o.options.Threads < 0 || o.options.Threads > 4096 {
		return usagef("--threads %d: want 0 to 4096", o.options.Threads)
	}
	if o.options.From, err = molecules("--from", o.from, -1, r); err != nil {
		return err
	}
	if o.fragment != "" {
		first := *r
		first.Strict = true // another molecule would be fixed in its place
		list, err := molecules("--fragment", o.fragment, 1, &first)
		if err != nil {
			return err
		}
		o.options.Fragment = list[0]
	}
	return optionError(o.options.Check())
}

// formatOf is the format that the name of an output asks for.
func formatOf(out string) string {
	if out == "-" {
		return "xyz"
	}
	return strings.TrimPrefix(filepath.Ext(strings.TrimSuffix(strings.ToLower(out), ".gz")), ".")
}

// molecules reads at most so many of the file of a flag, all where most is negative.
func molecules(flag, file string, most int,
	r *dataset.Reader) (list []*molecule.Molecule, err error) {
	if file == "" {
		return nil, nil
	}
	for m, err := range r.Open(file) {
		if err != nil {
			return nil, err
		}
		if list = append(list, m); len(list) == most {
			break
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%s %s: no molecule", flag, file)
	}
	return list, nil
}

// open reads the model, and fills in the options' defaults for it.
func (o *sampleCommand) open(r *dataset.Reader) (*symdiff.Model, error) {
	if err := o.check(r); err != nil {
		return nil, err
	}
	m, err := openModel(o.model)
	if err != nil {
		return nil, err
	}
	if o.guide != "" {
		if m, err = guided(m, o.guide); err != nil {
			return nil, err
		}
	}
	if err := o.known(m.Meta); err != nil {
		return nil, err
	}
	if o.options, err = o.options.For(m.Meta); err != nil {
		return nil, ofModel(m, err)
	}
	if o.formulas == learned {
		return o.learn(m)
	}
	return m, nil
}

// known refuses molecules of --from and --fragment that the model cannot be given, by their file.
func (o *sampleCommand) known(meta encoding.Meta) error {
	check := func(file string, m *molecule.Molecule) error {
		if _, err := meta.Rows(m); err != nil {
			return fmt.Errorf("%s: %s: %w", file, source.Record{Molecule: m}.Name(), err)
		}
		return nil
	}
	for _, m := range o.options.From {
		if err := check(o.from, m); err != nil {
			return err
		}
	}
	if o.options.Fragment == nil {
		return nil
	}
	return check(o.fragment, o.options.Fragment)
}

// learned is a value of --formula.
const learned = "learned"

// learn is m with learned formulas in place of those of its training data.
func (o *sampleCommand) learn(m *symdiff.Model) (*symdiff.Model, error) {
	switch {
	case o.options.Joint:
		return nil, usagef("--formula learned: not with --joint, which samples the types")
	case len(o.options.From) > 0:
		return nil, usagef("--formula learned: not with --from, whose molecules have theirs")
	case !m.Meta.CompositionConditional() || len(m.Meta.Compositions) == 0:
		return nil, usagef("--formula learned: %s: want a model that is conditioned on compositions, with those "+
			"of its training data", m.Name)
	}
	list, err := formula.Learn(m.Meta.Compositions)
	if err != nil {
		return nil, fmt.Errorf("%s: metadata compositions: %w", m.Name, err)
	}
	with := *m
	with.Meta.Compositions = list
	return &with, nil
}

// openModel is the model of a file, or the shipped one.
func openModel(path string) (*symdiff.Model, error) {
	if path == "" {
		return symdiff.QM9(), nil
	}
	return symdiff.Open(path)
}

// guided is a model guided by that of FILE[@weight=W].
func guided(m *symdiff.Model, guide string) (*symdiff.Model, error) {
	file, text, weighted := strings.Cut(guide, "@weight=")
	w := 1.0
	if weighted {
		var err error
		if w, err = strconv.ParseFloat(text, 64); err != nil || !(w >= 0 && w <= 100) {
			return nil, usagef("--guide %s: want a weight from 0 to 100", guide)
		}
	}
	weak, err := openModel(file)
	if err != nil {
		return nil, err
	}
	if m, err = m.Guided(weak, w); err != nil {
		return nil, fmt.Errorf("--guide %w", err)
	}
	return m, nil
}

func (o *sampleCommand) run(cmd *cobra.Command) error {
	if cmd.Flags().Changed("count") && o.options.N == 0 {
		return usagef("--count 0: want 1 or more")
	}
	m, err := o.open(newReader(cmd))
	if err != nil {
		return err
	}
	if notes := m.Meta.FormulaNotes(o.options.Formula); notes != "" && !o.quiet {
		cmd.PrintErrf("note: --formula %s: %s\n", o.options.Formula, notes)
	}
	r, elapsed, err := o.write(cmd, m)
	if err != nil {
		return err
	}
	n := o.options.N
	rate := float64(n) / elapsed.Seconds()
	if o.json && o.out != "-" {
		return writeJSON(cmd.OutOrStdout(), concat{
			struct {
				Out      string `json:"out"`
				Formulas string `json:"formulas,omitempty"`
			}{o.out, o.formulas}, o.options, facts(m.Provenance()[1:]),
			summary{m.Name, m.SHA256, elapsed.Seconds(), rate, r},
		})
	}
	if !o.quiet {
		c := r.Counts
		cmd.PrintErrf("%d molecules in %.1f s (%.2f/s): %.1f %% of atoms stable, "+
			"%d molecules stable, %d valid, %d connected\n", n, elapsed.Seconds(), rate,
			100*r.StableAtoms, c.StableMolecules, c.Valid, c.Connected)
	}
	return nil
}

// summary is the end of what `symdiff sample --json --out FILE` prints, after out,
// the options and the guide.
type summary struct {
	Model   string  `json:"model"`
	SHA256  string  `json:"model_sha256"`
	Seconds float64 `json:"seconds"`
	Rate    float64 `json:"molecules_per_second"`
	molecule.Report
}

// write samples all molecules to the output and measures them on the way.
func (o *sampleCommand) write(cmd *cobra.Command,
	m *symdiff.Model) (r molecule.Report, elapsed time.Duration, err error) {
	w := cmd.OutOrStdout()
	var file *output
	if o.out != "-" {
		if file, err = createOutput(o.out, strings.HasSuffix(strings.ToLower(o.out), ".gz")); err != nil {
			return r, 0, err
		}
		defer func() {
			if err != nil {
				file.Discard()
			}
		}()
		w = file
	}
	if !o.quiet && isTerminal(cmd.ErrOrStderr()) && (file != nil || !isTerminal(w)) {
		line := startProgress(cmd.ErrOrStderr(), "molecules", int64(o.options.N),
			int64(o.options.Steps+1))
		defer line.end()
		o.options.Progress = line.add
	}
	start := time.Now()
	r, err = molecule.EvaluateJudged(m.Meta.Rule(), o.written(cmd.Context(), m, w))
	elapsed = time.Since(start)
	if err == nil && file != nil {
		err = file.Commit()
	}
	return r, elapsed, err
}

// written is the molecules, each written to w before it is passed on.
func (o *sampleCommand) written(ctx context.Context, m *symdiff.Model,
	w io.Writer) func(func(*molecule.Molecule, error) bool) {
	return func(yield func(*molecule.Molecule, error) bool) {
		i := o.options.First
		for mol, err := range m.Generate(ctx, o.options) {
			if err != nil {
				yield(nil, ofModel(m, err))
				return
			}
			if o.formulas != "" {
				mol.Properties = append(mol.Properties, molecule.Property{Key: "formulas", Value: o.formulas})
			}
			err = o.writeOne(w, mol, i)
			i++
			if !yield(mol, err) || err != nil {
				return
			}
		}
	}
}

// writers writes molecule number index of a file.
var writers = map[string]func(w io.Writer, m *molecule.Molecule, index int) error{
	"xyz": func(w io.Writer, m *molecule.Molecule, _ int) error { return molecule.WriteXYZ(w, m) },
	"sdf": func(w io.Writer, m *molecule.Molecule, _ int) error { return molecule.WriteSDF(w, m) },
	"pdb": func(w io.Writer, m *molecule.Molecule, index int) error { return molecule.WritePDB(w, m, index%9999+1) },
}

// writeOne writes molecule i: as JSON where that is asked for on standard output,
// else in the format of the options.
func (o *sampleCommand) writeOne(w io.Writer, m *molecule.Molecule, i int) error {
	if !o.json || o.out != "-" {
		return writers[o.format](w, m, i)
	}
	symbols := make([]string, len(m.Elements))
	for k, e := range m.Elements {
		symbols[k] = e.Symbol()
	}
	return json.NewEncoder(w).Encode(concat{facts(m.Properties), struct {
		Elements  []string     `json:"elements"`
		Positions [][3]float64 `json:"positions"` // Å
	}{symbols, m.Positions}})
}

// facts are the properties of a molecule as a JSON object: numbers and truth values
// where they are ones, but never of what is a word.
type facts []molecule.Property

func (list facts) MarshalJSON() ([]byte, error) {
	b := []byte{'{'}
	for i, p := range list {
		if i > 0 {
			b = append(b, ',')
		}
		value := strconv.Quote(p.Value)
		switch p.Key {
		case "model", "guide", "formula", "target_formula":
		default:
			if json.Valid([]byte(p.Value)) {
				value = p.Value
			}
		}
		b = append(append(append(b, strconv.Quote(p.Key)...), ':'), value...)
	}
	return append(b, '}'), nil
}

// concat is one JSON object of the members of several.
type concat []any

func (list concat) MarshalJSON() ([]byte, error) {
	all := []byte{'{'}
	for _, v := range list {
		b, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		if len(b) == len("{}") {
			continue
		}
		if len(all) > 1 {
			all = append(all, ',')
		}
		all = append(all, b[1:len(b)-1]...)
	}
	return append(all, '}'), nil
}

// ofModel is optionError, or an error with the name of the model's file.
func ofModel(m *symdiff.Model, err error) error {
	if usage := optionError(err); usage != err {
		return usage
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%s: %w", m.Name, err)
}

// optionError makes wrong usage of an error that names an option, under the flag that
// sets it.
func optionError(err error) error {
	bad, ok := errors.AsType[*sampler.OptionError](err)
	if !ok {
		return err
	}
	flag := "--" + flagOf(bad.Name)
	if flagOf(bad.Name) == "" {
		flag = "--set " + bad.Name
	}
	if bad.Value != "" {
		flag += " " + bad.Value
	}
	return usagef("%s: %s", flag, bad.Reason)
}
