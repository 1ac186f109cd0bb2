package molecule

import (
	"io"
	"strconv"
	"strings"
)

// WritePDB writes one molecule as the residue UNL number serial: HETATM with
// the element, CONECT with a bonded atom as often as the bond's order says, and
// END; the formula as COMPND and the properties as REMARK 999 lines before.
// Coordinates have three decimals. Beyond 99,999 atoms, a coordinate of eight
// columns, or a serial outside 1 to 9,999 the error wraps [ErrTooLarge].
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
	text := append([]byte("COMPND    "), m.Formula()...)
	text = append(text, '\n')
	for _, p := range m.Properties {
		if strings.ContainsAny(p.Key+p.Value, "\r\n") {
			return &propertyError{p.Key}
		}
		text = append(append(append(append(text, "REMARK 999 "...), p.Key...), '='), p.Value...)
		text = append(text, '\n')
	}
	for i, e := range m.Elements {
		symbol := strings.ToUpper(e.Symbol())
		text = padInt(append(text, "HETATM"...), i+1, 5)
		text = append(append(text, ' '), atomName(symbol, i+1)...)
		text = padInt(append(text, " UNL A"...), serial, 4)
		text = append(text, "    "...)
		for _, x := range m.Positions[i] {
			number := fixed(x, 3)
			if len(number) > 8 {
				return &sizeError{"coordinate " + number + " takes more than eight columns"}
			}
			text = pad(text, number, 8)
		}
		text = pad(append(text, "  1.00  0.00          "...), symbol, 2)
		text = append(text, '\n')
	}
	text = m.graph().appendConect(text)
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
func (g *graph) appendConect(text []byte) []byte {
	partners := make([][]int, len(g.elements))
	for _, b := range g.bonds {
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
