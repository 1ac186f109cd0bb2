package symmetrise

import "errors"

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
// Of a network that is guided the better one is; the worse one is put under the
// values, if it takes them. Without values it is net; a network that takes none is
// an error.
func Condition(net Network, values map[string]float64, w float32, both ...string) (Network, error) {
	if len(values) == 0 {
		return net, nil
	}
	if g, ok := net.(guided); ok {
		inner, err := Condition(g.Network, values, w, both...)
		worse := g.worse
		if c, ok := worse.(Conditional); ok {
			if at, err := c.At(values); err == nil {
				worse = at
			}
		}
		return guided{inner, worse, g.w}, err
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
	return Guide(at, without, w), nil
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
