package train

import "gonum.org/v1/gonum/stat"

// clipping is the adaptive bound on the norm of the gradient of EDM's and GeoLDM's published code:
//
//	1.5·mean + 2·std of the norms of the last 50 steps, as clipped
//
// with one norm of 3000 before the first step.
type clipping []float64

const (
	clippingSteps = 50
	clippingFirst = 3000.0
)

// bound is that of the next step.
func (c clipping) bound() float64 {
	if len(c) == 0 {
		return 1.5 * clippingFirst
	}
	mean, std := stat.PopMeanStdDev(c, nil)
	return 1.5*mean + 2*std
}

// then is the state after a step whose gradient has this norm.
func (c clipping) then(norm float64) clipping {
	norm = min(norm, c.bound())
	if len(c) == 0 {
		c = clipping{clippingFirst}
	}
	c = append(c[:len(c):len(c)], norm)
	return c[max(0, len(c)-clippingSteps):]
}
