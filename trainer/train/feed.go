//go:build torch

package train

import (
	"runtime"
	"sync"
)

// feed makes batches ahead of their steps, on all processors: a GPU takes less time for a step than
// one thread to noise its batch.
type feed struct {
	ready chan batch
	quit  chan struct{}
}

// newFeed starts at the run's present step and place in the order, which is the feed's alone until
// it is closed.
func newFeed(r *run) *feed {
	f := &feed{make(chan batch, 4), make(chan struct{})}
	go func() {
		for step := r.progress.Step; ; step++ {
			b := r.draw(step)
			b.made = r.makeParallel(b, step, runtime.NumCPU())
			select {
			case f.ready <- b:
			case <-f.quit:
				return
			}
		}
	}()
	return f
}

func (f *feed) close() { close(f.quit) }

// makeParallel is the whole batch, as Batcher.Make makes it, by n goroutines.
func (r *run) makeParallel(b batch, step, n int) *Batch {
	parts := make([]*Batch, n)
	var all sync.WaitGroup
	for i := range parts {
		all.Go(func() { parts[i] = r.cut(b, step, i, n) })
	}
	all.Wait()
	return join(parts)
}
