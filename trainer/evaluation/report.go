package evaluation

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/trainer/chart"
	"github.com/symdiff-go/symdiff/trainer/report"
)

// percent is a share's value in percent, - where there is nothing to divide by.
func percent(s Share) string {
	if s.Of == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", 100*s.Value)
}

// row is a line of a table of shares.
func row(name string, s Share) []string {
	return []string{name, percent(s), fmt.Sprintf("%.2f to %.2f", 100*s.Interval[0],
		100*s.Interval[1]), fmt.Sprint(s.Count), fmt.Sprint(s.Of)}
}

var shareHead = []string{"", "%", "95 % interval", "count", "of"}

// Document is the evaluation to be read.
func (e *Evaluation) Document() report.Report {
	r := report.Report{Title: fmt.Sprintf("%s: %d molecules, %d atoms", e.File, e.Molecules, e.Atoms)}
	s := report.Section{Head: shareHead}
	for _, line := range e.Rates() {
		s.Rows = append(s.Rows, row(line.Name, line.Share))
	}
	if n := e.Counts.NotJudged; n > 0 {
		s.Notes = append(s.Notes,
			fmt.Sprintf("%d molecules have elements that the rule does not judge: they "+
				"count neither as valid nor as not valid", n))
	}
	if n := e.Counts.FreeValences; n > 0 {
		s.Notes = append(s.Notes,
			fmt.Sprintf("%d of the valid molecules have free valences: radicals, or "+
				"hydrogens are missing", n))
	}
	if e.Rule == molecule.GEOMRule {
		s.Notes = append(s.Notes, "Valid and unique: "+e.Rule.Name()+".")
	}
	r.Sections = append(r.Sections, s)
	if e.Revisited != nil {
		r.Sections = append(r.Sections, e.revisitedSection())
	}
	if e.RDKit != nil {
		r.Sections = append(r.Sections, e.rdkitSection())
	}
	if e.Novelty != nil {
		r.Sections = append(r.Sections, e.noveltySection())
	}
	g := e.Geometry
	bonds := "Bonds by EDM's table. "
	if e.Rule == molecule.GEOMRule {
		bonds = "Bonds of Lewis structures; stable by the table of GEOM-Drugs revisited. "
	}
	r.Sections = append(r.Sections, report.Section{
		Title: "Geometry", Head: shareHead,
		Rows: [][]string{
			row("bond lengths inside", g.Lengths), row("angles inside", g.Angles), row("aromatic rings flat", g.Flat),
			row("molecules without clash", g.ClashFree), row("molecules with aromatic rings", g.Rings),
			row("plausible molecules", g.Plausible),
		},
		Notes: []string{bonds + "Inside: lengths within 12 % of covalent radii, angles in windows that hold real " +
			"molecules; flat: within 0.25 Å of a plane; clash: below 0.7 of the van der Waals distance, more than " +
			"three bonds apart. Plausible: stable, connected and none of these."},
	})
	if len(e.Failures.Atoms) > 0 || e.Failures.Pieces > 0 {
		r.Sections = append(r.Sections, e.failureSection())
	}
	if e.Strain != nil {
		r.Sections = append(r.Sections, e.strainSection())
	}
	if e.XTB != nil {
		r.Sections = append(r.Sections, e.xtbSection())
	}
	if len(e.Divergences) > 0 {
		r.Sections = append(r.Sections, e.divergenceSection())
	}
	if e.Structure != nil {
		r.Sections = append(r.Sections, e.structureSections()...)
	}
	return r
}

func (e *Evaluation) rdkitSection() report.Section {
	k := e.RDKit
	s := report.Section{
		Title: "Validity by RDKit " + k.Version, Head: shareHead,
		Rows: [][]string{
			row("valid", k.Valid), row("unique among valid", k.UniqueAmongValid), row("valid and unique", k.ValidAndUnique),
			row("differs from the closed form", k.Disagree),
		},
	}
	if k.ValidByOrders != nil {
		s.Rows = append(s.Rows, row("valid with the orders of bonds", *k.ValidByOrders))
	}
	for _, d := range k.Disagreements {
		s.Notes = append(s.Notes, fmt.Sprintf("molecule %d, %s: closed form: %s; RDKit: %s", d.Index,
			d.Formula, d.ClosedForm, d.RDKit))
	}
	return s
}

func (e *Evaluation) noveltySection() report.Section {
	n := e.Novelty
	s := report.Section{
		Title: fmt.Sprintf("Novelty: not in %s (%d molecules)", n.Train, n.TrainMolecules),
		Head:  shareHead, Rows: [][]string{
			row("novel among valid and unique", n.NovelAmongUnique), row("valid, unique and novel", n.ValidUniqueNovel),
			row("of the novel: atoms all as in the training set, within two bonds", n.KnownEnvironments),
		},
	}
	if n.RDKitNovelAmongUnique != nil {
		s.Rows = append(s.Rows, row("by RDKit: novel among valid and unique", *n.RDKitNovelAmongUnique),
			row("by RDKit: valid, unique and novel", *n.RDKitValidUniqueNovel))
	}
	return s
}

func (e *Evaluation) strainSection() report.Section {
	s := report.Section{
		Title: "Strain energy (MMFF94, kcal/mol above the next minimum)",
		Head:  []string{"", "median", "95 % interval", "mean", "95 % interval", "10 to 90 %", "molecules"},
	}
	line := func(name, format string, v Summary) {
		pair := func(p [2]float64) string { return fmt.Sprintf(format+" to "+format, p[0], p[1]) }
		s.Rows = append(s.Rows, []string{name, fmt.Sprintf(format, v.Median), pair(v.MedianInterval),
			fmt.Sprintf(format, v.Mean), pair(v.MeanInterval), pair(v.Quantiles), fmt.Sprint(v.Number)})
	}
	line("per molecule", "%.2f", e.Strain.Summary)
	line("per atom", "%.3f", e.Strain.PerAtom)
	s.Notes = append(s.Notes, fmt.Sprintf("Of %d stable, connected molecules.", e.Strain.Tried))
	for _, reason := range slices.Sorted(maps.Keys(e.Strain.Failed)) {
		s.Notes = append(s.Notes, fmt.Sprintf("%d without a value: %s", e.Strain.Failed[reason], reason))
	}
	if len(e.strain) > 0 {
		most := max(1, e.Strain.Quantiles[1]*1.5)
		h := &Histogram{Low: 0, Width: most / 50, Counts: make([]float64, 50)}
		for _, v := range e.strain {
			h.add(v)
		}
		s.Charts = append(s.Charts, chart.Chart{Title: "Strain energy", X: "kcal/mol", Y: "molecules",
			Zero: true, Series: []chart.Series{{X: h.edges(0, 50), Y: h.Counts, Steps: true, Filled: true}}})
	}
	return s
}

// names of the kinds of histograms.
var kindNames = map[string]string{"atoms": "atoms of a molecule", "elements": "elements",
	"distances": "all distances", "angles": "all bond angles", "length": "length", "angle": "angle at"}

func (d Divergence) title() string {
	if d.Name == "" {
		return kindNames[d.Kind]
	}
	return kindNames[d.Kind] + " " + d.Name
}

func (e *Evaluation) divergenceSection() report.Section {
	s := report.Section{
		Title: "Distributions against " + e.Reference,
		Head:  []string{"", "Jensen-Shannon", "noise", "Wasserstein", "noise", "unit", "values", "in the data"},
		Notes: []string{"Jensen-Shannon divergence in bits (0 to 1) and 1-Wasserstein distance of histograms. " +
			"Noise: the same of as many independent values drawn from the data."},
	}
	for _, d := range e.Divergences {
		w, noise := "-", "-"
		if d.Unit != "" {
			w, noise = fmt.Sprintf("%.4f", d.Wasserstein), fmt.Sprintf("%.4f", d.NoiseW)
		}
		s.Rows = append(s.Rows, []string{d.title(), fmt.Sprintf("%.4f", d.JS),
			fmt.Sprintf("%.4f", d.NoiseJS), w, noise, d.Unit, fmt.Sprint(d.Values), fmt.Sprint(d.Reference)})
		if e.set != nil {
			s.Charts = append(s.Charts, e.histogram(d))
		}
	}
	return s
}

// histogram draws a distribution beside the reference's.
func (e *Evaluation) histogram(d Divergence) chart.Chart {
	return e.set.chart(quantity{d.Kind, d.Name}, e.whole, "this")
}

// mostBins is the number of bins that a chart shows.
const mostBins = 80

// chart draws a histogram, and beside it that of other distributions, if any.
func (d distributions) chart(q quantity, other distributions, name string) chart.Chart {
	_, _, _, unit, _ := q.bins()
	c := chart.Chart{Title: Divergence{Kind: q.kind, Name: q.name}.title(), X: cmp.Or(unit, "element"),
		Y: "share", Zero: true}
	names, list := []string{name}, []*Histogram{d[q]}
	if h := other[q]; h != nil {
		names, list = append(names, "the data"), append(list, h)
	}
	from, to := len(d[q].Counts), 0
	for _, h := range list {
		lo, hi := h.within(0.0005)
		from, to = min(from, lo), max(to, hi)
	}
	var present []int // bins of elements
	for i := range d[q].Counts {
		if slices.ContainsFunc(list, func(h *Histogram) bool { return h.Counts[i] > 0 }) {
			present = append(present, i)
		}
	}
	for k, h := range list {
		if q.kind == "elements" {
			picked := &Histogram{Low: -0.5, Width: 1, Total: h.Total}
			for _, i := range present {
				picked.Counts = append(picked.Counts, h.Counts[i])
				if k == 0 {
					c.Labels = append(c.Labels, elementAt(i))
				}
			}
			h = picked
		} else {
			h = h.grouped(from, to, max(1, (to-from+mostBins-1)/mostBins))
		}
		c.Series = append(c.Series, chart.Series{Name: names[k], X: h.edges(0, len(h.Counts)),
			Y: h.density(), Steps: true, Filled: true})
	}
	return c
}

func elementAt(bin int) string { return molecule.Element(bin + 1).Symbol() }

// edges are the left edges of bins [from, to), and the right one of the last.
func (h *Histogram) edges(from, to int) []float64 {
	x := make([]float64, 0, to-from+1)
	for i := from; i <= to; i++ {
		x = append(x, h.Low+float64(i)*h.Width)
	}
	return x
}

// within is the range of bins that leaves out a share at either end.
func (h *Histogram) within(share float64) (from, to int) {
	sum := 0.0
	for from = 0; from < len(h.Counts)-1 && sum+h.Counts[from] <= share*h.Total; from++ {
		sum += h.Counts[from]
	}
	sum = 0
	for to = len(h.Counts); to > from+1 && sum+h.Counts[to-1] <= share*h.Total; to-- {
		sum += h.Counts[to-1]
	}
	return from, to
}

// grouped joins bins [from, to) n at a time.
func (h *Histogram) grouped(from, to, n int) *Histogram {
	g := &Histogram{Low: h.Low + float64(from)*h.Width, Width: h.Width * float64(n), Total: h.Total}
	for i := from; i < to; i += n {
		sum := 0.0
		for _, c := range h.Counts[i:min(i+n, to)] {
			sum += c
		}
		g.Counts = append(g.Counts, sum)
	}
	return g
}

// density is each bin's share.
func (h *Histogram) density() []float64 {
	y := make([]float64, len(h.Counts))
	for i, c := range h.Counts {
		y[i] = c / math.Max(1, h.Total)
	}
	return y
}
