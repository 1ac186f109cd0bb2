// Package evaluation measures sets of molecules: stability, validity by a closed form
// and by RDKit, uniqueness, novelty, connectedness, clashes, bond lengths and angles,
// planar aromatic rings, strain energy, and how far distributions are from those of
// the data. It writes the result as text, JSON, Markdown or a page.
//
// Sources: the protocol of EDM (Hoogeboom et al. 2022, arXiv 2203.17003,
// section 5; qm9/rdkit_functions.py of its code).
package evaluation

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/trainer/chart"
	"github.com/symdiff-go/symdiff/trainer/rdkit"
)

// Molecules is a sequence of molecules from a file; an error ends it.
type Molecules = iter.Seq2[*molecule.Molecule, error]

// Options says what to measure.
type Options struct {
	Name      string    // of the set, for reports
	Train     Molecules // training molecules, for novelty; nil: no novelty
	TrainName string
	TrainList bool          // of Train only the property smiles counts (needs RDKit)
	Rule      molecule.Rule // of validity and uniqueness; empty: as molecule.Evaluate chooses it
	Reference Molecules     // the data, for divergences; nil: none
	RefName   string
	RDKit     bool // judge by RDKit too; the build must have it
	XTB       int  // stable, connected molecules that GFN2-xTB relaxes (needs the program xtb)

	// Strain is how many stable, connected molecules have their strain energy
	// found (needs RDKit). Where the rule is GEOM's, the table of Revisited
	// says which molecules are stable.
	Strain  int
	Threads int // 0: one per core

	Progress func(stage string, molecules int) // called now and then; may be nil
}

// Evaluation is what is found. The rates of the embedded report are fractions
// of 1, their intervals under the same names.
type Evaluation struct {
	File string `json:"file"`
	molecule.Report
	// 95 %. Those of uniqueness hold for sets of this size: the more molecules, the fewer are unique.
	Intervals   map[string][2]float64 `json:"intervals"`
	Novelty     *Novelty              `json:"novelty,omitempty"`
	RDKit       *RDKit                `json:"rdkit,omitempty"`
	Geometry    Geometry              `json:"geometry"`
	Failures    Failures              `json:"failures"`
	Strain      *Strain               `json:"strain,omitempty"`
	Reference   string                `json:"reference,omitempty"`
	Divergences []Divergence          `json:"divergences,omitempty"`
	Structure   *Structure            `json:"structure,omitempty"`
	Revisited   *Revisited            `json:"geom_drugs_revisited,omitempty"` // where the rule is GEOM's
	// network evaluations of each molecule, where all tell the same (see nfe)
	NFE int  `json:"nfe,omitempty"`
	XTB *XTB `json:"xtb,omitempty"`
	// not of these molecules, but of the model that made them
	Likelihood *Likelihood `json:"likelihood,omitempty"`

	set    distributions
	whole  distributions // of the reference
	strain []float64     // kcal/mol, sorted

	failing []chart.Molecule // the first few, to be drawn
}

// Novelty counts valid, distinct molecules that are not in the training set, in
// the two conventions that papers use.
type Novelty struct {
	Train            string `json:"train"`
	TrainMolecules   int    `json:"train_molecules"`
	NovelAmongUnique Share  `json:"novel_among_unique"`         // of the valid and unique (EDM)
	ValidUniqueNovel Share  `json:"valid_and_unique_and_novel"` // of those judged
	// KnownEnvironments are those of the novel ones in which every atom looks, within two bonds,
	// like one of a training molecule: new molecules by the rules of the data, as far as these
	// reach.
	// of the novel, valid and unique
	KnownEnvironments     Share  `json:"novel_with_known_environments"`
	RDKitNovelAmongUnique *Share `json:"rdkit_novel_among_unique,omitempty"`
	RDKitValidUniqueNovel *Share `json:"rdkit_valid_and_unique_and_novel,omitempty"`
}

// RDKit is the judgement of RDKit beside that of the closed form.
type RDKit struct {
	Version          string `json:"version"`
	Valid            Share  `json:"valid"`
	UniqueAmongValid Share  `json:"unique_among_valid"`
	ValidAndUnique   Share  `json:"valid_and_unique"`
	// with the orders that distances give, where the rule takes every bond as single
	ValidByOrders *Share `json:"valid_by_orders,omitempty"`
	// on validity, of the molecules that the closed form judges
	Disagree      Share          `json:"disagree"`
	Disagreements []Disagreement `json:"disagreements,omitempty"`
}

// Disagreement is a molecule on whose validity RDKit and the closed form differ.
type Disagreement struct {
	Index      int    `json:"index"` // in the file, from 1
	Formula    string `json:"formula"`
	ClosedForm string `json:"closed_form"` // valid, or the reason
	RDKit      string `json:"rdkit"`       // its SMILES, or the reason
}

// Geometry counts what a chemist looks at, of the bonds by EDM's table; by GEOM's rule of the Lewis
// structure (molecule.LewisGeometry).
type Geometry struct {
	Lengths   Share `json:"lengths_inside"` // of bonds
	Angles    Share `json:"angles_inside"`  // of angles
	Flat      Share `json:"flat_rings"`     // of aromatic rings
	ClashFree Share `json:"clash_free"`     // of molecules
	// of molecules: stable, connected, nothing out of order
	Plausible Share `json:"sound"`
	Rings     Share `json:"with_aromatic_ring"` // of molecules
}

// Strain is the MMFF94 energy of structures above their local minimum, kcal/mol.
type Strain struct {
	Summary
	Tried   int            `json:"tried"`             // stable, connected molecules
	Failed  map[string]int `json:"failed,omitempty"`  // reason -> molecules
	PerAtom Summary        `json:"per_atom,omitzero"` // kcal/mol and atom
}

// Likelihood is a model's bound of the negative log-likelihood (symdiff nll).
type Likelihood struct {
	NLL           float64 `json:"nll"`            // nats per molecule
	StandardError float64 `json:"standard_error"` // nats
}

// verdict is what the workers find of one molecule.
type verdict struct {
	geometry  molecule.Geometry
	lewis     molecule.Geometry // where the rule may be GEOM's
	stable    int               // atoms
	connected bool
	by        []judgement // by each rule that may be the one
	byOrders  bool        // RDKit finds it valid with the orders that distances give
	strain    float64
	fault     string // why the strain energy was not found
	failing   *failing
	features  molecule.Features
	around    []string    // environments of the atoms of a valid molecule
	bonds     bondVerdict // of CompareBonds
	revisited revisited
	relaxation
}

// judgement is what is found of one molecule by a rule of validity.
type judgement struct {
	rule   molecule.Rule
	key    string // of a valid molecule
	reason string // why the closed form says it is not valid
	smiles string // of one that RDKit finds valid
	fault  string // why RDKit does not
}

// judged is what is found of all molecules by a rule of validity.
type judged struct {
	rule                           molecule.Rule
	keys, smiles                   map[string]bool     // distinct valid molecules -> in the training set
	around                         map[string][]string // distinct valid molecule -> its environments
	rdkitValid, compared, disagree int
	disagreements                  []Disagreement
	intact                         []*molecule.Molecule // whose strain energy is wanted
}

// rulesOf are the rules by which molecules are judged until one is chosen: that of
// QM9 first.
func rulesOf(rule molecule.Rule) (list []*judged) {
	rules := []molecule.Rule{rule}
	if rule == "" {
		rules = []molecule.Rule{molecule.QM9Rule, molecule.GEOMRule}
	}
	for _, r := range rules {
		list = append(list, &judged{rule: r, keys: map[string]bool{}, smiles: map[string]bool{},
			around: map[string][]string{}})
	}
	return list
}

// Run measures all molecules of a sequence.
func Run(ctx context.Context, molecules Molecules, o Options) (*Evaluation, error) {
	if o.RDKit && !rdkit.Available {
		return nil, rdkit.ErrMissing
	}
	if o.Threads == 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	r := &run{
		Options: o, e: &Evaluation{File: o.Name}, byTable: newShapes(), byLewis: newShapes(),
		counts: newStructures(), floor: newStructures(), known: map[string]bool{},
		failures: map[AtomFailure][2]int{}, rules: rulesOf(o.Rule),
	}
	report, err := molecule.EvaluateBy(r.Rule, func(yield func(*molecule.Molecule, error) bool) {
		err := r.batches(ctx, "measuring", molecules, r.judge,
			func(m *molecule.Molecule, v verdict) bool {
				r.add(m, v)
				return yield(m, nil)
			})
		if err != nil {
			yield(nil, err)
		}
	})
	if err != nil {
		return nil, err
	}
	r.e.Report, r.judged, r.shapes = report, r.rules[0], r.byTable
	if r.rule == molecule.GEOMRule {
		r.shapes = r.byLewis
		r.e.Revisited, r.relaxed = r.revisits.shares(r.RDKit), r.revisitedRelaxed
	}
	r.e.set = r.shapes.distributions
	if err := r.novelty(ctx); err != nil {
		return nil, err
	}
	if err := r.reference(ctx); err != nil {
		return nil, err
	}
	if err := r.strain(ctx); err != nil {
		return nil, err
	}
	if err := r.byXTB(ctx); err != nil {
		return nil, err
	}
	r.finish()
	return r.e, nil
}

// run is an evaluation on its way.
type run struct {
	Options
	e *Evaluation

	index            int
	atoms            counter
	byTable, byLewis *shapes // of the bonds by EDM's table, and of Lewis structures
	shapes           *shapes // the one of the chosen rule
	// of the rules that may still be the one; and of the chosen one, when all molecules are read
	rules []*judged
	*judged
	train, byOrders int
	// atoms and molecules
	failures    map[AtomFailure][2]int
	odd, pieces int
	// of the molecules, of the training set
	counts, floor *structures
	// environments of the training set
	known map[string]bool
	// that GFN2-xTB is to relax: stable by EDM's table, or by the protocol of Revisited
	relaxed, revisitedRelaxed []*molecule.Molecule
	revisits                  revisits
}

// judge is the work on one molecule.
func (r *run) judge(m *molecule.Molecule) (v verdict) {
	v.geometry = m.Geometry()
	if r.Rule != molecule.QM9Rule {
		v.lewis = m.LewisGeometry()
	}
	for _, ok := range m.StableAtoms() {
		if ok {
			v.stable++
		}
	}
	v.connected = m.Connected()
	v.revisited = r.revisit(m)
	if r.Reference != nil {
		v.features = m.Features()
	}
	if v.stable < len(m.Elements) || !v.connected {
		v.failing = failureOf(m)
	}
	for _, j := range r.rules {
		v.by = append(v.by, r.identify(m, j.rule))
	}
	if first := v.by[0]; first.rule == molecule.QM9Rule {
		v.byOrders = first.smiles != ""
	} else if r.RDKit {
		_, err := rdkit.SMILES(m)
		v.byOrders = err == nil
	}
	return v
}

// identify finds validity by a rule, and the names that identify molecules.
func (r *run) identify(m *molecule.Molecule, rule molecule.Rule) (j judgement) {
	j.rule = rule
	ok, reason := m.ValidBy(rule)
	if j.reason = reason; ok {
		j.key = m.KeyBy(rule)
	}
	if r.RDKit {
		s, err := rdkit.SMILESBy(m, rule)
		if j.smiles = s; err != nil {
			j.fault = err.Error()
		}
	}
	return j
}

// nfe is what a sampled molecule took, by its properties: one network evaluation for each step, two
// by heun, and a last one; 0 of a molecule that does not state it.
func nfe(m *molecule.Molecule) int {
	text, _ := m.Property("steps")
	steps, err := strconv.Atoi(text)
	if err != nil || steps < 1 {
		return 0
	}
	if method, _ := m.Property("method"); method == "heun" {
		steps *= 2
	}
	return steps + 1
}

// add counts a molecule.
func (r *run) add(m *molecule.Molecule, v verdict) {
	if r.index++; r.index == 1 {
		r.e.NFE = nfe(m)
	} else if nfe(m) != r.e.NFE {
		r.e.NFE = 0
	}
	r.revisits.add(v.revisited)
	r.atoms.add(v.stable, len(m.Elements))
	intact := v.stable == len(m.Elements) && v.connected
	r.byTable.add(m, &v.geometry, intact)
	whole := v.revisited.Stable && v.revisited.Connected
	r.byLewis.add(m, &v.lewis, whole)
	if v.failing != nil {
		r.addFailure(m, v.failing)
	}
	if r.Reference != nil {
		r.counts.add(len(m.Elements), v.features)
	}
	if len(r.rules) > 1 && molecule.RuleOf(m.Elements) == molecule.GEOMRule {
		r.rules = r.rules[1:] // QM9's rule is out from here on
	}
	r.byOrders += one(v.byOrders)
	for _, j := range r.rules {
		for _, found := range v.by {
			if found.rule == j.rule {
				r.addTo(j, m, found, j.rule == molecule.QM9Rule && intact || j.rule == molecule.GEOMRule &&
					whole)
			}
		}
	}
	if intact && len(r.relaxed) < r.XTB {
		r.relaxed = append(r.relaxed, m)
	}
	if whole && len(r.revisitedRelaxed) < r.XTB {
		r.revisitedRelaxed = append(r.revisitedRelaxed, m)
	}
}

// shapes are the geometries of a set.
type shapes struct {
	distributions
	lengths, angles, flat, clashFree, plausible, rings counter
}

func newShapes() *shapes { return &shapes{distributions: distributions{}} }

// add counts the geometry of a molecule; intact are the stable and connected.
func (s *shapes) add(m *molecule.Molecule, g *molecule.Geometry, intact bool) {
	s.addMolecule(m, g)
	inside := 0
	for _, l := range g.Lengths {
		inside += one(l.Inside)
	}
	s.lengths.add(inside, len(g.Lengths))
	inside = 0
	for _, a := range g.Angles {
		inside += one(a.Inside)
	}
	s.angles.add(inside, len(g.Angles))
	inside = 0
	for _, ring := range g.Rings {
		inside += one(ring.Flat())
	}
	s.flat.add(inside, len(g.Rings))
	s.clashFree.add(one(len(g.Clashes) == 0), 1)
	s.rings.add(one(len(g.Rings) > 0), 1)
	s.plausible.add(one(g.Plausible() && intact), 1)
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// mostDisagreements is the number that is listed.
const mostDisagreements = 20

// addTo counts a molecule by a rule; intact are the stable and connected.
func (r *run) addTo(j *judged, m *molecule.Molecule, found judgement, intact bool) {
	if found.key != "" {
		if _, ok := j.keys[found.key]; !ok && r.Train != nil {
			j.around[found.key] = m.Environments()
		}
		j.keys[found.key] = false
	}
	if !r.RDKit {
		return
	}
	if found.smiles != "" {
		j.rdkitValid++
		j.smiles[found.smiles] = false
		if intact && len(j.intact) < r.Strain {
			j.intact = append(j.intact, m)
		}
	}
	if !j.rule.Judges(m.Elements) {
		return
	}
	j.compared++
	if (found.key != "") != (found.smiles != "") {
		if j.disagree++; len(j.disagreements) < mostDisagreements {
			j.disagreements = append(j.disagreements, Disagreement{r.index, m.Formula(),
				or(found.reason, "valid"), or(found.smiles, found.fault)})
		}
	}
}

func or(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

// novelty looks for the distinct molecules in the training set.
func (r *run) novelty(ctx context.Context) error {
	if r.Train == nil {
		return nil
	}
	if r.TrainList && !r.RDKit {
		return fmt.Errorf("%s: novelty against SMILES needs RDKit: %w", r.TrainName, rdkit.ErrMissing)
	}
	return r.batches(ctx, "training set", r.Train, func(m *molecule.Molecule) (v verdict) {
		if r.TrainList {
			text, _ := m.Property("smiles")
			s, _ := rdkit.Explicit(text, r.rule)
			v.by = []judgement{{smiles: s}}
			return v
		}
		v.by = []judgement{r.identify(m, r.rule)}
		v.around = m.Environments()
		if r.Reference != nil {
			v.features = m.Features()
		}
		return v
	}, func(m *molecule.Molecule, v verdict) bool {
		r.train++
		for _, e := range v.around {
			r.known[e] = true
		}
		if r.Reference != nil && !r.TrainList {
			r.floor.add(len(m.Elements), v.features)
		}
		found := v.by[0]
		if _, ok := r.keys[found.key]; ok {
			r.keys[found.key] = true
		}
		if _, ok := r.smiles[found.smiles]; ok {
			r.smiles[found.smiles] = true
		}
		return true
	})
}

// reference compares distributions with the data's.
func (r *run) reference(ctx context.Context) error {
	if r.Reference == nil {
		return nil
	}
	whole, data := distributions{}, newStructures()
	var revisits revisits
	err := r.batches(ctx, "reference", r.Reference, func(m *molecule.Molecule) (v verdict) {
		if v.features = m.Features(); r.rule == molecule.GEOMRule {
			v.geometry, v.revisited = m.LewisGeometry(), r.revisit(m)
		} else {
			v.geometry = m.Geometry()
		}
		return v
	}, func(m *molecule.Molecule, v verdict) bool {
		revisits.add(v.revisited)
		whole.addMolecule(m, &v.geometry)
		data.add(len(m.Elements), v.features)
		return true
	})
	if err != nil {
		return err
	}
	r.e.Reference, r.e.whole = r.RefName, whole
	if r.e.Revisited != nil {
		r.e.Revisited.Floor = revisits.shares(r.RDKit)
	}
	r.e.Divergences = divergences(r.e.set, whole)
	r.e.Structure = compareStructures(r.counts, data, r.floor)
	return nil
}

// relaxSteps bounds the minimisation of a structure.
const relaxSteps = 5000

// strain finds the strain energy of the intact molecules.
func (r *run) strain(ctx context.Context) error {
	if len(r.intact) == 0 {
		return nil
	}
	s := &Strain{Tried: len(r.intact), Failed: map[string]int{}}
	var perAtom []float64
	err := r.batches(ctx, "strain energy", func(yield func(*molecule.Molecule, error) bool) {
		for _, m := range r.intact {
			if !yield(m, nil) {
				return
			}
		}
	}, func(m *molecule.Molecule) (v verdict) {
		found, _, err := rdkit.Relax(ctx, m, relaxSteps)
		if err != nil {
			v.fault = err.Error()
		} else if v.strain = found.Energy(); !found.Converged {
			v.fault = "no minimum in " + strconv.Itoa(relaxSteps) + " steps"
		}
		return v
	}, func(m *molecule.Molecule, v verdict) bool {
		if v.fault != "" {
			s.Failed[v.fault]++
			return true
		}
		r.e.strain = append(r.e.strain, v.strain)
		perAtom = append(perAtom, v.strain/float64(len(m.Elements)))
		return true
	})
	s.Summary, s.PerAtom = summarise(r.e.strain), summarise(perAtom)
	r.e.Strain = s
	return err
}

// finish turns the counts into shares.
func (r *run) finish() {
	e := r.e
	e.Intervals = map[string][2]float64{}
	for _, line := range e.Rates() {
		e.Intervals[line.Key] = share(line.Count, line.Of).Interval
	}
	e.Intervals["stable_atoms"] = r.atoms.share().Interval
	g := r.shapes
	e.Geometry = Geometry{g.lengths.share(), g.angles.share(), g.flat.share(), g.clashFree.share(),
		g.plausible.share(), g.rings.share()}
	r.finishFailures()
	if r.RDKit {
		e.RDKit = &RDKit{
			Version:          rdkit.Version(),
			Valid:            share(r.rdkitValid, e.Molecules),
			UniqueAmongValid: share(len(r.smiles), r.rdkitValid),
			ValidAndUnique:   share(len(r.smiles), e.Molecules),
			Disagree:         share(r.disagree, r.compared),
			Disagreements:    r.disagreements,
		}
		if r.rule == molecule.GEOMRule {
			orders := share(r.byOrders, e.Molecules)
			e.RDKit.ValidByOrders = &orders
		}
	}
	if r.Train != nil {
		novel := count(r.keys, false)
		e.Novelty = &Novelty{
			Train: r.TrainName, TrainMolecules: r.train, NovelAmongUnique: share(novel, len(r.keys)),
			ValidUniqueNovel: share(novel, e.Judged()), KnownEnvironments: share(r.knownEnvironments(), novel),
		}
		if r.TrainList { // which is compared by RDKit only
			e.Novelty.NovelAmongUnique, e.Novelty.ValidUniqueNovel,
				e.Novelty.KnownEnvironments = share(0, 0), share(0, 0), share(0, 0)
		}
		if r.RDKit {
			novel := count(r.smiles, false)
			among, all := share(novel, len(r.smiles)), share(novel, e.Molecules)
			e.Novelty.RDKitNovelAmongUnique, e.Novelty.RDKitValidUniqueNovel = &among, &all
		}
	}
}

// knownEnvironments counts the novel molecules without an environment that the training set lacks.
func (r *run) knownEnvironments() (n int) {
	for key, seen := range r.keys {
		if !seen && !slices.ContainsFunc(r.around[key], func(e string) bool { return !r.known[e] }) {
			n++
		}
	}
	return n
}

func count(m map[string]bool, value bool) (n int) {
	for _, v := range m {
		n += one(v == value)
	}
	return n
}

// Rate is a line of the table that every evaluation has.
type Rate struct {
	Key, Name string
	Share
}

// Judged is the number of molecules whose validity the rule judges.
func (e *Evaluation) Judged() int { return e.Molecules - e.Counts.NotJudged }

// Rates are the rates of the report with their intervals.
func (e *Evaluation) Rates() []Rate {
	c := e.Counts
	rates := []Rate{
		{"stable_atoms", "stable atoms", share(c.StableAtoms, e.Atoms)},
		{"stable_molecules", "stable molecules", share(c.StableMolecules, e.Molecules)},
		{"valid", "valid", share(c.Valid, e.Judged())},
		{"unique_among_valid", "unique among valid", share(c.Unique, c.Valid)},
		{"valid_and_unique", "valid and unique", share(c.Unique, e.Judged())},
		{"connected", "connected", share(c.Connected, e.Molecules)},
	}
	for i, r := range rates {
		if interval, ok := e.Intervals[r.Key]; ok {
			rates[i].Interval = interval
		}
	}
	return rates
}

// batchSize is the number of molecules that are worked on at a time.
const batchSize = 512

// batches reads molecules, lets all threads work on them, and hands the results
// on in order until collect returns false.
func (r *run) batches(ctx context.Context, stage string, molecules Molecules,
	work func(*molecule.Molecule) verdict, collect func(*molecule.Molecule, verdict) bool) error {
	batch, done := make([]*molecule.Molecule, 0, batchSize), 0
	verdicts := make([]verdict, batchSize)
	flush := func() bool {
		var next atomic.Int64
		var workers sync.WaitGroup
		for range min(r.Threads, len(batch)) {
			workers.Go(func() {
				for i := int(next.Add(1)) - 1; i < len(batch) && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
					verdicts[i] = work(batch[i])
				}
			})
		}
		workers.Wait()
		if ctx.Err() != nil {
			return true
		}
		for i, m := range batch {
			if !collect(m, verdicts[i]) {
				return false
			}
		}
		if done += len(batch); r.Progress != nil {
			r.Progress(stage, done)
		}
		batch = batch[:0]
		return true
	}
	for m, err := range molecules {
		if err != nil {
			return err
		}
		if batch = append(batch, m); len(batch) == batchSize && !flush() {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	flush()
	return ctx.Err()
}
