package train

import (
	"bytes"
	"context"
	"math"

	"github.com/symdiff-go/symdiff/core/checkpoint"
	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/rng"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/sampler"
	"github.com/symdiff-go/symdiff/core/schedule"
	"github.com/symdiff-go/symdiff/core/symmetrise"
	"github.com/symdiff-go/symdiff/trainer/dataset"
)

// sampled measures n molecules from the averaged weights of a run, the same noise each time.
func sampled(ctx context.Context, c *Checkpoint, n, threads int) (molecule.Report, error) {
	net, meta, err := c.network()
	if err != nil {
		return molecule.Report{}, err
	}
	samples := sampler.Generate(ctx, net, meta, sampler.Options{Seed: valSeed, N: n, Threads: threads})
	return molecule.EvaluateJudged(meta.Rule(), samples)
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

// The meter of gamma in the log: so many held-out molecules, at these t/T, by so many draws each.
const (
	meterMolecules = 8
	meterDraws     = 64
)

var meterTimes = []float64{0.1, 0.5, 0.9}

// inputVariance is symmetrise.InputVariance of the averaged weights at meterTimes, the mean over
// the first held-out molecules: whether a learned gamma concentrates (0) or is the Haar measure
// (1).
func (c *Checkpoint) inputVariance(val *dataset.Set) ([]float64, error) {
	net, meta, err := c.network()
	if err != nil {
		return nil, err
	}
	sched, err := schedule.New(meta.Schedule)
	if err != nil {
		return nil, err
	}
	n := min(meterMolecules, val.Len())
	list := make([]float64, len(meterTimes))
	for i := range n {
		m := val.Molecule(i)
		rows, err := meta.Rows(m)
		if err != nil {
			return nil, err
		}
		width := 3 + meta.Features()
		atoms := len(rows) / width
		noise := make([]float32, len(rows))
		stream := rng.New(valSeed, uint32(i), rng.Initial, 0)
		stream.Fill(noise, 1)
		symmetrise.RemoveMean(noise, width, []int{atoms})
		for k, share := range meterTimes {
			t := int(math.Round(share * float64(sched.T())))
			z := make([]float32, len(rows))
			for j := range z {
				z[j] = float32(sched.Alpha(t)*float64(rows[j]) + sched.Sigma(t)*float64(noise[j]))
			}
			list[k] += symmetrise.InputVariance(net, z, float32(share), meterDraws,
				valSeed+uint64(i)) / float64(n)
		}
	}
	for k := range list {
		list[k] = round(list[k], 1e4)
	}
	return list, nil
}
