package molecule

import (
	"maps"
	"slices"
	"strconv"
)

// Features counts what a chemist sees first in a structure, by name. All of it is decided on a
// Lewis structure, and does not depend on which of its Kekulé structures that is.
type Features struct {
	Bonds  map[string]int // bonds between heavy atoms: C-C, C=C, C:C (in an aromatic ring), C#N
	Rings  map[string]int // rings by size: 3 to 7, and 8+
	Groups map[string]int // functional groups, see Groups
}

// Groups names the functional groups that Features counts, in the order of a report. A carbon with a
// double bond to an oxygen that has no other is in one of the groups from carboxylic acid to other
// carbonyl, the first that fits; ether and amine leave out what is in one of those. A sulfur is in
// one of the groups from thiol to sulfonamide. Rings of three atoms count with single bonds only.
var Groups = []string{
	"alkene", "alkyne", "nitrile", "imine", "carboxylic acid", "carboxylate", "ester", "amide", "aldehyde", "ketone",
	"other carbonyl", "alcohol", "ether", "primary amine", "secondary amine", "tertiary amine", "ammonium",
	"cyclopropane", "epoxide", "aziridine", "N-N", "N-O", "O-O", "nitro", "C-halogen",
	"thiol", "thioether", "disulfide", "thiocarbonyl", "sulfoxide", "sulfone", "sulfonamide", "P=O",
	"benzene-like ring", "aromatic five-ring",
}

// Features counts bonds, rings and functional groups of the Lewis structure for the charge by
// [Molecule.Charge].
func (m *Molecule) Features() Features { return m.Lewis(m.Charge()).Features() }

// Features counts bonds, rings and functional groups.
//
// Rings are the distinct smallest rings of the bonds: of every bond the smallest ring that holds
// it. In fused and bridged systems these are the rings of a smallest set but for ties.
func (l *Lewis) Features() Features {
	g := l.graph()
	f := features{graph: g, edges: g.edges(all(len(g.elements))),
		aromatic: map[[2]int]bool{}, inRing: make([]bool, len(g.elements)),
		Features: Features{map[string]int{}, map[string]int{}, map[string]int{}}}
	flags := l.Aromatic()
	for k, b := range l.Bonds {
		if flags[k] {
			f.aromatic[[2]int{b.I, b.J}], f.inRing[b.I], f.inRing[b.J] = true, true, true
		}
	}
	f.findRings()
	for _, ring := range aromaticRings(f.edges, l.Bonds, flags) {
		f.Groups[map[int]string{5: "aromatic five-ring", 6: "benzene-like ring"}[len(ring)]]++
	}
	f.countBonds()
	for i := range f.edges {
		switch f.elements[i] {
		case C:
			f.carbon(i)
		case N:
			f.nitrogen(i)
		case O:
			f.oxygen(i)
		case 15:
			f.Groups["P=O"] += f.to(i, O, 2)
		case 16:
			f.sulfur(i)
		}
	}
	maps.DeleteFunc(f.Groups, func(name string, n int) bool { return name == "" || n == 0 })
	return f.Features
}

// graph is the structure as a graph.
func (l *Lewis) graph() *graph {
	return &graph{elements: l.Elements, bonds: l.Bonds, charge: l.Charges}
}

func all(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// features is a count on its way.
type features struct {
	*graph
	edges    [][]edge
	aromatic map[[2]int]bool // bonds i < j of aromatic rings
	inRing   []bool          // (N) atoms with an aromatic bond
	Features
}

// findRings counts the smallest rings.
func (f *features) findRings() {
	seen := map[string]bool{}
	for _, b := range f.bonds {
		ring := f.smallestRing(b)
		if ring == nil {
			continue
		}
		sorted := slices.Sorted(slices.Values(ring))
		key := ""
		for _, i := range sorted {
			key += strconv.Itoa(i) + " "
		}
		if seen[key] {
			continue
		}
		seen[key] = true
		if f.Rings[ringName(len(ring))]++; len(ring) == 3 {
			f.Groups[f.threeRing(ring)]++
		}
	}
}

func ringName(size int) string {
	if size > 7 {
		return "8+"
	}
	return strconv.Itoa(size)
}

// threeRing names a ring of three atoms, "" where it has no name here.
func (f *features) threeRing(ring []int) string {
	n := map[Element]int{}
	multiple := false
	for k, i := range ring {
		n[f.elements[i]]++
		multiple = multiple || !f.next(i, func(j int) bool { return j == ring[(k+1)%3] })
	}
	switch {
	case multiple: // cyclopropene, oxirene, azirine
		return ""
	case n[C] == 3:
		return "cyclopropane"
	case n[C] == 2 && n[O] == 1:
		return "epoxide"
	case n[C] == 2 && n[N] == 1:
		return "aziridine"
	}
	return ""
}

// smallestRing is a shortest path from one end of a bond to the other without the bond, nil if
// there is none.
func (f *features) smallestRing(b Bond) []int {
	from := make([]int, len(f.edges)) // 1 + the atom before, 0: not reached
	from[b.I] = b.I + 1
	for queue := []int{b.I}; len(queue) > 0; queue = queue[1:] {
		i := queue[0]
		for _, e := range f.edges[i] {
			if from[e.to] > 0 || i == b.I && e.to == b.J {
				continue
			}
			from[e.to] = i + 1
			if e.to == b.J {
				ring := []int{b.J}
				for at := i; at != b.I; at = from[at] - 1 {
					ring = append(ring, at)
				}
				return append(ring, b.I)
			}
			queue = append(queue, e.to)
		}
	}
	return nil
}

// countBonds counts the bonds between heavy atoms; carbon is named first, others by number.
func (f *features) countBonds() {
	for _, b := range f.bonds {
		x, y := f.elements[b.I], f.elements[b.J]
		if x == H || y == H {
			continue
		}
		if x != C && (y == C || y < x) {
			x, y = y, x
		}
		sign := []string{"-", "=", "#"}[b.Order-1]
		if f.aromatic[[2]int{b.I, b.J}] {
			sign = ":"
		}
		f.Bonds[x.Symbol()+sign+y.Symbol()]++
	}
}

// to counts the bonds of an order from atom i to an element.
func (f *features) to(i int, e Element, order int) (n int) {
	for _, b := range f.edges[i] {
		if b.order == order && f.elements[b.to] == e {
			n++
		}
	}
	return n
}

// toEnd counts the bonds of an order from atom i to atoms of an element that have no other bond.
func (f *features) toEnd(i int, e Element, order int) (n int) {
	for _, b := range f.edges[i] {
		if b.order == order && f.elements[b.to] == e && len(f.edges[b.to]) == 1 {
			n++
		}
	}
	return n
}

// carbonyl tells whether atom i has a double bond to an oxygen, which is not that of pyrylium.
func (f *features) carbonyl(i int) bool { return f.toEnd(i, O, 2) > 0 }

// next tells whether a neighbour of atom i along a single bond fits.
func (f *features) next(i int, fits func(j int) bool) bool {
	return slices.ContainsFunc(f.edges[i], func(b edge) bool { return b.order == 1 && fits(b.to) })
}

func (f *features) carbon(i int) {
	for _, b := range f.edges[i] {
		bond := [2]int{min(i, b.to), max(i, b.to)}
		switch e := f.elements[b.to]; {
		case e == C && b.to > i && b.order == 2 && !f.aromatic[bond]:
			f.Groups["alkene"]++
		case e == C && b.to > i && b.order == 3:
			f.Groups["alkyne"]++
		case e == N && b.order == 3 && len(f.edges[b.to]) == 1:
			f.Groups["nitrile"]++
		case e == N && b.order == 2 && !f.aromatic[bond]:
			f.Groups["imine"]++
		case e == 16 && b.order == 2 && !f.aromatic[bond]:
			f.Groups["thiocarbonyl"]++
		case halogen(e):
			f.Groups["C-halogen"]++
		}
	}
	if !f.carbonyl(i) {
		return
	}
	hydroxyl := func(j int) bool { return f.elements[j] == O && f.to(j, H, 1) > 0 }
	anion := func(j int) bool { return f.elements[j] == O && f.charge[j] < 0 }
	bridge := func(j int) bool { return f.elements[j] == O && f.to(j, C, 1) == 2 }
	switch {
	case f.next(i, hydroxyl):
		f.Groups["carboxylic acid"]++
	case f.next(i, anion):
		f.Groups["carboxylate"]++
	case f.next(i, bridge):
		f.Groups["ester"]++
	case f.to(i, N, 1) > 0:
		f.Groups["amide"]++
	case f.to(i, H, 1) > 0:
		f.Groups["aldehyde"]++
	case f.to(i, C, 1) == 2:
		f.Groups["ketone"]++
	default:
		f.Groups["other carbonyl"]++
	}
}

func halogen(e Element) bool { return e == F || e == 17 || e == 35 || e == 53 }

func (f *features) nitrogen(i int) {
	for _, b := range f.edges[i] {
		if f.elements[b.to] == N && b.to > i && !f.aromatic[[2]int{i, b.to}] {
			f.Groups["N-N"]++
		}
	}
	if f.toEnd(i, O, 1) > 0 && f.toEnd(i, O, 2) > 0 {
		f.Groups["nitro"]++
		return
	}
	if f.to(i, O, 1) > 0 && !f.inRing[i] {
		f.Groups["N-O"]++
	}
	if len(f.edges[i]) == 4 {
		f.Groups["ammonium"]++
	}
	if len(f.edges[i]) != 3 || f.to(i, C, 1)+f.to(i, H, 1) != 3 || f.inRing[i] ||
		f.next(i, func(j int) bool { return f.carbonyl(j) || f.to(j, 16, 2) > 0 }) {
		return
	}
	switch f.to(i, H, 1) {
	case 2:
		f.Groups["primary amine"]++
	case 1:
		f.Groups["secondary amine"]++
	case 0:
		f.Groups["tertiary amine"]++
	}
}

func (f *features) oxygen(i int) {
	for _, b := range f.edges[i] {
		if f.elements[b.to] == O && b.to > i {
			f.Groups["O-O"]++
		}
	}
	if len(f.edges[i]) != 2 || f.inRing[i] || f.next(i, f.carbonyl) {
		return
	}
	switch carbons := f.to(i, C, 1); {
	case carbons == 1 && f.to(i, H, 1) == 1:
		f.Groups["alcohol"]++
	case carbons == 2 && !f.inThreeRing(i):
		f.Groups["ether"]++
	}
}

// sulfur counts what a sulfur out of aromatic rings is, by its oxygens first.
func (f *features) sulfur(i int) {
	if f.inRing[i] {
		return
	}
	for _, b := range f.edges[i] {
		if f.elements[b.to] == 16 && b.to > i && len(f.edges[i]) == 2 && len(f.edges[b.to]) == 2 {
			f.Groups["disulfide"]++
		}
	}
	oxygens := f.to(i, O, 2)
	switch bonds := len(f.edges[i]); {
	case oxygens == 2 && bonds == 4 && f.to(i, N, 1) > 0:
		f.Groups["sulfonamide"]++
	case oxygens == 2 && bonds == 4 && f.to(i, C, 1) == 2:
		f.Groups["sulfone"]++
	case oxygens == 1 && bonds == 3 && f.to(i, C, 1) == 2:
		f.Groups["sulfoxide"]++
	case bonds == 2 && f.to(i, C, 1) == 2:
		f.Groups["thioether"]++
	case bonds == 2 && f.to(i, C, 1) == 1 && f.to(i, H, 1) == 1:
		f.Groups["thiol"]++
	}
}

// inThreeRing tells whether two neighbours of atom i are bonded.
func (f *features) inThreeRing(i int) bool {
	for _, b := range f.edges[i] {
		if slices.ContainsFunc(f.edges[b.to], func(e edge) bool {
			return e.to != i && slices.ContainsFunc(f.edges[i], func(d edge) bool { return d.to == e.to })
		}) {
			return true
		}
	}
	return false
}

// Environments hashes what lies around every atom, within two bonds: elements, charges and bond
// orders of the Lewis structure for the charge by [Molecule.Charge], aromatic bonds as such,
// hydrogens included. Two atoms have one environment if they look alike that far, as in a Morgan
// fingerprint of radius 2.
func (m *Molecule) Environments() []string {
	l := m.Lewis(m.Charge())
	for k, aromatic := range l.Aromatic() {
		if aromatic {
			l.Bonds[k].Order = 4
		}
	}
	g := l.graph()
	edges := g.edges(all(len(g.elements)))
	colours, next := make([]colour, len(edges)), make([]colour, len(edges))
	for i := range colours {
		colours[i] = g.atomColour(i)
	}
	for range 2 {
		mixNeighbours(next, colours, edges)
		colours, next = next, colours
	}
	names := make([]string, len(colours))
	for i, c := range colours {
		names[i] = hex(c)
	}
	return names
}
