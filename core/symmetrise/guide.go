package symmetrise

import "errors"

// Guide is a network guided by a weak one (autoguidance, Karras et al. 2024, arXiv
// 2406.02507):
//
//	eps_hat = e + w·(e - g),   e = net(z, t),  g = weak(z, t)
//
// both with the same noise of gamma, so that the result is as equivariant as they
// are. The weight in that paper is w + 1. Where the weak network errs as net does, only
// more, the error is taken back. It panics when they do not take the same inputs.
func Guide(net, weak Network, w float32) Network {
	if !Compatible(net, weak) {
		panic("symmetrise: Guide: the networks take different inputs")
	}
	return guided{net, weak, w}
}

// Condition is net under the given values, guided with weight w by itself without
// them (classifier-free guidance, Ho and Salimans 2022, arXiv 2207.12598):
//
//	eps_hat = e + w·(e - u),   e = net(z, t | values),  u = net(z, t)
//
// Values of the names in both hold for u as well.
// Of a network that is guided already it is net that is conditioned; the weak one is
// put under the values, if it takes them. Without values it is net; a network that
// takes none is an error.
func Condition(net Network, values map[string]float64, w float32, both ...string) (Network, error) {
	if len(values) == 0 {
		return net, nil
	}
	if g, ok := net.(guided); ok {
		inner, err := Condition(g.Network, values, w, both...)
		if err != nil {
			return nil, err
		}
		weak := g.weak
		if at, err := weak.At(values); err == nil {
			weak = at
		}
		return guided{inner, weak, g.w}, nil
	}
	at, err := net.At(values)
	if err != nil || w == 0 {
		return at, err
	}
	shared := map[string]float64{}
	for _, name := range both {
		if v, ok := values[name]; ok {
			shared[name] = v
		}
	}
	without, err := Condition(net, shared, 0)
	if err != nil {
		return nil, err
	}
	return Guide(at, without, w), nil
}

// Compatible tells whether b can take the inputs of a: its features, group and noise
// of gamma, of which b may need none.
func Compatible(a, b Network) bool {
	dims, std := a.Eta()
	d, s := b.Eta()
	return a.Features() == b.Features() && a.Group() == b.Group() &&
		(d == 0 || d == dims && s == std)
}

// guided has the shape and the decoder of its network.
type guided struct {
	Network
	weak Network
	w    float32
}

// At puts both networks under the values, the weak one if it takes them.
func (g guided) At(values map[string]float64) (Network, error) { return Condition(g, values, 0) }

// WithGamma gives both networks the same gamma.
func (g guided) WithGamma(kind, order string) (Network, error) {
	net, err := g.Network.WithGamma(kind, order)
	if err != nil {
		return nil, err
	}
	weak, err := g.weak.WithGamma(kind, order)
	if err != nil {
		return nil, errors.New("guidance: " + err.Error())
	}
	if !Compatible(net, weak) {
		return nil, errors.New("guidance: the networks differ in the noise of this gamma")
	}
	return guided{net, weak, g.w}, nil
}

func (g guided) NewState(sizes []int) NetworkState {
	rows := 0
	for _, n := range sizes {
		rows += n
	}
	return &guidedState{g.Network.NewState(sizes), g.weak.NewState(sizes), g.w,
		make([]float32, rows*(3+g.Features()))}
}

type guidedState struct {
	NetworkState
	weak NetworkState
	w    float32
	g    []float32 // (rows, 3+F) of the weak network
}

func (s *guidedState) Eps(eps, z []float32, t float32, noise Noise) {
	s.NetworkState.Eps(eps, z, t, noise)
	s.weak.Eps(s.g, z, t, noise)
	for i, e := range eps {
		eps[i] = e + float32(s.w*(e-s.g[i]))
	}
}

// Schedule announces the times to both networks.
func (s *guidedState) Schedule(times []float32) {
	s.NetworkState.Schedule(times)
	s.weak.Schedule(times)
}
