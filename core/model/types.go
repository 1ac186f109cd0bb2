package model

import (
	"errors"
	"maps"
	"slices"
	"strconv"

	"symdiff/core/internal/json"
	"symdiff/core/molecule"
)

// TypesName is the name of the quantity of Meta.Context that says that the types
// are given. Under its value 0 the input h is that of the data, without noise at
// every t, and the network denoises the positions alone; where it is unknown h is
// noised as x is. Trained half the time so, one network holds p(x, h) and p(x | h),
// and with the compositions of the training set for p(h), as its histogram is for
// p(N), the types of a sample always are those of a molecule.
const TypesName = "types"

// TakesTypes reports whether the types can be given to a network.
func (m Meta) TakesTypes() bool {
	for _, q := range m.Context {
		if q.Name == TypesName {
			return true
		}
	}
	return false
}

// validateCompositions checks the formulas of m.Compositions.
func (m Meta) validateCompositions() error {
	for formula, count := range m.Compositions {
		elements, err := molecule.ParseFormula(formula)
		if err != nil {
			return errors.New("compositions: " + err.Error())
		}
		for _, e := range elements {
			if m.channel(e) < 0 {
				return errors.New("compositions: " + formula + ": element " + e.Symbol() + " is not among the model's")
			}
		}
		if count < 1 {
			return errors.New("compositions: " + formula + ": " + strconv.Itoa(count) + " molecules")
		}
	}
	return nil
}

func compositionsJSON(counts map[string]int) string {
	b := []byte{'{'}
	for i, formula := range slices.Sorted(maps.Keys(counts)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(append(json.AppendString(b, formula), ':'), int64(counts[formula]), 10)
	}
	return string(append(b, '}'))
}

func (p *metaParser) compositions() map[string]int {
	v := p.object("compositions")
	counts := make(map[string]int, len(v.Keys))
	for i, formula := range v.Keys {
		n, ok := v.Items[i].Int()
		if !ok {
			p.fail("compositions", formula+": want a number of molecules")
			break
		}
		counts[formula] = int(n)
	}
	return counts
}
