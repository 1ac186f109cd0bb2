package dataset

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/trainer/source"
)

// Reader opens files of molecules, in the same way for every command. A record
// that is at fault is named, counted and skipped, or with Strict ends the reading.
// It reports what a molecule lacks (see molecule.Doubts). A nil Reader is strict and
// reports nothing.
type Reader struct {
	Context context.Context
	Strict  bool
	Note    func(text string) // takes a line to print; may be nil
	Source  source.Options
}

// Molecules is a sequence of molecules; an error ends it.
type Molecules = iter.Seq2[*molecule.Molecule, error]

// Open reads the molecules of a file, one at a time, by a strict reader that
// reports nothing.
func Open(name string) Molecules { return (*Reader)(nil).Open(name) }

// Open reads the molecules of a file, one at a time. name is a path of a format
// that package source knows, a folder of such files, or a packed data set
// (.safetensors), perhaps with @key=value: then only molecules with that property
// are taken. An error ends the sequence, and it is one if there is no molecule.
func (r *Reader) Open(name string) Molecules {
	return func(yield func(*molecule.Molecule, error) bool) {
		for rec, err := range r.records(name) {
			if !yield(rec.Molecule, err) || err != nil {
				return
			}
		}
	}
}

// Text reads molecules from a text that no path names, in the format of an
// extension.
func (r *Reader) Text(in io.Reader, name, extension string) Molecules {
	return func(yield func(*molecule.Molecule, error) bool) {
		r.collect(name+": no molecules", func(rec source.Record, err error) bool {
			return yield(rec.Molecule, err)
		}, func(emit func(source.Record) error) error {
			t := newTally(name)
			err := source.ReadText(r.context(), in, name, extension, r.sift(t, nil, emit))
			t.tell(r, err)
			return err
		})
	}
}

func (r *Reader) context() context.Context {
	if r == nil || r.Context == nil {
		return context.Background()
	}
	return r.Context
}

// quiet is a reader that reports nothing, for files that are read once more.
func (r *Reader) quiet() *Reader {
	if r == nil {
		return nil
	}
	q := *r
	q.Note = nil
	return &q
}

var errEnough = errors.New("enough")

// collect hands on the records of a reading, and its error; where there was no
// record, that of the text none.
func (r *Reader) collect(none string, yield func(source.Record, error) bool,
	read func(emit func(source.Record) error) error) {
	taken, enough := 0, false
	err := read(func(rec source.Record) error {
		taken++
		if enough = !yield(rec, nil); enough {
			return errEnough
		}
		return nil
	})
	switch {
	case enough: // whatever the reading ended with, such as the context's end
	case err != nil:
		yield(source.Record{}, err)
	case taken == 0:
		yield(source.Record{}, errors.New(none))
	}
}

// records are those of Open.
func (r *Reader) records(name string) iter.Seq2[source.Record, error] {
	return func(yield func(source.Record, error) bool) {
		path, filter, key, value, err := splitName(name)
		if err != nil {
			yield(source.Record{}, err)
			return
		}
		if isPacked(path) {
			r.packed(name, path, key, value, yield)
			return
		}
		what := path
		if filter != "" {
			what += ": no molecules with " + filter
		} else {
			what += ": no molecules"
		}
		r.collect(what, yield, func(emit func(source.Record) error) error {
			files, err := source.Files(path)
			if err != nil {
				return err
			}
			keep := func(rec source.Record) bool {
				v, ok := rec.Molecule.Property(key)
				return key == "" || ok && v == value
			}
			for _, file := range files {
				if _, _, err := r.each(file, keep, emit); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

// packed yields the records of a packed data set.
func (r *Reader) packed(name, path, key, value string, yield func(source.Record, error) bool) {
	r.collect(name+": no molecules", yield, func(emit func(source.Record) error) error {
		p, err := openPacked(path)
		if err != nil {
			return err
		}
		from, to, err := p.part(key, value)
		if err != nil {
			return err
		}
		for i := from; i < to; i++ {
			if err := r.context().Err(); err != nil {
				return err
			}
			if err := emit(source.Record{Molecule: p.Molecule(i), Number: i + 1}); err != nil {
				return err
			}
		}
		return nil
	})
}

// each emits the records of one file that are kept, and reports the others.
func (r *Reader) each(path string,
	keep func(source.Record) bool, emit func(source.Record) error) (source.Info, *tally, error) {
	var options source.Options
	if r != nil {
		options = r.Source
		options.Working = r.Note
	}
	t := newTally(path)
	info, err := source.Read(r.context(), path, options, r.sift(t, keep, emit))
	t.tell(r, err)
	return info, t, err
}

// sift emits records that are kept and counts all.
func (r *Reader) sift(t *tally, keep func(source.Record) bool,
	emit func(source.Record) error) func(source.Record) error {
	return func(rec source.Record) error {
		if rec.Err != nil {
			if r == nil || r.Strict {
				return rec.Err
			}
			t.skip(r, rec.Err)
			return nil
		}
		if rec.Left != "" { // it has no molecule: only Prepare asks for these
			return emit(rec)
		}
		if keep != nil && !keep(rec) {
			return nil
		}
		t.doubt(r, rec)
		return emit(rec)
	}
}

// mostNotes is the number of lines of a kind that are printed for a file.
const mostNotes = 20

// tally counts the records of a file.
type tally struct {
	file                       string
	molecules, skipped, doubts int
	reasons, kinds             map[string]int
}

func newTally(file string) *tally {
	return &tally{file: file, reasons: map[string]int{}, kinds: map[string]int{}}
}

func (r *Reader) note(text string) {
	if r != nil && r.Note != nil {
		r.Note(text)
	}
}

// skip counts a record that is at fault.
func (t *tally) skip(r *Reader, err error) {
	t.skipped++
	reason := err.Error()
	if e, ok := errors.AsType[*molecule.ParseError](err); ok {
		reason = e.Reason
	}
	if cut := strings.IndexAny(reason, `",:(`); cut > 0 {
		reason = reason[:cut]
	}
	t.reasons[strings.TrimSpace(reason)]++
	switch {
	case t.skipped <= mostNotes:
		r.note("skipped: " + err.Error())
	case t.skipped == mostNotes+1:
		r.note("skipped: further records of " + t.file + " are counted only")
	}
}

// doubt counts a molecule, and what it lacks.
func (t *tally) doubt(r *Reader, rec source.Record) {
	t.molecules++
	if len(rec.Doubts) == 0 {
		return
	}
	t.doubts++
	for _, text := range rec.Doubts {
		kind, _, _ := strings.Cut(text, ",")
		t.kinds[kind]++
	}
	switch {
	case t.doubts <= mostNotes:
		r.note(fmt.Sprintf("note: %s: molecule %d, %s: %s", t.file, rec.Number, rec.Name(),
			strings.Join(rec.Doubts, "; ")))
	case t.doubts == mostNotes+1:
		r.note("note: further molecules of " + t.file + " are counted only")
	}
}

// tell sums up a file of which there is more to say than the number of molecules.
func (t *tally) tell(r *Reader, err error) {
	if t.skipped == 0 && t.doubts == 0 || err != nil && !errors.Is(err, errEnough) {
		return
	}
	text := fmt.Sprintf("%s: %d molecules read", t.file, t.molecules)
	if t.skipped > 0 {
		text += fmt.Sprintf(", %d skipped (%s)", t.skipped, listed(t.reasons))
	}
	if t.doubts > 0 {
		text += fmt.Sprintf(", %d with a note (%s)", t.doubts, listed(t.kinds))
	}
	r.note(text)
}

// listed lists counts by their names, the largest first.
func listed(counts map[string]int) string {
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		if counts[a] != counts[b] {
			return counts[b] - counts[a]
		}
		return strings.Compare(a, b)
	})
	for i, name := range names {
		names[i] = fmt.Sprintf("%d: %s", counts[name], name)
	}
	return strings.Join(names, "; ")
}

// splitName takes apart PATH@KEY=VALUE. A file whose name is the whole text is
// that file; so @ may be part of a name.
func splitName(name string) (path, filter, key, value string, err error) {
	if _, err := os.Stat(name); err == nil || !strings.Contains(name, "@") {
		return name, "", "", "", nil
	}
	found := false
	for i := range len(name) {
		k, v, ok := strings.Cut(name[i+1:], "=")
		if name[i] != '@' || !ok || k == "" {
			continue
		}
		if _, err := os.Stat(name[:i]); err == nil {
			return name[:i], name[i+1:], k, v, nil
		}
		if !found {
			path, filter, key, value, found = name[:i], name[i+1:], k, v, true
		}
	}
	if !found {
		return "", "", "", "",
			fmt.Errorf("%s: no such file; after the @ of FILE@key=value comes key=value", name)
	}
	return path, filter, key, value, nil
}
