package molecule

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
)

// United atoms are the particles of a model without hydrogens: an atom and its hydrogens at the place
// of the atom. Their numbers lie beyond those of the elements, and their symbols are those of SMILES,
// [CH3]. Only data sets and models have them; AddHydrogens makes a molecule of them.
const firstUnited Element = 128

// MostHydrogens is the most hydrogens of a united atom.
const MostHydrogens = 4

// carriers are the elements that united atoms are of.
var carriers = [...]Element{5, C, N, O, 14, 15, 16, 33, 34}

// Unite is the united atom of an element and n hydrogens, the element itself for n = 0; ok tells
// whether there is one.
func Unite(e Element, n int) (united Element, ok bool) {
	k := slices.Index(carriers[:], e)
	switch {
	case n == 0:
		return e, true
	case k < 0 || n < 0 || n > MostHydrogens:
		return 0, false
	}
	return firstUnited + Element(k*MostHydrogens+n-1), true
}

// Split is the element of a united atom and the number of its hydrogens; of an element itself and 0.
func (e Element) Split() (heavy Element, hydrogens int) {
	k := int(e) - int(firstUnited)
	if k < 0 || k >= len(carriers)*MostHydrogens {
		return e, 0
	}
	return carriers[k/MostHydrogens], k%MostHydrogens + 1
}

// Number is the atomic number of an element, or of the atom that a united atom has beside hydrogens.
func Number(e Element) int {
	heavy, _ := e.Split()
	return int(heavy)
}

// unitedSymbol is the symbol of a united atom, as SMILES has it.
func (e Element) unitedSymbol() string {
	heavy, n := e.Split()
	text := "[" + heavy.Symbol() + "H"
	if n > 1 {
		text += strconv.Itoa(n)
	}
	return text + "]"
}

// ParseUnited reads the symbol of an element, or of a united atom.
func ParseUnited(symbol string) (Element, bool) {
	inner, bracket := strings.CutPrefix(symbol, "[")
	if !bracket {
		return ParseElement(symbol)
	}
	at := strings.LastIndexByte(inner, 'H')
	if at < 1 || !strings.HasSuffix(inner, "]") {
		return 0, false
	}
	n := 1
	if digits := inner[at+1 : len(inner)-1]; digits != "" {
		n, _ = strconv.Atoi(digits)
	}
	heavy, ok := ParseElement(inner[:at])
	united, known := Unite(heavy, n)
	return united, ok && known && n > 0
}

// IsUnited tells whether a list has united atoms.
func IsUnited(elements []Element) bool {
	return slices.ContainsFunc(elements, func(e Element) bool { return e >= firstUnited })
}

// Apart are the elements that united atoms are made of: those of the atoms in their order, then the
// hydrogens.
func Apart(elements []Element) []Element {
	var atoms []Element
	hydrogens := 0
	for _, e := range elements {
		heavy, n := e.Split()
		atoms = append(atoms, heavy)
		hydrogens += n
	}
	return append(atoms, slices.Repeat([]Element{H}, hydrogens)...)
}

// CountApart is the number of atoms of [Apart].
func CountApart(elements []Element) int {
	count := len(elements)
	for _, e := range elements {
		_, hydrogens := e.Split()
		count += hydrogens
	}
	return count
}

// United is the molecule with each hydrogen as a part of the atom that it is nearest to, relative to the
// length of a bond, among those that have room for it. Its properties stay. A hydrogen that is bonded to
// none of them is an error that names the atom.
func (m *Molecule) United() (*Molecule, error) {
	c := carrying{m, slices.Repeat([]int{-1}, len(m.Elements)), make([]int, len(m.Elements))}
	for i, e := range m.Elements {
		if e == H && !c.give(i, make([]bool, len(m.Elements))) {
			return nil, errors.New("atom " + strconv.Itoa(i+1) + ": a hydrogen without a bond to B, C, N, O, Si, P, S, " +
				"As or Se of less than 4 others")
		}
	}
	out := &Molecule{Properties: m.Properties}
	for i, e := range m.Elements {
		if united, _ := Unite(e, c.carried[i]); e != H {
			out.Elements, out.Positions = append(out.Elements, united), append(out.Positions, m.Positions[i])
		}
	}
	if len(out.Elements) == 0 {
		return nil, errors.New("no atom but hydrogen")
	}
	return out, nil
}

// carrying is a molecule whose hydrogens are given to other atoms one by one.
type carrying struct {
	*Molecule
	of      []int // (N) the atom that carries a hydrogen, or -1
	carried []int // (N) hydrogens that an atom carries
}

// give gives hydrogen i to the nearest atom with room, or to one that can give away another of its
// hydrogens, without those that were tried: an augmenting path (Kuhn 1955). It reports whether one was
// found.
func (c *carrying) give(i int, tried []bool) bool {
	var full []int
	nearest, least := -1, bondMargin
	for j, other := range c.Elements {
		if _, fits := Unite(other, 1); !fits {
			continue
		}
		d := c.Distance(i, j) - (elementRadii[other].covalent[0] + elementRadii[H].covalent[0])
		switch {
		case d > bondMargin:
		case c.carried[j] == MostHydrogens:
			full = append(full, j)
		case d <= least:
			nearest, least = j, d
		}
	}
	for _, j := range full {
		if nearest >= 0 || tried[j] {
			continue
		}
		tried[j] = true
		for k, at := range c.of {
			if at == j && c.give(k, tried) {
				c.carried[j]--
				nearest = j
				break
			}
		}
	}
	if nearest < 0 {
		return false
	}
	c.of[i] = nearest
	c.carried[nearest]++
	return true
}

// RoomForHydrogens (N) is the number of hydrogens that each atom can have at most: its free valence, the
// valence less the sum of Pauling's bond orders,
//
//	2^x,  x = (r1 - d)/(r1 - r2)
//
// where d is the distance of two atoms, r1 the length of a single and r2 of a double bond, in Å. The
// code takes 1/(1 - x) for x < 0, else min(1 + x·(2 + x)/3, 3). A united atom has room for its
// hydrogens or more. TestQM9 removes the hydrogens of QM9's test molecules: 98.5 % of the atoms have
// room for as many as they had, 0.2 % for fewer.
//
// Source: Pauling, J. Am. Chem. Soc. 69, 542 (1947).
func (m *Molecule) RoomForHydrogens() []int {
	_, room := m.freeValences()
	return room
}

// freeValences are those of the atoms (N), and the hydrogens that they have room for.
func (m *Molecule) freeValences() (free []float64, room []int) {
	const tolerance = 0.15 // of a sum; the valences of aromatic atoms are hardest to tell
	free, room = make([]float64, len(m.Elements)), make([]int, len(m.Elements))
	for i, e := range m.Elements {
		heavy, _ := e.Split()
		room[i] = hydrogensOf(heavy)
		free[i] = float64(room[i])
	}
	m.near(longestBond+2*bondMargin, func(i, j int) bool {
		a, _ := m.Elements[i].Split()
		b, _ := m.Elements[j].Split()
		p, q := elementRadii[a].covalent, elementRadii[b].covalent
		one, two, d := p[0]+q[0], p[1]+q[1], m.Distance(i, j)
		if d > one+bondMargin {
			return false
		}
		order := 1.0
		if x := (one - d) / (one - two); x < 0 {
			order = 1 / (1 - x)
		} else {
			order = min(1+x*(2+x)/3, 3)
		}
		free[i], free[j], room[i], room[j] = free[i]-order, free[j]-order, room[i]-1, room[j]-1
		return true
	})
	for i, e := range m.Elements {
		_, least := e.Split()
		room[i] = max(min(int(math.Ceil(free[i]-tolerance)), room[i]), least, 0)
	}
	return free, room
}

// Saturate are the united atoms of a molecule that has so many hydrogens in all. What its united atoms
// do not have yet goes one by one to the atom of the highest free valence that has room; ok tells
// whether there was room for all. Of QM9's test molecules without their hydrogens 98.0 % get each of them
// back where it was (TestQM9).
func (m *Molecule) Saturate(hydrogens int) (elements []Element, ok bool) {
	free, room := m.freeValences()
	elements = slices.Clone(m.Elements)
	for _, e := range elements {
		_, n := e.Split()
		hydrogens -= n
	}
	for ; hydrogens > 0; hydrogens-- {
		best, most := -1, math.Inf(-1)
		for i, e := range elements {
			if _, n := e.Split(); n < room[i] && free[i]-float64(n) > most {
				best, most = i, free[i]-float64(n)
			}
		}
		if best < 0 {
			return nil, false
		}
		heavy, n := elements[best].Split()
		elements[best], _ = Unite(heavy, n+1)
	}
	return elements, hydrogens == 0
}

// hydrogensOf is the number of hydrogens of an atom alone, as in methane.
func hydrogensOf(e Element) int {
	switch e {
	case C, 14:
		return 4
	case 5, N, 15, 33:
		return 3
	case O, 16, 34:
		return 2
	}
	return 0
}

// AddHydrogens is the molecule with the hydrogens of its united atoms as atoms, after all others; the
// molecule itself if it has no united atoms. The bonds are those of the Lewis structure, given the
// hydrogens. Each hydrogen is at the mean length of its kind of bond, in the direction that the bonds of
// its atom leave:
//
//	four neighbours, or a lone pair in place of one   tetrahedral
//	three, and nitrogen beside a double bond          trigonal
//	two                                               linear
//
// What turns about a bond is staggered, or in the plane of a double bond next to it. Of these positions
// those are taken that touch the fewest atoms and are nearest to an acceptor of hydrogen bonds. Double
// bonds, and the lone pairs of O and N, turn and stretch the bonds to hydrogen of the carbon next to them.
func (m *Molecule) AddHydrogens() *Molecule {
	if !IsUnited(m.Elements) {
		return m
	}
	p := newPlacing(m)
	for _, turning := range []bool{false, true} {
		for i := range p.count {
			if (len(p.around[i]) == 1 && p.shape[i] != linear) == turning {
				p.place(i)
			}
		}
	}
	p.besideLonePairs()
	return &Molecule{Elements: p.Elements, Positions: p.Positions, Properties: m.Properties}
}

// placing is a molecule whose hydrogens are being placed.
type placing struct {
	Molecule
	count     int     // of atoms but hydrogens
	hydrogens []int   // that atoms still lack
	around    [][]int // (count) the atoms that an atom is bonded to, hydrogens too
	double    []int   // (count) the atom at the other end of a double bond, or -1
	shape     []shape // (count)
}

// shape is how the bonds of an atom leave it.
type shape int8

const (
	linear      shape = 2
	trigonal    shape = 3
	pyramidal   shape = 4 // between trigonal and tetrahedral, as in aniline
	tetrahedral shape = 5
)

func newPlacing(m *Molecule) *placing {
	p := &placing{count: len(m.Elements), Molecule: Molecule{Positions: slices.Clone(m.Positions)}}
	for _, e := range m.Elements {
		heavy, n := e.Split()
		p.Elements, p.hydrogens = append(p.Elements, heavy), append(p.hydrogens, n)
	}
	l := p.lewis(0, p.hydrogens)
	p.around = make([][]int, p.count)
	multiple := make([]int, p.count) // what the orders are above 1
	p.double = slices.Repeat([]int{-1}, p.count)
	for _, b := range l.Bonds {
		p.around[b.I], p.around[b.J] = append(p.around[b.I], b.J), append(p.around[b.J], b.I)
		multiple[b.I] += b.Order - 1
		multiple[b.J] += b.Order - 1
		if b.Order == 2 {
			p.double[b.I], p.double[b.J] = b.J, b.I
		}
	}
	p.shape = make([]shape, p.count)
	for i, e := range p.Elements {
		switch {
		case e == 14 || e == 15 || e == 16 || e == 33 || e == 34: // S=O and P=O leave no plane
			p.shape[i] = tetrahedral
		case multiple[i] >= 2:
			p.shape[i] = linear
		case multiple[i] == 1 || e == 5:
			p.shape[i] = trigonal
		default:
			p.shape[i] = tetrahedral
		}
	}
	p.nitrogens()
	return p
}

// nitrogens finds the nitrogens of single bonds whose lone pair a double bond next to them draws into
// its plane: all the way from C=O, or from two sides, else in part.
func (p *placing) nitrogens() {
	found := make([]shape, p.count)
	for i, e := range p.Elements {
		if e != N || p.shape[i] != tetrahedral || len(p.around[i])+p.hydrogens[i] != 3 {
			continue
		}
		draws := 0
		for _, j := range p.around[i] {
			switch {
			case p.shape[j] != trigonal:
			case p.double[j] >= 0 && (p.Elements[p.double[j]] == O || p.Elements[p.double[j]] == 16):
				draws += 2
			default:
				draws++
			}
		}
		switch {
		case draws > 1:
			found[i] = trigonal
		case draws == 1:
			found[i] = pyramidal
		}
	}
	for i, s := range found {
		if s != 0 {
			p.shape[i] = s
		}
	}
}

// length is the mean length in Å of a bond of atom i to hydrogen, in QM9.
func (p *placing) length(i int) float64 {
	double := p.double[i]
	switch e := p.Elements[i]; {
	case e == C && p.shape[i] == linear:
		return 1.062
	case e == C && double >= 0 && p.Elements[double] == O:
		return 1.111
	case e == C && p.shape[i] == trigonal:
		if double >= 0 && p.Elements[double] == C && slices.ContainsFunc(p.around[i],
			func(j int) bool { return p.Elements[j] == N || p.Elements[j] == O }) {
			return 1.079
		}
		return 1.084
	case e == C:
		return p.saturated(i)
	case e == N && double >= 0:
		return 1.021
	case e == N && p.shape[i] != tetrahedral:
		return 1.009
	case e == N:
		return 1.018
	case e == O:
		return 0.965
	default:
		return elementRadii[e].covalent[0] + elementRadii[H].covalent[0]
	}
}

// saturated is the length in Å of a bond of a carbon atom of single bonds to hydrogen.
func (p *placing) saturated(i int) float64 {
	length, heavy := 0.0, 0 // heavy: bonds to atoms but hydrogens
	for _, j := range p.around[i] {
		switch e := p.Elements[j]; {
		case e == H:
			continue
		case e == O:
			length += 0.0033
		case e == N:
			length += 0.002
		}
		heavy++
	}
	switch narrow := p.narrowest(i); {
	case narrow > ringOf3:
		return length + 1.085
	case narrow > ringOf4:
		return length + 1.0927
	case narrow > ringOf5:
		return length + 1.0949
	}
	return length + 1.0927 + float64(0.0016*float64(heavy))
}

// Cosines of angles that atoms of rings of three, of four and of five have alone.
const (
	ringOf3 = 0.35
	ringOf4 = -0.15
	ringOf5 = -0.25
)

// narrowest is the cosine of the narrowest angle of the bonds of atom i to atoms but hydrogens.
func (p *placing) narrowest(i int) float64 {
	most := -1.0
	for k, a := range p.around[i] {
		for _, b := range p.around[i][:k] {
			if a < p.count && b < p.count {
				most = max(most, dot(p.towards(i, a), p.towards(i, b)))
			}
		}
	}
	return most
}

// place places the hydrogens of atom i one by one, each where it touches least.
func (p *placing) place(i int) {
	if p.hydrogens[i] == 0 {
		return
	}
	directions := p.directions(i)
	for p.hydrogens[i] > 0 {
		if len(directions) == 0 { // more than its bonds leave room for
			directions = []vector{{1, 0, 0}, {-1, 0, 0}, {0, 1, 0}, {0, -1, 0}, {0, 0, 1}, {0, 0, -1}}
		}
		best, least := 0, math.Inf(1)
		for k, d := range directions {
			if s := p.strain(i, d); s < least {
				best, least = k, s
			}
		}
		p.add(i, directions[best])
		directions = slices.Delete(directions, best, best+1)
	}
}

// directions are those, as unit vectors, in which hydrogens of atom i can be.
func (p *placing) directions(i int) []vector {
	var u []vector // to the neighbours
	var sum vector
	for _, j := range p.around[i] {
		d := p.towards(i, j)
		u, sum = append(u, d), plus(sum, p.push(i, j), d)
	}
	switch {
	case len(u) == 0: // the corners of a tetrahedron
		const c = 0.5773502691896258 // 1/√3
		return []vector{{c, c, c}, {c, -c, -c}, {-c, c, -c}, {-c, -c, c}}
	case len(u) == 1 && p.shape[i] != linear:
		return p.about(i, u[0])
	case len(u) == 2 && p.shape[i] >= pyramidal:
		return p.across(i, u, sum)
	case len(u) == 3: // at one angle with all of them: across the plane through their ends
		if normal := cross(plus(u[1], -1, u[0]), plus(u[2], -1, u[0])); dot(normal, normal) > 1e-2 {
			normal = unit(normal)
			return []vector{plus(vector{}, math.Copysign(1, -dot(normal, sum)), normal)}
		}
	}
	return []vector{opposite(sum, u)}
}

// push is how much the bond from atom i to atom j pushes a hydrogen of atom i away. At a carbon atom of a
// double bond the hydrogen is not on the bisector: of H-C=O it has 124°, of H-C-O 112°. The weights are
// least squares on QM9's training molecules; other atoms push alike.
func (p *placing) push(i, j int) float64 {
	e, double := p.Elements[j], p.double[i]
	switch {
	case p.Elements[i] != C || double < 0:
	case e == C && j == double:
		return 1.024
	case e == O && j == double:
		return 1.064
	case e == N && j == double:
		return 0.974
	case e == N, e == O && p.Elements[double] == O:
		return 0.945
	case e == O:
		return 0.86
	}
	return 1
}

// across are the directions on both sides of the plane of the two bonds u of atom i, which add up to sum.
func (p *placing) across(i int, u []vector, sum vector) []vector {
	normal := cross(u[0], u[1])
	if dot(normal, normal) < 1e-4 {
		normal = perpendicular(u[0])
	}
	normal = unit(normal)
	angle, cos := dot(u[0], u[1]), 0.0 // cos: of the angle between a hydrogen and the plane
	switch {
	case p.shape[i] == pyramidal:
		cos = 0.85
	case p.Elements[i] != C: // 110° from both bonds
		cos = min(0.342/math.Sqrt((1+angle)/2+1e-9), 1)
	case angle > 0: // half of the angle of two hydrogens: 57° in a ring of three, 54° in one of four
		cos = 0.58 - float64(0.08*angle)
	default: // 53°
		cos = 0.577 - float64(0.05*angle)
	}
	if dot(sum, sum) < 1e-4 { // the two cancel
		sum = cross(u[0], normal)
	}
	sin, middle := math.Sqrt(1-float64(cos*cos)), plus(vector{}, -cos, unit(sum))
	return []vector{plus(middle, sin, normal), plus(middle, -sin, normal)}
}

// about are the directions about the only bond of atom i, towards u.
func (p *placing) about(i int, u vector) []vector {
	j := p.around[i][0]
	side, found := perpendicular(u), false // of the plane that the turn is measured from
	for _, k := range p.around[j] {
		if k == i || found && k != p.double[j] {
			continue
		}
		if v := across(p.towards(j, k), u); dot(v, v) > 1e-4 {
			side, found = unit(v), true
		}
	}
	const half, root = 0.5, 0.8660254037844386
	// the cosine and sine of the turn; along: minus the cosine of the angle with the bond
	turns, along := []vector{{half, root, 0}, {-1, 0, 0}, {half, -root, 0}}, 0.0
	flat := p.shape[j] == trigonal
	switch {
	case p.shape[i] == pyramidal: // on one side of a plane
		turns = []vector{{0.909, 0.415, 0}, {-0.909, 0.415, 0}}
	case p.shape[i] == trigonal, flat && p.Elements[i] == O: // in it
		turns = []vector{{1, 0, 0}, {-1, 0, 0}}
	case flat: // a methyl group has a hydrogen over the double bond
		turns = []vector{{1, 0, 0}, {-half, root, 0}, {-half, -root, 0}}
	}
	switch e := p.Elements[i]; {
	case e == O:
		along = 0.296 // 107.2°
	case p.shape[i] == pyramidal:
		along = 0.408 // 114.1°, and 112.3° between two hydrogens
	case e == N && p.double[i] >= 0 && p.hydrogens[i] == 1, e == C && p.shape[i] == tetrahedral:
		along = 0.355 // 110.8°
	case p.shape[i] == trigonal:
		along = 0.5 // 120°
	case e == N:
		along = 0.342 // 110°
	default:
		along = 0.105 // 96°
	}
	beside, up := math.Sqrt(1-float64(along*along)), cross(side, u)
	for k, t := range turns {
		turns[k] = plus(plus(vector{}, -along, u), beside, plus(plus(vector{}, t.x, side), t.y, up))
	}
	return turns
}

// add adds a hydrogen of atom i in a direction, a unit vector.
func (p *placing) add(i int, d vector) {
	p.around[i] = append(p.around[i], len(p.Elements))
	p.Elements = append(p.Elements, H)
	p.Positions = append(p.Positions, [3]float64{})
	p.put(len(p.Elements)-1, plus(p.at(i), p.length(i), d))
	p.hydrogens[i]--
}

// put puts an atom at a place.
func (p *placing) put(i int, at vector) { p.Positions[i] = [3]float64{at.x, at.y, at.z} }

// besideLonePairs moves the hydrogens of saturated carbon beside O and N. Opposite to a lone pair of the
// neighbour a bond to hydrogen is longer and leans away from it; opposite to a bond of the neighbour it is
// shorter and leans towards it (n → σ*CH). With the torsions τ of the neighbour's other bonds,
//
//	lean = 0.052·Σ cos τ radians    length + 0.0044·Σ cos τ Å beside O, 0.002·Σ cos τ Å beside N
//
// The coefficients are least squares on QM9's training molecules.
func (p *placing) besideLonePairs() {
	for i := range p.count {
		for _, h := range p.around[i] {
			if h < p.count || p.Elements[i] != C || p.shape[i] != tetrahedral {
				continue
			}
			d := p.towards(i, h)
			leant, length := d, p.length(i)
			for _, j := range p.around[i] {
				longer := 0.0044
				switch p.Elements[j] {
				case N:
					longer = 0.002
				case O:
				default:
					continue
				}
				u := p.towards(i, j)
				side, sum := unit(across(d, u)), 0.0
				for _, k := range p.around[j] {
					if v := across(p.towards(j, k), u); k != i && dot(v, v) > 1e-4 {
						sum += dot(unit(v), side)
					}
				}
				leant = plus(leant, -float64(0.052*sum), across(u, d))
				length += float64(longer * sum)
			}
			p.put(h, plus(p.at(i), length, unit(leant)))
		}
	}
}

// strain is how much a hydrogen of atom i in a direction d touches other atoms, in arbitrary units:
// for each atom at a distance r in Å that is not bonded to atom i, (2.2/r)⁸, less 4/r of a hydrogen
// of N or O to an N or O.
func (p *placing) strain(i int, d vector) (sum float64) {
	at := plus(p.at(i), p.length(i), d)
	polar := p.Elements[i] == N || p.Elements[i] == O
	for k, e := range p.Elements {
		if k == i || slices.Contains(p.around[i], k) {
			continue
		}
		v := plus(p.at(k), -1, at)
		square := max(dot(v, v), 0.01)
		ratio := 4.84 / square
		ratio *= ratio
		sum += float64(ratio * ratio)
		if polar && (e == N || e == O) {
			sum -= 4 / math.Sqrt(square)
		}
	}
	return sum
}

// opposite is the unit vector against the sum of the directions u, or where they cancel one across them.
func opposite(sum vector, u []vector) vector {
	if dot(sum, sum) > 1e-2 {
		return plus(vector{}, -1, unit(sum))
	}
	if len(u) > 1 {
		if v := cross(u[0], u[1]); dot(v, v) > 1e-4 {
			return unit(v)
		}
	}
	return perpendicular(u[0])
}

// vector is a place or a direction. Its products are rounded one by one, so that the bits are the same on
// every machine.
type vector struct{ x, y, z float64 }

// at is the place of atom i.
func (m *Molecule) at(i int) vector {
	p := &m.Positions[i]
	return vector{p[0], p[1], p[2]}
}

// towards is the direction from atom i to atom j.
func (m *Molecule) towards(i, j int) vector { return unit(plus(m.at(j), -1, m.at(i))) }

// across is a without its part along the unit vector u.
func across(a, u vector) vector { return plus(a, -dot(a, u), u) }

func dot(a, b vector) float64 { return float64(a.x*b.x) + float64(a.y*b.y) + float64(a.z*b.z) }

func cross(a, b vector) vector {
	return vector{float64(a.y*b.z) - float64(a.z*b.y), float64(a.z*b.x) - float64(a.x*b.z),
		float64(a.x*b.y) - float64(a.y*b.x)}
}

// plus is a + s·b.
func plus(a vector, s float64, b vector) vector {
	return vector{a.x + float64(s*b.x), a.y + float64(s*b.y), a.z + float64(s*b.z)}
}

// unit is a over its length; of no length the first axis.
func unit(a vector) vector {
	n := math.Sqrt(dot(a, a))
	if n < 1e-9 {
		return vector{1, 0, 0}
	}
	return plus(vector{}, 1/n, a)
}

// perpendicular is a unit vector across a unit vector.
func perpendicular(a vector) vector {
	if math.Abs(a.x) > 0.7 {
		return unit(cross(a, vector{0, 1, 0}))
	}
	return unit(cross(a, vector{1, 0, 0}))
}
