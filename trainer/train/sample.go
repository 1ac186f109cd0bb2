package train

import (
	"bytes"
	"context"

	"github.com/symdiff-go/symdiff/core/checkpoint"
	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/sampler"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// sampled measures n molecules from the averaged weights of a run, the same noise each time.
func sampled(ctx context.Context, c *Checkpoint, n, threads int) (molecule.Report, error) {
	net, meta, err := c.network()
	if err != nil {
		return molecule.Report{}, err
	}
	return molecule.Evaluate(sampler.Generate(ctx, net, meta, sampler.Options{Seed: valSeed, N: n, Threads: threads}))
}

// network is the model of the averaged weights, as core runs it.
func (c *Checkpoint) network() (symmetrise.Network, encoding.Meta, error) {
	tensors, md := c.Model()
	var b bytes.Buffer
	if err := safetensors.Write(&b, tensors, md); err != nil {
		return nil, encoding.Meta{}, err
	}
	f, err := safetensors.Parse("checkpoint", b.Bytes())
	if err != nil {
		return nil, encoding.Meta{}, err
	}
	n, err := checkpoint.Load(f)
	if err != nil {
		return nil, encoding.Meta{}, err
	}
	return n.Network, n.Meta, nil
}
