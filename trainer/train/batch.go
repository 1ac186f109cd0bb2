package train

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/likelihood"
	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/o3"
	"github.com/symdiff-go/symdiff/core/rng"
	"github.com/symdiff-go/symdiff/core/schedule"
	"github.com/symdiff-go/symdiff/core/symmetrise"
	"github.com/symdiff-go/symdiff/trainer/dataset"
)

// Purposes of the trainer's random streams; the sampler's are in core/rng.
const (
	drawTime rng.Purpose = 100 + iota
	drawNoise
	drawHaar
	drawEta
	drawTurn
	drawContext
	drawPart
	drawPosterior
)

// valSeed is the seed of the noise of validation and of samples: the same for every run, so that
// numbers compare.
const valSeed = 0x5EED

// Batch is B molecules of N atoms, noised: z = alpha·[x, h] + sigma·eps.
type Batch struct {
	B, N int
	X    []float32 // (B, N, 3) of z, zero mean
	H    []float32 // (B, N, F) of z, or of the data, as X
	Eps  []float32 // (B, N, 3+F), its x part of zero mean; of a GeoLDM (B, N, 3+L)
	T    []float32 // (B), t/T
	R0   []float32 // (B, 3, 3)
	Eta  []float32 // (B, N, noise_dims)

	// (B, N, 3+L) of a GeoLDM: the noise of the latents about their means, its x part of zero mean
	Posterior []float32

	// Context (B, C) holds ((v-mean)/mad, 1) for each property, or (0, 0) where it is unknown or
	// kept back; nil without a condition.
	Context []float32

	// Mask (B, 1, 3+F) is 0 at the features of molecules with t = 0 or given types, whose loss is
	// on x alone; nil if there are none.
	Mask []float32
	// LogPH (B) is log p(h|z_0) where t = 0 and the types are not given, which does not depend on
	// the network, and 0 elsewhere; nil if there are none.
	LogPH []float64
	Times []int // (B), t

	// Sign (B) is s of an NFT, nil without one. Anchored (B) says whose target is e_anchor.
	Sign     []float32
	Anchored []bool
}

// coordinates is the number of coordinates of molecule i whose errors count.
func (b *Batch) coordinates(i int) int {
	width := len(b.Eps) / (b.B * b.N)
	if b.Mask != nil && b.Mask[i*width+3] == 0 {
		return 3 * b.N
	}
	return width * b.N
}

// boundWeights are the weights of the molecules' squared errors in the variational bound,
//
//	t > 0: SNR(t-1)/SNR(t) - 1      t = 0: 1
//
// over the probability that Times draws t, so that one term estimates the sum of all T+1.
func (b *Batcher) boundWeights(times []int, power float64) []float64 {
	w := make([]float64, len(times))
	for i, t := range times {
		w[i] = 1
		if t > 0 {
			w[i] = math.Expm1(b.sched.NegLogSNR(t) - b.sched.NegLogSNR(t-1))
		}
		w[i] /= timeShare(t, b.T(), power)
	}
	return w
}

// T is the number of time steps.
func (b *Batcher) T() int { return b.meta.Schedule.Timesteps }

// timeShare is the probability of t in Times.
func timeShare(t, T int, power float64) float64 {
	if power == 0 {
		power = 1
	}
	below := func(t int) float64 { return math.Pow(float64(t)/float64(T+1), 1/power) }
	return below(t+1) - below(t)
}

// Batcher makes batches.
type Batcher struct {
	set      *dataset.Set
	config   model.Config
	meta     encoding.Meta
	sched    *schedule.Schedule
	elements []molecule.Element // of each type
	augment  bool

	values  [][]float32 // of each property of the context (molecules)
	dropout float64     // probability that a molecule's values are kept back

	signs *signs // of an NFT; nil: none

	fragments float64 // probability that a fragment of a molecule whose types are given is fixed
	latent    int     // L of a GeoLDM, whose batches are of clean data; 0 else
}

// quantity is a property with the mean and the mean absolute deviation of its known values.
func quantity(name string, values []float32) (encoding.Quantity, error) {
	q, n := encoding.Quantity{Name: name}, 0.0
	for _, v := range values {
		if v == v {
			q.Mean, n = q.Mean+float64(v), n+1
		}
	}
	q.Mean /= n
	for _, v := range values {
		if v == v {
			q.MAD += math.Abs(float64(v)-q.Mean) / n
		}
	}
	if name == encoding.TypesName {
		q.MAD = 1
	}
	if !(q.MAD > 0) {
		return q, fmt.Errorf("property %s is %g for every molecule: nothing to learn", name, q.Mean)
	}
	return q, nil
}

// Condition gives the values of the properties of meta.Context, NaN where they are unknown.
func (b *Batcher) Condition(values [][]float32, dropout float64) {
	b.values, b.dropout = values, dropout
}

// Fragments sets the share of the molecules with given types of which a fragment is fixed (see
// encoding.FixedMark).
func (b *Batcher) Fragments(share float64) { b.fragments = share }

// part chooses the atoms that are given of a molecule, or none: for one molecule in four all of its
// atoms, for the others as many as chance wills that are nearest to one of them; every second time,
// and where all would be given, without the hydrogens.
func (b *Batcher) part(index int, seed uint64, id uint32, step int) (atoms []int) {
	r := rng.New(seed, id, drawPart, uint32(step))
	if r.Float64() >= b.fragments {
		return nil
	}
	x, types := b.set.Positions(index), b.set.Types(index)
	n := len(types)
	whole, size, centre, bare := r.Float64() < 0.25, 1+int(r.Float64()*float64(n)),
		int(r.Float64()*float64(n)), r.Float64() < 0.5
	if whole {
		size = n
	}
	square := func(a int) (sum float32) {
		for k := range 3 {
			d := x[3*a+k] - x[3*centre+k]
			sum += d * d
		}
		return sum
	}
	near := make([]int, n)
	for a := range near {
		near[a] = a
	}
	slices.SortFunc(near, func(p, q int) int { return cmp.Compare(square(p), square(q)) })
	for _, a := range near[:size] {
		if !(bare || size == n) || b.set.Elements[types[a]] != molecule.H {
			atoms = append(atoms, a)
		}
	}
	if len(atoms) == n {
		return nil
	}
	return atoms
}

// context fills the channels of molecule index and tells whether its types are given (see
// encoding.TypesName). The values of properties are kept back together.
func (b *Batcher) context(dst []float32, index int, seed uint64, id uint32, step int) (typed bool) {
	r := rng.New(seed, id, drawContext, uint32(step))
	noValues := r.Float64() < b.dropout
	r.Float64() // the stream of a run that is resumed stays as it was
	noTypes := r.Float64() < b.dropout
	for k, q := range b.meta.Context {
		dropped := noValues
		if q.Name == encoding.TypesName {
			dropped, typed = noTypes, !noTypes
		}
		if dropped {
			continue
		}
		if v := float64(b.values[k][index]); v == v {
			dst[2*k], dst[2*k+1] = float32((v-q.Mean)/q.MAD), 1
		}
	}
	return typed
}

// newBatcher needs meta to be valid for c.
func newBatcher(set *dataset.Set, c model.Config, meta encoding.Meta,
	augment bool) (*Batcher, error) {
	s, err := schedule.New(meta.Schedule)
	if err != nil && err != schedule.ErrNoCurve {
		return nil, err
	}
	b := &Batcher{set: set, config: c, meta: meta, sched: s, augment: augment}
	b.elements = append(b.elements, set.Elements...)
	return b, nil
}

// Times draws t = floor(u^power·(T+1)) for n molecules, with u uniform on [0, 1): uniform on {0..T}
// for power 1, of density t^(1/power - 1) in general, which weighs the loss of a low t more where
// power is above 1; 0 is 1. Stratified times are spread over the batch, u_i = u + i/n mod 1 with
// one u: the same distribution for each molecule, less variance of the mean. An NFT draws most of
// them in its interval.
func (b *Batcher) Times(n int, seed uint64, step int, stratified bool, power float64) []int {
	t := make([]int, n)
	r := rng.New(seed, 0, drawTime, uint32(step))
	u := r.Float64()
	for i := range t {
		v := u + float64(i)/float64(n)
		if !stratified && i > 0 {
			v = r.Float64()
		}
		v -= math.Floor(v)
		if power > 0 && power != 1 {
			v = math.Pow(v, power)
		}
		if b.signs != nil {
			v = b.signs.quantile(v)
		}
		t[i] = min(int(v*float64(b.T()+1)), b.T())
	}
	return t
}

// Span is an interval of times, as shares of T.
type Span struct {
	From float64 `json:"from"`
	To   float64 `json:"to"`
}

// of maps a time of {0..T} to the span, uniform ones to uniform ones.
func (s Span) of(t, T int) int {
	return int(s.From*float64(T) + (s.To-s.From)*float64(t))
}

// Make noises the molecules of indices, all of one size, to the given times. Molecule i takes its
// random numbers from stream ids[i] of step; nil ids are 0, 1, 2...
func (b *Batcher) Make(indices, times, ids []int, seed uint64, step int) *Batch {
	n, f := b.set.Size(indices[0]), b.config.Features
	w := 3 + f
	out := b.newBatch(indices, times)
	clean, size := make([]float32, f), []int{n}
	x := make([]float32, 3*n)
	for i, index := range indices {
		id := uint32(i)
		if ids != nil {
			id = uint32(ids[i])
		}
		t := times[i]
		share := float64(t) / float64(b.T())
		out.T[i] = float32(share)
		if b.signs != nil {
			out.Sign = append(out.Sign, b.signs.of(index, share))
			out.Anchored = append(out.Anchored, !b.signs.inside(share))
		}
		alpha, sigma := float32(1), float32(0)
		if b.sched != nil && b.latent == 0 {
			alpha, sigma = float32(b.sched.Alpha(t)), float32(b.sched.Sigma(t))
		}
		typed := false
		if c := b.config.Context; c > 0 {
			if out.Context == nil {
				out.Context = make([]float32, len(indices)*c)
			}
			typed = b.context(out.Context[i*c:(i+1)*c], index, seed, id, step)
		}

		copy(x, b.set.Positions(index))
		if b.augment {
			r := rng.New(seed, id, drawTurn, uint32(step))
			rotation := o3.Haar(&r)
			rotation.Rotate(x, 3, x, 3, n)
		}
		eps := out.Eps[i*n*w : (i+1)*n*w]
		r := rng.New(seed, id, drawNoise, uint32(step))
		r.Fill(eps, 1)
		symmetrise.RemoveMean(eps, w, size)
		types := b.set.Types(index)
		var given []bool
		if typed && b.fragments > 0 {
			given = together(eps, w, b.part(index, seed, id, step))
		}
		for j := range n {
			b.features(clean, types[j])
			if given != nil && given[j] {
				encoding.MarkFixed(clean)
			}
			e := eps[j*w : (j+1)*w]
			at := (i*n + j)
			for k := range 3 {
				out.X[3*at+k] = alpha*x[3*j+k]/float32(b.meta.Scale(0)) + sigma*e[k]
			}
			for k := range f {
				if out.H[f*at+k] = clean[k]; !typed {
					out.H[f*at+k] = alpha*clean[k] + sigma*e[3+k]
				}
			}
		}
		b.drawGamma(out, i, seed, id, step)
		if t == 0 || typed {
			b.maskFeatures(out, i, types, typed)
		}
	}
	if b.latent > 0 {
		b.latents(out, ids, seed, step)
	}
	return out
}

// newBatch allocates what a batch always has.
func (b *Batcher) newBatch(indices, times []int) *Batch {
	count, n, f := len(indices), b.set.Size(indices[0]), b.config.Features
	return &Batch{
		B: count, N: n, Times: times,
		X:   make([]float32, count*n*3),
		H:   make([]float32, count*n*f),
		Eps: make([]float32, count*n*(3+f)),
		T:   make([]float32, count),
		R0:  make([]float32, count*9),
		Eta: make([]float32, count*n*b.config.NoiseDims),
	}
}

// drawGamma draws R0 and eta of molecule i of the batch, where the network has them.
func (b *Batcher) drawGamma(out *Batch, i int, seed uint64, id uint32, step int) {
	n := out.N
	if b.config.Variant != model.None {
		r := rng.New(seed, id, drawHaar, uint32(step))
		haar := o3.Haar(&r)
		for k := range 9 {
			out.R0[9*i+k] = float32(haar[k/3][k%3])
		}
	}
	if b.config.Variant == model.Symdiff {
		r := rng.New(seed, id, drawEta, uint32(step))
		r.Fill(out.Eta[i*n*b.config.NoiseDims:(i+1)*n*b.config.NoiseDims], b.config.NoiseStd)
	}
}

// maskFeatures takes the features of molecule i out of the loss: they are given, or t = 0, where
// log p(h | z_0) takes their place.
func (b *Batcher) maskFeatures(out *Batch, i int, types []uint8, typed bool) {
	n, f := out.N, b.config.Features
	w := 3 + f
	if out.Mask == nil {
		out.Mask = make([]float32, out.B*w)
		for k := range out.Mask {
			out.Mask[k] = 1
		}
	}
	clear(out.Mask[i*w+3 : (i+1)*w])
	if b.sched != nil && !typed {
		if out.LogPH == nil {
			out.LogPH = make([]float64, out.B)
		}
		out.LogPH[i] = b.logPH(types, out.H[i*n*f:(i+1)*n*f])
	}
}

// join puts parts of a batch, of which some may be nil, together.
func join(parts []*Batch) *Batch {
	parts = slices.DeleteFunc(parts, func(p *Batch) bool { return p == nil })
	out := &Batch{N: parts[0].N}
	masked, counted := false, false
	for _, p := range parts {
		masked, counted = masked || p.Mask != nil, counted || p.LogPH != nil
	}
	for _, p := range parts {
		out.B += p.B
		out.Posterior = append(out.Posterior, p.Posterior...)
		out.X, out.H, out.Eps, out.T = append(out.X, p.X...), append(out.H, p.H...),
			append(out.Eps, p.Eps...), append(out.T, p.T...)
		out.R0, out.Eta, out.Context, out.Times = append(out.R0, p.R0...), append(out.Eta, p.Eta...),
			append(out.Context, p.Context...), append(out.Times, p.Times...)
		out.Sign, out.Anchored = append(out.Sign, p.Sign...), append(out.Anchored, p.Anchored...)
		switch {
		case p.Mask != nil:
			out.Mask = append(out.Mask, p.Mask...)
		case masked:
			out.Mask = append(out.Mask, slices.Repeat([]float32{1}, len(p.Eps)/p.N)...)
		}
		switch {
		case p.LogPH != nil:
			out.LogPH = append(out.LogPH, p.LogPH...)
		case counted:
			out.LogPH = append(out.LogPH, make([]float64, p.B)...)
		}
	}
	return out
}

// together gives the atoms of a part the mean of their noise, so that they keep their places, and
// returns which they are.
func together(eps []float32, width int, part []int) (given []bool) {
	given = make([]bool, len(eps)/width)
	for k := range 3 {
		sum := 0.0
		for _, a := range part {
			sum += float64(eps[a*width+k])
		}
		for _, a := range part {
			eps[a*width+k], given[a] = float32(sum/float64(len(part))), true
		}
	}
	return given
}

// features are the scaled features of a type: one-hot, then the atomic number.
func (b *Batcher) features(dst []float32, typ uint8) {
	b.meta.SetFeatures(dst, int(typ), b.elements[typ])
}

// logPH is log p(h|z_0) in nats of the atoms of one molecule (see likelihood.LogFeatures).
func (b *Batcher) logPH(types []uint8, h []float32) float64 {
	return likelihood.LogFeatures(b.meta, b.sched.Sigma(0), types, h)
}
