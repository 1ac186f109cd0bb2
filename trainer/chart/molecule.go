package chart

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mat"

	"github.com/symdiff-go/symdiff/core/molecule"
)

// Molecule is a drawing of a molecule, seen along the axis in which it extends least: atoms in
// front over those behind, bonds as lines, one for each order, and a ring around each marked atom.
type Molecule struct {
	Title  string // below the drawing, and for screen readers
	Of     *molecule.Molecule
	Marked []bool // atoms; nil: none
}

const (
	drawing = 240.0 // width and height
	scale   = 30.0  // most units per Å
)

// ball is how an atom is drawn: radius in Å, and colours of the disc and of its letter.
func ball(e molecule.Element) (radius float64, fill, ink string) {
	switch e {
	case molecule.H:
		return 0.26, "#e8ebef", "#1c1f24"
	case molecule.C:
		return 0.4, "#4b525c", "#fff"
	case molecule.N:
		return 0.4, "#2f5fd0", "#fff"
	case molecule.O:
		return 0.4, "#c8322b", "#fff"
	case molecule.F:
		return 0.38, "#2e8b57", "#fff"
	}
	return 0.42, "#7a4a9e", "#fff"
}

// SVG is the drawing as an element of a page, or as a file.
func (m Molecule) SVG() string {
	var b strings.Builder
	title := html.EscapeString(m.Title)
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" role="img" aria-label="%s" font-family="system-ui,sans-serif"><title>%s</title>`, drawing, drawing+18, title, title)
	p := m.flat()
	for _, bond := range m.Of.Bonds() {
		from, to := p[bond.I], p[bond.J]
		dx, dy := to[0]-from[0], to[1]-from[1]
		length := max(math.Hypot(dx, dy), 1e-9)
		for k := range bond.Order {
			side := 4 * (float64(k) - float64(bond.Order-1)/2) / length
			fmt.Fprintf(&b, `<path d="M%.1f %.1fL%.1f %.1f" stroke="var(--chart-ink,#222)" stroke-opacity=".55" stroke-width="2"/>`,
				from[0]-dy*side, from[1]+dx*side, to[0]-dy*side, to[1]+dx*side)
		}
	}
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return int(math.Copysign(1, p[i][2]-p[j][2])) })
	for _, i := range order {
		e := m.Of.Elements[i]
		r, fill, ink := ball(e)
		r *= p[i][3]
		fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="%.1f" fill="%s" stroke="var(--chart-ink,#222)" stroke-opacity=".4"/>`, p[i][0], p[i][1], r, fill)
		if e != molecule.H {
			fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="middle" font-size="%.1f" fill="%s">%s</text>`, p[i][0],
				p[i][1]+0.36*1.2*r, 1.2*r, ink, e)
		}
		if m.Marked != nil && m.Marked[i] {
			fmt.Fprintf(&b, `<circle class="marked" cx="%.1f" cy="%.1f" r="%.1f" fill="none" style="stroke:var(--chart-2,#c4622d)" stroke-width="3"/>`, p[i][0], p[i][1], r+4)
		}
	}
	fmt.Fprintf(&b, `<text x="%g" y="%g" text-anchor="middle" font-size="12" fill="var(--chart-ink,#222)">%s</text></svg>`, drawing/2, drawing+12, title)
	return b.String()
}

// flat places the atoms: x and y in the drawing, the height above it, and the units of 1 Å.
func (m Molecule) flat() [][4]float64 {
	n := len(m.Of.Positions)
	if n == 0 {
		return nil
	}
	var centre [3]float64
	for _, p := range m.Of.Positions {
		for a := range centre {
			centre[a] += p[a] / float64(n)
		}
	}
	moments := mat.NewSymDense(3, nil)
	for _, p := range m.Of.Positions {
		for a := range 3 {
			for b := a; b < 3; b++ {
				moments.SetSym(a, b, moments.At(a, b)+(p[a]-centre[a])*(p[b]-centre[b]))
			}
		}
	}
	axes := mat.NewDense(3, 3, []float64{1, 0, 0, 0, 1, 0, 0, 0, 1})
	var eigen mat.EigenSym
	if eigen.Factorize(moments, true) { // in ascending order
		eigen.VectorsTo(axes)
	}
	places := make([][4]float64, n)
	reach := 1.0 // Å
	for i, p := range m.Of.Positions {
		for k := range 3 { // x along the longest axis
			for a := range 3 {
				places[i][k] += (p[a] - centre[a]) * axes.At(a, 2-k)
			}
		}
		reach = max(reach, math.Abs(places[i][0]), math.Abs(places[i][1]))
	}
	unit := min(scale, (drawing/2-16)/reach)
	for i := range places {
		places[i][0], places[i][1] = drawing/2+unit*places[i][0], drawing/2-unit*places[i][1]
		places[i][3] = unit
	}
	return places
}
