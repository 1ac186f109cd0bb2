package model

import (
	"errors"
	"strconv"

	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// Network is m as a network that the sampler runs. It is one of its own rather
// than symmetrise.New of its parts: f and k share the distance features, which
// are computed once.
func (m *Model) Network() symmetrise.Network { return network{m} }

type network struct{ *Model }

func (n network) Features() int           { return n.Config.Features }
func (n network) Group() symmetrise.Group { return symmetrise.O3 }

func (n network) Eta() (dims int, std float64) {
	if n.Config.Variant != Symdiff {
		return 0, 0
	}
	return n.Config.NoiseDims, n.Config.NoiseStd
}

func (n network) NewState(sizes []int) symmetrise.NetworkState {
	return networkState{n.Model.NewState(sizes)}
}

type networkState struct{ *State }

func (s networkState) Eps(eps, z []float32, t float32, noise symmetrise.Noise) {
	s.State.Eps(eps, z, t, noise.R0, noise.Eta)
}

// At is the network under values of what it is conditioned on (see Model.At).
func (n network) At(values map[string]float64) (symmetrise.Network, error) {
	m, err := n.Model.At(values)
	if err != nil {
		return nil, err
	}
	return network{m}, nil
}

// WithGamma is the same weights under another gamma: learned, haar or none, and
// the order that a learned one is composed in, paper or released; empty: as it
// is.
func (n network) WithGamma(kind, order string) (symmetrise.Network, error) {
	m := *n.Model
	switch kind {
	case "":
	case "learned":
		m.Config.Variant = Symdiff
	case "haar":
		m.Config.Variant = SymdiffH
	case "none":
		m.Config.Variant = None
	default:
		return nil, errors.New("gamma: unknown kind " + strconv.Quote(kind) + ", want learned, haar or none")
	}
	if m.Config.Variant == Symdiff && m.enc == nil {
		return nil, errors.New("gamma: the model has no learned one")
	}
	if order == "" {
		return network{&m}, nil
	}
	if order != GammaPaper && order != GammaReleased {
		return nil, errors.New("gamma_order: " + strconv.Quote(order) + ", want paper or released")
	}
	if m.Config.Variant != Symdiff {
		return nil, errors.New("gamma_order: only a learned gamma has one")
	}
	m.Config.GammaOrder = order
	return network{&m}, nil
}
