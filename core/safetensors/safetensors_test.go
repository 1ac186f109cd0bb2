package safetensors

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// file builds a file of a header and n zero bytes.
func file(header string, n int) []byte {
	data := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(data, header...), make([]byte, n)...)
}

func TestRoundTrip(t *testing.T) {
	tensors := []Tensor{
		{"b.half", F16, []int{3}, []float32{1, -0.5, 65504}},
		{"z.full", F32, []int{2, 2}, []float32{1, math.MaxFloat32, -1e-45, float32(math.Copysign(0, -1))}},
		{"a.brain", BF16, []int{1, 2}, []float32{1, -3}},
		{"scalar", F32, nil, []float32{7}},
		{"empty", F32, []int{0, 5}, nil},
		{"naïve \"name\"\n", F32, []int{1}, []float32{2}},
	}
	metadata := map[string]string{"kind": "symdiff", "config": `{"depth":4}`, "": "é"}
	var first bytes.Buffer
	if err := Write(&first, tensors, metadata); err != nil {
		t.Fatal(err)
	}
	shuffled := slices.Clone(tensors)
	slices.Reverse(shuffled)
	var second bytes.Buffer
	if err := Write(&second, shuffled, metadata); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("the bytes depend on the order of the tensors")
	}

	f, err := Parse("mem", first.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if f.begin%8 != 0 {
		t.Error("the data is not aligned to 8 bytes")
	}
	if want := []string{"empty", "naïve \"name\"\n", "scalar", "z.full", "a.brain",
		"b.half"}; !slices.Equal(f.Names(), want) {
		t.Errorf("names %q, want %q", f.Names(), want)
	}
	if f.Metadata["kind"] != "symdiff" || f.Metadata["config"] != `{"depth":4}` || f.Metadata[""] != "é" ||
		len(f.Metadata) != 3 {
		t.Errorf("metadata %q", f.Metadata)
	}
	for _, want := range tensors {
		got, err := f.Float32(want.Name, want.Shape...)
		if err != nil {
			t.Error(err)
		}
		if !slices.EqualFunc(got, want.Data, func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }) {
			t.Errorf("%s: %v, want %v", want.Name, got, want.Data)
		}
		info, ok := f.Info(want.Name)
		if !ok || info.DType != want.DType || !slices.Equal(info.Shape, want.Shape) || info.Len() != len(want.Data) {
			t.Errorf("%s: info %+v, %v", want.Name, info, ok)
		}
	}
}

// The bytes of a small file, frozen: what other readers of the format get.
func TestWriteBytes(t *testing.T) {
	var b bytes.Buffer
	err := Write(&b, []Tensor{{"w", F16, []int{2}, []float32{1, -2}}, {"a", F32, []int{1}, []float32{1}}},
		map[string]string{"k": "v"})
	if err != nil {
		t.Fatal(err)
	}
	header := `{"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"w":{"dtype":"F16","shape":[2],"data_offsets":[4,8]}}`
	header += strings.Repeat(" ", (8-len(header)%8)%8)
	want := string(binary.LittleEndian.AppendUint64(nil, uint64(len(header)))) + header +
		"\x00\x00\x80\x3f\x00\x3c\x00\xc0"
	if b.String() != want {
		t.Errorf("got  %q\nwant %q", b.String(), want)
	}
	b.Reset()
	if err := Write(&b, nil, nil); err != nil || b.String() != "\x08\x00\x00\x00\x00\x00\x00\x00{}      " {
		t.Errorf("no tensors: %q, %v", b.String(), err)
	}
}

func TestParseRejects(t *testing.T) {
	huge := binary.LittleEndian.AppendUint64(nil, math.MaxUint64)
	for _, c := range []struct {
		name, tensor, reason string
		data                 []byte
	}{
		{"empty file", "", "truncated: 0 bytes", nil},
		{"header length beyond the cap", "", "more than 100000000", append(huge, "{}"...)},
		{"header beyond the file", "", "truncated: header of 40 bytes, 2 are there",
			append([]byte{40, 0, 0, 0, 0, 0, 0, 0}, "{}"...)},
		{"no JSON", "", "does not begin with '{'", file(" {}", 0)},
		{"empty header", "", "does not begin with '{'", file("", 0)},
		{"broken JSON", "", "JSON at byte 1", file("{", 0)},
		{"text after the header", "", "text after the value", file("{} {}", 0)},
		{"invalid UTF-8", "", "invalid UTF-8", file("{\"\xff\":{}}", 0)},
		{"duplicate name", "a", "repeated key",
			file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2)},
		{"duplicate metadata", "", "repeated key", file(`{"__metadata__":{},"__metadata__":{}}`, 0)},
		{"duplicate metadata key", "", "repeated key", file(`{"__metadata__":{"a":"","a":""}}`, 0)},
		{"duplicate field", "a", "repeated key",
			file(`{"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1)},
		{"metadata not text", "", "expected a string, found a number", file(`{"__metadata__":{"a":1}}`, 0)},
		{"nameless", "", "without a name", file(`{"":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1)},
		{"entry not an object", "a", "expected an object", file(`{"a":[]}`, 0)},
		{"no dtype", "a", `unknown dtype ""`, file(`{"a":{"shape":[1],"data_offsets":[0,1]}}`, 1)},
		{"unknown dtype", "a", `unknown dtype "F33"`, file(`{"a":{"dtype":"F33","shape":[1],"data_offsets":[0,1]}}`, 1)},
		{"no shape", "a", "no shape", file(`{"a":{"dtype":"U8","data_offsets":[0,1]}}`, 1)},
		{"negative shape", "a", "-1 is no size", file(`{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}`, 1)},
		{"fractional shape", "a", "1.5 is no size", file(`{"a":{"dtype":"U8","shape":[1.5],"data_offsets":[0,1]}}`, 1)},
		{"shape beyond int64", "a", "9223372036854775808 is no size",
			file(`{"a":{"dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,1]}}`, 1)},
		{"shape overflows", "a", "overflows",
			file(`{"a":{"dtype":"U8","shape":[2147483647,2147483647,2147483647],"data_offsets":[0,1]}}`, 1)},
		{"size overflows", "a", "overflows",
			file(`{"a":{"dtype":"F64","shape":[2147483647,2147483647],"data_offsets":[0,1]}}`, 1)},
		{"rank", "a", "more than 32 numbers",
			file(`{"a":{"dtype":"U8","shape":[`+strings.Repeat("1,", 32)+`1],"data_offsets":[0,1]}}`, 1)},
		{"no offsets", "a", "want two numbers", file(`{"a":{"dtype":"U8","shape":[1]}}`, 1)},
		{"one offset", "a", "want two numbers", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}}`, 1)},
		{"three offsets", "a", "more than 2 numbers", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}}`, 1)},
		{"negative offset", "a", "-1 is no size", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[-1,0]}}`, 1)},
		{"backwards", "a", "run backwards: [1,0]", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}`, 1)},
		{"out of range", "a", "beyond the 1 bytes", file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}`, 1)},
		{"size mismatch", "a", "takes 8 bytes, data_offsets hold 4",
			file(`{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, 4)},
		{"overlap", "b", `overlap tensor "a"`,
			file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, 3)},
		{"hole at the start", "a", "leave a hole after byte 0",
			file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, 2)},
		{"hole", "b", "leave a hole after byte 1",
			file(`{"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 3)},
		{"trailing bytes", "", "3 bytes after the last tensor",
			file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 4)},
	} {
		_, err := Parse("w.safetensors", c.data)
		e, ok := errors.AsType[*Error](err)
		if !ok {
			t.Errorf("%s: error %v, want an *Error", c.name, err)
			continue
		}
		if e.File != "w.safetensors" || e.Tensor != c.tensor || !strings.Contains(e.Reason, c.reason) {
			t.Errorf("%s: %+v, want tensor %q, reason with %q", c.name, e, c.tensor, c.reason)
		}
		if text := err.Error(); !strings.HasPrefix(text, "w.safetensors: ") || !strings.Contains(text, c.tensor) {
			t.Errorf("%s: message %q", c.name, text)
		}
	}
}

// No prefix of a good file is a file.
func TestParseTruncated(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, []Tensor{{"a", F32, []int{3}, []float32{1, 2, 3}}, {"b", F16, []int{1}, []float32{1}}},
		map[string]string{"k": "v"}); err != nil {
		t.Fatal(err)
	}
	for n := range b.Len() {
		if _, err := Parse("cut", b.Bytes()[:n]); err == nil {
			t.Errorf("a file cut to %d of %d bytes is accepted", n, b.Len())
		}
	}
}

func TestFloat32Rejects(t *testing.T) {
	header := `{"nan":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"inf":{"dtype":"F16","shape":[2],"data_offsets":[8,12]},` +
		`"binf":{"dtype":"BF16","shape":[1],"data_offsets":[12,14]},"int":{"dtype":"U8","shape":[2],"data_offsets":[14,16]}}`
	data := file(header, 16)
	body := data[len(data)-16:]
	binary.LittleEndian.PutUint32(body[4:], 0x7FC00000)
	binary.LittleEndian.PutUint16(body[8:], 0xFC00)
	binary.LittleEndian.PutUint16(body[12:], 0x7F80)
	f, err := Parse("w", data)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		tensor, reason string
		shape          []int
	}{
		{"nan", "element 1 is NaN", nil},
		{"inf", "element 0 is -Inf", nil},
		{"binf", "element 0 is +Inf", nil},
		{"int", "dtype U8, want F32, F16, BF16 or I8", nil},
		{"nan", "shape [2], want [1,2]", []int{1, 2}},
		{"gone", "missing", nil},
	} {
		_, err := f.Float32(c.tensor, c.shape...)
		e, ok := errors.AsType[*Error](err)
		if !ok || e.File != "w" || e.Tensor != c.tensor || !strings.Contains(e.Reason, c.reason) {
			t.Errorf("%s: %v, want %q", c.tensor, err, c.reason)
		}
	}
	if b, err := f.Bytes("int"); err != nil || len(b) != 2 {
		t.Errorf("Bytes = %v, %v", b, err)
	}
	if _, err := f.Bytes("gone"); err == nil {
		t.Error("Bytes of a missing tensor")
	}
}

func TestWriteRejects(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, c := range []struct {
		reason  string
		tensors []Tensor
	}{
		{"cannot name a tensor", []Tensor{{"", F32, nil, []float32{1}}}},
		{"cannot name a tensor", []Tensor{{"__metadata__", F32, nil, []float32{1}}}},
		{"cannot name a tensor", []Tensor{{"\xff", F32, nil, []float32{1}}}},
		{"name given twice", []Tensor{{"a", F32, nil, []float32{1}}, {"a", F16, nil, []float32{1}}}},
		{`dtype "I64"`, []Tensor{{"a", "I64", nil, []float32{1}}}},
		{"shape [2] for 1 elements", []Tensor{{"a", F32, []int{2}, []float32{1}}}},
		{"is no shape", []Tensor{{"a", F32, []int{-1, -1}, []float32{1}}}},
		{"element 1 is NaN, not finite as F32", []Tensor{{"a", F32, []int{2}, []float32{1, float32(math.NaN())}}}},
		{"element 0 is 65520, not finite as F16", []Tensor{{"a", F16, nil, []float32{65520}}}},
		{"element 0 is +Inf, not finite as F16", []Tensor{{"a", F16, nil, []float32{inf}}}},
		{"element 0 is 3.4028235e+38, not finite as BF16", []Tensor{{"a", BF16, nil, []float32{math.MaxFloat32}}}},
	} {
		var b bytes.Buffer
		err := Write(&b, c.tensors, nil)
		e, ok := errors.AsType[*Error](err)
		if !ok || !strings.Contains(e.Reason, c.reason) || e.Tensor != c.tensors[0].Name {
			t.Errorf("error %v, want %q", err, c.reason)
		}
		if b.Len() != 0 {
			t.Errorf("%s: %d bytes written", c.reason, b.Len())
		}
	}
	if err := Write(new(bytes.Buffer), nil, map[string]string{"a": "\xff"}); err == nil {
		t.Error("metadata that is not UTF-8 is accepted")
	}
}

// value16 is the definition of binary16 and bfloat16 in float64 arithmetic.
func value16(bits uint16, mantissa, bias int) float64 {
	sign := 1 - 2*float64(bits>>15)
	m := float64(bits & (1<<mantissa - 1))
	e := int(bits&0x7FFF) >> mantissa
	if e == 0 {
		return sign * math.Ldexp(m, 1-bias-mantissa)
	}
	return sign * math.Ldexp(m+math.Ldexp(1, mantissa), e-bias-mantissa)
}

// Every finite 16-bit value widens to its definition and narrows to itself; the
// midpoint between it and the next goes to the even one, its float32
// neighbours to the nearer one.
func TestHalf(t *testing.T) {
	for _, c := range []struct {
		name           string
		mantissa, bias int
		infinity       uint16
		narrow         func(float32) (uint16, bool)
	}{
		{"F16", 10, 15, 0x7C00, toF16}, {"BF16", 7, 127, 0x7F80, toBF16},
	} {
		for bits := range c.infinity {
			for _, h := range []uint16{bits, bits | 0x8000} {
				x := float32(value16(h, c.mantissa, c.bias))
				if c.name == "F16" && math.Float32bits(fromF16(h)) != math.Float32bits(x)|uint32(h&0x8000)<<16 {
					t.Fatalf("fromF16(%#x) = %v, want %v", h, fromF16(h), x)
				}
				if got, ok := c.narrow(math.Float32frombits(math.Float32bits(x) | uint32(h&0x8000)<<16)); !ok || got != h {
					t.Fatalf("%s of %v = %#x, %v, want %#x", c.name, x, got, ok, h)
				}
			}
			next := value16(bits+1, c.mantissa, c.bias)
			middle := float32((value16(bits, c.mantissa, c.bias) + next) / 2)
			even, finite := bits+bits&1, bits+bits&1 < c.infinity
			if got, ok := c.narrow(middle); ok != finite || ok && got != even {
				t.Fatalf("%s of the midpoint %v = %#x, %v, want %#x", c.name, middle, got, ok, even)
			}
			if got, ok := c.narrow(math.Nextafter32(middle, 0)); !ok || got != bits {
				t.Fatalf("%s below the midpoint %v = %#x, %v, want %#x", c.name, middle, got, ok, bits)
			}
			up := math.Nextafter32(middle, math.MaxFloat32)
			if got, ok := c.narrow(up); up > middle && (ok != (bits+1 < c.infinity) || ok && got != bits+1) {
				t.Fatalf("%s above the midpoint %v = %#x, %v, want %#x", c.name, middle, got, ok, bits+1)
			}
		}
	}
	for _, h := range []uint16{0x7C00, 0xFC00, 0x7C01, 0x7E00, 0xFFFF} {
		x := fromF16(h)
		if h&0x3FF == 0 != math.IsInf(float64(x), 0) || h&0x3FF != 0 != (x != x) {
			t.Errorf("fromF16(%#x) = %v", h, x)
		}
		if _, ok := toF16(x); ok {
			t.Errorf("toF16(%v) is taken for finite", x)
		}
		if _, ok := toBF16(x); ok {
			t.Errorf("toBF16(%v) is taken for finite", x)
		}
	}
}

// Whatever is accepted can be described and read, and written again where its
// types allow.
func FuzzParse(f *testing.F) {
	var b bytes.Buffer
	if err := Write(&b, []Tensor{{"a", F32, []int{2}, []float32{1, 2}}, {"b", F16, []int{1}, []float32{1}}},
		map[string]string{"k": "v"}); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"BF16","shape":[0,9],"data_offsets":[1,1]}}`, 1))
	f.Add(file(`{"a":{"dtype":"U8","shape":[2147483647,2147483647],"data_offsets":[0,1]}}`, 1))
	f.Add(file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, 3))
	f.Add([]byte{255, 255, 255, 255, 255, 255, 255, 255, '{', '}'})
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Parse("fuzz", data)
		if err != nil {
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Fatalf("error %v of type %T", err, err)
			}
			return
		}
		var tensors []Tensor
		total := 0
		for _, name := range file.Names() {
			info, ok := file.Info(name)
			raw, err := file.Bytes(name)
			if !ok || err != nil || info.Len()*info.DType.Size() != len(raw) {
				t.Fatalf("tensor %q: %+v, %v, %v", name, info, ok, err)
			}
			total += len(raw)
			if x, err := file.Float32(name, info.Shape...); err == nil {
				tensors = append(tensors, Tensor{name, info.DType, info.Shape, x})
			}
		}
		if int64(total) != file.size {
			t.Fatalf("tensors of %d bytes in %d", total, file.size)
		}
		var out bytes.Buffer
		if err := Write(&out, tensors, file.Metadata); err != nil {
			t.Fatal(err)
		}
		again, err := Parse("again", out.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range tensors {
			x, err := again.Float32(w.Name, w.Shape...)
			if err != nil || !slices.EqualFunc(x, w.Data, func(a,
				b float32) bool {
				return math.Float32bits(a) == math.Float32bits(b)
			}) {
				t.Fatalf("tensor %q: %v, %v, want %v", w.Name, x, err, w.Data)
			}
		}
	})
}

func TestWriteRaw(t *testing.T) {
	var b bytes.Buffer
	tensors := func(text string) []Raw {
		return []Raw{
			{"offsets", "I64", []int{2}, strings.NewReader("\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00")},
			{"bytes", "U8", []int{3}, strings.NewReader(text)},
		}
	}
	if err := WriteRaw(&b, tensors("abc"), map[string]string{"key": "value"}); err != nil {
		t.Fatal(err)
	}
	f, err := Parse("raw", b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := f.Bytes("bytes"); err != nil || string(got) != "abc" || f.Metadata["key"] != "value" {
		t.Errorf("%q, %v, %v", got, err, f.Metadata)
	}
	if got, err := f.Bytes("offsets"); err != nil || len(got) != 16 || got[8] != 2 {
		t.Errorf("%v, %v", got, err)
	}
	for _, c := range []struct {
		tensors []Raw
		want    string
	}{
		{tensors("ab"), "has 2 bytes"}, {tensors("abcd"), "has 4 bytes or more, want 3"},
		{[]Raw{{"a", "U8", []int{1}, strings.NewReader("x")}, {"b", "I64", []int{0}, strings.NewReader("")}}, "not aligned"},
		{[]Raw{{"a", "U3", []int{1}, strings.NewReader("x")}}, "unknown dtype"},
		{[]Raw{{"a", "U8", []int{0}, strings.NewReader("")}, {"a", "U8", []int{0}, strings.NewReader("")}}, "cannot name"},
		{[]Raw{{"a", "U8", []int{-1}, strings.NewReader("")}}, "no shape"},
	} {
		if err := WriteRaw(io.Discard, c.tensors, nil); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

// failing is a file whose reading fails at some byte.
type failing struct {
	*bytes.Reader
	at int64
}

func (f failing) ReadAt(p []byte, offset int64) (int, error) {
	if offset+int64(len(p)) > f.at {
		return 0, errors.New("disk on fire")
	}
	return f.Reader.ReadAt(p, offset)
}

// Tensors are read when they are asked for, in memory that can be used again. An error says what
// goes wrong then.
func TestReadWhenAsked(t *testing.T) {
	var b bytes.Buffer
	long := make([]float32, 3*chunk/2+5) // more than a piece
	for i := range long {
		long[i] = float32(i % 1000)
	}
	if err := Write(&b, []Tensor{{"half", F16, []int{len(long)}, long}, {"full", F32, []int{len(long)}, long}},
		nil); err != nil {
		t.Fatal(err)
	}
	f, err := New("file", bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	memory := make([]float32, 2*len(long))
	for _, name := range []string{"half", "full"} {
		x, err := f.Float32To(memory, name)
		if err != nil || &x[0] != &memory[0] || !slices.Equal(x, long) {
			t.Errorf("%s: %v, %d values", name, err, len(x))
		}
	}
	mapped, err := Parse("file", b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if part, err := mapped.Bytes("full"); err != nil || &part[0] != &b.Bytes()[mapped.begin] {
		t.Errorf("the bytes of a file in memory are a copy: %v", err)
	}
	half := b.Len() - 2*len(long)
	broken, err := New("file", failing{bytes.NewReader(b.Bytes()), int64(half)}, int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := broken.Float32("full"); err != nil {
		t.Error(err)
	}
	for _, read := range []func(string) error{
		func(name string) error { _, err := broken.Float32(name); return err },
		func(name string) error { _, err := broken.Bytes(name); return err },
	} {
		if err := read("half"); err == nil || !strings.Contains(err.Error(), "disk on fire") {
			t.Errorf("a failing read: %v", err)
		}
	}
	for _, at := range []int64{4, 20} {
		if _, err := New("file", failing{bytes.NewReader(b.Bytes()), at}, int64(b.Len())); err == nil ||
			!strings.Contains(err.Error(), "read at byte") {
			t.Errorf("the header cannot be read: %v", err)
		}
	}
	if _, err := New("file", bytes.NewReader(b.Bytes()[:b.Len()-1]), int64(b.Len())); err != nil {
		t.Error(err)
	}
	short, _ := New("file", bytes.NewReader(b.Bytes()[:b.Len()-1]), int64(b.Len()))
	if _, err := short.Float32("half"); err == nil || !strings.Contains(err.Error(), "ends early") {
		t.Errorf("a file that is shorter than stated: %v", err)
	}
}

// Under shows tensors and metadata below a prefix without it, and nothing else.
func TestUnder(t *testing.T) {
	var b bytes.Buffer
	list := []Tensor{
		{Name: "a.w", DType: F32, Shape: []int{2}, Data: []float32{1, 2}},
		{Name: "w", DType: F32, Shape: []int{1}, Data: []float32{3}},
		{Name: "a.b.w", DType: F32, Shape: []int{1}, Data: []float32{4}},
		{Name: "a.", DType: F32, Shape: []int{1}, Data: []float32{5}},
	}
	if err := Write(&b, list, map[string]string{"a.kind": "x", "kind": "y"}); err != nil {
		t.Fatal(err)
	}
	f, err := Parse("f", b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	part := f.Under("a.")
	names := part.Names()
	slices.Sort(names)
	if !slices.Equal(names, []string{"b.w", "w"}) || part.Metadata["kind"] != "x" || len(part.Metadata) != 1 {
		t.Errorf("tensors %q, metadata %v", names, part.Metadata)
	}
	if v, err := part.Float32("w", 2); err != nil || v[1] != 2 {
		t.Errorf("w: %v, %v", v, err)
	}
	if v, err := part.Under("b.").Float32("w"); err != nil || v[0] != 4 {
		t.Errorf("b.w: %v, %v", v, err)
	}
	if _, err := f.Under("c.").Float32("w"); err == nil {
		t.Error("a tensor of another prefix is there")
	}
}

func TestTooManyTensorsAreRefused(t *testing.T) {
	list := make([]Tensor, maxTensors+1)
	for i := range list {
		list[i] = Tensor{Name: strconv.Itoa(i), DType: F32, Shape: []int{0}}
	}
	for n, want := range map[int]bool{maxTensors: true, maxTensors + 1: false} {
		var b bytes.Buffer
		if err := Write(&b, list[:n], nil); err != nil {
			t.Fatal(err)
		}
		if _, err := Parse("many", b.Bytes()); (err == nil) != want || err != nil &&
			!strings.Contains(err.Error(), "many: more than") {
			t.Errorf("%d tensors: %v", n, err)
		}
	}
}
