package dit

import (
	"sync"

	"github.com/symdiff-go/symdiff/core/f32"
)

// Modulation is what of a call depends on the time alone.
type Modulation struct {
	Blocks []float32 // (depth, 6·width) shift, scale, gate of attention, then of the MLP
	Pair   []float32 // (depth·heads) scales of the attention bias; empty without Weights.Pair
	Final  []float32 // output of the layer given to NewModulationCache; empty without one
}

// ModulationCache holds the modulations of a list of times, for all molecules and
// runs that go through these times. They are computed when they are first asked
// for, chunk times at once, so that the weights are read once for them all. It may
// be used by several goroutines.
type ModulationCache struct {
	w     *Weights
	final Linear

	mu     sync.Mutex
	times  []float32
	ready  []bool    // (times/chunk, rounded up)
	sin    []float32 // (chunk, Frequencies)
	c0, c  []float32 // (chunk, width) time embedding
	blocks []float32 // (times, depth, 6·width)
	pair   []float32 // (times, depth·heads)
	last   []float32 // (times, outputs of final)
}

// chunk is the number of times that are computed at once.
const chunk = 16

// NewModulationCache has room for so many times. final is one more layer on SiLU of
// the time embedding, or none (W nil).
func (w *Weights) NewModulationCache(times int, final Linear) *ModulationCache {
	n, d := min(times, chunk), w.Width
	t := &ModulationCache{
		w: w, final: final,
		times: make([]float32, 0, times), ready: make([]bool, (times+chunk-1)/chunk),
		sin: make([]float32, n*Frequencies), c0: make([]float32, n*d), c: make([]float32, n*d),
		blocks: make([]float32, times*w.Depth*6*d),
	}
	if w.Pair.W != nil {
		t.pair = make([]float32, times*w.Depth*w.Heads)
	}
	if final.W != nil {
		t.last = make([]float32, times*final.W.Out())
	}
	return t
}

// ModulationSize is the number of bytes that a ModulationCache takes for each time.
func (w *Weights) ModulationSize(final Linear) int {
	n := w.Depth * 6 * w.Width
	if w.Pair.W != nil {
		n += w.Depth * w.Heads
	}
	if final.W != nil {
		n += final.W.Out()
	}
	return 4 * n
}

// Reset makes it the cache of other times, |t| <= 1e6, at most as many as it has
// room for. Modulations given out before change.
func (t *ModulationCache) Reset(times []float32) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.times = append(t.times[:0], times...)
	clear(t.ready)
}

// At is the modulation at time i of the list:
//
//	c = W2·SiLU(W0·[cos(t·w), sin(t·w)]),  w_i = 10000^(-i/128)
//	mod_l = AdaLN_l(SiLU(c))
func (t *ModulationCache) At(i int) Modulation {
	t.mu.Lock()
	defer t.mu.Unlock()
	if from := i / chunk; !t.ready[from] {
		t.compute(from*chunk, min((from+1)*chunk, len(t.times)))
		t.ready[from] = true
	}
	d, p := t.w.Depth*6*t.w.Width, t.w.Depth*t.w.Heads
	m := Modulation{Blocks: t.blocks[i*d : (i+1)*d]}
	if t.pair != nil {
		m.Pair = t.pair[i*p : (i+1)*p]
	}
	if t.last != nil {
		n := t.final.W.Out()
		m.Final = t.last[i*n : (i+1)*n]
	}
	return m
}

// compute fills the rows of times from..to.
func (t *ModulationCache) compute(from, to int) {
	w, d, n := t.w, t.w.Width, to-from
	for i, at := range t.times[from:to] {
		sinusoids(t.sin[i*Frequencies:(i+1)*Frequencies], at)
	}
	c0, c := t.c0[:n*d], t.c[:n*d]
	w.T0.Apply(c0, d, t.sin, Frequencies, n)
	f32.SiLU(c0, c0)
	w.T2.Apply(c, d, c0, d, n)
	f32.SiLU(c, c)
	all := w.Depth * 6 * d
	for l, b := range w.Blocks {
		b.AdaLN.Apply(t.blocks[from*all+l*6*d:], all, c, d, n)
	}
	if t.pair != nil {
		p := w.Depth * w.Heads
		w.PairAdaLN.Apply(t.pair[from*p:], p, c, d, n)
	}
	if t.last != nil {
		out := t.final.W.Out()
		t.final.Apply(t.last[from*out:], out, c, d, n)
	}
}
