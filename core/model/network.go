package model

import "symdiff/core/symmetrise"

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
