package dataset

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/trainer/leftover"
)

// Writer writes a packed data set. What it holds does not grow with the number
// of molecules: they wait in files beside the new one until Close puts it
// together.
type Writer struct {
	path       string
	properties []string
	splits     map[string]*spool
	order      []string // of the splits, as they came
}

// spool keeps the molecules of one split.
type spool struct {
	molecules, atoms           int
	sizes, positions, elements *spoolFile
	properties                 []*spoolFile
}

type spoolFile struct {
	f *os.File
	w *bufio.Writer
}

// newWriter starts the packed data set that Close puts at path. properties are
// the names of the scalar properties to keep.
func newWriter(path string, properties []string) *Writer {
	return &Writer{path: path, properties: properties, splits: map[string]*spool{}}
}

func (w *Writer) spoolFile() (*spoolFile, error) {
	f, err := os.OpenFile(w.path+".tmp"+strconv.FormatUint(rand.Uint64(), 36),
		os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, w.fault(err)
	}
	leftover.Add(f.Name())
	return &spoolFile{f, bufio.NewWriterSize(f, 1<<16)}, nil
}

// fault is an error of the new file, or of one that waits beside it, under the name of the new one.
func (w *Writer) fault(err error) error {
	if _, named := errors.AsType[*safetensors.Error](err); err == nil || named {
		return err
	}
	return &safetensors.Error{File: w.path, Reason: reasonOf(err), Err: err}
}

// spool opens the files of a split.
func (w *Writer) spool(split string) (*spool, error) {
	if s := w.splits[split]; s != nil {
		return s, nil
	}
	s := new(spool)
	w.splits[split] = s
	w.order = append(w.order, split)
	for _, f := range []**spoolFile{&s.sizes, &s.positions, &s.elements} {
		var err error
		if *f, err = w.spoolFile(); err != nil {
			return nil, err
		}
	}
	for range w.properties {
		f, err := w.spoolFile()
		if err != nil {
			return nil, err
		}
		s.properties = append(s.properties, f)
	}
	return s, nil
}

// Add adds a molecule to a split, centred at its mean. A property that is no
// finite number is kept as unknown.
func (w *Writer) Add(m *molecule.Molecule, split string) error {
	n := len(m.Elements)
	if n == 0 || n > maxAtoms {
		return fmt.Errorf("%d atoms, want 1 to %d", n, maxAtoms)
	}
	s, err := w.spool(split)
	if err != nil {
		return err
	}
	var mean [3]float64
	for _, p := range m.Positions {
		for k, v := range p {
			mean[k] += v / float64(n)
		}
	}
	s.molecules++
	s.atoms += n
	errs := []error{put32(s.sizes, uint32(n))}
	for i, e := range m.Elements {
		errs = append(errs, s.elements.w.WriteByte(byte(e)))
		for k, v := range m.Positions[i] {
			errs = append(errs, put32(s.positions, math.Float32bits(float32(v-mean[k]))))
		}
	}
	for k, name := range w.properties {
		text, _ := m.Property(name)
		v, err := strconv.ParseFloat(text, 32)
		if err != nil || math.IsInf(v, 0) {
			v = math.NaN()
		}
		errs = append(errs, put32(s.properties[k], math.Float32bits(float32(v))))
	}
	return w.fault(cmp.Or(errs...))
}

func put32(f *spoolFile, v uint32) error {
	var b [4]byte
	binary.LittleEndian.PutUint32(b[:], v)
	_, err := f.w.Write(b[:])
	return err
}

// Close puts the file together, under its name once it is whole, and removes
// what waited beside it.
func (w *Writer) Close(sources []RawSource, command string) error {
	defer w.Discard()
	return w.fault(w.join(sources, command))
}

func (w *Writer) join(sources []RawSource, command string) (err error) {
	sources = slices.Clone(sources)
	for i := range sources {
		sources[i].File = ShareablePath(sources[i].File)
	}
	slices.SortStableFunc(w.order, func(a, b string) int { return rank(a) - rank(b) })
	splits, molecules, atoms := map[string][2]int{}, 0, 0
	var sizes, positions, elements []*spoolFile
	properties := make([][]*spoolFile, len(w.properties))
	for _, name := range w.order {
		s := w.splits[name]
		if name != "" {
			splits[name] = [2]int{molecules, molecules + s.molecules}
		}
		molecules, atoms = molecules+s.molecules, atoms+s.atoms
		sizes, positions, elements = append(sizes, s.sizes), append(positions, s.positions),
			append(elements, s.elements)
		for k, f := range s.properties {
			properties[k] = append(properties[k], f)
		}
	}
	if molecules == 0 {
		return errors.New("no molecules")
	}
	var readers [3]io.Reader
	for i, files := range [][]*spoolFile{sizes, positions, elements} {
		if readers[i], err = rewind(files); err != nil {
			return err
		}
	}
	tensors := []safetensors.Raw{
		{Name: "offsets", DType: "I64", Shape: []int{molecules + 1},
			Data: io.MultiReader(zeros(8), &offsets{sizes: bufio.NewReader(readers[0])})},
		{Name: "positions", DType: safetensors.F32, Shape: []int{atoms, 3}, Data: readers[1]},
	}
	for k, name := range w.properties {
		r, err := rewind(properties[k])
		if err != nil {
			return err
		}
		tensors = append(tensors, safetensors.Raw{Name: "property." + name, DType: safetensors.F32,
			Shape: []int{molecules}, Data: r})
	}
	tensors = append(tensors, safetensors.Raw{Name: "elements", DType: "U8", Shape: []int{atoms},
		Data: readers[2]})
	metadata := map[string]string{"format": packedFormat, "command": command}
	for key, v := range map[string]any{"splits": splits, "sources": sources} {
		text, err := json.Marshal(v)
		if err != nil {
			return err
		}
		metadata[key] = string(text)
	}
	out, err := w.spoolFile()
	if err != nil {
		return err
	}
	defer os.Remove(out.f.Name())
	defer out.f.Close()
	if err := safetensors.WriteRaw(out.w, tensors, metadata); err != nil {
		return err
	}
	if err := cmp.Or(out.w.Flush(), out.f.Sync(), out.f.Close()); err != nil {
		return err
	}
	return os.Rename(out.f.Name(), w.path)
}

// rank puts the usual splits in their order, others last.
func rank(split string) int { return slices.Index([]string{"train", "val", "test", ""}, split) & 7 }

// Discard removes what waits; nothing is left of a data set that is not closed.
func (w *Writer) Discard() {
	for _, s := range w.splits {
		for _, f := range append([]*spoolFile{s.sizes, s.positions, s.elements}, s.properties...) {
			if f != nil {
				f.f.Close()
				os.Remove(f.f.Name())
			}
		}
	}
	w.splits, w.order = map[string]*spool{}, nil
}

// rewind reads files from their beginning, one after the other.
func rewind(files []*spoolFile) (io.Reader, error) {
	var readers []io.Reader
	for _, f := range files {
		if err := f.w.Flush(); err != nil {
			return nil, err
		}
		if _, err := f.f.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
		readers = append(readers, f.f)
	}
	return io.MultiReader(readers...), nil
}

func zeros(n int) io.Reader { return &io.LimitedReader{R: zeroReader{}, N: int64(n)} }

type zeroReader struct{}

func (zeroReader) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// offsets turns sizes, four bytes each, into their running sums, eight bytes
// each.
type offsets struct {
	sizes io.Reader
	sum   uint64
	rest  []byte
	buf   [8]byte
}

func (o *offsets) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if len(o.rest) == 0 {
			var size [4]byte
			if _, err := io.ReadFull(o.sizes, size[:]); err != nil {
				if n > 0 {
					return n, nil
				}
				return 0, err
			}
			o.sum += uint64(binary.LittleEndian.Uint32(size[:]))
			binary.LittleEndian.PutUint64(o.buf[:], o.sum)
			o.rest = o.buf[:]
		}
		k := copy(p[n:], o.rest)
		o.rest = o.rest[k:]
		n += k
	}
	return n, nil
}
