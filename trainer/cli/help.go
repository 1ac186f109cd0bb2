package cli

import (
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// helpWidth is the widest line of a help text.
const helpWidth = 99

// fitHelp breaks the lines of the help of all commands.
func fitHelp(root *cobra.Command) {
	root.SetUsageTemplate(
		strings.ReplaceAll(root.UsageTemplate(), ".FlagUsages", ".FlagUsagesWrapped 99"),
	)
	fitLong(root)
}

func fitLong(cmd *cobra.Command) {
	cmd.Long = wrapped(cmd.Long)
	for _, c := range cmd.Commands() {
		fitLong(c)
	}
}

// wrapped breaks paragraphs that have a line wider than helpWidth. Lines that begin
// with a blank, which are tables and commands, stay.
func wrapped(text string) string {
	paragraphs := strings.Split(text, "\n\n")
	for i, p := range paragraphs {
		if !strings.Contains("\n"+p, "\n ") && widest(p) > helpWidth {
			paragraphs[i] = filled(strings.Fields(p))
		}
	}
	return strings.Join(paragraphs, "\n\n")
}

func widest(text string) (n int) {
	for line := range strings.Lines(text) {
		n = max(n, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")))
	}
	return n
}

// filled puts words on lines of at most helpWidth.
func filled(words []string) string {
	var b strings.Builder
	column := 0
	for i, w := range words {
		n := utf8.RuneCountInString(w)
		switch {
		case i == 0:
		case column+1+n > helpWidth:
			b.WriteByte('\n')
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(w)
		column += n
	}
	return b.String()
}
