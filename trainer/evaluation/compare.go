package evaluation

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/trainer/chart"
	"github.com/symdiff-go/symdiff/trainer/report"
)

// Entry is a model, or another source of molecules, in a comparison: one
// evaluation per seed.
type Entry struct {
	Name  string                `json:"name"`
	Runs  []*Evaluation         `json:"runs"`
	Mean  map[string]float64    `json:"mean"`           // by column, of the runs
	Std   map[string]float64    `json:"std,omitempty"`  // between the runs, where there are several
	Range map[string][2]float64 `json:"range,omitzero"` // 95 % interval of a single run
}

// Comparison is a table of entries, in the layout of the papers' tables.
type Comparison struct {
	Entries []Entry `json:"entries"`
}

// column is a measure of the table.
type column struct {
	key, head, format string
	scale             float64
	value             func(*Evaluation) (value float64, interval [2]float64, ok bool)
}

func shareColumn(key, head string, get func(*Evaluation) *Share) column {
	return column{key, head, "%.2f", 100, func(e *Evaluation) (float64, [2]float64, bool) {
		s := get(e)
		if s == nil || s.Of == 0 {
			return 0, [2]float64{}, false
		}
		return s.Value, s.Interval, true
	}}
}

// rate finds a rate of the report.
func rate(key string) func(*Evaluation) *Share {
	return func(e *Evaluation) *Share {
		for _, r := range e.Rates() {
			if r.Key == key {
				return &r.Share
			}
		}
		return nil
	}
}

// distance finds the Wasserstein distance of a kind of distribution.
func distance(kind string) func(*Evaluation) (float64, [2]float64, bool) {
	return func(e *Evaluation) (float64, [2]float64, bool) {
		for _, d := range e.Divergences {
			if d.Kind == kind {
				return d.Wasserstein, [2]float64{d.Wasserstein, d.Wasserstein}, true
			}
		}
		return 0, [2]float64{}, false
	}
}

// divergence finds the Jensen-Shannon divergence of a kind of distribution.
func divergence(kind string) func(*Evaluation) (float64, [2]float64, bool) {
	return func(e *Evaluation) (float64, [2]float64, bool) {
		for _, d := range e.Divergences {
			if d.Kind == kind {
				return d.JS, [2]float64{d.JS, d.JS}, true
			}
		}
		return 0, [2]float64{}, false
	}
}

// family finds the Jensen-Shannon divergence of a family of features.
func family(name string) func(*Evaluation) (float64, [2]float64, bool) {
	return func(e *Evaluation) (float64, [2]float64, bool) {
		if e.Structure == nil {
			return 0, [2]float64{}, false
		}
		for _, f := range e.Structure.Families {
			if f.Name == name {
				return f.JS, [2]float64{f.JS, f.JS}, true
			}
		}
		return 0, [2]float64{}, false
	}
}

// columns are the measures, those of the paper first; one that no entry has is
// left out.
var columns = []column{
	{"nll", "NLL", "%.1f", 1, func(e *Evaluation) (float64, [2]float64, bool) {
		if e.Likelihood == nil {
			return 0, [2]float64{}, false
		}
		half := 1.96 * e.Likelihood.StandardError
		return e.Likelihood.NLL, [2]float64{e.Likelihood.NLL - half, e.Likelihood.NLL + half}, true
	}},
	shareColumn("stable_atoms", "atom stability %", rate("stable_atoms")),
	shareColumn("stable_molecules", "molecule stability %", rate("stable_molecules")),
	shareColumn("valid", "valid %", rate("valid")),
	shareColumn("rdkit_valid", "valid (RDKit) %", func(e *Evaluation) *Share {
		if e.RDKit == nil {
			return nil
		}
		return &e.RDKit.Valid
	}),
	shareColumn("unique_among_valid", "unique among valid %", rate("unique_among_valid")),
	shareColumn("valid_and_unique", "valid and unique %", rate("valid_and_unique")),
	shareColumn("novel_among_unique", "novel among unique %", func(e *Evaluation) *Share {
		if e.Novelty == nil {
			return nil
		}
		return &e.Novelty.NovelAmongUnique
	}),
	shareColumn("valid_unique_novel", "valid, unique, novel %", func(e *Evaluation) *Share {
		if e.Novelty == nil {
			return nil
		}
		return &e.Novelty.ValidUniqueNovel
	}),
	shareColumn("connected", "connected %", rate("connected")),
	shareColumn("sound", "plausible %", func(e *Evaluation) *Share { return &e.Geometry.Plausible }),
	{"strain", "strain, median kcal/mol", "%.1f", 1, func(e *Evaluation) (float64, [2]float64, bool) {
		if e.Strain == nil || e.Strain.Number == 0 {
			return 0, [2]float64{}, false
		}
		return e.Strain.Median, e.Strain.MedianInterval, true
	}},
	{"distances", "distances, W Å", "%.3f", 1, distance("distances")},
	{"angles", "angles, W degrees", "%.2f", 1, distance("angles")},
	shareColumn("aromatic", "aromatic ring %", func(e *Evaluation) *Share { return &e.Geometry.Rings }),
	{"nfe", "NFE", "%.0f", 1, func(e *Evaluation) (float64, [2]float64, bool) {
		return float64(e.NFE), [2]float64{float64(e.NFE), float64(e.NFE)}, e.NFE > 0
	}},
	{"distances_js", "distances, JS", "%.4f", 1, divergence("distances")},
	{"angles_js", "angles, JS", "%.4f", 1, divergence("angles")},
	{"bonds_js", "bonds, JS", "%.4f", 1, family("bonds")},
	{"rings_js", "rings, JS", "%.4f", 1, family("rings")},
	{"groups_js", "functional groups, JS", "%.4f", 1, family("functional groups")},
	{"frechet", "Fréchet distance of descriptors", "%.3f", 1, func(e *Evaluation) (float64, [2]float64, bool) {
		if e.Structure == nil {
			return 0, [2]float64{}, false
		}
		return e.Structure.Frechet, [2]float64{e.Structure.Frechet, e.Structure.Frechet}, true
	}},
	shareColumn("novel_known", "novel by the data's environments %", func(e *Evaluation) *Share {
		if e.Novelty == nil {
			return nil
		}
		return &e.Novelty.KnownEnvironments
	}),
}

// Add adds the runs of a model, at least one.
func (c *Comparison) Add(name string, runs []*Evaluation) {
	e := Entry{Name: name, Runs: runs, Mean: map[string]float64{}}
	for _, col := range columns {
		var values []float64
		var interval [2]float64
		for _, run := range runs {
			if v, i, ok := col.value(run); ok {
				values, interval = append(values, v), i
			}
		}
		switch {
		case len(values) != len(runs):
		case len(runs) == 1:
			e.Mean[col.key] = values[0]
			if e.Range == nil {
				e.Range = map[string][2]float64{}
			}
			e.Range[col.key] = interval
		default:
			if e.Std == nil {
				e.Std = map[string]float64{}
			}
			e.Mean[col.key], e.Std[col.key] = stat.MeanStdDev(values, nil)
		}
	}
	c.Entries = append(c.Entries, e)
}

// cell is a measure of an entry: mean ± std over the runs, or the value of the
// only one with its interval.
func (e *Entry) cell(col column) string {
	mean, ok := e.Mean[col.key]
	if !ok {
		return "-"
	}
	text := fmt.Sprintf(col.format, col.scale*mean)
	if std, ok := e.Std[col.key]; ok {
		return text + fmt.Sprintf(" ± "+col.format, col.scale*std)
	}
	if r := e.Range[col.key]; r[0] != r[1] {
		return text + fmt.Sprintf(" ("+col.format+" to "+col.format+")", col.scale*r[0], col.scale*r[1])
	}
	return text
}

// rules says that the entries were not judged by one rule, where that is so.
func (c *Comparison) rules() string {
	by := map[molecule.Rule][]string{}
	for _, e := range c.Entries {
		for _, run := range e.Runs {
			if names := by[run.Rule]; !slices.Contains(names, e.Name) {
				by[run.Rule] = append(names, e.Name)
			}
		}
	}
	geom := by[molecule.GEOMRule]
	if len(geom) == 0 || len(by) == 1 {
		return ""
	}
	return "Valid and unique of " + strings.Join(geom, ", ") + " are by " + molecule.GEOMRule.Name() +
		", the others by " + molecule.QM9Rule.Name() + ": these do not compare. --rule sets one rule for all."
}

// Document is the comparison to be read.
func (c *Comparison) Document() report.Report {
	r := report.Report{Title: fmt.Sprintf("Comparison of %d", len(c.Entries))}
	s := report.Section{Head: []string{""}}
	var used []column
	for _, col := range columns {
		for _, e := range c.Entries {
			if _, ok := e.Mean[col.key]; ok {
				used = append(used, col)
				s.Head = append(s.Head, col.head)
				break
			}
		}
	}
	s.Head = append(s.Head, "runs", "molecules")
	for _, e := range c.Entries {
		line, molecules := []string{e.Name}, 0
		for _, col := range used {
			line = append(line, e.cell(col))
		}
		for _, run := range e.Runs {
			molecules += run.Molecules
		}
		s.Rows = append(s.Rows, append(line, fmt.Sprint(len(e.Runs)), fmt.Sprint(molecules)))
	}
	s.Notes = []string{"Several runs: mean ± standard deviation between them. One run: value and 95 % " +
		"interval. NLL in nats per molecule; W: Wasserstein distance to the data. Plausible: stable, connected, no " +
		"bond, angle, ring or contact out of order."}
	if note := c.rules(); note != "" {
		s.Notes = append(s.Notes, note)
	}
	for _, col := range used {
		s.Charts = append(s.Charts, c.bars(col))
	}
	overlays := report.Section{Title: "Distributions"}
	for _, q := range []quantity{{"atoms", ""}, {"distances", ""}, {"angles", ""}, {"length", "C-H"},
		{"length", "C-C"}} {
		if plot, ok := c.overlay(q); ok {
			overlays.Charts = append(overlays.Charts, plot)
		}
	}
	r.Sections = []report.Section{s}
	if len(overlays.Charts) > 0 {
		r.Sections = append(r.Sections, overlays)
	}
	return r
}

// bars is a measure of all entries as points with their intervals.
func (c *Comparison) bars(col column) chart.Chart {
	p := chart.Chart{Title: col.head, NoLegend: true}
	for i, e := range c.Entries {
		p.Labels = append(p.Labels, short(e.Name))
		mean, ok := e.Mean[col.key]
		if !ok {
			continue
		}
		low, high := mean-e.Std[col.key], mean+e.Std[col.key]
		if r, ok := e.Range[col.key]; ok {
			low, high = r[0], r[1]
		}
		// One series a point: they are not a curve.
		p.Series = append(p.Series, chart.Series{Name: e.Name, X: []float64{float64(i)},
			Y: []float64{col.scale * mean}, Points: true,
			Low: []float64{col.scale * low}, High: []float64{col.scale * high}})
	}
	return p
}

// overlay draws a distribution of every entry measured here.
func (c *Comparison) overlay(q quantity) (chart.Chart, bool) {
	p := chart.Chart{Title: Divergence{Kind: q.kind, Name: q.name}.title(), Y: "share", Zero: true}
	_, _, _, p.X, _ = q.bins()
	type named struct {
		name string
		h    *Histogram
	}
	var list []named
	for _, e := range c.Entries {
		if h := e.Runs[0].set[q]; h != nil && len(list) < 3 {
			list = append(list, named{short(e.Name), h})
			if data := e.Runs[0].whole[q]; data != nil && len(list) == 1 {
				list = append(list, named{"the data", data})
			}
		}
	}
	if len(list) == 0 {
		return p, false
	}
	from, to := math.MaxInt, 0
	for _, n := range list {
		a, b := n.h.within(0.0005)
		from, to = min(from, a), max(to, b)
	}
	for _, n := range list {
		h := n.h.grouped(from, to, max(1, (to-from+79)/80))
		p.Series = append(p.Series, chart.Series{Name: n.name, X: h.edges(0, len(h.Counts)),
			Y: h.density(), Steps: true})
	}
	return p, true
}

// short is the end of a long name.
func short(name string) string {
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		name = name[i+1:]
	}
	if r := []rune(name); len(r) > 16 {
		return string(r[:15]) + "…"
	}
	return name
}
