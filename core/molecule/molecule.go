package molecule

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// Property is a named value of a molecule, as files carry them.
type Property struct{ Key, Value string }

// Molecule is a set of atoms in space.
type Molecule struct {
	Elements   []Element
	Positions  [][3]float64 // (N, 3), Å
	Properties []Property   // in the order of the file

	// What a file stated (SDF, PDB); the measures do not use it.
	FileBonds    []Bond
	FileCharges  []int // (N) formal charges; nil where all are zero
	FileRadicals []int // (N) unpaired electrons; nil where there are none
	Flat         bool  // the coordinates are those of a drawing in 2D
}

// Bond joins atoms I < J. Order is 1, 2 or 3; files may also state 4,
// aromatic, and the types beyond that a query or a complex has.
type Bond struct{ I, J, Order int }

// Property returns the value of the first property key.
func (m *Molecule) Property(key string) (value string, ok bool) {
	for _, p := range m.Properties {
		if p.Key == key {
			return p.Value, true
		}
	}
	return "", false
}

// Charge is the total charge by the property "charge" or the formal charges of the file, 0 where
// neither states one.
func (m *Molecule) Charge() (sum int) {
	text, _ := m.Property("charge")
	if q, err := strconv.Atoi(text); err == nil {
		return q
	}
	for _, q := range m.FileCharges {
		sum += q
	}
	return sum
}

// Distance is the distance of atoms i and j in Å.
func (m *Molecule) Distance(i, j int) float64 {
	a, b := &m.Positions[i], &m.Positions[j]
	x, y, z := a[0]-b[0], a[1]-b[1], a[2]-b[2]
	return math.Sqrt(float64(x*x) + float64(y*y) + float64(z*z))
}

// Bonds lists the bonds by [BondOrder], sorted by I, then J.
func (m *Molecule) Bonds() []Bond { return m.graph().bonds }

// Formula is the molecular formula in Hill order: carbon, hydrogen, then the
// alphabet; the alphabet alone where there is no carbon.
func (m *Molecule) Formula() string {
	var counts [256]int
	for _, e := range m.Elements {
		counts[e]++
	}
	first, words := "", []string(nil)
	for k, n := range counts {
		e := Element(k)
		if n == 0 {
			continue
		}
		word := e.Symbol()
		if n > 1 {
			word += strconv.Itoa(n)
		}
		if counts[C] > 0 && (e == C || e == H) {
			first = word + first // hydrogen is the first element
			continue
		}
		words = append(words, word)
	}
	slices.Sort(words) // by symbols: no digit comes after a letter
	return first + strings.Join(words, "")
}

// StableAtoms reports for each atom whether its bond orders sum to a valence of
// its element (H1 C4 N3 O2 F1, see stableOrders), as EDM defines stability.
func (m *Molecule) StableAtoms() []bool { return m.graph().stable() }

// Stable tells whether the molecule has atoms and all of them are stable.
func (m *Molecule) Stable() bool {
	return len(m.Elements) > 0 && !slices.Contains(m.StableAtoms(), false)
}

// Fragments groups the atoms that bonds connect, each group sorted, the groups
// by their first atom.
func (m *Molecule) Fragments() [][]int { return m.graph().fragments() }

// Connected tells whether the atoms form exactly one fragment.
func (m *Molecule) Connected() bool { return len(m.Fragments()) == 1 }

// Valid tells whether the molecule could exist with hydrogens added where
// valences are free: after the clean-up of nitro and azide groups no atom's
// bond orders exceed its valence (H1 C4 N3 O2 F1, N+ 4, N- 2, O- 1). For these
// elements that is what RDKit's sanitisation accepts. A molecule with another
// element is not judged: ok is false and the reason says so ([Rule.Judges] reports
// it too). The first fault is the reason. It is [QM9Rule]; ValidBy takes others.
func (m *Molecule) Valid() (ok bool, reason string) {
	return m.ValidBy(QM9Rule)
}

// Key is a text of 32 hexadecimal digits that two molecules share when the
// graphs of their largest fragments (elements, bond orders, charges after the
// clean-up; not the geometry) look alike to colour refinement with one atom
// singled out in turn. It serves to count distinct molecules: on QM9 it
// separates exactly what RDKit's canonical SMILES separate. Highly symmetric
// graphs beyond that size could share a key wrongly, and above 256 atoms no atom
// is singled out, so that rings may be mistaken. Two Kekulé forms
// of one aromatic molecule are two graphs.
func (m *Molecule) Key() string {
	return m.KeyBy(QM9Rule)
}
