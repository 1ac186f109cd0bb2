package model

import (
	"errors"
	"math"
	"strconv"

	"symdiff/core/f32"
)

// A conditional network is given, at every atom, two channels for each property
// of Meta.Context beside [x, h]: ((v-Mean)/MAD, 1) where the value is known and
// (0, 0) where it is not. Training leaves values out at random, so that the
// network predicts with and without them (classifier-free guidance, Ho and
// Salimans 2022, arXiv 2207.12598). Since a value is the same at every atom, its
// part of the first layer is a bias: nothing else of a call changes.

// At is m under the given values of properties of Meta.Context, by name; those
// that are left out are unknown. Without any it is m. It shares m's weights.
func (m *Model) At(values map[string]float64) (*Model, error) {
	bias, err := m.Meta.ContextBias(m.xh.Bias, m.context, values)
	if err != nil {
		return nil, err
	}
	n := *m
	n.xh.Bias = bias
	return &n, nil
}

// ContextBias is the bias (out) of a network's first layer under the given values
// of properties of m.Context, from the bias of the layer and its columns (out),
// one for each channel of the context (see SplitContext).
func (m Meta) ContextBias(bias []float32, columns [][]float32, values map[string]float64) ([]float32, error) {
	bias = append([]float32(nil), bias...)
	known := 0
	for i, q := range m.Context {
		v, ok := values[q.Name]
		if !ok {
			continue
		}
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, errors.New(q.Name + ": not a number")
		}
		f32.AddScaled(bias, float32((v-q.Mean)/q.MAD), columns[2*i])
		f32.AddScaled(bias, 1, columns[2*i+1])
		known++
	}
	if known < len(values) {
		names := ""
		for _, q := range m.Context {
			names += " " + q.Name
		}
		for name := range values {
			return nil, errors.New(strconv.Quote(name) + ": the model is conditioned on:" + names)
		}
	}
	return bias, nil
}

// SplitContext takes the columns of the context off the weights (out, in) of a
// first layer, its last channels of the input: (out, in-channels), and a column
// (out) for each channel.
func SplitContext(w []float32, out, in, channels int) (inner []float32, columns [][]float32) {
	columns = make([][]float32, channels)
	for c := range columns {
		columns[c] = make([]float32, out)
	}
	for o := range out {
		row := w[o*in : (o+1)*in]
		inner = append(inner, row[:in-channels]...)
		for c := range columns {
			columns[c][o] = row[in-channels+c]
		}
	}
	return inner, columns
}
