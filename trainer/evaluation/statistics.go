package evaluation

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/trainer/chart"
	"github.com/symdiff-go/symdiff/trainer/report"
)

// Statistics describe a data set.
type Statistics struct {
	File            string         `json:"file"`
	Molecules       int            `json:"molecules"`
	Atoms           int            `json:"atoms"`
	Sizes           map[int]int    `json:"sizes"`    // atoms of a molecule -> molecules
	Elements        map[string]int `json:"elements"` // atoms
	StableAtoms     Share          `json:"stable_atoms"`
	StableMolecules Share          `json:"stable_molecules"`
	Valid           Share          `json:"valid"`
	Connected       Share          `json:"connected"`
	Distances       Spread         `json:"distances"` // of all pairs, Å
	Bonds           []Spread       `json:"bonds"`     // lengths, Å, the commonest first
	Angles          []Spread       `json:"angles"`    // degrees, at an element

	set distributions
}

// Spread describes the values of a histogram.
type Spread struct {
	Name  string  `json:"name"`
	Count int     `json:"count"`
	Mean  float64 `json:"mean"`
	Std   float64 `json:"std"`
	Low   float64 `json:"low"`  // quantile at 0.1 %, to the width of a bin
	High  float64 `json:"high"` // at 99.9 %
}

// spread finds mean and deviation from the middles of bins.
func (h *Histogram) spread(name string) Spread {
	s := Spread{Name: name, Count: int(h.Total)}
	for i, n := range h.Counts {
		x := h.Low + (float64(i)+0.5)*h.Width
		s.Mean += n * x / h.Total
		s.Std += n * x * x / h.Total
	}
	s.Std = math.Sqrt(max(0, s.Std-s.Mean*s.Mean))
	from, to := h.within(0.001)
	s.Low, s.High = h.Low+float64(from)*h.Width, h.Low+float64(to)*h.Width
	return s
}

// Statistics describe the molecules that were measured.
func (e *Evaluation) Statistics() Statistics {
	s := Statistics{File: e.File, Molecules: e.Molecules, Atoms: e.Atoms, Sizes: map[int]int{},
		Elements: map[string]int{}, set: e.set}
	for _, r := range e.Rates() {
		switch r.Key {
		case "stable_atoms":
			s.StableAtoms = r.Share
		case "stable_molecules":
			s.StableMolecules = r.Share
		case "valid":
			s.Valid = r.Share
		case "connected":
			s.Connected = r.Share
		}
	}
	for q, h := range e.set {
		switch q.kind {
		case "atoms", "elements":
			for i, n := range h.Counts {
				switch {
				case n == 0:
				case q.kind == "atoms":
					s.Sizes[i+1] = int(n)
				default:
					s.Elements[molecule.Element(i+1).Symbol()] = int(n)
				}
			}
		case "distances":
			s.Distances = h.spread("all pairs")
		case "length":
			s.Bonds = append(s.Bonds, h.spread(q.name))
		case "angle":
			s.Angles = append(s.Angles, h.spread(q.name))
		}
	}
	for _, list := range [][]Spread{s.Bonds, s.Angles} {
		slices.SortFunc(list, func(a, b Spread) int {
			return cmp.Or(cmp.Compare(b.Count, a.Count),
				cmp.Compare(a.Name, b.Name))
		})
	}
	return s
}

// Document is the statistics to be read.
func (s Statistics) Document() report.Report {
	r := report.Report{Title: fmt.Sprintf("%s: %d molecules, %d atoms", s.File, s.Molecules, s.Atoms)}
	sizes := report.Section{Title: "Sizes", Head: []string{"atoms", "molecules", "%"},
		Charts: s.charts("atoms")}
	for n := range len(s.set[quantity{"atoms", ""}].Counts) {
		if count := s.Sizes[n+1]; count > 0 {
			sizes.Rows = append(sizes.Rows, []string{fmt.Sprint(n + 1), fmt.Sprint(count),
				fmt.Sprintf("%.2f", 100*float64(count)/float64(s.Molecules))})
		}
	}
	elements := report.Section{Title: "Elements", Head: []string{"", "atoms", "%"},
		Charts: s.charts("elements")}
	for z := molecule.Element(1); z <= 118; z++ {
		if n := s.Elements[z.Symbol()]; n > 0 {
			elements.Rows = append(elements.Rows, []string{z.Symbol(), fmt.Sprint(n),
				fmt.Sprintf("%.3f", 100*float64(n)/float64(s.Atoms))})
		}
	}
	table := func(title, unit, format, kind string, list []Spread) report.Section {
		section := report.Section{Title: title, Head: []string{unit, "count", "mean", "std", "0.1 %",
			"99.9 %"}, Charts: s.charts(kind)}
		for _, b := range list {
			section.Rows = append(section.Rows, []string{b.Name, fmt.Sprint(b.Count),
				fmt.Sprintf(format, b.Mean), fmt.Sprintf(format, b.Std), fmt.Sprintf(format, b.Low),
				fmt.Sprintf(format, b.High)})
		}
		return section
	}
	r.Sections = []report.Section{
		{Head: shareHead, Rows: [][]string{row("stable atoms", s.StableAtoms),
			row("stable molecules", s.StableMolecules), row("valid", s.Valid), row("connected", s.Connected)}},
		sizes, elements, table("Distances of all pairs", "Å", "%.2f", "distances", []Spread{s.Distances}),
		table("Bond lengths", "Å", "%.3f", "length", s.Bonds), table("Bond angles", "degrees, at", "%.1f", "angle", s.Angles),
	}
	return r
}

// mostCharts bounds the charts of a kind.
const mostCharts = 12

// charts draws the histograms of a kind, the commonest first.
func (s Statistics) charts(kind string) (list []chart.Chart) {
	var all []quantity
	for q, h := range s.set {
		if q.kind == kind && h.Total >= leastValues {
			all = append(all, q)
		}
	}
	slices.SortFunc(all, func(a, b quantity) int {
		return cmp.Or(cmp.Compare(s.set[b].Total, s.set[a].Total), cmp.Compare(a.name, b.name))
	})
	for _, q := range all[:min(mostCharts, len(all))] {
		list = append(list, s.set.chart(q, nil, ""))
	}
	return list
}
