// Package sampler generates molecules with a trained network: by ancestral
// sampling of the reverse diffusion (Hoogeboom et al. 2022, arXiv 2203.17003,
// algorithm 2; with the symmetrised network of Zhang et al. 2025), or by a solver
// in fewer steps (see Method); freely, under values that the network takes, or
// around what is given (see Known).
//
// A Sampler holds a batch of molecules of any sizes. Each call of Step is one
// call of the network, but where a method says otherwise: from z_t to z_s on a
// grid T = t_0 > t_1 > ... > t_S = 0 (or from an earlier t_0, see Options.Start), and at last from z_0 to the molecule. Everything random comes from streams of
// (seed, molecule, purpose, time), so that a molecule depends on its seed, its
// index and its settings, but not on the batch it is computed in.
//
// The invariant of a step: the positions of every molecule have zero centre of
// mass.
package sampler

import (
	"context"
	"errors"
	"math"
	"sort"
	"strconv"

	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/o3"
	"github.com/symdiff-go/symdiff/core/rng"
	"github.com/symdiff-go/symdiff/core/schedule"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// MaxAtoms is the largest molecule that can be asked for, and MaxRows the largest
// number of atoms of a batch.
const (
	MaxAtoms = 1024
	MaxRows  = 1 << 16
)

// Options is what to sample. Usual completes what is left open of Steps, Method,
// Start and Resample; New takes them as they are.
type Options struct {
	Seed   uint64
	First  int    // molecule i of the batch is molecule First+i of the seed
	Atoms  []int  // numbers of atoms, one per molecule; 0: drawn from the histogram of the weights, above those of Known
	Steps  int    // S, number of steps from t = T, or Start, to 0, at most one for each time; a final call follows
	Method Method // how a step is made; empty: Ancestral
	Start  int    // time to start from, by a Gaussian fitted to z_t; 0: from T

	// NoiseScale multiplies the noise that the stochastic methods draw at every step,
	// 0 < NoiseScale <= 2; 0: 1. Below 1 the sampler stays nearer to the modes of the
	// model: fewer broken molecules, less variety.
	NoiseScale float64

	// From are molecules, one for each of the batch, that the run starts from: noised
	// to Start, which tells how far from them it may end (SDEdit, Meng et al. 2022,
	// arXiv 2108.01073). nil: it starts from noise.
	From []*molecule.Molecule

	// FreeTypes samples the types with the positions where the network could be given
	// them (see model.TypesName).
	FreeTypes bool

	Known    *Known // what is given of every molecule; nil: nothing
	Resample int    // how often every step is made, with what is given by replacement; 0: once

	// Composition is the elements of every molecule, in any order; nil: any. How it is
	// kept depends on the network (see compose). Atoms may then be 0.
	Composition []molecule.Element
	// Values are those of properties that the network is conditioned on (see
	// model.Meta.Context), by name. It predicts under them and the composition,
	// Guidance times further from its prediction without (see symmetrise.Condition).
	Values   map[string]float64
	Guidance float64

	// Gamma is learned, haar or none, GammaOrder paper or released; empty: as the
	// model has it.
	Gamma, GammaOrder string
	// Turn is an orthogonal H that z_T, the noise of every step and what is given are
	// turned by: X·H. nil: none. R0 of gamma is turned along, Hᵀ·R0 with the same eta,
	// unless Uncoupled; then an equivariant sampler gives the same molecule, turned.
	Turn      *o3.Matrix
	Uncoupled bool
	Branches  []Branch // other seeds from some step on, by ascending step
}

// Sampler is a batch of molecules on their way.
type Sampler struct {
	net      symmetrise.Network
	meta     model.Meta
	sched    *schedule.Schedule
	elements []molecule.Element
	seed     uint64
	first    uint32
	sizes    []int
	method   Method
	times    []int   // (S+1) T = t_0 > ... > t_S = 0
	done     int     // calls of Step so far
	heat     float64 // NoiseScale

	width    int // 3+F
	state    symmetrise.NetworkState
	z        []float32        // (rows, 3+F)
	eps      []float32        // (rows, 3+F) prediction
	noise    []float32        // (rows, 3+F)
	hat      []float32        // (rows, 3+F) predicted data of the last step
	data     []float32        // (rows, 3+F) of the methods: DPM's predicted data of the step before
	*decoder                  // of latents; nil: z are atoms themselves
	gamma    symmetrise.Noise // of gamma: R0 (molecules), eta (rows, noise dims)

	types             []float32    // (rows, 3+F) features of the types where they are given; nil: they are not
	given, givenNoise []float32    // (known atoms, 3+F) what is given, clean and noised; nil: nothing
	placed            int          // the first so many of them have positions
	kept              [][3]float64 // (placed) in Å, where they are in space
	fixed             bool         // they are given to the network (see Known)
	resample          int

	from                  bool                // started from molecules
	targets               []molecule.Property // values and composition that the network is given
	gammaKind, gammaOrder string              // as asked for
	turn                  *o3.Matrix
	coupled               bool
	branches              []Branch

	predict func(t, call int) // sets eps from z at time t; a test puts an exact one here
}

// New is NewNetwork for a model and the metadata of its file.
func New(m *model.Model, o Options) (*Sampler, error) { return NewNetwork(m.Network(), m.Meta, o) }

// NewNetwork checks the options, draws the sizes and z_T. meta is the meaning of
// the network's inputs. Errors name the option or the metadata that is wrong.
func NewNetwork(net symmetrise.Network, meta model.Meta, o Options) (*Sampler, error) {
	if len(meta.Elements) == 0 {
		return nil, errors.New("sampler: the weights file does not say what its inputs mean (metadata elements)")
	}
	isLatent := net.NewDecoder(nil) != nil
	if isLatent {
		if err := o.ofLatents(); err != nil {
			return nil, err
		}
	}
	types, err := o.giveTypes(meta)
	if err == nil && types == nil {
		err = o.compose(meta)
	}
	if err != nil {
		return nil, err
	}
	atoms, err := o.sizesFrom()
	if err != nil {
		return nil, err
	}
	if o.Atoms = atoms; len(o.Atoms) == 0 {
		return nil, errors.New("sampler: no molecules asked for")
	}
	if o.First < 0 || uint64(o.First)+uint64(len(o.Atoms)) > math.MaxUint32 {
		return nil, errors.New("sampler: index " + strconv.Itoa(o.First) + " of the first molecule is out of range")
	}
	if !isLatent && meta.Features() != net.Features() {
		return nil, errors.New("sampler: the network has " + strconv.Itoa(net.Features()) + " features, its metadata make " + strconv.Itoa(meta.Features()))
	}
	if net, err = o.chosen(net); err != nil {
		return nil, err
	}
	if net, err = o.conditioned(net); err != nil {
		return nil, err
	}
	sched, err := schedule.New(meta.Schedule)
	if err != nil {
		return nil, err
	}
	start, err := o.start(sched, meta)
	if err != nil {
		return nil, err
	}
	if o.Steps < 1 || o.Steps > start {
		return nil, errors.New("sampler: " + strconv.Itoa(o.Steps) + " steps, want 1 to " + strconv.Itoa(start))
	}
	s := &Sampler{
		net: net, meta: meta, sched: sched, seed: o.Seed, first: uint32(o.First), width: 3 + net.Features(), method: o.Method,
		from: o.From != nil, targets: o.targets(meta), gammaKind: o.Gamma, gammaOrder: o.GammaOrder,
	}
	s.predict = s.network
	s.fixed = o.takenParts(meta)
	for _, symbol := range meta.Elements {
		e, ok := molecule.ParseElement(symbol)
		if !ok {
			return nil, errors.New("sampler: unknown element " + strconv.Quote(symbol))
		}
		s.elements = append(s.elements, e)
	}
	for i, n := range o.Atoms {
		if n < 0 || n > MaxAtoms {
			return nil, errors.New("sampler: " + strconv.Itoa(n) + " atoms, want 1 to " + strconv.Itoa(MaxAtoms) + ", or 0 to draw it")
		}
		if n == 0 {
			if len(meta.Histogram) == 0 {
				return nil, errors.New("sampler: the weights file has no histogram of sizes: the number of atoms must be given")
			}
			if n, err = drawSize(meta.Histogram, o.Known.size(), o.Seed, uint32(o.First+i)); err != nil {
				return nil, err
			}
			if n > MaxAtoms {
				return nil, errors.New("sampler: the histogram of the weights file gives " + strconv.Itoa(n) + " atoms, at most " + strconv.Itoa(MaxAtoms) + " can be made: give the number of atoms")
			}
		}
		s.sizes = append(s.sizes, n)
	}
	if s.heat, err = o.noiseScale(); err != nil {
		return nil, err
	}
	if s.times, err = times(sched, o.Method, start, o.Steps); err != nil {
		return nil, err
	}
	rows := 0
	for _, n := range s.sizes {
		rows += n
	}
	if rows > MaxRows {
		return nil, errors.New("sampler: " + strconv.Itoa(rows) + " atoms in one batch, want at most " + strconv.Itoa(MaxRows))
	}
	if err := symmetrise.CheckState(net, s.sizes); err != nil {
		return nil, errors.New("sampler: " + err.Error())
	}
	s.state = net.NewState(s.sizes)
	at := make([]float32, len(s.times))
	for i, t := range s.times {
		at[i] = s.unit(t)
	}
	s.state.Schedule(at)
	s.z = make([]float32, rows*s.width)
	s.eps = make([]float32, rows*s.width)
	s.noise = make([]float32, rows*s.width)
	s.hat = make([]float32, rows*s.width)
	s.data = make([]float32, rows*s.width)
	if isLatent {
		if err := s.setDecoder(net.NewDecoder(s.sizes)); err != nil {
			return nil, err
		}
	}
	s.gamma = symmetrise.NewNoise(net, s.sizes)
	if err := s.setTurn(o.Turn, o.Uncoupled); err != nil {
		return nil, err
	}
	if err := s.setKnown(o.Known, o.Resample); err != nil {
		return nil, err
	}
	s.draw(s.z, rng.Initial, tick(start, 0))
	switch {
	case o.From != nil:
		if err := s.noised(o.From, start); err != nil {
			return nil, err
		}
	case start < sched.T():
		s.fit(start)
	}
	s.put(start, 0)
	if err := s.setTypes(types); err != nil {
		return nil, err
	}
	s.giveTo(s.z)
	return s, s.setBranches(o.Branches)
}

// drawSize draws N from the histogram, above the number of known atoms.
func drawSize(h map[int]int, known int, seed uint64, index uint32) (int, error) {
	sizes, total := make([]int, 0, len(h)), 0
	for n, count := range h {
		if n > known {
			sizes = append(sizes, n)
			total += count
		}
	}
	if len(sizes) == 0 {
		return 0, errors.New("sampler: no size in the histogram of the weights file is above the " + strconv.Itoa(known) + " known atoms")
	}
	sort.Ints(sizes)
	stream := rng.New(seed, index, rng.Size, 0)
	left := stream.Float64() * float64(total)
	for _, n := range sizes {
		left -= float64(h[n])
		if left < 0 {
			return n, nil
		}
	}
	return sizes[len(sizes)-1], nil
}

// draw fills dst (rows, 3+F) with standard Gaussians whose positions are free of
// CoM, from the streams of a purpose and a tick.
func (s *Sampler) draw(dst []float32, purpose rng.Purpose, tick uint32) {
	seed, at := s.stepSeed(), 0
	for i, n := range s.sizes {
		stream := rng.New(seed, s.first+uint32(i), purpose, tick)
		stream.Fill(dst[at*s.width:(at+n)*s.width], 1)
		at += n
	}
	symmetrise.RemoveMean(dst, s.width, s.sizes)
	s.turned(dst, at)
}

// tick numbers the streams of a time t, at most 10⁵, and of a call of the network
// at that time: 0 but for methods that make several.
func tick(t, call int) uint32 { return uint32(t) | uint32(call)<<20 }

// drawGamma draws the noise of gamma, R0 and eta of every molecule.
func (s *Sampler) drawGamma(t, call int) {
	seed, time, at := s.stepSeed(), tick(t, call), 0
	for i, n := range s.sizes {
		haar, eta := rng.New(seed, s.first+uint32(i), rng.Haar, time), rng.New(seed, s.first+uint32(i), rng.Eta, time)
		s.gamma.Draw(s.net, i, at, at+n, &haar, &eta)
		if s.coupled {
			s.gamma.R0[i] = s.turn.T().Mul(s.gamma.R0[i])
		}
		at += n
	}
}

// network predicts the noise with fresh R0 and eta.
func (s *Sampler) network(t, call int) {
	s.drawGamma(t, call)
	s.giveTo(s.z)
	s.state.Eps(s.eps, s.z, s.unit(t), s.gamma)
}

// unit is t on [0, 1], as the network takes it.
func (s *Sampler) unit(t int) float32 { return float32(float64(t) / float64(s.sched.T())) }

// predicted sets hat to x_hat = (z_t - sigma_t·eps_hat)/alpha_t.
func (s *Sampler) predicted(t int) {
	inv, noise := float32(1/s.sched.Alpha(t)), float32(s.sched.Sigma(t)/s.sched.Alpha(t))
	for i, v := range s.z {
		s.hat[i] = float32(inv*v) - float32(noise*s.eps[i])
	}
	s.giveTo(s.hat)
}

// Step makes one call of the network (two with Heun, Options.Resample with
// Known): a step of the method from z_t to z_s, or at t = 0 the molecule itself.
// It panics when Done. A value that is not finite stops the run with an error
// that tells the step and its time.
func (s *Sampler) Step() error {
	if s.Done() {
		panic("sampler: Step after the last one")
	}
	t := s.times[s.done]
	s.predict(t, 0)
	s.predicted(t)
	switch {
	case t == 0:
		s.decode()
		s.keep()
	case s.method == DDIM:
		s.ddim(t, s.times[s.done+1])
	case s.method == DPM, s.method == DPMSDE:
		s.dpm(t, s.times[s.done+1])
	case s.method == Heun:
		s.heun(t, s.times[s.done+1])
	default:
		to := s.times[s.done+1]
		s.ancestral(t, to, 0)
		for call := 1; call < s.resample; call++ {
			s.put(to, call-1)
			s.back(to, t, call)
			s.put(t, call)
			s.predict(t, call)
			s.ancestral(t, to, call)
		}
	}
	if t > 0 {
		s.put(s.times[s.done+1], max(0, s.resample-1))
	}
	symmetrise.RemoveMean(s.z, s.width, s.sizes)
	s.giveTo(s.z)
	s.done++
	for _, v := range s.z {
		if !(math.Abs(float64(v)) <= math.MaxFloat32) {
			return errors.New("sampler: values are not finite after step " + strconv.Itoa(s.done) + " of " + strconv.Itoa(s.Steps()) + ", at t = " + strconv.Itoa(t))
		}
	}
	return nil
}

// Done reports whether the molecules are final.
func (s *Sampler) Done() bool { return s.done == len(s.times) }

// StepsDone is the number of calls of Step so far.
func (s *Sampler) StepsDone() int { return s.done }

// Steps is the number of calls of Step that a run takes: Options.Steps and the
// final one.
func (s *Sampler) Steps() int { return len(s.times) }

// Len is the number of molecules of the batch.
func (s *Sampler) Len() int { return len(s.sizes) }

// Atoms is the number of atoms of molecule i.
func (s *Sampler) Atoms(i int) int { return s.sizes[i] }

// Gamma is the matrix C that molecule i was turned by in the last step.
func (s *Sampler) Gamma(i int) o3.Matrix { return s.state.Gamma(i) }

// Run steps until the molecules are final, calling onStep after every step with
// the number of steps done. It stops with ctx's error within one step of its
// cancellation, and with the error of onStep.
func (s *Sampler) Run(ctx context.Context, onStep func(done int) error) error {
	for !s.Done() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := s.Step(); err != nil {
			return err
		}
		if onStep == nil {
			continue
		}
		if err := onStep(s.done); err != nil {
			return err
		}
	}
	return nil
}

// rows is the part of z that belongs to molecule i, (n, 3+F).
func (s *Sampler) rows(i int) []float32 { return s.part(s.z, i) }

// part is the part of all (rows, 3+F) that belongs to molecule i.
func (s *Sampler) part(all []float32, i int) []float32 {
	at := 0
	for _, n := range s.sizes[:i] {
		at += n
	}
	return all[at*s.width : (at+s.sizes[i])*s.width]
}

// Frame writes where molecule i is now: positions (n, 3) in Å, and the one-hot
// type channels (n, elements), 1 for a certain type and 0 for none. Either may
// be nil.
func (s *Sampler) Frame(i int, positions, types []float32) {
	if s.decoder != nil {
		s.latentFrame(i, s.rows(i), positions, types)
		return
	}
	s.frame(s.rows(i), positions, types)
}

// Predicted writes, like Frame, the data that the network predicted in the last
// step, x_hat = (z_t - sigma_t·eps_hat)/alpha_t: zero before the first.
func (s *Sampler) Predicted(i int, positions, types []float32) {
	if s.decoder != nil {
		s.latentFrame(i, nil, positions, types)
		return
	}
	s.frame(s.part(s.hat, i), positions, types)
}

func (s *Sampler) frame(z, positions, types []float32) {
	e, shift := len(s.elements), s.shift(z)
	for a := range len(z) / s.width {
		row, scale := z[a*s.width:(a+1)*s.width], s.meta.ScaleTypes
		if s.fixed && a < s.placed {
			scale /= model.PartMark
		}
		for k := 0; positions != nil && k < 3; k++ {
			positions[3*a+k] = row[k] * float32(s.meta.ScaleX)
			if s.kept != nil {
				positions[3*a+k] = float32(float64(row[k])*s.meta.ScaleX + shift[k])
			}
		}
		for k := 0; types != nil && k < e; k++ {
			types[e*a+k] = row[3+k] * float32(scale)
		}
	}
}

// Molecule is molecule i as it stands now: the most likely types and the
// positions in Å, with zero centre of mass, or with the known atoms at their place.
func (s *Sampler) Molecule(i int) *molecule.Molecule {
	z, width := s.rows(i), s.width
	if s.decoder != nil {
		z, width = s.decodedPart(i), s.decoder.Width()
	}
	n, e := s.sizes[i], len(s.elements)
	m := &molecule.Molecule{Elements: make([]molecule.Element, n), Positions: make([][3]float64, n)}
	for a := range n {
		row := z[a*width : (a+1)*width]
		best := 0
		for k := 1; k < e; k++ {
			if row[3+k] > row[3+best] {
				best = k
			}
		}
		m.Elements[a] = s.elements[best]
		for k := range 3 {
			m.Positions[a][k] = float64(row[k]) * s.meta.ScaleX
		}
	}
	if s.kept == nil {
		return m
	}
	shift := s.shift(z)
	for a := range m.Positions {
		for k := range shift {
			m.Positions[a][k] += shift[k]
		}
	}
	if s.Done() {
		copy(m.Positions, s.kept)
	}
	return m
}

// Result is molecule i with what it takes to make it again and how it does:
//
//	seed, index, steps   arguments of the run; its size is the number of atoms
//	method               unless it is Ancestral
//	start                unless it is T
//	noise_scale          unless it is 1
//	from                 true where the run started from a molecule
//	known                number of atoms of which something was given, where it was
//	resample             where they were by replacement
//	target_NAME          value of each property that the network was given
//	target_formula       composition that the network was given
//	property_guidance    unless it is 0
//	gamma, gamma_order   where they are not the model's own
//	turn, couple         the nine numbers of H, where there is one; couple=false where R0 stays
//	branch               STEP:SEED of every branch
//	model                the first 16 digits of the weights' SHA-256, hexadecimal
//	formula, stable, valid, connected
//
// model is the SHA-256 of the weights file; it is left out where it is shorter.
func (s *Sampler) Result(i int, model string) *molecule.Molecule {
	m := s.Molecule(i)
	add := func(key, value string) {
		m.Properties = append(m.Properties, molecule.Property{Key: key, Value: value})
	}
	add("seed", strconv.FormatUint(s.seed, 10))
	add("index", strconv.Itoa(int(s.first)+i))
	add("steps", strconv.Itoa(s.Steps()-1))
	if s.method != "" && s.method != Ancestral {
		add("method", string(s.method))
	}
	if s.heat != 1 {
		add("noise_scale", strconv.FormatFloat(s.heat, 'g', -1, 64))
	}
	if start := s.times[0]; start < s.sched.T() {
		add("start", strconv.Itoa(start))
	}
	if s.from {
		add("from", "true")
	}
	if s.given != nil {
		add("known", strconv.Itoa(len(s.given)/s.width))
		if !s.fixed {
			add("resample", strconv.Itoa(s.resample))
		}
	}
	for _, p := range s.targets {
		add(p.Key, p.Value)
	}
	for _, p := range []molecule.Property{{Key: "gamma", Value: s.gammaKind}, {Key: "gamma_order", Value: s.gammaOrder}, {Key: "branch", Value: branchText(s.branches)}} {
		if p.Value != "" {
			add(p.Key, p.Value)
		}
	}
	if s.turn != nil {
		add("turn", text(s.turn))
		if !s.coupled {
			add("couple", "false")
		}
	}
	if len(model) >= 16 {
		add("model", model[:16])
	}
	valid, _ := m.Valid()
	add("formula", m.Formula())
	add("stable", strconv.FormatBool(m.Stable()))
	add("valid", strconv.FormatBool(valid))
	add("connected", strconv.FormatBool(m.Connected()))
	return m
}
