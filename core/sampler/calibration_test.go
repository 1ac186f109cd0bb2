package sampler

import (
	"testing"
	"time"
)

// On a made-up device a step takes a fixed time and a time per molecule, which
// doubles where the batch no longer fits the cache.
func TestCalibration(t *testing.T) {
	m := network(t, "dit")
	for _, c := range []struct {
		fixed, each time.Duration
		fits, most  int
		want        int
	}{
		{fixed: 10, each: 10, fits: 100, most: 16, want: 16},
		{fixed: 10, each: 10, fits: 4, most: 16, want: 4},
		{fixed: 10, each: 10, fits: 100, most: 6, want: 4},
		{fixed: 0, each: 10, fits: 100, most: 16, want: 1}, // nothing to gain
		{fixed: 10, each: 10, fits: 100, most: 1, want: 1},
		{fixed: 1000, each: 1, fits: 10000, most: 10000, want: 32},
	} {
		cal := NewCalibration(m.Network(), m.Meta, c.most)
		clock, calls := time.Duration(0), 0
		cal.now = func() time.Duration { // called before and after a step
			if calls++; calls%2 == 0 {
				each := c.each
				if cal.batch > c.fits {
					each *= 2
				}
				clock += time.Millisecond * (c.fixed + each*time.Duration(cal.batch))
				if len(cal.calls) == 0 {
					clock += time.Second // the first is slow
				}
			}
			return clock
		}
		for done := false; !done; {
			var err error
			if done, err = cal.Step(); err != nil {
				t.Fatal(err)
			}
		}
		if cal.Best() != c.want {
			t.Errorf("%+v: best batch %d", c, cal.Best())
		}
	}
	net, types := typed() // without a histogram, and no composition of calibrationAtoms
	if _, err := NewCalibration(net, types, 4).Step(); err != nil {
		t.Errorf("a network that is conditioned on compositions: %v", err)
	}
	bare := m.Meta
	bare.Elements = nil
	if _, err := NewCalibration(m.Network(), bare, 4).Step(); err == nil {
		t.Error("a network without meaning is timed")
	}
}
