//go:build torch

package main

import (
	"github.com/symdiff-go/symdiff/core/checkpoint"
	"github.com/symdiff-go/symdiff/core/egnn"
	"github.com/symdiff-go/symdiff/core/geoldm"
	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/reference"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/trainer/torch"
)

func init() {
	implementations = append(implementations, implementation{"libtorch", inTorch})
}

// inTorch compares the trainer's network, of a kind that can be trained.
func inTorch(weights, io *safetensors.File) (reference.Differences, error) {
	if weights.Metadata["kind"] == geoldm.Kind {
		return latentInTorch(weights, io)
	}
	net, err := checkpoint.Load(weights)
	if err != nil {
		return nil, err
	}
	p, err := params(weights)
	if err != nil {
		return nil, err
	}
	cases, err := reference.Read(io, net)
	if err != nil {
		return nil, err
	}
	torch.Setup(0)
	d := reference.Differences{}
	for _, c := range cases {
		eps, gamma := forward(p, c)
		d.Add("eps", eps, c.Eps)
		if gamma != nil {
			var want []float32
			for _, row := range c.Gamma {
				want = append(want, float32(row[0]), float32(row[1]), float32(row[2]))
			}
			d.Add("gamma", gamma, want)
		}
	}
	return d, nil
}

// params are the values of a file.
func params(f *safetensors.File) (*torch.Params, error) {
	var p *torch.Params
	if f.Metadata["kind"] == "egnn" {
		m, err := egnn.Load(f)
		if err != nil {
			return nil, err
		}
		p = torch.NewEGNNParams(m.Config, torch.CPU)
	} else {
		m, err := model.Load(f)
		if err != nil {
			return nil, err
		}
		p = torch.NewParams(m.Config, torch.CPU, false)
	}
	return p, fill(p, f)
}

// fill sets p to the values of a file.
func fill(p *torch.Params, f *safetensors.File) error {
	var flat []float32
	for _, q := range p.List {
		v, err := f.Float32(q.Name, q.Shape...)
		if err != nil {
			return err
		}
		flat = append(flat, v...)
	}
	p.Set(flat)
	return nil
}

// latentInTorch compares the trainer's GeoLDM.
func latentInTorch(weights, io *safetensors.File) (reference.Differences, error) {
	m, err := geoldm.Load(weights)
	if err != nil {
		return nil, err
	}
	p := torch.NewLatentParams(m.Config, torch.CPU, false)
	if err := fill(p, weights); err != nil {
		return nil, err
	}
	torch.Setup(0)
	return compareLatent(io, m, torch.LatentNetworks{Params: p})
}

// forward repeats a call; gamma is nil of a network without symmetrisation.
func forward(p *torch.Params, c reference.Case) (eps, gamma []float32) {
	s := &torch.Scope{Device: torch.CPU}
	defer s.Close()
	n, f := int64(c.Atoms), int64(c.Features)
	var x, h []float32
	for i := range c.Atoms {
		row := c.Z[i*(3+c.Features):][:3+c.Features]
		x, h = append(x, row[:3]...), append(h, row[3:]...)
	}
	in := torch.Input{
		B: 1,
		N: n,
		X: s.Of(x, 1, n, 3),
		H: s.Of(h, 1, n, f),
		T: s.Of([]float32{c.T}, 1),
	}
	if c.Haar != nil {
		var r0 []float32
		for _, row := range c.Haar {
			r0 = append(r0, float32(row[0]), float32(row[1]), float32(row[2]))
		}
		in.R0 = s.Of(r0, 1, 3, 3)
	}
	if c.NoiseDims > 0 {
		in.Eta = s.Of(c.Eta, 1, n, int64(c.NoiseDims))
	}
	out := torch.Forward(s, p, in)
	if c.Haar != nil && out.Gamma != nil {
		gamma = torch.Float32s(out.Gamma)
	}
	return torch.Float32s(out.Eps(s)), gamma
}
