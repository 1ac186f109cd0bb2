package molecule

import (
	"math"
	"slices"
	"testing"
)

// ring makes a flat regular ring of elements with bonds of the given lengths to
// outer atoms, which sit on the rays.
func ring(elements []Element, side float64, outer []Element, out float64) *Molecule {
	n := len(elements)
	r := side / (2 * math.Sin(math.Pi/float64(n)))
	m := &Molecule{}
	for i, e := range elements {
		s, c := math.Sincos(2 * math.Pi * float64(i) / float64(n))
		m.Elements = append(m.Elements, e)
		m.Positions = append(m.Positions, [3]float64{r * c, r * s, 0})
	}
	for i, e := range outer {
		if e == 0 {
			continue
		}
		s, c := math.Sincos(2 * math.Pi * float64(i) / float64(n))
		m.Elements = append(m.Elements, e)
		m.Positions = append(m.Positions, [3]float64{(r + out) * c, (r + out) * s, 0})
	}
	return m
}

func TestGeometryOfMethane(t *testing.T) {
	const a = 1.09 / 1.7320508
	m := &Molecule{Elements: []Element{C, H, H, H, H}, Positions: [][3]float64{{}, {a, a, a}, {a, -a, -a},
		{-a, a, -a}, {-a, -a, a}}}
	g := m.Geometry()
	if len(g.Lengths) != 4 || len(g.Angles) != 6 || len(g.Rings) != 0 || !g.Plausible() {
		t.Fatalf("%+v", g)
	}
	for _, x := range g.Angles {
		if math.Abs(x.Degrees-109.4712) > 1e-3 || x.Ring != 0 || x.J != 0 {
			t.Errorf("angle %+v, want 109.47 degrees at the carbon", x)
		}
	}
	m.Positions[1] = [3]float64{0.5, 0.5, 0.5} // 0.87 Å
	if g := m.Geometry(); g.Lengths[0].Inside || !g.Lengths[1].Inside || g.Plausible() {
		t.Errorf("a C-H bond of 0.87 Å counts as plausible: %+v", g.Lengths)
	}
	m.Positions[1] = [3]float64{0.2, -0.9, -0.6} // next to another hydrogen
	if g := m.Geometry(); g.Plausible() || slices.IndexFunc(g.Angles, func(a Angle) bool { return !a.Inside }) < 0 {
		t.Errorf("an H-C-H angle of about 30 degrees counts as plausible: %+v", g.Angles)
	}
}

func TestClash(t *testing.T) {
	m := &Molecule{Elements: []Element{H, H, F, F}, Positions: [][3]float64{{0, 0, 0}, {0.74, 0, 0}, {0, 3, 0},
		{1.42, 3, 0}}}
	if g := m.Geometry(); len(g.Clashes) != 0 {
		t.Fatalf("two molecules 3 Å apart clash: %+v", g.Clashes)
	}
	m.Positions[2][1], m.Positions[3][1] = 1.5, 1.5
	g := m.Geometry()
	if len(g.Clashes) != 3 { // not H 1 and F 4, 2.06 Å apart
		t.Fatalf("%+v", g.Clashes)
	}
	if c := g.Clashes[0]; c.I != 0 || c.J != 2 || c.Distance != 1.5 || math.Abs(c.Limit-0.7*(1.10+1.47)) > 1e-12 {
		t.Errorf("%+v, want H and F at 1.5 Å, limit 1.799", c)
	}
}

// Lengths that give single and double bonds in turn, or in one ring only single
// ones, and the known answer.
func TestAromaticRings(t *testing.T) {
	hydrogens := []Element{H, H, H, H, H, H}
	benzene := ring([]Element{C, C, C, C, C, C}, 1.395, hydrogens, 1.08)
	// EDM's table calls 1.395 Å single: draw every other bond shorter.
	kekule := func(m *Molecule) *Molecule {
		for i := range 6 {
			s, c := math.Sincos(2*math.Pi*float64(i)/6 + []float64{0.01, -0.01}[i%2])
			m.Positions[i] = [3]float64{1.395 * c, 1.395 * s, 0}
		}
		return m
	}
	m := kekule(benzene)
	g := m.Geometry()
	if len(g.Rings) != 1 || !slices.Equal(g.Rings[0].Atoms, []int{0, 1, 2, 3, 4, 5}) ||
		g.Rings[0].Deviation > 1e-9 || !g.Rings[0].Flat() {
		t.Fatalf("benzene: %+v, bonds %v", g.Rings, m.Bonds())
	}
	for _, a := range g.Angles {
		if inRing := a.I < 6 && a.K < 6; inRing != (a.Ring == 6) {
			t.Errorf("benzene: angle %+v", a)
		}
	}
	m.Positions[0][2], m.Positions[6][2] = 0.2, 0.2 // a puckered ring: still bonded
	if d := m.Geometry().Rings[0].Deviation; d < 0.05 || d > 0.15 {
		t.Errorf("atom 0.2 Å out of the plane: deviation %v", d)
	}
	if g := ring([]Element{C, C, C, C, C, C}, 1.53, nil, 0).Geometry(); len(g.Rings) != 0 {
		t.Errorf("a ring of single bonds is aromatic: %+v", g.Rings)
	}
	if g := kekule(ring([]Element{C, C, C, C, O, C}, 1.395, nil, 0)).Geometry(); len(g.Rings) != 0 {
		t.Errorf("a ring with two double bonds and CH: %+v", g.Rings)
	}
}

// Electron counts without geometry: the graph alone.
func TestPiElectrons(t *testing.T) {
	for _, c := range []struct {
		name     string
		elements []Element
		bonds    []Bond
		want     int
	}{
		{"pyrrole", []Element{N, C, C, C, C, H}, []Bond{{0, 1, 1}, {0, 4, 1}, {0, 5, 1}, {1, 2, 2}, {2, 3, 1}, {3, 4, 2}}, 1},
		{"furan", []Element{O, C, C, C, C}, []Bond{{0, 1, 1}, {0, 4, 1}, {1, 2, 2}, {2, 3, 1}, {3, 4, 2}}, 1},
		{"cyclopentadiene", []Element{C, C, C, C, C, H, H}, []Bond{{0, 1, 1}, {0, 4, 1}, {0, 5, 1}, {0, 6, 1},
			{1, 2, 2}, {2, 3, 1}, {3, 4, 2}}, 0},
		{"cyclopentadienone", []Element{C, C, C, C, C, O}, []Bond{{0, 1, 1}, {0, 4, 1}, {0, 5, 2}, {1, 2, 2},
			{2, 3, 1}, {3, 4, 2}}, 0},
		{"pyridone", []Element{N, C, C, C, C, C, O, H}, []Bond{{0, 1, 1}, {0, 5, 1}, {0, 7, 1}, {1, 2, 1}, {1, 6, 2},
			{2, 3, 2}, {3, 4, 1}, {4, 5, 2}}, 1},
		{"naphthalene", []Element{C, C, C, C, C, C, C, C, C, C}, []Bond{{0, 1, 2}, {0, 5, 1}, {1, 2, 1}, {2, 3, 2},
			{3, 4, 1}, {4, 5, 2}, {4, 6, 1}, {5, 9, 1},
			{6, 7, 2}, {7, 8, 1}, {8, 9, 2}}, 2},
		{"fulvene", []Element{C, C, C, C, C, C}, []Bond{{0, 1, 1}, {0, 4, 1}, {0, 5, 2}, {1, 2, 2}, {2, 3, 1}, {3, 4, 2}}, 0},
		{"quinone", []Element{C, C, C, C, C, C, O, O}, []Bond{{0, 1, 1}, {0, 5, 1}, {0, 6, 2}, {1, 2, 2}, {2, 3, 1},
			{3, 4, 1}, {3, 7, 2}, {4, 5, 2}}, 0},
	} {
		g := &graph{elements: c.elements, bonds: c.bonds}
		all := make([]int, len(c.elements))
		for i := range all {
			all[i] = i
		}
		if got := g.aromatic(g.edges(all)); len(got) != c.want {
			t.Errorf("%s: aromatic rings %v, want %d", c.name, got, c.want)
		}
	}
}
