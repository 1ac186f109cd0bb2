package sampler

import (
	"bytes"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// zeros is a network of the given sizes without values.
func zeros(t *testing.T, c model.Config, meta encoding.Meta) *model.Model {
	t.Helper()
	var tensors []safetensors.Tensor
	for _, p := range c.Parameters() {
		tensors = append(tensors, safetensors.Tensor{
			Name: p.Name, DType: safetensors.F16, Shape: p.Shape, Data: make([]float32, p.Size()),
		})
	}
	var b bytes.Buffer
	if err := safetensors.Write(&b, tensors, model.Metadata(c, meta)); err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Parse("zeros", b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	m, err := model.Load(f)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func wide() model.Config {
	return model.Config{
		Variant: model.SymdiffH, GammaOrder: model.GammaPaper, FixQR: true, Features: 6, XHHidden: 4, K: 4,
		Hidden: 8, Depth: 1, Heads: 2, MLPRatio: 4, MLPType: model.SwiGLU,
	}
}

// A size is bounded where it is used, whoever it comes from: the options, the
// histogram or the compositions of a weights file.
func TestSizesOfAFileAreBounded(t *testing.T) {
	data, err := os.ReadFile("testdata/hist4096.safetensors")
	if err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Parse("hist4096", data)
	if err != nil {
		t.Fatal(err)
	}
	hist, err := model.Load(f)
	if err != nil {
		t.Fatal(err)
	}
	meta := encoding.QM9()
	meta.Context = []encoding.Quantity{{Name: encoding.TypesName, MAD: 1}}
	meta.Compositions = []encoding.Composition{{Formula: "C2000H2000", Molecules: 1}}
	typed := wide()
	typed.Context = 2
	for name, c := range map[string]struct {
		m    *model.Model
		o    Options
		want string
	}{
		"histogram":    {hist, Options{Steps: 1}, "histogram of the weights file gives 4096 atoms"},
		"compositions": {zeros(t, typed, meta), Options{Steps: 1}, "atoms 4000"},
		"options":      {hist, Options{Atoms: MaxAtoms + 1, Steps: 1}, "atoms 1025"},
		"batch":        {hist, Options{N: 1 << 17, Atoms: 1, Steps: 1}, "atoms"},
	} {
		if _, err := of(c.m, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one about %q", name, err, c.want)
		}
	}
}

// A number of molecules is bounded before anything is made of each of them.
func TestMoleculesOfABatchAreBounded(t *testing.T) {
	net, meta := typed()
	for _, o := range []Options{{}, {Formula: "CH4"}, {Joint: true, Atoms: 1}} {
		o.N = 1 << 20
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := New(net, meta, o)
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), "n 1048576: more than 65536 atoms") {
			t.Errorf("%+v: error %v", o, err)
		}
		if bytes := after.TotalAlloc - before.TotalAlloc; bytes > 1<<20 {
			t.Errorf("%+v: %d bytes allocated", o, bytes)
		}
	}
}

// Buffers are bounded before they are made: these would take 4 GiB and more.
func TestBuffersAreBounded(t *testing.T) {
	meta := encoding.QM9()
	for name, change := range map[string]func(*model.Config){
		"pairs of many Gaussians": func(c *model.Config) { c.K, c.PairBias = 1<<14, true },
		"biases of many blocks":   func(c *model.Config) { c.Depth, c.Heads, c.PairBias = 128, 8, true },
	} {
		c := wide()
		change(&c)
		m := zeros(t, c, meta)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := of(m, Options{N: 64, Atoms: MaxAtoms, Steps: 1})
		runtime.ReadMemStats(&after)
		if err == nil || !strings.Contains(err.Error(), "MiB with this network") {
			t.Errorf("%s: error %v", name, err)
		}
		if bytes := after.TotalAlloc - before.TotalAlloc; bytes > 1<<20 {
			t.Errorf("%s: %d bytes allocated", name, bytes)
		}
		if _, err := of(m, Options{Atoms: 9, Steps: 1}); err != nil {
			t.Errorf("%s: nine atoms: %v", name, err)
		}
		guided := symmetrise.Guide(m.Network(), m.Network(), 1)
		if n, want := guided.StateBytes([]int{9}), 2*m.Network().StateBytes([]int{9}); n != want {
			t.Errorf("%s: guided %d bytes, want %d", name, n, want)
		}
	}
}

// huge is a network whose buffers take so many bytes for each molecule.
type huge struct {
	symmetrise.Network
	bytes int64
}

func (h huge) StateBytes(sizes []int) int64 { return int64(len(sizes)) * h.bytes }

// Calibration stops at the largest batch that fits, and fails where there is none.
func TestCalibrationOfAHugeNetwork(t *testing.T) {
	meta := encoding.QM9()
	net := zeros(t, wide(), meta).Network()
	none := NewCalibration(huge{net, symmetrise.MaxState + 1}, meta, 4)
	if _, err := none.Step(); err == nil || !strings.Contains(err.Error(), "MiB with this network") {
		t.Errorf("error %v", err)
	}
	one, steps := NewCalibration(huge{net, symmetrise.MaxState/2 + 1}, meta, 4), 0
	for done := false; !done; steps++ {
		var err error
		if done, err = one.Step(); err != nil {
			t.Fatal(err)
		}
	}
	if steps != calibrationCalls+1 || one.Best() != 1 {
		t.Errorf("batches of %d after %d steps", one.Best(), steps)
	}
}
