package source

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/trainer/rdkit"
	"github.com/symdiff-go/symdiff/trainer/xtb"
)

// row is a SMILES of a list, and what was made of it.
type row struct {
	molecule.SMILES
	found rdkit.Conformers
	left  string // why it is left out
	err   error  // of the row, in the list or in the embedding
	done  chan struct{}
}

// window is the number of rows that are worked on, or wait for those before them.
const window = 1024

// smiles reads a list or table of SMILES and makes conformers by ETKDGv3 and
// MMFF94s: Options.Tries of them, of which the Options.Conformers of lowest energy
// are taken.
func (r *reader) smiles() error {
	if r.Unembedded {
		return r.listed()
	}
	if !rdkit.Available {
		return r.fail(fmt.Errorf("conformers of SMILES need RDKit: %w", rdkit.ErrMissing))
	}
	if r.XTB {
		var err error
		if r.program, err = xtb.Find(); err != nil {
			return r.fail(err)
		}
	}
	var workers sync.WaitGroup
	threads := r.Threads
	if threads == 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	work := make(chan *row, window)
	for range threads {
		workers.Go(func() {
			for l := range work {
				if l.err == nil && r.ctx.Err() == nil {
					l.left, l.found, l.err = r.conformers(l.SMILES)
				}
				close(l.done)
			}
		})
	}
	defer workers.Wait()
	defer close(work)
	var waiting []*row // in the order of the list
	next := func() error {
		l := waiting[0]
		waiting = waiting[1:]
		select {
		case <-l.done:
		case <-r.ctx.Done():
		}
		if err := r.ctx.Err(); err != nil {
			return err
		}
		return r.emitConformers(l)
	}
	for s, err := range molecule.ReadSMILES(r.in, r.path) {
		if err != nil && !molecule.OneRecord(err) {
			return r.fail(err)
		}
		l := &row{SMILES: s, err: err, done: make(chan struct{})}
		waiting = append(waiting, l)
		work <- l
		if len(waiting) == window {
			if err := next(); err != nil {
				return err
			}
		}
	}
	for len(waiting) > 0 {
		if err := next(); err != nil {
			return err
		}
	}
	return nil
}

// listed hands on the SMILES alone.
func (r *reader) listed() error {
	for s, err := range molecule.ReadSMILES(r.in, r.path) {
		rec := Record{Number: s.Record, Group: s.Text, Err: err}
		if err != nil && !molecule.OneRecord(err) {
			return r.fail(err)
		}
		if err == nil {
			rec.Molecule = &molecule.Molecule{Properties: []molecule.Property{
				{Key: "smiles", Value: s.Text}, {Key: "name", Value: s.Name}, {Key: "split", Value: s.Split},
			}}
		}
		if err := r.emit(rec); err != nil {
			return err
		}
	}
	return nil
}

// longWork is the time after which a molecule that is worked on is named.
const longWork = 3 * time.Second

// conformers embeds one SMILES within the limit of time, unless it is left out or
// was embedded before.
func (r *reader) conformers(s molecule.SMILES) (left string, found rdkit.Conformers, err error) {
	if r.LeaveOut != nil {
		elements, charge, err := rdkit.Atoms(s.Text)
		if err == nil {
			left = r.LeaveOut(elements, charge)
		}
		if err != nil || left != "" {
			return left, found, err
		}
	}
	if found, err, ok := r.Embedded.find(s.Text); ok {
		return "", found, err
	}
	limit := r.limit()
	if r.Working != nil {
		long := time.AfterFunc(longWork, func() {
			r.Working(fmt.Sprintf(
				"%s:%d: molecule %d: its conformers take long, at most %v of processor time: %s %s",
				r.path, s.Line, s.Record, limit, s.Text, s.Name,
			))
		})
		defer long.Stop()
	}
	found, err = rdkit.Embed(r.ctx, s.Text, r.tries(), int(r.Seed&0x7fffffff), limit)
	if errors.Is(err, rdkit.ErrTime) {
		err = fmt.Errorf("%w: the limit is %v", err, limit)
	}
	k := min(max(1, r.Conformers), len(found.Molecules))
	found.Molecules, found.Energies = found.Molecules[:k], found.Energies[:k]
	if r.XTB && err == nil {
		err = r.relax(&found, limit)
	}
	if r.ctx.Err() == nil {
		if e := r.Embedded.keep(s.Text, found, err); e != nil && r.Working != nil {
			r.Working(e.Error())
		}
	}
	return "", found, err
}

// relax puts the minima of GFN2-xTB and their energies in the place of conformers, the lowest first.
// One without a minimum that has the bonds of the SMILES is left out; it is an error where all are.
func (r *reader) relax(c *rdkit.Conformers, limit time.Duration) (failed error) {
	var minima []xtb.Minimum
	for _, m := range c.Molecules {
		minimum, err := r.program.Relax(r.ctx, m, c.Charge, c.Radicals, limit)
		if err == nil {
			err = minimum.Molecule.CheckBonds(c.Bonds)
		}
		if err != nil {
			failed = err
			continue
		}
		minima = append(minima, minimum)
	}
	if len(minima) == 0 {
		return failed
	}
	slices.SortStableFunc(minima,
		func(a, b xtb.Minimum) int { return cmp.Compare(a.Energy, b.Energy) })
	c.Molecules, c.Energies = nil, nil
	for _, m := range minima {
		c.Molecules, c.Energies = append(c.Molecules, m.Molecule), append(c.Energies, m.Energy)
	}
	return nil
}

// tries is the number of conformers to embed.
func (o Options) tries() int { return max(1, o.Tries, o.Conformers) }

func (o Options) limit() time.Duration {
	if o.Limit == 0 {
		return DefaultLimit
	}
	return o.Limit
}

// emitConformers hands on what was made of a row.
func (r *reader) emitConformers(l *row) error {
	if l.left != "" {
		return r.emit(Record{Number: l.Record, Group: l.Text, Left: l.left})
	}
	if l.err != nil {
		var e *molecule.ParseError
		if !errors.As(l.err, &e) {
			e = &molecule.ParseError{File: r.path, Record: l.Record, Line: l.Line,
				Reason: l.err.Error() + ": " + l.Text, OneRecord: true}
			if l.Name != "" {
				e.Reason += " " + l.Name
			}
		}
		return r.emit(Record{Number: l.Record, Err: e})
	}
	doubts := molecule.Unpaired(l.found.Charge, l.found.Radicals)
	for k, m := range l.found.Molecules {
		m.Properties = []molecule.Property{
			{Key: "smiles", Value: l.Text}, {Key: "energy", Value: strconv.FormatFloat(l.found.Energies[k], 'f', 4, 64)},
			{Key: "charge", Value: strconv.Itoa(l.found.Charge)},
		}
		if l.Name != "" {
			m.Properties = append(m.Properties, molecule.Property{Key: "name", Value: l.Name})
		}
		if l.Split != "" {
			m.Properties = append(m.Properties, molecule.Property{Key: "split", Value: l.Split})
		}
		rec := Record{Molecule: m, Number: l.Record, Group: l.Text}
		if k == 0 {
			rec.Doubts = doubts
		}
		if err := r.emit(rec); err != nil {
			return err
		}
	}
	return nil
}
