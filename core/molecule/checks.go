package molecule

import "slices"

// Checks is what today's protocols for drug-like molecules ask of a molecule, decided on its Lewis
// structure. The names are those of the protocols.
type Checks struct {
	// GEOM-Drugs revisited: atoms whose valence its table lists, and whether all are, and whether
	// the molecule is one fragment.
	StableAtoms int
	Stable      bool
	Connected   bool
	// PoseBusters: no unpaired electrons; bond lengths within 25 %; bond angles; flat aromatic
	// rings and double bonds, within 0.25 Å; no internal steric clash.
	NoRadicals     bool
	BondLengths    bool
	BondAngles     bool
	AromaticFlat   bool
	DoubleBondFlat bool
	NoClash        bool
}

// PoseBusters tells whether all checks of PoseBusters hold, connectedness among them.
func (c *Checks) PoseBusters() bool {
	return c.Connected && c.NoRadicals && c.BondLengths && c.BondAngles && c.AromaticFlat &&
		c.DoubleBondFlat && c.NoClash
}

// flatDoubleBond and poseLength are the thresholds of PoseBusters: Å from a plane, and the share by
// which a length may differ.
const (
	flatDoubleBond = 0.25
	poseLength     = 0.25
)

// Checks judges a molecule for a total charge.
//
// Valences are those of the table, where a sulfoxide counts as S+ and O-, as GEOM has it. A
// bond's length is compared with the sum of Pyykkö's radii for its order, that of an aromatic one
// between the double and the single bond; angles with the windows that [Geometry] has, from 80
// degrees on at atoms beyond neon; PoseBusters takes the bounds of RDKit's distance geometry for
// both. A carbon-carbon double bond out of aromatic rings is flat where its six atoms are within
// 0.25 Å of a plane. A clash is that of [Geometry], but for hydrogen bonds, which may be as short;
// PoseBusters looks at no hydrogen at all. What PoseBusters asks beyond, that RDKit accepts the
// molecule and its energy, is not known here.
//
// Sources: F. Nikitin, I. Dunn, D. R. Koes and O. Isayev, GEOM-Drugs Revisited, arXiv 2505.00169;
// M. Buttenschoen, G. M. Morris and C. M. Deane, Chem. Sci. 15, 3130 (2024) (PoseBusters).
func (m *Molecule) Checks(charge int) Checks {
	l := m.Lewis(charge)
	flags := l.Aromatic()
	g := l.graph()
	edges := g.edges(all(len(m.Elements)))
	var c Checks
	aromatic, other := make([]int, len(m.Elements)), make([]int, len(m.Elements))
	charges := slices.Clone(l.Charges)
	for k, b := range l.Bonds {
		if s, o, ok := sulfoxide(m.Elements, edges, b); ok && !flags[k] {
			other[s], other[o] = other[s]-1, other[o]-1
			charges[s], charges[o] = charges[s]+1, charges[o]-1
		}
		if flags[k] {
			aromatic[b.I]++
			aromatic[b.J]++
		} else {
			other[b.I] += b.Order
			other[b.J] += b.Order
		}
	}
	for i, e := range m.Elements {
		if listedValence(e, charges[i], aromatic[i], other[i]) {
			c.StableAtoms++
		}
	}
	c.Stable = len(m.Elements) > 0 && c.StableAtoms == len(m.Elements)
	c.Connected = len(g.fragments()) == 1
	c.NoRadicals = !slices.ContainsFunc(l.Radicals, func(n int) bool { return n > 0 })
	geometry := m.lewisGeometry(l)
	c.BondLengths, c.DoubleBondFlat = true, true
	for _, length := range geometry.Lengths {
		least, most, _ := m.lengths(length.Bond, poseLength)
		c.BondLengths = c.BondLengths && length.Distance >= least && length.Distance <= most
		if length.Order == 2 && m.Elements[length.I] == C && m.Elements[length.J] == C {
			c.DoubleBondFlat = c.DoubleBondFlat && m.flatBond(edges, length.I, length.J)
		}
	}
	c.BondAngles = !slices.ContainsFunc(geometry.Angles, func(a Angle) bool { return !a.Inside })
	c.NoClash = len(geometry.Clashes) == 0
	c.AromaticFlat = !slices.ContainsFunc(geometry.Rings, func(r Ring) bool { return !r.Flat() })
	return c
}

// hydrogenBond tells whether two elements can be those of a hydrogen bond.
func hydrogenBond(a, b Element) bool {
	if a != H {
		a, b = b, a
	}
	return a == H && (b == N || b == O || b == 16 || halogen(b))
}

// sulfoxide tells whether a bond is the S=O of a sulfur of three bonds, and which atom is which.
func sulfoxide(elements []Element, edges [][]edge, b Bond) (s, o int, ok bool) {
	if s, o = b.I, b.J; elements[s] == O {
		s, o = o, s
	}
	return s, o, b.Order == 2 && elements[s] == 16 && elements[o] == O && len(edges[s]) == 3 &&
		len(edges[o]) == 1
}

// flatBond tells whether a double bond of two atoms with three bonds each, and what they are bonded
// to, lie in a plane.
func (m *Molecule) flatBond(edges [][]edge, i, j int) bool {
	if len(edges[i]) != 3 || len(edges[j]) != 3 {
		return true
	}
	atoms := []int{i, j}
	for _, end := range [2]int{i, j} {
		for _, e := range edges[end] {
			if e.to != i && e.to != j && !slices.Contains(atoms, e.to) {
				atoms = append(atoms, e.to)
			}
		}
	}
	return m.deviation(atoms) <= flatDoubleBond
}

// listed are the valences of an element with a charge: the number of aromatic bonds and the sum of
// the orders of the others.
type listed struct {
	element Element
	charge  int
	bonds   [][2]int
}

var listedValences = []listed{
	{1, 0, [][2]int{{0, 1}}},
	{5, -1, [][2]int{{0, 4}}}, {5, 0, [][2]int{{0, 3}}},
	{6, -1, [][2]int{{0, 3}, {2, 1}, {3, 0}}}, {6, 0, [][2]int{{0, 4}, {2, 1}, {2, 2}, {3, 0}}},
	{6, 1, [][2]int{{0, 3}, {2, 1}, {3, 0}}},
	{7, -2, [][2]int{{0, 1}}}, {7, -1, [][2]int{{0, 2}, {2, 0}}},
	{7, 0, [][2]int{{0, 3}, {2, 0}, {2, 1}, {3, 0}}},
	{7, 1, [][2]int{{0, 4}, {2, 0}, {2, 1}, {2, 2}, {3, 0}}},
	{8, -1, [][2]int{{0, 1}}}, {8, 0, [][2]int{{0, 2}, {2, 0}}}, {8, 1, [][2]int{{0, 3}}},
	{9, 0, [][2]int{{0, 1}}},
	{14, 0, [][2]int{{0, 4}}}, {14, 1, [][2]int{{0, 5}}},
	{15, 0, [][2]int{{0, 3}, {0, 5}}}, {15, 1, [][2]int{{0, 4}}},
	{16, -1, [][2]int{{0, 1}}}, {16, 0, [][2]int{{0, 2}, {0, 3}, {0, 6}, {2, 0}}},
	{16, 1, [][2]int{{0, 3}, {2, 0}, {2, 1}, {3, 0}}}, {16, 2, [][2]int{{0, 4}, {2, 1}, {2, 2}}},
	{16, 3, [][2]int{{0, 2}, {0, 5}}},
	{17, 0, [][2]int{{0, 1}}}, {17, 1, [][2]int{{0, 2}}},
	{35, 0, [][2]int{{0, 1}}}, {35, 1, [][2]int{{0, 2}}},
	{53, 0, [][2]int{{0, 1}}}, {53, 1, [][2]int{{0, 2}}}, {53, 2, [][2]int{{0, 3}}},
	{83, 0, [][2]int{{0, 3}}}, {83, 2, [][2]int{{0, 5}}},
}

// listedValence tells whether an atom of an element with a formal charge may have so many aromatic
// bonds and such a sum of the orders of its other bonds: those are the valences that were found in
// GEOM-Drugs.
//
// Source: GEOM-Drugs Revisited, arXiv 2505.00169, geom_drugs_h_tuple_valencies of its code.
func listedValence(e Element, charge, aromatic, others int) bool {
	return slices.ContainsFunc(listedValences, func(v listed) bool {
		return v.element == e && v.charge == charge && slices.Contains(v.bonds, [2]int{aromatic, others})
	})
}
