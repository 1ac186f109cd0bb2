package encoding

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A conditional network is given, at every atom, two channels for each property
// of Meta.Context beside [x, h]: ((v-Mean)/MAD, 1) where the value is known and
// (0, 0) where it is not. Training leaves values out at random, so that the
// network predicts with and without them (classifier-free guidance, Ho and
// Salimans 2022, arXiv 2207.12598).

// Quantity is a scalar property, in the units of the training data, and its
// scale there: the network is given (v - Mean)/MAD.
type Quantity struct {
	Name      string
	Mean, MAD float64 // MAD: mean absolute deviation, positive
}

// Channels are those of the context, 2 for each of m.Context, under the given values
// of properties by name; those that are left out are unknown.
func (m Meta) Channels(values map[string]float64) ([]float32, error) {
	channels := make([]float32, 2*len(m.Context))
	known := 0
	for i, q := range m.Context {
		v, ok := values[q.Name]
		if !ok {
			continue
		}
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, errors.New(q.Name + ": want a finite number")
		}
		channels[2*i], channels[2*i+1] = float32((v-q.Mean)/q.MAD), 1
		known++
	}
	if known < len(values) {
		return nil, m.unknown(values)
	}
	return channels, nil
}

// unknown is the error of values that the network is not conditioned on: it names the
// first, and those that it is conditioned on.
func (m Meta) unknown(values map[string]float64) error {
	names := ""
	for _, q := range m.Context {
		if q.Name != TypesName { // which no user sets
			names += " " + q.Name
		}
	}
	if names == "" {
		names = " nothing"
	}
	first := ""
	for name := range values {
		known := slices.ContainsFunc(m.Context, func(q Quantity) bool { return q.Name == name })
		if !known && (first == "" || name < first) {
			first = name
		}
	}
	return errors.New(strconv.Quote(first) + ": the model is conditioned on:" + names)
}

// validateContext checks that each name is there once, and can stand in a list NAME=VALUE,...
func (m Meta) validateContext() error {
	for i, q := range m.Context {
		if strings.ContainsAny(q.Name, ",=") {
			return errors.New("context: name " + strconv.Quote(q.Name) + ", want one without , and =")
		}
		if slices.ContainsFunc(m.Context[:i], func(o Quantity) bool { return o.Name == q.Name }) {
			return errors.New("context: " + q.Name + " appears twice")
		}
	}
	return nil
}
