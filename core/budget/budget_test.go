package budget

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
)

// endless is a file without end that counts what is read of it.
type endless struct {
	of   byte
	read int64
}

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = e.of
	}
	e.read += int64(len(p))
	return len(p), nil
}

func TestALineWithoutEndIsRefusedBeforeItIsRead(t *testing.T) {
	for _, c := range []byte{' ', 'x', 0} {
		e := &endless{of: c}
		_, err := New("record", Record, Depth).ReadLine(bufio.NewReaderSize(e, 1<<16), nil)
		if over, ok := errors.AsType[*Error](err); !ok || over.What != "line" {
			t.Errorf("%q: error %v, want a line that is too long", c, err)
		}
		if e.read > 2*Line {
			t.Errorf("%q: %d bytes read, want at most %d", c, e.read, 2*Line)
		}
	}
}

func TestARecordOfShortLinesIsRefused(t *testing.T) {
	e := &endless{of: '\n'}
	b, r := New("record", 1<<16, Depth), bufio.NewReaderSize(e, 1<<12)
	var err error
	lines := 0
	for ; err == nil; lines++ {
		_, err = b.ReadLine(r, nil)
	}
	if over, ok := errors.AsType[*Error](err); !ok || over.What != "record" || lines != 1<<16+1 {
		t.Errorf("error %v after %d lines", err, lines)
	}
	if b.Renew(); b.Spend(1<<16) != nil || b.Spend(1) == nil {
		t.Error("the budget of the next record is not the whole one")
	}
}

func TestReadLineKeepsEndsAndTheLastLine(t *testing.T) {
	long := strings.Repeat("y", 5000)
	r := bufio.NewReaderSize(strings.NewReader("a\r\n\n"+long+"\nlast"), 16)
	b := New("record", Record, Depth)
	for _, want := range []string{"a\r\n", "\n", long + "\n", "last"} {
		if have, err := b.ReadLine(r, nil); string(have) != want || err != nil {
			t.Errorf("%.20q, %v, want %.20q", have, err, want)
		}
	}
	if _, err := b.ReadLine(r, nil); err != io.EOF {
		t.Errorf("after the last line: %v", err)
	}
}

func TestLevelsAreCounted(t *testing.T) {
	b := New("record", 0, 2)
	for range 2 {
		if err := b.Enter(); err != nil {
			t.Fatal(err)
		}
	}
	if b.Leave(); b.Enter() != nil {
		t.Error("a level that was left counts still")
	}
	if err := b.Enter(); err == nil || err.Error() != "record takes more than 2 levels" {
		t.Errorf("three levels: %v", err)
	}
}

func TestAReaderStopsWithItsContextAndItsBudget(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	e := &endless{}
	r := New("file", 1<<20, 0).Reader(ctx, e)
	if n, err := io.Copy(io.Discard, r); err == nil || n > 1<<20 || e.read > 1<<21 {
		t.Errorf("%d bytes, %d read, error %v", n, e.read, err)
	}
	cancel()
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("after cancelling: %v", err)
	}
}

func TestNoBudgetHasNoBounds(t *testing.T) {
	var b *Budget
	b.Renew()
	if b.Spend(1<<60) != nil || b.Enter() != nil {
		t.Error("a nil budget refuses")
	}
	b.Leave()
}
