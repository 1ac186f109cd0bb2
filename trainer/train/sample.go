package train

import (
	"bytes"
	"context"
	"sync"

	"github.com/symdiff-go/symdiff/core/checkpoint"
	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/sampler"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// sampleSteps is the number of steps of SDE-DPM-Solver++ that a run's samples are made in: quality on the way, not the best.
const sampleSteps = 50

// sampled measures n molecules from the averaged weights of a run, the same noise each time.
func sampled(ctx context.Context, c *Checkpoint, n, threads int) (molecule.Report, error) {
	net, meta, err := c.network()
	if err != nil {
		return molecule.Report{}, err
	}
	molecules, errs := make([]*molecule.Molecule, n), make([]error, threads)
	var workers sync.WaitGroup
	for w := range threads {
		workers.Go(func() {
			from, to := w*n/threads, (w+1)*n/threads
			if from == to {
				return
			}
			o := sampler.Options{Seed: valSeed, First: from, Atoms: make([]int, to-from), Steps: min(sampleSteps, meta.Schedule.Timesteps), Method: sampler.DPMSDE}
			s, err := sampler.NewNetwork(net, meta, o)
			if err == nil {
				err = s.Run(ctx, func(int) error { return nil })
			}
			for i := from; i < to && err == nil; i++ {
				molecules[i] = s.Result(i-from, "")
			}
			errs[w] = err
		})
	}
	workers.Wait()
	for _, err := range errs {
		if err != nil {
			return molecule.Report{}, err
		}
	}
	return molecule.Evaluate(func(yield func(*molecule.Molecule, error) bool) {
		for _, m := range molecules {
			if !yield(m, nil) {
				return
			}
		}
	})
}

// network is the model of the averaged weights, as core runs it.
func (c *Checkpoint) network() (symmetrise.Network, model.Meta, error) {
	tensors, md := c.Model()
	var b bytes.Buffer
	if err := safetensors.Write(&b, tensors, md); err != nil {
		return nil, model.Meta{}, err
	}
	f, err := safetensors.Parse("checkpoint", b.Bytes())
	if err != nil {
		return nil, model.Meta{}, err
	}
	n, err := checkpoint.Load(f)
	if err != nil {
		return nil, model.Meta{}, err
	}
	return n.Network, n.Meta, nil
}
