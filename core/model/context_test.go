package model

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/o3"
	"github.com/symdiff-go/symdiff/core/rng"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// conditional is a small network conditioned on two properties, with random weights.
func conditional(t *testing.T) *Model {
	t.Helper()
	c := Config{
		Variant:    SymdiffH,
		GammaOrder: GammaPaper,
		FixQR:      true,
		Features:   6,
		Context:    4,
		XHHidden:   12,
		K:          5,
		Hidden:     24,
		Depth:      2,
		Heads:      2,
		MLPRatio:   4,
		MLPType:    SwiGLU,
	}
	meta := encoding.QM9()
	meta.Context = []encoding.Quantity{{Name: "gap", Mean: 0.25, MAD: 0.04}, {Name: `dipole "mu"`, Mean: 2.7, MAD: 1.2}}
	r := rng.New(1, 0, rng.Init, 0)
	var tensors []safetensors.Tensor
	for _, p := range c.Parameters() {
		v := make([]float32, p.Size())
		r.Fill(v, 0.2)
		tensors = append(tensors, safetensors.Tensor{Name: p.Name, DType: "F32", Shape: p.Shape, Data: v})
	}
	var b bytes.Buffer
	if err := safetensors.Write(&b, tensors, Metadata(c, meta)); err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Parse("conditional", b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	m, err := Load(f)
	if err != nil {
		t.Fatal(err)
	}
	if m.Config != c || len(m.Meta.Context) != 2 || m.Meta.Context[1] != meta.Context[1] {
		t.Fatalf("read %+v, %+v", m.Config, m.Meta.Context)
	}
	return m
}

// A value changes the prediction, by its distance from the mean; none is the network as it is.
func TestAt(t *testing.T) {
	m := conditional(t)
	call := func(values map[string]float64) []float32 {
		at, err := m.Network().At(values)
		if err != nil {
			t.Fatal(err)
		}
		r := rng.New(2, 0, rng.Initial, 0)
		z, eps := make([]float32, 4*9), make([]float32, 4*9)
		r.Fill(z, 1)
		at.NewState([]int{4}).Eps(eps, z, 0.4, symmetrise.Noise{R0: []o3.Matrix{o3.Haar(&r)}})
		return eps
	}
	differ := func(a, b []float32) (d float64) {
		for i := range a {
			d = max(d, math.Abs(float64(a[i]-b[i])))
		}
		return d
	}
	none, mean, far := call(nil), call(map[string]float64{"gap": 0.25}), call(map[string]float64{"gap": 0.4})
	if differ(none, call(map[string]float64{})) != 0 || differ(none, mean) == 0 || differ(mean, far) == 0 {
		t.Errorf("%v %v %v", none, mean, far)
	}
	if differ(far, call(map[string]float64{"gap": 0.4, `dipole "mu"`: 1})) == 0 {
		t.Error("a second value changes nothing")
	}
	for _, bad := range []map[string]float64{{"homo": 1}, {"gap": math.NaN()}, {"gap": 1, "x": 2}} {
		if _, err := m.At(bad); err == nil || !strings.Contains(err.Error(), "gap") {
			t.Errorf("%v: %v", bad, err)
		}
	}
}
