package molecule

import (
	"bytes"
	"errors"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/symdiff-go/symdiff/core/budget"
)

// maxSDF is what the three columns of a V2000 count can hold.
const maxSDF = 999

// ReadSDF reads MOL and SDF files of the versions V2000 and V3000. Title and data
// fields become properties (the title as "title"), bonds, charges and radicals
// the fields of Molecule that begin with File. Isotopes are read as their
// element, D and T as hydrogen; stereo marks, groups and queries are dropped, and
// what stands for no element (*, R#, A, Q) is an error. Errors are of type
// *[ParseError].
//
// More than the specification are taken: a line of counts without a version, or
// with it in lower case, for V2000; blank lines, which may hold spaces, before a
// record, before M  END and around data fields; a data field that the next one or
// $$$$ ends without a blank line. $$$$ ends a record wherever it stands at the
// beginning of a line, or alone on it after spaces. A line of spaces within a data
// field belongs to its value where text follows. What stands between the bonds of
// V2000 and M  END must be a property, a list of atoms or blank, so that atoms
// beyond the line of counts are never dropped. Where $$$$ is missing after a record
// at fault, each further record up to the next $$$$ is a separate error.
//
// Source: BIOVIA, CTfile Formats.
func ReadSDF(r io.Reader, name string) iter.Seq2[*Molecule, error] {
	l := newLines(r, name)
	return records(l, l.sdf)
}

// sdf reads one record; io.EOF where nothing but empty lines is left. After an
// error of the record the next line is that of the next record.
func (l *lines) sdf() (*Molecule, error) {
	if l.lost > 0 {
		l.lost--
		l.record++
		return nil, l.bad("lost with the record before it, which is at fault and does not end in $$$$")
	}
	head, err := l.sdfHead()
	if err != nil {
		return nil, l.toDollars(err, 1)
	}
	m := &Molecule{}
	if title := strings.TrimSpace(head[0]); title != "" {
		m.Properties = append(m.Properties, Property{"title", title})
	}
	if isVersion([]byte(head[3]), "V3000") {
		err = l.v3000(m)
	} else {
		err = l.v2000(m, head[3])
	}
	if err == nil {
		err = l.sdfFields(m)
	}
	if err != nil {
		return nil, l.toDollars(err, 0)
	}
	if len(m.Elements) == 0 {
		return nil, l.bad("no atoms")
	}
	m.FileCharges, m.FileRadicals = whole(m.FileCharges, len(m.Elements)),
		whole(m.FileRadicals, len(m.Elements))
	m.Flat = len(head[1]) >= 22 && strings.EqualFold(head[1][20:22], "2D") && flat(m)
	return m, nil
}

// flat tells whether all atoms lie at z = 0.
func flat(m *Molecule) bool {
	return !slices.ContainsFunc(m.Positions, func(p [3]float64) bool { return p[2] != 0 })
}

// dollars reports whether a line ends a record.
func dollars(line []byte) bool {
	return bytes.HasPrefix(line, []byte("$$$$")) || len(line) > 4 &&
		string(bytes.Trim(line, " \t")) == "$$$$"
}

func blank(line []byte) bool { return len(bytes.TrimSpace(line)) == 0 }

// toDollars reads on to the end of the record in which an error was found, and
// counts the records that begin before it, beyond the own lines of counts that the
// record has still to come.
func (l *lines) toDollars(err error, own int) error {
	if !OneRecord(err) {
		return err
	}
	if dollars(l.last) && !l.again {
		return err
	}
	for {
		line, e := l.next()
		if e == io.EOF || e == nil && dollars(line) {
			l.lost = max(0, l.lost-own)
			return err
		}
		if e != nil {
			return e
		}
		if isVersion(line, "V2000") || isVersion(line, "V3000") {
			if isCounts(string(line)) {
				l.lost++
			}
		}
	}
}

// inside returns the next line of a record, which has to be there.
func (l *lines) inside(what string) ([]byte, error) {
	line, err := l.must(what)
	if err == nil && dollars(line) {
		return nil, l.bad("the record ends, want " + what)
	}
	return line, err
}

// sdfHead reads title, program, comment and the line of counts. Blank lines may
// come before: the counts tell which line is the title.
func (l *lines) sdfHead() (head []string, err error) {
	for {
		line, err := l.next()
		if err == io.EOF && allBlank(head) {
			return nil, io.EOF
		}
		if err == nil && !blank(line) && allBlank(head) {
			l.record++
		}
		switch {
		case err == io.EOF:
			e := l.fault("file ends in the header, want a line of counts")
			e.Line++
			return nil, e
		case err != nil:
			return nil, err
		case dollars(line):
			return nil, l.bad("the record ends, want a line of counts")
		}
		if head = append(head, string(line)); len(head) < 4 {
			continue
		}
		if isCounts(head[3]) {
			return head, nil
		}
		if !blank([]byte(head[0])) {
			return nil, l.bad("want a line of counts with V2000 or V3000, found " + quote(line))
		}
		head = head[1:]
	}
}

func allBlank(head []string) bool {
	return !slices.ContainsFunc(head, func(line string) bool { return strings.TrimSpace(line) != "" })
}

// isVersion looks for a version in a line of counts.
func isVersion(line []byte, version string) bool {
	return len(line) > 6 && bytes.Contains(bytes.ToUpper(line[6:]), []byte(version))
}

// isCounts reports whether a line is one of counts: two numbers of three columns, and no
// version but V2000 and V3000.
func isCounts(line string) bool {
	_, okA := column(line, 0, 3)
	_, okB := column(line, 3, 6)
	if !okA || !okB {
		return false
	}
	for word := range strings.FieldsSeq(line[6:]) {
		if upper := strings.ToUpper(word); len(word) == 5 && upper[0] == 'V' {
			return upper == "V2000" || upper == "V3000"
		}
	}
	return strings.Trim(line[6:], " 0123456789\t") == "" || isVersion([]byte(line), "V2000") ||
		isVersion([]byte(line), "V3000")
}

// column reads a number from columns [from, to).
func column(line string, from, to int) (int, bool) {
	if len(line) < to {
		return 0, false
	}
	n, err := strconv.Atoi(strings.TrimSpace(line[from:to]))
	return n, err == nil && n >= 0
}

// v2000 reads atoms, bonds and properties up to M  END.
func (l *lines) v2000(m *Molecule, counts string) error {
	atoms, _ := column(counts, 0, 3)
	bonds, _ := column(counts, 3, 6)
	lists, _ := column(counts, 6, 9) // lists of atoms in the old form
	for i := range atoms {
		if err := l.sdfAtom(m, i); err != nil {
			return err
		}
	}
	for i := range bonds {
		if err := l.sdfBond(m, i); err != nil {
			return err
		}
	}
	stated := false // charges or radicals, which replace those of the atoms' lines
	for {
		line, err := l.inside("M  END")
		if err != nil {
			return err
		}
		text := string(line)
		switch {
		case endsTable(line):
			return nil
		case strings.HasPrefix(text, "M  CHG"), strings.HasPrefix(text, "M  RAD"):
			if !stated {
				m.FileCharges, m.FileRadicals, stated = nil, nil, true
			}
			if err := l.sdfCharges(m, text); err != nil {
				return err
			}
		case strings.HasPrefix(text, "A  "), strings.HasPrefix(text, "V  "),
			strings.HasPrefix(text, "G  "):
			if text[0] == 'V' { // the text is on the line itself
				continue
			}
			if _, err := l.inside("the text after " + quote(line)); err != nil {
				return err
			}
		case blank(line), strings.HasPrefix(text, "M  "), strings.HasPrefix(text, "S  "):
		case lists > 0:
			lists--
		default:
			return l.bad("want M  END or a property after " + strconv.Itoa(atoms) + " atoms and " +
				strconv.Itoa(bonds) + " bonds, as the line of counts says, found " + quote(line))
		}
	}
}

func (l *lines) sdfAtom(m *Molecule, i int) error {
	line, err := l.inside("atom " + strconv.Itoa(i+1))
	if err != nil {
		return err
	}
	if len(line) < 32 {
		return l.bad("want an atom: three coordinates of ten columns and a symbol")
	}
	var p [3]float64
	for k := range p {
		var reason string
		if p[k], reason = coordinate(bytes.TrimSpace(line[10*k : 10*k+10])); reason != "" {
			return l.bad(reason)
		}
	}
	symbol := bytes.TrimSpace(line[31:min(34, len(line))])
	e, ok := isotope(symbol)
	if !ok {
		return l.bad("unknown element " + quote(symbol))
	}
	m.Elements = append(m.Elements, e)
	m.Positions = append(m.Positions, p)
	if code, ok := column(string(line), 36, 39); ok && code > 0 && code < 8 {
		if code == 4 {
			m.setRadical(i, 1)
		} else {
			m.setCharge(i, 4-code)
		}
	}
	return nil
}

func (m *Molecule) setCharge(i, charge int) {
	if charge != 0 || m.FileCharges != nil {
		m.FileCharges = set(m.FileCharges, len(m.Elements), i, charge)
	}
}

func (m *Molecule) setRadical(i, electrons int) {
	if electrons != 0 || m.FileRadicals != nil {
		m.FileRadicals = set(m.FileRadicals, len(m.Elements), i, electrons)
	}
}

// set sets one of n values.
func set(values []int, n, i, value int) []int {
	if len(values) < n {
		values = append(values, make([]int, n-len(values))...)
	}
	values[i] = value
	return values
}

// whole completes n values; nil where all are zero.
func whole(values []int, n int) []int {
	if !slices.ContainsFunc(values, func(v int) bool { return v != 0 }) {
		return nil
	}
	return append(values, make([]int, n-len(values))...)
}

func (l *lines) sdfBond(m *Molecule, i int) error {
	line, err := l.inside("bond " + strconv.Itoa(i+1))
	if err != nil {
		return err
	}
	text := string(line)
	a, okA := column(text, 0, 3)
	b, okB := column(text, 3, 6)
	order, okO := column(text, 6, 9)
	return l.addBond(m, a, b, order, 8, okA && okB && okO)
}

// addBond adds a bond of atoms that count from 1, of a type from 1 to most.
func (l *lines) addBond(m *Molecule, a, b, order, most int, ok bool) error {
	if !ok || a < 1 || b < 1 || a > len(m.Elements) || b > len(m.Elements) || a == b {
		return l.bad("want a bond of two of " + strconv.Itoa(len(m.Elements)) + " atoms, found " +
			quote(l.last))
	}
	if order < 1 || order > most {
		return l.bad("bond type " + strconv.Itoa(order) + ", want 1 to " + strconv.Itoa(most))
	}
	bond := Bond{min(a, b) - 1, max(a, b) - 1, order}
	if len(m.FileBonds) == 0 {
		clear(l.bonded)
	}
	pair := [2]int{bond.I, bond.J}
	if _, twice := l.bonded[pair]; twice {
		return l.bad("the bond of atoms " + strconv.Itoa(bond.I+1) + " and " + strconv.Itoa(bond.J+1) +
			" is there twice")
	}
	if l.bonded == nil {
		l.bonded = map[[2]int]struct{}{}
	}
	l.bonded[pair] = struct{}{}
	m.FileBonds = append(m.FileBonds, bond)
	return nil
}

// unpaired are the unpaired electrons of CTfile's radicals: none, singlet,
// doublet, triplet.
var unpaired = [4]int{0, 2, 1, 2}

// sdfCharges reads a line M  CHG or M  RAD.
func (l *lines) sdfCharges(m *Molecule, text string) error {
	words := strings.Fields(text[6:])
	n, err := 0, error(nil)
	if len(words) > 0 {
		n, err = strconv.Atoi(words[0])
	}
	if err != nil || len(words) != 1+2*n || n < 0 {
		return l.bad("want M  CHG or M  RAD with pairs of an atom and a value, found " +
			quote([]byte(text)))
	}
	for pair := range slices.Chunk(words[1:], 2) {
		i, errI := strconv.Atoi(pair[0])
		v, errV := strconv.Atoi(pair[1])
		if errI != nil || errV != nil || i < 1 || i > len(m.Elements) {
			return l.bad("want pairs of one of " + strconv.Itoa(len(m.Elements)) +
				" atoms and a value, found " + quote([]byte(text)))
		}
		if err := l.state(m, i-1, text[3:6], v); err != nil {
			return err
		}
	}
	return nil
}

// state sets the charge (CHG) or radical (RAD) of atom i.
func (l *lines) state(m *Molecule, i int, what string, v int) error {
	switch {
	case what == "CHG" && v >= -15 && v <= 15:
		m.setCharge(i, v)
	case what == "RAD" && v >= 0 && v <= 3:
		m.setRadical(i, unpaired[v])
	default:
		return l.bad(what + " is " + strconv.Itoa(v) +
			", want a charge from -15 to 15 or a radical from 0 to 3")
	}
	return nil
}

// sdfFields reads data fields up to $$$$ or the end of the file.
func (l *lines) sdfFields(m *Molecule) error {
	for {
		line, err := l.next()
		if err != nil {
			return ended(err)
		}
		switch {
		case dollars(line):
			return nil
		case blank(line):
			continue
		case line[0] != '>':
			return l.bad("want a data field > <name> or $$$$, found " + quote(line))
		}
		key, _ := fieldName(line)
		value, err := l.fieldValue()
		if err != nil {
			return err
		}
		if key != "" {
			m.Properties = append(m.Properties, Property{key, value})
		}
	}
}

// fieldName is the name of a data field: what is in <>, or else the number of
// the field in a database, DTn, and what comes with it. braces says which.
func fieldName(line []byte) (name string, braces bool) {
	if name, braces = braced(line[1:]); braces {
		return name, true
	}
	return strings.TrimSpace(string(line[1:])), false
}

// braced is what is in <>.
func braced(text []byte) (name string, ok bool) {
	from, to := bytes.IndexByte(text, '<'), bytes.LastIndexByte(text, '>')
	if from < 0 || to <= from+1 {
		return "", false
	}
	return string(text[from+1 : to]), true
}

// namesField reports whether a line begins a data field, within the value of another too.
func namesField(line []byte) bool {
	if len(line) == 0 || line[0] != '>' {
		return false
	}
	_, ok := braced(line[1:])
	return ok
}

// endsTable reports whether a line is the last of atoms and bonds.
func endsTable(line []byte) bool { return bytes.HasPrefix(line, []byte("M  END")) }

// fieldValue reads the value of a data field.
func (l *lines) fieldValue() (string, error) {
	var value []string
	size := 0
	spaces := 0 // lines of spaces that wait for text
	for {
		line, err := l.next()
		if err != nil {
			return strings.Join(value, "\n"), ended(err)
		}
		switch {
		case len(line) == 0:
			return strings.Join(value, "\n"), nil
		case dollars(line), namesField(line):
			l.unread()
			return strings.Join(value, "\n"), nil
		case blank(line):
			spaces++
			continue
		case endsTable(line):
			return "", l.bad("a molecule within a data field: $$$$ is missing before it")
		}
		for ; spaces > 0; spaces-- {
			value = append(value, " ")
		}
		if size += len(line); size > budget.Line {
			return "", l.bad("value longer than " + strconv.Itoa(budget.Line) + " bytes")
		}
		value = append(value, string(line))
	}
}

// ErrTooLarge is a molecule beyond the fixed columns of SDF or PDB.
var ErrTooLarge = errors.New("molecule: too large for the columns of the format")

// WriteSDF writes one V2000 record with the Lewis structure of [Molecule.Lewis] for
// [Molecule.Charge] as a Kekulé structure, charges as M  CHG, unpaired electrons as M  RAD, the
// formula as the title (or the property "title") and the properties as data fields. V2000 holds 999
// atoms and bonds and coordinates of ten columns; beyond that the error wraps [ErrTooLarge]. A
// property that no data field can hold is an error. Nothing is written on an error of the
// molecule's.
func WriteSDF(w io.Writer, m *Molecule) error {
	if !m.finite() {
		return errNotFinite
	}
	return m.writeSDF(w, m.Lewis(m.Charge()))
}

// WriteAromaticSDF is WriteSDF with aromatic bonds as type 4, by RDKit's model of aromaticity. Some
// programs do not read it: the specification has type 4 for queries only.
func WriteAromaticSDF(w io.Writer, m *Molecule) error {
	if !m.finite() {
		return errNotFinite
	}
	l := m.Lewis(m.Charge())
	for k, aromatic := range l.Aromatic() {
		if aromatic {
			l.Bonds[k].Order = 4
		}
	}
	return m.writeSDF(w, l)
}

func (m *Molecule) writeSDF(w io.Writer, l *Lewis) error {
	if len(m.Elements) > maxSDF || len(l.Bonds) > maxSDF {
		return &sizeError{"V2000 holds " + strconv.Itoa(maxSDF) + " atoms and bonds, not " +
			strconv.Itoa(len(m.Elements)) + " and " + strconv.Itoa(len(l.Bonds))}
	}
	title, ok := m.Property("title")
	if !ok {
		title = m.Formula()
	}
	if strings.ContainsAny(title, "\r\n\x00") || dollars([]byte(title)) {
		return &propertyError{"title"}
	}
	text := []byte(title + "\n  SymDiff           3D\n\n")
	text = padInt(padInt(text, len(m.Elements), 3), len(l.Bonds), 3)
	text = append(text, "  0  0  0  0  0  0  0  0999 V2000\n"...)
	for i, e := range m.Elements {
		for _, x := range m.Positions[i] {
			number := fixed(x, 4)
			if len(number) > 10 {
				return &sizeError{"coordinate " + number + " takes more than ten columns"}
			}
			text = pad(text, number, 10)
		}
		text = append(text, " "+(e.Symbol() + "  ")[:3]+" 0"+strings.Repeat("  0", 11)+"\n"...)
	}
	for _, b := range l.Bonds {
		text = padInt(padInt(padInt(text, b.I+1, 3), b.J+1, 3), b.Order, 3)
		text = append(text, "  0\n"...)
	}
	text = appendStates(text, "M  CHG", l.Charges)
	text = appendStates(text, "M  RAD", radicalCodes(l.Radicals))
	text = append(text, "M  END\n"...)
	for _, p := range m.Properties {
		if p.Key == "title" {
			continue
		}
		if p.Key == "" || strings.ContainsAny(p.Key, "<>\r\n\x00") || !fieldValue(p.Value) {
			return &propertyError{p.Key}
		}
		value := p.Value
		if value != "" {
			value += "\n"
		}
		text = append(text, ">  <"+p.Key+">\n"+value+"\n"...)
	}
	_, err := w.Write(append(text, "$$$$\n"...))
	return err
}

// fieldValue tells whether a data field can hold the value: no empty line, and none that ReadSDF
// takes for the end of the field or of the record.
func fieldValue(value string) bool {
	if value == "" {
		return true
	}
	for text := range strings.SplitSeq(value, "\n") {
		line := []byte(text)
		if text == "" || dollars(line) || namesField(line) || endsTable(line) ||
			strings.ContainsAny(text, "\r\x00") {
			return false
		}
	}
	return true
}

// sizeError says which limit of a format a molecule exceeds.
type sizeError struct{ reason string }

func (e *sizeError) Error() string { return "molecule: " + e.reason }

func (e *sizeError) Unwrap() error { return ErrTooLarge }

// radicalCodes are CTfile's numbers for unpaired electrons: 2 is a doublet, 3 a triplet. It has none
// for more than two electrons.
func radicalCodes(electrons []int) []int {
	codes := make([]int, len(electrons))
	for i, n := range electrons {
		if n > 0 {
			codes[i] = min(n+1, 3)
		}
	}
	return codes
}

// appendStates writes the lines of one kind for the atoms whose value is not 0, eight on each.
func appendStates(text []byte, kind string, values []int) []byte {
	var atoms []int
	for i, v := range values {
		if v != 0 {
			atoms = append(atoms, i)
		}
	}
	for k, i := range atoms {
		if k%8 == 0 {
			text = padInt(append(text, kind...), min(8, len(atoms)-k), 3)
		}
		text = padInt(padInt(text, i+1, 4), values[i], 4)
		if k%8 == 7 || k == len(atoms)-1 {
			text = append(text, '\n')
		}
	}
	return text
}
