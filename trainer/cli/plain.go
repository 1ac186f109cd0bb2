package cli

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// plain writes text in which nothing commands the terminal: names and metadata of files from
// anywhere may hold control characters, such as those that change its title, or turn text
// around. They are written as \u001b and the like. The command's own line that is rewritten
// begins with a return and may end with one or with clearLine.
type plain struct {
	w    io.Writer
	mu   sync.Mutex
	rest []byte // of a character that is not whole
}

// clearLine is the sequence that clears the rest of a line.
const clearLine = "\x1b[K"

func (p *plain) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	text := string(append(p.rest, b...))
	p.rest = nil
	// a character may be cut by the end of a write
	for k := 1; k < utf8.UTFMax && k <= len(text); k++ {
		if tail := text[len(text)-k:]; utf8.RuneStart(tail[0]) {
			if !utf8.FullRuneInString(tail) {
				p.rest, text = []byte(tail), text[:len(text)-k]
			}
			break
		}
	}
	if _, err := io.WriteString(p.w, plainText(text)); err != nil {
		return 0, err
	}
	return len(b), nil
}

// plainText is a text without commands.
func plainText(text string) string {
	before, after := "", ""
	if body, ok := strings.CutPrefix(text, "\r"); ok {
		before, text = "\r", body
		for _, end := range []string{clearLine, "\r"} {
			if body, ok := strings.CutSuffix(text, end); ok {
				text, after = body, end
				break
			}
		}
	}
	if strings.IndexFunc(text, commands) < 0 {
		return before + text + after
	}
	var out strings.Builder
	out.WriteString(before)
	for i, r := range text {
		switch {
		case r == utf8.RuneError && text[i] != "\uFFFD"[0]:
			fmt.Fprintf(&out, `\u%04x`, text[i])
		case commands(r):
			fmt.Fprintf(&out, `\u%04x`, r)
		default:
			out.WriteRune(r)
		}
	}
	out.WriteString(after)
	return out.String()
}

// commands reports whether a character is no text: a control but for tab and newline, one that
// turns the direction of writing, or a byte that is no UTF-8.
func commands(r rune) bool {
	return unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Bidi_Control, r) ||
		r == utf8.RuneError
}
