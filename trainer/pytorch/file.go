package pytorch

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"os"
	"path"
	"strings"
	"sync"
)

// Error says what is wrong with a file.
type Error struct {
	File, Tensor, Reason string
}

func (e *Error) Error() string {
	if e.Tensor != "" {
		return e.File + ": tensor " + e.Tensor + ": " + e.Reason
	}
	return e.File + ": " + e.Reason
}

// Tensor is a view of a storage: element (i, j, ...) is at Offset + i·Stride[0] + j·Stride[1] + ...
type Tensor struct {
	Shape, Stride []int64
	Offset        int64
	storage       *storage
}

// storage is the elements of one or more tensors. They are read from the file when they are asked
// for.
type storage struct {
	kind kind
	n    int64 // elements
	read func() ([]byte, error)
}

// bytes is the memory of the storage.
func (s *storage) bytes() ([]byte, error) {
	if s.read == nil {
		return nil, errors.New("its storage is not in the file")
	}
	b, err := s.read()
	if err == nil && int64(len(b)) < s.n*s.kind.size {
		err = fmt.Errorf("its storage has %d bytes, want %d", len(b), s.n*s.kind.size)
	}
	return b, err
}

// kind is the type of the elements of a storage.
type kind struct {
	name  string
	size  int64
	value func(b []byte) float64
}

// kinds are the types by the name of their storage class.
var kinds = map[string]kind{
	"FloatStorage": {"float32", 4,
		func(b []byte) float64 { return float64(math.Float32frombits(binary.LittleEndian.Uint32(b))) }},
	"DoubleStorage": {"float64", 8, func(b []byte) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b)) }},
	"HalfStorage":   {"float16", 2, func(b []byte) float64 { return half(binary.LittleEndian.Uint16(b)) }},
	"BFloat16Storage": {"bfloat16", 2, func(b []byte) float64 {
		return float64(math.Float32frombits(uint32(binary.LittleEndian.Uint16(b)) << 16))
	}},
	"LongStorage":  {"int64", 8, func(b []byte) float64 { return float64(int64(binary.LittleEndian.Uint64(b))) }},
	"IntStorage":   {"int32", 4, func(b []byte) float64 { return float64(int32(binary.LittleEndian.Uint32(b))) }},
	"ShortStorage": {"int16", 2, func(b []byte) float64 { return float64(int16(binary.LittleEndian.Uint16(b))) }},
	"CharStorage":  {"int8", 1, func(b []byte) float64 { return float64(int8(b[0])) }},
	"ByteStorage":  {"uint8", 1, func(b []byte) float64 { return float64(b[0]) }},
	"BoolStorage":  {"bool", 1, func(b []byte) float64 { return float64(b[0]) }},
}

// half is the value of a float16.
func half(h uint16) float64 {
	sign, e, f := 1.0, int(h>>10&31), float64(h&1023)
	if h>>15 == 1 {
		sign = -1
	}
	switch e {
	case 0:
		return sign * math.Ldexp(f, -24)
	case 31:
		if f != 0 {
			return math.NaN()
		}
		return math.Inf(int(sign))
	}
	return sign * math.Ldexp(1024+f, e-25)
}

// maxElements bounds the size of one tensor.
const maxElements = 1 << 31

// Len is the number of elements; ok is false where the shape makes no sense.
func (t *Tensor) Len() (n int64, ok bool) {
	n = 1
	for _, d := range t.Shape {
		if d < 0 || d > maxElements || n*d > maxElements {
			return 0, false
		}
		n *= d
	}
	return n, true
}

// Float32 copies the elements out, row-major.
func (t *Tensor) Float32() ([]float32, error) {
	n, ok := t.Len()
	if !ok || len(t.Shape) != len(t.Stride) {
		return nil, fmt.Errorf("shape %v, strides %v", t.Shape, t.Stride)
	}
	if n == 0 {
		return nil, nil
	}
	last := t.Offset
	for i, d := range t.Shape {
		if t.Stride[i] < 0 || t.Stride[i] > maxElements {
			return nil, fmt.Errorf("strides %v", t.Stride)
		}
		last += (d - 1) * t.Stride[i]
	}
	s := t.storage
	if n > s.n {
		return nil, fmt.Errorf("%d elements of a storage of %d", n, s.n)
	}
	if t.Offset < 0 || last < 0 || last >= s.n {
		return nil, fmt.Errorf("element %d is outside its storage of %d", last, s.n)
	}
	b, err := s.bytes()
	if err != nil {
		return nil, err
	}
	out := make([]float32, n)
	index := make([]int64, len(t.Shape))
	at := t.Offset
	for i := range out {
		out[i] = float32(s.kind.value(b[at*s.kind.size:]))
		for k := len(index) - 1; k >= 0; k-- {
			index[k]++
			at += t.Stride[k]
			if index[k] < t.Shape[k] {
				break
			}
			at -= index[k] * t.Stride[k]
			index[k] = 0
		}
	}
	return out, nil
}

// State is the tensors of a checkpoint, in order.
type State struct {
	File    string
	Names   []string
	Tensors map[string]*Tensor
}

// ReadState reads the tensors of a checkpoint: a state_dict, or one under the key state_dict,
// model_state_dict or model.
//
// The file stays open: tensors are read from it when they are asked for.
func ReadState(file string) (*State, error) {
	f, size, err := open(file)
	if err != nil {
		return nil, err
	}
	return readState(file, f, size)
}

// open opens a file and returns its size.
func open(file string) (*os.File, int64, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &Error{File: file, Reason: "is no regular file"}
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// ParseState is ReadState of a file's bytes. Errors are of type *Error.
func ParseState(file string, data []byte) (*State, error) {
	return readState(file, bytes.NewReader(data), int64(len(data)))
}

func readState(file string, r io.ReaderAt, size int64) (*State, error) {
	v, err := parse(r, size)
	if err != nil {
		return nil, &Error{File: file, Reason: err.Error()}
	}
	d, ok := v.(*Dict)
	if !ok {
		return nil, &Error{File: file, Reason: fmt.Sprintf("holds a %s, want a state_dict", describe(v))}
	}
	for _, key := range []string{"state_dict", "model_state_dict", "model"} {
		if inner, ok := d.Get(key); ok {
			if inner, ok := inner.(*Dict); ok {
				d = inner
				break
			}
		}
	}
	s := &State{File: file, Tensors: map[string]*Tensor{}}
	for i, k := range d.Keys {
		name, ok := k.(string)
		if !ok {
			return nil, &Error{File: file, Reason: fmt.Sprintf("the state_dict has a %s among its keys",
				describe(k))}
		}
		t, ok := d.Values[i].(*Tensor)
		if !ok {
			return nil, &Error{File: file, Tensor: name, Reason: "is a " + describe(d.Values[i]) +
				", want a tensor"}
		}
		if _, ok := s.Tensors[name]; ok {
			return nil, &Error{File: file, Tensor: name, Reason: "is there twice"}
		}
		s.Names, s.Tensors[name] = append(s.Names, name), t
	}
	return s, nil
}

// describe names a value for people.
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case *Object:
		return v.Class.String()
	case *Dict:
		return "dictionary"
	case *List:
		return "list"
	case *Tensor:
		return "tensor"
	case Tuple:
		return "tuple"
	}
	return strings.TrimPrefix(fmt.Sprintf("%T", v), "pytorch.")
}

// ReadNamespace reads a pickled argparse.Namespace or dictionary, such as args.pickle. Values
// of unknown classes stay names.
func ReadNamespace(file string) (map[string]any, error) {
	f, size, err := open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readNamespace(file, io.NewSectionReader(f, 0, size))
}

// ParseNamespace is ReadNamespace of a file's bytes. Errors are of type *Error.
func ParseNamespace(file string, data []byte) (map[string]any, error) {
	return readNamespace(file, bytes.NewReader(data))
}

func readNamespace(file string, r io.Reader) (map[string]any, error) {
	m := newMachine(r)
	m.call = func(c Global, a Tuple) (any, error) {
		if c.Name == "_reconstructor" && len(a) == 3 { // how protocols 0 and 1 say that there is an instance
			if class, ok := a[0].(Global); ok {
				return &Object{Class: class}, nil
			}
		}
		return &Object{Class: c, Args: a}, nil
	}
	v, err := m.unpickle()
	if err != nil {
		return nil, &Error{File: file, Reason: err.Error()}
	}
	if o, ok := v.(*Object); ok && o.Class == (Global{"argparse", "Namespace"}) {
		v = o.State
	}
	d, ok := v.(*Dict)
	if !ok {
		return nil, &Error{File: file, Reason: fmt.Sprintf("holds a %s, want the arguments of a run",
			describe(v))}
	}
	args := map[string]any{}
	for i, k := range d.Keys {
		if name, ok := k.(string); ok {
			args[name] = d.Values[i]
		}
	}
	return args, nil
}

// parse reads a checkpoint of any format.
func parse(r io.ReaderAt, size int64) (any, error) {
	var head [2]byte
	if n, _ := r.ReadAt(head[:], 0); n == 2 && string(head[:]) == "PK" {
		return parseZip(r, size)
	}
	v, err := parseLegacy(r, size)
	if err != nil && head[0] != '\x80' { // which a pickle of protocol 2 begins with
		err = fmt.Errorf("want a checkpoint of PyTorch, a zip archive or a pickle: %w", err)
	}
	return v, err
}

// parseZip reads NAME/data.pkl and the storages NAME/data/KEY.
func parseZip(r io.ReaderAt, size int64) (any, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("zip: %w", err)
	}
	files := map[string]*zip.File{}
	var program *zip.File
	for _, f := range z.File {
		files[f.Name] = f
		if path.Base(f.Name) == "data.pkl" {
			program = f
		}
	}
	if program == nil {
		return nil, fmt.Errorf("zip: no data.pkl: not a checkpoint of PyTorch (a TorchScript archive or an .npz?)")
	}
	b, err := readZip(program, min(size, maxPickle))
	if err != nil {
		return nil, err
	}
	stores := map[string]*storage{}
	m := newMachine(bytes.NewReader(b))
	m.call = construct
	m.persistent = func(id any) (any, error) {
		s, key, err := storageID(id)
		if err != nil {
			return nil, err
		}
		if old, ok := stores[key]; ok {
			if old.kind.name != s.kind.name {
				return nil, fmt.Errorf("storage %q is of two types", key)
			}
			return old, nil
		}
		f := files[path.Join(path.Dir(program.Name), "data", key)]
		if f == nil {
			return nil, fmt.Errorf("storage %q is missing", key)
		}
		if int64(f.UncompressedSize64) < s.n*s.kind.size {
			return nil, fmt.Errorf("storage %q has %d bytes, want %d", key, f.UncompressedSize64,
				s.n*s.kind.size)
		}
		s.read = sync.OnceValues(func() ([]byte, error) { return readZip(f, size) })
		stores[key] = s
		return s, nil
	}
	return m.unpickle()
}

// readZip reads a file of the archive. PyTorch stores, so that nothing in an archive is larger than
// it; a bomb is.
func readZip(f *zip.File, limit int64) ([]byte, error) {
	if f.Method != zip.Store {
		return nil, fmt.Errorf("zip: %s is compressed, which PyTorch does not do", f.Name)
	}
	if int64(f.UncompressedSize64) > limit || int64(f.UncompressedSize64) < 0 {
		return nil, fmt.Errorf("zip: %s has %d bytes, want at most %d", f.Name, f.UncompressedSize64,
			limit)
	}
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("zip: %s: %w", f.Name, err)
	}
	defer r.Close()
	b := make([]byte, f.UncompressedSize64)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, fmt.Errorf("zip: %s: %w", f.Name, err)
	}
	if _, err := r.Read(make([]byte, 1)); err != io.EOF { // the checksum
		return nil, fmt.Errorf("zip: %s: %w", f.Name, err)
	}
	return b, nil
}

// The number that a checkpoint of before 1.6 begins with.
var legacyMagic, _ = new(big.Int).SetString("1950a86a20f9469cfc6c", 16)

// position counts what is read of a file.
type position struct {
	io.Reader
	at int64
}

func (p *position) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	p.at += int64(n)
	return n, err
}

// parseLegacy reads a row of pickles: the magic number, the version, what system it was, the
// object, and the keys of the storages; and then each storage, its number of elements (8 bytes)
// and these. A plain pickle, without the number, is read as it is.
func parseLegacy(r io.ReaderAt, size int64) (any, error) {
	in := &position{Reader: io.NewSectionReader(r, 0, size)}
	m := newMachine(in)
	m.call = construct
	first, err := m.unpickle()
	if err != nil {
		return nil, err
	}
	if n, ok := first.(*big.Int); !ok || n.Cmp(legacyMagic) != 0 {
		return first, nil
	}
	for range 2 {
		if _, err := m.unpickle(); err != nil {
			return nil, err
		}
	}
	stores := map[string]*storage{}
	m.persistent = func(id any) (any, error) {
		s, key, err := storageID(id)
		if err != nil {
			return nil, err
		}
		if old, ok := stores[key]; ok {
			s = old
		}
		stores[key] = s
		return s, nil
	}
	v, err := m.unpickle()
	if err != nil {
		return nil, err
	}
	m.persistent = nil
	list, err := m.unpickle()
	if err != nil {
		return nil, err
	}
	keys, ok := list.(*List)
	if !ok {
		return nil, fmt.Errorf("the keys of the storages are a %s", describe(list))
	}
	return v, locate(stores, keys.Items, r, in.at-int64(m.r.Buffered()), size)
}

// locate finds the storages of a file, which begin at an offset, in the order of their keys.
func locate(stores map[string]*storage, keys []any, r io.ReaderAt, at, size int64) error {
	for _, k := range keys {
		key, _ := k.(string)
		s, ok := stores[key]
		if !ok {
			return fmt.Errorf("storage %q belongs to no tensor", key)
		}
		var count [8]byte
		if _, err := r.ReadAt(count[:], at); err != nil {
			return fmt.Errorf("storage %q: truncated", key)
		}
		if n := int64(binary.LittleEndian.Uint64(count[:])); n != s.n {
			return fmt.Errorf("storage %q: %d elements, want %d", key, n, s.n)
		}
		from, n := at+8, s.n*s.kind.size
		if at = from + n; at > size {
			return fmt.Errorf("storage %q: truncated", key)
		}
		s.read = sync.OnceValues(func() ([]byte, error) {
			b := make([]byte, n)
			_, err := io.ReadFull(io.NewSectionReader(r, from, n), b)
			return b, err
		})
	}
	return nil
}

// storageID reads ("storage", class, key, location, elements).
func storageID(id any) (*storage, string, error) {
	t, ok := id.(Tuple)
	if !ok || len(t) < 5 || t[0] != "storage" {
		return nil, "", fmt.Errorf("persistent id, a %s, is no storage", describe(id))
	}
	class, ok1 := t[1].(Global)
	key, ok2 := t[2].(string)
	n, ok3 := t[4].(int64)
	if !ok1 || !ok2 || !ok3 || n < 0 || n > maxElements || class.Module != "torch" {
		return nil, "", errors.New("persistent id, a tuple, is no storage")
	}
	k, ok := kinds[class.Name]
	if !ok {
		return nil, "", fmt.Errorf("storage of type %s is not supported", class)
	}
	return &storage{kind: k, n: n}, key, nil
}

// construct is the value of the calls that a checkpoint may hold.
func construct(class Global, args Tuple) (any, error) {
	switch class {
	case Global{"collections", "OrderedDict"}:
		d := &Dict{}
		if len(args) == 1 {
			list, ok := args[0].(*List)
			if !ok {
				return nil, fmt.Errorf("OrderedDict of a %s", describe(args[0]))
			}
			for _, item := range list.Items {
				pair := asTuple(item)
				if len(pair) != 2 {
					return nil, fmt.Errorf("OrderedDict with an item of %d values", len(pair))
				}
				d.Keys, d.Values = append(d.Keys, pair[0]), append(d.Values, pair[1])
			}
		}
		return d, nil
	case Global{"torch", "Size"}:
		if len(args) == 1 {
			return asTuple(args[0]), nil
		}
	case Global{"torch._utils", "_rebuild_parameter"}:
		if len(args) >= 1 {
			if t, ok := args[0].(*Tensor); ok {
				return t, nil
			}
		}
	case Global{"torch._utils", "_rebuild_tensor_v2"}, Global{"torch._utils", "_rebuild_tensor"}:
		if len(args) >= 4 {
			s, ok := args[0].(*storage)
			offset, ok2 := args[1].(int64)
			shape, ok3 := ints(args[2])
			stride, ok4 := ints(args[3])
			if ok && ok2 && ok3 && ok4 {
				return &Tensor{shape, stride, offset, s}, nil
			}
		}
	default:
		if strings.HasPrefix(class.Module, "numpy") {
			return nil, fmt.Errorf("holds values of NumPy (%s), which are not read: nothing was run. "+
				"Save it again with tensors and plain numbers alone, in Python: s = torch.load(FILE, weights_only=False); "+
				"torch.save({k: v for k, v in s.get('state_dict', s).items() if torch.is_tensor(v)}, NEW)", class)
		}
		return nil, fmt.Errorf(
			"asks for %s, which is neither a tensor nor a plain container: refused, nothing was run", class)
	}
	return nil, fmt.Errorf("%s with arguments that do not fit", class)
}

func asTuple(v any) Tuple {
	switch v := v.(type) {
	case Tuple:
		return v
	case *List:
		return v.Items
	}
	return nil
}

func ints(v any) (list []int64, ok bool) {
	t, ok := v.(Tuple)
	if !ok {
		return nil, false
	}
	for _, x := range t {
		n, ok := x.(int64)
		if !ok {
			return nil, false
		}
		list = append(list, n)
	}
	return list, true
}
