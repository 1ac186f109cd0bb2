package symmetrise

// Decoded is a network of latents, with the maker of their decoders (see
// Network.NewDecoder).
func Decoded(net Network, newDecoder func(sizes []int) Decoder) Network {
	return decoded{net, newDecoder}
}

type decoded struct {
	Network
	newDecoder func(sizes []int) Decoder
}

func (n decoded) NewDecoder(sizes []int) Decoder { return n.newDecoder(sizes) }

func (n decoded) At(values map[string]float64) (Network, error) {
	at, err := n.Network.At(values)
	if err != nil {
		return nil, err
	}
	return decoded{at, n.newDecoder}, nil
}

func (n decoded) WithGamma(kind, order string) (Network, error) {
	with, err := n.Network.WithGamma(kind, order)
	if err != nil {
		return nil, err
	}
	return decoded{with, n.newDecoder}, nil
}
