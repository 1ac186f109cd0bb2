package molecule

import (
	"io"
	"iter"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// SMILES is one line of a list or table of SMILES. The text is not parsed.
type SMILES struct {
	Record int // from 1, without a header
	Line   int
	Text   string
	Name   string
	Split  string // a column split, where there is one
}

// ReadSMILES reads a list of SMILES, one on a line and perhaps a name after it,
// or a table. A first line with the word smiles in any case makes it a table:
// columns are separated by tabs, commas or semicolons, whichever that line has,
// or by spaces; smiles, split and name (or id) are taken. A name that ends in .csv
// or .tsv promises a table. Fields may be in double quotes, as RFC 4180 has them,
// but not over several lines. Lines that are empty or begin with # do not count.
// An extension of CXSMILES is an error unless it holds marks of stereo groups
// only. Errors are of type *[ParseError].
func ReadSMILES(r io.Reader, name string) iter.Seq2[SMILES, error] {
	t := &table{lines: newLines(r, name)}
	return records(t.lines, t.row)
}

// table reads rows.
type table struct {
	*lines
	begun               bool
	separator           byte // 0: cut at white space
	columns             int  // 0: a list, not a table
	smiles, name, split int  // places, -1: there is none
}

// row reads one line.
func (t *table) row() (SMILES, error) {
	for {
		line, err := t.next()
		if err != nil {
			return SMILES{}, err
		}
		text := strings.TrimSpace(string(line))
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		if !t.begun {
			t.begun = true
			header, err := t.header(string(line))
			if err != nil {
				return SMILES{}, err
			}
			if header {
				continue
			}
		}
		t.record++
		s := SMILES{Record: t.record, Line: t.line}
		if t.columns == 0 {
			err = t.listed(&s, text)
		} else {
			err = t.fields(&s, string(line))
		}
		if err == nil && s.Text == "" {
			err = t.bad("no SMILES")
		}
		return s, err
	}
}

// header reads the first line, and tells whether it names columns.
func (t *table) header(line string) (bool, error) {
	for _, c := range []byte("\t,;") {
		if strings.IndexByte(line, c) >= 0 {
			t.separator = c
			break
		}
	}
	fields, ok := t.cut(line)
	t.smiles, t.name, t.split = -1, -1, -1
	for i, field := range fields {
		switch strings.ToLower(strings.TrimSpace(field)) {
		case "smiles":
			if t.smiles >= 0 {
				return false, t.fault("two columns smiles")
			}
			t.smiles = i
		case "split":
			t.split = i
		case "name":
			t.name = i
		case "id":
			if t.name < 0 {
				t.name = i
			}
		}
	}
	if ok && t.smiles >= 0 {
		t.columns = len(fields)
		return true, nil
	}
	if extension := strings.ToLower(path.Ext(t.lines.name)); extension == ".csv" ||
		extension == ".tsv" {
		return false, t.fault("no column smiles among " + quote([]byte(strings.Join(fields, ", "))))
	}
	return false, nil
}

// listed reads a line of a list: a SMILES, an extension perhaps, a name.
func (t *table) listed(s *SMILES, text string) error {
	end := strings.IndexFunc(text, unicode.IsSpace)
	if end < 0 {
		end = len(text)
	}
	s.Text = text[:end]
	rest := strings.TrimSpace(text[end:])
	if strings.HasPrefix(rest, "|") {
		extension, after, ok := strings.Cut(rest[1:], "|")
		if !ok || !stereoGroups(extension) {
			return t.bad("the extension |" + shorten([]byte(extension)) + "| of CXSMILES is not read")
		}
		rest = strings.TrimSpace(after)
	}
	s.Name = rest
	return nil
}

// stereoGroups reports whether an extension of CXSMILES changes no atom or bond.
func stereoGroups(text string) bool {
	return strings.Trim(text, "roa&0123456789:,") == ""
}

// fields reads a line of a table.
func (t *table) fields(s *SMILES, line string) error {
	fields, ok := t.cut(line)
	switch {
	case !ok:
		return t.bad("a quote is not closed")
	case len(fields) != t.columns && t.separator != 0:
		return t.bad(strconv.Itoa(len(fields)) + " columns, want " + strconv.Itoa(t.columns) +
			" as in the header")
	case len(fields) <= t.smiles:
		return t.bad("no column smiles")
	case len(fields) <= t.split:
		return t.bad("no column split")
	}
	s.Text = strings.TrimSpace(fields[t.smiles])
	if t.split >= 0 {
		s.Split = strings.TrimSpace(fields[t.split])
	}
	if t.separator == 0 && t.smiles == 0 && t.split < 0 { // the rest is the name, as in a list
		return t.listed(s, strings.TrimSpace(line))
	}
	if t.name >= 0 && t.name < len(fields) {
		s.Name = strings.TrimSpace(fields[t.name])
	}
	return nil
}

// cut cuts a line into fields; not ok where a quote is not closed.
func (t *table) cut(line string) (fields []string, ok bool) {
	if t.separator == 0 {
		return slices.Collect(strings.FieldsSeq(line)), true
	}
	for {
		rest := strings.TrimLeft(line, " ")
		if !strings.HasPrefix(rest, "\"") {
			field, after, more := strings.Cut(line, string(t.separator))
			if fields = append(fields, field); !more {
				return fields, true
			}
			line = after
			continue
		}
		var field []byte
		rest = rest[1:]
		for {
			i := strings.IndexByte(rest, '"')
			if i < 0 {
				return nil, false
			}
			field, rest = append(field, rest[:i]...), rest[i+1:]
			if !strings.HasPrefix(rest, "\"") {
				break
			}
			field, rest = append(field, '"'), rest[1:]
		}
		fields = append(fields, string(field))
		if rest = strings.TrimLeft(rest, " "); rest == "" {
			return fields, true
		}
		if rest[0] != t.separator {
			return nil, false
		}
		line = rest[1:]
	}
}
