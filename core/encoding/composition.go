package encoding

import (
	"errors"
	"strconv"

	"github.com/symdiff-go/symdiff/core/internal/json"
	"github.com/symdiff-go/symdiff/core/molecule"
)

// TypesName is the name of the quantity of Meta.Context that says that the types
// are given. Under its value 0 the input h is that of the data, without noise at
// every t, and the network denoises the positions alone; where it is unknown h is
// noised as x is. Trained half the time so, one network holds p(x, h) and p(x | h),
// and with the compositions of the training set for p(h), as its histogram is for
// p(N), the types of a sample always are those of a molecule.
const TypesName = "types"

// Composition is a formula and how many molecules of the training set have it.
type Composition struct {
	Formula   string
	Molecules int
}

// CompositionConditional reports whether the types can be given to a network.
func (m Meta) CompositionConditional() bool {
	for _, q := range m.Context {
		if q.Name == TypesName {
			return true
		}
	}
	return false
}

// validateCompositions checks the formulas of m.Compositions.
func (m Meta) validateCompositions() error {
	for _, c := range m.Compositions {
		elements, err := molecule.ParseFormula(c.Formula)
		if err != nil {
			return errors.New("compositions: " + err.Error())
		}
		for _, e := range elements {
			if m.channel(e) < 0 {
				return errors.New(
					"compositions: " + c.Formula + ": element " + e.Symbol() + " is not among the model's",
				)
			}
		}
		if c.Molecules < 1 {
			return errors.New(
				"compositions: " + c.Formula + ": " + strconv.Itoa(c.Molecules) + " molecules",
			)
		}
	}
	return nil
}

func compositionsJSON(list []Composition) string {
	b := []byte{'{'}
	for i, c := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(append(json.AppendString(b, c.Formula), ':'), int64(c.Molecules), 10)
	}
	return string(append(b, '}'))
}

func (p *reader) compositions() (list []Composition) {
	v := p.Object("compositions")
	for i, formula := range v.Keys {
		n, ok := v.Items[i].Int()
		if !ok {
			p.Fail("compositions", formula+": want a number of molecules")
			break
		}
		list = append(list, Composition{formula, int(n)})
	}
	return list
}
