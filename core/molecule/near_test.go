package molecule

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// crowd is n carbon atoms within a ball, all bonded to each other where it is small.
func crowd(n int, size float64) *Molecule {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	m := &Molecule{}
	for range n {
		m.Elements = append(m.Elements, C)
		m.Positions = append(m.Positions, [3]float64{size * r.Float64(), size * r.Float64(), size * r.Float64()})
	}
	return m
}

// Beyond gridAtoms bonds are found by cells: the same ones, in the same order.
func TestCellsFindTheBondsOfAllPairs(t *testing.T) {
	for _, shift := range []float64{0, -1e5} {
		m := crowd(2000, 24) // 0.14 atoms per Å³, 1 or 2 bonds each
		for i := range m.Positions {
			m.Elements[i] = []Element{H, C, N, O, 53}[i%5]
			for k := range 3 {
				m.Positions[i][k] += shift
			}
		}
		var want []Bond
		for i := range m.Elements {
			for j := i + 1; j < len(m.Elements); j++ {
				if order := BondOrder(m.Elements[i], m.Elements[j], m.Distance(i, j)); order > 0 {
					want = append(want, Bond{i, j, order})
				}
			}
		}
		if have := m.Bonds(); !slices.Equal(have, want) || len(want) < 1000 {
			t.Errorf("shift %g: %d bonds, want %d", shift, len(have), len(want))
		}
	}
}

func TestNoBondIsLongerThanTheRadiusOfTheSearch(t *testing.T) {
	for a := range Element(tableSize) {
		for b := range Element(tableSize) {
			if BondOrder(a, b, longestBond) > 0 {
				t.Errorf("%s and %s are bonded at %g Å", a.Symbol(), b.Symbol(), longestBond)
			}
		}
	}
	for a, p := range elementRadii {
		for b, q := range elementRadii {
			if clashShare*(p.waals+q.waals) > largestClash {
				t.Errorf("%s and %s clash beyond %d Å", Element(a).Symbol(), Element(b).Symbol(), largestClash)
			}
		}
	}
}

// Work on a crowd is counted by what it makes: it grows with the atoms, not with
// their pairs or with paths through them.
func TestACrowdCostsAsMuchAsItsAtoms(t *testing.T) {
	for _, n := range []int{300, 5000} {
		m := crowd(n, 0.5)
		if bonds := len(m.Bonds()); bonds > maxPartners*n {
			t.Errorf("%d atoms: %d bonds", n, bonds)
		}
		g := m.Geometry()
		if len(g.Angles) > n*maxMeasured*maxMeasured || len(g.Clashes) > maxPartners*n || len(g.Rings) > n {
			t.Errorf("%d atoms: %d angles, %d clashes, %d rings", n, len(g.Angles), len(g.Clashes), len(g.Rings))
		}
		if m.Stable() || m.Plausible() {
			t.Errorf("%d atoms on one spot are plausible", n)
		}
		if ok, _ := m.Valid(); ok {
			t.Errorf("%d atoms on one spot are valid", n)
		}
		if m.Key() == "" {
			t.Error("no key")
		}
		shown := m.ShownBonds()
		degree := make([]int, n)
		for k, b := range shown {
			degree[b.I]++
			degree[b.J]++
			if k > 0 && (shown[k-1].I > b.I || shown[k-1].I == b.I && shown[k-1].J >= b.J) {
				t.Fatalf("bonds %v and %v are out of order", shown[k-1], b)
			}
		}
		if most := slices.Max(degree); most > maxShown || len(shown) < n {
			t.Errorf("%d atoms: %d bonds are shown, %d of one atom", n, len(shown), most)
		}
	}
}

func TestShownBondsOfAMoleculeAreItsBonds(t *testing.T) {
	m := &Molecule{Elements: []Element{C, H, H, H, H}, Positions: [][3]float64{
		{}, {.63, .63, .63}, {-.63, -.63, .63}, {-.63, .63, -.63}, {.63, -.63, -.63},
	}}
	if have := m.ShownBonds(); !slices.Equal(have, m.Bonds()) || len(have) != 4 {
		t.Errorf("%v", have)
	}
}

func TestFarPositionsHaveCells(t *testing.T) {
	m := crowd(gridAtoms+1, 1)
	m.Positions[0] = [3]float64{1e300, -1e300, math.MaxFloat64}
	if len(m.Bonds()) == 0 {
		t.Error("no bonds")
	}
}

// A picture has the Lewis structure, but where a file lacks hydrogens or is a drawing.
func TestDrawnBonds(t *testing.T) {
	for _, m := range lewisCases(t) {
		name, _ := m.Property("title")
		if !slices.Equal(m.DrawnBonds(), bare(m).Lewis(m.Charge()).Bonds) {
			t.Errorf("%s: bonds %v", name, m.DrawnBonds())
		}
		heavy, number := &Molecule{}, make([]int, len(m.Elements))
		for i, e := range m.Elements {
			if number[i] = len(heavy.Elements); e != H {
				heavy.Elements = append(heavy.Elements, e)
				heavy.Positions = append(heavy.Positions, m.Positions[i])
			}
		}
		if name != "aspirin" {
			continue
		}
		if !slices.Equal(heavy.DrawnBonds(), heavy.Bonds()) || len(heavy.Bonds()) != 13 {
			t.Errorf("%s without hydrogens: %v, want %v", name, heavy.DrawnBonds(), heavy.Bonds())
		}
		aromatic := 0
		for _, b := range m.FileBonds {
			if m.Elements[b.I] != H && m.Elements[b.J] != H {
				heavy.FileBonds = append(heavy.FileBonds, Bond{number[b.I], number[b.J], b.Order})
			}
		}
		for k, b := range heavy.DrawnBonds() {
			if heavy.FileBonds[k].Order == 4 {
				aromatic++
				heavy.FileBonds[k].Order = 2
			}
			if b != heavy.FileBonds[k] {
				t.Errorf("%s, bonds of a file without hydrogens: %v, want %v", name, b, heavy.FileBonds[k])
			}
		}
		if aromatic != 6 {
			t.Errorf("%s: %d aromatic bonds", name, aromatic)
		}
	}
}
