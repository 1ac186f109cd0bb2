package molecule

import (
	"bytes"
	"io"
	"iter"
	"strconv"
	"strings"
)

// maxAtoms is the number of atoms beyond which a record is refused.
const maxAtoms = 100_000

// ReadXYZ reads plain and extended XYZ, one molecule after the other: a line
// with the number of atoms, a line of key=value properties or free text, a line
// "symbol x y z" per atom. Values may be quoted ("..." with \" and \\, '...',
// {...}, [...]); a word without = counts as word=T; a line that is not of this
// form becomes the property "comment". Columns are those that a property
// Properties=species:S:1:pos:R:3:... names, otherwise the first four; further
// columns are dropped, and so is that property. Lines may end in CR LF. Errors
// are of type *ParseError and end the sequence.
//
// Source: https://github.com/libAtoms/extxyz (specification).
func ReadXYZ(r io.Reader, name string) iter.Seq2[*Molecule, error] {
	return func(yield func(*Molecule, error) bool) {
		l := newLines(r, name)
		for {
			m, err := l.xyz()
			if err == io.EOF {
				return
			}
			if !yield(m, err) || err != nil {
				return
			}
		}
	}
}

// xyz reads one record; io.EOF where only white space is left.
func (l *lines) xyz() (*Molecule, error) {
	count, err := l.next()
	if l.line == 1 {
		count = bytes.TrimPrefix(count, []byte("\xEF\xBB\xBF"))
	}
	for err == nil && len(bytes.TrimSpace(count)) == 0 {
		count, err = l.next()
	}
	if err != nil {
		return nil, err
	}
	l.record++
	n, err := strconv.Atoi(string(bytes.TrimSpace(count)))
	if err != nil || n < 0 || n > maxAtoms {
		return nil, l.fault("want a number of atoms, found " + strconv.Quote(shorten(count)))
	}
	comment, err := l.must("a line of properties")
	if err != nil {
		return nil, err
	}
	properties, columns, reason := parseComment(string(comment))
	if reason != "" {
		return nil, l.fault(reason)
	}
	capacity := min(n, 256) // a hostile count must not allocate
	m := &Molecule{Elements: make([]Element, 0, capacity), Positions: make([][3]float64, 0, capacity), Properties: properties}
	for i := range n {
		line, err := l.must("atom " + strconv.Itoa(i+1) + " of " + strconv.Itoa(n))
		if err != nil {
			return nil, err
		}
		element, position, reason := columns.atom(line)
		if reason != "" {
			return nil, l.fault(reason)
		}
		m.Elements = append(m.Elements, element)
		m.Positions = append(m.Positions, position)
	}
	return m, nil
}

// columns are the places of the symbol and of x in an atom's line.
type columns struct{ symbol, x int }

// atom reads one atom's line.
func (c columns) atom(line []byte) (e Element, p [3]float64, reason string) {
	found := 0
	for column := 0; found < 4; column++ {
		line = bytes.TrimLeft(line, " \t")
		if len(line) == 0 {
			return 0, p, "want a symbol and three coordinates"
		}
		end := bytes.IndexAny(line, " \t")
		if end < 0 {
			end = len(line)
		}
		word := line[:end]
		line = line[end:]
		ok := true
		switch k := column - c.x; {
		case column == c.symbol:
			if e, ok = parseElement(word); !ok {
				return 0, p, "unknown element " + strconv.Quote(shorten(word))
			}
		case k >= 0 && k < 3:
			if p[k], ok = coordinate(word); !ok {
				return 0, p, "want a coordinate, found " + strconv.Quote(shorten(word))
			}
		default:
			continue
		}
		found++
	}
	return e, p, ""
}

// shorten keeps messages short.
func shorten(text []byte) string {
	if len(text) > 40 {
		return string(text[:40]) + "..."
	}
	return string(text)
}

// parseComment reads the second line of a record.
func parseComment(line string) (properties []Property, c columns, reason string) {
	c = columns{0, 1}
	all, ok := parseProperties(line)
	if !ok {
		if line = strings.TrimSpace(line); line != "" {
			properties = []Property{{"comment", line}}
		}
		return properties, c, ""
	}
	for _, p := range all {
		if p.Key != "Properties" {
			properties = append(properties, p)
		} else if c, ok = parseColumns(p.Value); !ok {
			return nil, c, "Properties=" + strconv.Quote(shorten([]byte(p.Value))) + ": want species:S:1 and pos:R:3"
		}
	}
	return properties, c, ""
}

// parseColumns reads "species:S:1:pos:R:3:...".
func parseColumns(text string) (c columns, ok bool) {
	c = columns{-1, -1}
	parts := strings.Split(text, ":")
	if len(parts)%3 != 0 {
		return c, false
	}
	at := 0
	for i := 0; i < len(parts); i += 3 {
		n, err := strconv.Atoi(parts[i+2])
		if err != nil || n < 1 || n > 1000 {
			return c, false
		}
		switch strings.Join(parts[i:i+3], ":") {
		case "species:S:1":
			c.symbol = at
		case "pos:R:3":
			c.x = at
		}
		at += n
	}
	return c, c.symbol >= 0 && c.x >= 0
}

// parseProperties reads key=value pairs and bare words; not ok where the text
// has another form or no pair at all.
func parseProperties(line string) (list []Property, ok bool) {
	pairs := 0
	for {
		line = strings.TrimLeft(line, " \t")
		if line == "" {
			return list, pairs > 0
		}
		end := strings.IndexAny(line, "= \t\"'{}[]")
		if end < 0 {
			end = len(line)
		}
		p := Property{Key: line[:end], Value: "T"}
		if line = line[end:]; strings.HasPrefix(line, "=") {
			pairs++
			if p.Value, line, ok = parseValue(line[1:]); !ok {
				return nil, false
			}
		}
		if p.Key == "" || line != "" && line[0] != ' ' && line[0] != '\t' {
			return nil, false
		}
		list = append(list, p)
	}
}

// parseValue reads a value, quoted or not, and returns what follows it.
func parseValue(text string) (value, rest string, ok bool) {
	if text == "" {
		return "", "", true
	}
	closing := byte(0)
	switch text[0] {
	case '"', '\'':
		closing = text[0]
	case '{':
		closing = '}'
	case '[':
		closing = ']'
	default:
		end := strings.IndexAny(text, " \t")
		if end < 0 {
			end = len(text)
		}
		return text[:end], text[end:], true
	}
	var out []byte
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == closing:
			return string(out), text[i+1:], true
		case c == '\\' && closing == '"' && i+1 < len(text):
			i++
			out = append(out, text[i])
		default:
			out = append(out, c)
		}
	}
	return "", "", false
}

// WriteXYZ writes one record of extended XYZ, six decimals. A key with a
// character that would end it, a line break in a key or value, and a position
// that is not finite are errors, and nothing is written then.
func WriteXYZ(w io.Writer, m *Molecule) error {
	if !m.finite() {
		return errNotFinite
	}
	text := append(strconv.AppendInt(nil, int64(len(m.Elements)), 10), '\n')
	for i, p := range m.Properties {
		if p.Key == "" || p.Key == "Properties" || strings.ContainsAny(p.Key, "= \t\r\n\"'{}[]") || strings.ContainsAny(p.Value, "\r\n") {
			return &propertyError{p.Key}
		}
		if i > 0 {
			text = append(text, ' ')
		}
		text = append(append(text, p.Key...), '=')
		text = appendValue(text, p.Value)
	}
	text = append(text, '\n')
	for i, e := range m.Elements {
		text = append(text, e.Symbol()...)
		for _, x := range m.Positions[i] {
			text = append(append(text, ' '), fixed(x, 6)...)
		}
		text = append(text, '\n')
	}
	_, err := w.Write(text)
	return err
}

// propertyError is a property that a format cannot hold.
type propertyError struct{ key string }

func (e *propertyError) Error() string {
	return "molecule: property " + strconv.Quote(e.key) + " cannot be written in this format"
}

// appendValue quotes a value where it must be.
func appendValue(dst []byte, value string) []byte {
	if value != "" && !strings.ContainsAny(value, " \t\"'{}[]\\") {
		return append(dst, value...)
	}
	dst = append(dst, '"')
	for i := range len(value) {
		if value[i] == '"' || value[i] == '\\' {
			dst = append(dst, '\\')
		}
		dst = append(dst, value[i])
	}
	return append(dst, '"')
}
