package symmetrise

import "errors"

// Guidance says what a network is led by.
type Guidance struct {
	Worse    Network
	Better   Network // nil: the network itself
	Weight   float32 // w, a multiple of the difference
	From, To float32 // t/T between which it is, both included; To 0 is t = 0 alone
}

// Guide is a network led away from a worse one (autoguidance, Karras et al. 2024,
// arXiv 2406.02507):
//
//	eps_hat = e + w·(b - g),   e = net(z, t),  b = better(z, t),  g = worse(z, t)
//
// all with the same noise of gamma, so that the result is as equivariant as they
// are. Where the worse network errs as the better one does, only more, the error is
// taken back. The better network is net itself, or one of another training, whose
// difference from the worse one is carried over to net (as Liu et al. 2024, arXiv
// 2401.08565, do with language models). At times outside From and To it is e
// (Kynkaanniemi et al. 2024, arXiv 2404.07724). It panics when they do not take the
// same inputs.
func Guide(net Network, by Guidance) Network {
	if by.Better != nil && !Alike(net, by.Better) || !Alike(net, by.Worse) {
		panic("symmetrise: Guide: the networks take different inputs")
	}
	return guided{net, by}
}

// Conditional is a network that predicts under values of properties of a
// molecule, by name, too: At is the network under those. A name that it does not
// know is an error.
type Conditional interface {
	Network
	At(values map[string]float64) (Network, error)
}

// Condition is net under the given values, led w times away from itself without
// them (classifier-free guidance, Ho and Salimans 2022, arXiv 2207.12598):
//
//	eps_hat = e + w·(e - u),   e = net(z, t | values),  u = net(z, t)
//
// Values of the names in both hold for u as well.
// Of a network that is guided net is; the better and the worse one are put under
// the values, if they take them. Without values it is net; a network that takes
// none is an error.
func Condition(net Network, values map[string]float64, w float32, both ...string) (Network, error) {
	if len(values) == 0 {
		return net, nil
	}
	if g, ok := net.(guided); ok {
		inner, err := Condition(g.Network, values, w, both...)
		g.by.Better, g.by.Worse = under(g.by.Better, values), under(g.by.Worse, values)
		return guided{inner, g.by}, err
	}
	c, ok := net.(Conditional)
	if !ok {
		return nil, errors.New("the network is not conditioned on anything")
	}
	at, err := c.At(values)
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
	return Guide(at, Guidance{Worse: without, Weight: w, To: 1}), nil
}

// under is n under the values, if it takes them.
func under(n Network, values map[string]float64) Network {
	if c, ok := n.(Conditional); ok {
		if at, err := c.At(values); err == nil {
			return at
		}
	}
	return n
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
	by Guidance
}

func (g guided) NewState(sizes []int) NetworkState {
	rows := 0
	for _, n := range sizes {
		rows += n
	}
	s := &guidedState{NetworkState: g.Network.NewState(sizes), by: g.by, worse: g.by.Worse.NewState(sizes), g: make([]float32, rows*(3+g.Features()))}
	if g.by.Better != nil {
		s.better, s.b = g.by.Better.NewState(sizes), make([]float32, len(s.g))
	}
	return s
}

type guidedState struct {
	NetworkState
	by            Guidance
	better, worse NetworkState // better is nil where it is the network itself
	b, g          []float32    // (rows, 3+F) of the better and the worse network
}

func (s *guidedState) Eps(eps, z []float32, t float32, noise Noise) {
	s.NetworkState.Eps(eps, z, t, noise)
	if t < s.by.From || t > s.by.To {
		return
	}
	better := eps
	if s.better != nil {
		s.better.Eps(s.b, z, t, noise)
		better = s.b
	}
	s.worse.Eps(s.g, z, t, noise)
	for i, e := range eps {
		eps[i] = e + float32(s.by.Weight*(better[i]-s.g[i]))
	}
}
