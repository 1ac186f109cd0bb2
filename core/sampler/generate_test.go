package sampler

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/symdiff-go/symdiff/core/molecule"
)

// written is a molecule with everything that a file says about it.
func written(t *testing.T, m *molecule.Molecule) string {
	t.Helper()
	var b strings.Builder
	if err := molecule.WriteXYZ(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The molecules come in order, the same for any number of threads and any batch, as one batch has
// them.
func TestGenerateKeepsTheOrder(t *testing.T) {
	m := network(t, "symdiff")
	o := Options{Seed: 3, First: 5, N: 11, Steps: 3}
	whole := run(t, m, o)
	for _, c := range [][2]int{{1, 0}, {1, 1}, {3, 2}, {4, 0}, {2, 20}, {0, 0}} {
		o.Threads, o.Batch = c[0], c[1]
		var steps atomic.Int64
		o.Progress = func(n int) { steps.Add(int64(n)) }
		i := 0
		more := molecule.Property{Key: "model", Value: "abc"}
		for got, err := range Generate(context.Background(), m.Network(), m.Meta, o, more) {
			if err != nil {
				t.Fatal(err)
			}
			if want := whole.Result(i, molecule.Property{Key: "model", Value: "abc"}); written(
				t,
				got,
			) != written(t, want) {
				t.Errorf("%d threads, batches of %d: molecule %d is\n%swant\n%s", c[0], c[1], i,
					written(t, got), written(t, want))
			}
			i++
		}
		if i != 11 || steps.Load() != 11*4 {
			t.Errorf("%d threads, batches of %d: %d molecules in %d steps", c[0], c[1], i,
				steps.Load())
		}
	}
}

func TestGenerateStops(t *testing.T) {
	m := network(t, "dit")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	n := 0
	for _, err := range Generate(ctx, m.Network(), m.Meta, Options{N: 1000, Steps: 3, Threads: 2, Batch: 2}) {
		if n++; n == 5 {
			cancel()
		}
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	if n < 5 || n > 100 {
		t.Errorf("cancelled after 5 molecules, it made %d", n)
	}
	n = 0
	for _, err := range Generate(context.Background(), m.Network(), m.Meta, Options{N: 1000, Steps: 3}) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 5 {
			break
		}
	}
	if n != 5 {
		t.Errorf("left after 5 molecules, it made %d", n)
	}
}

// What is cancelled before it begins evaluates no network, not even to choose the batch.
func TestGenerateOfACancelledContext(t *testing.T) {
	net, meta := typed()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	n := 0
	for _, err := range Generate(ctx, net, meta, Options{N: 1000, Threads: 1}) {
		if n++; !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	}
	if n != 1 || len(*net.seen) != 0 {
		t.Errorf("%d errors after %d evaluations", n, len(*net.seen))
	}
}

func TestGenerateTellsWhatIsWrong(t *testing.T) {
	m := network(t, "dit")
	for want, o := range map[string]Options{
		"steps 2000: want 1 to 1000": {Steps: 2000}, "threads -1": {Threads: -1}, "batch -1": {Batch: -1},
		"formula C: want a model": {Formula: "C"}, "more than 65536 atoms": {N: 100, Batch: 100, Atoms: 1000},
	} {
		n := 0
		for m, err := range Generate(context.Background(), m.Network(), m.Meta, o) {
			if n++; m != nil || err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: molecule %v, error %v", want, m, err)
			}
		}
		if n != 1 {
			t.Errorf("%s: %d errors", want, n)
		}
	}
}
