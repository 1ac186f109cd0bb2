package molecule

import (
	"math"
	"slices"

	"github.com/symdiff-go/symdiff/core/internal/matching"
)

// Lewis is the Lewis structure of a molecule: which atoms are bonded, by how many electron pairs,
// and where its charges and unpaired electrons are.
type Lewis struct {
	Elements []Element // (N), hydrogens among them
	Bonds    []Bond    // a Kekulé structure: orders 1, 2, 3; sorted by I, then J
	Charges  []int     // (N) formal charges
	Radicals []int     // (N) unpaired electrons
}

// Charge is the sum of the formal charges.
func (l *Lewis) Charge() (sum int) {
	for _, q := range l.Charges {
		sum += q
	}
	return sum
}

// Lewis finds the Lewis structure of a molecule with all its hydrogens near a minimum of energy
// from its elements and distances, for a total charge. It holds for H, B, C, N, O, F, Si, P, S, Cl,
// As, Se, Br and I; atoms of other elements are left without bonds.
//
// It is the structure for all that is no measure of EDM's: files, drawings of files, features and
// environments, geometry in sets beyond QM9, checks, energies and descriptors. EDM's measures,
// which are stability, validity, uniqueness and connectedness by a [Rule], and what is drawn of
// molecules that are judged so, take [BondOrder].
//
// Bonded are atoms at most 0.3 Å farther apart than their single bond's length, the sum of
// Pyykkö's radii; of an atom that has more bonds than its element can have the most stretched are
// dropped.
//
// An atom has as many electrons to share as its valence has beyond its bonds: a carbon of three
// bonds one, an oxygen of one bond one, a sulfur of four bonds two. Where its element allows it
// it has further ones at a price: a nitrogen of three bonds one, as N+; a sulfur of two bonds two,
// as S(IV). Double and triple bonds pair electrons of neighbours. Of all pairings that with the
// largest weight is taken, exactly, as a maximum weight matching of a general graph (in Labute's
// way, which this follows): an electron left over and a charge have prices, so that octets are
// filled first and charges are few, and a bond weighs by how much shorter it is than a single one,
// so that distances choose between pairings of one price. Where the charges miss the total then, a
// conjugated system is paired anew, with a price on charges of one sign. What is left over is an anion (N, O, S),
// a cation (S, P, halogens), or of carbon a radical. Then charges are brought to the total as far
// as the bonds allow: carbons left over become ions, and last the anions beyond the total radicals,
// which have lost a hydrogen.
//
// The result depends on no order but that of the atoms, among pairings of one weight, and is
// the same on all machines. A conjugated system of more than 256 electrons to share is paired
// greedily, from the largest weight on.
//
// Sources: P. Labute, J. Chem. Inf. Model. 45, 215 (2005), doi:10.1021/ci049915d (matching); Y. Kim
// and W. Y. Kim, Bull. Korean Chem. Soc. 36, 1769 (2015) (xyz2mol, which RDKit's DetermineBonds
// follows: valences and charges); P. Pyykkö and M. Atsumi, Chem. Eur. J. 15, 12770 (2009) (radii).
func (m *Molecule) Lewis(charge int) *Lewis {
	return m.lewis(charge, make([]int, len(m.Elements)))
}

// lewis is Lewis where atoms (N) have so many hydrogens that are not among the atoms.
func (m *Molecule) lewis(charge int, hydrogens []int) *Lewis {
	p := &perception{Molecule: m, valence: make([]int, len(m.Elements))}
	p.connect(hydrogens)
	p.pairElectrons(charge)
	return p.finish(charge)
}

// bondMargin is by how much a bond may be longer than a single one, in Å. Atoms two bonds apart
// are farther: 1.87 Å in bicyclo[1.1.1]pentane, the closest.
const bondMargin = 0.3

// longestLewis is in Å, above all sums of two radii and the margin.
const longestLewis = 3

// perception is a Lewis structure on its way.
type perception struct {
	*Molecule
	bonds   []Bond
	degree  []int // (N) bonds
	valence []int // (N) sum of the orders
}

// mostBonds is how many bonds an atom of an element can have, 0 of those that have none here.
func mostBonds(e Element) int {
	switch e {
	case 1, 9:
		return 1
	case 5, 6, 7:
		return 4
	case 8:
		return 3
	case 14, 15, 16, 33, 34, 53:
		return 6
	case 17, 35:
		return 4
	}
	return 0
}

// connect finds which atoms are bonded, beside their hydrogens.
func (p *perception) connect(hydrogens []int) {
	p.degree = slices.Clone(hydrogens)
	var stretch []float64 // of the bonds: their length beyond that of a single one, Å
	p.near(longestLewis, func(i, j int) bool {
		a, b := p.Elements[i], p.Elements[j]
		if mostBonds(a) == 0 || mostBonds(b) == 0 {
			return false
		}
		s := p.Distance(i, j) - (elementRadii[a].covalent[0] + elementRadii[b].covalent[0])
		if !(s <= bondMargin) {
			return false
		}
		p.bonds, stretch = append(p.bonds, Bond{i, j, 1}), append(stretch, s)
		p.degree[i]++
		p.degree[j]++
		return true
	})
	p.dropStretched(stretch)
	copy(p.valence, hydrogens)
	for _, b := range p.bonds {
		p.valence[b.I]++
		p.valence[b.J]++
	}
}

// dropStretched takes bonds from atoms that have more than they can have, the most stretched first.
func (p *perception) dropStretched(stretch []float64) {
	crowded := false
	for i, e := range p.Elements {
		crowded = crowded || p.degree[i] > mostBonds(e)
	}
	if !crowded {
		return
	}
	order := all(len(p.bonds))
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case stretch[a] > stretch[b]:
			return -1
		case stretch[a] < stretch[b]:
			return 1
		}
		return 0
	})
	dropped := make([]bool, len(p.bonds))
	for _, k := range order {
		b := p.bonds[k]
		if p.degree[b.I] > mostBonds(p.Elements[b.I]) || p.degree[b.J] > mostBonds(p.Elements[b.J]) {
			dropped[k] = true
			p.degree[b.I]--
			p.degree[b.J]--
		}
	}
	kept := p.bonds[:0]
	for k, b := range p.bonds {
		if !dropped[k] {
			kept = append(kept, b)
		}
	}
	p.bonds = kept
}

// share is an electron that an atom can share in a further bond: what it costs to leave it
// over, and to use it, in the unit of unitWeight; sign is the charge that leaving it over makes
// beyond that of using it.
type share struct{ over, used, sign int8 }

// sharing lists the electrons that an atom of an element with some bonds can share. With pair, the
// last two are only used both or none: to use neither costs nothing.
type sharing struct {
	element Element
	bonds   uint8
	pair    bool
	list    []share
}

// shareTable has the prices: a carbon without an octet 10, N- 3 at the end of a chain (azide) or 8,
// O- and S- 4, N+ 3, what only rare bonds need 5 and more.
var shareTable = []sharing{
	{5, 0, false, []share{{6, 0, 0}, {6, 0, 0}, {6, 0, 0}}}, // boron: the p orbital is left empty
	{5, 1, false, []share{{6, 0, 0}, {6, 0, 0}}},
	{5, 2, false, []share{{6, 0, 0}}},
	{6, 1, false, []share{{10, 0, 0}, {10, 0, 0}, {5, 0, -1}}}, // isocyanide: C- of a triple bond
	{6, 2, false, []share{{10, 0, 0}, {10, 0, 0}}},
	{6, 3, false, []share{{10, 0, 0}}},
	{7, 1, false, []share{{8, 0, -1}, {3, 0, -1}}},
	{7, 2, false, []share{{8, 0, -1}, {0, 3, -1}}},
	{7, 3, false, []share{{0, 3, -1}}},
	{8, 1, false, []share{{4, 0, -1}, {0, 8, -1}}},
	{8, 2, false, []share{{0, 6, -1}}},
	{15, 1, false, []share{{8, 0, -1}, {8, 0, -1}}},
	{15, 2, true, []share{{8, 0, -1}, {5, 3, 0}, {5, 3, 0}}},
	{15, 3, true, []share{{5, 3, 0}, {5, 3, 0}}},
	{15, 4, false, []share{{2, 0, 1}}},
	{16, 1, false, []share{{4, 0, -1}}},
	{16, 2, true, []share{{3, 2, 0}, {3, 2, 0}}},
	{16, 3, true, []share{{2, 0, 1}, {5, 3, 0}, {5, 3, 0}}},
	{16, 4, false, []share{{3, 0, 1}, {3, 0, 1}}},
	{16, 5, false, []share{{2, 0, 1}}},
	{17, 2, false, []share{{2, 1, 1}}},
	{17, 3, true, []share{{4, 1, 0}, {4, 1, 0}}},
	{17, 4, true, []share{{2, 1, 1}, {4, 1, 0}, {4, 1, 0}}},
}

// likeness is the element whose row of shareTable another has: silicon that of carbon, arsenic and
// selenium those of the third period, bromine and iodine that of chlorine.
var likeness = [...]Element{14: 6, 33: 15, 34: 16, 35: 17, 53: 17}

// shares finds what an atom can share.
func shares(e Element, bonds int) sharing {
	if int(e) < len(likeness) && likeness[e] != 0 {
		e = likeness[e]
	}
	for _, s := range shareTable {
		if s.element == e && int(s.bonds) == bonds {
			return s
		}
	}
	return sharing{}
}

// unitWeight is the integer that stands for a price or weight of 1.
const unitWeight = 1000

// gain is what a pair of electrons between two bonded atoms weighs: 1, and by how much the bond is
// shorter than a single one in parts of what a double one is, from -0.5 to 2.
func (p *perception) gain(i, j int) int {
	a, b := elementRadii[p.Elements[i]].covalent, elementRadii[p.Elements[j]].covalent
	single, double := a[0]+b[0], a[1]+b[1]
	if !(single > double) {
		return unitWeight // no radius of a double bond: hydrogen, and elements beyond the table
	}
	t := min(max((single-p.Distance(i, j))/(single-double), -0.5), 2)
	return unitWeight + int(math.Round(float64(t*unitWeight)))
}

// maxShares is the number of electrons of a conjugated system that are paired exactly.
const maxShares = 256

// maxTries is how often conjugated systems of a molecule are paired anew to bring the charges to
// their total.
const maxTries = 64

// conjugated is a set of electrons whose pairing hangs together.
type conjugated struct {
	electrons []electron
	edges     []matching.Edge
	charge    int // of its atoms, as they are paired
}

// electron is a share of an atom.
type electron struct {
	share
	atom, partner int // the electron in the system that it is paired with, -1 for none
}

// pairElectrons raises the orders of bonds. Where the charges do not sum to the total then, the
// first conjugated system that can make up for it at the lowest price of charges is paired anew.
func (p *perception) pairElectrons(charge int) {
	systems := p.conjugated()
	sum := 0
	for _, s := range systems {
		p.pair(s, 0)
		p.raise(s, 1)
	}
	for i, e := range p.Elements {
		q, _ := formalCharge(e, p.valence[i])
		sum += q
	}
	if (sum-charge)%2 != 0 { // an odd number of electrons: no pairing makes up for it
		return
	}
	tries := maxTries
	for price := 1; price <= 4; price++ {
		for _, s := range systems {
			if sum == charge || tries == 0 {
				return
			}
			if len(s.electrons) > maxShares {
				continue
			}
			tries--
			before, old := s.charge, slices.Clone(s.electrons)
			p.raise(s, -1)
			towards := price
			if sum < charge {
				towards = -price
			}
			p.pair(s, towards)
			p.raise(s, 1)
			if s.charge-before == charge-sum {
				sum = charge
				continue
			}
			p.raise(s, -1)
			s.electrons = old
			p.raise(s, 1)
		}
	}
}

// raise adds a system's pairs to the orders of bonds, times 1 or -1, and finds its charge.
func (p *perception) raise(s *conjugated, times int) {
	for u, e := range s.electrons {
		if e.partner <= u || s.electrons[e.partner].atom == e.atom {
			continue
		}
		i, j := e.atom, s.electrons[e.partner].atom
		p.bonds[p.bondOf(min(i, j), max(i, j))].Order += times
		p.valence[i] += times
		p.valence[j] += times
	}
	s.charge = 0
	for u, e := range s.electrons {
		if u == 0 || s.electrons[u-1].atom != e.atom {
			q, _ := formalCharge(p.Elements[e.atom], p.valence[e.atom])
			s.charge += q
		}
	}
}

// bondOf finds the bond of atoms i < j.
func (p *perception) bondOf(i, j int) int {
	low, high := 0, len(p.bonds)
	for low < high {
		k := (low + high) / 2
		if b := p.bonds[k]; b.I < i || b.I == i && b.J < j {
			low = k + 1
		} else {
			high = k
		}
	}
	return low
}

// conjugated lists the systems of electrons that can be paired with each other.
func (p *perception) conjugated() []*conjugated {
	first := make([]int, len(p.Elements)+1) // of the electrons of an atom
	var electrons []electron
	var edges []matching.Edge
	for i, e := range p.Elements {
		can := shares(e, p.degree[i])
		for _, s := range can.list {
			electrons = append(electrons, electron{s, i, -1})
		}
		if first[i+1] = len(electrons); can.pair {
			last := len(electrons) - 1
			edges = append(edges, matching.Edge{U: last - 1, V: last,
				Weight: 2 * int(electrons[last].over) * unitWeight})
		}
	}
	joined := newUnion(len(electrons))
	for i := range p.Elements { // an atom's electrons share its charge
		for u := first[i] + 1; u < first[i+1]; u++ {
			joined.join(u-1, u)
		}
	}
	for _, b := range p.bonds {
		for u := first[b.I]; u < first[b.I+1]; u++ {
			for v := first[b.J]; v < first[b.J+1]; v++ {
				price := electrons[u].over - electrons[u].used + electrons[v].over - electrons[v].used
				if w := int(price)*unitWeight + p.gain(b.I, b.J); w > 0 {
					edges = append(edges, matching.Edge{U: u, V: v, Weight: w})
					joined.join(u, v)
				}
			}
		}
	}
	var systems []*conjugated
	at, local := make([]*conjugated, len(electrons)), make([]int, len(electrons))
	for u, e := range electrons {
		r := joined.find(u)
		if at[r] == nil {
			at[r] = &conjugated{}
			systems = append(systems, at[r])
		}
		local[u] = len(at[r].electrons)
		at[r].electrons = append(at[r].electrons, e)
	}
	for _, e := range edges {
		s := at[joined.find(e.U)]
		s.edges = append(s.edges, matching.Edge{U: local[e.U], V: local[e.V], Weight: e.Weight})
	}
	return systems
}

// pair pairs the electrons of a system by the largest weight, with a price on each positive charge
// and the opposite one on each negative.
func (p *perception) pair(s *conjugated, price int) {
	edges := s.edges
	if price != 0 {
		edges = slices.Clone(edges)
		for k := range edges {
			if u, v := s.electrons[edges[k].U], s.electrons[edges[k].V]; u.atom != v.atom {
				edges[k].Weight += int(u.sign+v.sign) * price * unitWeight
			}
		}
	}
	var partner []int
	if n := len(s.electrons); n > maxShares {
		partner = greedy(n, edges)
	} else {
		partner = matching.Maximum(n, edges)
	}
	for u := range s.electrons {
		s.electrons[u].partner = partner[u]
	}
}

// greedy matches along the edges by their weight.
func greedy(n int, edges []matching.Edge) []int {
	partner, order := make([]int, n), all(len(edges))
	for u := range partner {
		partner[u] = -1
	}
	slices.SortStableFunc(order, func(a, b int) int { return edges[b].Weight - edges[a].Weight })
	for _, k := range order {
		e := edges[k]
		if partner[e.U] < 0 && partner[e.V] < 0 {
			partner[e.U], partner[e.V] = e.V, e.U
		}
	}
	return partner
}

// formalCharge is the charge of an atom by the sum of its bond orders, and how many electrons
// it lacks to an octet that no charge makes up for.
func formalCharge(e Element, valence int) (charge, lacks int) {
	switch e {
	case 1:
		return 0, max(0, 1-valence)
	case 5:
		return min(0, 3-valence), max(0, 3-valence)
	case 6, 14:
		return min(0, 4-valence), max(0, 4-valence)
	case 7:
		return valence - 3, 0
	case 15, 33:
		switch valence {
		case 3, 5:
			return 0, 0
		case 6:
			return -1, 0
		case 4:
			return 1, 0
		}
		return valence - 3, 0
	case 8:
		return valence - 2, 0
	case 16, 34:
		switch {
		case valence < 2:
			return valence - 2, 0
		case valence%2 == 0:
			return 0, 0
		}
		return 1, 0
	case 9, 17, 35, 53:
		switch {
		case valence == 0:
			return -1, 0
		case valence%2 == 1:
			return 0, 0
		}
		return 1, 0
	}
	return 0, 0
}

// finish gives the atoms their charges and unpaired electrons.
func (p *perception) finish(charge int) *Lewis {
	n := len(p.Elements)
	l := &Lewis{Bonds: p.bonds, Charges: make([]int, n), Radicals: make([]int, n),
		Elements: p.Elements}
	for k := range p.bonds { // C2 has the electrons for a bond of order 4
		if b := &p.bonds[k]; b.Order > 3 {
			b.Order = 3
			p.valence[b.I]--
			p.valence[b.J]--
		}
	}
	sum := 0
	for i, e := range p.Elements {
		l.Charges[i], l.Radicals[i] = formalCharge(e, p.valence[i])
		sum += l.Charges[i]
	}
	for k := range p.bonds { // N-O-, or a nitroxide, where N+=O is a charge too many
		if b := &p.bonds[k]; sum > charge && b.Order == 2 {
			i, j := b.I, b.J
			if p.Elements[i] == O {
				i, j = j, i
			}
			if p.Elements[i] == N && p.Elements[j] == O && p.degree[i] == 3 && p.degree[j] == 1 {
				b.Order, l.Charges[i] = 1, 0
				p.valence[i]--
				p.valence[j]--
				if sum--; sum > charge {
					l.Charges[j] = -1
					sum--
				} else {
					l.Radicals[j] = 1
				}
			}
		}
	}
	near := make([]int, n) // charges of the neighbours
	for _, b := range p.bonds {
		near[b.I] += l.Charges[b.J]
		near[b.J] += l.Charges[b.I]
	}
	ionise := func(fits func(i int) bool) {
		for i, e := range p.Elements {
			if sum == charge || e != C || l.Radicals[i] == 0 || !fits(i) {
				continue
			}
			step := 1
			if sum > charge {
				step = -1
			}
			l.Charges[i] += step
			l.Radicals[i]--
			sum += step
		}
	}
	ionise(func(i int) bool { return near[i] > 0 && sum > charge })
	ionise(func(int) bool { return true })
	for i := range p.Elements {
		for sum < charge && l.Charges[i] < 0 && near[i] <= 0 && p.Elements[i] != 5 {
			l.Charges[i]++
			l.Radicals[i]++
			sum++
		}
	}
	return l
}
