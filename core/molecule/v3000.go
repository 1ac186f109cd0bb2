package molecule

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/symdiff-go/symdiff/core/budget"
)

// v3000 reads a connection table of version V3000 up to M  END: the blocks ATOM
// and BOND; other blocks are dropped.
func (l *lines) v3000(m *Molecule) error {
	atoms, bonds := -1, -1
	index := map[string]int{} // of an atom, by its number in the file
	block := ""
	for {
		words, err := l.v30()
		if err != nil {
			return err
		}
		if words == nil {
			if atoms != len(m.Elements) || bonds != len(m.FileBonds) {
				return l.bad("COUNTS says " + strconv.Itoa(atoms) + " atoms and " + strconv.Itoa(bonds) +
					" bonds, found " + strconv.Itoa(len(m.Elements)) + " and " + strconv.Itoa(len(m.FileBonds)))
			}
			return nil
		}
		switch word := strings.ToUpper(words[0]); {
		case word == "BEGIN" && len(words) > 1:
			if block = strings.ToUpper(words[1]); block == "RGROUP" {
				return l.bad("R groups stand for no element")
			}
		case word == "END":
			block = "CTAB"
		case block == "CTAB" && word == "COUNTS" && len(words) > 2 && atoms < 0:
			var errA, errB error
			atoms, errA = strconv.Atoi(words[1])
			bonds, errB = strconv.Atoi(words[2])
			if errA != nil || errB != nil || atoms < 0 || bonds < 0 || atoms > maxAtoms ||
				bonds > 4*maxAtoms {
				return l.bad("want COUNTS with at most " + strconv.Itoa(maxAtoms) + " atoms, found " +
					quote(l.last))
			}
		case block == "ATOM":
			err = l.v30Atom(m, words, index)
		case block == "BOND":
			err = l.v30Bond(m, words, index)
		}
		if err == nil && (len(m.Elements) > max(atoms, 0) || len(m.FileBonds) > max(bonds, 0)) {
			err = l.bad("more atoms or bonds than COUNTS says")
		}
		if err != nil {
			return err
		}
	}
}

// v30 reads the words of a line M  V30, which a hyphen at its end joins to the
// next; nil at M  END. Quotes hide spaces.
func (l *lines) v30() ([]string, error) {
	var text []byte
	for {
		line, err := l.inside("M  END")
		if err != nil {
			return nil, err
		}
		switch {
		case blank(line) && text == nil:
			continue
		case endsTable(line) && text == nil:
			return nil, nil
		case !bytes.HasPrefix(line, []byte("M  V30 ")):
			return nil, l.bad("want M  V30, found " + quote(line))
		}
		part, more := bytes.CutSuffix(bytes.TrimRight(line[7:], " \t"), []byte("-"))
		if text = append(text, part...); len(text) > budget.Line {
			return nil, l.bad("line longer than " + strconv.Itoa(budget.Line) + " bytes")
		}
		if !more {
			break
		}
	}
	quoted := false
	words := strings.FieldsFunc(string(text), func(r rune) bool {
		quoted = quoted != (r == '"')
		return (r == ' ' || r == '\t') && !quoted
	})
	if len(words) == 0 {
		return nil, l.bad("want words after M  V30")
	}
	return words, nil
}

// v30Atom reads number, type, x, y, z, mapping and options such as CHG=1.
func (l *lines) v30Atom(m *Molecule, words []string, index map[string]int) error {
	if len(words) < 6 {
		return l.bad("want an atom: number, type, x, y, z and mapping, found " + quote(l.last))
	}
	if _, twice := index[words[0]]; twice {
		return l.bad("atom " + words[0] + " is there twice")
	}
	e, ok := isotope([]byte(words[1]))
	if !ok {
		return l.bad("unknown element " + quote([]byte(words[1])))
	}
	var p [3]float64
	for k := range p {
		var reason string
		if p[k], reason = coordinate([]byte(words[2+k])); reason != "" {
			return l.bad(reason)
		}
	}
	i := len(m.Elements)
	index[words[0]] = i
	m.Elements, m.Positions = append(m.Elements, e), append(m.Positions, p)
	for _, word := range words[6:] {
		key, text, _ := strings.Cut(strings.ToUpper(word), "=")
		if key != "CHG" && key != "RAD" {
			continue
		}
		v, err := strconv.Atoi(text)
		if err != nil {
			return l.bad(key + "=" + quote([]byte(text)) + ": want a number")
		}
		if err := l.state(m, i, key, v); err != nil {
			return err
		}
	}
	return nil
}

// v30Bond reads number, type and two atoms.
func (l *lines) v30Bond(m *Molecule, words []string, index map[string]int) error {
	if len(words) < 4 {
		return l.bad("want a bond: number, type and two atoms, found " + quote(l.last))
	}
	order, err := strconv.Atoi(words[1])
	a, okA := index[words[2]]
	b, okB := index[words[3]]
	return l.addBond(m, a+1, b+1, order, 10, err == nil && okA && okB)
}
