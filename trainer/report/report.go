// Package report writes tables and charts as text for a terminal, as Markdown,
// and as one page that needs nothing beside itself.
package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/symdiff-go/symdiff/trainer/chart"
)

// Report is a title with sections.
type Report struct {
	Title    string
	Lead     string // one line below the title
	Sections []Section
}

// Section is a table, charts, drawings, or more of these. Charts and drawings are on the page only.
type Section struct {
	Title  string
	Head   []string // of the columns; the first column names the rows
	Rows   [][]string
	Notes  []string
	Charts []chart.Chart

	Molecules []chart.Molecule
}

// Text writes the tables for a terminal, numbers aligned.
func (r Report) Text(w io.Writer) error {
	fmt.Fprintln(w, r.Title)
	if r.Lead != "" {
		fmt.Fprintln(w, r.Lead)
	}
	for _, s := range r.Sections {
		if len(s.Rows) == 0 && len(s.Notes) == 0 {
			continue
		}
		fmt.Fprintln(w)
		if s.Title != "" {
			fmt.Fprintln(w, s.Title)
		}
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
		if len(s.Rows) > 0 {
			fmt.Fprintln(t, strings.Join(s.Head, "\t")+"\t")
		}
		for _, row := range s.Rows {
			fmt.Fprintln(t, strings.Join(row, "\t")+"\t")
		}
		if err := t.Flush(); err != nil {
			return err
		}
		for _, n := range s.Notes {
			fmt.Fprintln(w, n)
		}
	}
	return nil
}

// Markdown writes the tables as GitHub's Markdown.
func (r Report) Markdown(w io.Writer) error {
	var b strings.Builder
	cell := func(s string) string { return strings.NewReplacer("|", `\|`, "\n", " ").Replace(s) }
	line := func(cells []string) {
		b.WriteByte('|')
		for _, c := range cells {
			b.WriteString(" " + cell(c) + " |")
		}
		b.WriteByte('\n')
	}
	fmt.Fprintf(&b, "# %s\n", r.Title)
	if r.Lead != "" {
		fmt.Fprintf(&b, "\n%s\n", r.Lead)
	}
	for _, s := range r.Sections {
		if len(s.Rows) == 0 && len(s.Notes) == 0 {
			continue
		}
		b.WriteByte('\n')
		if s.Title != "" {
			fmt.Fprintf(&b, "## %s\n\n", s.Title)
		}
		if len(s.Rows) > 0 {
			line(s.Head)
			b.WriteString("|---|" + strings.Repeat("--:|", len(s.Head)-1) + "\n")
		}
		for _, row := range s.Rows {
			line(row)
		}
		for _, n := range s.Notes {
			fmt.Fprintf(&b, "\n%s\n", n)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"svg": func(c interface{ SVG() string }) template.HTML { return template.HTML(c.SVG()) },
}).Parse(pageText))

// HTML writes the page: no script, nothing from elsewhere, light and dark.
func (r Report) HTML(w io.Writer) error { return page.Execute(w, r) }
