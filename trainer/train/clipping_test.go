package train

import (
	"math"
	"testing"
)

func TestClippingFollowsTheNorms(t *testing.T) {
	var c clipping
	for _, step := range []struct{ norm, bound float64 }{
		{1, 4500},
		{9000, 1.5*1500.5 + 2*1499.5},          // of 3000 and 1
		{math.NaN(), 1.5*2750.25 + 2*2150.058}, // of 3000, 1 and 5249.75, to which the last step was clipped
	} {
		if got := c.bound(); math.Abs(got-step.bound) > 1e-3*step.bound {
			t.Errorf("after %v: bound %g, want %g", c, got, step.bound)
		}
		if !math.IsNaN(step.norm) {
			c = c.then(step.norm)
		}
	}
	for range 60 {
		c = c.then(2)
	}
	if len(c) != clippingSteps || c.bound() != 3 {
		t.Errorf("after 60 steps of norm 2: %d norms, bound %g, want 50 and 3", len(c), c.bound())
	}
}

func TestClippingSharesNothing(t *testing.T) {
	c := clipping{}.then(1)
	a, b := c.then(2), c.then(3)
	if a[2] != 2 || b[2] != 3 {
		t.Errorf("%v and %v, want the last to be 2 and 3", a, b)
	}
}
