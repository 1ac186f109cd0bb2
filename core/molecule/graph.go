package molecule

import (
	"math/bits"
	"slices"
	"strconv"
)

// graph is a molecule's atoms and bonds.
type graph struct {
	elements []Element
	bonds    []Bond
	valence  []int // (N), sum of the bond orders
	charge   []int // (N), zero until cleanUp
}

// graph finds the bonds of m.
func (m *Molecule) graph() *graph {
	n := len(m.Elements)
	if len(m.Positions) != n {
		panic("molecule: elements and positions differ in number")
	}
	g := &graph{elements: m.Elements, bonds: make([]Bond, 0, n+n/4), valence: make([]int, n),
		charge: make([]int, n)}
	m.near(longestBond, func(i, j int) bool {
		order := BondOrder(m.Elements[i], m.Elements[j], m.Distance(i, j))
		if order == 0 {
			return false
		}
		g.bonds = append(g.bonds, Bond{i, j, order})
		g.valence[i] += order
		g.valence[j] += order
		return true
	})
	return g
}

// stable compares each valence with those of the element.
func (g *graph) stable() []bool {
	s := make([]bool, len(g.elements))
	for i, e := range g.elements {
		s[i] = e < tableSize && g.valence[i] < 8 && stableOrders[e]>>g.valence[i]&1 == 1
	}
	return s
}

// union is a union-find: the parent of each element, in a tree whose root is the first of its set.
type union []int

// newUnion are n sets of one element.
func newUnion(n int) union {
	u := make(union, n)
	for i := range u {
		u[i] = i
	}
	return u
}

// find is the first element of the set of i.
func (u union) find(i int) int {
	for u[i] != i {
		u[i] = u[u[i]]
		i = u[i]
	}
	return i
}

// join makes one set of those of i and j.
func (u union) join(i, j int) {
	a, b := u.find(i), u.find(j)
	u[max(a, b)] = min(a, b)
}

// fragments groups connected atoms.
func (g *graph) fragments() [][]int {
	atoms := newUnion(len(g.elements))
	for _, b := range g.bonds {
		atoms.join(b.I, b.J)
	}
	var groups [][]int
	group := make([]int, len(atoms))
	for i := range atoms {
		r := atoms.find(i)
		if r == i {
			group[i] = len(groups)
			groups = append(groups, nil)
		}
		groups[group[r]] = append(groups[group[r]], i)
	}
	return groups
}

// cleanUp gives the neutral nitrogens of valence 5 their charges, as RDKit does
// before it looks at valences: the first double bond to a neutral oxygen
// becomes a single one (N+ and O-, as in a nitro group), else the first triple
// bond to a neutral nitrogen a double one (N+ and N-, as in an azide). First
// means the partner's number.
//
// Source: RDKit, MolOps::cleanUp. RDKit takes whichever partner comes first; the
// oxygen first makes the result independent of the order of the atoms.
func (g *graph) cleanUp() {
	for i, e := range g.elements {
		if e != N || g.charge[i] != 0 || g.valence[i] != 5 {
			continue
		}
		k, partner := g.partner(i, O, 2)
		if k < 0 {
			k, partner = g.partner(i, N, 3)
		}
		if k < 0 {
			continue
		}
		g.bonds[k].Order--
		g.valence[i]--
		g.valence[partner]--
		g.charge[i], g.charge[partner] = 1, -1
	}
}

// partner finds the first bond of atom i of the given order to a neutral atom
// of element e: its index, -1 if there is none, and the other atom.
func (g *graph) partner(i int, e Element, order int) (bond, other int) {
	for k, b := range g.bonds { // sorted: partners below i first, in order
		if b.Order != order || b.I != i && b.J != i {
			continue
		}
		other := b.I + b.J - i
		if g.elements[other] == e && g.charge[other] == 0 {
			return k, other
		}
	}
	return -1, 0
}

// limit is the largest valence of an element with a charge; 0 where no rule
// covers it.
func limit(e Element, charge int) int {
	switch e {
	case H, F:
		return 1
	case C:
		return 4
	case N:
		return 3 + charge
	case O:
		return 2 + charge
	}
	return 0
}

// valid compares the valences with those of a rule, after cleanUp.
func (g *graph) valid(rule Rule) (ok bool, reason string) {
	if len(g.elements) == 0 {
		return false, "no atoms"
	}
	for i, e := range g.elements {
		atom := "atom " + strconv.Itoa(i+1) + " (" + e.Symbol() + chargeText(g.charge[i]) + "): "
		switch most := rule.most(e, g.charge[i]); {
		case rule.most(e, 0) == 0:
			return false, atom + "no valence rule for this element"
		case g.valence[i] > most:
			return false, atom + "bond orders sum to " + strconv.Itoa(g.valence[i]) + ", at most " +
				strconv.Itoa(most)
		}
	}
	return true, ""
}

func chargeText(charge int) string {
	switch charge {
	case 1:
		return "+"
	case -1:
		return "-"
	}
	return ""
}

// colour is a 128-bit hash: two of 64 bits that are mixed differently.
type colour [2]uint64

// mix is the finaliser of splitmix64.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// with hashes a value into c; the order of values matters.
func (c colour) with(value uint64) colour {
	return colour{
		mix(c[0]*0x9e3779b97f4a7c15 + value + 1),
		mix(bits.RotateLeft64(c[1], 29)*0xd6e8feb86659fd93 ^ mix(value+0x2545f4914f6cdd1d)),
	}
}

// plus joins what has no order.
func (c colour) plus(d colour) colour { return colour{c[0] + d[0], c[1] + d[1]} }

// maxSingled is the number of atoms beyond which key does not single them out, nor
// where there are more than four bonds for each, which is no molecule.
const maxSingled = 256

// key hashes the colours of the largest fragment's atoms (the first of several)
// after refinement. Refinement alone is blind to rings: to it, two three-rings
// are one six-ring. So each atom of two or more bonds that shares its colour
// with another is in turn given a unique colour, and what refinement makes
// of that is hashed too, up to a size at which it would take long.
func (g *graph) key() string {
	var atoms []int
	for _, f := range g.fragments() {
		if len(f) > len(atoms) {
			atoms = f
		}
	}
	edges := g.edges(atoms)
	colours := make([]colour, len(atoms))
	for k, i := range atoms {
		colours[k] = g.atomColour(i)
	}
	colours = refine(colours, edges)
	all := sum(colours)
	crowded := len(g.bonds) > 4*len(g.elements)
	for k, c := range colours {
		if len(atoms) <= maxSingled && !crowded && len(edges[k]) > 1 && count(colours, c) > 1 {
			single := slices.Clone(colours)
			single[k] = c.with(1)
			all = all.plus(sum(refine(single, edges)))
		}
	}
	return hex(all.with(uint64(len(atoms))))
}

// refine hashes into each atom's colour those of its neighbours, again and
// again while that makes more colours.
func refine(colours []colour, edges [][]edge) []colour {
	next := make([]colour, len(colours))
	for before, now := 0, distinct(colours); now > before; {
		mixNeighbours(next, colours, edges)
		colours, next = next, colours
		before, now = now, distinct(colours)
	}
	return colours
}

// mixNeighbours sets next to the colours with those of each atom's neighbours hashed in, once.
func mixNeighbours(next, colours []colour, edges [][]edge) {
	for i, list := range edges {
		var around colour
		for _, e := range list {
			around = around.plus(colours[e.to].with(uint64(e.order)))
		}
		next[i] = colours[i].with(around[0]).with(around[1])
	}
}

// atomColour hashes an atom's element and charge.
func (g *graph) atomColour(i int) colour {
	return colour{}.with(uint64(g.elements[i])).with(uint64(g.charge[i] + 8))
}

// sum hashes colours without their order.
func sum(colours []colour) (all colour) {
	for _, c := range colours {
		all = all.plus(c.with(0))
	}
	return all.with(uint64(len(colours)))
}

func count(colours []colour, c colour) (n int) {
	for _, d := range colours {
		if d == c {
			n++
		}
	}
	return n
}

// edge leads to atom `to` of the fragment.
type edge struct{ to, order int }

// edges lists the bonds of each atom of a fragment.
func (g *graph) edges(atoms []int) [][]edge {
	local := make([]int, len(g.elements))
	for i := range local {
		local[i] = -1
	}
	for k, i := range atoms {
		local[i] = k
	}
	edges := make([][]edge, len(atoms))
	for _, b := range g.bonds {
		if i, j := local[b.I], local[b.J]; i >= 0 {
			edges[i] = append(edges[i], edge{j, b.Order})
			edges[j] = append(edges[j], edge{i, b.Order})
		}
	}
	return edges
}

// distinct counts different colours.
func distinct(colours []colour) int {
	seen := make(map[colour]struct{}, len(colours))
	for _, c := range colours {
		seen[c] = struct{}{}
	}
	return len(seen)
}

func hex(c colour) string {
	const digits = "0123456789abcdef"
	text := make([]byte, 32)
	for i := range text {
		text[i] = digits[c[i/16]>>(60-4*(i%16))&15]
	}
	return string(text)
}
