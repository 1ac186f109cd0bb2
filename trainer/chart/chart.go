// Package chart draws lines and histograms as SVG that fits into a page: it
// scales with the width, takes its colours from CSS variables where the page
// sets them (--chart-ink, --chart-grid, --chart-1 to --chart-4) and gives its
// content to screen readers.
package chart

import (
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"
)

// Series is a curve.
type Series struct {
	Name   string
	X, Y   []float64
	Low    []float64 // with High, the interval of each point; nil: none
	High   []float64
	Steps  bool // a histogram: X are the left edges of bins, and one more
	Filled bool // the area below is tinted
	Points bool // points are marked
}

// Chart is a plot of one or more series.
type Chart struct {
	Title, X, Y string
	Series      []Series
	LogX, LogY  bool // logarithmic axes
	Zero        bool // the y axis starts at 0
	NoLegend    bool
	Labels      []string // of whole numbers x = 0, 1, ... instead of numbers
}

const (
	width, height            = 520.0, 300.0
	left, right, top, bottom = 62.0, 14.0, 34.0, 46.0
)

var colours = []string{"#1f5fa8", "#c4622d", "#2e7d4f", "#7a4a9e"}

// axis maps values to places.
type axis struct {
	low, high, from, to float64
	log                 bool
}

func (a axis) at(v float64) float64 {
	l, h := a.low, a.high
	if a.log {
		v, l, h = math.Log10(max(v, a.low)), math.Log10(l), math.Log10(h)
	}
	return a.from + (min(max(v, l), h)-l)/(h-l)*(a.to-a.from)
}

// ticks are round values within the axis, about n of them.
func (a axis) ticks(n int) []float64 {
	var list []float64
	if a.log {
		for e := math.Floor(math.Log10(a.low)); e <= math.Ceil(math.Log10(a.high)); e++ {
			for _, m := range []float64{1, 2, 5} {
				if v := m * math.Pow(10, e); v >= a.low*(1-1e-9) && v <= a.high*(1+1e-9) &&
					(m == 1 || a.high/a.low < 100) {
					list = append(list, v)
				}
			}
		}
		return list
	}
	step := math.Pow(10, math.Floor(math.Log10((a.high-a.low)/float64(n))))
	for _, m := range []float64{1, 2, 5, 10} {
		if (a.high-a.low)/(step*m) <= float64(n) {
			step *= m
			break
		}
	}
	for i := math.Ceil(a.low/step - 1e-9); i*step <= a.high+1e-9*step; i++ {
		list = append(list, i*step)
	}
	return list
}

// SVG is the chart as an element of a page, or as a file.
func (c Chart) SVG() string {
	x, y := c.axes()
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" role="img" aria-label="%s" font-family="system-ui,sans-serif" font-size="12">`,
		width, height, html.EscapeString(c.Title))
	fmt.Fprintf(&b, `<title>%s</title><g fill="var(--chart-ink,#222)">`, html.EscapeString(c.Title))
	text := func(px, py float64, anchor, extra, s string) {
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="%s"%s>%s</text>`, px, py, anchor, extra, html.EscapeString(s))
	}
	text(left, 16, "start", ` font-weight="600" font-size="13"`, c.Title)
	text((left+width-right)/2, height-8, "middle", "", c.X)
	text(14, (top+height-bottom)/2, "middle", fmt.Sprintf(` transform="rotate(-90 14 %.1f)"`, (top+height-bottom)/2), c.Y)
	grid := func(x1, y1, x2, y2 float64) {
		fmt.Fprintf(&b, `<path d="M%.1f %.1fL%.1f %.1f" stroke="var(--chart-grid,#ddd)"/>`, x1, y1, x2, y2)
	}
	for _, v := range y.ticks(5) {
		grid(left, y.at(v), width-right, y.at(v))
		text(left-6, y.at(v)+4, "end", "", number(v))
	}
	if c.Labels != nil {
		for i, s := range c.Labels {
			text(x.at(float64(i)), height-bottom+16, "middle", "", s)
		}
	} else {
		for _, v := range x.ticks(8) {
			grid(x.at(v), height-bottom, x.at(v), height-bottom+4)
			text(x.at(v), height-bottom+16, "middle", "", number(v))
		}
	}
	grid(left, height-bottom, width-right, height-bottom)
	b.WriteString("</g>")
	for i, s := range c.Series {
		colour := fmt.Sprintf("var(--chart-%d,%s)", i%len(colours)+1, colours[i%len(colours)])
		s.draw(&b, x, y, colour)
		if len(c.Series) > 1 && !c.NoLegend {
			fmt.Fprintf(&b, `<g fill="var(--chart-ink,#222)"><rect x="%.1f" y="%.1f" width="12" height="3" style="fill:%s"/>`, width-right-150, top+float64(14*i)+3, colour)
			text(width-right-132, top+float64(14*i)+9, "start", "", s.Name)
			b.WriteString("</g>")
		}
	}
	b.WriteString("</svg>")
	return b.String()
}

// axes finds the ranges.
func (c Chart) axes() (x, y axis) {
	x = axis{low: math.Inf(1), high: math.Inf(-1), from: left, to: width - right, log: c.LogX}
	y = axis{low: math.Inf(1), high: math.Inf(-1), from: height - bottom, to: top, log: c.LogY}
	include := func(a *axis, v float64) {
		if !math.IsNaN(v) && !math.IsInf(v, 0) && (!a.log || v > 0) {
			a.low, a.high = min(a.low, v), max(a.high, v)
		}
	}
	for _, s := range c.Series {
		for _, v := range s.X {
			include(&x, v)
		}
		for _, list := range [][]float64{s.Y, s.Low, s.High} {
			for _, v := range list {
				include(&y, v)
			}
		}
	}
	if room := 0.05 * (y.high - y.low); !c.LogY && room > 0 {
		y.low, y.high = y.low-room, y.high+room
	}
	if c.Zero {
		y.low = 0
	}
	if c.Labels != nil {
		x.low, x.high = -0.5, float64(len(c.Labels))-0.5
	}
	for _, a := range []*axis{&x, &y} {
		if a.low > a.high {
			a.low, a.high = 1, 2
		}
		if a.low == a.high {
			a.low, a.high = a.low*0.9-1e-9, a.high*1.1+1e-9
			if a.log {
				a.low = a.high / 2
			}
		}
	}
	return x, y
}

// draw adds a curve.
func (s Series) draw(b *strings.Builder, x, y axis, colour string) {
	var path strings.Builder
	pen := byte('M')
	to := func(px, py float64) {
		fmt.Fprintf(&path, "%c%.2f %.2f", pen, px, py)
		pen = 'L'
	}
	if s.Low != nil {
		for i := range s.X {
			fmt.Fprintf(b, `<path d="M%.2f %.2fV%.2f" style="stroke:%s;opacity:.5"/>`, x.at(s.X[i]), y.at(s.Low[i]),
				y.at(s.High[i]), colour)
		}
	}
	for i, v := range s.Y {
		if math.IsNaN(v) {
			pen = 'M'
			continue
		}
		to(x.at(s.X[i]), y.at(v))
		if s.Steps {
			to(x.at(s.X[i+1]), y.at(v))
		}
		if s.Points {
			fmt.Fprintf(b, `<circle cx="%.2f" cy="%.2f" r="2.5" style="fill:%s"><title>%s</title></circle>`,
				x.at(s.X[i]), y.at(v), colour,
				html.EscapeString(s.Name+" "+number(s.X[i])+": "+number(v)))
		}
	}
	if path.Len() == 0 {
		return
	}
	if s.Filled {
		fmt.Fprintf(b, `<path d="M%.2f %.2fL%sL%.2f %.2fZ" style="fill:%s;opacity:.15"/>`, x.at(s.X[0]), y.from,
			path.String()[1:], x.at(s.X[len(s.X)-1]), y.from, colour)
	}
	fmt.Fprintf(b, `<path d="%s" style="fill:none;stroke:%s;stroke-width:1.6;stroke-linejoin:round"/>`,
		path.String(), colour)
}

// number is short.
func number(v float64) string {
	if v != 0 && (math.Abs(v) < 1e-3 || math.Abs(v) >= 1e6) {
		return strconv.FormatFloat(v, 'e', -1, 32)
	}
	return strconv.FormatFloat(math.Round(v*1e6)/1e6+0, 'f', -1, 64) // + 0: no negative zero
}
