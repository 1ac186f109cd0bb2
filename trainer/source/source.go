// Package source reads molecules as data sets are published: QM9's archive, SDF
// and XYZ files, GEOM's msgpack, lists of SMILES, folders of any of these; one record at a time, so that memory
// does not grow with the file, and going on after a corrupt record where the format tells where the next begins.
//
// Sources: Ramakrishnan et al., Sci. Data 1, 140022 (2014); Axelrod and Gomez-Bombarelli, Sci. Data 9, 185 (2022);
// EDM's qm9/data/prepare and build_geom_dataset.py.
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

	"github.com/symdiff-go/symdiff/core/molecule"
)

// Record is one record of a source: a molecule, or what is wrong with it.
type Record struct {
	Molecule *molecule.Molecule
	Group    string // conformers of one molecule share it
	Index    int    // number of a QM9 molecule, from 1; 0: none
	Err      error  // the record is corrupt: file, record and reason
}

// Options says how to read.
type Options struct {
	Conformers int    // of a molecule, those of lowest energy: GEOM and SMILES
	Tries      int    // conformers to embed of a SMILES
	Seed       uint64 // of the embedding
	Threads    int
	Progress   func(read, size int64) // bytes of the file; may be nil
}

// Info is what was read.
type Info struct {
	SHA256 string
	Bytes  int64
}

// formats are the readers by extension, after that of a compression.
var formats = map[string]func(*reader) error{
	".tar": (*reader).tar, ".xyz": (*reader).xyz, ".extxyz": (*reader).xyz, ".sdf": (*reader).sdf, ".mol": (*reader).sdf,
	".msgpack": (*reader).geom, ".smi": (*reader).smiles, ".smiles": (*reader).smiles, ".tsv": (*reader).smiles,
}

// reader reads one file.
type reader struct {
	Options
	ctx  context.Context
	path string
	name string // extension without compression
	in   io.Reader
	emit func(Record) error
}

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
	return formats[extension] != nil
}

// Files lists a file, or the files of known formats below a folder, in order.
func Files(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		if !Known(path) {
			return nil, fmt.Errorf("%s: unknown format, want .xyz, .extxyz, .sdf, .mol, .tar, .msgpack, .smi, .smiles or .tsv, optionally with .gz or .bz2", path)
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
// or with that of a file that cannot be read on.
func Read(ctx context.Context, path string, o Options, emit func(Record) error) (Info, error) {
	f, err := os.Open(path)
	if err != nil {
		return Info{}, err
	}
	defer f.Close()
	stat, err := f.Stat()
	if err != nil {
		return Info{}, err
	}
	c := &counted{r: f, hash: sha256.New(), ctx: ctx, size: stat.Size(), progress: o.Progress}
	extension, compression := splitName(path)
	r := &reader{Options: o, ctx: ctx, path: path, name: extension, in: bufio.NewReaderSize(c, 1<<16), emit: emit}
	switch compression {
	case ".gz":
		if r.in, err = gzip.NewReader(r.in); err != nil {
			return Info{}, fmt.Errorf("%s: %w", path, err)
		}
	case ".bz2":
		r.in = bzip2.NewReader(r.in)
	}
	read := formats[extension]
	if read == nil {
		return Info{}, fmt.Errorf("%s: unknown format %q", path, extension)
	}
	if err := read(r); err != nil {
		return Info{}, err
	}
	if _, err := io.Copy(io.Discard, c); err != nil { // what a reader leaves at the end belongs to the checksum
		return Info{}, fmt.Errorf("%s: %w", path, err)
	}
	return Info{hex.EncodeToString(c.hash.Sum(nil)), c.n}, nil
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
	return Record{Err: fmt.Errorf("%s: record %d: %s", r.path, record, reason)}
}

// fail is an error of the file as a whole.
func (r *reader) fail(err error) error {
	if ctxErr := r.ctx.Err(); ctxErr != nil {
		return ctxErr
	}
	return fmt.Errorf("%s: %w", r.path, err)
}

// maxFile bounds a member of an archive, maxRecord a record, in bytes.
const (
	maxFile   = 1 << 24
	maxRecord = 1 << 24
)

// tar reads every .xyz of an archive as one molecule of QM9.
func (r *reader) tar() error {
	t := tar.NewReader(r.in)
	for record := 1; ; record++ {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return r.fail(err)
		}
		if h.Typeflag != tar.TypeReg || filepath.Ext(h.Name) != ".xyz" || strings.HasPrefix(filepath.Base(h.Name), ".") {
			continue
		}
		data, err := io.ReadAll(io.LimitReader(t, maxFile))
		if err != nil {
			return r.fail(err)
		}
		if err := r.emit(r.qm9(record, h.Name, data)); err != nil {
			return err
		}
	}
}

// qm9 is the record of a file of QM9.
func (r *reader) qm9(record int, name string, data []byte) Record {
	m, index, err := parseQM9(data)
	if err != nil {
		return r.corrupt(record, name+": "+err.Error())
	}
	return Record{Molecule: m, Index: index, Group: strconv.Itoa(index)}
}

// xyz reads XYZ records, or a file of QM9 as published.
func (r *reader) xyz() error {
	in := bufio.NewReaderSize(r.in, 1<<20)
	if head, _ := in.Peek(4096); isQM9(head) {
		data, err := io.ReadAll(io.LimitReader(in, maxFile))
		if err != nil {
			return r.fail(err)
		}
		return r.emit(r.qm9(1, filepath.Base(r.path), data))
	}
	for record := 1; ; record++ {
		block, err := xyzBlock(in)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return r.fail(fmt.Errorf("record %d: %w", record, err))
		}
		if err := r.emit(r.parsed(record, molecule.ReadXYZ, block)); err != nil {
			return err
		}
	}
}

// xyzBlock reads the lines of one record.
func xyzBlock(in *bufio.Reader) ([]byte, error) {
	var block []byte
	for {
		line, err := readLine(in)
		if err != nil {
			return nil, err
		}
		if len(bytes.TrimSpace(line)) > 0 {
			block = append(block, line...)
			break
		}
	}
	text := string(bytes.TrimSpace(bytes.TrimPrefix(block, []byte("\xEF\xBB\xBF"))))
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > 100_000 {
		return nil, fmt.Errorf("want a number of atoms, found %.40q: where the next record begins is not known", text)
	}
	for range n + 1 {
		line, err := readLine(in)
		if err == io.EOF {
			break // the parser tells what is missing
		}
		if err != nil {
			return nil, err
		}
		block = append(block, line...)
	}
	return block, nil
}

// readLine reads a line with its end.
func readLine(in *bufio.Reader) ([]byte, error) {
	line, err := in.ReadBytes('\n')
	if len(line) > maxRecord {
		return nil, errors.New("a line is too long")
	}
	if err == io.EOF && len(line) > 0 {
		err = nil
	}
	return line, err
}

// sdf reads records that end in $$$$.
func (r *reader) sdf() error {
	in := bufio.NewReaderSize(r.in, 1<<20)
	for record := 1; ; record++ {
		var block []byte
		var end error
		for {
			line, err := readLine(in)
			if err != nil {
				end = err
				break
			}
			if block = append(block, line...); bytes.HasPrefix(line, []byte("$$$$")) {
				break
			}
			if len(block) > maxRecord {
				return r.fail(fmt.Errorf("record %d is longer than %d bytes", record, maxRecord))
			}
		}
		if end != nil && end != io.EOF {
			return r.fail(end)
		}
		if len(bytes.TrimSpace(block)) > 0 {
			if err := r.emit(r.parsed(record, molecule.ReadSDF, block)); err != nil {
				return err
			}
		}
		if end == io.EOF {
			return nil
		}
	}
}

// parsed reads the molecule of a block.
func (r *reader) parsed(record int, read func(io.Reader, string) molecules, block []byte) Record {
	for m, err := range read(bytes.NewReader(block), r.path) {
		if err != nil {
			var p *molecule.ParseError
			if errors.As(err, &p) {
				return r.corrupt(record, fmt.Sprintf("line %d: %s", p.Line, p.Reason))
			}
			return r.corrupt(record, err.Error())
		}
		if len(m.Elements) == 0 {
			return r.corrupt(record, "no atoms")
		}
		rec := Record{Molecule: m, Group: r.path + "#" + strconv.Itoa(record)}
		for _, key := range []string{"smiles", "id", "title"} {
			if v, ok := m.Property(key); ok {
				rec.Group = v
				break
			}
		}
		for _, key := range []string{"id", "title"} {
			if v, ok := m.Property(key); ok && rec.Index == 0 {
				rec.Index = gdbIndex(v)
			}
		}
		return rec
	}
	return r.corrupt(record, "no molecule")
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

// words cuts a line at white space.
func words(line []byte) []string { return slices.Collect(strings.FieldsSeq(string(line))) }
