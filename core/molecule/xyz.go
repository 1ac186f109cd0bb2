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

// ReadXYZ reads plain XYZ, extended XYZ and the files of QM9 as published, one
// molecule after the other: a line with the number of atoms, a line of
// properties or free text, a line per atom. Lines may end in CR LF. Errors are of
// type *[ParseError].
//
// Extended XYZ is the specification of libAtoms whole, with quoted keys and
// strings, spaces around =, arrays and exponents by d. A text of a property
// comes without its outer quotes or brackets. The columns are those that
// Properties=species:S:1:pos:R:3:... names, species or Z and pos among them,
// as many on every line as it says; all others are dropped. More than the
// specification are taken: '...' as quotes, = and brackets in a bare value, a
// word without = (as word=T), and blank lines between records.
//
// A second line that is not of this form becomes the property "comment", unless
// the word Properties is in it: then it is an error, since columns cannot be
// guessed. Without Properties an atom's line starts with a symbol (any case,
// perhaps with a number after it, D and T are hydrogen) or an atomic number, then
// x, y, z in Å (units=bohr and the like are an error); further columns are dropped. Numbers at the symbol's place in a
// file of LAMMPS are an error: there they are types.
//
// In a file of QM9 the second line begins with gdb, and the frequencies, two
// SMILES and two InChI follow the atoms. The tag becomes the property "id" =
// gdb_NNNNNN, the 15 numbers those of [QM9Properties], the second SMILES "smiles".
//
// Sources: https://github.com/libAtoms/extxyz (specification and grammar);
// Ramakrishnan et al., Sci. Data 1, 140022 (2014).
func ReadXYZ(r io.Reader, name string) iter.Seq2[*Molecule, error] {
	l := newLines(r, name)
	return records(l, l.xyz)
}

// xyz reads one record; io.EOF where only white space is left.
func (l *lines) xyz() (*Molecule, error) {
	count, err := l.next()
	for err == nil && len(bytes.TrimSpace(count)) == 0 {
		count, err = l.next()
	}
	if err != nil {
		return nil, err
	}
	l.record++
	n, err := strconv.Atoi(string(bytes.TrimSpace(count)))
	if err != nil || n < 0 || n > maxAtoms {
		return nil, l.fault("want a number of atoms, found " + quote(count) +
			": where the next record begins is not known")
	}
	text, err := l.must("a line of properties")
	if err != nil {
		return nil, err
	}
	comment, reason := parseComment(string(text))
	var bad error // the first fault; the record is read to its end all the same
	if reason != "" {
		bad = l.bad(reason)
	}
	capacity := min(n, 256) // a hostile count must not allocate
	m := &Molecule{
		Elements: make([]Element, 0, capacity), Positions: make([][3]float64, 0, capacity), Properties: comment.properties,
	}
	for i := range n {
		line, err := l.must("atom " + strconv.Itoa(i+1) + " of " + strconv.Itoa(n))
		if err != nil {
			return nil, err
		}
		if words := countWords(line); words < 2 {
			return nil, l.fault("want atom " + strconv.Itoa(i+1) + " of " + strconv.Itoa(n) + ", found " +
				quote(line) + ": where the next record begins is not known")
		}
		if bad != nil {
			continue
		}
		element, position, reason := comment.columns.atom(line)
		if reason != "" {
			bad = l.bad(reason)
			continue
		}
		m.Elements = append(m.Elements, element)
		m.Positions = append(m.Positions, position)
	}
	if comment.qm9 {
		if err := l.qm9Tail(m); err != nil {
			return nil, err
		}
	}
	if bad == nil && n == 0 {
		bad = l.bad("no atoms")
	}
	if bad != nil {
		return nil, bad
	}
	return m, nil
}

func countWords(line []byte) (n int) {
	for range bytes.FieldsSeq(line) {
		n++
	}
	return n
}

// columns are the places of the element and of x in an atom's line.
type columns struct {
	symbol, number, x int // -1: there is none
	all               int // how many there are; 0: at least four
	types             bool
}

// plain are the columns of a file that does not name them.
var plain = columns{symbol: 0, number: -1, x: 1}

// atom reads one atom's line.
func (c columns) atom(line []byte) (e Element, p [3]float64, reason string) {
	var symbol, z Element
	column := 0
	for word := range bytes.FieldsSeq(line) {
		switch k := column - c.x; {
		case column == c.symbol && c.all > 0 && isDigits(word):
			return 0, p, "species " + quote(word) +
				" is a number, want a symbol (Z:I:1 holds atomic numbers)"
		case column == c.symbol && c.types && isDigits(word):
			return 0, p, "LAMMPS writes types of atoms, not elements: element " + quote(word) +
				" is not known"
		case column == c.symbol:
			symbol, reason = symbolOrNumber(word)
		case column == c.number && !isDigits(word):
			reason = "want an atomic number, found " + quote(word)
		case column == c.number:
			z, reason = symbolOrNumber(word)
		case k >= 0 && k < 3:
			p[k], reason = coordinate(word)
		}
		if reason != "" {
			return 0, p, reason
		}
		column++
	}
	switch {
	case c.all > 0 && column != c.all:
		return 0, p, "want " + strconv.Itoa(c.all) + " columns, as Properties says, found " +
			strconv.Itoa(column)
	case column < 4:
		return 0, p, "want a symbol and three coordinates"
	case symbol != 0 && z != 0 && symbol != z:
		return 0, p, "species is " + symbol.Symbol() + ", Z is that of " + z.Symbol()
	}
	return max(symbol, z), p, ""
}

func isDigits(word []byte) bool { return len(bytes.Trim(word, "0123456789")) == 0 }

// comment is what the second line of a record says.
type comment struct {
	properties []Property
	columns    columns
	qm9        bool // a record of QM9, with lines after the atoms
}

// parseComment reads the second line of a record.
func parseComment(line string) (c comment, reason string) {
	c.columns = plain
	if properties, ok := parseQM9Head(line); ok {
		return comment{properties, plain, true}, ""
	}
	all, ok := parseProperties(line)
	if !ok {
		if line = strings.TrimSpace(line); line != "" {
			c.properties = []Property{{"comment", line}}
		}
		c.columns.types = strings.HasPrefix(line, "Atoms. Timestep:")
		if namesColumns(line) {
			reason = "the line names columns (Properties) but is not extended XYZ: " + quote([]byte(line))
		}
		return c, reason
	}
	named := false
	for _, p := range all {
		if reason := otherUnit(p); reason != "" {
			return c, reason
		}
		if !strings.EqualFold(p.Key, "Properties") {
			c.properties = append(c.properties, p)
			continue
		}
		columns, reason := parseColumns(p.Value)
		switch {
		case reason != "" && p.Key != "Properties": // a property of that name
			c.properties = append(c.properties, p)
			continue
		case reason != "":
			return c, "Properties=" + quote([]byte(p.Value)) + ": " + reason
		case named:
			return c, "Properties are given twice"
		}
		c.columns, named = columns, true
	}
	return c, ""
}

// otherUnit refuses a unit of length that is not Å.
func otherUnit(p Property) string {
	switch strings.ToLower(p.Key) {
	case "unit", "units", "length_unit", "length_units", "pos_unit", "pos_units":
		switch strings.ToLower(p.Value) {
		case "bohr", "nm", "nanometer", "nanometers", "pm", "picometer", "picometers":
			return "coordinates in Å are wanted: " + p.Key + "=" + shorten([]byte(p.Value))
		}
	}
	return ""
}

// namesColumns tells whether the word Properties is in a text.
func namesColumns(text string) bool {
	letter := func(i int) bool {
		return i >= 0 && i < len(text) && (text[i]|0x20 >= 'a' && text[i]|0x20 <= 'z' || text[i] == '_')
	}
	for at := 0; ; {
		i := strings.Index(text[at:], "roperties")
		if i < 0 {
			return false
		}
		i, at = at+i, at+i+9
		if i == 0 || letter(at) || letter(i-2) {
			continue
		}
		if text[i-1] == 'P' || text[i-1] == 'p' && strings.HasPrefix(strings.TrimLeft(text[at:], " \t"),
			"=") {
			return true
		}
	}
}

// parseColumns reads "species:S:1:pos:R:3:...".
func parseColumns(text string) (c columns, reason string) {
	c = columns{-1, -1, -1, 0, false}
	parts := strings.Split(text, ":")
	for i := 0; i < len(parts); i += 3 {
		column := strings.Join(parts[i:min(len(parts), i+3)], ":")
		if i+3 > len(parts) || parts[i] == "" || parts[i+1] == "" ||
			!strings.Contains("SIRL", parts[i+1]) || len(parts[i+1]) > 1 {
			return c, "want name:type:count, of types S, I, R and L, at " + quote([]byte(column)) +
				"; a name holds no colon"
		}
		n, err := strconv.Atoi(parts[i+2])
		if err != nil || n < 1 || n > 1000 {
			return c, "want name:type:count with a count from 1 to 1000 at " + quote([]byte(column))
		}
		var place *int
		switch parts[i] {
		case "species":
			place = &c.symbol
		case "Z":
			place = &c.number
		case "pos":
			place = &c.x
		}
		switch {
		case place == nil:
		case column != "species:S:1" && column != "Z:I:1" && column != "pos:R:3":
			return c, "want species:S:1, Z:I:1 and pos:R:3, found " + quote([]byte(column))
		case *place >= 0:
			return c, "has " + parts[i] + " twice"
		default:
			*place = c.all
		}
		c.all += n
	}
	if c.x < 0 || c.symbol < 0 && c.number < 0 {
		return c, "want species:S:1 or Z:I:1, and pos:R:3"
	}
	return c, ""
}

// parseProperties reads key=value pairs and bare words; not ok where the text
// has another form or no pair at all.
func parseProperties(line string) (list []Property, ok bool) {
	pairs := 0
	for {
		if line = strings.TrimLeft(line, " \t"); line == "" {
			return list, pairs > 0
		}
		p := Property{Value: "T"}
		quoted := line[0] == '"' || line[0] == '\''
		if quoted {
			if p.Key, line, ok = quotedText(line); !ok {
				return nil, false
			}
		} else {
			p.Key, line = bareText(line, "= \t\"'{}[]")
		}
		rest := strings.TrimLeft(line, " \t")
		if strings.HasPrefix(rest, "=") {
			pairs++
			if p.Value, line, ok = parseValue(rest[1:]); !ok {
				return nil, false
			}
		} else if quoted {
			return nil, false
		}
		if p.Key == "" || line != "" && line[0] != ' ' && line[0] != '\t' {
			return nil, false
		}
		list = append(list, p)
	}
}

// parseValue reads a value, which spaces may precede, and returns what follows
// it.
func parseValue(text string) (value, rest string, ok bool) {
	value = strings.TrimLeft(text, " \t")
	if value == "" || len(value) < len(text) && startsPair(value) {
		return "", text, true // an empty value
	}
	switch value[0] {
	case '"', '\'':
		return quotedText(value)
	case '[', '{':
		if inner, rest, ok := array(value); ok {
			return inner, rest, true
		}
		if word, _ := bareText(value, " \t"); strings.ContainsAny(word, "\"'") || !balanced(word) {
			return "", "", false
		}
	}
	value, rest = bareText(value, " \t")
	return unescape(value), rest, true
}

// startsPair tells whether a text begins with key=.
func startsPair(text string) bool {
	key, rest := bareText(text, "= \t\"'{}[]")
	return key != "" && strings.HasPrefix(rest, "=")
}

// bareText cuts a text before the first of some bytes that no backslash
// precedes.
func bareText(text, ends string) (word, rest string) {
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' {
			i++
		} else if strings.IndexByte(ends, text[i]) >= 0 {
			return text[:i], text[i:]
		}
	}
	return text, ""
}

// unescape takes the backslash off the characters that a bare text cannot hold
// without.
func unescape(text string) string {
	if strings.IndexByte(text, '\\') < 0 {
		return text
	}
	var out []byte
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) && strings.IndexByte(" \t=\",{}[]\\", text[i+1]) >= 0 {
			i++
		}
		out = append(out, text[i])
	}
	return string(out)
}

// quotedText reads a text in the quotes that it begins with. In double quotes a
// backslash takes the next character as it is, but for \n, a new line.
func quotedText(text string) (inner, rest string, ok bool) {
	var out []byte
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == text[0]:
			return string(out), text[i+1:], true
		case c == '\\' && text[0] == '"' && i+1 < len(text):
			if i++; text[i] == 'n' {
				out = append(out, '\n')
			} else {
				out = append(out, text[i])
			}
		default:
			out = append(out, c)
		}
	}
	return "", "", false
}

// array reads [...] or {...}, in which brackets nest and double quotes hide
// them, up to a white space or the end. The outer brackets go, unless others are
// inside.
func array(text string) (inner, rest string, ok bool) {
	var open []byte
	nested, quoted := false, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			nested = nested || len(open) > 0
			open = append(open, c)
		case c == ']' || c == '}':
			if open[len(open)-1] != c-2 {
				return "", "", false
			}
			if open = open[:len(open)-1]; len(open) > 0 {
				continue
			}
			inner, rest = text[1:i], text[i+1:]
			if nested {
				inner = text[:i+1]
			}
			return inner, rest, rest == "" || rest[0] == ' ' || rest[0] == '\t'
		}
	}
	return "", "", false
}

// balanced tells whether every bracket of a word is closed in it.
func balanced(word string) bool {
	depth := 0
	for i := range len(word) {
		switch word[i] {
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		}
	}
	return depth == 0
}

// WriteXYZ writes one record of extended XYZ, six decimals. Keys and values of
// any text are quoted where they must be; a property called Properties is written
// as _Properties, since that name has a meaning. An empty key, a carriage return
// or NUL in a text, and a position that is not finite are errors, and nothing is
// written then.
func WriteXYZ(w io.Writer, m *Molecule) error {
	if !m.finite() {
		return errNotFinite
	}
	text := append(strconv.AppendInt(nil, int64(len(m.Elements)), 10), '\n')
	for i, p := range m.Properties {
		if p.Key == "" || strings.ContainsAny(p.Key+p.Value, "\r\x00") {
			return &propertyError{p.Key}
		}
		if i > 0 {
			text = append(text, ' ')
		}
		if strings.EqualFold(p.Key, "Properties") {
			text = append(text, '_')
		}
		text = append(appendText(text, p.Key), '=')
		text = appendText(text, p.Value)
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

// appendText quotes a text where it must be.
func appendText(dst []byte, text string) []byte {
	if text != "" && !strings.ContainsAny(text, "= \t\n\"',{}[]\\") {
		return append(dst, text...)
	}
	dst = append(dst, '"')
	for i := range len(text) {
		switch text[i] {
		case '"', '\\':
			dst = append(dst, '\\', text[i])
		case '\n':
			dst = append(dst, '\\', 'n')
		default:
			dst = append(dst, text[i])
		}
	}
	return append(dst, '"')
}
