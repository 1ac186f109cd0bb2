// Command tables writes the tables of figures in the repository's Markdown from the JSON files that
// commands wrote. A table stands between two marks,
//
//	<!-- table KIND FILE... -->
//	<!-- /table -->
//
// where KIND names a function of kinds, and FILE is relative to the top of the repository. Without
// arguments it rewrites every tracked *.md file; with -check it changes nothing, names each stale
// table and exits with 1.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
)

var (
	mark     = regexp.MustCompile(`(?s)(<!-- table ([a-z-]+)((?: [^ \n]+)*) -->\n)(.*?)(<!-- /table -->)`)
	unclosed = regexp.MustCompile(`<!-- table `)
)

func main() {
	check := flag.Bool("check", false, "change nothing; exit with 1 where a table is stale")
	flag.Parse()
	if err := run(*check, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "tables:", err)
		os.Exit(1)
	}
}

func run(check bool, files []string) error {
	if len(files) == 0 {
		list, err := exec.Command("git", "ls-files", "-co", "--exclude-standard", "*.md").Output()
		if err != nil {
			return fmt.Errorf("git ls-files: %w", err)
		}
		files = strings.Fields(string(list))
	}
	var stale []string
	for _, file := range files {
		old, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		text, err := fill(string(old))
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if bytes.Equal(old, []byte(text)) {
			continue
		}
		if stale = append(stale, file); check {
			continue
		}
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
			return err
		}
	}
	if check && len(stale) > 0 {
		return fmt.Errorf("%s: a table is stale; run make tables", strings.Join(stale, ", "))
	}
	return nil
}

// fill returns the text with every table made anew.
func fill(text string) (string, error) {
	if a, b := len(unclosed.FindAllString(text, -1)), len(mark.FindAllString(text, -1)); a != b {
		return "", fmt.Errorf("%d marks of a table, %d of them closed", a, b)
	}
	var fault error
	text = mark.ReplaceAllStringFunc(text, func(all string) string {
		m := mark.FindStringSubmatch(all)
		make, ok := kinds[m[2]]
		if !ok {
			fault = fmt.Errorf("table %s: no such kind", m[2])
			return all
		}
		rows, err := make(strings.Fields(m[3]))
		if err != nil {
			fault = fmt.Errorf("table %s: %w", m[2], err)
			return all
		}
		return m[1] + layout(rows) + m[5]
	})
	return text, fault
}

// layout is a Markdown table: the first row is its head, the first column names the rows, numbers
// stand to the right.
func layout(rows [][]string) string {
	var b strings.Builder
	for i, row := range rows {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(row, " | "))
		if i == 0 {
			b.WriteString("|---|" + strings.Repeat("--:|", len(row)-1) + "\n")
		}
	}
	return b.String()
}
