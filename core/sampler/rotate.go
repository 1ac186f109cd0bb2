package sampler

import (
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// stepSeed is the seed of the noise of the step at hand.
func (s *Sampler) stepSeed() uint64 {
	seed := s.o.Seed
	for _, b := range s.o.Branches {
		if b.Step <= s.done {
			seed = b.Seed
		}
	}
	return seed
}

// rotated multiplies the positions of n rows by H, where there is one.
func (s *Sampler) rotated(rows []float32, n int) {
	if h := s.o.Rotate; h != nil {
		h.Rotate(rows, s.width, rows, s.width, n)
	}
}

// symmetrised is the network with the gamma that is asked for.
func (o *Options) symmetrised(net symmetrise.Network) (symmetrise.Network, error) {
	if o.Gamma == "" {
		return net, nil
	}
	kind, order := string(o.Gamma), ""
	switch o.Gamma {
	case Learned:
		order = "paper"
	case Released:
		kind, order = "learned", "released"
	}
	net, err := net.WithGamma(kind, order)
	if err != nil {
		return nil, bad("gamma", string(o.Gamma), err.Error())
	}
	return net, nil
}
