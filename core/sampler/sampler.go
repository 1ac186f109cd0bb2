// Package sampler generates molecules with a trained network. It samples the reverse
// diffusion, either by ancestral sampling (Hoogeboom et al. 2022, arXiv 2203.17003,
// algorithm 2; with the symmetrised network of Zhang et al. 2025), or by a solver
// that needs fewer steps (see Method). A molecule may be conditioned on its formula,
// on properties, or on a fragment (see Options).
//
// A Sampler holds a batch of molecules of any sizes. Each call of Step goes from z_t
// to z_s on a grid t_0 > t_1 > ... > t_S = 0, with t_0 = Options.TStart; the last
// call goes from z_0 to the molecule. A step is one network evaluation, unless its
// Method says otherwise. Random numbers come from streams of (seed, molecule,
// purpose, time). So a molecule depends on its seed, its index and the options, but
// not on its batch. Generate samples many batches on all cores.
//
// The invariant of a step: the positions of every molecule have zero centre of
// mass.
package sampler

import (
	"context"
	"errors"
	"math"
	"strconv"

	"github.com/symdiff-go/symdiff/core/encoding"
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

// Sampler is a batch of molecules on their way.
type Sampler struct {
	o        Options // with its defaults filled in
	meta     encoding.Meta
	net      symmetrise.Network
	sched    *schedule.Schedule
	elements []molecule.Element   // of the types
	apart    []molecule.Element   // of frames
	given    [][]molecule.Element // of each molecule, where they are united and given
	sizes    []int
	times    []int // (S+1) t_0 > ... > t_S = 0
	done     int   // calls of Step so far

	width    int // 3+F
	state    symmetrise.NetworkState
	z        []float32        // (rows, 3+F)
	eps      []float32        // (rows, 3+F) prediction
	noise    []float32        // (rows, 3+F)
	hat      []float32        // (rows, 3+F) predicted data of the last step
	data     []float32        // (rows, 3+F) of the methods: DPM's predicted data of the step before
	*decoder                  // of latents; nil: z are atoms themselves
	gamma    symmetrise.Noise // of gamma: R0 (molecules), eta (rows, noise dims)

	// (rows, 3+F) features of the types where they are given; nil: they are not
	types []float32
	// the first so many atoms of every molecule are those of the fragment
	fixed            int
	fragment, scaled []float32    // (fixed, 3+F) the fragment, clean and at the time at hand
	places           [][3]float64 // (fixed) in Å, where its atoms are in space

	predict func(t, call int) // sets eps from z at time t; a test puts an exact one here
}

// New checks the options, draws the sizes and z at the first time. meta is the
// meaning of the network's inputs. Errors name the option, as an *OptionError, or
// the metadata that is wrong.
func New(net symmetrise.Network, meta encoding.Meta, o Options) (*Sampler, error) {
	latent := net.NewDecoder(nil) != nil
	if latent {
		if err := o.ofLatents(); err != nil {
			return nil, err
		}
	} else if meta.Features() != net.Features() && len(meta.Elements) > 0 {
		return nil, errors.New("sampler: the network has " + strconv.Itoa(net.Features()) +
			" features, its metadata make " + strconv.Itoa(meta.Features()))
	}
	elements, err := elementsOf(meta)
	if err != nil {
		return nil, err
	}
	sched, err := schedule.New(meta.Schedule)
	if err != nil {
		return nil, err
	}
	if o, err = o.filled(meta, sched); err != nil {
		return nil, err
	}
	if o, err = o.united(meta); err != nil {
		return nil, err
	}
	if o.N > MaxRows { // a molecule has an atom at least
		return nil, o.tooMany()
	}
	types, err := o.types(meta)
	if err != nil {
		return nil, err
	}
	if net, err = o.symmetrised(net); err != nil {
		return nil, err
	}
	if net, err = o.conditioned(net, types != nil); err != nil {
		return nil, err
	}
	s := &Sampler{
		o: o, meta: meta, net: net, sched: sched, elements: elements, apart: meta.Apart(), width: 3 + net.Features(),
		fixed: o.fixedAtoms(), times: o.Times(sched),
	}
	if meta.United() {
		s.given = types
	}
	s.predict = s.network
	if err := s.setSizes(types); err != nil {
		return nil, err
	}
	if err := symmetrise.CheckState(net, s.sizes); err != nil {
		return nil, errors.New("sampler: " + err.Error())
	}
	s.allocate()
	if latent {
		if err := s.setDecoder(net.NewDecoder(s.sizes)); err != nil {
			return nil, err
		}
	}
	if err := s.setTypes(types); err != nil {
		return nil, err
	}
	if err := s.setFragment(o.Fragment); err != nil {
		return nil, err
	}
	if err := s.init(); err != nil {
		return nil, err
	}
	s.fix(s.times[0])
	s.giveTo(s.z)
	return s, nil
}

// elementsOf is the element of each one-hot channel.
func elementsOf(meta encoding.Meta) (list []molecule.Element, err error) {
	if len(meta.Elements) == 0 {
		return nil, errNoMeaning
	}
	for _, symbol := range meta.Elements {
		e, ok := molecule.ParseUnited(symbol)
		if !ok {
			return nil, errors.New("sampler: unknown element " + strconv.Quote(symbol))
		}
		list = append(list, e)
	}
	return list, nil
}

// setSizes sets the number of atoms of every molecule: of its types, of the molecule
// that it starts from, that which is asked for, or one drawn.
func (s *Sampler) setSizes(types [][]molecule.Element) (err error) {
	rows := 0
	for i := range s.o.N {
		n := s.o.size(i)
		switch {
		case types != nil:
			n = len(types[i])
		case len(s.o.From) > 0:
			n = len(s.o.from(i).Elements)
		case n == 0:
			if n, err = s.o.drawSize(s.meta.Histogram, i); err != nil {
				return err
			}
		}
		if err := within("atoms", n, 1, MaxAtoms); err != nil {
			return err
		}
		s.sizes = append(s.sizes, n)
		if rows += n; rows > MaxRows {
			return s.o.tooMany()
		}
	}
	return nil
}

// tooMany refuses a batch of more than MaxRows atoms.
func (o *Options) tooMany() error {
	return bad("n", strconv.Itoa(o.N), "more than "+strconv.Itoa(MaxRows)+" atoms in one batch")
}

// allocate makes the buffers for the sizes.
func (s *Sampler) allocate() {
	rows := 0
	for _, n := range s.sizes {
		rows += n
	}
	s.state = s.net.NewState(s.sizes)
	at := make([]float32, len(s.times))
	for i, t := range s.times {
		at[i] = s.unit(t)
	}
	s.state.Schedule(at)
	for _, b := range []*[]float32{&s.z, &s.eps, &s.noise, &s.hat, &s.data} {
		*b = make([]float32, rows*s.width)
	}
	s.gamma = symmetrise.NewNoise(s.net, s.sizes)
}

// draw fills dst (rows, 3+F) with standard Gaussians whose positions are free of
// CoM, from the streams of a seed, a purpose and a tick.
func (s *Sampler) draw(dst []float32, seed uint64, purpose rng.Purpose, tick uint32) {
	at := 0
	for i, n := range s.sizes {
		stream := rng.New(seed, uint32(s.o.First+i), purpose, tick)
		stream.Fill(dst[at*s.width:(at+n)*s.width], 1)
		at += n
	}
	symmetrise.RemoveMean(dst, s.width, s.sizes)
	s.rotated(dst, at)
}

// tick numbers the streams of a time t, at most 10⁵, and of a call of the network
// at that time: 0 but for methods that make several.
func tick(t, call int) uint32 { return uint32(t) | uint32(call)<<20 }

// drawGamma draws the noise of gamma, R0 and eta of every molecule.
func (s *Sampler) drawGamma(t, call int) {
	seed, time, at := s.stepSeed(), tick(t, call), 0
	for i, n := range s.sizes {
		haar := rng.New(seed, uint32(s.o.First+i), rng.Haar, time)
		eta := rng.New(seed, uint32(s.o.First+i), rng.Eta, time)
		s.gamma.Draw(s.net, i, at, at+n, &haar, &eta)
		if h := s.o.Rotate; h != nil && !s.o.Uncoupled {
			s.gamma.R0[i] = h.T().Mul(s.gamma.R0[i])
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

// Step makes one network evaluation (two by Heun): a step of the method from z_t to
// z_s, or at t = 0 the molecule itself. It panics when Done. A value that is not
// finite stops the run with an error that names the step and its time.
func (s *Sampler) Step() error {
	if s.Done() {
		panic("sampler: Step after the last one")
	}
	t := s.times[s.done]
	s.predict(t, 0)
	s.predicted(t)
	if t == 0 {
		s.decode()
		s.keepFragment()
	} else {
		s.advance(t, s.times[s.done+1])
	}
	symmetrise.RemoveMean(s.z, s.width, s.sizes)
	s.giveTo(s.z)
	s.done++
	for _, v := range s.z {
		if !(math.Abs(float64(v)) <= math.MaxFloat32) {
			return errors.New(
				"sampler: values are not finite after step " + strconv.Itoa(s.done) + " of " +
					strconv.Itoa(s.Steps()) + ", at t = " + strconv.Itoa(t),
			)
		}
	}
	return nil
}

// advance makes z at time to from that at t.
func (s *Sampler) advance(t, to int) {
	switch s.o.Method {
	case Ancestral:
		s.ancestral(t, to)
	case DDIM:
		s.ddim(t, to)
	case Heun:
		s.heun(t, to)
	default:
		s.dpm(t, to)
	}
	s.fix(to)
}

// Done reports whether the molecules are final.
func (s *Sampler) Done() bool { return s.done == len(s.times) }

// StepsDone is the number of calls of Step so far.
func (s *Sampler) StepsDone() int { return s.done }

// Steps is the number of calls of Step that a run takes: Options.Steps and the
// last one, at t = 0.
func (s *Sampler) Steps() int { return len(s.times) }

// Len is the number of molecules of the batch.
func (s *Sampler) Len() int { return len(s.sizes) }

// Gamma is the matrix C that molecule i was rotated by in the last step.
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

// Frame writes where molecule i is now: positions (n, 3) in Å of its Atoms, and the one-hot
// type channels (n, Elements), 1 for a certain type and 0 for none. Either may
// be nil.
func (s *Sampler) Frame(i int, positions, types []float32) {
	if s.decoder != nil {
		s.latentFrame(i, s.rows(i), positions, types)
		return
	}
	s.shown(i, s.rows(i), positions, types)
}

// Predicted writes, like Frame, the data that the network predicted in the last
// step, x_hat = (z_t - sigma_t·eps_hat)/alpha_t. Before the first x_hat is zero.
func (s *Sampler) Predicted(i int, positions, types []float32) {
	if s.decoder != nil {
		s.latentFrame(i, nil, positions, types)
		return
	}
	s.shown(i, s.part(s.hat, i), positions, types)
}

// shown is frame of the atoms that frames have.
func (s *Sampler) shown(i int, z, positions, types []float32) {
	if s.meta.United() {
		s.unitedFrame(i, z, positions, types)
		return
	}
	s.frame(z, positions, types)
}

func (s *Sampler) frame(z, positions, types []float32) {
	e, shift := len(s.elements), s.shift(z)
	for a := range len(z) / s.width {
		row, scale := z[a*s.width:(a+1)*s.width], s.meta.Scale(3)
		if a < s.fixed {
			scale /= encoding.FixedMark
		}
		for k := 0; positions != nil && k < 3; k++ {
			positions[3*a+k] = row[k] * float32(s.meta.Scale(0))
			if s.places != nil {
				positions[3*a+k] = float32(float64(float64(row[k])*s.meta.Scale(0)) + shift[k])
			}
		}
		for k := 0; types != nil && k < e; k++ {
			types[e*a+k] = row[3+k] * float32(scale)
		}
	}
}

// Molecule is molecule i as it stands now: the most likely types and the
// positions in Å, with zero centre of mass, or with the fixed atoms at their place. The hydrogens
// of united atoms are atoms, after the others.
func (s *Sampler) Molecule(i int) *molecule.Molecule { return s.whole(i, s.atoms(i)) }

// atoms is molecule i with the atoms of the model.
func (s *Sampler) atoms(i int) *molecule.Molecule {
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
			m.Positions[a][k] = float64(row[k]) * s.meta.Scale(0)
		}
	}
	if s.places == nil {
		return m
	}
	shift := s.shift(z)
	for a := range m.Positions {
		for k := range shift {
			m.Positions[a][k] += shift[k]
		}
	}
	if s.Done() {
		copy(m.Positions, s.places)
	}
	return m
}
