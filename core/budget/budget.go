// Package budget limits what an untrusted record or file may cost a reader: the
// number of bytes and the depth of nesting. A reader asks the budget before it
// allocates. So a file of a few kilobytes that expands to gigabytes is an error
// within a second, and memory stays small.
package budget

import (
	"bufio"
	"context"
	"io"
	"strconv"
)

// Limits of the readers of molecules and weights.
const (
	// Record is what one record of a text format may take, in bytes.
	Record = 1 << 24
	// Line is what one line may take, in bytes.
	Line = 1 << 20
	// Depth is how deep values may be nested in a binary format.
	Depth = 64
)

// Error is a record or a file that costs more than its budget.
type Error struct {
	What  string // what was bounded, such as "record"
	Limit int64
	Unit  string // "bytes" or "levels"
}

func (e *Error) Error() string {
	return e.What + " takes more than " + strconv.FormatInt(e.Limit, 10) + " " + e.Unit
}

// Budget is what is left for one record or file. A nil Budget has no bounds.
type Budget struct {
	what        string
	limit, left int64
	deepest     int
	depth       int
}

// New is a budget of so many bytes and levels for what is called what.
func New(what string, bytes int64, levels int) *Budget {
	return &Budget{what: what, limit: bytes, left: bytes, deepest: levels}
}

// Renew gives the whole budget to the next record.
func (b *Budget) Renew() {
	if b != nil {
		b.left, b.depth = b.limit, 0
	}
}

// Spend takes n bytes; an error of type *Error where fewer are left.
func (b *Budget) Spend(n int64) error {
	if b == nil {
		return nil
	}
	if n < 0 || n > b.left {
		b.left = 0
		return &Error{b.what, b.limit, "bytes"}
	}
	b.left -= n
	return nil
}

// Enter goes one level deeper; an error of type *Error beyond the last level.
// Leave goes back.
func (b *Budget) Enter() error {
	if b == nil {
		return nil
	}
	if b.depth++; b.depth > b.deepest {
		return &Error{b.what, int64(b.deepest), "levels"}
	}
	return nil
}

// Leave undoes Enter.
func (b *Budget) Leave() {
	if b != nil {
		b.depth--
	}
}

// Reader is r, whose bytes are spent as they are read, until ctx ends. What is
// read ahead counts with the record at hand.
func (b *Budget) Reader(ctx context.Context, r io.Reader) io.Reader { return &reader{ctx, r, b} }

type reader struct {
	ctx context.Context
	r   io.Reader
	b   *Budget
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.r.Read(p)
	if spent := r.b.Spend(int64(n)); spent != nil {
		return 0, spent
	}
	return n, err
}

// ReadLine reads a line with its end, spending its bytes; io.EOF after the last.
// dst is memory to use. A line longer than Line is an error of type *Error before
// more of it is read.
func (b *Budget) ReadLine(r *bufio.Reader, dst []byte) ([]byte, error) {
	dst = dst[:0]
	for {
		part, err := r.ReadSlice('\n')
		if len(dst)+len(part) > Line {
			return nil, &Error{"line", Line, "bytes"}
		}
		if spent := b.Spend(int64(len(part))); spent != nil {
			return nil, spent
		}
		dst = append(dst, part...)
		switch {
		case err == bufio.ErrBufferFull:
		case err == io.EOF && len(dst) > 0:
			return dst, nil
		default:
			return dst, err
		}
	}
}
