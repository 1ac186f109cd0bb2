package model

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/symdiff-go/symdiff/core/f32"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// A conditional network is given, at every atom, two channels for each property
// of Meta.Context beside [x, h]: ((v-Mean)/MAD, 1) where the value is known and
// (0, 0) where it is not. Training leaves values out at random, so that the
// network predicts with and without them (classifier-free guidance, Ho and
// Salimans 2022, arXiv 2207.12598). Since a value is the same at every atom, its
// part of the first layer is a bias: nothing else of a call changes.

// The composition of a molecule is a quantity of Meta.Context for each element:
// the number of its atoms.

// countPrefix begins the names of these quantities, as in count:C.
const countPrefix = "count:"

// CountName is the name of the quantity that counts the atoms of an element.
func CountName(symbol string) string { return countPrefix + symbol }

// IsCount reports whether a quantity of that name counts the atoms of an element.
func IsCount(name string) bool { return strings.HasPrefix(name, countPrefix) }

// Composed reports whether a network is conditioned on the composition.
func (m Meta) Composed() bool {
	for _, q := range m.Context {
		if IsCount(q.Name) {
			return true
		}
	}
	return false
}

// Counts are the values of the context that a composition makes (see At): how
// many atoms there are of each of the model's elements. Another element is an
// error that names it.
func (m Meta) Counts(composition []molecule.Element) (map[string]float64, error) {
	values := make(map[string]float64, len(m.Elements))
	for _, symbol := range m.Elements {
		values[CountName(symbol)] = 0
	}
	for _, e := range composition {
		c := m.channel(e)
		if c < 0 {
			return nil, errors.New("element " + e.Symbol() + " is not among the model's")
		}
		values[CountName(m.Elements[c])]++
	}
	return values, nil
}

// validateContext checks the names: each once, and of the elements all are counted
// or none.
func (m Meta) validateContext() error {
	seen, counts := map[string]bool{}, 0
	for _, q := range m.Context {
		if seen[q.Name] {
			return errors.New("context: " + q.Name + " appears twice")
		}
		seen[q.Name] = true
		if IsCount(q.Name) {
			counts++
		}
	}
	for _, symbol := range m.Elements {
		if seen[CountName(symbol)] {
			counts--
		} else if m.Composed() {
			return errors.New("context: " + CountName(symbol) + " is missing among the counts of the elements")
		}
	}
	if counts > 0 {
		return errors.New("context: it counts an element that is not among the model's")
	}
	return nil
}

// At is m under the given values of properties of Meta.Context, by name; those
// that are left out are unknown. Without any it is m. It shares m's weights.
func (m *Model) At(values map[string]float64) (symmetrise.Denoiser, error) {
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
		if names == "" {
			names = " nothing"
		}
		unknown := ""
		for name := range values {
			if (unknown == "" || name < unknown) && !slices.ContainsFunc(m.Context, func(q Quantity) bool { return q.Name == name }) {
				unknown = name
			}
		}
		return nil, errors.New(strconv.Quote(unknown) + ": the model is conditioned on:" + names)
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
