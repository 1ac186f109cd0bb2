package dataset

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/trainer/rdkit"
	"github.com/symdiff-go/symdiff/trainer/source"
)

// Job is the making of a packed data set.
type Job struct {
	Reader
	Inputs   []string // files and folders
	Out      string
	Elements []molecule.Element // of the model; empty: any
	MaxAtoms int                // 0: 4096
	Neutral  bool               // leave out molecules with a charge
	// leave out molecules of other elements; without, they are an error
	Leave      bool
	Split      string       // see ParseSplit
	Excluded   map[int]bool // QM9 molecules to leave out
	Properties []string     // scalar properties to keep
	Command    string

	Start func(file string, index, number int) // of a file; may be nil
}

// Summary is what a job made.
type Summary struct {
	Out       string         `json:"out"`
	Molecules int            `json:"molecules"`
	Atoms     int            `json:"atoms"`
	Splits    map[string]int `json:"splits"`
	Skipped   int            `json:"skipped"` // corrupt records
	Left      int            `json:"left"`    // left out on purpose
	Why       map[string]int `json:"why"`     // of those skipped and left out
	Earlier   int            `json:"earlier"` // SMILES whose conformers a run before had made
	Largest   int            `json:"largest"` // atoms
	Elements  []string       `json:"elements"`
	Sources   []RawSource    `json:"sources"`
}

// splitter returns the split of a record.
type splitter func(source.Record) (string, error)

// letters are the splits of QM9Split.
var letters = map[byte]string{'t': "train", 'v': "val", 'e': "test"}

// parseSplit reads the rule of a split:
//
//	""        the property split of a molecule, where it has one, else train
//	qm9       that of EDM, by the molecule's number in QM9
//	0.8,0.1   shares of training and validation, the rest tests; all conformers of a molecule go together
func parseSplit(text string, excluded map[int]bool, seed uint64) (splitter, error) {
	switch text {
	case "":
		return func(r source.Record) (string, error) {
			if v, ok := r.Molecule.Property("split"); ok {
				return v, nil
			}
			return "train", nil
		}, nil
	case "qm9":
		split, err := source.QM9Split(excluded)
		if err != nil {
			return nil, fmt.Errorf("split qm9: %w; it needs the list of excluded molecules, uncharacterized.txt", err)
		}
		return func(r source.Record) (string, error) {
			if r.Index < 1 || r.Index > len(split) {
				return "", errors.New("has no number of a QM9 molecule, which split qm9 needs")
			}
			return letters[split[r.Index-1]], nil
		}, nil
	}
	var shares [2]float64
	fields := strings.Split(text, ",")
	for i, f := range fields {
		v, err := strconv.ParseFloat(f, 64)
		if err != nil || !(v >= 0 && v <= 1) || i > 1 {
			return nil, fmt.Errorf("split %q: want qm9, or shares of training and validation such as 0.8,0.1", text)
		}
		shares[i] = v
	}
	if shares[0]+shares[1] > 1 {
		return nil, fmt.Errorf("split %q: the shares are more than 1", text)
	}
	return func(r source.Record) (string, error) {
		h := fnv.New64a()
		fmt.Fprintf(h, "%d %s", seed, r.Group)
		u := float64(mix(h.Sum64())>>11) / (1 << 53)
		switch {
		case u < shares[0]:
			return "train", nil
		case u < shares[0]+shares[1]:
			return "val", nil
		}
		return "test", nil
	}, nil
}

// mix is the finaliser of splitmix64: FNV leaves similar texts close.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// leaveOut says why a molecule is left out, "" for one that is taken.
func (j *Job) leaveOut(elements []molecule.Element, charge int) string {
	if j.MaxAtoms > 0 && len(elements) > j.MaxAtoms {
		return fmt.Sprintf("more than %d atoms", j.MaxAtoms)
	}
	if j.Neutral && charge != 0 {
		return "an ion"
	}
	if j.Leave {
		for _, e := range elements {
			if !slices.Contains(j.Elements, e) {
				return "element " + e.Symbol()
			}
		}
	}
	return ""
}

// Prepare reads all inputs and writes the packed data set. A record that is at
// fault is reported and skipped, or with Strict an error; an element outside Elements
// is an error that names the record and the element. On an error nothing is
// written.
//
// Conformers of SMILES wait in Out + ".embedded" until all is done; a run that was
// killed goes on from there, and makes the same file.
func Prepare(ctx context.Context, j Job) (Summary, error) {
	j.Context = ctx
	split, err := parseSplit(j.Split, j.Excluded, j.Source.Seed)
	if err != nil {
		return Summary{}, err
	}
	var files []string
	for _, in := range j.Inputs {
		list, err := source.Files(in)
		if err != nil {
			return Summary{}, err
		}
		files = append(files, list...)
	}
	if info, err := os.Stat(j.Out); err == nil && info.IsDir() { // reported before the work
		return Summary{}, fmt.Errorf("%s: is a folder", j.Out)
	}
	j.Source.LeaveOut = j.leaveOut
	if slices.ContainsFunc(files, source.IsSMILES) && rdkit.Available {
		if j.Source.Embedded, err = source.OpenEmbedded(j.Out+".embedded", j.Source); err != nil {
			return Summary{}, err
		}
		defer j.Source.Embedded.Close()
		if n := j.Source.Embedded.Found(); n > 0 {
			j.note(fmt.Sprintf("%s.embedded: conformers of %d SMILES are there from a run before", j.Out, n))
		}
	}
	p := preparation{Job: j, split: split, w: newWriter(j.Out, j.Properties),
		found: map[molecule.Element]bool{}}
	defer p.w.Discard()
	s := &p.s
	s.Out, s.Splits, s.Why, s.Earlier = j.Out, map[string]int{}, map[string]int{},
		j.Source.Embedded.Found()
	for i, file := range files {
		if j.Start != nil {
			j.Start(file, i, len(files))
		}
		raw := RawSource{File: file}
		info, t, err := j.each(file, nil, func(r source.Record) error { return p.take(&raw, r) })
		if err != nil {
			return Summary{}, err
		}
		for reason, n := range t.reasons {
			s.Why[reason] += n
		}
		raw.SHA256, raw.Bytes, raw.Skipped = info.SHA256, info.Bytes, t.skipped
		s.Sources = append(s.Sources, raw)
		s.Molecules, s.Skipped, s.Left = s.Molecules+raw.Molecules, s.Skipped+raw.Skipped, s.Left+raw.Left
	}
	if s.Molecules == 0 {
		if err := j.Source.Embedded.Remove(); err != nil {
			return Summary{}, err
		}
		return Summary{}, fmt.Errorf("%s: no molecules to write: %d skipped, %d left out",
			strings.Join(j.Inputs, ", "), s.Skipped, s.Left)
	}
	for _, e := range slices.Sorted(maps.Keys(p.found)) {
		s.Elements = append(s.Elements, e.Symbol())
	}
	if err := p.w.Close(s.Sources, j.Command); err != nil {
		return Summary{}, err
	}
	if err := j.Source.Embedded.Remove(); err != nil {
		return Summary{}, err
	}
	return *s, nil
}

// preparation is the state of Prepare.
type preparation struct {
	Job
	split splitter
	w     *Writer
	s     Summary
	found map[molecule.Element]bool
}

// take writes a record of the file raw, or counts why it is left out.
func (p *preparation) take(raw *RawSource, r source.Record) error {
	why := r.Left
	if why == "" && p.Excluded[r.Index] {
		why = "excluded by the list"
	} else if why == "" {
		why = p.leaveOut(r.Molecule.Elements, r.Molecule.Charge())
	}
	if why != "" {
		raw.Left++
		p.s.Why[why]++
		return nil
	}
	for _, e := range r.Molecule.Elements {
		if p.found[e] = true; len(p.Elements) > 0 && !slices.Contains(p.Elements, e) {
			return fmt.Errorf("%s: %s: element %s is not among the model's %v", raw.File, r.Name(),
				e.Symbol(), p.Elements)
		}
	}
	name, err := p.split(r)
	if err == nil {
		err = p.w.Add(r.Molecule, name)
	}
	if _, out := errors.AsType[*safetensors.Error](err); out { // of the file that is written
		return err
	}
	if err != nil {
		return fmt.Errorf("%s: %s: %w", raw.File, r.Name(), err)
	}
	n := len(r.Molecule.Elements)
	raw.Molecules++
	p.s.Splits[name]++
	p.s.Atoms += n
	p.s.Largest = max(p.s.Largest, n)
	return nil
}
