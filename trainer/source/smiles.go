package source

import (
	"bufio"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/trainer/rdkit"
)

// line is a SMILES of a list.
type line struct {
	record       int
	smiles, name string
	split        string
	found        rdkit.Conformers
	err          error
}

// smilesBatch is the number of SMILES that are embedded at a time.
const smilesBatch = 64

// smiles reads a list of SMILES, one on a line and perhaps a name after it, or
// a table (.tsv) with a column smiles and perhaps one split, and makes
// conformers by ETKDGv3 and MMFF94: Options.Tries of them, of which the
// Options.Conformers of lowest energy are taken.
func (r *reader) smiles() error {
	if !rdkit.Available {
		return fmt.Errorf("%s: conformers of SMILES need RDKit: %w", r.path, rdkit.ErrMissing)
	}
	in := bufio.NewReaderSize(r.in, 1<<16)
	columns := []string{"smiles", "name"}
	if r.name == ".tsv" {
		head, err := readLine(in)
		if err != nil {
			return r.fail(fmt.Errorf("line 1: %w", err))
		}
		if columns = strings.Split(strings.TrimSpace(string(head)), "\t"); !slices.Contains(columns, "smiles") {
			return r.fail(fmt.Errorf("line 1: no column smiles among %v", columns))
		}
	}
	var batch []line
	for record := 1; ; record++ {
		text, err := readLine(in)
		if err != nil && err != io.EOF {
			return r.fail(err)
		}
		if fields := r.fields(string(text)); len(fields) > 0 {
			l := line{record: record}
			for k, column := range columns[:min(len(columns), len(fields))] {
				switch column {
				case "smiles":
					l.smiles = fields[k]
				case "name":
					l.name = fields[k]
				case "split":
					l.split = fields[k]
				}
			}
			batch = append(batch, l)
		}
		if len(batch) == smilesBatch || err == io.EOF {
			if err := r.embed(batch); err != nil {
				return err
			}
			batch = batch[:0]
		}
		if err == io.EOF {
			return nil
		}
	}
}

func (r *reader) fields(text string) []string {
	text = strings.TrimRight(text, "\r\n")
	if strings.TrimSpace(text) == "" || strings.HasPrefix(text, "#") && r.name != ".tsv" {
		return nil
	}
	if r.name == ".tsv" {
		return strings.Split(text, "\t")
	}
	return strings.Fields(text)
}

// embed makes the conformers of a batch, on all threads, and hands them on in
// order.
func (r *reader) embed(batch []line) error {
	var workers sync.WaitGroup
	next := make(chan int)
	threads := r.Threads
	if threads == 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	for range threads {
		workers.Go(func() {
			for i := range next {
				batch[i].found, batch[i].err = rdkit.Embed(batch[i].smiles, max(1, r.Tries, r.Conformers), int(r.Seed&0x7fffffff))
			}
		})
	}
	for i := range batch {
		if r.ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	workers.Wait()
	if err := r.ctx.Err(); err != nil {
		return err
	}
	for _, l := range batch {
		if l.err != nil {
			if err := r.emit(r.corrupt(l.record, l.smiles+": "+l.err.Error())); err != nil {
				return err
			}
			continue
		}
		for k, m := range l.found.Molecules[:min(max(1, r.Conformers), len(l.found.Molecules))] {
			m.Properties = []molecule.Property{{Key: "smiles", Value: l.smiles}, {Key: "energy", Value: strconv.FormatFloat(l.found.Energies[k], 'f', 4, 64)}}
			if l.name != "" {
				m.Properties = append(m.Properties, molecule.Property{Key: "name", Value: l.name})
			}
			if l.split != "" {
				m.Properties = append(m.Properties, molecule.Property{Key: "split", Value: l.split})
			}
			if err := r.emit(Record{Molecule: m, Group: l.smiles}); err != nil {
				return err
			}
		}
	}
	return nil
}
