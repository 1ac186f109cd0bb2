package sampler

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"sync"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// A trial finds the batch where a thread has so many steps of one molecule to
// make that it costs a few per cent of the run; below it, or where molecules are
// few, a small batch will do.
const (
	trialSteps = 3000
	smallBatch = 4
)

// Generate samples the molecules of o on Threads threads and yields them in order,
// as Result has them, with more among their properties. They do not depend on the
// threads or on Batch. It ends with an error, which comes with no molecule, where an
// option is wrong, a run fails or ctx is cancelled: within one step. Leaving the loop
// stops the threads.
func Generate(ctx context.Context, net symmetrise.Network, meta encoding.Meta, o Options,
	more ...molecule.Property) iter.Seq2[*molecule.Molecule, error] {
	return func(yield func(*molecule.Molecule, error) bool) {
		g, err := newGeneration(ctx, net, meta, o, more)
		if err == nil {
			err = g.run(ctx, yield)
		}
		if err != nil {
			yield(nil, err)
		}
	}
}

// generation is the work of Generate.
type generation struct {
	net  symmetrise.Network
	meta encoding.Meta
	o    Options // with N, Steps, Threads and Batch filled in
	more []molecule.Property
}

// newGeneration checks the options and chooses the batch.
func newGeneration(ctx context.Context, net symmetrise.Network, meta encoding.Meta, o Options,
	more []molecule.Property) (*generation, error) {
	o, err := o.For(meta)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(within("threads", o.Threads, 0, 4096), within("batch", o.Batch, 0, MaxRows)); err != nil {
		return nil, err
	}
	one := o
	one.N = 1
	if _, err := New(net, meta, one); err != nil {
		return nil, err
	}
	if o.Threads == 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	g := &generation{net, meta, o, more}
	return g, g.chooseBatch(ctx)
}

// chooseBatch sets the batch where none is asked for, so that all threads have as
// much to do.
func (g *generation) chooseBatch(ctx context.Context) error {
	if g.o.Batch > 0 {
		return nil
	}
	share := (g.o.N + g.o.Threads - 1) / g.o.Threads
	best := min(smallBatch, share)
	if share > 1 && share*g.o.Steps >= trialSteps {
		trial := NewCalibration(g.net, g.meta, share)
		for done := false; !done; {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			var err error
			if done, err = trial.Step(); err != nil {
				return err
			}
		}
		best = trial.Best()
	}
	rounds := (share + best - 1) / best
	g.o.Batch = (share + rounds - 1) / rounds
	return nil
}

// job is a batch on its way.
type job struct {
	first, n int
	result   chan []*molecule.Molecule
}

// run yields all molecules in order. Workers take batches as they are free and stay
// at most a few batches ahead of the one that is waited for.
func (g *generation) run(ctx context.Context, yield func(*molecule.Molecule, error) bool) error {
	ctx, cancel := context.WithCancelCause(ctx)
	jobs, order := make(chan job), make(chan job, 4*g.o.Threads)
	var workers sync.WaitGroup
	defer workers.Wait()
	defer cancel(nil)
	for range g.o.Threads {
		workers.Go(func() {
			for j := range jobs {
				molecules, err := g.batch(ctx, j.first, j.n)
				if err != nil {
					cancel(err)
				}
				j.result <- molecules
			}
		})
	}
	workers.Go(func() { g.hand(ctx, jobs, order) })
	for j := range order {
		select {
		case molecules := <-j.result:
			for _, m := range molecules {
				if !yield(m, nil) {
					return nil
				}
			}
		case <-ctx.Done():
		}
		if err := context.Cause(ctx); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// hand gives out the batches, in order.
func (g *generation) hand(ctx context.Context, jobs, order chan<- job) {
	defer close(jobs)
	defer close(order)
	for first := 0; first < g.o.N; first += g.o.Batch {
		j := job{first, min(g.o.Batch, g.o.N-first), make(chan []*molecule.Molecule, 1)}
		for _, to := range []chan<- job{order, jobs} {
			select {
			case to <- j:
			case <-ctx.Done():
				return
			}
		}
	}
}

// batch samples n molecules to their end.
func (g *generation) batch(ctx context.Context, first, n int) ([]*molecule.Molecule, error) {
	o := g.o
	o.First, o.N = o.First+first, n
	s, err := New(g.net, g.meta, o)
	if err != nil {
		return nil, err
	}
	err = s.Run(ctx, func(int) error {
		if o.Progress != nil {
			o.Progress(n)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	molecules := make([]*molecule.Molecule, n)
	for i := range molecules {
		molecules[i] = s.Result(i, g.more...)
	}
	return molecules, nil
}
