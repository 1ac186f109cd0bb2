package molecule

import "slices"

// The limits of aromatic systems, as RDKit has them, and of what is looked at in a structure that
// is made to take long.
const (
	maxAromaticRing  = 24      // atoms of a ring
	maxFused         = 6       // rings whose electrons are counted together
	maxCombinations  = 1 << 15 // of two fused rings or more, in all of a molecule
	maxRingSearch    = 1 << 12 // atoms that are looked at for the ring of one bond
	maxLewisElements = 34
)

// defaults are the default valence and the outer electrons of the elements that aromatic rings
// are made of.
var defaults = [maxLewisElements + 1]struct{ valence, outer int }{
	5: {3, 3}, 6: {4, 4}, 7: {3, 5}, 8: {2, 6}, 14: {4, 4}, 15: {3, 5}, 16: {2, 6}, 34: {2, 6}}

// aromatics decides which bonds are aromatic.
type aromatics struct {
	*Lewis
	around  [][]int // (N) bonds of each atom
	valence []int
	inRing  []bool  // of the bonds
	rings   [][]int // bonds of each ring
	donors  []int   // (N) electrons that an atom gives a ring, notRing where it cannot be in one
}

const notRing = -1

// Aromatic reports for each bond whether RDKit's default model of aromaticity has it as aromatic: a
// ring, or up to six rings fused along one bond each, whose atoms give it 4n + 2 electrons by
// Hückel's rule. An atom gives
//
//	1 with a double bond in a ring, or out of it to an atom that is not more electronegative,
//	0 with a double bond out of rings to a more electronegative atom (C=O), or as a cation (C+),
//	2 with a lone pair and single bonds only (N of three, O and S of two),
//
// and an atom of four bonds, of more than one double bond or above its element's default valence
// is in no aromatic ring. Of fused rings only the bonds of their outline are aromatic, and atoms in
// three of them do not count. Beyond maxCombinations combinations of rings no more are looked at.
//
// Source: RDKit, The RDKit Book, Aromaticity; Code/GraphMol/Aromaticity.cpp.
func (l *Lewis) Aromatic() []bool {
	elements := l.Elements
	a := &aromatics{Lewis: l, around: make([][]int, len(elements)),
		valence: make([]int, len(elements)), inRing: make([]bool, len(l.Bonds)),
		donors: make([]int, len(elements))}
	for k, b := range l.Bonds {
		a.around[b.I], a.around[b.J] = append(a.around[b.I], k), append(a.around[b.J], k)
		a.valence[b.I] += b.Order
		a.valence[b.J] += b.Order
	}
	a.findRings()
	for i := range elements {
		a.donors[i] = a.donor(i)
	}
	candidates := a.rings[:0:0]
	for _, ring := range a.rings {
		if !slices.ContainsFunc(ring, func(k int) bool {
			return a.donors[l.Bonds[k].I] == notRing || a.donors[l.Bonds[k].J] == notRing
		}) {
			candidates = append(candidates, ring)
		}
	}
	found := make([]bool, len(l.Bonds))
	budget := maxCombinations
	for _, system := range fused(candidates) {
		a.markFused(system, found, &budget)
	}
	return found
}

// aromaticRings lists the rings of five and six atoms all of whose bonds are aromatic.
func aromaticRings(edges [][]edge, bonds []Bond, aromatic []bool) (rings [][]int) {
	is := map[[2]int]bool{}
	for k, b := range bonds {
		is[[2]int{b.I, b.J}] = aromatic[k]
	}
	for _, ring := range smallRings(edges) {
		inside := true
		for k, i := range ring {
			j := ring[(k+1)%len(ring)]
			inside = inside && is[[2]int{min(i, j), max(i, j)}]
		}
		if inside {
			rings = append(rings, ring)
		}
	}
	return rings
}

// other is the atom at the other end of bond k of atom i.
func (l *Lewis) other(k, i int) int { return l.Bonds[k].I + l.Bonds[k].J - i }

// findRings finds the smallest ring of every bond, each ring once.
func (a *aromatics) findRings() {
	core := a.ringAtoms()
	seen := make([]int, len(a.Elements)) // 1 + the bond whose ring is looked for
	by := make([]int, len(a.Elements))   // the bond by which an atom was reached
	depth := make([]int, len(a.Elements))
	known := map[string]bool{}
	for k, b := range a.Bonds {
		if !core[b.I] || !core[b.J] {
			continue
		}
		queue := append(make([]int, 0, 64), b.I)
		seen[b.I], depth[b.I], by[b.I] = k+1, 1, -1
		for at := 0; at < len(queue) && len(queue) < maxRingSearch && seen[b.J] != k+1; at++ {
			i := queue[at]
			if depth[i] == maxAromaticRing {
				break
			}
			for _, e := range a.around[i] {
				if j := a.other(e, i); e != k && core[j] && seen[j] != k+1 {
					seen[j], by[j], depth[j] = k+1, e, depth[i]+1
					queue = append(queue, j)
				}
			}
		}
		if seen[b.J] != k+1 {
			continue
		}
		ring := []int{k}
		for i := b.J; i != b.I; i = a.other(by[i], i) {
			ring = append(ring, by[i])
		}
		slices.Sort(ring)
		name := make([]byte, 0, 4*len(ring))
		for _, e := range ring {
			a.inRing[e] = true
			name = append(name, byte(e), byte(e>>8), byte(e>>16), byte(e>>24))
		}
		if !known[string(name)] {
			known[string(name)] = true
			a.rings = append(a.rings, ring)
		}
	}
}

// ringAtoms are the atoms that are left when those of one bond are taken away again and again:
// those of rings, and of chains between rings.
func (a *aromatics) ringAtoms() []bool {
	degree, core := make([]int, len(a.Elements)), make([]bool, len(a.Elements))
	var ends []int
	for i, list := range a.around {
		if degree[i], core[i] = len(list), true; len(list) < 2 {
			ends = append(ends, i)
		}
	}
	for len(ends) > 0 {
		i := ends[len(ends)-1]
		ends = ends[:len(ends)-1]
		core[i] = false
		for _, k := range a.around[i] {
			if j := a.other(k, i); core[j] {
				if degree[j]--; degree[j] == 1 {
					ends = append(ends, j)
				}
			}
		}
	}
	return core
}

// donor is how many electrons atom i gives a ring, notRing where it cannot be in an aromatic one.
func (a *aromatics) donor(i int) int {
	e, charge, degree := a.Elements[i], a.Charges[i], len(a.around[i])
	if int(e) >= len(defaults) || defaults[e].valence == 0 || degree < 2 || degree > 3 ||
		a.Radicals[i] > 0 && e != C {
		return notRing
	}
	// the default valence of what has as many electrons: N+ is as C
	if q := int(e) - charge; q < 0 || q >= len(defaults) || a.valence[i] > defaults[q].valence {
		return notRing
	}
	multiple, outside := 0, -1 // double and triple bonds; the atom at the end of one that is in no ring
	for _, k := range a.around[i] {
		if a.Bonds[k].Order > 1 {
			if multiple++; !a.inRing[k] {
				outside = a.other(k, i)
			}
		}
	}
	if multiple > 1 {
		return notRing
	}
	electrons := defaults[e].valence - degree + max(defaults[e].outer-defaults[e].valence-charge,
		0) - a.Radicals[i]
	if electrons > 1 && a.valence[i]-degree > 1 {
		electrons = 1
	}
	stolen := outside >= 0 && moreElectronegative(a.Elements[outside], e)
	switch {
	case electrons < 0, electrons == 0 && multiple == 0:
		return notRing
	case electrons == 0 && outside >= 0:
		return 0
	case electrons == 0:
		return 1
	case electrons == 1 && multiple == 0 && charge != 1:
		return notRing
	case electrons == 1 && (stolen || multiple == 0):
		return 0
	case electrons == 1:
		return 1
	case stolen:
		electrons--
	}
	return 2 - electrons%2
}

// moreElectronegative compares elements by their outer electrons, and of a group by their number.
func moreElectronegative(a, b Element) bool {
	outer := func(e Element) int {
		switch e {
		case 1:
			return 1
		case 9, 17, 35, 53:
			return 7
		case 33:
			return 5
		}
		if int(e) < len(defaults) {
			return defaults[e].outer
		}
		return 0
	}
	return outer(a) > outer(b) || outer(a) == outer(b) && a < b
}

// fused groups rings that share one bond with each other.
func fused(rings [][]int) (systems [][][]int) {
	of, shared := map[int][]int{}, map[[2]int]int{} // rings of a bond; bonds of a pair of rings
	for r, ring := range rings {
		for _, k := range ring {
			for _, other := range of[k] {
				shared[[2]int{other, r}]++
			}
			of[k] = append(of[k], r)
		}
	}
	fused := newUnion(len(rings))
	for pair, bonds := range shared { // in any order: a system's root is its first ring
		if bonds == 1 {
			fused.join(pair[0], pair[1])
		}
	}
	at := make([]int, len(rings))
	for r, ring := range rings {
		if first := fused.find(r); first == r {
			at[r] = len(systems)
			systems = append(systems, [][]int{ring})
		} else {
			systems[at[first]] = append(systems[at[first]], ring)
		}
	}
	return systems
}

// markFused marks the aromatic bonds of a system of fused rings: it looks at rings one by one, then
// at pairs, and so on until all bonds are aromatic.
func (a *aromatics) markFused(rings [][]int, found []bool, budget *int) {
	left := map[int]bool{}
	for _, ring := range rings {
		for _, k := range ring {
			left[k] = true
		}
	}
	for size := 1; size <= min(maxFused, len(rings)); size++ {
		chosen := make([]int, size)
		for i := range chosen {
			chosen[i] = i
		}
		for ok := true; ok; ok = nextCombination(chosen, len(rings)) {
			if *budget <= 0 && size > 1 {
				return
			}
			if size > 1 {
				*budget--
			}
			for _, k := range a.outline(rings, chosen) {
				found[k] = true
				delete(left, k)
			}
		}
		if len(left) == 0 {
			return
		}
	}
}

// nextCombination goes on to the next choice of numbers below n.
func nextCombination(chosen []int, n int) bool {
	i := len(chosen) - 1
	for i >= 0 && chosen[i] == n-len(chosen)+i {
		i--
	}
	if i < 0 {
		return false
	}
	chosen[i]++
	for j := i + 1; j < len(chosen); j++ {
		chosen[j] = chosen[j-1] + 1
	}
	return true
}

// outline is the bonds that one of the chosen rings has alone, nil where they are not fused with
// each other or not aromatic together.
func (a *aromatics) outline(rings [][]int, chosen []int) (bonds []int) {
	picked := make([][]int, len(chosen))
	for i, r := range chosen {
		picked[i] = rings[r]
	}
	if len(picked) > 1 && len(fused(picked)) > 1 {
		return nil
	}
	times, atoms := map[int]int{}, map[int]int{}
	for _, ring := range picked {
		inside := map[int]bool{}
		for _, k := range ring {
			times[k]++
			inside[a.Bonds[k].I], inside[a.Bonds[k].J] = true, true
		}
		for i := range inside {
			atoms[i]++
		}
	}
	electrons := 0
	for i, n := range atoms {
		if n <= 2 {
			electrons += a.donors[i]
		}
	}
	if electrons != 2 && (electrons < 6 || electrons%4 != 2) {
		return nil
	}
	for _, ring := range picked {
		for _, k := range ring {
			if times[k] == 1 {
				bonds = append(bonds, k)
			}
		}
	}
	return bonds
}
