package encoding

import (
	"errors"
	"strings"

	"github.com/symdiff-go/symdiff/core/molecule"
)

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
