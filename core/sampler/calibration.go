package sampler

import (
	"time"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// Calibration finds the batch that this device samples fastest: the time of a
// step of 1, 2, 4, ... molecules of the most frequent size. It changes no
// molecule, since they do not depend on their batch.
type Calibration struct {
	net  symmetrise.Network
	meta encoding.Meta
	most int
	now  func() time.Duration // a test puts a clock here

	batch int             // being timed
	best  int             // fastest so far
	each  time.Duration   // its time per molecule and step
	calls []time.Duration // of the steps of batch
	s     *Sampler
}

const (
	calibrationCalls = 4  // the first warms up, the fastest of the others counts
	calibrationAtoms = 18 // where the weights have no histogram
)

// NewCalibration prepares to time batches of up to most molecules, most > 0.
func NewCalibration(net symmetrise.Network, meta encoding.Meta, most int) *Calibration {
	start := time.Now()
	return &Calibration{
		net:   net,
		meta:  meta,
		most:  min(most, maxCalibrated),
		batch: 1,
		best:  1,
		now:   func() time.Duration { return time.Since(start) },
	}
}

// maxCalibrated bounds the batches that are timed: beyond it time per molecule
// grows on all devices that were measured, and so does the wait for a step.
const maxCalibrated = 32

// Step makes one timed step and reports whether the best batch is known.
func (c *Calibration) Step() (done bool, err error) {
	if c.batch > c.most {
		return true, nil
	}
	if c.s == nil {
		o := Options{N: c.batch, Atoms: c.atoms()}
		o.Joint = c.meta.CompositionConditional() // a size without a composition will do
		if c.s, err = New(c.net, c.meta, o); err != nil {
			if c.batch == 1 {
				return false, err
			}
			c.batch = c.most + 1 // more do not fit
			return true, nil
		}
	}
	from := c.now()
	if !c.s.Done() {
		err = c.s.Step()
	}
	c.calls = append(c.calls, c.now()-from)
	if err != nil || len(c.calls) < calibrationCalls {
		return false, err
	}
	fastest := c.calls[1]
	for _, t := range c.calls[2:] {
		fastest = min(fastest, t)
	}
	// A larger batch has to earn its longer steps: 2 % at least.
	each := fastest / time.Duration(c.batch)
	if c.batch == 1 || each < c.each-c.each/50 {
		c.best, c.each = c.batch, each
	} else if each > c.each+c.each/10 {
		c.batch = c.most // it gets worse: no need to time larger ones
	}
	c.batch, c.calls, c.s = 2*c.batch, nil, nil
	return c.batch > c.most, nil
}

// Best is the fastest batch of those that were timed.
func (c *Calibration) Best() int { return c.best }

// atoms is the most frequent number of atoms of the training data.
func (c *Calibration) atoms() int {
	atoms, most := calibrationAtoms, 0
	for n, count := range c.meta.Histogram {
		if count > most || count == most && n < atoms {
			atoms, most = n, count
		}
	}
	return min(atoms, MaxAtoms)
}
