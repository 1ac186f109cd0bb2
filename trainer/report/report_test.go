package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/trainer/chart"
)

var example = Report{
	Title: "a|b <c>", Lead: "lead",
	Sections: []Section{
		{Title: "numbers", Head: []string{"", "value"}, Rows: [][]string{{"x|y", "1.5"}, {"<z>", "22.5"}},
			Notes: []string{"note"}, Charts: []chart.Chart{{Title: "c",
				Series: []chart.Series{{X: []float64{1}, Y: []float64{1}}}}}},
		{Title: "empty"},
	},
}

func TestText(t *testing.T) {
	var b bytes.Buffer
	if err := example.Text(&b); err != nil {
		t.Fatal(err)
	}
	const want = "a|b <c>\nlead\n\nnumbers\n       value\n  x|y    1.5\n  <z>   22.5\nnote\n"
	if b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}

func TestMarkdown(t *testing.T) {
	var b bytes.Buffer
	if err := example.Markdown(&b); err != nil {
		t.Fatal(err)
	}
	const want = "# a|b <c>\n\nlead\n\n## numbers\n\n|  | value |\n|---|--:|\n| x\\|y | 1.5 |\n| <z> | 22.5 |\n\nnote\n"
	if b.String() != want {
		t.Errorf("%q, want %q", b.String(), want)
	}
}

func TestHTML(t *testing.T) {
	var b bytes.Buffer
	if err := example.HTML(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"<h1>a|b &lt;c&gt;</h1>", "<td>22.5</td>", `<th scope="row">&lt;z&gt;</th>`,
		"<svg", "prefers-color-scheme: dark", "default-src 'none'"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in the page", want)
		}
	}
}
