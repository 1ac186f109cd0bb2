// Package likelihood bounds the negative log-likelihood of molecules under a
// diffusion model, in nats per molecule:
//
//	-log p(x, h) <= KL(q(z_T)|N(0, I)) + sum over t = 1..T of L_t + L0 - log p(N),
//	L_t = ½·(SNR(t-1)/SNR(t) - 1)·|eps - eps_hat(z_t, t)|²,
//
// the positions on the (N-1)·3-dimensional space of zero centre of mass, with
//
//	L0 = ½|eps_x - eps_hat_x|² + (N-1)·3·½·log(2π·sigma_0²/alpha_0²) - log p(h|z_0).
//
// An estimate takes two network evaluations per molecule, at 0 and at a random time
// t, whose term estimates the sum. EDM draws t evenly; here it is drawn with
// probability
//
//	p(t) = 0.1/T + 0.9·w(t)/sum of w,   w(t) = SNR(t-1)/SNR(t) - 1,
//
// and its term is divided by p(t), since nearly all of the variance comes from the
// few times of large w. The estimate is unbiased. For a symmetrised network, whose
// eps_hat is random, the bound is that of Zhang et al. 2025 (arXiv 2410.06262).
//
// Source: Hoogeboom et al. 2022 (EDM, arXiv 2203.17003), section 3 and
// appendix A; compute_loss of en_diffusion.py with t0_always.
package likelihood

import (
	"cmp"
	"context"
	"errors"
	"math"
	"runtime"
	"slices"
	"strconv"
	"sync"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/rng"
	"github.com/symdiff-go/symdiff/core/schedule"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// Options says how to estimate.
type Options struct {
	Seed    uint64
	Samples int // Monte Carlo samples per molecule, each with new noise; 0: 1
	Threads int // which change no bit; 0: all cores
	Batch   int // molecules of one time in a network evaluation; 0: 16

	// Progress takes the number of molecules done since its last call. Any thread may call it.
	// It may be nil.
	Progress func(molecules int)
}

// Terms are the parts of the bound, in nats per molecule.
type Terms struct {
	Prior     float64 `json:"prior"`     // KL(q(z_T)|N(0, I))
	Diffusion float64 `json:"diffusion"` // t = 1..T
	Positions float64 `json:"positions"` // -log p(x|z_0)
	Features  float64 `json:"features"`  // -log p(h|z_0)
	Size      float64 `json:"size"`      // -log p(N)
}

// Sum is the bound.
func (t Terms) Sum() float64 { return t.Prior + t.Diffusion + t.Positions + t.Features + t.Size }

func (t Terms) plus(o Terms) Terms {
	return Terms{
		t.Prior + o.Prior,
		t.Diffusion + o.Diffusion,
		t.Positions + o.Positions,
		t.Features + o.Features,
		t.Size + o.Size,
	}
}

func (t Terms) times(a float64) Terms {
	return Terms{a * t.Prior, a * t.Diffusion, a * t.Positions, a * t.Features, a * t.Size}
}

// Bound is an estimate.
type Bound struct {
	Molecules     int         `json:"molecules"`
	Samples       int         `json:"samples"`
	NLL           float64     `json:"nll"`            // nats per molecule
	StandardError float64     `json:"standard_error"` // of NLL: from molecules and noise
	Terms         Terms       `json:"terms"`
	Deciles       [10]float64 `json:"deciles"` // the diffusion term by deciles of t
	// molecules of sizes never seen: p(N) = 1e-30
	UnknownSizes int       `json:"unknown_sizes"`
	PerMolecule  []float64 `json:"-"` // (molecules) nats, mean of the samples
	// NLL in bits over the mean of (N-1)·3 + N·F
	BitsPerDim float64 `json:"bits_per_dimension"`
}

// estimator holds what all calls share.
type estimator struct {
	net   symmetrise.Network
	meta  encoding.Meta
	sched *schedule.Schedule
	sizes map[int]float64 // log p(N)
	width int
	upTo  []float64 // (T+1) sum of p(1..t)
}

// tiny is EDM's epsilon in p(h|z_0); noSize is the p of a size that was never seen.
const (
	tiny   = 1e-10
	noSize = 1e-30
)

// Estimate bounds the negative log-likelihood of molecules. Errors name what is
// wrong with the model's metadata, or the molecule (from 1): one that Meta.Rows refuses, or
// whose bound is not finite. Where ctx ends, its error comes within one network evaluation.
//
// The times of a sample are spread over the molecules in random order, one in each
// n-th part of p: the mean is unbiased, and its error somewhat smaller than the
// standard error says, which takes times as independent.
func Estimate(ctx context.Context, net symmetrise.Network, meta encoding.Meta,
	molecules []*molecule.Molecule, o Options) (Bound, error) {
	e, err := newEstimator(net, meta)
	if err != nil {
		return Bound{}, err
	}
	if len(molecules) == 0 {
		return Bound{}, errors.New("likelihood: no molecules")
	}
	data := make([][]float32, len(molecules))
	for i, m := range molecules {
		if data[i], err = meta.Rows(m); err != nil {
			return Bound{}, errors.New(
				"likelihood: molecule " + strconv.Itoa(i+1) + ": " + err.Error(),
			)
		}
	}
	o.Samples, o.Batch = max(1, o.Samples), cmp.Or(max(0, o.Batch), 16)
	o.Threads = cmp.Or(max(0, o.Threads), runtime.GOMAXPROCS(0))
	n := len(molecules)
	var calls []call
	for sample := range o.Samples {
		calls = append(calls, e.plan(n, sample, o)...)
	}
	for _, c := range calls {
		if err := symmetrise.CheckState(net, e.sizesOf(c, data)); err != nil {
			return Bound{}, errors.New(
				"likelihood: molecule " + strconv.Itoa(c.molecules[0]+1) + " and those with it: " +
					err.Error(),
			)
		}
	}
	found := make([][]Terms, len(calls))
	err = each(ctx, o.Threads, len(calls), func(k int) {
		found[k] = e.run(calls[k], data, o.Seed)
		if o.Progress != nil {
			o.Progress(len(found[k]))
		}
	})
	if err != nil {
		return Bound{}, err
	}
	b := e.sum(calls, found, data, o.Samples)
	for i, v := range b.PerMolecule {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return Bound{}, errors.New("likelihood: molecule " + strconv.Itoa(i+1) + ": the bound is " +
				strconv.FormatFloat(v, 'g', -1, 64) + ", want a finite number")
		}
	}
	return b, nil
}

// sum is the bound of what the calls found, in order: it does not depend on the threads.
func (e *estimator) sum(calls []call, found [][]Terms, data [][]float32, samples int) Bound {
	n := len(data)
	b := Bound{Molecules: n, Samples: samples, PerMolecule: make([]float64, n)}
	results, dims := make([]Terms, n), 0.0
	for k, c := range calls {
		for m, i := range c.molecules {
			results[i] = results[i].plus(found[k][m].times(1 / float64(samples)))
			if c.t > 0 {
				b.Deciles[(c.t-1)*10/e.sched.T()] += found[k][m].Diffusion / float64(samples*n)
			}
		}
	}
	var sum Terms
	for i, d := range data {
		size := len(d) / e.width
		logP, known := e.sizes[size]
		if !known {
			logP = math.Log(noSize)
			b.UnknownSizes++
		}
		results[i] = results[i].plus(Terms{Prior: e.prior(d), Size: -logP})
		sum = sum.plus(results[i])
		b.PerMolecule[i] = results[i].Sum()
		dims += float64(3*(size-1) + size*(e.width-3))
	}
	b.Terms = sum.times(1 / float64(n))
	b.NLL = b.Terms.Sum()
	for _, v := range b.PerMolecule {
		b.StandardError += (v - b.NLL) * (v - b.NLL)
	}
	b.StandardError = math.Sqrt(b.StandardError / float64(max(1, n-1)) / float64(n))
	b.BitsPerDim = b.NLL / math.Ln2 / (dims / float64(n))
	return b
}

func newEstimator(net symmetrise.Network, meta encoding.Meta) (*estimator, error) {
	if len(meta.Elements) == 0 {
		return nil, errors.New(
			"likelihood: the weights file does not say what its inputs mean (metadata elements)",
		)
	}
	if len(meta.Histogram) == 0 {
		return nil, errors.New("likelihood: the weights file has no histogram of sizes")
	}
	if net.NewDecoder(nil) != nil {
		return nil, errors.New(
			"likelihood: a model of latents has no bound: its decoder has no variance",
		)
	}
	if meta.Features() != net.Features() {
		return nil, errors.New(
			"likelihood: the network has " + strconv.Itoa(net.Features()) +
				" features, its metadata make " + strconv.Itoa(meta.Features()),
		)
	}
	s, err := schedule.New(meta.Schedule)
	if err != nil {
		return nil, err
	}
	e := &estimator{
		net:   net,
		meta:  meta,
		sched: s,
		sizes: map[int]float64{},
		width: 3 + net.Features(),
	}
	e.upTo = make([]float64, s.T()+1)
	for t := 1; t <= s.T(); t++ {
		e.upTo[t] = e.upTo[t-1] + e.weight(t)
	}
	sum := e.upTo[s.T()]
	for t := range e.upTo {
		e.upTo[t] = 0.9*e.upTo[t]/sum + 0.1*float64(t)/float64(s.T())
	}
	total := 0.0
	for _, count := range meta.Histogram {
		total += float64(count)
	}
	for size, count := range meta.Histogram {
		if count > 0 {
			e.sizes[size] = math.Log(float64(count) / total)
		}
	}
	return e, nil
}

// weight is w(t) = SNR(t-1)/SNR(t) - 1.
func (e *estimator) weight(t int) float64 {
	return math.Expm1(e.sched.NegLogSNR(t) - e.sched.NegLogSNR(t-1))
}

// time is the t whose share of [0, 1) by p holds u.
func (e *estimator) time(u float64) int {
	t, _ := slices.BinarySearchFunc(e.upTo, u, func(sum, u float64) int {
		if sum <= u {
			return -1
		}
		return 1
	})
	return min(max(t, 1), e.sched.T())
}

// call is a batch of molecules at one time in one sample.
type call struct {
	t, sample int
	molecules []int
}

// plan lists the calls of a sample: each molecule once at its time and once at 0.
func (e *estimator) plan(n, sample int, o Options) []call {
	s := rng.New(o.Seed, 0, rng.Size, uint32(sample))
	order := make([]int, n)
	for i := range order {
		order[i] = i
		j := int(s.Float64() * float64(i+1))
		order[i], order[j] = order[j], order[i]
	}
	var calls []call
	at := func(t, i int) {
		if last := len(calls) - 1; last < 0 || calls[last].t != t ||
			len(calls[last].molecules) == o.Batch {
			calls = append(calls, call{t: t, sample: sample})
		}
		c := &calls[len(calls)-1]
		c.molecules = append(c.molecules, i)
	}
	for k, i := range order {
		at(e.time((float64(k)+s.Float64())/float64(n)), i)
	}
	for _, i := range order {
		at(0, i)
	}
	return calls
}

// each lets threads work on n things.
func each(ctx context.Context, threads, n int, work func(k int)) error {
	queue := make(chan int)
	var workers sync.WaitGroup
	for range threads {
		workers.Go(func() {
			for k := range queue {
				work(k)
			}
		})
	}
	for k := range n {
		if ctx.Err() != nil {
			break
		}
		queue <- k
	}
	close(queue)
	workers.Wait()
	return ctx.Err()
}

// sizesOf are the numbers of atoms of the molecules of a call.
func (e *estimator) sizesOf(c call, data [][]float32) (sizes []int) {
	for _, i := range c.molecules {
		sizes = append(sizes, len(data[i])/e.width)
	}
	return sizes
}

// run makes one network evaluation and returns the terms of its molecules: the
// diffusion term at t > 0, those of L0 at 0.
func (e *estimator) run(c call, data [][]float32, seed uint64) []Terms {
	sizes := e.sizesOf(c, data)
	var x []float32
	for _, i := range c.molecules {
		x = append(x, data[i]...)
	}
	eps, z, hat := make([]float32, len(x)), make([]float32, len(x)), make([]float32, len(x))
	gamma := symmetrise.NewNoise(e.net, sizes)
	tick, row := uint32(2*c.sample), 0
	if c.t > 0 {
		tick++
	}
	for k, i := range c.molecules {
		stream := rng.New(seed, uint32(i), rng.Step, tick)
		stream.Fill(eps[row*e.width:(row+sizes[k])*e.width], 1)
		haar, eta := rng.New(seed, uint32(i), rng.Haar, tick), rng.New(seed, uint32(i), rng.Eta, tick)
		gamma.Draw(e.net, k, row, row+sizes[k], &haar, &eta)
		row += sizes[k]
	}
	symmetrise.RemoveMean(eps, e.width, sizes)
	alpha, sigma := e.sched.Alpha(c.t), e.sched.Sigma(c.t)
	for i := range z {
		z[i] = float32(alpha*float64(x[i]) + sigma*float64(eps[i]))
	}
	e.net.NewState(sizes).Eps(hat, z, float32(float64(c.t)/float64(e.sched.T())), gamma)
	terms := make([]Terms, len(sizes))
	for k, n := range sizes {
		end := n * e.width
		terms[k] = e.terms(c.t, x[:end], z[:end], eps[:end], hat[:end])
		x, z, eps, hat = x[end:], z[end:], eps[end:], hat[end:]
	}
	return terms
}

// terms are those of one molecule, all arguments (N, 3+F).
func (e *estimator) terms(t int, x, z, eps, hat []float32) Terms {
	errX, errH := 0.0, 0.0
	for i := range eps {
		d := float64(eps[i]) - float64(hat[i])
		if i%e.width < 3 {
			errX += d * d
		} else {
			errH += d * d
		}
	}
	if t > 0 {
		return Terms{Diffusion: 0.5 * e.weight(t) / (e.upTo[t] - e.upTo[t-1]) * (errX + errH)}
	}
	d := e.dimensions(len(x) / e.width)
	return Terms{
		Positions: 0.5*errX + d*(0.5*e.sched.NegLogSNR(0)+0.5*math.Log(2*math.Pi)+
			math.Log(e.meta.Scale(0))),
		Features: -e.logFeatures(x, z),
	}
}

// dimensions of the positions of N atoms.
func (e *estimator) dimensions(n int) float64 { return 3 * float64(n-1) }

// prior is KL(q(z_T|x, h)|N(0, I)) of the data (N, 3+F).
func (e *estimator) prior(x []float32) float64 {
	n := len(x) / e.width
	alpha2, sigma := e.sched.Alpha2(e.sched.T()), e.sched.Sigma(e.sched.T())
	dims, sum := e.dimensions(n)+float64(n*(e.width-3)), 0.0
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	return dims*(-math.Log(sigma)+0.5*(sigma*sigma-1)) + 0.5*alpha2*sum
}

// logFeatures is LogFeatures of rows x and z (N, 3+F).
func (e *estimator) logFeatures(x, z []float32) float64 {
	kinds := len(e.meta.Elements)
	var types []uint8
	var h []float32
	for i := 0; i < len(x); i += e.width {
		hot := x[i+3 : i+3+kinds]
		types = append(types, uint8(slices.Index(hot, slices.Max(hot))))
		h = append(h, z[i+3:i+e.width]...)
	}
	return LogFeatures(e.meta, e.sched.Sigma(0), types, h)
}

// LogFeatures is log p(h|z_0) in nats of atoms of the given types, indices of
// meta.Elements, where h (N, F) are the features in z_0: on the scale of the
// data,
//
//	types:  P(c) ∝ Phi((z_c - 1 + ½)/s) - Phi((z_c - 1 - ½)/s) + 1e-10, s = sigma_0·4,
//	        normalised over c
//	charge: Phi((q - z + ½)/s) - Phi((q - z - ½)/s) + 1e-10,            s = sigma_0·10
//
// Source: log_pxh_given_z0_without_constants of EDM's en_diffusion.py.
func LogFeatures(meta encoding.Meta, sigma0 float64, types []uint8, h []float32) float64 {
	sum, kinds, features := 0.0, len(meta.Elements), meta.Features()
	window := func(x, s float64) float64 { return phi((x+0.5)/s) - phi((x-0.5)/s) + tiny }
	for i, own := range types {
		row := h[i*features : (i+1)*features]
		var p, all float64
		for c, v := range row[:kinds] {
			w := window(float64(v)*meta.Scale(3)-1, sigma0*meta.Scale(3))
			if all += w; c == int(own) {
				p = w
			}
		}
		sum += math.Log(p / all)
		if meta.Charge {
			e, _ := molecule.ParseUnited(meta.Elements[own])
			q, charge := molecule.Number(e), meta.Scale(3+kinds)
			sum += math.Log(window(float64(q)-float64(row[kinds])*charge, sigma0*charge))
		}
	}
	return sum
}

// phi is the distribution function of the standard Gaussian.
func phi(x float64) float64 { return 0.5 * math.Erfc(-x/math.Sqrt2) }
