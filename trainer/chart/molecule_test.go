package chart

import (
	"math"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/molecule"
)

// The drawing shows the plane in which a molecule lies, whichever that is, at one scale for all its
// atoms, and within its frame.
func TestMolecule(t *testing.T) {
	c, s := math.Cos(0.7), math.Sin(0.7)
	formaldehyde := &molecule.Molecule{Elements: []molecule.Element{molecule.O, molecule.C, molecule.H, molecule.H}}
	for _, p := range [][2]float64{{0, 0}, {1.2, 0}, {1.78, 0.94}, {1.78, -0.94}} {
		formaldehyde.Positions = append(formaldehyde.Positions, [3]float64{5 + p[0]*c, -2 + p[0]*s, p[1]})
	}
	m := Molecule{Title: "a < b", Of: formaldehyde, Marked: []bool{true, false, false, false}}
	places := m.flat()
	for i := range places {
		for j := range i {
			d := math.Hypot(places[i][0]-places[j][0], places[i][1]-places[j][1]) / places[i][3]
			if math.Abs(d-formaldehyde.Distance(i, j)) > 1e-9 {
				t.Errorf("atoms %d and %d are drawn %g Å apart, want %g", i, j, d, formaldehyde.Distance(i, j))
			}
		}
	}
	svg := m.SVG()
	wellFormed(t, svg)
	// C=O has two
	if lines, rings := strings.Count(svg, "<path"), strings.Count(svg, `class="marked"`); lines != 4 || rings != 1 {
		t.Errorf("%d lines and %d rings in %s", lines, rings, svg)
	}

	long := &molecule.Molecule{}
	for i := range 40 {
		long.Elements, long.Positions = append(long.Elements, molecule.C),
			append(long.Positions, [3]float64{0, 1.5 * float64(i), 0})
	}
	for _, p := range (Molecule{Of: long}).flat() {
		if p[0] < 0 || p[0] > drawing || p[1] < 0 || p[1] > drawing {
			t.Errorf("an atom is drawn at %v", p)
		}
	}
	for _, few := range []int{0, 1} {
		wellFormed(t, Molecule{Of: &molecule.Molecule{Elements: long.Elements[:few], Positions: long.Positions[:few]}}.SVG())
	}
}
