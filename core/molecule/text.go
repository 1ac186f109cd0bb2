package molecule

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math"
	"strconv"
)

// ParseError is a fault of a file of molecules.
type ParseError struct {
	File   string // the name it was read under
	Record int    // the molecule in it, from 1; 0 before the first
	Line   int    // the line in the whole file, from 1; 0 where no line is at fault
	Reason string // what was found and what was expected
	Err    error  // the cause, if there is one
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

// maxLine is the length of a line in bytes beyond which a file is refused.
const maxLine = 1 << 20

// lines reads a text line by line, with either line end.
type lines struct {
	r      *bufio.Reader
	name   string
	record int
	line   int
	long   []byte // a line beyond the buffer
}

func newLines(r io.Reader, name string) *lines {
	return &lines{r: bufio.NewReaderSize(r, 1<<16), name: name}
}

func (l *lines) fault(reason string) error {
	return &ParseError{File: l.name, Record: l.record, Line: l.line, Reason: reason}
}

// next returns the next line without its end, valid until the following call;
// io.EOF after the last.
func (l *lines) next() ([]byte, error) {
	line, err := l.r.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		l.long = append(l.long[:0], line...)
		for err == bufio.ErrBufferFull && len(l.long) <= maxLine {
			line, err = l.r.ReadSlice('\n')
			l.long = append(l.long, line...)
		}
		line = l.long
	}
	l.line++
	if len(line) > maxLine {
		return nil, l.fault("line longer than " + strconv.Itoa(maxLine) + " bytes")
	}
	if err == io.EOF && len(line) > 0 {
		err = nil
	}
	if err == io.EOF {
		return nil, io.EOF
	}
	if err != nil {
		return nil, &ParseError{File: l.name, Record: l.record, Line: l.line, Reason: err.Error(), Err: err}
	}
	line = bytes.TrimSuffix(line, []byte{'\n'})
	return bytes.TrimSuffix(line, []byte{'\r'}), nil
}

// must returns the next line, which has to be there.
func (l *lines) must(what string) ([]byte, error) {
	line, err := l.next()
	if err == io.EOF {
		return nil, &ParseError{File: l.name, Record: l.record, Line: l.line, Reason: "file ends, want " + what, Err: io.ErrUnexpectedEOF}
	}
	return line, err
}

// coordinate reads a finite number.
func coordinate(text []byte) (float64, bool) {
	x, err := strconv.ParseFloat(string(text), 64)
	return x, err == nil && !math.IsNaN(x) && !math.IsInf(x, 0)
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
