package molecule

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"iter"
	"math"
	"strconv"

	"github.com/symdiff-go/symdiff/core/budget"
)

// ParseError is a fault of a file of molecules.
type ParseError struct {
	File   string // the name it was read under
	Record int    // the molecule in it, from 1; 0 before the first
	Line   int    // the line in the whole file, from 1; 0 where no line is at fault
	Reason string // what was found and what was expected
	Err    error  // the cause, if there is one

	// OneRecord says that the fault ends with the record: where the next one
	// begins is known, and a sequence goes on there when it is asked for more.
	OneRecord bool
}

func (e *ParseError) Error() string {
	text := e.File
	if e.Line > 0 {
		text += ":" + strconv.Itoa(e.Line)
	}
	if e.Record > 0 {
		text += ": molecule " + strconv.Itoa(e.Record)
	}
	return text + ": " + e.Reason
}

// Unwrap returns the cause.
func (e *ParseError) Unwrap() error { return e.Err }

// OneRecord tells whether an error of a reader concerns one record only, so that
// the sequence goes on after it.
func OneRecord(err error) bool {
	e, ok := errors.AsType[*ParseError](err)
	return ok && e.OneRecord
}

// lines reads a text line by line, with either line end.
type lines struct {
	r      *bufio.Reader
	name   string
	record int
	line   int
	text   []byte         // memory of the line at hand
	budget *budget.Budget // of the record at hand
	again  bool           // next returns the last line once more
	last   []byte

	pdbSeen bool                // a record of PDB was read
	lost    int                 // records of SDF that are lost with the one before
	bonded  map[[2]int]struct{} // atoms of SDF that are bonded
}

func newLines(r io.Reader, name string) *lines {
	return &lines{r: bufio.NewReaderSize(r, 1<<16), name: name,
		budget: budget.New("record", budget.Record, budget.Depth)}
}

// records is the sequence that a function makes which reads one record, io.EOF
// after the last.
func records[T any](l *lines, read func() (T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for {
			l.budget.Renew()
			m, err := read()
			if err == io.EOF {
				return
			}
			if !yield(m, err) || err != nil && !OneRecord(err) {
				return
			}
		}
	}
}

// fault is an error after which no record can be read.
func (l *lines) fault(reason string) *ParseError {
	return &ParseError{File: l.name, Record: l.record, Line: l.line, Reason: reason}
}

// bad is an error of one record.
func (l *lines) bad(reason string) *ParseError {
	e := l.fault(reason)
	e.OneRecord = true
	return e
}

// next returns the next line without its end, valid until the following call;
// io.EOF after the last.
func (l *lines) next() ([]byte, error) {
	if l.again {
		l.again = false
		l.line++
		return l.last, nil
	}
	line, err := l.budget.ReadLine(l.r, l.text)
	if cap(line) > cap(l.text) {
		l.text = line
	}
	l.line++
	if l.line == 1 && err == nil {
		line = bytes.TrimPrefix(line, []byte("\xEF\xBB\xBF"))
		if reason := notText(line); reason != "" {
			return nil, l.fault(reason)
		}
	}
	if err == io.EOF {
		l.line--
		return nil, io.EOF
	}
	if err != nil {
		reason := err.Error()
		if errors.Is(err, io.ErrUnexpectedEOF) {
			reason = "the compressed file is cut: " + reason
		}
		return nil, &ParseError{File: l.name, Record: l.record, Line: l.line, Reason: reason, Err: err}
	}
	if bytes.IndexByte(line, 0) >= 0 {
		return nil, l.fault("a NUL byte: this is not text in ASCII or UTF-8 (UTF-16?)")
	}
	l.last = bytes.TrimRight(line, "\r\n")
	if bytes.IndexByte(l.last, '\r') >= 0 {
		return nil, l.fault("a CR within a line: lines must end in LF or CR LF")
	}
	return l.last, nil
}

// unread has next return the last line again.
func (l *lines) unread() { l.again, l.line = true, l.line-1 }

// must returns the next line, which has to be there: a file that ends within a
// record is not whole.
func (l *lines) must(what string) ([]byte, error) {
	line, err := l.next()
	if err == io.EOF {
		e := l.fault("file ends, want " + what)
		e.Line, e.Err = l.line+1, io.ErrUnexpectedEOF
		return nil, e
	}
	return line, err
}

// notText says, by its first line, what a file is that is no text of molecules.
func notText(line []byte) string {
	for _, kind := range []struct{ start, reason string }{
		{"version https://git-lfs.github.com/", "is a pointer of Git LFS, not the file itself: `git lfs pull` fetches it"},
		{"\xFF\xFE", "is UTF-16, want ASCII or UTF-8"},
		{"\xFE\xFF", "is UTF-16, want ASCII or UTF-8"},
		{"\x1F\x8B", "is compressed by gzip: want a name that ends in .gz"},
		{"BZh", "is compressed by bzip2: want a name that ends in .bz2"},
		{"PK\x03\x04", "is a zip archive: unpack it"},
		{"<!DOCTYPE", "is a web page, not molecules"},
		{"<!doctype", "is a web page, not molecules"},
		{"<html", "is a web page, not molecules"},
	} {
		if bytes.HasPrefix(line, []byte(kind.start)) {
			return kind.reason
		}
	}
	return ""
}

// shorten keeps messages short.
func shorten(text []byte) string {
	if len(text) > 40 {
		return string(text[:40]) + "..."
	}
	return string(text)
}

func quote(text []byte) string { return strconv.Quote(shorten(text)) }

// MaxCoordinate is the distance from the origin in Å, along an axis, beyond
// which no atom is read: float32, in which models compute, does not hold the
// lengths of bonds there.
const MaxCoordinate = 1e6

// coordinate reads a finite number of at most MaxCoordinate.
func coordinate(word []byte) (x float64, reason string) {
	x, ok := number(word)
	switch {
	case !ok:
		return 0, "want a coordinate, found " + quote(word)
	case math.Abs(x) > MaxCoordinate:
		return 0, "more than 1000000 Å from the origin: coordinate " + shorten(word)
	}
	return x, ""
}

// number reads a finite decimal number. Its exponent may be written with e or
// d (Fortran), or as *^ (Mathematica, in QM9's files).
func number(word []byte) (float64, bool) {
	var buffer [64]byte
	text := buffer[:0]
	for i := 0; i < len(word); i++ {
		switch c := word[i]; {
		case c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.':
			text = append(text, c)
		case c == 'e' || c == 'E' || c == 'd' || c == 'D':
			text = append(text, 'e')
		case c == '*' && i+1 < len(word) && word[i+1] == '^':
			text = append(text, 'e')
			i++
		default: // hexadecimal, infinite, not a number
			return 0, false
		}
	}
	x, err := strconv.ParseFloat(string(text), 64)
	return x, err == nil
}

// symbolOrNumber reads the element of an atom: its symbol in any case, perhaps
// with a number after it that tells atoms apart (C12, H_3), its atomic number,
// or D and T, which are hydrogen.
func symbolOrNumber(word []byte) (e Element, reason string) {
	text := bytes.TrimRight(word, "0123456789")
	if len(text) == 0 && len(word) > 0 {
		z, err := strconv.Atoi(string(word))
		if err != nil || z < 1 || z > len(symbols) {
			return 0, "unknown element " + quote(word)
		}
		return Element(z), ""
	}
	if len(text) < len(word) {
		text = bytes.TrimSuffix(text, []byte{'_'})
	}
	e, ok := isotope(text)
	if !ok {
		return 0, "unknown element " + quote(word)
	}
	return e, ""
}

// isotope reads a symbol, among them D and T.
func isotope(symbol []byte) (Element, bool) {
	if len(symbol) == 1 && (symbol[0]|0x20 == 'd' || symbol[0]|0x20 == 't') {
		return H, true
	}
	return parseElement(symbol)
}

// padInt appends n right-aligned in width columns.
func padInt(dst []byte, n, width int) []byte {
	return pad(dst, strconv.Itoa(n), width)
}

func pad(dst []byte, text string, width int) []byte {
	for range width - len(text) {
		dst = append(dst, ' ')
	}
	return append(dst, text...)
}

// fixed formats x with some decimals and without a negative zero.
func fixed(x float64, decimals int) string {
	text := strconv.FormatFloat(x, 'f', decimals, 64)
	if text[0] == '-' && len(bytes.Trim([]byte(text), "-0.")) == 0 {
		return text[1:]
	}
	return text
}

// errNotFinite refuses what no file format can hold.
var errNotFinite = errors.New("molecule: position is not finite")

func (m *Molecule) finite() bool {
	for _, p := range m.Positions {
		for _, x := range p {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				return false
			}
		}
	}
	return true
}

// ended is the error of a line that may be missing at the end of a file.
func ended(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}
