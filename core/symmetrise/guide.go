package symmetrise

// Guide is a network led away from a worse one (autoguidance, Karras et al. 2024,
// arXiv 2406.02507):
//
//	eps_hat = e + w·(e - g),   e = net(z, t),  g = worse(z, t)
//
// both with the same noise of gamma, so that the result is as equivariant as they
// are. Where the worse network errs as the other does, only more, the error is
// taken back. It panics when the two do not take the same inputs.
func Guide(net, worse Network, w float32) Network {
	if !Alike(net, worse) {
		panic("symmetrise: Guide: the networks take different inputs")
	}
	return guided{net, worse, w}
}

// Alike tells whether b can take the inputs of a: its features, group and noise of
// gamma, of which b may need none.
func Alike(a, b Network) bool {
	dims, std := a.Eta()
	d, s := b.Eta()
	return a.Features() == b.Features() && a.Group() == b.Group() && (d == 0 || d == dims && s == std)
}

type guided struct {
	Network
	worse Network
	w     float32
}

func (g guided) NewState(sizes []int) NetworkState {
	rows := 0
	for _, n := range sizes {
		rows += n
	}
	return &guidedState{g.Network.NewState(sizes), g.worse.NewState(sizes), g.w, make([]float32, rows*(3+g.Features()))}
}

type guidedState struct {
	NetworkState
	worse NetworkState
	w     float32
	eps   []float32 // (rows, 3+F) of the worse network
}

func (s *guidedState) Eps(eps, z []float32, t float32, noise Noise) {
	s.NetworkState.Eps(eps, z, t, noise)
	s.worse.Eps(s.eps, z, t, noise)
	for i, e := range eps {
		eps[i] = e + float32(s.w*(e-s.eps[i]))
	}
}
