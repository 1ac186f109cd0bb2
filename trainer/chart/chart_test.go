package chart

import (
	"encoding/xml"
	"io"
	"math"
	"slices"
	"strings"
	"testing"
)

func wellFormed(t *testing.T, svg string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatalf("%v in %s", err, svg)
		}
	}
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		a    axis
		n    int
		want []float64
	}{
		{axis{low: 0, high: 1}, 5, []float64{0, 0.2, 0.4, 0.6, 0.8, 1}},
		{axis{low: -3, high: 17}, 5, []float64{0, 5, 10, 15}},
		{axis{low: 1, high: 1000, log: true}, 5, []float64{1, 10, 100, 1000}},
		{axis{low: 1, high: 20, log: true}, 5, []float64{1, 2, 5, 10, 20}},
	} {
		got := c.a.ticks(c.n)
		if !slices.EqualFunc(got, c.want, func(a, b float64) bool { return math.Abs(a-b) < 1e-9 }) {
			t.Errorf("%+v: %v, want %v", c.a, got, c.want)
		}
	}
}

func TestPlaces(t *testing.T) {
	a := axis{low: 10, high: 1000, from: 0, to: 100, log: true}
	for v, want := range map[float64]float64{10: 0, 100: 50, 1000: 100, 1: 0, 5000: 100} {
		if got := a.at(v); math.Abs(got-want) > 1e-9 {
			t.Errorf("%v at %v, want %v", v, got, want)
		}
	}
}

func TestSVG(t *testing.T) {
	charts := map[string]Chart{
		"two curves": {Title: `a < b & "c"`, X: "x", Y: "y",
			Series: []Series{{Name: "<one>", X: []float64{0, 1, 2}, Y: []float64{1, math.NaN(), 3}, Points: true},
				{Name: "two", X: []float64{0, 1}, Y: []float64{2, 2}}}},
		"histogram": {Title: "h", Zero: true,
			Series: []Series{{X: []float64{0, 1, 2, 3}, Y: []float64{4, 0, 2}, Steps: true, Filled: true}}},
		"intervals": {Title: "i", NoLegend: true, Labels: []string{"a", "b"},
			Series: []Series{{X: []float64{0}, Y: []float64{1}, Low: []float64{0.5}, High: []float64{2}, Points: true},
				{X: []float64{1}, Y: []float64{1}}}},
		"log": {Title: "l", LogX: true, LogY: true,
			Series: []Series{{X: []float64{0, 1, 100}, Y: []float64{1e-3, 1, 1e3}}}},
		"one value": {Title: "v", Series: []Series{{X: []float64{5}, Y: []float64{7}}}},
		"nothing":   {Title: "n", Series: []Series{{}}},
	}
	for name, c := range charts {
		svg := c.SVG()
		wellFormed(t, svg)
		if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
			t.Errorf("%s: %s", name, svg)
		}
	}
	svg := charts["two curves"].SVG()
	if !strings.Contains(svg, "a &lt; b &amp; &#34;c&#34;") || strings.Count(svg, "<circle") != 2 ||
		!strings.Contains(svg, "&lt;one&gt;") {
		t.Errorf("texts, points or legend: %s", svg)
	}
	if strings.Contains(charts["intervals"].SVG(), "<rect") {
		t.Error("a legend that is not wanted")
	}
}
