package dataset

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/safetensors"
)

// A packed data set is a safetensors file, read by mapping it into memory:
//
//	offsets    I64 (molecules+1)  molecule i is atoms offsets[i]..offsets[i+1]
//	positions  F32 (atoms, 3)     Å, each molecule's mean is zero
//	property.X F32 (molecules)    a scalar property, NaN where it is not known
//	elements   U8  (atoms)        atomic numbers
//
// Its metadata are format (symdiff-molecules 1), splits (name -> first molecule
// and the one after the last: a split is a range), sources and command.
const packedFormat = "symdiff-molecules 1"

// Packed is a packed data set.
type Packed struct {
	Path       string
	Splits     map[string][2]int    // name -> [from, to)
	Properties map[string][]float32 // name -> (molecules)
	Sources    []RawSource

	offsets   []int64   // (molecules+1)
	positions []float32 // (atoms, 3)
	elements  []byte    // (atoms)
}

// RawSource is a file that a packed data set was made of.
type RawSource struct {
	File      string `json:"file"`
	SHA256    string `json:"sha256"`
	Bytes     int64  `json:"bytes"`
	Molecules int    `json:"molecules"`         // taken from it
	Skipped   int    `json:"skipped,omitempty"` // corrupt records
	Left      int    `json:"left,omitempty"`    // records left out on purpose
}

// isPacked reports whether a file is a packed data set, by its name.
func isPacked(path string) bool { return filepath.Ext(path) == ".safetensors" }

// openPacked maps a packed data set, which must not change from then on. Errors
// are of type *safetensors.Error. The mapping stays for the life of the process.
func openPacked(path string) (*Packed, error) {
	data, err := mapFile(path)
	if e, ok := errors.AsType[*safetensors.Error](err); ok {
		return nil, e
	}
	if err != nil {
		return nil, &safetensors.Error{File: path, Reason: reasonOf(err), Err: err}
	}
	f, err := safetensors.Parse(path, data)
	if err != nil {
		return nil, err
	}
	fault := func(tensor, reason string) (*Packed, error) {
		return nil, &safetensors.Error{File: path, Tensor: tensor, Reason: reason}
	}
	if kind := f.Metadata["kind"]; kind != "" {
		return fault("", "is a model ("+kind+"), want a data set of symdiff data prepare")
	}
	if f.Metadata["format"] != packedFormat {
		return fault("", "metadata format "+strconv.Quote(f.Metadata["format"])+", want "+
			packedFormat+": no data set of symdiff data prepare")
	}
	if err := checkTypes(f); err != nil {
		return nil, err
	}
	p := &Packed{Path: path, Properties: map[string][]float32{}}
	offsets, err := f.Bytes("offsets")
	if err != nil {
		return nil, err
	}
	p.offsets = view(offsets, func(b []byte) int64 { return int64(binary.LittleEndian.Uint64(b)) })
	positions, err := f.Bytes("positions")
	if err != nil {
		return nil, err
	}
	p.positions = floats(positions)
	if p.elements, err = f.Bytes("elements"); err != nil {
		return nil, err
	}
	if len(p.offsets) == 0 || p.offsets[0] != 0 ||
		p.offsets[len(p.offsets)-1] != int64(len(p.elements)) || len(p.positions) != 3*len(p.elements) {
		return fault("offsets", "do not fit the atoms")
	}
	for i, o := range p.offsets[1:] {
		if n := o - p.offsets[i]; n < 1 || n > maxAtoms {
			return fault("offsets", fmt.Sprintf("molecule %d has %d atoms, want 1 to %d", i+1, n, maxAtoms))
		}
	}
	if err := p.checkAtoms(); err != nil {
		return nil, err
	}
	for _, name := range f.Names() {
		if key, ok := strings.CutPrefix(name, "property."); ok {
			values, err := f.Bytes(name)
			if err != nil {
				return nil, err
			}
			if p.Properties[key] = floats(values); len(p.Properties[key]) != p.Len() {
				return fault(name, fmt.Sprintf("%d values for %d molecules", len(p.Properties[key]), p.Len()))
			}
			if i := slices.IndexFunc(p.Properties[key],
				func(v float32) bool { return math.IsInf(float64(v), 0) }); i >= 0 {
				return fault(name,
					fmt.Sprintf("molecule %d: infinity, want a number, or NaN where it is not known", i+1))
			}
		}
	}
	if err := json.Unmarshal([]byte(f.Metadata["splits"]), &p.Splits); err != nil {
		return fault("", "metadata splits: "+err.Error())
	}
	names := slices.SortedFunc(maps.Keys(p.Splits), func(a, b string) int {
		return cmp.Or(cmp.Compare(p.Splits[a][0], p.Splits[b][0]), cmp.Compare(p.Splits[a][1], p.Splits[b][1]),
			cmp.Compare(a, b))
	})
	end, last := 0, ""
	for _, name := range names {
		s := p.Splits[name]
		if s[0] < 0 || s[0] > s[1] || s[1] > p.Len() {
			return fault("", fmt.Sprintf("metadata splits: %s is %v of %d molecules", name, s, p.Len()))
		}
		if s[0] < end {
			return fault("", fmt.Sprintf("metadata splits: %s and %s share molecules", last, name))
		}
		end, last = s[1], name
	}
	if err := json.Unmarshal([]byte(f.Metadata["sources"]), &p.Sources); err != nil {
		return fault("", "metadata sources: "+err.Error())
	}
	return p, nil
}

// checkTypes compares types and shapes of the tensors with those of a packed data set.
func checkTypes(f *safetensors.File) error {
	for _, name := range f.Names() {
		info, _ := f.Info(name)
		dtype, rank := safetensors.F32, 1
		switch {
		case name == "offsets":
			dtype = "I64"
		case name == "elements":
			dtype = "U8"
		case name == "positions":
			rank = 2
		case !strings.HasPrefix(name, "property."):
			continue
		}
		if info.DType != dtype || len(info.Shape) != rank || rank == 2 && info.Shape[1] != 3 {
			return &safetensors.Error{File: f.Name, Tensor: name,
				Reason: fmt.Sprintf("is %s of shape %v, want %s of %s", info.DType, info.Shape, dtype,
					[...]string{1: "one dimension", 2: "shape (atoms, 3)"}[rank])}
		}
	}
	return nil
}

// farthest is twice what a coordinate is where molecules are read: their means are zero here.
const farthest = 2 * molecule.MaxCoordinate

// checkAtoms looks for positions that are no numbers or too far away, which would turn a whole
// training to NaN, and for elements that are none.
func (p *Packed) checkAtoms() error {
	fault := func(tensor string, atom int, found any, want string) error {
		i, exact := slices.BinarySearch(p.offsets, int64(atom))
		if !exact {
			i--
		}
		return &safetensors.Error{File: p.Path, Tensor: tensor,
			Reason: fmt.Sprintf("molecule %d, atom %d: %v, want %s", i+1, int64(atom)-p.offsets[i]+1, found,
				want)}
	}
	for i, v := range p.positions {
		if !(v >= -farthest && v <= farthest) {
			return fault("positions", i/3, v, "finite coordinates within 2e6 Å")
		}
	}
	for i, e := range p.elements {
		if e < 1 || e > 118 {
			return fault("elements", i, e, "an atomic number")
		}
	}
	return nil
}

// view reads numbers in place where the machine has them as the file does.
func view[T int64 | float32](b []byte, decode func([]byte) T) []T {
	var zero T
	size := int(unsafe.Sizeof(zero))
	if len(b) < size {
		return nil
	}
	if littleEndian && uintptr(unsafe.Pointer(&b[0]))%unsafe.Alignof(zero) == 0 {
		return unsafe.Slice((*T)(unsafe.Pointer(&b[0])), len(b)/size)
	}
	out := make([]T, len(b)/size)
	for i := range out {
		out[i] = decode(b[i*size:])
	}
	return out
}

var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

func floats(b []byte) []float32 {
	return view(b,
		func(b []byte) float32 { return math.Float32frombits(binary.LittleEndian.Uint32(b)) })
}

func reasonOf(err error) string {
	if e, ok := errors.AsType[*os.PathError](err); ok {
		return e.Op + ": " + e.Err.Error()
	}
	if e, ok := errors.AsType[*os.LinkError](err); ok {
		return e.Op + ": " + e.Err.Error()
	}
	return err.Error()
}

// Len is the number of molecules.
func (p *Packed) Len() int { return len(p.offsets) - 1 }

// Atoms is the number of atoms.
func (p *Packed) Atoms() int { return len(p.elements) }

// Split is the name of molecule i's split, empty without one.
func (p *Packed) Split(i int) string {
	for name, s := range p.Splits {
		if i >= s[0] && i < s[1] {
			return name
		}
	}
	return ""
}

// Molecule is molecule i with its split and properties.
func (p *Packed) Molecule(i int) *molecule.Molecule {
	from, to := p.offsets[i], p.offsets[i+1]
	m := &molecule.Molecule{}
	for a := from; a < to; a++ {
		x := p.positions[3*a : 3*a+3]
		m.Elements = append(m.Elements, molecule.Element(p.elements[a]))
		m.Positions = append(m.Positions, [3]float64{float64(x[0]), float64(x[1]), float64(x[2])})
	}
	if split := p.Split(i); split != "" {
		m.Properties = append(m.Properties, molecule.Property{Key: "split", Value: split})
	}
	names := make([]string, 0, len(p.Properties))
	for name := range p.Properties {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if v := p.Properties[name][i]; v == v {
			m.Properties = append(m.Properties, molecule.Property{Key: name,
				Value: strconv.FormatFloat(float64(v), 'g', -1, 32)})
		}
	}
	return m
}

// part is the range of molecules that a filter split=NAME takes, all without one.
func (p *Packed) part(key, value string) (from, to int, err error) {
	if key == "" {
		return 0, p.Len(), nil
	}
	s, ok := p.Splits[value]
	if key != "split" || !ok {
		var names []string
		for name := range p.Splits {
			names = append(names, "split="+name)
		}
		slices.Sort(names)
		return 0, 0, fmt.Errorf("%s: no molecules with %s=%s; a packed data set is filtered by %s",
			p.Path, key, value, strings.Join(names, ", "))
	}
	return s[0], s[1], nil
}

// set is a range of molecules as a set that shares the file's memory, but for a
// byte per atom: the types. limit bounds the number of molecules, 0 does not.
func (p *Packed) set(from, to, limit int, elements []molecule.Element,
	index map[molecule.Element]uint8) (*Set, error) {
	if limit > 0 {
		to = min(to, from+limit)
	}
	s := &Set{Elements: elements, offsets: make([]int, to-from+1)}
	first := p.offsets[from]
	for i := range s.offsets {
		s.offsets[i] = int(p.offsets[from+i] - first)
	}
	s.positions = p.positions[3*first : 3*p.offsets[to]]
	s.types = make([]uint8, s.Atoms())
	for i := range s.Len() {
		for a := s.offsets[i]; a < s.offsets[i+1]; a++ {
			e := molecule.Element(p.elements[first+int64(a)])
			t, ok := index[e]
			if !ok {
				return nil, fmt.Errorf("%s, molecule %d: element %s is not among the model's %v", p.Path,
					from+i+1, e.Symbol(), elements)
			}
			s.types[a] = t
		}
	}
	return s, nil
}
