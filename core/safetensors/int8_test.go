package safetensors

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"
)

// Each row has its own scale, so that a small row beside a large one keeps its values; a row of
// zeros stays one.
func TestInt8(t *testing.T) {
	data := []float32{
		1000, -2000, 3.9, 0,
		1e-3, -0.5e-3, 2e-3, 1.27e-3,
		0, 0, 0, 0,
		-127, 126, 0.5, 1.5, // ties go to even
	}
	var out bytes.Buffer
	if err := Write(&out, []Tensor{{"m", I8, []int{4, 4}, data}, {"b", F16, []int{1}, []float32{1}}}, nil); err != nil {
		t.Fatal(err)
	}
	f, err := Parse("w", out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if names := f.Names(); !slices.Equal(names, []string{"b", "m"}) {
		t.Errorf("names %v", names)
	}
	raw, err := f.Bytes("m")
	if err != nil {
		t.Fatal(err)
	}
	if last := raw[12:]; !slices.Equal(last, []byte{129, 126, 0, 2}) {
		t.Errorf("last row %v", last)
	}
	got, err := f.Float32("m", 4, 4)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range data {
		row := data[i/4*4 : i/4*4+4]
		half := 0.5 * float64(max(slices.Max(row), -slices.Min(row))) / 127
		if math.Abs(float64(got[i]-want)) > half*(1+1e-6) {
			t.Errorf("element %d: %g, want %g within %g", i, got[i], want, half)
		}
	}
}

func TestInt8Rejects(t *testing.T) {
	for _, c := range []struct {
		header, tensor, reason string
		bytes                  int
	}{
		{`{"m":{"dtype":"I8","shape":[2,2],"data_offsets":[0,4]}}`, "m", "without scales", 4},
		{`{"m":{"dtype":"I8","shape":[],"data_offsets":[0,1]}}`, "m", "without rows", 1},
		{`{"m_scale":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"m":{"dtype":"I8","shape":[2,2],"data_offsets":[4,8]}}`, "m_scale", "shape [1], want [2]", 8},
		{`{"m_scale":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"m":{"dtype":"I8","shape":[2,2],"data_offsets":[2,6]}}`, "m_scale", "dtype U8", 6},
		{`{"m_scale":{"dtype":"I8","shape":[2],"data_offsets":[0,2]},"m":{"dtype":"I8","shape":[2,2],"data_offsets":[2,6]}}`, "m_scale", "dtype I8", 6},
	} {
		f, err := Parse("w", file(c.header, c.bytes))
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.Float32("m")
		if e, ok := err.(*Error); !ok || e.Tensor != c.tensor || !strings.Contains(e.Reason, c.reason) {
			t.Errorf("%s: %v, want %q of %s", c.header, err, c.reason, c.tensor)
		}
	}

	// A scale that is too large for the integers' values.
	var out bytes.Buffer
	huge := []float32{math.MaxFloat32, 1}
	if err := Write(&out, []Tensor{{"m", I8, []int{1, 2}, huge}}, nil); err != nil {
		t.Fatal(err)
	}
	b := out.Bytes()
	copy(b[len(b)-6:], []byte{0xff, 0xff, 0x7f, 0x7f}) // the scale becomes the largest number
	f, err := Parse("w", b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Float32("m"); err == nil || !strings.Contains(err.Error(), "element 0 is +Inf") {
		t.Errorf("values beyond float32: %v", err)
	}

	for _, bad := range []struct {
		t      Tensor
		reason string
	}{
		{Tensor{"m", I8, nil, []float32{1}}, "no rows"},
		{Tensor{"m", I8, []int{0, 2}, nil}, "no rows"},
		{Tensor{"m", I8, []int{1, 1}, []float32{float32(math.Inf(1))}}, "not finite"},
	} {
		if err := Write(&out, []Tensor{bad.t}, nil); err == nil || !strings.Contains(err.Error(), bad.reason) {
			t.Errorf("%+v: %v, want %q", bad.t, err, bad.reason)
		}
	}
	both := []Tensor{{"m", I8, []int{1, 1}, []float32{1}}, {"m_scale", F32, []int{1}, []float32{1}}}
	if err := Write(&out, both, nil); err == nil || !strings.Contains(err.Error(), "given twice") {
		t.Errorf("scales beside scales: %v", err)
	}
}
