// Package source reads the formats in which data sets are published: XYZ, SDF and PDB
// (by core/molecule), QM9's archive, GEOM's msgpack, lists and tables of SMILES, each
// also compressed, and folders of these. It reads one record at a time, so that memory
// does not grow with the file. After a bad record it continues with the next, if the
// format shows where that begins.
//
// Sources: Ramakrishnan et al., Sci. Data 1, 140022 (2014); Axelrod and Gomez-Bombarelli, Sci. Data
// 9, 185 (2022); EDM's qm9/data/prepare and build_geom_dataset.py.
package source

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/symdiff-go/symdiff/core/budget"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/trainer/xtb"
)

// Record is one record of a source: a molecule, or what is wrong with it.
type Record struct {
	Molecule *molecule.Molecule
	Number   int      // of the record in its file, from 1
	Group    string   // conformers of one molecule share it
	Index    int      // number of a QM9 molecule, from 1; 0: none
	Doubts   []string // see molecule.Doubts
	Left     string   // why Options.LeaveOut leaves it out; there is no molecule then
	Err      error    // the record is bad: a *molecule.ParseError
}

// Name is how a message calls the record's molecule.
func (r Record) Name() string {
	for _, key := range []string{"name", "id", "title", "smiles"} {
		if v, ok := r.Molecule.Property(key); ok && v != "" {
			return v
		}
	}
	return r.Molecule.Formula()
}

// Options says how to read.
type Options struct {
	Conformers int    // of a molecule, those of lowest energy: GEOM and SMILES
	Tries      int    // conformers to embed of a SMILES
	Seed       uint64 // of the embedding
	Threads    int
	Limit      time.Duration // of processor time, for the conformers of one SMILES; 0: DefaultLimit
	XTB        bool          // relax conformers by GFN2-xTB too, each within Limit (the program xtb)
	// no conformers of SMILES: molecules without atoms, with the property smiles
	Unembedded bool
	// conformers of an earlier run, and those of this one; may be nil
	Embedded *Embedded
	Working  func(what string)      // on a molecule that takes long; may be nil
	Progress func(read, size int64) // bytes of the file; may be nil

	// LeaveOut says why a molecule is left out, "" for one that is taken. It is asked
	// before conformers of a SMILES are made. May be nil.
	LeaveOut func(elements []molecule.Element, charge int) (reason string)
}

// DefaultLimit is the processor time that the conformers of one SMILES may take.
const DefaultLimit = time.Minute

// Info is what was read.
type Info struct {
	SHA256 string
	Bytes  int64
}

// formats are the readers by extension, after that of a compression, beside
// those of core/molecule.
var formats = map[string]func(*reader) error{
	".tar": (*reader).tar, ".msgpack": (*reader).geom,
	".smi": (*reader).smiles, ".smiles": (*reader).smiles, ".tsv": (*reader).smiles, ".csv": (*reader).smiles,
}

// formatOf is the reader of an extension; nil for an unknown one.
func formatOf(extension string) func(*reader) error {
	if read := formats[extension]; read != nil {
		return read
	}
	if _, ok := molecule.Read(nil, extension); ok {
		return (*reader).text
	}
	return nil
}

// reader reads one file.
type reader struct {
	Options
	ctx     context.Context
	path    string
	name    string // extension without compression
	in      io.Reader
	emit    func(Record) error
	read    int // records
	program xtb.Program

	budget *budget.Budget // of what is read between two records
}

// maxBetween is what may be read between two records, in bytes after decompression: a molecule
// of GEOM with all its conformers, or what an archive holds beside molecules.
const maxBetween = 1 << 27

// split takes the compression off a name.
func splitName(path string) (extension, compression string) {
	lower := strings.ToLower(path)
	for _, c := range []string{".gz", ".bz2"} {
		if base, ok := strings.CutSuffix(lower, c); ok {
			return filepath.Ext(base), c
		}
	}
	return filepath.Ext(lower), ""
}

// Known tells whether a file's name is that of a format that Read knows.
func Known(path string) bool {
	extension, _ := splitName(path)
	return formatOf(extension) != nil
}

// IsSMILES reports whether a file is a list or table of SMILES, by its name.
func IsSMILES(path string) bool {
	extension, _ := splitName(path)
	return slices.Contains([]string{".smi", ".smiles", ".tsv", ".csv"}, extension)
}

// Files lists a file, or the files of known formats below a folder, in order.
func Files(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fileError(path, err)
	}
	if !info.IsDir() {
		if !Known(path) {
			return nil, fmt.Errorf("%s: unknown extension %q, want .tar, .msgpack, .smi, .smiles, .tsv, .csv, "+
				molecule.Extensions+", optionally with .gz or .bz2", path, filepath.Ext(path))
		}
		return []string{path}, nil
	}
	var files []string
	err = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && Known(p) {
			files = append(files, p)
		}
		return err
	})
	if err == nil && len(files) == 0 {
		err = fmt.Errorf("%s: no file of a known format in this folder", path)
	}
	return files, err
}

// Read calls emit with every record of a file. It ends with emit's error, ctx's,
// or with that of a file that cannot be read on, a *molecule.ParseError.
func Read(ctx context.Context, path string, o Options, emit func(Record) error) (Info, error) {
	fail := func(err error) (Info, error) { return Info{}, fileError(path, err) }
	extension, compression := splitName(path)
	read := formatOf(extension)
	if read == nil {
		return fail(fmt.Errorf("unknown format %q", extension))
	}
	f, err := os.Open(path)
	if err != nil {
		return fail(err)
	}
	defer f.Close()
	stat, err := f.Stat()
	if err != nil {
		return fail(err)
	}
	c := &counted{r: f, hash: sha256.New(), ctx: ctx, size: stat.Size(), progress: o.Progress}
	r := &reader{Options: o, ctx: ctx, path: path, name: extension, in: bufio.NewReaderSize(c, 1<<16),
		emit: emit}
	switch compression {
	case ".gz":
		if r.in, err = gzip.NewReader(r.in); err != nil {
			return Info{}, &molecule.ParseError{File: path, Reason: molecule.NotGzip(err), Err: err}
		}
	case ".bz2":
		r.in = bzip2.NewReader(r.in)
	}
	r.bound()
	if err := read(r); err != nil {
		if ctxErr := ctx.Err(); ctxErr != nil {
			return Info{}, ctxErr
		}
		return Info{}, err
	}
	// what a reader leaves at the end belongs to the checksum
	if _, err := io.Copy(io.Discard, c); err != nil {
		return fail(err)
	}
	return Info{hex.EncodeToString(c.hash.Sum(nil)), c.n}, nil
}

// bound gives each record a budget of bytes and depth.
func (r *reader) bound() {
	r.budget = budget.New("what comes before the next record", maxBetween, budget.Depth)
	r.in = bufio.NewReaderSize(r.budget.Reader(r.ctx, r.in), 1<<16)
	emit := r.emit
	r.emit = func(rec Record) error {
		r.budget.Renew()
		return emit(rec)
	}
}

// fileError is an error of a file as a whole.
func fileError(path string, err error) error {
	reason := err.Error()
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		reason = "open: " + e.Err.Error()
	}
	return &molecule.ParseError{File: path, Reason: reason, Err: err}
}

// ReadText calls emit with every record of a text in the format of an extension
// that core/molecule reads; name stands for it.
func ReadText(ctx context.Context, in io.Reader, name, extension string,
	emit func(Record) error) error {
	r := &reader{ctx: ctx, path: name, name: extension, in: in, emit: emit}
	return r.text()
}

// counted hashes and counts what is read, and stops with its context.
type counted struct {
	r        io.Reader
	hash     hash.Hash
	ctx      context.Context
	n, size  int64
	progress func(read, size int64)
}

func (c *counted) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(p)
	c.hash.Write(p[:n])
	if c.n += int64(n); c.progress != nil {
		c.progress(c.n, c.size)
	}
	return n, err
}

// corrupt is a record that cannot be used.
func (r *reader) corrupt(record int, reason string) Record {
	return Record{Number: record, Err: &molecule.ParseError{File: r.path, Record: record,
		Reason: reason, OneRecord: true}}
}

// fail is an error of the file as a whole.
func (r *reader) fail(err error) error {
	if ctxErr := r.ctx.Err(); ctxErr != nil {
		return ctxErr
	}
	if e, ok := errors.AsType[*molecule.ParseError](err); ok {
		return e
	}
	return &molecule.ParseError{File: r.path, Reason: err.Error(), Err: err}
}

// tar reads every .xyz of an archive, as QM9's is.
func (r *reader) tar() error {
	in := &zeros{r: r.in}
	t := tar.NewReader(in)
	for {
		h, err := t.Next()
		switch {
		case err == io.EOF && in.n >= tarBlock:
			return nil
		case err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF):
			return r.fail(fmt.Errorf("the archive is cut: %w", io.ErrUnexpectedEOF))
		case err != nil:
			return r.fail(err)
		}
		if h.Typeflag != tar.TypeReg || filepath.Ext(h.Name) != ".xyz" ||
			strings.HasPrefix(filepath.Base(h.Name), ".") {
			continue
		}
		if err := r.records(t, h.Name, ".xyz"); err != nil {
			return err
		}
	}
}

// tarBlock is what a tar is made of: zero ones end it, and fewer zeros fill up a member's last one.
const tarBlock = 512

// zeros counts the zero bytes at the end of what was read. To package tar an archive that was cut
// between two members ends as a whole one does.
type zeros struct {
	r io.Reader
	n int
}

func (z *zeros) Read(p []byte) (int, error) {
	n, err := z.r.Read(p)
	if rest := bytes.TrimRight(p[:n], "\x00"); len(rest) > 0 {
		z.n = n - len(rest)
	} else {
		z.n += n
	}
	return n, err
}

// text reads a file of a format of core/molecule.
func (r *reader) text() error { return r.records(r.in, "", r.name) }

// records reads a text, which may be a member of an archive. An error that ends
// a member does not end the archive.
func (r *reader) records(in io.Reader, member, extension string) error {
	list, _ := molecule.Read(in, extension)
	for m, err := range list {
		r.read++
		rec := Record{Molecule: m, Number: r.read}
		if err != nil {
			var told *molecule.ParseError
			if !errors.As(err, &told) || r.ctx.Err() != nil {
				return r.fail(err)
			}
			e := *told // a copy: the list ends or goes on by its own
			if e.File = r.path; member != "" {
				e.Record, e.Reason, e.OneRecord = r.read, e.Reason+" ("+member+")", true
			}
			if rec.Err = &e; !e.OneRecord {
				return &e
			}
		} else {
			rec.describe(r.path)
		}
		if err := r.emit(rec); err != nil {
			return err
		}
	}
	return nil
}

// describe finds the group, the number in QM9 and the doubts of a molecule.
func (r *Record) describe(path string) {
	r.Group = path + "#" + strconv.Itoa(r.Number)
	for _, key := range []string{"smiles", "id", "title"} {
		if v, ok := r.Molecule.Property(key); ok {
			r.Group = v
			break
		}
	}
	for _, key := range []string{"id", "title"} {
		if v, ok := r.Molecule.Property(key); ok && r.Index == 0 {
			r.Index = gdbIndex(v)
		}
	}
	r.Doubts = r.Molecule.Doubts()
}

// gdbIndex is the number of gdb_NNNNNN or gdb N, 0 for another name.
func gdbIndex(name string) int {
	digits, ok := strings.CutPrefix(name, "gdb")
	if !ok {
		return 0
	}
	n, err := strconv.Atoi(strings.TrimLeft(digits, "_ \t0"))
	if err != nil {
		return 0
	}
	return n
}
