package evaluation

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/symdiff-go/symdiff/core/molecule"
)

// Histogram counts values in bins of equal width from Low on; what is outside
// counts in the first or last bin.
type Histogram struct {
	Low, Width float64
	Counts     []float64
	Total      float64
}

func (h *Histogram) add(x float64) {
	bin := int(math.Floor((x - h.Low) / h.Width))
	h.Counts[max(0, min(bin, len(h.Counts)-1))]++
	h.Total++
}

// jensenShannon is the Jensen-Shannon divergence of two histograms of the same
// bins, in bits:
//
//	½·KL(p|m) + ½·KL(q|m),   m = (p+q)/2,
//
// 0 for equal distributions and 1 for those that have no bin in common.
func jensenShannon(p, q *Histogram) float64 {
	sum := 0.0
	for i := range p.Counts {
		a, b := p.Counts[i]/p.Total, q.Counts[i]/q.Total
		if a > 0 {
			sum += 0.5 * a * math.Log2(2*a/(a+b))
		}
		if b > 0 {
			sum += 0.5 * b * math.Log2(2*b/(a+b))
		}
	}
	return max(0, sum)
}

// wasserstein is the 1-Wasserstein distance of two histograms of the same bins,
// the area between their distribution functions, in units of the values and to
// the width of a bin.
func wasserstein(p, q *Histogram) float64 {
	sum, diff := 0.0, 0.0
	for i := range p.Counts {
		diff += p.Counts[i]/p.Total - q.Counts[i]/q.Total
		sum += math.Abs(diff) * p.Width
	}
	return sum
}

// quantity is what a histogram is of.
type quantity struct {
	kind string // "atoms", "elements", "distances", "angles", "length", "angle"
	name string // of a bond or an atom, where there are several
}

// bins are the bins of a kind, its unit, and whether its values have an order.
func (q quantity) bins() (low, width float64, n int, unit string, ordered bool) {
	switch q.kind {
	case "atoms":
		return 0.5, 1, 400, "atoms", true
	case "elements":
		return 0.5, 1, 100, "", false
	case "distances":
		return 0, 0.02, 1000, "Å", true
	case "length":
		return 0.5, 0.005, 500, "Å", true
	}
	return 0, 1, 181, "degrees", true
}

// distributions are the histograms of a set of molecules.
type distributions map[quantity]*Histogram

func (d distributions) add(kind, name string, value float64) {
	q := quantity{kind, name}
	h := d[q]
	if h == nil {
		low, width, n, _, _ := q.bins()
		h = &Histogram{Low: low, Width: width, Counts: make([]float64, n)}
		d[q] = h
	}
	h.add(value)
}

// addMolecule counts the sizes, elements, distances, lengths and angles of m.
func (d distributions) addMolecule(m *molecule.Molecule, g *molecule.Geometry) {
	n := len(m.Elements)
	d.add("atoms", "", float64(n))
	for i, e := range m.Elements {
		d.add("elements", "", float64(e))
		for j := i + 1; j < n; j++ {
			d.add("distances", "", m.Distance(i, j))
		}
	}
	for _, l := range g.Lengths {
		d.add("length", bondName(m.Elements[l.I], m.Elements[l.J], l.Order), l.Distance)
	}
	for _, a := range g.Angles {
		d.add("angles", "", a.Degrees)
		d.add("angle", m.Elements[a.J].Symbol(), a.Degrees)
	}
}

// bondName is such as C=O, with : for aromatic bonds: carbon first, hydrogen last, others by number.
func bondName(a, b molecule.Element, order int) string {
	rank := func(e molecule.Element) int {
		switch e {
		case molecule.C:
			return 0
		case molecule.H:
			return 256
		}
		return int(e)
	}
	if rank(a) > rank(b) {
		a, b = b, a
	}
	return a.Symbol() + []string{"-", "=", "#", ":"}[order-1] + b.Symbol()
}

// Divergence says how far a distribution is from that of the reference.
type Divergence struct {
	Kind        string  `json:"kind"`
	Name        string  `json:"name,omitempty"`
	Unit        string  `json:"unit,omitempty"`
	Values      int     `json:"values"`
	Reference   int     `json:"reference_values"`
	JS          float64 `json:"jensen_shannon"`        // bits
	Wasserstein float64 `json:"wasserstein,omitempty"` // unit
	// of as many values drawn from the reference
	NoiseJS float64 `json:"noise_jensen_shannon"`
	NoiseW  float64 `json:"noise_wasserstein,omitempty"` // likewise
}

// leastValues and leastShare are what a kind of bond or angle must have in the
// reference to be listed: values, and a share of its kind.
const (
	leastValues = 100
	leastShare  = 0.005
)

// order is that of a report.
var order = []string{"atoms", "elements", "distances", "angles", "length", "angle"}

// noiseDraws is the number of samples that the noise is the mean of.
const noiseDraws = 20

// noise is the divergence from a histogram that n independent values drawn from
// it have in the mean. Values that come in groups, as distances do in molecules,
// have more.
func (h *Histogram) noise(n float64) (js, w float64) {
	r := rand.NewPCG(3, 4)
	for range noiseDraws {
		draw := &Histogram{h.Low, h.Width, make([]float64, len(h.Counts)), 0}
		for i, c := range h.Counts {
			if c > 0 {
				draw.Counts[i] = distuv.Poisson{Lambda: n * c / h.Total, Src: r}.Rand()
				draw.Total += draw.Counts[i]
			}
		}
		if draw.Total > 0 {
			js, w = js+jensenShannon(draw, h)/noiseDraws, w+wasserstein(draw, h)/noiseDraws
		}
	}
	return js, w
}

// divergences compares a set with a reference, the commonest bonds and angles
// first.
func divergences(set, reference distributions) []Divergence {
	totals := map[string]float64{}
	for q, h := range reference {
		totals[q.kind] += h.Total
	}
	var list []Divergence
	for q, h := range reference {
		mine := set[q]
		if h.Total < leastValues || h.Total < leastShare*totals[q.kind] || mine == nil {
			continue
		}
		_, _, _, unit, ordered := q.bins()
		d := Divergence{Kind: q.kind, Name: q.name, Unit: unit, Values: int(mine.Total),
			Reference: int(h.Total), JS: jensenShannon(mine, h)}
		d.NoiseJS, d.NoiseW = h.noise(mine.Total)
		if d.Wasserstein = wasserstein(mine, h); !ordered {
			d.Wasserstein, d.NoiseW = 0, 0
		}
		list = append(list, d)
	}
	slices.SortFunc(list, func(a, b Divergence) int {
		return cmp.Or(cmp.Compare(slices.Index(order, a.Kind), slices.Index(order, b.Kind)),
			cmp.Compare(b.Reference, a.Reference), cmp.Compare(a.Name, b.Name))
	})
	return list
}
