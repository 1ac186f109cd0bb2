package molecule

import (
	"bytes"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
)

// ReadPDB reads PDB files: ATOM and HETATM, a molecule up to each END or ENDMDL.
// The element is that of columns 77 and 78, or where they are empty that of the
// atom's name; of alternate places that with the letter A or the digit 1 is taken. CONECT
// becomes FileBonds, a partner named twice a double bond; the charge of columns 79 and 80
// FileCharges; HEADER's code and TITLE the properties "id" and "title"; REMARK
// 999 key=value, as [WritePDB] has them, properties too. CONECT that follows the
// last ENDMDL is dropped. D is hydrogen. Errors are of type *[ParseError].
//
// Source: wwPDB, Atomic Coordinate Entry Format 3.3.
func ReadPDB(r io.Reader, name string) iter.Seq2[*Molecule, error] {
	l := newLines(r, name)
	return records(l, l.pdb)
}

// pdb reads one record; io.EOF where no further atom is.
func (l *lines) pdb() (*Molecule, error) {
	p := &pdbRecord{m: &Molecule{}, serials: map[string]int{}}
	var bad error
	l.record++
	for {
		line, err := l.next()
		if err == io.EOF && len(p.m.Elements) == 0 && bad == nil {
			return nil, l.pdbEnd()
		}
		if err != nil && err != io.EOF {
			return nil, err
		}
		kind := ""
		if err == nil {
			kind = strings.TrimRight(string(line[:min(6, len(line))]), " ")
		}
		switch {
		case err == io.EOF || kind == "END" || kind == "ENDMDL":
			if len(p.m.Elements) == 0 && bad == nil {
				continue // the end after the last model
			}
			l.pdbSeen = true
			if bad != nil {
				return nil, bad
			}
			p.finish()
			return p.m, nil
		case bad != nil:
			continue
		}
		if reason := p.line(kind, line); reason != "" {
			bad = l.bad(reason)
		}
	}
}

// pdbEnd is the error at the end of a file, which has to hold atoms.
func (l *lines) pdbEnd() error {
	if l.pdbSeen {
		return io.EOF
	}
	l.pdbSeen = true
	return l.fault("no line ATOM or HETATM")
}

// pdbRecord is a molecule on its way.
type pdbRecord struct {
	m       *Molecule
	serials map[string]int // atoms by their number
	orders  []Bond
}

// line reads one line.
func (p *pdbRecord) line(kind string, line []byte) (reason string) {
	field := func(from, to int) string {
		if len(line) <= from {
			return ""
		}
		return strings.TrimSpace(string(line[from:min(to, len(line))]))
	}
	switch kind {
	case "ATOM", "HETATM":
		return p.atom(line, field)
	case "CONECT":
		return p.conect(field)
	case "HEADER":
		p.property("id", field(62, 66))
	case "TITLE":
		p.property("title", field(10, 80))
	case "REMARK":
		text := strings.TrimRight(string(line[min(11, len(line)):]), " ")
		if key, value, ok := strings.Cut(text, "="); ok && field(7, 10) == "999" {
			p.m.Properties = append(p.m.Properties, Property{key, value})
		}
	}
	return ""
}

// property adds a property that has a value, or to the value of the last one.
func (p *pdbRecord) property(key, value string) {
	list := p.m.Properties
	switch {
	case value == "":
	case len(list) > 0 && list[len(list)-1].Key == key:
		list[len(list)-1].Value += " " + value
	default:
		p.m.Properties = append(list, Property{key, value})
	}
}

func (p *pdbRecord) atom(line []byte, field func(from, to int) string) (reason string) {
	if len(line) < 54 {
		return "want an atom: three coordinates in columns 31 to 54"
	}
	if alternate := line[16]; alternate != ' ' && alternate != 'A' && alternate != '1' {
		return ""
	}
	var at [3]float64
	for k := range at {
		if at[k], reason = coordinate(bytes.TrimSpace(line[30+8*k : 38+8*k])); reason != "" {
			return reason
		}
	}
	e, ok := isotope([]byte(field(76, 78)))
	if field(76, 78) == "" {
		e, ok = elementOfName(string(line[12:16]))
	}
	if !ok {
		return "unknown element " + quote([]byte(field(76, 78))) + " of atom " + quote(line[12:16])
	}
	i := len(p.m.Elements)
	if i == maxAtoms {
		return "more than " + strconv.Itoa(maxAtoms) + " atoms"
	}
	p.serials[field(6, 11)] = i
	p.m.Elements, p.m.Positions = append(p.m.Elements, e), append(p.m.Positions, at)
	if charge := field(78, 80); len(charge) == 2 && charge[0] >= '0' && charge[0] <= '9' {
		switch charge[1] {
		case '+':
			p.m.setCharge(i, int(charge[0]-'0'))
		case '-':
			p.m.setCharge(i, -int(charge[0]-'0'))
		}
	}
	return ""
}

// elementOfName is the element of an atom's name of four columns, right-aligned
// in the first two unless more letters and digits follow an H: " CA " is carbon,
// "CA  " is calcium, "HG11" and "HG1 " are hydrogen, "HG  " is mercury.
func elementOfName(name string) (Element, bool) {
	letters := strings.Trim(name[:2], " 0123456789'\"*")
	if len(letters) == 2 && letters[0] == 'H' && name[2] != ' ' {
		return H, true
	}
	if e, ok := isotope([]byte(letters)); ok {
		return e, true
	}
	letters = strings.TrimLeft(name, " 0123456789")
	if letters == "" {
		return 0, false
	}
	return isotope([]byte(letters[:1]))
}

func (p *pdbRecord) conect(field func(from, to int) string) (reason string) {
	i, ok := p.serials[field(6, 11)]
	if !ok {
		return "" // of an alternate place, or of a molecule before
	}
	for from := 11; from < 31; from += 5 {
		if j, ok := p.serials[field(from, from+5)]; ok && i < j {
			if len(p.orders) > 8*maxAtoms {
				return "too many lines CONECT"
			}
			p.orders = append(p.orders, Bond{i, j, 1})
		}
	}
	return ""
}

// finish joins the bonds that are named several times.
func (p *pdbRecord) finish() {
	slices.SortFunc(p.orders, func(a, b Bond) int {
		if a.I != b.I {
			return a.I - b.I
		}
		return a.J - b.J
	})
	for _, b := range p.orders {
		list := p.m.FileBonds
		if k := len(list) - 1; k >= 0 && list[k].I == b.I && list[k].J == b.J {
			list[k].Order = min(3, list[k].Order+1)
			continue
		}
		p.m.FileBonds = append(list, b)
	}
	p.m.FileCharges = whole(p.m.FileCharges, len(p.m.Elements))
}

// WritePDB writes one molecule as the residue UNL number serial: HETATM with
// the element, formal charges, CONECT with a bonded atom as often as the bond's order
// says (the Lewis structure that WriteSDF has), and END; the formula as COMPND and
// the properties as REMARK 999 lines before. Coordinates have three decimals. A property that
// no line can hold is an error.
// Beyond 99,999 atoms, a coordinate of eight columns, or a serial outside 1 to
// 9,999 the error wraps [ErrTooLarge].
//
// Source: wwPDB, Atomic Coordinate Entry Format 3.3.
func WritePDB(w io.Writer, m *Molecule, serial int) error {
	if !m.finite() {
		return errNotFinite
	}
	if len(m.Elements) > 99_999 || serial < 1 || serial > 9_999 {
		return &sizeError{"PDB holds 99999 atoms and residue numbers from 1 to 9999, not " +
			strconv.Itoa(len(m.Elements)) + " and " + strconv.Itoa(serial)}
	}
	text := []byte("COMPND    " + m.Formula() + "\n")
	for _, p := range m.Properties {
		if p.Key == "" || strings.Contains(p.Key, "=") ||
			strings.ContainsAny(p.Key+p.Value, "\r\n\x00") {
			return &propertyError{p.Key}
		}
		text = append(text, "REMARK 999 "+p.Key+"="+p.Value+"\n"...)
	}
	l := m.Lewis(m.Charge())
	for i, e := range m.Elements {
		symbol := strings.ToUpper(e.Symbol())
		text = padInt(append(text, "HETATM"...), i+1, 5)
		text = padInt(append(text, " "+atomName(symbol, i+1)+" UNL A"...), serial, 4)
		text = append(text, "    "...)
		for _, x := range m.Positions[i] {
			number := fixed(x, 3)
			if len(number) > 8 {
				return &sizeError{"coordinate " + number + " takes more than eight columns"}
			}
			text = pad(text, number, 8)
		}
		text = pad(append(text, "  1.00  0.00          "...), symbol, 2)
		charge := ""
		if q := l.Charges[i]; q > 0 {
			charge = strconv.Itoa(q) + "+"
		} else if q < 0 {
			charge = strconv.Itoa(-q) + "-"
		}
		text = append(text, charge+"\n"...)
	}
	text = appendConect(text, len(m.Elements), l.Bonds)
	_, err := w.Write(append(text, "END\n"...))
	return err
}

// atomName is the symbol with the atom's number in four columns, the symbol
// right-aligned in the first two; without the number where it does not fit.
func atomName(symbol string, number int) string {
	name := pad(nil, symbol, 2)
	if digits := strconv.Itoa(number); len(digits) <= 2 {
		name = append(name, digits...)
	} else if len(symbol)+len(digits) <= 4 {
		name = append([]byte(symbol), digits...)
	}
	return string(append(name, "    "...)[:4])
}

// appendConect writes for each atom the atoms it is bonded to, four on a line.
func appendConect(text []byte, atoms int, bonds []Bond) []byte {
	partners := make([][]int, atoms)
	for _, b := range bonds {
		for range b.Order {
			partners[b.I] = append(partners[b.I], b.J)
			partners[b.J] = append(partners[b.J], b.I)
		}
	}
	for i, list := range partners {
		for len(list) > 0 {
			n := min(4, len(list))
			text = padInt(append(text, "CONECT"...), i+1, 5)
			for _, j := range list[:n] {
				text = padInt(text, j+1, 5)
			}
			text = append(text, '\n')
			list = list[n:]
		}
	}
	return text
}
