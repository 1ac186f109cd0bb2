package molecule

import (
	"math"
	"slices"
	"strconv"

	"github.com/symdiff-go/symdiff/core/o3"
)

// Geometry is what a chemist looks at in a structure: the lengths of its bonds,
// the angles between them, whether aromatic rings are flat, and atoms that stand
// in each other's way. The windows are wide, so that molecules of QM9
// are inside them.
type Geometry struct {
	Lengths []Length
	Angles  []Angle
	Rings   []Ring  // aromatic, of five and six atoms
	Clashes []Clash // pairs that are too close
}

// Length is the length of a bond.
type Length struct {
	Bond             // of order 4 where it is aromatic
	Distance float64 // Å
	Inside   bool    // within 12 % of the sum of the covalent radii for its order (see lengths)
}

// Angle is the angle of the bonds J-I and J-K, I < K.
type Angle struct {
	I, J, K int
	Degrees float64
	Ring    int  // size of the smallest ring through the three, 3 to 6; 0 where there is none
	Inside  bool // within the window of angleWindow
}

// Ring is an aromatic ring.
type Ring struct {
	Atoms     []int   // around the ring, from the smallest number
	Deviation float64 // Å, the largest distance of its atoms from their best plane
}

// flatRing is the deviation in Å up to which an aromatic ring counts as flat, as
// PoseBusters has it (Buttenschoen, Morris, Deane, Chem. Sci. 2024).
const flatRing = 0.25

// Flat tells whether the ring is flat.
func (r Ring) Flat() bool { return r.Deviation <= flatRing }

// Clash is a pair of atoms in different fragments or more than three bonds
// apart whose distance is below Limit, 0.7 times the sum of their van der Waals
// radii.
type Clash struct {
	I, J            int
	Distance, Limit float64 // Å
}

// Plausible tells whether nothing is out of order.
func (g *Geometry) Plausible() bool {
	return len(g.Clashes) == 0 &&
		!slices.ContainsFunc(g.Lengths, func(l Length) bool { return !l.Inside }) &&
		!slices.ContainsFunc(g.Angles, func(a Angle) bool { return !a.Inside }) &&
		!slices.ContainsFunc(g.Rings, func(r Ring) bool { return !r.Flat() })
}

// Plausible tells whether the molecule is stable, in one piece, and nothing of its
// geometry is out of order.
func (m *Molecule) Plausible() bool {
	if !m.Stable() || !m.Connected() {
		return false
	}
	g := m.Geometry()
	return g.Plausible()
}

// lengthWindow and clashShare are the factors of Length and Clash.
const (
	lengthWindow = 0.12
	clashShare   = 0.7
)

// largestClash is in Å, above clashShare times the sum of any two radii.
const largestClash = 3

// radii are the covalent radii of an element for bonds of order 1, 2, 3
// (Pyykkö and Atsumi, Chem. Eur. J. 2009, 15, 12770) and its van der Waals
// radius (Mantina et al., J. Phys. Chem. A 2009, 113, 5806; Hg: Bondi), in Å.
type radii struct {
	covalent [3]float64
	waals    float64
}

// radius is the covalent radius for bonds of an order; of more than 3, as C2 has on
// paper, that for 3.
func (r radii) radius(order int) float64 { return r.covalent[min(order, len(r.covalent))-1] }

var elementRadii = [256]radii{
	1:  {[3]float64{0.32, 0.32, 0.32}, 1.10},
	5:  {[3]float64{0.85, 0.78, 0.73}, 1.92},
	6:  {[3]float64{0.75, 0.67, 0.60}, 1.70},
	7:  {[3]float64{0.71, 0.60, 0.54}, 1.55},
	8:  {[3]float64{0.63, 0.57, 0.53}, 1.52},
	9:  {[3]float64{0.64, 0.59, 0.53}, 1.47},
	13: {[3]float64{1.26, 1.13, 1.11}, 1.84},
	14: {[3]float64{1.16, 1.07, 1.02}, 2.10},
	15: {[3]float64{1.11, 1.02, 0.94}, 1.80},
	16: {[3]float64{1.03, 0.94, 0.95}, 1.80},
	17: {[3]float64{0.99, 0.95, 0.93}, 1.75},
	33: {[3]float64{1.21, 1.14, 1.06}, 1.85},
	34: {[3]float64{1.16, 1.07, 1.07}, 1.90},
	35: {[3]float64{1.14, 1.09, 1.10}, 1.83},
	53: {[3]float64{1.33, 1.29, 1.25}, 1.98},
	80: {[3]float64{1.33, 1.42, 1.42}, 1.55},
	83: {[3]float64{1.51, 1.41, 1.35}, 2.07},
}

// angleWindow is the range in degrees in which an angle is expected: by the
// smallest ring that holds it, and outside of small rings by the number of bonds
// at its middle atom. Fewer than one in two thousand angles of QM9 are outside.
func angleWindow(ring, bonds int) (lo, hi float64) {
	switch ring {
	case 3:
		return 50, 70
	case 4:
		return 65, 105
	case 5:
		return 75, 126
	case 6:
		return 80, 155
	}
	switch bonds {
	case 2:
		return 95, 180
	case 3:
		return 95, 160
	}
	return 85, 140
}

// Geometry measures lengths, angles, aromatic rings and clashes of the bonds by [BondOrder]. A bond
// or pair with an element of which no radius is known is never at fault. Angles and rings at atoms of
// more than eight bonds, of which no molecule is stable, are left out.
func (m *Molecule) Geometry() Geometry {
	g := m.graph()
	edges := g.edges(all(len(m.Elements)))
	out := m.measure(g.bonds, edges)
	for _, atoms := range g.aromatic(edges) {
		out.Rings = append(out.Rings, Ring{atoms, m.deviation(atoms)})
	}
	return out
}

// LewisGeometry is Geometry of the Lewis structure for the charge by [Molecule.Charge], for
// molecules beyond QM9: aromatic bonds are of order 4, angles at atoms beyond neon and out of small
// rings begin at 80 degrees, and a hydrogen bond is no clash.
func (m *Molecule) LewisGeometry() Geometry { return m.lewisGeometry(m.Lewis(m.Charge())) }

// heavyAngle is the smallest angle in degrees at an atom of the third period and beyond, out of
// small rings: 90 in hydrogen sulfide and hypervalent atoms.
const heavyAngle = 80

func (m *Molecule) lewisGeometry(l *Lewis) Geometry {
	edges := l.graph().edges(all(len(l.Elements)))
	flags, bonds := l.Aromatic(), slices.Clone(l.Bonds)
	for k := range bonds {
		if flags[k] {
			bonds[k].Order = 4
		}
	}
	out := m.measure(bonds, edges)
	for k := range out.Angles {
		a := &out.Angles[k]
		a.Inside = a.Inside || m.Elements[a.J] > 10 && a.Ring == 0 && a.Degrees >= heavyAngle
	}
	out.Clashes = slices.DeleteFunc(out.Clashes, func(c Clash) bool {
		return hydrogenBond(m.Elements[c.I], m.Elements[c.J])
	})
	for _, atoms := range aromaticRings(edges, bonds, flags) {
		out.Rings = append(out.Rings, Ring{atoms, m.deviation(atoms)})
	}
	return out
}

// lengths is the range in Å in which a bond is expected, within a share of the sum of the covalent
// radii for its order; an aromatic one (order 4) between that of a double and a single bond. Not ok
// where a radius is not known.
func (m *Molecule) lengths(b Bond, share float64) (least, most float64, ok bool) {
	p, q := elementRadii[m.Elements[b.I]], elementRadii[m.Elements[b.J]]
	long, short := b.Order, b.Order
	if b.Order == 4 {
		long, short = 1, 2
	}
	return (1 - share) * (p.radius(short) + q.radius(short)),
		(1 + share) * (p.radius(long) + q.radius(long)), p.waals > 0 && q.waals > 0
}

// measure measures what Geometry does but for rings.
func (m *Molecule) measure(bonds []Bond, edges [][]edge) (out Geometry) {
	for _, b := range bonds {
		l := Length{Bond: b, Distance: m.Distance(b.I, b.J), Inside: true}
		if least, most, ok := m.lengths(b, lengthWindow); ok {
			l.Inside = l.Distance >= least && l.Distance <= most
		}
		out.Lengths = append(out.Lengths, l)
	}
	reach := newReach(edges)
	for j, list := range edges {
		if len(list) > maxMeasured {
			continue
		}
		for a, e := range list {
			if len(list) > 1 {
				reach.from(e.to, j, 4)
			}
			for _, f := range list[a+1:] {
				angle := Angle{I: min(e.to, f.to), J: j, K: max(e.to, f.to), Degrees: m.angle(e.to, j, f.to)}
				if d := reach.distance[f.to]; d >= 0 {
					angle.Ring = d + 2
				}
				lo, hi := angleWindow(angle.Ring, len(list))
				angle.Inside = angle.Degrees >= lo && angle.Degrees <= hi
				out.Angles = append(out.Angles, angle)
			}
		}
	}
	from := -1
	m.near(largestClash, func(i, j int) bool {
		p, q := elementRadii[m.Elements[i]].waals, elementRadii[m.Elements[j]].waals
		limit, d := clashShare*(p+q), m.Distance(i, j)
		if p == 0 || q == 0 || !(d < limit) {
			return false
		}
		if from != i {
			from = i
			reach.from(i, -1, 3)
		}
		if reach.distance[j] < 0 {
			out.Clashes = append(out.Clashes, Clash{i, j, d, limit})
		}
		return true
	})
	return out
}

// angle is the angle i-j-k in degrees.
func (m *Molecule) angle(i, j, k int) float64 {
	var ab, aa, bb float64
	for c, x := range m.Positions[j] {
		a, b := m.Positions[i][c]-x, m.Positions[k][c]-x
		ab, aa, bb = ab+float64(a*b), aa+float64(a*a), bb+float64(b*b)
	}
	if aa == 0 || bb == 0 {
		return 0
	}
	return math.Acos(max(-1, min(1, ab/math.Sqrt(aa*bb)))) * 180 / math.Pi
}

// deviation is the largest distance of atoms from the plane through their
// centre that is best in the sense of least squares.
func (m *Molecule) deviation(atoms []int) float64 {
	var centre [3]float64
	for _, i := range atoms {
		for c, x := range m.Positions[i] {
			centre[c] += x / float64(len(atoms))
		}
	}
	var scatter o3.Matrix
	for _, i := range atoms {
		for a := range centre {
			for b := range centre {
				scatter[a][b] += (m.Positions[i][a] - centre[a]) * (m.Positions[i][b] - centre[b])
			}
		}
	}
	_, axes := o3.Axes(scatter)
	most := 0.0
	for _, i := range atoms {
		d := 0.0
		for c, x := range m.Positions[i] {
			d += (x - centre[c]) * axes[0][c]
		}
		most = max(most, math.Abs(d))
	}
	return most
}

// reach counts bonds between atoms, breadth first.
type reach struct {
	edges    [][]edge
	distance []int // (N) bonds from the start, -1 where it was not reached
	queue    []int
}

func newReach(edges [][]edge) *reach {
	r := &reach{edges: edges, distance: make([]int, len(edges))}
	for i := range r.distance {
		r.distance[i] = -1
	}
	return r
}

// from counts the bonds from an atom to all within the given number, on paths
// that avoid one atom (-1: none).
func (r *reach) from(start, avoid, most int) {
	for _, i := range r.queue {
		r.distance[i] = -1
	}
	r.distance[start] = 0
	r.queue = append(r.queue[:0], start)
	for at := 0; at < len(r.queue); at++ {
		i := r.queue[at]
		if r.distance[i] == most {
			return
		}
		for _, e := range r.edges[i] {
			if e.to != avoid && r.distance[e.to] < 0 {
				r.distance[e.to] = r.distance[i] + 1
				r.queue = append(r.queue, e.to)
			}
		}
	}
}

// unlike is a structure whose bonds are not those that are asked for.
type unlike struct{ reason string }

func (e *unlike) Error() string { return "bonds unlike the SMILES: " + e.reason }

// CheckBonds tells whether a structure has the bonds of a graph, and no others:
// each is as long as the covalent radii for its order have it, within 12 %, an
// aromatic one (order 4) between a double and a single one; and by [BondOrder] no
// other pair is bonded. A bond with an element of which no radius is known is not
// looked at.
func (m *Molecule) CheckBonds(bonds []Bond) error {
	bonded := make(map[[2]int]bool, len(bonds))
	name := func(i int) string { return m.Elements[i].Symbol() + strconv.Itoa(i+1) }
	for _, b := range bonds {
		bonded[[2]int{b.I, b.J}] = true
		if b.Order < 1 || b.Order > 4 {
			continue
		}
		least, most, ok := m.lengths(b, lengthWindow)
		if d := m.Distance(b.I, b.J); ok && !(d >= least && d <= most) {
			return &unlike{name(b.I) + "-" + name(b.J) + " of order " + strconv.Itoa(b.Order) + " is " +
				fixed(d, 3) + " Å, want " + fixed(least, 2) + " to " + fixed(most, 2)}
		}
	}
	for i := range m.Elements {
		for j := i + 1; j < len(m.Elements); j++ {
			if d := m.Distance(i, j); !bonded[[2]int{i, j}] &&
				(BondOrder(m.Elements[i], m.Elements[j], d) > 0 || d < closest) {
				return &unlike{name(i) + " and " + name(j) + " are " + fixed(d, 3) + " Å apart, and not bonded"}
			}
		}
	}
	return nil
}
