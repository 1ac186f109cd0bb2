package molecule

import (
	"math"
	"slices"
)

// What is no molecule, such as noise or a file made to harm, may have its atoms on
// one spot. What grows with the bonds of an atom ends at these numbers, which no
// molecule comes near: an atom of more bonds than maxMeasured is never stable.
const (
	maxPartners = 64 // of an atom, among the atoms after it
	maxMeasured = 8  // bonds of an atom whose angles are looked at
	maxInRing   = 6  // bonds of an atom that rings go through
	maxShown    = 8  // bonds of an atom in a picture
)

// maxInCell is how many atoms of a cell, 3 Å wide, are looked at from another: far
// more than matter puts there.
const maxInCell = 128

// gridAtoms is the number of atoms beyond which pairs are found by cells.
const gridAtoms = 512

// near calls visit with the pairs i < j of atoms at most radius apart and some
// further ones, by i, then j, until visit has taken maxPartners of an i.
func (m *Molecule) near(radius float64, visit func(i, j int) (taken bool)) {
	n := len(m.Positions)
	if n <= gridAtoms {
		for i := range n {
			taken := 0
			for j := i + 1; j < n && taken < maxPartners; j++ {
				if visit(i, j) {
					taken++
				}
			}
		}
		return
	}
	cells := make(map[[3]int64][]int, n)
	for i, p := range m.Positions {
		c := cell(p, radius)
		cells[c] = append(cells[c], i)
	}
	var after []int
	for i, p := range m.Positions {
		after = after[:0]
		at := cell(p, radius)
		for k := range 27 {
			c := [3]int64{at[0] + int64(k%3) - 1, at[1] + int64(k/3%3) - 1, at[2] + int64(k/9) - 1}
			list := cells[c] // ascending
			first, _ := slices.BinarySearch(list, i+1)
			after = append(after, list[first:min(len(list), first+maxInCell)]...)
		}
		slices.Sort(after)
		taken := 0
		for _, j := range after {
			if taken == maxPartners {
				break
			}
			if visit(i, j) {
				taken++
			}
		}
	}
}

// cell is where a position lies on a grid of the given width.
func cell(p [3]float64, width float64) (c [3]int64) {
	for k, x := range p {
		c[k] = int64(math.Floor(min(max(x/width, -1<<60), 1<<60)))
	}
	return c
}

// DrawnBonds lists the bonds of a structure of a file for a picture: those of its Lewis structure for
// [Molecule.Charge]. Where that is unknown, since hydrogens are missing or the file is a drawing in 2D,
// they are those that the file states, aromatic ones as double, or else those by [BondOrder].
func (m *Molecule) DrawnBonds() []Bond {
	missing, _ := m.missingHydrogens()
	switch {
	case !m.Flat && missing == 0:
		return m.Lewis(m.Charge()).Bonds
	case m.FileBonds == nil:
		return m.Bonds()
	}
	bonds := slices.Clone(m.FileBonds)
	for k := range bonds {
		switch order := &bonds[k].Order; {
		case *order == 4:
			*order = 2
		case *order > 4:
			*order = 1
		}
	}
	return bonds
}

// ShownBonds are those of Bonds that a picture needs: of an atom that has more than
// maxShown the shortest, so that noise has a few bonds for each atom and not one
// for each pair.
func (m *Molecule) ShownBonds() []Bond {
	all := m.Bonds()
	count := make([]int, len(m.Elements))
	crowded := false
	for _, b := range all {
		count[b.I]++
		count[b.J]++
		crowded = crowded || max(count[b.I], count[b.J]) > maxShown
	}
	if !crowded {
		return all
	}
	order := make([]int, len(all))
	length := make([]float64, len(all))
	for k, b := range all {
		order[k], length[k] = k, m.Distance(b.I, b.J)
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case length[a] < length[b]:
			return -1
		case length[a] > length[b]:
			return 1
		}
		return 0
	})
	clear(count)
	kept := order[:0]
	for _, k := range order {
		if b := all[k]; count[b.I] < maxShown && count[b.J] < maxShown {
			count[b.I]++
			count[b.J]++
			kept = append(kept, k)
		}
	}
	slices.Sort(kept)
	bonds := make([]Bond, len(kept))
	for k, i := range kept {
		bonds[k] = all[i]
	}
	return bonds
}
