package safetensors

import (
	"cmp"
	"io"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/symdiff-go/symdiff/core/internal/json"
)

// Tensor is one tensor to be written. DType F32, F16, BF16 or I8 is the type in
// the file; narrowing rounds to the nearest value, ties to even. One of type I8
// is written with the scales of its rows, max|x|/127, as F32.
type Tensor struct {
	Name  string
	DType DType
	Shape []int
	Data  []float32 // row-major
}

// Write writes a file with the given tensors and metadata. Its bytes depend on
// nothing but these, not on the order of the tensors: the header has
// __metadata__ first and then the names sorted, spaces align the data to 8
// bytes, and the data holds the wider types first, by name within one type. A
// bad name, type or shape, text that is not UTF-8 and a value that is not finite in its type are
// errors of type *Error; nothing has been written then.
func Write(w io.Writer, tensors []Tensor, metadata map[string]string) error {
	return write(w, "safetensors", tensors, metadata)
}

// write does the work of Write for a file of the given name.
func write(w io.Writer, name string, tensors []Tensor, metadata map[string]string) error {
	order, err := plan(name, tensors)
	if err == nil {
		err = checkMetadata(name, metadata)
	}
	if err != nil {
		return err
	}
	infos, end := make([]Info, len(order)), int64(0)
	for i, t := range order {
		size := int64(len(t.Data)) * int64(t.DType.Size())
		infos[i] = Info{t.Name, t.DType, t.Shape, end, end + size}
		end += size
	}
	if _, err := w.Write(header(infos, metadata)); err != nil {
		return err
	}
	var buf []byte
	for _, t := range order {
		buf = encode(buf[:0], t)
		if _, err := w.Write(buf); err != nil {
			return err
		}
	}
	return nil
}

// plan checks the tensors and returns what is written, in the order of the bytes.
func plan(file string, tensors []Tensor) ([]Tensor, error) {
	tensors = slices.Clone(tensors)
	seen := make(map[string]bool, len(tensors))
	for i := 0; i < len(tensors); i++ { // scales are added at the end
		t := tensors[i]
		reason := t.fault()
		if seen[t.Name] {
			reason = "name given twice"
		}
		if reason != "" {
			return nil, &Error{File: file, Tensor: t.Name, Reason: reason}
		}
		seen[t.Name] = true
		if t.DType == I8 {
			_, scales := quantise(t.Data, t.Shape[0])
			tensors = append(tensors, Tensor{t.Name + scaleSuffix, F32, t.Shape[:1], scales})
		}
	}
	slices.SortFunc(tensors, func(a, b Tensor) int {
		return cmp.Or(cmp.Compare(b.DType.Size(), a.DType.Size()), cmp.Compare(a.Name, b.Name))
	})
	return tensors, nil
}

// fault says why t cannot be written; empty where it can.
func (t Tensor) fault() string {
	if t.Name == "" || t.Name == metadataKey || !utf8.ValidString(t.Name) {
		return strconv.Quote(t.Name) + " cannot name a tensor"
	}
	if t.DType != F32 && t.DType != F16 && t.DType != BF16 && t.DType != I8 {
		return "dtype " + strconv.Quote(string(t.DType)) + ", want F32, F16, BF16 or I8"
	}
	if len(t.Shape) > maxRank || slices.ContainsFunc(t.Shape, func(d int) bool { return d < 0 }) {
		return "shape " + shapeText(t.Shape) + " is no shape"
	}
	if n, ok := product(t.Shape); !ok || n != int64(len(t.Data)) {
		return "shape " + shapeText(t.Shape) + " for " + strconv.Itoa(len(t.Data)) + " elements"
	}
	if t.DType == I8 && (len(t.Shape) == 0 || t.Shape[0] == 0) {
		return "shape " + shapeText(t.Shape) + " has no rows to be scaled as I8"
	}
	if i := t.overflow(); i >= 0 {
		return "element " + strconv.Itoa(i) + " is " + floatText(t.Data[i]) + ", not finite as " +
			string(t.DType)
	}
	return ""
}

// overflow is the index of the first value without a finite one of the type in
// the file, or -1.
func (t Tensor) overflow() int {
	narrow := toF16
	switch t.DType {
	case F32, I8:
		return notFinite(t.Data)
	case BF16:
		narrow = toBF16
	}
	for i, x := range t.Data {
		if _, ok := narrow(x); !ok {
			return i
		}
	}
	return -1
}

func checkMetadata(file string, metadata map[string]string) error {
	for key, value := range metadata {
		if !utf8.ValidString(key) || !utf8.ValidString(value) {
			return &Error{File: file, Reason: "metadata " + strconv.Quote(key) + " is not valid UTF-8"}
		}
	}
	return nil
}

// Raw is a tensor of any type whose bytes, little endian and row-major, come
// from a reader.
type Raw struct {
	Name  string
	DType DType
	Shape []int
	Data  io.Reader
}

// WriteRaw writes a file of tensors that need not fit into memory, in their
// order, each of which must fit the alignment of its type there: widest types
// first will do. Errors name the tensor that is wrong; then part of the file may
// have been written. Values are not looked at.
func WriteRaw(w io.Writer, tensors []Raw, metadata map[string]string) error {
	const file = "safetensors"
	if err := checkMetadata(file, metadata); err != nil {
		return err
	}
	infos, end, seen := make([]Info, len(tensors)), int64(0), map[string]bool{}
	for i, t := range tensors {
		n, ok := product(t.Shape)
		size := n * int64(t.DType.Size())
		switch {
		case t.Name == "" || t.Name == metadataKey || !utf8.ValidString(t.Name) || seen[t.Name]:
			return &Error{File: file, Tensor: t.Name, Reason: "cannot name a tensor here"}
		case t.DType.Size() == 0:
			return &Error{File: file, Tensor: t.Name, Reason: "unknown dtype " +
				strconv.Quote(string(t.DType))}
		case !ok || len(t.Shape) > maxRank || slices.ContainsFunc(t.Shape,
			func(d int) bool { return d < 0 }):
			return &Error{File: file, Tensor: t.Name, Reason: "shape " + shapeText(t.Shape) + " is no shape"}
		case end%int64(t.DType.Size()) != 0:
			return &Error{File: file, Tensor: t.Name, Reason: "is not aligned here"}
		}
		seen[t.Name] = true
		infos[i] = Info{t.Name, t.DType, t.Shape, end, end + size}
		end += size
	}
	if _, err := w.Write(header(slices.Clone(infos), metadata)); err != nil {
		return err
	}
	for i, t := range tensors {
		want := infos[i].End - infos[i].Begin
		got, err := io.Copy(w, io.LimitReader(t.Data, want+1))
		if err != nil {
			return err
		}
		if got != want {
			return &Error{File: file, Tensor: t.Name, Reason: "has " + strconv.FormatInt(got, 10) +
				" bytes or more, want " + strconv.FormatInt(want, 10)}
		}
	}
	return nil
}

// header builds the length and the JSON.
func header(infos []Info, metadata map[string]string) []byte {
	h := append(make([]byte, 8, 1024), '{')
	if len(metadata) > 0 {
		h = append(json.AppendString(h, metadataKey), ':')
		h = append(appendStrings(h, metadata), ',')
	}
	slices.SortFunc(infos, func(a, b Info) int { return cmp.Compare(a.Name, b.Name) })
	for _, info := range infos {
		h = append(json.AppendString(h, info.Name), `:{"dtype":"`...)
		h = append(h, info.DType...)
		h = append(h, `","shape":`...)
		h = append(h, shapeText(info.Shape)...)
		h = append(h, `,"data_offsets":`...)
		h = append(append(h, span(info)...), '}', ',')
	}
	if h[len(h)-1] == ',' {
		h = h[:len(h)-1]
	}
	h = append(h, '}')
	for len(h)%8 != 0 {
		h = append(h, ' ')
	}
	for i := range 8 {
		h[i] = byte(uint64(len(h)-8) >> (8 * i))
	}
	return h
}

func appendStrings(dst []byte, m map[string]string) []byte {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	dst = append(dst, '{')
	for i, k := range keys {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(json.AppendString(dst, k), ':')
		dst = json.AppendString(dst, m[k])
	}
	return append(dst, '}')
}

// encode appends the bytes of a tensor that has passed fault.
func encode(dst []byte, t Tensor) []byte {
	if t.DType == I8 {
		q, _ := quantise(t.Data, t.Shape[0])
		return append(dst, q...)
	}
	for _, x := range t.Data {
		switch t.DType {
		case F32:
			b := math.Float32bits(x)
			dst = append(dst, byte(b), byte(b>>8), byte(b>>16), byte(b>>24))
		case F16:
			h, _ := toF16(x)
			dst = append(dst, byte(h), byte(h>>8))
		case BF16:
			b, _ := toBF16(x)
			dst = append(dst, byte(b), byte(b>>8))
		}
	}
	return dst
}
