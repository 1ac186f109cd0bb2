package model

import "github.com/symdiff-go/symdiff/core/symmetrise"

// At is m under the given values of properties of Meta.Context, by name; those
// that are left out are unknown. Without any it is m. It shares m's weights: since a
// value is the same at every atom, its part of the first layer is a bias.
func (m *Model) At(values map[string]float64) (symmetrise.Denoiser, error) {
	channels, err := m.Meta.Channels(values)
	if err != nil {
		return nil, err
	}
	n := *m
	n.xh = m.xh.With(m.context, channels)
	return &n, nil
}
