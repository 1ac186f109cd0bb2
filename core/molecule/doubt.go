package molecule

import (
	"math"
	"slices"
	"strconv"
)

// closest is the distance in Å below which two atoms cannot be; the shortest
// bond, that of H2, has 0.74.
const closest = 0.4

// Doubts lists what a structure from a file may lack to be a molecule in 3D with
// all its atoms, and what it is beside a neutral molecule of paired electrons:
//
//	2D coordinates
//	no hydrogens, 6 are missing
//	overlapping atoms, 1 and 2 are 0.00 Å apart
//	no bonds, the closest atoms are 1.81 Å apart
//	an ion, charge +1
//	a radical, 1 unpaired electron
//
// What comes before the comma is the kind. Charges and radicals are those that
// the file states. Hydrogens are counted by the bonds of the file where it has
// any, and are listed where more than half of them are missing; by
// [Molecule.Bonds] otherwise, where an organic molecule has none.
func (m *Molecule) Doubts() (list []string) {
	if m.Flat {
		list = append(list, "2D coordinates")
	}
	if missing, some := m.missingHydrogens(); missing > 0 {
		text := "no hydrogens, "
		if some {
			text = "few hydrogens, "
		}
		list = append(list, text+strconv.Itoa(missing)+" are missing")
	}
	if i, j, ok := m.overlap(); ok {
		list = append(list, "overlapping atoms, "+strconv.Itoa(i+1)+" and "+strconv.Itoa(j+1)+" are "+
			fixed(m.Distance(i, j), 2)+" Å apart")
	} else if d, ok := m.apart(); ok {
		list = append(list, "no bonds, the closest atoms are "+fixed(d, 2)+" Å apart")
	}
	return append(list, Unpaired(sum0(m.FileCharges), sum0(m.FileRadicals))...)
}

// Unpaired lists the charge and the unpaired electrons of a molecule, where
// it has any.
func Unpaired(charge, electrons int) (list []string) {
	switch {
	case charge > 0:
		list = append(list, "an ion, charge +"+strconv.Itoa(charge))
	case charge < 0:
		list = append(list, "an ion, charge "+strconv.Itoa(charge))
	}
	switch {
	case electrons == 1:
		list = append(list, "a radical, 1 unpaired electron")
	case electrons > 1:
		list = append(list, "a radical, "+strconv.Itoa(electrons)+" unpaired electrons")
	}
	return list
}

func sum0(values []int) (n int) {
	for _, v := range values {
		n += v
	}
	return n
}

// missingHydrogens counts hydrogens that free valences of H, B, C, N, O, halogens,
// P and S want, and tells whether there are some; 0 where that is no cause for
// doubt.
func (m *Molecule) missingHydrogens() (missing int, some bool) {
	n := len(m.Elements)
	hydrogens := 0
	for _, e := range m.Elements {
		if e == H {
			hydrogens++
		}
	}
	if hydrogens > 0 && m.FileBonds == nil || hydrogens == 0 && !slices.Contains(m.Elements, C) {
		return 0, false
	}
	bonds := m.FileBonds
	if bonds == nil {
		bonds = m.Bonds()
	}
	twice := make([]int, n) // the bond orders of each atom, doubled: an aromatic bond is 1.5
	for _, b := range bonds {
		order := 2 * b.Order
		if b.Order == 4 {
			order = 3
		} else if b.Order > 4 {
			order = 2
		}
		twice[b.I] += order
		twice[b.J] += order
	}
	for i, e := range m.Elements {
		valence := 0
		switch e {
		case C:
			valence = 4
		case N, 15, 5:
			valence = 3
		case O, 16:
			valence = 2
		case F, 17, 35, 53:
			valence = 1
		}
		if len(m.FileCharges) > 0 && e != C {
			valence += m.FileCharges[i]
		} else if len(m.FileCharges) > 0 && m.FileCharges[i] != 0 {
			valence--
		}
		if len(m.FileRadicals) > 0 {
			valence -= m.FileRadicals[i]
		}
		missing += max(0, valence-(twice[i]+1)/2)
	}
	if missing < 2 || missing <= hydrogens {
		return 0, false
	}
	return missing, hydrogens > 0
}

// overlap finds two atoms that are closer than any bond.
func (m *Molecule) overlap() (i, j int, found bool) {
	m.near(closest, func(a, b int) bool {
		if !found && m.Distance(a, b) < closest {
			i, j, found = a, b, true
		}
		return found
	})
	return i, j, found
}

// mostApart bounds the search for the closest atoms, which takes n² steps.
const mostApart = 1000

// apart finds the distance in Å of the closest atoms where no two are bonded, as
// when coordinates are in other units than Å.
func (m *Molecule) apart() (d float64, found bool) {
	n := len(m.Elements)
	if n < 2 || n > mostApart || len(m.FileBonds) > 0 || len(m.Bonds()) > 0 {
		return 0, false
	}
	d = math.Inf(1)
	for i := range n {
		for j := range i {
			d = min(d, m.Distance(i, j))
		}
	}
	return d, true
}
