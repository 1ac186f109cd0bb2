package pytorch

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

// sparse is a file of size bytes that begins with head and repeats one byte; it counts what is
// read.
type sparse struct {
	head string
	then byte
	size int64
	read int64
}

func (s *sparse) ReadAt(p []byte, at int64) (int, error) {
	n := int(min(int64(len(p)), max(0, s.size-at)))
	for i := range p[:n] {
		p[i] = s.then
		if k := at + int64(i); k < int64(len(s.head)) {
			p[i] = s.head[k]
		}
	}
	s.read += int64(n)
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func TestLargeFilesAreJudgedByTheirFirstBytes(t *testing.T) {
	for name, c := range map[string]struct {
		s    sparse
		most int64 // bytes that may be read
	}{
		"zeros":                   {sparse{then: 0}, 1 << 17},
		"empty dictionaries":      {sparse{then: '}'}, 1 << 22},
		"marks":                   {sparse{then: '('}, 1 << 22},
		"copies":                  {sparse{head: "N", then: '2'}, 1 << 22},
		"a text without end":      {sparse{head: "V", then: 'a'}, 1 << 22},
		"a text of two gigabytes": {sparse{head: "X\xff\xff\xff\x7f", then: 'a'}, 1 << 17},
		"an archive of nothing":   {sparse{head: "PK\x03\x04"}, 1 << 17},
	} {
		t.Run(name, func(t *testing.T) {
			c.s.size = 5 << 30
			_, err := readState("large.pt", &c.s, c.s.size)
			var e *Error
			if !errors.As(err, &e) || e.File != "large.pt" {
				t.Errorf("error %v, want one that names the file", err)
			}
			if c.s.read > c.most {
				t.Errorf("%d bytes read, want at most %d", c.s.read, c.most)
			}
		})
	}
}

func TestErrorsDoNotUnfoldNestedValues(t *testing.T) {
	deep := "\x80\x02" + "N" + strings.Repeat("\x85", 100_000)
	for name, data := range map[string][]byte{
		"pairs of pairs":         read(t, "laughs.pt"),
		"deep":                   []byte(deep + "."),
		"deep persistent id":     []byte(deep + "Q."),
		"deep argument of class": []byte("\x80\x02ctorch\nSize\n" + deep[2:] + "R."),
		"a list of itself":       []byte("\x80\x02]q\x00h\x00aQ."),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseState("x.pt", data)
			if err == nil || len(err.Error()) > 200 {
				t.Errorf("error of %d bytes: %.200v", len(err.Error()), err)
			}
		})
	}
	args := []byte("}\x8c\x0cconditioningN" + strings.Repeat("\x85", 100_000) + "s.")
	values, err := ParseNamespace("args.pickle", args)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ParseState("egnn.pt", read(t, "egnn.pt"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Import(s, Choices{Args: values}); err == nil || len(err.Error()) > 400 {
		t.Errorf("a deep argument: %.200v", err)
	}
}

func TestStoragesAreReadWhenTheyAreAskedFor(t *testing.T) {
	whole := read(t, "types.legacy.pt")
	all, err := ParseState("types.legacy.pt", whole)
	if err != nil || len(all.Names) == 0 {
		t.Fatal(err)
	}
	if _, err := readState("cut.pt", bytes.NewReader(whole[:len(whole)-1]), int64(len(whole)-1)); err == nil {
		t.Error("a storage that is cut short is taken")
	}
}
