package encoding

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"

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
	elements  []molecule.Element // of Formula, where Parse has read it
}

// Elements are those of the atoms of the formula. Parse reads them once, for a run would spend a tenth
// of its time on reading thousands of formulas again.
func (c Composition) Elements() ([]molecule.Element, error) {
	if c.elements != nil {
		return c.elements, nil
	}
	return molecule.ParseFormula(c.Formula)
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
		elements, err := c.Elements()
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
		if c.Molecules < 1 || c.Molecules > math.MaxInt32 { // their sum is an int
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
		elements, _ := molecule.ParseFormula(formula) // a fault is for validate to tell
		list = append(list, Composition{formula, int(n), elements})
	}
	return list
}

// FormulaNotes are the reasons, in sentences, not to expect a good molecule of a formula: it is far
// from the training data, or no molecule has it. It is empty where there is none, and of a formula
// that cannot be generated at all. The web page gives the same ones (advise in
// site/src/generate/formula.ts; both are tested with testdata/formulas.json), but for the last: it
// does not know the compositions.
func (m Meta) FormulaNotes(formula string) string {
	elements, err := molecule.ParseFormula(formula)
	elements, has := molecule.Apart(elements), m.Apart()
	if err != nil ||
		slices.ContainsFunc(elements, func(e molecule.Element) bool { return !slices.Contains(has, e) }) {
		return ""
	}
	var notes []string
	add := func(parts ...string) { notes = append(notes, strings.Join(parts, "")) }
	hill := hillFormula(elements)
	if likeSMILES(formula) && !slices.Contains(elements, molecule.H) {
		add("Read as the formula ", hill, ", without hydrogen. SMILES is not taken: ethanol is C2H6O.")
	}
	holds := func(n int, what string) string { return "The formula has " + strconv.Itoa(n) + what }
	data := func(limit string, n int) string {
		return " The training data have at " + limit + " " + strconv.Itoa(n) + "."
	}
	least, most := m.sizes()
	heavy, heaviest, seen := heavyAtoms(elements), 0, false
	for _, c := range m.Compositions {
		known, _ := c.Elements()
		heaviest = max(heaviest, heavyAtoms(known))
		seen = seen || hillFormula(known) == hill
	}
	switch n := len(elements); {
	case most > 0 && n > most:
		add(holds(n, " atoms."), data("most", most), " Expect broken molecules.")
	case n == 1 && n < least:
		add(holds(n, " atom."), data("least", least), " Expect wrong distances.")
	case n < least:
		add(holds(n, " atoms."), data("least", least), " Expect wrong distances.")
	case heaviest > 0 && heavy > heaviest:
		add(holds(heavy, " atoms besides hydrogen."), data("most", heaviest), " Expect broken molecules.")
	}
	switch {
	case molecule.TooFewValences(elements):
		add("The valences are too few to join all atoms. So no molecule has this formula.")
	case molecule.OddValence(elements):
		add("The valences add up to an odd number. So no molecule with this formula can be stable.")
	}
	if len(notes) == 0 && len(m.Compositions) > 0 && !seen {
		add("No molecule of the training data has this formula.")
	}
	return strings.Join(notes, " ")
}

// CompositionsOf are the compositions that have so many atoms of each element, united atoms apart.
func (m Meta) CompositionsOf(elements []molecule.Element) (list []Composition) {
	formula := hillFormula(elements)
	for _, c := range m.Compositions {
		if atoms, _ := c.Elements(); hillFormula(atoms) == formula {
			list = append(list, c)
		}
	}
	return list
}

// UnitedCounts counts the united atoms of the training data by element, for a molecule of so many of
// them. Those of molecules of a single united atom, such as [CH4], count for atoms = 1 alone.
func (m Meta) UnitedCounts(atoms int) (counts [256]int) {
	for _, c := range m.Compositions {
		list, _ := c.Elements()
		if (len(list) == 1) != (atoms == 1) {
			continue
		}
		for _, e := range list {
			counts[e] += c.Molecules
		}
	}
	return counts
}

// Sizes counts the molecules of the training set by their numbers of atoms: Histogram, but with the
// hydrogens of united atoms, where the compositions tell them.
func (m Meta) Sizes() map[int]int {
	if !m.United() || len(m.Compositions) == 0 {
		return m.Histogram
	}
	sizes := map[int]int{}
	for _, c := range m.Compositions {
		atoms, _ := c.Elements()
		sizes[molecule.CountApart(atoms)] += c.Molecules
	}
	return sizes
}

// sizes are the least and the largest number of atoms of the training set, 0 where they are unknown.
func (m Meta) sizes() (least, most int) {
	for n := range m.Sizes() {
		if least == 0 || n < least {
			least = n
		}
		most = max(most, n)
	}
	return least, most
}

// likeSMILES reports whether a formula has letters alone, of more than one atom, as CCO.
func likeSMILES(formula string) bool {
	upper := 0
	for _, c := range formula {
		if c >= '0' && c <= '9' {
			return false
		}
		if c >= 'A' && c <= 'Z' {
			upper++
		}
	}
	return upper > 1
}

// hillFormula is the formula of elements in Hill order, united atoms apart.
func hillFormula(elements []molecule.Element) string {
	return (&molecule.Molecule{Elements: molecule.Apart(elements)}).Formula()
}

// heavyAtoms counts the atoms besides hydrogen.
func heavyAtoms(elements []molecule.Element) (n int) {
	for _, e := range elements {
		if e != molecule.H {
			n++
		}
	}
	return n
}
