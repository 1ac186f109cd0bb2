package source

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/budget"
	"github.com/symdiff-go/symdiff/core/molecule"
)

// endless is a beginning and then the same text again and again; it counts what is read.
type endless struct {
	head, then string
	read       int64
	at         int // in then
	stop       func()
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.head)
	e.head = e.head[n:]
	for n < len(p) {
		k := copy(p[n:], e.then[e.at:])
		n, e.at = n+k, (e.at+k)%len(e.then)
	}
	if e.read += int64(n); e.stop != nil && e.read > 1<<20 {
		e.stop()
	}
	return n, nil
}

const oneAtom = "x\n\n\n  1  0  0  0  0  0  0  0  0  0999 V2000\n" +
	"    0.0000    0.0000    0.0000 H   0  0  0  0  0  0  0  0  0  0  0  0\nM  END\n"

// What stands for gigabytes in a few kilobytes is refused after what one record may take.
func TestBombsAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		extension string
		in        endless
		most      int64 // bytes that may be read
	}{
		"data fields":  {".sdf", endless{head: oneAtom, then: "> <a>\nb\n\n"}, 2 * budget.Record},
		"a data field": {".sdf", endless{head: oneAtom + "> <a>\n", then: "b\n"}, 2 * budget.Record},
		"properties": {".sdf", endless{
			head: strings.TrimSuffix(oneAtom, "M  END\n"), then: "M  CHG  1   1   0\n",
		}, 2 * budget.Record},
		"blank lines":                {".xyz", endless{then: "\n"}, 2 * budget.Record},
		"blank lines before a title": {".sdf", endless{then: "\n"}, 2 * budget.Record},
		"blanks":                     {".xyz", endless{then: " "}, 2 * budget.Line},
		"a line of atoms":            {".xyz", endless{head: "3\n", then: "x"}, 2 * budget.Line},
		"long atoms": {".xyz", endless{
			head: "100000\n\n", then: "H 0 0 0" + strings.Repeat(" ", 4000) + "\n",
		}, 2 * budget.Record},
		"remarks":  {".pdb", endless{then: "REMARK\n"}, 2 * budget.Record},
		"comments": {".smi", endless{then: "#\n"}, 2 * budget.Record},
		"a text":   {".msgpack", endless{head: "\x81\xdb\xff\xff\xff\xff", then: "C"}, 1 << 20},
		"a key": {".msgpack", endless{
			head: "\x81\xa1C\x81\xdb\xff\xff\xff\xff", then: "C",
		}, 1 << 20},
		"a value that is left out": {".msgpack", endless{
			head: "\x81\xa1C\x81\xa1k\xdb\xff\xff\xff\xff", then: "C",
		}, 2 * maxBetween},
		"lists in lists": {".msgpack", endless{head: "\x81\xa1C\x81\xa1k", then: "\x91"}, 1 << 20},
		"maps in maps":   {".msgpack", endless{head: "\x81\xa1C\x81\xa1k", then: "\x81\xa1k"}, 1 << 20},
		"conformers without end": {".msgpack", endless{
			head: "\x81\xa1C\x81\xaaconformers\xdd\xff\xff\xff\xff", then: "\x80",
		}, 2 * maxBetween},
		"rows without end": {".msgpack", endless{
			head: "\x81\xa1C\x81\xaaconformers\xdd\xff\xff\xff\xff\x81\xa3xyz\xdd\xff\xff\xff\xff", then: "\x90",
		}, maxBetween},
		"an archive of other things": {".tar", endless{
			head: "other" + strings.Repeat("\x00", 95) + "0000644\x000000000\x000000000\x00" +
				"77777777777\x0000000000000\x00", then: "\x00",
		}, 2 * maxBetween},
	} {
		t.Run(name, func(t *testing.T) {
			if c.extension == ".smi" {
				t.Skip("tested by core/molecule: here it needs RDKit")
			}
			c.in.then = strings.Repeat(c.in.then, 256) // fewer copies
			r := &reader{
				ctx: t.Context(), path: "bomb" + c.extension, name: c.extension, in: &c.in,
				emit: func(Record) error { return nil },
			}
			r.bound()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := formatOf(c.extension)(r)
			runtime.ReadMemStats(&after)
			var e *molecule.ParseError
			if !errors.As(err, &e) || !strings.Contains(err.Error(), "bomb"+c.extension) {
				t.Errorf("error %v, want one that names the file", err)
			}
			if c.in.read > c.most {
				t.Errorf("%d bytes read, want at most %d", c.in.read, c.most)
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > 1<<30 {
				t.Errorf("%d MiB allocated", n>>20)
			}
		})
	}
}

func TestHostileFilesAreRefused(t *testing.T) {
	for file, want := range map[string]string{
		"deep.msgpack.gz": "more than 64 levels", "line.xyz.bz2": "line takes more than",
	} {
		_, err := Read(t.Context(), "testdata/"+file, Options{}, func(Record) error { return nil })
		if err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", file, err, want)
		}
	}
}

// A cancel is heard inside a record.
func TestCancelWithinARecord(t *testing.T) {
	for extension, head := range map[string]string{
		".msgpack": "\x81\xa1C\x81\xa1k\xdb\xff\xff\xff\xff", ".xyz": "", ".sdf": oneAtom,
	} {
		ctx, cancel := context.WithCancel(t.Context())
		then := map[string]string{".msgpack": "C", ".xyz": "\n", ".sdf": "> <a>\nb\n\n"}[extension]
		in := &endless{head: head, then: then, stop: cancel}
		r := &reader{ctx: ctx, path: "x" + extension, name: extension, in: in, emit: func(Record) error { return nil }}
		r.bound()
		if err := formatOf(extension)(r); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error %v", extension, err)
		}
		if in.read > 4<<20 {
			t.Errorf("%s: %d bytes read after the cancel", extension, in.read)
		}
	}
}
