package molecule

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// Entries of the published table, and some beside them.
func TestListedValence(t *testing.T) {
	for _, c := range []struct {
		symbol                   string
		charge, aromatic, others int
		want                     bool
	}{
		{"C", 0, 0, 4, true}, {"C", 0, 2, 1, true}, {"C", 0, 2, 2, true}, {"C", 0, 3, 0, true}, {"C", 0, 0, 3, false},
		{"C", 0, 2, 0, false}, {"C", 1, 0, 3, true}, {"C", -1, 2, 1, true}, {"C", 2, 0, 2, false},
		{"N", 0, 0, 3, true}, {"N", 0, 2, 0, true}, {"N", 0, 2, 1, true}, {"N", 0, 0, 4, false}, {"N", 1, 0, 4, true},
		{"N", 1, 2, 1, true}, {"N", 1, 0, 3, false}, {"N", -1, 0, 2, true}, {"N", -2, 0, 1, true}, {"N", 0, 0, 5, false},
		{"O", 0, 0, 2, true}, {"O", 0, 2, 0, true}, {"O", -1, 0, 1, true}, {"O", 1, 0, 3, true}, {"O", 0, 0, 1, false},
		{"S", 0, 0, 2, true}, {"S", 0, 0, 6, true}, {"S", 0, 2, 0, true}, {"S", 0, 0, 4, false}, {"S", 1, 0, 3, true},
		{"P", 0, 0, 5, true}, {"P", 1, 0, 4, true}, {"P", 0, 0, 4, false}, {"F", 0, 0, 1, true}, {"F", 0, 0, 2, false},
		{"Cl", 0, 0, 1, true}, {"Br", 1, 0, 2, true}, {"I", 2, 0, 3, true}, {"Si", 0, 0, 4, true}, {"B", -1, 0, 4, true},
		{"H", 0, 0, 1, true}, {"H", 0, 0, 2, false}, {"Na", 0, 0, 0, false}, {"Se", 0, 0, 2, false},
	} {
		e, _ := ParseElement(c.symbol)
		if got := listedValence(e, c.charge, c.aromatic, c.others); got != c.want {
			t.Errorf("%s of charge %d with %d aromatic bonds and %d: %v, want %v", c.symbol, c.charge, c.aromatic,
				c.others, got, c.want)
		}
	}
}

// Real structures pass but for what the protocols do not know: the table was made of GEOM's
// molecules, and PoseBusters of drugs.
func TestChecksOfRealStructures(t *testing.T) {
	unlisted := []string{"superoxide-like TEMPO", "methyl radical", "sulfur dioxide", "sulfur trioxide",
		"sulfine", "sulfinylamine",
		"sulfonium ylide", "sulfinate", "selenophene", "borane-amine", "pyrylium", "thiolate", "diazonium", "isocyanide",
		"carbon monoxide", "tetrafluoroborate", "sydnone"}
	passed, stable, n := 0, 0, 0
	for _, m := range lewisCases(t) {
		name, _ := m.Property("title")
		c := m.Checks(m.Charge())
		if n++; c.Stable {
			stable++
		} else if !slices.Contains(unlisted, name) {
			t.Errorf("%s: %d of %d atoms have listed valences", name, c.StableAtoms, len(m.Elements))
		}
		if c.PoseBusters() {
			passed++
		} else {
			t.Logf("%s: %+v", name, c)
		}
		if !c.Connected {
			t.Errorf("%s is in pieces", name)
		}
	}
	t.Logf("%d molecules, %d stable, %d pass PoseBusters' checks", n, stable, passed)
	if passed < n*85/100 {
		t.Errorf("%d of %d pass", passed, n)
	}
}

// Each check fails alone on a structure in which one thing is wrong.
func TestChecksFailByName(t *testing.T) {
	named := map[string]*Molecule{}
	for _, m := range lewisCases(t) {
		name, _ := m.Property("title")
		named[name] = bare(m)
	}
	changed := func(name string, change func(m *Molecule)) *Molecule {
		m := named[name]
		m = &Molecule{Elements: slices.Clone(m.Elements), Positions: slices.Clone(m.Positions)}
		change(m)
		return m
	}
	for _, c := range []struct {
		want string // the checks that fail
		m    *Molecule
	}{
		{"[]", named["aspirin"]}, {"[]", named["caffeine"]}, {"[]", named["omeprazole"]}, {"[]", named["allene"]},
		{"[stable radical]", named["methyl radical"]},
		{"[connected]", changed("water", func(m *Molecule) {
			for i, e := range named["water"].Elements {
				p := named["water"].Positions[i]
				m.Elements, m.Positions = append(m.Elements, e), append(m.Positions, [3]float64{p[0] + 9, p[1], p[2]})
			}
		})},
		{"[lengths]", changed("water", func(m *Molecule) { // a bond of 0.68 Å
			for k := range 3 {
				m.Positions[1][k] = m.Positions[0][k] + 0.7*(m.Positions[1][k]-m.Positions[0][k])
			}
		})},
		{"[angles]", changed("water", func(m *Molecule) {
			m.Positions = [][3]float64{{}, {0.96, 0, 0}, {0.96 * math.Cos(1.2), 0.96 * math.Sin(1.2), 0}}
		})},
	} {
		checks := c.m.Checks(0)
		failed := []string{}
		for _, f := range []struct {
			name string
			ok   bool
		}{
			{"stable", checks.Stable}, {"connected", checks.Connected}, {"radical", checks.NoRadicals},
			{"lengths", checks.BondLengths}, {"angles", checks.BondAngles}, {"ring", checks.AromaticFlat},
			{"double bond", checks.DoubleBondFlat}, {"clash", checks.NoClash},
		} {
			if !f.ok {
				failed = append(failed, f.name)
			}
		}
		if got := fmt.Sprint(failed); got != c.want {
			t.Errorf("%s: %s fail, want %s", c.m.Formula(), got, c.want)
		}
	}
	ethene := small(t)["ethene"]
	if c := ethene.Checks(0); !c.DoubleBondFlat || !c.PoseBusters() || !c.Stable {
		t.Errorf("ethene: %+v", c)
	}
	twisted := &Molecule{Elements: []Element{C, C, H, H, H, H}, Positions: [][3]float64{{}, {1.33, 0, 0},
		{-0.55, 0.93, 0}, {-0.55, -0.93, 0}, {1.88, 0, 0.93}, {1.88, 0, -0.93}}}
	if c := twisted.Checks(0); c.DoubleBondFlat || !c.Stable || !c.NoClash {
		t.Errorf("twisted ethene: %+v", c)
	}
	benzene := small(t)["benzene_regular"]
	boat := &Molecule{Elements: benzene.Elements, Positions: slices.Clone(benzene.Positions)}
	for _, i := range []int{0, 3, 6, 9} {
		boat.Positions[i][2] += 0.5
	}
	if c := benzene.Checks(0); !c.AromaticFlat || !c.PoseBusters() {
		t.Errorf("benzene: %+v", c)
	}
	if c := boat.Checks(0); c.AromaticFlat || !c.Stable {
		t.Errorf("benzene as a boat: %+v", c)
	}
	near := &Molecule{Elements: []Element{2, 2}, Positions: [][3]float64{{}, {1, 0, 0}}}
	if c := near.Checks(0); c.Stable || c.Connected {
		t.Errorf("helium: %+v", c)
	}
	pair := func(apart float64) *Molecule { // a water, and one whose hydrogen points at its oxygen
		return &Molecule{Elements: []Element{O, H, H, O, H, H}, Positions: [][3]float64{{}, {-0.24, 0.93, 0},
			{-0.24, -0.93, 0}, {apart, 0, 0}, {apart - 0.96, 0, 0}, {apart + 0.24, 0, 0.93}}}
	}
	if c := pair(2.65).Checks(0); !c.NoClash || c.Connected || !c.Stable {
		t.Errorf("two waters with a hydrogen bond of 1.69 Å: %+v", c)
	}
	if c := pair(2.05).Checks(0); c.NoClash {
		t.Errorf("two waters whose oxygens are 2.05 Å apart: %+v", c)
	}
	if c := (&Molecule{}).Checks(0); c.Stable || c.Connected || c.PoseBusters() {
		t.Errorf("nothing: %+v", c)
	}
}

// Bare atoms of a file without hydrogens, whose Lewis structures hold bonds of order 4,
// are judged, and not plausible.
func TestChecksOfBareAtoms(t *testing.T) {
	for _, e := range []Element{C, N, O, 5, 16, 26} {
		for _, d := range []float64{0.5, 1.2, 1.5, 3} {
			m := &Molecule{Elements: []Element{e, e}, Positions: [][3]float64{{}, {d}}}
			m.Checks(0)
			m.Geometry()
		}
	}
	c2 := &Molecule{Elements: []Element{C, C}, Positions: [][3]float64{{}, {0.8}}}
	if l := c2.Lewis(0); len(l.Bonds) != 1 {
		t.Fatalf("C2: %+v", l)
	}
	if c2.Checks(0).BondLengths {
		t.Errorf("a bond of order %d of 0.8 Å is as long as it should be", c2.Lewis(0).Bonds[0].Order)
	}
}
