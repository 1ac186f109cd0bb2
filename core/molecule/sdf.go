package molecule

import (
	"bytes"
	"errors"
	"io"
	"iter"
	"strconv"
	"strings"
)

// maxSDF is what the three columns of a V2000 count can hold.
const maxSDF = 999

// ReadSDF reads MOL and SDF files of version V2000. Title and data fields
// become properties (the title as "title"), the bond block FileBonds. Charges
// and all other properties of the block are dropped. Errors are of type
// *ParseError and end the sequence.
//
// Source: BIOVIA, CTfile Formats, the connection table.
func ReadSDF(r io.Reader, name string) iter.Seq2[*Molecule, error] {
	return func(yield func(*Molecule, error) bool) {
		l := newLines(r, name)
		for {
			m, err := l.sdf()
			if err == io.EOF {
				return
			}
			if !yield(m, err) || err != nil {
				return
			}
		}
	}
}

// sdf reads one record; io.EOF where nothing but empty lines is left.
func (l *lines) sdf() (*Molecule, error) {
	var head [4]string
	empty := true
	for i := range head {
		line, err := l.next()
		if err == io.EOF && empty {
			return nil, io.EOF
		}
		if err == io.EOF {
			l.record++
			return nil, l.fault("file ends in the header, want a line of counts")
		}
		if err != nil {
			return nil, err
		}
		head[i] = string(line)
		empty = empty && strings.TrimSpace(head[i]) == ""
	}
	l.record++
	atoms, okA := column(head[3], 0, 3)
	bonds, okB := column(head[3], 3, 6)
	if !okA || !okB || !strings.Contains(head[3], "V2000") {
		return nil, l.fault("want a line of counts with V2000, found " + strconv.Quote(shorten([]byte(head[3]))))
	}
	m := &Molecule{}
	if title := strings.TrimSpace(head[0]); title != "" {
		m.Properties = append(m.Properties, Property{"title", title})
	}
	for i := range atoms {
		if err := l.sdfAtom(m, i); err != nil {
			return nil, err
		}
	}
	for i := range bonds {
		if err := l.sdfBond(m, i); err != nil {
			return nil, err
		}
	}
	for {
		line, err := l.must("M  END")
		if err != nil {
			return nil, err
		}
		if bytes.HasPrefix(line, []byte("M  END")) {
			return m, l.sdfFields(m)
		}
	}
}

// column reads a number from columns [from, to).
func column(line string, from, to int) (int, bool) {
	if len(line) < to {
		return 0, false
	}
	n, err := strconv.Atoi(strings.TrimSpace(line[from:to]))
	return n, err == nil && n >= 0
}

func (l *lines) sdfAtom(m *Molecule, i int) error {
	line, err := l.must("atom " + strconv.Itoa(i+1))
	if err != nil {
		return err
	}
	if len(line) < 32 {
		return l.fault("want an atom: three coordinates of ten columns and a symbol")
	}
	var p [3]float64
	for k := range p {
		word, ok := bytes.TrimSpace(line[10*k:10*k+10]), false
		if p[k], ok = coordinate(word); !ok {
			return l.fault("want a coordinate, found " + strconv.Quote(string(word)))
		}
	}
	symbol := bytes.TrimSpace(line[31:min(34, len(line))])
	e, ok := parseElement(symbol)
	if !ok {
		return l.fault("unknown element " + strconv.Quote(string(symbol)))
	}
	m.Elements = append(m.Elements, e)
	m.Positions = append(m.Positions, p)
	return nil
}

func (l *lines) sdfBond(m *Molecule, i int) error {
	line, err := l.must("bond " + strconv.Itoa(i+1))
	if err != nil {
		return err
	}
	text := string(line)
	a, okA := column(text, 0, 3)
	b, okB := column(text, 3, 6)
	order, okO := column(text, 6, 9)
	if !okA || !okB || !okO || a < 1 || b < 1 || a > len(m.Elements) || b > len(m.Elements) || a == b || order < 1 || order > 8 {
		return l.fault("want a bond of two of " + strconv.Itoa(len(m.Elements)) + " atoms, found " + strconv.Quote(shorten(line)))
	}
	m.FileBonds = append(m.FileBonds, Bond{min(a, b) - 1, max(a, b) - 1, order})
	return nil
}

// sdfFields reads the data fields up to "$$$$" or the end of the file.
func (l *lines) sdfFields(m *Molecule) error {
	for {
		line, err := l.next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if bytes.HasPrefix(line, []byte("$$$$")) {
			return nil
		}
		if len(line) == 0 || line[0] != '>' {
			continue
		}
		from, to := bytes.IndexByte(line, '<'), bytes.LastIndexByte(line, '>')
		if from < 0 || to <= from {
			return l.fault("want a data field > <name>, found " + strconv.Quote(shorten(line)))
		}
		key := string(line[from+1 : to])
		var value []string
		size := 0
		for {
			line, err := l.must("the value of field " + strconv.Quote(shorten([]byte(key))))
			if err != nil {
				return err
			}
			if len(line) == 0 {
				break
			}
			if size += len(line); size > maxLine {
				return l.fault("value longer than " + strconv.Itoa(maxLine) + " bytes")
			}
			value = append(value, string(line))
		}
		m.Properties = append(m.Properties, Property{key, strings.Join(value, "\n")})
	}
}

// ErrTooLarge is a molecule beyond the fixed columns of SDF or PDB.
var ErrTooLarge = errors.New("molecule: too large for the columns of the format")

// WriteSDF writes one V2000 record with the bonds of [Molecule.Bonds] after the
// clean-up of [Molecule.Valid], its charges as M  CHG, the formula as the title
// (or the property "title") and the properties as data fields. V2000 holds 999
// atoms and bonds and coordinates of ten columns; beyond that the error wraps
// [ErrTooLarge]. Nothing is written on an error of the molecule's.
func WriteSDF(w io.Writer, m *Molecule) error {
	if !m.finite() {
		return errNotFinite
	}
	g := m.graph()
	g.cleanUp()
	if len(g.elements) > maxSDF || len(g.bonds) > maxSDF {
		return &sizeError{"V2000 holds " + strconv.Itoa(maxSDF) + " atoms and bonds, not " +
			strconv.Itoa(len(g.elements)) + " and " + strconv.Itoa(len(g.bonds))}
	}
	title, ok := m.Property("title")
	if !ok {
		title = m.Formula()
	}
	if strings.ContainsAny(title, "\r\n") || strings.HasPrefix(title, "$$$$") {
		return &propertyError{"title"}
	}
	text := append([]byte(title), "\n  SymDiff           3D\n\n"...)
	text = padInt(padInt(text, len(g.elements), 3), len(g.bonds), 3)
	text = append(text, "  0  0  0  0  0  0  0  0999 V2000\n"...)
	for i, e := range g.elements {
		for _, x := range m.Positions[i] {
			number := fixed(x, 4)
			if len(number) > 10 {
				return &sizeError{"coordinate " + number + " takes more than ten columns"}
			}
			text = pad(text, number, 10)
		}
		text = append(append(text, ' '), (e.Symbol() + "  ")[:3]...)
		text = append(text, " 0"+strings.Repeat("  0", 11)+"\n"...)
	}
	for _, b := range g.bonds {
		text = padInt(padInt(padInt(text, b.I+1, 3), b.J+1, 3), b.Order, 3)
		text = append(text, "  0\n"...)
	}
	text = g.appendCharges(text)
	text = append(text, "M  END\n"...)
	for _, p := range m.Properties {
		if p.Key == "title" {
			continue
		}
		if p.Key == "" || strings.ContainsAny(p.Key, "<>\r\n") || !fieldValue(p.Value) {
			return &propertyError{p.Key}
		}
		text = append(append(append(text, ">  <"...), p.Key...), ">\n"...)
		if p.Value != "" {
			text = append(append(text, p.Value...), '\n')
		}
		text = append(text, '\n')
	}
	_, err := w.Write(append(text, "$$$$\n"...))
	return err
}

// fieldValue tells whether a data field can hold the value: no empty line, no
// line that ends the record.
func fieldValue(value string) bool {
	if value == "" {
		return true
	}
	for line := range strings.SplitSeq(value, "\n") {
		if line == "" || strings.HasPrefix(line, "$$$$") || strings.Contains(line, "\r") {
			return false
		}
	}
	return true
}

// sizeError tells which limit of a format a molecule exceeds.
type sizeError struct{ reason string }

func (e *sizeError) Error() string { return "molecule: " + e.reason }

func (e *sizeError) Unwrap() error { return ErrTooLarge }

// appendCharges writes the M  CHG lines, eight atoms on each.
func (g *graph) appendCharges(text []byte) []byte {
	var charged []int
	for i, q := range g.charge {
		if q != 0 {
			charged = append(charged, i)
		}
	}
	for len(charged) > 0 {
		n := min(8, len(charged))
		text = padInt(append(text, "M  CHG"...), n, 3)
		for _, i := range charged[:n] {
			text = padInt(padInt(text, i+1, 4), g.charge[i], 4)
		}
		text = append(text, '\n')
		charged = charged[n:]
	}
	return text
}
