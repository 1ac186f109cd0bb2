package molecule

import "slices"

// aromatic lists the aromatic rings of five and six atoms of a Kekulé
// structure: each atom gives the ring its pi electrons, six in all (Hückel),
//
//	1 with a double bond within the ring, or along another ring that shares the atom,
//	0 with a double bond to an electronegative atom outside of rings (C=O),
//	2 with single bonds only and a lone pair (N of three, O and S of two),
//
// and an atom with none of these ends it. RDKit's rule for single rings is the
// same.
func (g *graph) aromatic(edges [][]edge) [][]int {
	rings := smallRings(edges)
	inRing := make([][]int, len(edges)) // (N) rings of each atom
	for r, ring := range rings {
		for _, i := range ring {
			inRing[i] = append(inRing[i], r)
		}
	}
	share := func(i, j int) bool {
		return slices.ContainsFunc(inRing[i], func(r int) bool { return slices.Contains(inRing[j], r) })
	}
	var found [][]int
	for _, ring := range rings {
		electrons := 0
		for _, i := range ring {
			n := g.piElectrons(i, edges[i], share)
			if n < 0 {
				electrons = -1
				break
			}
			electrons += n
		}
		if electrons == 6 {
			found = append(found, ring)
		}
	}
	return found
}

// piElectrons is what atom i gives to an aromatic ring, -1 where it cannot be in
// one.
func (g *graph) piElectrons(i int, bonds []edge, share func(i, j int) bool) int {
	var double *edge
	for k := range bonds {
		switch {
		case bonds[k].order == 1:
		case bonds[k].order == 2 && double == nil:
			double = &bonds[k]
		default:
			return -1
		}
	}
	e := g.elements[i]
	switch {
	case double != nil && share(i, double.to):
		return 1
	case double != nil && e == C && slices.Contains([]Element{N, O, 16}, g.elements[double.to]):
		return 0
	case double != nil:
		return -1
	case e == N && len(bonds) == 3, (e == O || e == 16) && len(bonds) == 2:
		return 2
	}
	return -1
}

// smallRings lists the rings of five and six atoms without a shortcut: no two
// of their atoms are bonded but neighbours. A ring starts at its smallest atom
// and goes on to the smaller of its neighbours. Rings through an atom of more than
// maxInRing bonds are none.
func smallRings(edges [][]edge) [][]int {
	var rings [][]int
	path := make([]int, 0, 6)
	bonded := func(i, j int) bool {
		return slices.ContainsFunc(edges[i], func(e edge) bool { return e.to == j })
	}
	var extend func()
	extend = func() {
		start, last := path[0], path[len(path)-1]
		for _, e := range edges[last] {
			next := e.to
			if next <= start || len(edges[next]) > maxInRing || slices.Contains(path, next) ||
				slices.ContainsFunc(path[1:max(1, len(path)-1)], func(i int) bool { return bonded(i, next) }) {
				continue
			}
			closes := len(path) > 1 && bonded(start, next)
			path = append(path, next)
			switch {
			case closes && len(path) >= 5 && path[1] < next:
				rings = append(rings, slices.Clone(path))
			case !closes && len(path) < 6:
				extend()
			}
			path = path[:len(path)-1]
		}
	}
	for i := range edges {
		if len(edges[i]) <= maxInRing {
			path = append(path[:0], i)
			extend()
		}
	}
	return rings
}
