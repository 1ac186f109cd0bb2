package sampler

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"strconv"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/o3"
	"github.com/symdiff-go/symdiff/core/schedule"
)

// Options says what to sample. The zero value of a field is its default. The JSON
// names are also those of the flags of symdiff sample (t_start is --t-start), of
// wasm/js/options.ts, of the page's address and of the properties of a sampled
// molecule.
type Options struct {
	// Seed of the random numbers, below 2^64. Molecule i of a seed is the same on every
	// device and in every batch.
	Seed uint64 `json:"seed"`
	// First is the index of the first molecule in the stream of the seed. That of the last
	// is below 2^31.
	First int `json:"first"`
	// N is the number of molecules. 0: one, or one for each of From.
	N int `json:"n"`
	// Atoms is the number of atoms of every molecule, up to 1024, and with Joint of united
	// atoms. 0: drawn like those of the training data.
	Atoms int `json:"atoms"`
	// Formula is the composition of every molecule, such as C7H10O2, for a model that
	// is conditioned on compositions, or of united atoms, such as [CH3]2[CH]O. Empty: drawn
	// like those of the training data.
	Formula string `json:"formula"`
	// Joint samples types and positions together, p(x, h), also by a model that is
	// conditioned on compositions, p(x | h).
	Joint bool `json:"joint"`
	// Fragment is a molecule whose atoms are fixed, first in every molecule; the rest
	// is made around them (inpainting), for a model that is conditioned on fragments.
	// They move and rotate as one. A model of united atoms takes a hydrogen with the atom
	// that it is bonded to. nil: no fixed atoms.
	Fragment *molecule.Molecule `json:"fragment"`
	// From are molecules that the run starts from, noised to TStart, which must be
	// given: the smaller it is, the more alike they stay (SDEdit, Meng et al. 2022, arXiv
	// 2108.01073). Molecule i starts from the ith, and after the last from the first
	// again. Empty: it starts from noise.
	From []*molecule.Molecule `json:"from"`
	// Properties are values of properties that the model is conditioned on, by name, in
	// the units of its training data.
	Properties map[string]float64 `json:"properties"`
	// CFGWeight is w of classifier-free guidance (Ho and Salimans 2022, arXiv
	// 2207.12598), up to 100: eps_hat = e + w·(e - u), with e predicted under Properties
	// and u without. Above 0 a step takes two network evaluations.
	CFGWeight float64 `json:"cfg_weight"`

	// Steps is the number of steps, one network evaluation each (two by heun). One more
	// evaluation follows, at t = 0. 0: as many as the weights state for Method, or 40, or TStart
	// where that is less.
	Steps int `json:"steps"`
	// Rho spaces the times of the methods but ancestral and ddim: (sigma_t/alpha_t)^(1/Rho)
	// evenly (Karras et al. 2022, arXiv 2206.00364, equation 5). The smaller it is, from 1 to
	// 1000, the fewer steps are at low noise. 0: what the weights state for Method, or evenly in log
	// SNR, the limit of a large Rho.
	Rho float64 `json:"rho"`
	// TStart is the time to start from, 1 to T, by a Gaussian fitted to the noised
	// training data (truncated diffusion); at T it is pure noise. 0: the first t with
	// alpha_t² <= 0.41, which is 600 of the shipped model's 1000; or T, of a model
	// without the moments of its training data.
	TStart int `json:"t_start"`
	// Method is the solver. Empty: the one that the weights state, or dpm++2m-sde.
	Method Method `json:"method"`
	// NoiseScale multiplies the noise of every step of a stochastic method, up to 2.
	// Below 1 more molecules are stable, and they vary less. 0: 1.
	NoiseScale float64 `json:"noise_scale"`
	// Gamma is the symmetrisation. Empty: the model's own.
	Gamma Gamma `json:"gamma"`
	// Rotate is an orthogonal H, by rows, that all noise and the fragment are rotated
	// by, x·H. R0 of gamma goes along, Hᵀ·R0, so that an equivariant sampler makes the
	// same molecule, rotated. nil: no rotation.
	Rotate *o3.Matrix `json:"rotate"`
	// Uncoupled leaves R0 of gamma as it is under Rotate.
	Uncoupled bool `json:"uncoupled"`
	// Branches are other seeds from some step on, by ascending step: after Step steps
	// noise comes from Seed. Up to there a run is the same to the last bit.
	Branches []Branch `json:"branches"`

	// Threads of Generate, which change no molecule. 0: all cores.
	Threads int `json:"-"`
	// Batch is the number of molecules that a thread of Generate samples at a time. 0: what
	// a trial finds fastest.
	Batch int `json:"-"`
	// Progress is called by Generate, from any thread, when so many steps of a molecule
	// more are done.
	Progress func(steps int) `json:"-"`

	sizes []int // numbers of atoms of a batch; a test puts several here, in place of N and Atoms
	// Of a model of united atoms:
	apart *molecule.Molecule // the fragment with its hydrogens as atoms
	rooms []int              // for hydrogens at the atoms of Fragment, then without them
}

// Branch says that noise comes from another seed after so many steps: gamma, the
// noise of the steps and of the final draw, but not that of the start.
type Branch struct {
	// Step is the number of steps done before, 0 to Steps.
	Step int `json:"step"`
	// Seed of the noise from there on.
	Seed uint64 `json:"seed"`
}

// Gamma is a choice of the symmetrisation.
type Gamma string

// The choices of gamma: C ~ gamma(x) is an orthogonal matrix.
const (
	// Learned is C = R0·f(R0⁻¹x), which is equivariant, with R0 of the Haar measure.
	Learned Gamma = "learned"
	// Released is C = f(R0⁻¹x)·R0⁻¹, as in the published code.
	Released Gamma = "released"
	// Haar is C = R0, not learned.
	Haar Gamma = "haar"
	// NoGamma is C = 1: the network without symmetrisation.
	NoGamma Gamma = "none"
)

// Gammas lists the choices of gamma.
func Gammas() []Gamma { return []Gamma{Learned, Released, Haar, NoGamma} }

// The defaults of steps and start. Of the samplers that were measured on the shipped
// model (core/weights/qm9-web.md), some with 1001 evaluations, none makes more stable
// molecules; the best of the others are within the error.
const (
	defaultMethod = DPMSDE
	defaultSteps  = 40
	defaultAlpha2 = 0.41
)

// defaultStart is the time that a run starts from by default.
func defaultStart(s *schedule.Schedule, meta encoding.Meta) int {
	if meta.Moments == nil {
		return s.T()
	}
	t := 1
	for t < s.T() && s.Alpha2(t) > defaultAlpha2 {
		t++
	}
	return t
}

// errNoMeaning is what a bare network is refused with.
var errNoMeaning = errors.New(
	"sampler: the weights file does not say what its inputs mean (metadata elements)",
)

// For is o with the defaults of a model filled in: N, Method, TStart, Steps, Rho and
// NoiseScale. Errors are *OptionError, or name the schedule that is wrong.
func (o Options) For(meta encoding.Meta) (Options, error) {
	if len(meta.Elements) == 0 {
		return o, errNoMeaning
	}
	s, err := schedule.New(meta.Schedule)
	if err != nil {
		return o, err
	}
	return o.filled(meta, s)
}

// OptionError is an option that cannot be had.
type OptionError struct {
	Name   string // its JSON name
	Value  string // as text; empty where it does not matter
	Reason string // what was expected
}

func (e *OptionError) Error() string {
	if e.Value == "" {
		return e.Name + ": " + e.Reason
	}
	return e.Name + " " + e.Value + ": " + e.Reason
}

// bad is an OptionError.
func bad(name, value, reason string) error { return &OptionError{name, value, reason} }

// within refuses a number outside [lo, hi].
func within(name string, v, lo, hi int) error {
	if v < lo || v > hi {
		return bad(name, strconv.Itoa(v), "want "+strconv.Itoa(lo)+" to "+strconv.Itoa(hi))
	}
	return nil
}

// Check refuses what no model can do: the ranges and the combinations that do not
// depend on one. New checks it as well.
func (o Options) Check() error {
	for _, c := range []struct {
		name      string
		v, lo, hi int
	}{
		{"n", o.N, 0, math.MaxInt32}, {"first", o.First, 0, math.MaxInt32 - max(cmp.Or(o.N, len(o.From)), 1) + 1},
		{"atoms", o.Atoms, 0, MaxAtoms},
		{"steps", o.Steps, 0, math.MaxInt32}, {"t_start", o.TStart, 0, math.MaxInt32},
	} {
		if err := within(c.name, c.v, c.lo, c.hi); err != nil {
			return err
		}
	}
	if o.Method != "" && !slices.Contains(Methods(), o.Method) {
		return bad("method", strconv.Quote(string(o.Method)), "want "+list(Methods()))
	}
	if o.Gamma != "" && !slices.Contains(Gammas(), o.Gamma) {
		return bad("gamma", strconv.Quote(string(o.Gamma)), "want "+list(Gammas()))
	}
	if o.Formula != "" {
		if _, err := molecule.ParseFormula(o.Formula); err != nil {
			return bad("formula", "", err.Error())
		}
	}
	for _, check := range []func() error{o.checkRho, o.checkNoise, o.checkGuidance, o.checkRotation, o.checkMolecules} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (o *Options) checkRho() error {
	if err := encoding.CheckRho(o.Rho); err != nil {
		return bad("rho", number(o.Rho), err.Error())
	}
	if o.Rho != 0 && !o.Method.spaced() {
		return bad("rho", number(o.Rho), "the method "+string(o.Method)+" has evenly spaced times")
	}
	return nil
}

func (o *Options) checkNoise() error {
	switch text := number(o.NoiseScale); {
	case o.NoiseScale == 0 || o.NoiseScale == 1:
		return nil
	case !(o.NoiseScale > 0 && o.NoiseScale <= 2):
		return bad("noise_scale", text, "want a number above 0, at most 2")
	case !o.Method.Stochastic():
		return bad("noise_scale", text, "the method "+string(o.Method)+" draws no noise")
	}
	return nil
}

func (o *Options) checkGuidance() error {
	if !(o.CFGWeight >= 0 && o.CFGWeight <= 100) {
		return bad("cfg_weight", number(o.CFGWeight), "want a number from 0 to 100")
	}
	if o.CFGWeight > 0 && len(o.Properties) == 0 {
		return bad("cfg_weight", number(o.CFGWeight), "want properties with it")
	}
	if _, ok := o.Properties[encoding.TypesName]; ok {
		return bad("properties", "",
			encoding.TypesName+" is no property: a formula gives the types")
	}
	return nil
}

func (o *Options) checkRotation() error {
	if o.Rotate == nil {
		if o.Uncoupled {
			return bad("uncoupled", "", "want rotate with it")
		}
		return nil
	}
	if d := o.Rotate.Deviation(); !(d <= 1e-6) {
		return bad("rotate", "",
			"not orthogonal: HᵀH is off by "+strconv.FormatFloat(d, 'g', 3, 64))
	}
	return nil
}

// checkMolecules checks From and Fragment.
func (o *Options) checkMolecules() error {
	for i, m := range o.From {
		if m == nil || len(m.Elements) == 0 {
			return bad("from", "", "molecule "+strconv.Itoa(i)+" has no atoms")
		}
		if err := encoding.CheckPositions(m); err != nil {
			return bad("from", "", "molecule "+strconv.Itoa(i)+": "+err.Error())
		}
	}
	if len(o.From) > 0 {
		switch {
		case o.Formula != "" || o.Fragment != nil || o.Atoms > 0:
			return bad("from", "", "not with formula, fragment or atoms")
		case o.TStart == 0:
			return bad("from", "",
				"want t_start with it, the time that its molecules are noised to")
		}
	}
	if o.Fragment == nil {
		return nil
	}
	if n := len(o.Fragment.Elements); n == 0 || n != len(o.Fragment.Positions) {
		return bad("fragment", "", "want atoms with positions")
	}
	if n := len(o.Fragment.Elements); o.Atoms > 0 && o.Atoms < n {
		return bad("atoms", strconv.Itoa(o.Atoms), "the fragment has "+strconv.Itoa(n))
	}
	if o.Joint {
		return bad("fragment", "",
			"not with joint: a model is given fragments together with the types")
	}
	return nil
}

// filled is o with its defaults filled in for a model, checked against it.
func (o Options) filled(meta encoding.Meta, s *schedule.Schedule) (Options, error) {
	own := meta.Sampling
	switch {
	case own.Method == "":
		own.Method = string(defaultMethod)
	case !slices.Contains(Methods(), Method(own.Method)):
		return o, errors.New("sampler: metadata sampling: no method " + own.Method)
	}
	if o.Method == "" {
		o.Method = Method(own.Method)
	} else if o.Method != Method(own.Method) {
		own = encoding.Sampling{}
	}
	if err := o.Check(); err != nil {
		return o, err
	}
	if o.N == 0 {
		o.N = max(1, len(o.From))
	}
	if o.sizes != nil {
		o.N = len(o.sizes)
	}
	if o.NoiseScale == 0 {
		o.NoiseScale = 1
	}
	if o.TStart == 0 {
		o.TStart = defaultStart(s, meta)
	}
	if err := within("t_start", o.TStart, 1, s.T()); err != nil {
		return o, err
	}
	if meta.Moments == nil && len(o.From) == 0 && o.TStart < s.T() {
		return o, bad("t_start", strconv.Itoa(o.TStart),
			"the weights file has no moments of the training data to start from, want "+
				strconv.Itoa(s.T()))
	}
	if o.Steps == 0 {
		o.Steps = min(cmp.Or(own.Steps, defaultSteps), o.TStart)
	}
	if o.Rho == 0 && o.Method.spaced() {
		o.Rho = own.Rho
	}
	if err := within("steps", o.Steps, 1, o.TStart); err != nil {
		return o, err
	}
	return o, o.checkBranches()
}

// checkBranches checks the steps of the path, once Steps is known.
func (o *Options) checkBranches() error {
	last := -1
	for _, b := range o.Branches {
		if b.Step <= last || b.Step > o.Steps {
			return bad("branches", "",
				"step "+strconv.Itoa(b.Step)+", want "+strconv.Itoa(last+1)+" to "+
					strconv.Itoa(o.Steps))
		}
		last = b.Step
	}
	return nil
}

// list is the words, with commas between.
func list[T ~string](words []T) string {
	text := ""
	for i, w := range words {
		if i > 0 {
			text += ", "
		}
		text += string(w)
	}
	return text
}

// number is v in the fewest digits.
func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
