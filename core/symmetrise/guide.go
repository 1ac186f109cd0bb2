package symmetrise

import "errors"

// Guidance says what a network is guided by.
type Guidance struct {
	Weak     Network // the guiding network
	Expert   Network // what Weak is compared with; nil: the network itself
	Weight   float32 // w, a multiple of the difference
	From, To float32 // t/T between which it guides, both included; To 0 is t = 0 alone
}

// Guide is a network guided by a weak one (autoguidance, Karras et al. 2024, arXiv
// 2406.02507):
//
//	eps_hat = e + w·(b - g),   e = net(z, t),  b = expert(z, t),  g = weak(z, t)
//
// all with the same noise of gamma, so that the result is as equivariant as they
// are. The weight in that paper is w + 1. Where the weak network errs as the expert
// does, only more, the error is taken back. The expert is net itself, or a network of
// another training, whose difference from the weak one is transferred to net (as Liu
// et al. 2024, arXiv 2401.08565, do with language models). At times outside From and
// To it is e (Kynkäänniemi et al. 2024, arXiv 2404.07724). It panics when they do not
// take the same inputs.
func Guide(net Network, by Guidance) Network {
	if by.Expert != nil && !Compatible(net, by.Expert) || !Compatible(net, by.Weak) {
		panic("symmetrise: Guide: the networks take different inputs")
	}
	return guided{net, by}
}

// Condition is net under the given values, guided with weight w by itself without
// them (classifier-free guidance, Ho and Salimans 2022, arXiv 2207.12598):
//
//	eps_hat = e + w·(e - u),   e = net(z, t | values),  u = net(z, t)
//
// Values of the names in both hold for u as well.
// Of a network that is guided already it is net that is conditioned; the expert and
// the weak one are put under the values, if they take them. Without values it is
// net; a network that takes none is an error.
func Condition(net Network, values map[string]float64, w float32, both ...string) (Network, error) {
	if len(values) == 0 {
		return net, nil
	}
	if g, ok := net.(guided); ok {
		inner, err := Condition(g.Network, values, w, both...)
		if err != nil {
			return nil, err
		}
		return guided{inner, g.by.under(values)}, nil
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
	return Guide(at, Guidance{Weak: without, Weight: w, To: 1}), nil
}

// under is g with its networks under the values, those of them that take them.
func (g Guidance) under(values map[string]float64) Guidance {
	for _, n := range []*Network{&g.Expert, &g.Weak} {
		if *n == nil {
			continue
		}
		if at, err := (*n).At(values); err == nil {
			*n = at
		}
	}
	return g
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
	by Guidance
}

// At puts all networks under the values, the guiding ones if they take them.
func (g guided) At(values map[string]float64) (Network, error) { return Condition(g, values, 0) }

// WithGamma gives all networks the same gamma.
func (g guided) WithGamma(kind, order string) (Network, error) {
	net, err := g.Network.WithGamma(kind, order)
	if err != nil {
		return nil, err
	}
	for _, n := range []*Network{&g.by.Expert, &g.by.Weak} {
		if *n == nil {
			continue
		}
		if *n, err = (*n).WithGamma(kind, order); err != nil {
			return nil, errors.New("guidance: " + err.Error())
		}
	}
	if g.by.Expert != nil && !Compatible(net, g.by.Expert) || !Compatible(net, g.by.Weak) {
		return nil, errors.New("guidance: the networks differ in the noise of this gamma")
	}
	return guided{net, g.by}, nil
}

func (g guided) NewState(sizes []int) NetworkState {
	rows := 0
	for _, n := range sizes {
		rows += n
	}
	s := &guidedState{
		NetworkState: g.Network.NewState(sizes), by: g.by,
		weak: g.by.Weak.NewState(sizes), g: make([]float32, rows*(3+g.Features())),
	}
	if g.by.Expert != nil {
		s.expert, s.b = g.by.Expert.NewState(sizes), make([]float32, len(s.g))
	}
	return s
}

type guidedState struct {
	NetworkState
	by           Guidance
	expert, weak NetworkState // expert is nil where it is the network itself
	b, g         []float32    // (rows, 3+F) of the expert and the weak network
}

func (s *guidedState) Eps(eps, z []float32, t float32, noise Noise) {
	s.NetworkState.Eps(eps, z, t, noise)
	if t < s.by.From || t > s.by.To {
		return
	}
	expert := eps
	if s.expert != nil {
		s.expert.Eps(s.b, z, t, noise)
		expert = s.b
	}
	s.weak.Eps(s.g, z, t, noise)
	for i, e := range eps {
		eps[i] = e + float32(s.by.Weight*(expert[i]-s.g[i]))
	}
}

// Schedule announces the times to all networks.
func (s *guidedState) Schedule(times []float32) {
	s.NetworkState.Schedule(times)
	s.weak.Schedule(times)
	if s.expert != nil {
		s.expert.Schedule(times)
	}
}
