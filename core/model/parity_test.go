package model

import (
	"bytes"
	"errors"
	"math"
	"strconv"
	"testing"

	"github.com/symdiff-go/symdiff/core/internal/fixture"
	"github.com/symdiff-go/symdiff/core/o3"
	"github.com/symdiff-go/symdiff/core/reference"
	"github.com/symdiff-go/symdiff/core/rng"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// open reads a file of the reference values.
func open(t testing.TB, name string) *safetensors.File {
	t.Helper()
	return fixture.Open(t, "testdata/"+name+".safetensors")
}

func load(t testing.TB, name string) *Model {
	t.Helper()
	m, err := Load(open(t, name+".weights"))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The published implementation, with random weights in every layer.
func TestParityWithPublishedNetwork(t *testing.T) {
	for _, name := range []string{"symdiff", "symdiff_released", "dit"} {
		t.Run(name, func(t *testing.T) {
			m := load(t, name)
			cases, err := reference.Read(open(t, name+".io"), m.Network())
			if err != nil {
				t.Fatal(err)
			}
			if len(cases) < 2 {
				t.Fatalf("%d cases", len(cases))
			}
			d := reference.Compare(m.Network(), cases)
			t.Logf("%d cases, largest differences %v", len(cases), d)
			if !(d.Largest() <= 1e-4) {
				t.Errorf("%d cases differ by up to %v", len(cases), d)
			}
		})
	}
}

// withPairs is the network of the symdiff reference file with pair_bias and time_scale,
// the added parameters random.
func withPairs(t testing.TB) *Model {
	t.Helper()
	f := open(t, "symdiff.weights")
	c, meta, err := ParseMetadata(f.Name, f.Metadata)
	if err != nil {
		t.Fatal(err)
	}
	info, _ := f.Info("xh_embedder.weight")
	c.Features, c.PairBias, c.TimeScale = info.Shape[1]-3, true, 1000
	s := rng.New(13, 0, rng.Init, 0)
	var tensors []safetensors.Tensor
	for _, p := range c.Parameters() {
		v, err := f.Float32(p.Name)
		if err != nil {
			v = make([]float32, p.Size())
			s.Fill(v, 0.5)
		}
		tensors = append(tensors, safetensors.Tensor{Name: p.Name, DType: "F32", Shape: p.Shape, Data: v})
	}
	var b bytes.Buffer
	if err := safetensors.Write(&b, tensors, Metadata(c, meta)); err != nil {
		t.Fatal(err)
	}
	if f, err = safetensors.Parse("pairs", b.Bytes()); err != nil {
		t.Fatal(err)
	}
	m, err := Load(f)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The pair bias matters, and only where there is more than one atom.
func TestPairBiasChangesTheOutput(t *testing.T) {
	with, without := withPairs(t), withPairs(t)
	without.k.Pair.W, without.Config.PairBias = nil, false
	z, r0, eta := input(with, []int{1, 7}, 5)
	a, b := make([]float32, len(z)), make([]float32, len(z))
	noise := symmetrise.Noise{R0: r0, Eta: eta}
	with.Network().NewState([]int{1, 7}).Eps(a, z, 0.2, noise)
	without.Network().NewState([]int{1, 7}).Eps(b, z, 0.2, noise)
	width := 3 + with.Config.Features
	for i := range a {
		if (a[i] == b[i]) != (i < width) {
			t.Fatalf("value %d of atom %d: %g with pair bias, %g without", i%width, i/width, a[i], b[i])
		}
	}
}

// input is a random batch: CoM-free positions, features, R0 and eta.
func input(m *Model, sizes []int, seed uint64) (z []float32, r0 []o3.Matrix, eta []float32) {
	s := rng.New(seed, 0, rng.Init, 0)
	rows := 0
	for _, n := range sizes {
		rows += n
		r0 = append(r0, o3.Haar(&s))
	}
	z = make([]float32, rows*(3+m.Config.Features))
	eta = make([]float32, rows*m.Config.NoiseDims)
	s.Fill(z, 1)
	s.Fill(eta, m.Config.NoiseStd)
	symmetrise.RemoveMean(z, 3+m.Config.Features, sizes)
	return z, r0, eta
}

// coupling is the exact test of equivariance: the input rotated by H with R0' = Hᵀ·R0 and
// the same eta must give the output rotated by H. It returns
// |Eps(x·H) - Eps(x)·H| / |Eps(x)|.
func coupling(m *Model) float64 {
	sizes := []int{9, 1, 14}
	z, r0, eta := input(m, sizes, 11)
	width := 3 + m.Config.Features
	s := m.Network().NewState(sizes)
	want := make([]float32, len(z))
	s.Eps(want, z, 0.4, symmetrise.Noise{R0: r0, Eta: eta})

	stream := rng.New(12, 0, rng.Init, 0)
	h := o3.Haar(&stream)
	for i := range r0 {
		r0[i] = h.T().Mul(r0[i])
	}
	h.Rotate(z, width, z, width, 24)
	got := make([]float32, len(z))
	s.Eps(got, z, 0.4, symmetrise.Noise{R0: r0, Eta: eta})
	h.Rotate(want, width, want, width, 24)
	var d2, w2 float64
	for i := range want {
		d2 += math.Pow(float64(got[i]-want[i]), 2)
		w2 += math.Pow(float64(want[i]), 2)
	}
	return math.Sqrt(d2 / w2)
}

func TestCoupling(t *testing.T) {
	m := load(t, "symdiff")
	dev := coupling(m)
	t.Logf("paper: relative deviation %.1e", dev)
	if !(dev < 1e-5) {
		t.Errorf("paper order is not equivariant: deviation %g", dev)
	}
	if dev := coupling(withPairs(t)); !(dev < 1e-5) {
		t.Errorf("with pair bias it is not equivariant: deviation %g", dev)
	}
	m.Config.GammaOrder = GammaReleased
	dev = coupling(m)
	t.Logf("released: relative deviation %.2g", dev)
	if !(dev > 0.1) {
		t.Errorf("released order passes the coupling test, which it must fail: deviation %g", dev)
	}
	m.Config.GammaOrder, m.Config.Variant = GammaPaper, SymdiffH
	if dev = coupling(m); !(dev < 1e-5) {
		t.Errorf("symdiff-h is not equivariant: deviation %g", dev)
	}
	m.Config.Variant = None
	if dev = coupling(m); !(dev > 0.1) {
		t.Errorf("the plain backbone passes the coupling test: deviation %g", dev)
	}
}

// A molecule's output must not depend, in any bit, on the batch it is in.
func TestRaggedBatchIsMoleculeByMolecule(t *testing.T) {
	for _, name := range []string{"symdiff", "symdiff_released", "dit", "pairs"} {
		m := withPairs(t)
		if name != "pairs" {
			m = load(t, name)
		}
		sizes := []int{3, 12, 1, 29, 7}
		z, r0, eta := input(m, sizes, 21)
		width, nd := 3+m.Config.Features, m.Config.NoiseDims
		all := make([]float32, len(z))
		m.Network().NewState(sizes).Eps(all, z, 0.7, symmetrise.Noise{R0: r0, Eta: eta})
		at := 0
		for i, n := range sizes {
			one := make([]float32, n*width)
			noise := symmetrise.Noise{R0: r0[i : i+1], Eta: eta[at*nd : (at+n)*nd]}
			m.Network().NewState([]int{n}).Eps(one, z[at*width:(at+n)*width], 0.7, noise)
			for j, v := range one {
				if math.Float32bits(v) != math.Float32bits(all[at*width+j]) {
					t.Fatalf("%s: molecule %d alone gives %v at %d, in the batch %v", name, i, v, j, all[at*width+j])
				}
			}
			at += n
		}
	}
}

func TestEpsAllocatesNothing(t *testing.T) {
	m := withPairs(t)
	sizes := []int{5, 9}
	z, r0, eta := input(m, sizes, 1)
	s := m.Network().NewState(sizes)
	eps := make([]float32, len(z))
	at := float32(0)
	call := func() {
		at += 0.01
		s.Eps(eps, z, at, symmetrise.Noise{R0: r0, Eta: eta})
	}
	if n := testing.AllocsPerRun(10, call); n != 0 {
		t.Errorf("%v allocations per call", n)
	}
}

func TestLoadNamesTheTensor(t *testing.T) {
	f := open(t, "dit.weights")
	var tensors []safetensors.Tensor
	for _, name := range f.Names() {
		info, _ := f.Info(name)
		v, err := f.Float32(name)
		if err != nil {
			t.Fatal(err)
		}
		tensors = append(tensors, safetensors.Tensor{Name: name, DType: "F32", Shape: info.Shape, Data: v})
	}
	reload := func(t *testing.T, ts []safetensors.Tensor, md map[string]string) error {
		var b bytes.Buffer
		if err := safetensors.Write(&b, ts, md); err != nil {
			t.Fatal(err)
		}
		f, err := safetensors.Parse("changed", b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		_, err = Load(f)
		return err
	}
	if err := reload(t, tensors, f.Metadata); err != nil {
		t.Fatalf("unchanged: %v", err)
	}
	check := func(name, want string, ts []safetensors.Tensor, md map[string]string) {
		t.Run(name, func(t *testing.T) {
			err := reload(t, ts, md)
			var e *safetensors.Error
			if !errors.As(err, &e) || e.Tensor != want || e.File == "" {
				t.Errorf("got %v, want a *safetensors.Error about %s", err, strconv.Quote(want))
			}
		})
	}
	check("missing", tensors[3].Name,
		append(append([]safetensors.Tensor{}, tensors[:3]...), tensors[4:]...), f.Metadata)
	extra := append(append([]safetensors.Tensor{}, tensors...),
		safetensors.Tensor{Name: "surplus", DType: "F32", Shape: []int{1}, Data: []float32{1}})
	check("surplus", "surplus", extra, f.Metadata)
	shaped := append([]safetensors.Tensor{}, tensors...)
	shaped[2].Shape = []int{shaped[2].Shape[1], shaped[2].Shape[0]}
	check("transposed", tensors[2].Name, shaped, f.Metadata)
}
