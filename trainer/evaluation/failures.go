package evaluation

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/trainer/chart"
	"github.com/symdiff-go/symdiff/trainer/report"
)

// Failures says what is wrong with molecules that are not stable, or not in one piece.
type Failures struct {
	Atoms []AtomFailure `json:"atoms"` // the most frequent first
	// molecules that no bonds could make stable: an atom too few or too many (see
	// molecule.OddValence)
	Odd    int `json:"odd"`
	Pieces int `json:"pieces"` // molecules of several fragments
}

// AtomFailure counts atoms of an element whose bond orders sum to what is none of its valences.
type AtomFailure struct {
	Element   string `json:"element"`
	Orders    int    `json:"orders"` // the sum
	Atoms     int    `json:"atoms"`
	Molecules int    `json:"molecules"`
}

func (a AtomFailure) String() string { return a.Element + " with " + strconv.Itoa(a.Orders) }

// mostDrawn is the number of failures that are drawn.
const mostDrawn = 24

// failing is what is wrong with one molecule: the number of atoms of each kind of failure, and
// which atoms these are.
type failing struct {
	kinds  map[AtomFailure]int
	atoms  []bool
	pieces int
}

// failureOf describes a molecule that is not stable, or not in one piece.
func failureOf(m *molecule.Molecule) *failing {
	orders := make([]int, len(m.Elements))
	for _, b := range m.Bonds() {
		orders[b.I] += b.Order
		orders[b.J] += b.Order
	}
	f := &failing{kinds: map[AtomFailure]int{}, atoms: make([]bool, len(m.Elements)),
		pieces: len(m.Fragments())}
	for i, ok := range m.StableAtoms() {
		if !ok {
			f.atoms[i] = true
			f.kinds[AtomFailure{Element: m.Elements[i].Symbol(), Orders: orders[i]}]++
		}
	}
	return f
}

// kindsByName are the kinds in a fixed order.
func kindsByName(kinds map[AtomFailure]int) []AtomFailure {
	return slices.SortedFunc(maps.Keys(kinds), func(a, b AtomFailure) int {
		return cmp.Or(cmp.Compare(a.Element, b.Element), cmp.Compare(a.Orders, b.Orders))
	})
}

// addFailure counts a failing molecule, the index-th of the file, and keeps the first few to be
// drawn.
func (r *run) addFailure(m *molecule.Molecule, f *failing) {
	var faults []string
	for _, kind := range kindsByName(f.kinds) {
		n := f.kinds[kind]
		r.failures[kind] = [2]int{r.failures[kind][0] + n, r.failures[kind][1] + 1}
		text := kind.String()
		if n > 1 {
			text = strconv.Itoa(n) + " " + text
		}
		faults = append(faults, text)
	}
	if molecule.OddValence(m.Elements) {
		r.odd++
	}
	if f.pieces > 1 {
		r.pieces++
		faults = append(faults, strconv.Itoa(f.pieces)+" pieces")
	}
	if len(r.e.failing) < mostDrawn && len(m.Elements) > 0 {
		r.e.failing = append(r.e.failing, chart.Molecule{Title: fmt.Sprintf("%d: %s", r.index,
			strings.Join(faults, ", ")), Of: m, Marked: f.atoms})
	}
}

// finishFailures sums up what addFailure counted.
func (r *run) finishFailures() {
	f := Failures{Atoms: []AtomFailure{}, Odd: r.odd, Pieces: r.pieces}
	for kind, n := range r.failures {
		kind.Atoms, kind.Molecules = n[0], n[1]
		f.Atoms = append(f.Atoms, kind)
	}
	slices.SortFunc(f.Atoms, func(a, b AtomFailure) int {
		return cmp.Or(cmp.Compare(b.Molecules, a.Molecules), cmp.Compare(b.Atoms, a.Atoms),
			cmp.Compare(a.Element, b.Element), cmp.Compare(a.Orders, b.Orders))
	})
	r.e.Failures = f
}

func (e *Evaluation) failureSection() report.Section {
	s := report.Section{Title: "Failures", Head: []string{"atom with a sum of bond orders", "atoms",
		"molecules"}, Molecules: e.failing}
	for _, f := range e.Failures.Atoms {
		s.Rows = append(s.Rows, []string{f.String(), fmt.Sprint(f.Atoms), fmt.Sprint(f.Molecules)})
	}
	if n := e.Failures.Odd; n > 0 {
		s.Notes = append(s.Notes,
			fmt.Sprintf("%d of %d molecules could not be stable by any bonds: the valences "+
				"of their atoms sum to an odd number.", n, e.Molecules))
	}
	if n := e.Failures.Pieces; n > 0 {
		s.Notes = append(s.Notes, fmt.Sprintf("%d of %d molecules are in several pieces.", n,
			e.Molecules))
	}
	if len(e.failing) > 0 {
		s.Notes = append(s.Notes,
			fmt.Sprintf("The page draws the first %d molecules of the file that fail, with "+
				"a ring around each atom that does.", len(e.failing)))
	}
	return s
}
