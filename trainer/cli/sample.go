package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/sampler"
	"github.com/symdiff-go/symdiff/trainer/dataset"
)

// A trial finds the batch where a thread has so many steps of one molecule to
// make that it costs a few per cent of the run; below it, or where molecules are
// few, a small batch will do.
const (
	trialSteps = 3000
	smallBatch = 4
)

// sampleOptions are the flags of sample.
type sampleOptions struct {
	reader *dataset.Reader // of --keep and --from

	n, first, steps, atoms int
	start                  int
	seed                   uint64
	model, out, format     string
	method, shard          string
	formula, keep, from    string
	resample               int
	noiseScale             float64
	guide                  guide
	condition              condition
	origins                []*molecule.Molecule // of --from
	freeTypes              bool
	known                  *sampler.Known     // of --keep
	composition            []molecule.Element // of --formula
	variation              variation
	threads, batch         int
	json, quiet            bool
}

func newSampleCommand() *cobra.Command {
	var o sampleOptions
	cmd := &cobra.Command{
		Use:   "sample [--n N] [--seed SEED] [--steps STEPS] [--atoms ATOMS] [--out FILE]",
		Short: "Generate molecules",
		Long: `Generate molecules with the shipped model or that of --model.

Without --method, --start and --steps the sampler is the page's: dpm++2m-sde, which starts late, where alpha² has fallen to 0.41 (t = 600
of the shipped model's 1000), and takes 40 steps; where the weights have no moments of their data (symdiff export --moments), or the
model is given a --property or the numbers of a --formula, it takes 50 from the schedule's last time. With a --keep that it is not given, or a --formula that it is
held to, it is ancestral, in all steps. A run that names its --steps starts at the last time unless it names its --start.

Molecule i of a seed depends on the seed, i, --method, --start, --steps, --atoms, the options below and the model alone: not on --n,
--threads or --batch. The extension of --out chooses XYZ (.xyz), SDF (.sdf) or PDB (.pdb), each perhaps with .gz; without --out
molecules go to standard output. Each carries seed, index, steps, the model's hash (16 digits of SHA-256), formula, stability, validity
and connectedness. The file appears under its name when it is whole; an interrupted run leaves none.

The shipped model is told which atoms there are, as any that was trained with --condition types: those of --formula C2H6O, or of a
formula drawn for each molecule as often as the training data have it; --free-types samples them with the positions. A model that was
trained with --condition composition is given the formula in numbers; the summary tells how many molecules have it. Any other is
held to it by --resample.

--keep FILE keeps the atoms of the first molecule of a file as they are, and the rest of --atoms, of --formula, or of a number or formula
of the training data that has them and more, is made around them. A model that was trained with --parts, as the shipped one, is given
them, and takes the usual sampler. With any other, and with --free-types, that is approximate (RePaint): every step is made --resample
times so that the parts fit, 10 by default; more is better, and takes as many times longer.

--from FILE starts from the molecules of a file, molecule i from the ith and after the last from the first again, noised to --start
(SDEdit): what comes out is the more like them the smaller --start is, and has as many atoms. --n 0 makes one of each.

--gamma and --gamma-order choose the distribution that molecules are turned by at every step. --turn H turns the noise, and
with it what --keep gives, by an orthogonal H, and R0 of gamma along: the same molecules, turned, from an equivariant model.
--branch STEP:SEED takes the noise after STEP steps from another seed; several make a path.

--shard I/N makes the Ith of N parts of the job, for N machines: the parts, one after the other, are the file that one
machine would write, byte for byte (XYZ, SDF).

With --json, molecules on standard output are JSON objects, one on a line; with a file, a summary of the run is printed
as JSON.`,
		Example: "  symdiff sample --n 100 --seed 7 --out molecules.xyz\n  symdiff sample --n 4 --atoms 19 --method ancestral --format sdf" +
			"\n  symdiff sample --n 10000 --shard \"$((SLURM_ARRAY_TASK_ID + 1))/$SLURM_ARRAY_TASK_COUNT\" --out \"part$SLURM_ARRAY_TASK_ID.xyz\"",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.reader = newReader(cmd)
			return o.run(cmd)
		},
	}
	f := cmd.Flags()
	f.IntVarP(&o.n, "n", "n", 1, "number of molecules; 0 with --from: one for each of the file")
	f.Uint64Var(&o.seed, "seed", 0, "seed of the random numbers")
	f.IntVar(&o.first, "first", 0, "index of the first molecule of the seed")
	o.samplerFlags(f)
	f.Float64Var(&o.noiseScale, "noise-scale", 1, "factor on the noise of every step, up to 2: below 1 fewer molecules are broken, and they vary less")
	o.guide.flags(f)
	o.condition.flags(f)
	f.StringVar(&o.formula, "formula", "", "composition of every molecule, such as C7H10O2")
	f.StringVar(&o.keep, "keep", "", "XYZ or SDF file whose first molecule is kept in every one; --atoms, if given, counts its atoms too")
	f.StringVar(&o.from, "from", "", "XYZ or SDF file of molecules to start from, noised to --start")
	f.BoolVar(&o.freeTypes, "free-types", false, "sample the types with the positions also where the model takes a composition drawn from its training set's")
	f.IntVar(&o.resample, "resample", 0, "times that every step is made, with a --formula or --keep that the model is held to, 0: 10")
	o.variation.flags(f)
	f.StringVar(&o.shard, "shard", "", "make the Ith of N parts of the --n molecules, as I/N")
	f.IntVar(&o.atoms, "atoms", 0, "atoms per molecule, 0: drawn like those of the training set")
	f.StringVarP(&o.out, "out", "o", "-", "file to write, - for standard output")
	f.StringVar(&o.format, "format", "", "xyz, sdf or pdb, by default that of the file's extension")
	f.StringVar(&o.model, "model", "", "weights (safetensors), by default the shipped model")
	f.IntVar(&o.threads, "threads", 0, "threads, 0: one per core")
	f.IntVar(&o.batch, "batch", 0, "molecules that a thread samples at a time, 0: what a short trial finds fastest")
	f.BoolVar(&o.json, "json", false, "print JSON")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "no progress and no summary on standard error")
	must(cmd.MarkFlagFilename("out", "xyz", "sdf", "pdb"))
	must(cmd.MarkFlagFilename("model", "safetensors"))
	o.variation.complete(cmd)
	must(cmd.MarkFlagFilename("keep", "xyz", "sdf", "gz"))
	must(cmd.MarkFlagFilename("from", "xyz", "sdf", "gz"))
	must(cmd.RegisterFlagCompletionFunc("method", cobra.FixedCompletions(methodNames(), cobra.ShellCompDirectiveNoFileComp)))
	must(cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions([]string{"xyz", "sdf", "pdb"}, cobra.ShellCompDirectiveNoFileComp)))
	return cmd
}

// samplerFlags are the flags of the sampler, which core completes.
func (o *sampleOptions) samplerFlags(f *pflag.FlagSet) {
	f.IntVar(&o.steps, "steps", 0, "diffusion steps, 0: with dpm++2m-sde 40 after a late start and 50 else, with other methods one for each time")
	f.IntVar(&o.start, "start", 0, "time to start from, by a Gaussian fitted to the noised data, 0: the usual one without --steps, the schedule's last with them")
	f.StringVar(&o.method, "method", "", "dpm++2m-sde (the usual one), ancestral (as published), ddim, dpm++2m or heun (two network calls a step); ddim, dpm++2m and heun are deterministic")
}

// given reads --formula and --keep.
func (o *sampleOptions) given() error {
	switch {
	case !(o.noiseScale > 0 && o.noiseScale <= 2):
		return usagef("--noise-scale %g: want a number above 0, at most 2", o.noiseScale)
	case o.noiseScale != 1 && !sampler.Method(o.method).Stochastic():
		return usagef("--noise-scale %g: the method %s draws no noise", o.noiseScale, o.method)
	case o.resample < 0 || o.resample > 1000:
		return usagef("--resample %d: want 1 to 1000", o.resample)
	case o.from != "":
		return o.readOrigins()
	case o.formula != "" || o.keep != "":
		return o.readGiven()
	case o.resample > 0:
		return usagef("--resample %d: want --formula or --keep with it", o.resample)
	}
	return nil
}

// readOrigins reads the molecules of --from.
func (o *sampleOptions) readOrigins() error {
	switch {
	case o.formula != "" || o.keep != "" || o.resample > 0 || o.atoms > 0:
		return usagef("--from: not with --formula, --keep, --resample or --atoms")
	case o.start == 0:
		return usagef("--from: want --start with it, the time to which its molecules are noised")
	}
	for m, err := range o.reader.Open(o.from) {
		if err != nil {
			return err
		}
		o.origins = append(o.origins, m)
	}
	if len(o.origins) == 0 {
		return fmt.Errorf("--from %s: no molecule", o.from)
	}
	if o.n == 0 {
		o.n = len(o.origins)
	}
	return nil
}

// readGiven reads what --formula and --keep give of every molecule, and the
// number of atoms that the formula has.
func (o *sampleOptions) readGiven() (err error) {
	part := &sampler.Known{}
	if o.keep != "" {
		if err := o.readPart(part); err != nil {
			return err
		}
		o.known = part
	}
	if o.formula != "" {
		if o.composition, err = molecule.ParseFormula(o.formula); err != nil {
			return usagef("--%v", err)
		}
		if n := len(o.composition); o.atoms != 0 && o.atoms != n {
			return usagef("--atoms %d: --formula %s has %d", o.atoms, o.formula, n)
		}
		if err := (&sampler.Known{Elements: slices.Clone(part.Elements)}).Complete(o.composition); err != nil {
			return usagef("--formula %s: %v", o.formula, err)
		}
		o.atoms = len(o.composition)
	}
	if o.atoms != 0 && o.atoms < len(part.Elements) {
		return usagef("--atoms %d: want at least the %d of --keep %s", o.atoms, len(part.Elements), o.keep)
	}
	return nil
}

// readPart reads the first molecule of --keep.
func (o *sampleOptions) readPart(part *sampler.Known) error {
	first := *o.reader
	first.Strict = true // another molecule would be kept in its place
	for m, err := range first.Open(o.keep) {
		if err != nil {
			return err
		}
		part.Elements, part.Positions = m.Elements, m.Positions
		return nil
	}
	return fmt.Errorf("--keep %s: no molecule", o.keep)
}

// methodNames are the names of the sampler's methods.
func methodNames() []string {
	var names []string
	for _, m := range sampler.Methods() {
		names = append(names, string(m))
	}
	return names
}

// check completes the options and refuses what makes no sense.
func (o *sampleOptions) check() error {
	fewest := 1
	if o.from != "" { // all of its molecules
		fewest = 0
	}
	for _, c := range []struct {
		flag   string
		value  int
		lo, hi int
	}{
		{"n", o.n, fewest, math.MaxInt32}, {"first", o.first, 0, math.MaxInt32}, {"steps", o.steps, 0, math.MaxInt32}, {"start", o.start, 0, math.MaxInt32},
		{"atoms", o.atoms, 0, sampler.MaxAtoms}, {"threads", o.threads, 0, 4096}, {"batch", o.batch, 0, 1 << 16},
	} {
		if c.value < c.lo || c.value > c.hi {
			return usagef("--%s %d: want %d to %d", c.flag, c.value, c.lo, c.hi)
		}
	}
	if o.out == "" {
		return usagef("--out: empty name")
	}
	if o.format == "" && o.out != "-" {
		o.format = strings.TrimPrefix(filepath.Ext(strings.TrimSuffix(strings.ToLower(o.out), ".gz")), ".")
	} else if o.format == "" {
		o.format = "xyz"
	}
	if writers[o.format] == nil {
		return usagef("--out %s: format %q, want xyz, sdf or pdb", o.out, o.format)
	}
	if o.method != "" && !slices.Contains(sampler.Methods(), sampler.Method(o.method)) {
		return usagef("--method %q: want one of %v", o.method, sampler.Methods())
	}
	if o.format == "sdf" && o.atoms > 999 {
		return usagef("--atoms %d: SDF (V2000) holds 999", o.atoms)
	}
	if err := errors.Join(o.given(), o.guide.check(), o.condition.check(o.formula)); err != nil {
		return err
	}
	if err := o.variation.check(); err != nil {
		return err
	}
	if o.shard != "" {
		var part, parts int
		if n, _ := fmt.Sscanf(o.shard+" ", "%d/%d ", &part, &parts); n != 2 || part < 1 || part > parts || parts > o.n || o.shard != fmt.Sprintf("%d/%d", part, parts) {
			return usagef("--shard %q: want I/N, I from 1 to N, N at most --n (%d)", o.shard, o.n)
		}
		from, to := int(int64(o.n)*int64(part-1)/int64(parts)), int(int64(o.n)*int64(part)/int64(parts))
		o.first, o.n = o.first+from, to-from
	}
	if o.threads == 0 {
		o.threads = runtime.GOMAXPROCS(0)
	}
	return nil
}

// chooseBatch sets the batch where none was asked for, so that all threads have
// as much to do.
func (o *sampleOptions) chooseBatch(m network) error {
	if o.batch > 0 {
		return nil
	}
	share := (o.n + o.threads - 1) / o.threads
	best := min(smallBatch, share)
	if share > 1 && share*o.steps >= trialSteps {
		trial := sampler.NewCalibration(m.Network, m.Meta, share)
		for done := false; !done; {
			var err error
			if done, err = trial.Step(); err != nil {
				return err
			}
		}
		best = trial.Best()
	}
	rounds := (share + best - 1) / best
	o.batch = (share + rounds - 1) / rounds
	return nil
}

// writers writes molecule number index of a file.
var writers = map[string]func(w io.Writer, m *molecule.Molecule, index int) error{
	"xyz": func(w io.Writer, m *molecule.Molecule, _ int) error { return molecule.WriteXYZ(w, m) },
	"sdf": func(w io.Writer, m *molecule.Molecule, _ int) error { return molecule.WriteSDF(w, m) },
	"pdb": func(w io.Writer, m *molecule.Molecule, index int) error { return molecule.WritePDB(w, m, index%9999+1) },
}

// summary is what `symdiff sample --json --out FILE` prints.
type summary struct {
	Out     string  `json:"out"`
	Seed    uint64  `json:"seed"`
	First   int     `json:"first"`
	Method  string  `json:"method"`
	Steps   int     `json:"steps"`
	Start   int     `json:"start,omitempty"` // 0: the schedule's last time
	Noise   float64 `json:"noise_scale"`
	Free    bool    `json:"free_types,omitempty"`
	Atoms   int     `json:"atoms_per_molecule,omitempty"` // where --atoms fixed it
	Formula *wanted `json:"formula,omitempty"`            // where --formula asked for it
	Model   string  `json:"model"`
	SHA256  string  `json:"model_sha256"`
	Threads int     `json:"threads"`
	Seconds float64 `json:"seconds"`
	Rate    float64 `json:"molecules_per_second"`
	molecule.Report
}

// wanted is a formula and how many molecules have it.
type wanted struct {
	Formula   string `json:"formula"`
	Molecules int    `json:"molecules"`
}

// open checks the options and reads the model, which completes them.
func (o *sampleOptions) open() (network, weightsFile, error) {
	if err := o.check(); err != nil {
		return nil, weightsFile{}, err
	}
	m, f, err := loadNetwork(o.model)
	if err != nil {
		return m, f, err
	}
	if len(o.condition.values) > 0 && len(m.Meta.Context) == 0 {
		return m, f, errors.New("--property: the model was not trained with --condition")
	}
	if m.Network, err = o.guide.lead(m, o.freeTypes); err != nil {
		return m, f, err
	}
	if most := m.Meta.Schedule.Timesteps; o.steps > most && most > 0 {
		return m, f, usagef("--steps %d: the model was trained with %d", o.steps, most)
	}
	o.complete(m.Meta)
	if _, err := o.sampler(m, 0, 1); err != nil {
		return m, f, fmt.Errorf("%s: %w", f.Name, err)
	}
	return m, f, o.chooseBatch(m)
}

// complete fills in the sampler.
func (o *sampleOptions) complete(meta model.Meta) {
	c := sampler.Options{
		Method: sampler.Method(o.method), Start: o.start, Steps: o.steps, Known: o.known, Composition: o.composition, Values: o.condition.values, FreeTypes: o.freeTypes, Resample: o.resample,
	}.Usual(meta)
	o.method, o.start, o.steps, o.resample = string(c.Method), c.Start, c.Steps, c.Resample
}

func (o *sampleOptions) run(cmd *cobra.Command) error {
	if err := o.guide.wanted(cmd.Flags()); err != nil {
		return err
	}
	m, f, err := o.open()
	if err != nil {
		return err
	}
	var formula *wanted
	if o.formula != "" {
		formula = &wanted{Formula: (&molecule.Molecule{Elements: o.composition}).Formula()}
	}
	r, elapsed, err := o.write(cmd, m, f, formula)
	if err != nil {
		return err
	}
	rate := float64(o.n) / elapsed.Seconds()
	if o.json && o.out != "-" {
		return writeJSON(cmd.OutOrStdout(), summary{o.out, o.seed, o.first, o.method, o.steps, o.start, o.noiseScale, o.freeTypes, o.atoms, formula, f.Name, f.hash, o.threads, elapsed.Seconds(), rate, r})
	}
	if !o.quiet {
		c := r.Counts
		cmd.PrintErrf("%d molecules in %.1f s (%.2f/s): %.1f %% of atoms stable, %d molecules stable, %d valid, %d connected\n",
			o.n, elapsed.Seconds(), rate, 100*r.StableAtoms, c.StableMolecules, c.Valid, c.Connected)
		if formula != nil {
			cmd.PrintErrf("%d of %d molecules are %s\n", formula.Molecules, o.n, formula.Formula)
		}
	}
	return nil
}

// write samples all molecules to the output and measures them on the way,
// counting those of the formula, if there is one.
func (o *sampleOptions) write(cmd *cobra.Command, m network, f weightsFile, formula *wanted) (r molecule.Report, elapsed time.Duration, err error) {
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
	var line *progress
	if !o.quiet && isTerminal(cmd.ErrOrStderr()) && (file != nil || !isTerminal(w)) {
		line = startProgress(cmd.ErrOrStderr(), "molecules", int64(o.n), int64(o.steps+1))
	}
	start := time.Now()
	r, err = molecule.Evaluate(func(yield func(*molecule.Molecule, error) bool) {
		i, more := o.first, true
		err := o.sample(cmd.Context(), m, f.hash, line, func(mol *molecule.Molecule) error {
			if err := o.writeOne(w, mol, i, f.hash); err != nil {
				return err
			}
			i++
			if formula != nil && mol.Formula() == formula.Formula {
				formula.Molecules++
			}
			if more = yield(mol, nil); !more {
				return context.Canceled
			}
			return nil
		})
		if err != nil && more {
			yield(nil, err)
		}
	})
	elapsed = time.Since(start)
	line.end()
	if err == nil && file != nil {
		err = file.Commit()
	}
	return r, elapsed, err
}

// writeOne writes molecule i: as JSON where that is asked for on standard
// output, else with its properties in the format of the options.
func (o *sampleOptions) writeOne(w io.Writer, m *molecule.Molecule, i int, hash string) error {
	if !o.json || o.out != "-" {
		return writers[o.format](w, m, i)
	}
	symbols := make([]string, len(m.Elements))
	for k, e := range m.Elements {
		symbols[k] = e.Symbol()
	}
	valid, _ := m.Valid()
	return json.NewEncoder(w).Encode(sampledMolecule{
		o.seed, i, o.method, o.steps, o.start, hash[:16], m.Formula(), m.Stable(), valid, m.Connected(), symbols, m.Positions,
	})
}

// sampledMolecule is a line of `symdiff sample --json`.
type sampledMolecule struct {
	Seed      uint64       `json:"seed"`
	Index     int          `json:"index"`
	Method    string       `json:"method"`
	Steps     int          `json:"steps"`
	Start     int          `json:"start,omitempty"` // 0: the schedule's last time
	Model     string       `json:"model"`           // 16 digits of its SHA-256
	Formula   string       `json:"formula"`
	Stable    bool         `json:"stable"`
	Valid     bool         `json:"valid"`
	Connected bool         `json:"connected"`
	Elements  []string     `json:"elements"`
	Positions [][3]float64 `json:"positions"` // Å
}

// sampler makes the sampler of n molecules from the given one on.
func (o *sampleOptions) sampler(m network, first, n int) (*sampler.Sampler, error) {
	atoms := make([]int, n)
	var from []*molecule.Molecule
	for i := range atoms {
		atoms[i] = o.atoms
		if len(o.origins) > 0 {
			from = append(from, o.origins[(o.first+first+i)%len(o.origins)])
		}
	}
	return sampler.NewNetwork(m.Network, m.Meta, sampler.Options{
		Seed: o.seed, First: o.first + first, Atoms: atoms, Steps: o.steps, Start: o.start, Method: sampler.Method(o.method), NoiseScale: o.noiseScale, From: from, FreeTypes: o.freeTypes, Known: o.known, Resample: o.resample,
		Composition: o.composition, Values: o.condition.values, Guidance: o.condition.guidance,
		Gamma: o.variation.gamma, GammaOrder: o.variation.order, Turn: o.variation.h, Uncoupled: !o.variation.couple, Branches: o.variation.branches,
	})
}

// sample calls emit with all molecules in order. Workers take batches as they
// are free and stay at most a few batches ahead of the one that emit waits for.
func (o *sampleOptions) sample(ctx context.Context, m network, hash string, line *progress, emit func(*molecule.Molecule) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	type job struct {
		first, n int
		result   chan []*molecule.Molecule
	}
	jobs, order := make(chan job), make(chan job, 4*o.threads)
	var workers sync.WaitGroup
	defer workers.Wait()
	defer cancel(nil)
	for range o.threads {
		workers.Go(func() {
			for j := range jobs {
				batch, err := o.sampleBatch(ctx, m, hash, j.first, j.n, line)
				if err != nil {
					cancel(err)
				}
				j.result <- batch
			}
		})
	}
	workers.Go(func() {
		defer close(jobs)
		defer close(order)
		for first := 0; first < o.n; first += o.batch {
			j := job{first, min(o.batch, o.n-first), make(chan []*molecule.Molecule, 1)}
			select {
			case order <- j:
			case <-ctx.Done():
				return
			}
			select {
			case jobs <- j:
			case <-ctx.Done():
				return
			}
		}
	})
	for j := range order {
		select {
		case batch := <-j.result:
			for _, mol := range batch {
				if err := emit(mol); err != nil {
					return err
				}
			}
		case <-ctx.Done():
		}
		if err := context.Cause(ctx); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// sampleBatch samples one batch to its end.
func (o *sampleOptions) sampleBatch(ctx context.Context, m network, hash string, first, n int, line *progress) ([]*molecule.Molecule, error) {
	s, err := o.sampler(m, first, n)
	if err != nil {
		return nil, err
	}
	err = s.Run(ctx, func(int) error {
		line.add(n)
		return nil
	})
	if err != nil {
		return nil, err
	}
	batch := make([]*molecule.Molecule, n)
	for i := range batch {
		batch[i] = s.Result(i, hash)
		batch[i].Properties = slices.Concat(batch[i].Properties, o.guide.properties())
	}
	return batch, nil
}
