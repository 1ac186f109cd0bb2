// Package safetensors reads and writes the safetensors format of weights: eight
// bytes N little-endian, N bytes of JSON header, then the tensors' bytes, little
// endian and row-major.
//
//	{"__metadata__": {"key": "value"}, "name": {"dtype": "F16", "shape": [2,3], "data_offsets": [0,12]}, ...}
//
// A file is data from anywhere: [Parse] checks everything before a byte of a
// tensor is used. Offsets count from the end of the header; the tensors fill
// the rest of the file without gap or overlap, names are unique, and a
// tensor's size is that of its shape and type. Values become float32, and a
// value that is not finite is an error, on reading as on writing.
//
// Source: https://github.com/huggingface/safetensors (README, format).
package safetensors

import (
	"bytes"
	"cmp"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/symdiff-go/symdiff/core/internal/json"
)

// maxHeader is the size in bytes beyond which a header is refused, as in the
// reference implementation.
const maxHeader = 100_000_000

// maxTensors is the largest number of tensors of a file: far above that of any
// network, low enough for the memory that their list takes.
const maxTensors = 1 << 16

// maxRank is the largest number of dimensions of a tensor.
const maxRank = 32

// DType is the type of a tensor's elements under the format's name for it.
type DType string

// The types that convert to float32, I8 by its scales. The others that [Parse]
// knows are BOOL, U8, F8_E4M3, F8_E5M2, U16, I16, U32, I32, U64, I64, F64 and C64: tensors
// of these are checked like any and reached through [File.Bytes].
const (
	F32  DType = "F32"
	F16  DType = "F16"
	BF16 DType = "BF16"
	I8   DType = "I8"
)

// Size is the number of bytes of one element; 0 for an unknown type.
func (d DType) Size() int {
	switch d {
	case I8, "BOOL", "U8", "F8_E4M3", "F8_E5M2":
		return 1
	case F16, BF16, "U16", "I16":
		return 2
	case F32, "U32", "I32":
		return 4
	case "F64", "U64", "I64", "C64":
		return 8
	}
	return 0
}

// Error is a fault of a safetensors file, or of what was to be written to one.
type Error struct {
	File   string // the name the file was opened under
	Tensor string // the tensor at fault; empty where it is the file
	Reason string // what was found and what was expected
	Err    error  // the cause, if there is one
}

func (e *Error) Error() string {
	text := e.File
	if e.Tensor != "" {
		text += ": tensor " + strconv.Quote(e.Tensor)
	}
	return text + ": " + e.Reason
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Info describes one tensor of a file.
type Info struct {
	Name       string
	DType      DType
	Shape      []int
	Begin, End int64 // bytes of the tensor, counted from the end of the header
}

// Len is the number of elements, the product of the shape.
func (i Info) Len() int { return int(i.End-i.Begin) / i.DType.Size() }

// File is a parsed safetensors file.
type File struct {
	Name     string            // for errors
	Metadata map[string]string // the header's __metadata__; nil without one

	tensors []Info         // by offset
	index   map[string]int // of a name in tensors
	data    io.ReaderAt    // the file
	begin   int64          // where the tensors begin in it
	size    int64          // of all tensors
	memory  []byte         // the file, where Parse was given it
}

// Parse is New for a file in memory, which it keeps and does not change.
func Parse(name string, data []byte) (*File, error) {
	f, err := New(name, bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	f.memory = data
	return f, nil
}

// New reads the header of a file of size bytes. The tensors are read from data
// when they are asked for. name stands for the file in errors, which are of type
// *Error.
func New(name string, data io.ReaderAt, size int64) (*File, error) {
	f := &File{Name: name, data: data}
	header, err := f.split(size)
	if err != nil {
		return nil, err
	}
	if err := f.readHeader(header); err != nil {
		return nil, err
	}
	if err := f.layout(); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *File) fault(tensor, reason string) *Error {
	return &Error{File: f.Name, Tensor: tensor, Reason: reason}
}

// otherKind says, by its first bytes, what a file is that is none of safetensors,
// and what makes one of it; empty where they do not show it.
func otherKind(first string) string {
	for _, kind := range [][2]string{
		{"version ", "is a pointer of Git LFS, not the file itself: `git lfs pull` fetches it"},
		{"PK\x03\x04", "is a zip archive, as a checkpoint of PyTorch is: `symdiff import` makes a model of that"},
		{"\x80\x02", "is a pickle, as an old checkpoint of PyTorch is: `symdiff import` makes a model of that"},
		{"\x80\x03", "is a pickle: `symdiff import` makes a model of a checkpoint of PyTorch"},
		{"\x80\x04", "is a pickle: `symdiff import` makes a model of a checkpoint of PyTorch"},
		{"\x80\x05", "is a pickle: `symdiff import` makes a model of a checkpoint of PyTorch"},
		{"\x93NUMPY", "is an array of NumPy, not safetensors"},
		{"\x89HDF", "is HDF5, not safetensors"},
		{"\x1f\x8b", "is compressed by gzip: unpack it"},
		{"<!DOCTYP", "is a web page, not safetensors"},
		{"<!doctyp", "is a web page, not safetensors"},
		{"<html", "is a web page, not safetensors"},
	} {
		if strings.HasPrefix(first, kind[0]) {
			return kind[1]
		}
	}
	return ""
}

// split reads the header and separates it from the tensors.
func (f *File) split(size int64) (header []byte, err error) {
	if size < 8 {
		return nil, f.fault("", "truncated: "+strconv.FormatInt(size, 10)+" bytes, no safetensors file")
	}
	var length [8]byte
	if err := f.read(length[:], 0); err != nil {
		return nil, err
	}
	n := uint64(le32(length[:])) | uint64(le32(length[4:]))<<32
	// The length of a header may have the first bytes of another kind: 640 is a pickle's.
	var brace [1]byte
	if n <= uint64(size-8) && size > 8 {
		if err := f.read(brace[:], 8); err != nil {
			return nil, err
		}
	}
	if what := otherKind(string(length[:])); what != "" && brace[0] != '{' {
		return nil, f.fault("", what)
	}
	if n > maxHeader {
		return nil, f.fault("", "header of "+strconv.FormatUint(n,
			10)+" bytes, more than "+strconv.Itoa(maxHeader)+": no safetensors file")
	}
	if rest := size - 8; n > uint64(rest) {
		return nil, f.fault("", "truncated: header of "+strconv.FormatUint(n, 10)+" bytes, "+
			strconv.FormatInt(rest, 10)+" are there")
	}
	f.begin, f.size = 8+int64(n), size-8-int64(n)
	header = make([]byte, n)
	return header, f.read(header, 8)
}

// read fills p from an offset of the file.
func (f *File) read(p []byte, offset int64) error {
	if len(p) == 0 {
		return nil
	}
	if n, err := f.data.ReadAt(p, offset); n < len(p) {
		text := "the file ends early"
		if err != nil && err != io.EOF {
			text = err.Error()
		}
		return &Error{File: f.Name, Reason: "read at byte " + strconv.FormatInt(offset, 10) + ": " + text,
			Err: err}
	}
	return nil
}

const metadataKey = "__metadata__"

// readHeader fills Metadata and tensors, in the header's order.
func (f *File) readHeader(header []byte) error {
	if len(header) == 0 || header[0] != '{' {
		return f.fault("", "header does not begin with '{': no safetensors file")
	}
	s := json.NewScanner(header)
	err := s.Object(func(name string) error {
		switch name {
		case metadataKey:
			return f.headerError("", f.readMetadata(s))
		case "":
			return f.fault("", "a tensor without a name")
		}
		if len(f.tensors) == maxTensors {
			return f.fault("", "more than "+strconv.Itoa(maxTensors)+" tensors: no weights of a network")
		}
		info, err := f.readInfo(s, name)
		f.tensors = append(f.tensors, info)
		return f.headerError(name, err)
	})
	if syntax, ok := err.(*json.SyntaxError); ok && syntax.Key != metadataKey {
		return f.headerError(syntax.Key, err) // a tensor's name given twice
	}
	if err == nil {
		err = s.End()
	}
	return f.headerError("", err)
}

// headerError turns a syntax error of the header into an *Error.
func (f *File) headerError(tensor string, err error) error {
	syntax, ok := err.(*json.SyntaxError)
	if !ok {
		return err
	}
	return &Error{File: f.Name, Tensor: tensor, Reason: "header: " + syntax.Error(), Err: err}
}

func (f *File) readMetadata(s *json.Scanner) error {
	f.Metadata = make(map[string]string)
	return s.Object(func(key string) (err error) {
		f.Metadata[key], err = s.String()
		return err
	})
}

// readInfo reads one tensor's entry and checks it by itself.
func (f *File) readInfo(s *json.Scanner, name string) (Info, error) {
	info := Info{Name: name}
	var offsets []int
	err := s.Object(func(key string) (err error) {
		switch key {
		case "dtype":
			var text string
			text, err = s.String()
			info.DType = DType(text)
		case "shape":
			info.Shape, err = f.readInts(s, name, "shape", maxRank)
		case "data_offsets":
			offsets, err = f.readInts(s, name, "data_offsets", 2)
		default:
			err = s.Skip() // a field of a later version of the format
		}
		return err
	})
	if err != nil {
		return info, err
	}
	if info.DType.Size() == 0 {
		return info, f.fault(name, "unknown dtype "+strconv.Quote(string(info.DType)))
	}
	if info.Shape == nil {
		return info, f.fault(name, "no shape")
	}
	if len(offsets) != 2 {
		return info, f.fault(name, "data_offsets: want two numbers")
	}
	info.Begin, info.End = int64(offsets[0]), int64(offsets[1])
	return info, f.checkSize(info)
}

// readInts reads an array of at most limit non-negative integers; not nil.
func (f *File) readInts(s *json.Scanner, name, field string, limit int) ([]int, error) {
	list := []int{}
	err := s.Array(func() error {
		text, _, err := s.Number()
		if err != nil {
			return err
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 || int64(int(n)) != n {
			return f.fault(name, field+": "+text+" is no size")
		}
		if len(list) == limit {
			return f.fault(name, field+": more than "+strconv.Itoa(limit)+" numbers")
		}
		list = append(list, int(n))
		return nil
	})
	return list, err
}

// checkSize compares the span of a tensor with its shape and the file.
func (f *File) checkSize(info Info) error {
	if info.Begin > info.End {
		return f.fault(info.Name, "data_offsets run backwards: "+span(info))
	}
	if info.End > f.size {
		return f.fault(info.Name, "data_offsets "+span(info)+" beyond the "+strconv.FormatInt(f.size, 10)+
			" bytes of tensors in the file: truncated or damaged")
	}
	n, ok := product(info.Shape)
	if !ok || n > math.MaxInt64/int64(info.DType.Size()) {
		return f.fault(info.Name, "shape "+shapeText(info.Shape)+" overflows")
	}
	if want := n * int64(info.DType.Size()); want != info.End-info.Begin {
		return f.fault(info.Name, "shape "+shapeText(info.Shape)+" of "+string(info.DType)+" takes "+
			strconv.FormatInt(want, 10)+" bytes, data_offsets hold "+
			strconv.FormatInt(info.End-info.Begin, 10))
	}
	return nil
}

// layout sorts the tensors by offset and checks that they fill the data.
func (f *File) layout() error {
	slices.SortStableFunc(f.tensors, func(a, b Info) int {
		return cmp.Or(cmp.Compare(a.Begin, b.Begin), cmp.Compare(a.End, b.End))
	})
	f.index = make(map[string]int, len(f.tensors))
	end := int64(0)
	for i, info := range f.tensors {
		switch {
		case info.Begin < end:
			return f.fault(info.Name, "data_offsets "+span(info)+" overlap tensor "+
				strconv.Quote(f.tensors[i-1].Name))
		case info.Begin > end:
			return f.fault(info.Name, "data_offsets "+span(info)+" leave a hole after byte "+
				strconv.FormatInt(end, 10))
		}
		end = info.End
		f.index[info.Name] = i
	}
	if end != f.size {
		return f.fault("", strconv.FormatInt(f.size-end, 10)+" bytes after the last tensor")
	}
	return nil
}

// product multiplies the dimensions; not ok where an int64 overflows.
func product(shape []int) (n int64, ok bool) {
	if slices.Contains(shape, 0) {
		return 0, true
	}
	n = 1
	for _, d := range shape {
		if int64(d) > math.MaxInt64/n {
			return 0, false
		}
		n *= int64(d)
	}
	return n, true
}

func span(info Info) string {
	return "[" + strconv.FormatInt(info.Begin, 10) + "," + strconv.FormatInt(info.End, 10) + "]"
}

func shapeText(shape []int) string {
	text := []byte{'['}
	for i, d := range shape {
		if i > 0 {
			text = append(text, ',')
		}
		text = strconv.AppendInt(text, int64(d), 10)
	}
	return string(append(text, ']'))
}

// Under is the part of a file whose names begin with prefix, without it: tensors
// and keys of the metadata. It shares the data of f.
func (f *File) Under(prefix string) *File {
	part := *f
	part.Metadata, part.tensors, part.index = map[string]string{}, nil, map[string]int{}
	for key, text := range f.Metadata {
		if len(key) > len(prefix) && key[:len(prefix)] == prefix {
			part.Metadata[key[len(prefix):]] = text
		}
	}
	for _, info := range f.tensors {
		if len(info.Name) > len(prefix) && info.Name[:len(prefix)] == prefix {
			info.Name = info.Name[len(prefix):]
			part.index[info.Name] = len(part.tensors)
			part.tensors = append(part.tensors, info)
		}
	}
	return &part
}

// Names lists the tensors in the order of their bytes, without those that hold
// the scales of others.
func (f *File) Names() []string {
	names := make([]string, 0, len(f.tensors))
	for _, info := range f.tensors {
		if !f.isScale(info.Name) {
			names = append(names, info.Name)
		}
	}
	return names
}

// Info describes the tensor name; ok is false where the file has none.
func (f *File) Info(name string) (info Info, ok bool) {
	i, ok := f.index[name]
	if !ok {
		return Info{}, false
	}
	info = f.tensors[i]
	info.Shape = slices.Clone(info.Shape)
	return info, true
}

// Bytes returns the bytes of a tensor of any type: a part of the data given to
// [Parse], not to be changed, or what was read.
func (f *File) Bytes(name string) ([]byte, error) {
	info, err := f.find(name, nil)
	if err != nil {
		return nil, err
	}
	if f.memory != nil {
		return f.memory[f.begin:][info.Begin:info.End:info.End], nil
	}
	b := make([]byte, info.End-info.Begin)
	return b, f.read(b, f.begin+info.Begin)
}

// Float32 is Float32To in new memory.
func (f *File) Float32(name string, shape ...int) ([]float32, error) {
	return f.Float32To(nil, name, shape...)
}

// Float32To returns the elements of a tensor of type F32, F16, BF16, or I8 with scales, row-major:
// in dst where its capacity suffices. Where a shape is given, the tensor must have it. A missing
// tensor, another type or shape, and a value that is not finite are errors of type *Error.
func (f *File) Float32To(dst []float32, name string, shape ...int) ([]float32, error) {
	info, err := f.find(name, shape)
	if err != nil {
		return nil, err
	}
	var scales []float32
	if info.DType == I8 {
		if scales, err = f.scales(info); err != nil {
			return nil, err
		}
	}
	n := info.Len()
	if cap(dst) < n {
		dst = make([]float32, n)
	}
	dst = dst[:n]
	size := info.DType.Size()
	raw := make([]byte, min(chunk, n*size))
	for at := 0; at < n; {
		part := raw[:min(len(raw), (n-at)*size)]
		if err := f.read(part, f.begin+info.Begin+int64(at*size)); err != nil {
			return nil, err
		}
		if !widen(dst[at:], part, info.DType) {
			return nil, f.fault(name, "dtype "+string(info.DType)+", want F32, F16, BF16 or I8")
		}
		at += len(part) / size
	}
	scaleRows(dst, scales)
	if i := notFinite(dst); i >= 0 {
		return nil, f.fault(name, "element "+strconv.Itoa(i)+" is "+
			floatText(dst[i])+", want finite numbers")
	}
	return dst, nil
}

// chunk is the number of bytes that are converted at once.
const chunk = 1 << 14

// widen converts the elements of src and reports whether it knows their type.
func widen(dst []float32, src []byte, t DType) bool {
	dst = dst[:len(src)/t.Size()]
	switch t {
	case F32:
		for i := range dst {
			dst[i] = math.Float32frombits(le32(src[4*i:]))
		}
	case F16:
		for i := range dst {
			dst[i] = fromF16(le16(src[2*i:]))
		}
	case BF16:
		for i := range dst {
			dst[i] = math.Float32frombits(uint32(le16(src[2*i:])) << 16)
		}
	case I8:
		for i := range dst {
			dst[i] = float32(int8(src[i]))
		}
	default:
		return false
	}
	return true
}

// le16 and le32 read little-endian numbers. Package encoding/binary would bring
// package reflect into the WASM module.
func le16(b []byte) uint16 { return uint16(b[0]) | uint16(b[1])<<8 }

func le32(b []byte) uint32 {
	_ = b[3]
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}

func (f *File) find(name string, shape []int) (Info, error) {
	i, ok := f.index[name]
	if !ok {
		return Info{}, f.fault(name, "missing")
	}
	info := f.tensors[i]
	if shape != nil && !slices.Equal(shape, info.Shape) {
		return Info{}, f.fault(name, "shape "+shapeText(info.Shape)+", want "+shapeText(shape))
	}
	return info, nil
}

// notFinite is the index of the first NaN or infinity, or -1.
func notFinite(x []float32) int {
	const exponent = 0xFF << 23
	for i, v := range x {
		if math.Float32bits(v)&exponent == exponent {
			return i
		}
	}
	return -1
}

func floatText(x float32) string { return strconv.FormatFloat(float64(x), 'g', -1, 32) }
