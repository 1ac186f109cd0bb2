// Package formula is a model of p(formula), learned from the formulas of a training set. A network
// of p(x | h) with formulas of this model is a model of p(x, h).
//
// With n_1 ... n_k the numbers of atoms of each element and n_0 that of all atoms besides hydrogen,
//
//	p(formula) = exp(Σ_i a_i(n_i) + Σ_i<j b_ij(n_i, n_j)) / Z
//
// with a table a_i of each number and a table b_ij of each pair of them, 0 where a number is: the
// distribution of most entropy that has the data's shares of all pairs of numbers. Its domain is the formulas that have
// no more atoms of any element, nor in all, than those of the data, and whose valences add up to a
// molecule. A united atom such as [CH3] counts as an element. Each entry has a Gaussian prior of
// variance 1; the fit is the one of most posterior probability, and unique.
package formula

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/optimize"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/molecule"
)

// most is the number of formulas at most of a domain.
const most = 100_000

// total is the sum of the numbers of molecules of Learn.
const total = 100_000_000

// Learn fits p(formula) to the formulas of data and returns it in the same form: each formula of the
// domain with round(10⁸·p), those with 0 left out, in the order of the elements. A network that
// draws formulas from the result draws from p.
//
// Errors: no formula of data is a molecule's, one that cannot be read, or more than 100,000 formulas
// in the domain.
func Learn(data []encoding.Composition) ([]encoding.Composition, error) {
	d, err := newDomain(data)
	if err != nil {
		return nil, err
	}
	p, err := d.fit()
	if err != nil {
		return nil, err
	}
	var list []encoding.Composition
	for i, v := range p {
		if n := int(math.Round(total * v)); n > 0 {
			hill := (&molecule.Molecule{Elements: d.atoms(d.numbers[i])}).Formula()
			list = append(list, encoding.Composition{Formula: hill, Molecules: n})
		}
	}
	return list, nil
}

// domain are the formulas that the model knows.
type domain struct {
	elements []molecule.Element
	numbers  [][]int   // of each formula: of atoms of each element
	shares   []float64 // of the data, of each formula
	count    float64   // of molecules of the data

	features [][]int32 // of each formula: its entries of the tables
	entries  int       // of all tables
}

func newDomain(data []encoding.Composition) (*domain, error) {
	d := &domain{}
	var read [][]molecule.Element
	for _, c := range data {
		atoms, err := molecule.ParseFormula(c.Formula)
		if err != nil {
			return nil, fmt.Errorf("formulas: %w", err)
		}
		read = append(read, atoms)
		d.elements = append(d.elements, atoms...)
	}
	slices.Sort(d.elements)
	d.elements = slices.Compact(d.elements)

	limits, atoms, heavy := make([]int, len(d.elements)), 0, 0
	seen := map[string]float64{}
	for i, a := range read {
		n := d.numbersOf(a)
		seen[fmt.Sprint(n)] += float64(data[i].Molecules)
		for k := range n {
			limits[k] = max(limits[k], n[k])
		}
		atoms, heavy = max(atoms, len(a)), max(heavy, d.heavy(n))
	}
	if err := d.enumerate(nil, limits, atoms, heavy); err != nil {
		return nil, err
	}
	for _, n := range d.numbers {
		v := seen[fmt.Sprint(n)]
		d.shares, d.count = append(d.shares, v), d.count+v
	}
	if d.count == 0 {
		return nil, errors.New("formulas: none of a molecule to learn from")
	}
	floats.Scale(1/d.count, d.shares)
	d.tables()
	return d, nil
}

func (d *domain) numbersOf(atoms []molecule.Element) []int {
	n := make([]int, len(d.elements))
	for _, e := range atoms {
		n[slices.Index(d.elements, e)]++
	}
	return n
}

// atoms are the elements of so many atoms of each.
func (d *domain) atoms(numbers []int) (atoms []molecule.Element) {
	for k, n := range numbers {
		atoms = append(atoms, slices.Repeat([]molecule.Element{d.elements[k]}, n)...)
	}
	return atoms
}

// heavy is the number of atoms besides hydrogen.
func (d *domain) heavy(numbers []int) (n int) {
	for k, e := range d.elements[:len(numbers)] {
		if e != molecule.H {
			n += numbers[k]
		}
	}
	return n
}

// enumerate adds all formulas that begin with the numbers of the first elements.
func (d *domain) enumerate(first, limits []int, atoms, heavy int) error {
	sum := 0
	for _, n := range first {
		sum += n
	}
	if sum > atoms || d.heavy(first) > heavy {
		return nil
	}
	if len(first) < len(limits) {
		for n := range limits[len(first)] + 1 {
			if err := d.enumerate(append(slices.Clone(first), n), limits, atoms, heavy); err != nil {
				return err
			}
		}
		return nil
	}
	all := molecule.Apart(d.atoms(first))
	if len(all) == 0 || molecule.OddValence(all) || molecule.TooFewValences(all) {
		return nil
	}
	if len(d.numbers) == most {
		return fmt.Errorf("formulas: more than %d, with as many atoms of each element as the data have",
			most)
	}
	d.numbers = append(d.numbers, first)
	return nil
}

// tables numbers the entries of the tables that formulas of the domain have.
func (d *domain) tables() {
	type entry struct{ i, j, n, m int }
	known := map[entry]int32{}
	at := func(e entry) int32 {
		k, ok := known[e]
		if !ok {
			k = int32(len(known))
			known[e] = k
		}
		return k
	}
	for _, numbers := range d.numbers {
		v := append(slices.Clone(numbers), d.heavy(numbers))
		var list []int32
		for i, n := range v {
			if n == 0 {
				continue
			}
			list = append(list, at(entry{i, i, n, n}))
			for j, m := range v[:i] {
				if m > 0 {
					list = append(list, at(entry{i, j, n, m}))
				}
			}
		}
		d.features = append(d.features, list)
	}
	d.entries = len(known)
}

// fit is p of each formula. It works on entries in units of their standard deviation, roughly
// (n·s·(1-s) + 1)^-1/2 for one that a share s of the n molecules has: else those of rare formulas
// would take hundreds of iterations more.
func (d *domain) fit() ([]float64, error) {
	n := len(d.numbers)
	scores, p := make([]float64, n), make([]float64, n) // log p + log Z; p
	prior := 1 / d.count
	unit := make([]float64, d.entries)
	for i, list := range d.features {
		for _, k := range list {
			unit[k] += d.shares[i]
		}
	}
	for k, s := range unit {
		unit[k] = 1 / math.Sqrt(max(s*(1-s), 0)+prior)
	}
	theta := make([]float64, d.entries)
	var at []float64 // where scores, p and logZ are of
	logZ := 0.0
	of := func(x []float64) {
		if slices.Equal(at, x) { // the function and its gradient are asked for one after the other
			return
		}
		at = append(at[:0], x...)
		floats.MulTo(theta, unit, x)
		for i, list := range d.features {
			scores[i] = 0
			for _, k := range list {
				scores[i] += theta[k]
			}
		}
		// Exp2, for Exp takes up to 100 times as long where kernels leave wide registers in use.
		most := floats.Max(scores)
		for i, s := range scores {
			p[i] = math.Exp2((s - most) * math.Log2E)
		}
		sum := floats.Sum(p)
		floats.Scale(1/sum, p)
		logZ = most + math.Log(sum)
	}
	problem := optimize.Problem{
		Func: func(x []float64) float64 {
			of(x)
			return logZ - floats.Dot(d.shares, scores) + prior/2*floats.Dot(theta, theta)
		},
		Grad: func(grad, x []float64) {
			of(x)
			floats.ScaleTo(grad, prior, theta)
			for i, list := range d.features {
				difference := p[i] - d.shares[i]
				for _, k := range list {
					grad[k] += difference
				}
			}
			floats.Mul(grad, unit)
		},
	}
	settings := &optimize.Settings{GradientThreshold: 1e-5, MajorIterations: 1000}
	found, err := optimize.Minimize(problem, make([]float64, d.entries), settings, &optimize.LBFGS{})
	if err != nil {
		return nil, fmt.Errorf("formulas: %w", err)
	}
	of(found.X)
	return p, nil
}
