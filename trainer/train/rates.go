package train

import (
	"math"
	"time"
)

// progress is the share of the run that is done, in [0, 1]: the largest of the shares of steps,
// epochs and time.
func (o *Options) progress(step int, epochs float64, elapsed time.Duration) float64 {
	p := 0.0
	if o.Steps > 0 {
		p = max(p, float64(step)/float64(o.Steps))
	}
	if o.Epochs > 0 {
		p = max(p, epochs/float64(o.Epochs))
	}
	if o.MaxTime > 0 {
		p = max(p, float64(elapsed)/float64(o.MaxTime))
	}
	return min(p, 1)
}

// rate is the learning rate of step (from 1): a linear warm-up times a cosine from LR to MinLR·LR
// over the run.
func (o *Options) rate(step int, progress float64) float64 {
	r := o.LR * (o.MinLR + (1-o.MinLR)*0.5*(1+math.Cos(math.Pi*progress)))
	if o.Warmup > 0 {
		r *= min(1, float64(step)/float64(o.Warmup))
	}
	return r
}

// emaDecay is the decay of the moving average at step (from 1), smaller at first so that the start
// is forgotten.
func (o *Options) emaDecay(step int) float64 {
	return min(o.EMA, float64(1+step)/float64(10+step))
}
