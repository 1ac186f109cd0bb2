package source

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"time"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/trainer/rdkit"
)

// row is a SMILES of a list, and what was made of it.
type row struct {
	molecule.SMILES
	found rdkit.Conformers
	err   error // of the row, in the list or in the embedding
}

// smilesBatch is the number of SMILES that are embedded at a time.
const smilesBatch = 64

// smiles reads a list or table of SMILES and makes conformers by ETKDGv3 and
// MMFF94: Options.Tries of them, of which the Options.Conformers of lowest energy
// are taken.
func (r *reader) smiles() error {
	if r.Unembedded {
		return r.listed()
	}
	if !rdkit.Available {
		return r.fail(fmt.Errorf("conformers of SMILES need RDKit: %w", rdkit.ErrMissing))
	}
	var batch []row
	for s, err := range molecule.ReadSMILES(r.in, r.path) {
		if err != nil && !molecule.OneRecord(err) {
			return r.fail(err)
		}
		if batch = append(batch, row{SMILES: s, err: err}); len(batch) == smilesBatch {
			if err := r.embed(batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
	}
	return r.embed(batch)
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

// embed makes the conformers of a batch, on all threads, and hands them on in
// order.
func (r *reader) embed(batch []row) error {
	var workers sync.WaitGroup
	next := make(chan int)
	threads := r.Threads
	if threads == 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	for range threads {
		workers.Go(func() {
			for i := range next {
				batch[i].found, batch[i].err = r.conformers(batch[i].SMILES)
			}
		})
	}
	for i := range batch {
		if r.ctx.Err() != nil {
			break
		}
		if batch[i].err == nil {
			next <- i
		}
	}
	close(next)
	workers.Wait()
	for _, l := range batch {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		if err := r.emitConformers(l); err != nil {
			return err
		}
	}
	return nil
}

// longWork is the time after which a molecule that is worked on is named.
const longWork = 3 * time.Second

// conformers embeds one SMILES within the limit of time.
func (r *reader) conformers(s molecule.SMILES) (rdkit.Conformers, error) {
	limit := r.Limit
	if limit == 0 {
		limit = DefaultLimit
	}
	if r.Working != nil {
		long := time.AfterFunc(longWork, func() {
			r.Working(fmt.Sprintf("%s:%d: molecule %d: its conformers take long, at most %v: %s %s", r.path, s.Line, s.Record, limit, s.Text, s.Name))
		})
		defer long.Stop()
	}
	ctx, cancel := context.WithTimeout(r.ctx, limit)
	defer cancel()
	found, err := rdkit.Embed(ctx, s.Text, max(1, r.Tries, r.Conformers), int(r.Seed&0x7fffffff))
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("no conformer in time: the limit is %v", limit)
	}
	return found, err
}

// emitConformers hands on what was made of a row.
func (r *reader) emitConformers(l row) error {
	if l.err != nil {
		var e *molecule.ParseError
		if !errors.As(l.err, &e) {
			e = &molecule.ParseError{File: r.path, Record: l.Record, Line: l.Line, Reason: l.err.Error() + ": " + l.Text, OneRecord: true}
			if l.Name != "" {
				e.Reason += " " + l.Name
			}
		}
		return r.emit(Record{Number: l.Record, Err: e})
	}
	doubts := molecule.Unpaired(l.found.Charge, l.found.Radicals)
	for k, m := range l.found.Molecules[:min(max(1, r.Conformers), len(l.found.Molecules))] {
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
