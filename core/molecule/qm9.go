package molecule

import (
	"bytes"
	"strconv"
	"strings"
)

// QM9Properties are the scalar properties of a file of QM9, in its order.
var QM9Properties = []string{"A", "B", "C", "mu", "alpha", "homo", "lumo", "gap", "r2", "zpve",
	"U0", "U", "H", "G", "Cv"}

// parseQM9Head reads the second line of a file of QM9: gdb, the molecule's
// number, 15 properties.
func parseQM9Head(line string) ([]Property, bool) {
	if !strings.HasPrefix(line, "gdb") {
		return nil, false
	}
	words := strings.Fields(line)
	if len(words) != 2+len(QM9Properties) || words[0] != "gdb" {
		return nil, false
	}
	index, err := strconv.Atoi(words[1])
	if err != nil || index < 1 {
		return nil, false
	}
	digits := strconv.Itoa(index)
	list := []Property{{"id", "gdb_" + strings.Repeat("0", max(0, 6-len(digits))) + digits}}
	for k, key := range QM9Properties {
		v, ok := number([]byte(words[2+k]))
		if !ok {
			return nil, false
		}
		list = append(list, Property{key, strconv.FormatFloat(v, 'g', -1, 64)})
	}
	return list, true
}

// qm9Tail reads what follows the atoms in a file of QM9: a line of frequencies,
// one of two SMILES, one of two InChI. A file in which they were left out goes
// on with the next record.
func (l *lines) qm9Tail(m *Molecule) error {
	line, err := l.next()
	if err != nil {
		return ended(err)
	}
	if !frequencies(line) {
		l.unread()
		return nil
	}
	if line, err = l.next(); err != nil {
		return ended(err)
	}
	words := strings.Fields(string(line))
	if len(words) == 0 || len(words) > 2 {
		return l.fault("want the two SMILES of a file of QM9, found " + quote(line))
	}
	m.Properties = append(m.Properties, Property{"smiles", words[len(words)-1]})
	if line, err = l.next(); err != nil {
		return ended(err)
	}
	if !bytes.HasPrefix(line, []byte("InChI=")) {
		return l.fault("want the two InChI of a file of QM9, found " + quote(line))
	}
	return nil
}

// frequencies tells whether a line is one of numbers with a decimal point, and
// so not the number of atoms of the next record.
func frequencies(line []byte) bool {
	found := false
	for word := range bytes.FieldsSeq(line) {
		if _, ok := number(word); !ok || bytes.IndexByte(word, '.') < 0 {
			return false
		}
		found = true
	}
	return found
}
