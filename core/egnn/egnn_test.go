package egnn

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/f32"
	"github.com/symdiff-go/symdiff/core/internal/fixture"
	"github.com/symdiff-go/symdiff/core/o3"
	"github.com/symdiff-go/symdiff/core/reference"
	"github.com/symdiff-go/symdiff/core/rng"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/sampler"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

func open(t testing.TB, name string) *safetensors.File {
	t.Helper()
	return fixture.Open(t, "testdata/egnn."+name+".safetensors")
}

func load(t testing.TB) *Model {
	t.Helper()
	m, err := Load(open(t, "weights"))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The published implementation, with random weights in every layer, on every
// implementation of the kernels.
func TestParityWithPublishedNetwork(t *testing.T) {
	defer f32.Use(f32.Implementation())
	for _, implementation := range f32.Implementations() {
		f32.Use(implementation)
		m := load(t)
		cases, err := reference.Read(open(t, "io"), m.Network())
		if err != nil {
			t.Fatal(err)
		}
		d := reference.Compare(m.Network(), cases)
		t.Logf("%s: %d cases, largest difference %v", implementation, len(cases), d)
		if !(d.Largest() <= 1e-4) || len(cases) < 3 {
			t.Errorf("%s: %d cases differ by up to %v", implementation, len(cases), d)
		}
	}
}

func TestNumParametersOfThePaper(t *testing.T) {
	n := 0
	for _, p := range QM9().Parameters() {
		n += p.Size()
	}
	if n < 5_200_000 || n > 5_400_000 {
		t.Errorf("%d parameters, the paper says 5.3 million", n)
	}
}

// It is equivariant as it is, molecule by molecule, and allocates nothing.
func TestEquivariantAndRagged(t *testing.T) {
	m := load(t)
	sizes, width := []int{6, 1, 9}, 3+m.Config.Features
	s := rng.New(4, 0, rng.Init, 0)
	z := make([]float32, 16*width)
	s.Fill(z, 1)
	symmetrise.RemoveMean(z, width, sizes)
	st := m.NewState(sizes)
	want, got := make([]float32, len(z)), make([]float32, len(z))
	st.Eps(want, z, 0.6)
	at := 0
	for _, n := range sizes {
		one := make([]float32, n*width)
		m.NewState([]int{n}).Eps(one, z[at*width:(at+n)*width], 0.6)
		for i, v := range one {
			if v != want[at*width+i] {
				t.Fatalf("the molecule of %d atoms alone gives %g, in the batch %g", n, v, want[at*width+i])
			}
		}
		at += n
	}
	if n := testing.AllocsPerRun(5, func() { st.Eps(got, z, 0.6) }); n != 0 {
		t.Errorf("%g allocations per call", n)
	}
	h := o3.Haar(&s)
	h.Rotate(z, width, z, width, 16)
	st.Eps(got, z, 0.6)
	h.Rotate(want, width, want, width, 16)
	for i, v := range got {
		if math.Abs(float64(v-want[i])) > 2e-5 {
			t.Fatalf("rotated: %g at %d, want %g", v, i, want[i])
		}
	}
}

// The sampler runs it, alone and symmetrised, and a seed means the same bits on every
// implementation.
func TestSample(t *testing.T) {
	defer f32.Use(f32.Implementation())
	meta := encoding.QM9()
	first := map[string]string{}
	for _, implementation := range f32.Implementations() {
		f32.Use(implementation)
		m := load(t)
		for name, net := range map[string]symmetrise.Network{
			"alone": m.Network(), "symmetrised": symmetrise.New(m, symmetrise.Haar(symmetrise.O3)),
		} {
			s, err := sampler.New(net, meta, sampler.Options{Seed: 3, N: 2, Atoms: 8, Steps: 6})
			if err != nil {
				t.Fatal(err)
			}
			for !s.Done() {
				if err := s.Step(); err != nil {
					t.Fatal(err)
				}
			}
			var b bytes.Buffer
			for _, p := range s.Molecule(1).Positions {
				for _, v := range p {
					u := math.Float32bits(float32(v))
					b.Write([]byte{byte(u), byte(u >> 8), byte(u >> 16), byte(u >> 24)})
				}
			}
			if was, ok := first[name]; ok && was != b.String() {
				t.Errorf("%s: %s kernels give other bits", name, implementation)
			}
			first[name] = b.String()
		}
	}
	if first["alone"] == first["symmetrised"] {
		t.Error("symmetrisation changes nothing: not even the rounding")
	}
}

func TestLoadNamesWhatIsWrong(t *testing.T) {
	f := open(t, "weights")
	var tensors []safetensors.Tensor
	for _, name := range f.Names() {
		info, _ := f.Info(name)
		v, err := f.Float32(name)
		if err != nil {
			t.Fatal(err)
		}
		tensors = append(tensors, safetensors.Tensor{Name: name, DType: "F32", Shape: info.Shape, Data: v})
	}
	reload := func(list []safetensors.Tensor, kind, config string) error {
		var b bytes.Buffer
		if err := safetensors.Write(&b, list, map[string]string{"kind": kind, "config": config}); err != nil {
			t.Fatal(err)
		}
		g, err := safetensors.Parse("changed", b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		_, err = Load(g)
		return err
	}
	config := f.Metadata["config"]
	changed := func(from, to string) error {
		return reload(tensors, "egnn", strings.Replace(config, from, to, 1))
	}
	if err := reload(tensors, "egnn", config); err != nil {
		t.Fatalf("unchanged: %v", err)
	}
	if err := changed(`"hidden_nf": 32`, `"hidden_nf": 32, "symmetrise": "haar"`); err != nil {
		t.Errorf("a file of an EGNN under the Haar measure is not read: %v", err)
	}
	for want, c := range map[string]error{
		"kind":                 reload(tensors, "dit", config),
		"hidden_nf":            changed(`"hidden_nf": 32`, `"hidden_nf": -1`),
		"n_layers":             changed(`"n_layers": 3`, `"n_layers": 1e3`),
		"attention":            changed(`"attention": true`, `"attention": 1`),
		"sin_embedding":        changed(`"sin_embedding": false`, `"sin_embedding": true`),
		"aggregation_method":   changed("sum", "mean"),
		"normalization_factor": changed(`"normalization_factor": 1`, `"normalization_factor": 0`),
		"e_block_3":            changed(`"n_layers": 3`, `"n_layers": 4`),
		"is no parameter":      changed(`"n_layers": 3`, `"n_layers": 2`),
		"JSON at byte":         reload(tensors, "egnn", "{"),
	} {
		if c == nil || !strings.Contains(c.Error(), want) {
			t.Errorf("%s: error %v", want, c)
		}
	}
}

// conditional is the reference network conditioned on two properties: with random
// columns of their channels, and two more for each in the output, which nothing may
// depend on.
func conditional(t testing.TB) *Model {
	t.Helper()
	f := open(t, "weights")
	c, _, err := parseMetadata(f)
	if err != nil {
		t.Fatal(err)
	}
	bare := c.Parameters()
	c.Context = 4
	r := rng.New(8, 0, rng.Init, 0)
	var tensors []safetensors.Tensor
	for i, p := range c.Parameters() {
		old, err := f.Float32(p.Name, bare[i].Shape...)
		if err != nil {
			t.Fatal(err)
		}
		v := make([]float32, p.Size())
		r.Fill(v, 0.3)
		if in := c.Features + 1; p.Name == "egnn.embedding.weight" {
			for row := range p.Shape[0] {
				copy(v[row*p.Shape[1]:], old[row*in:(row+1)*in])
			}
		} else {
			copy(v, old)
		}
		tensors = append(tensors, safetensors.Tensor{Name: p.Name, DType: "F32", Shape: p.Shape, Data: v})
	}
	meta := encoding.QM9()
	meta.Context = []encoding.Quantity{{Name: "gap", Mean: 0.25, MAD: 0.04}, {Name: "mu", Mean: 2.7, MAD: 1.2}}
	var b bytes.Buffer
	if err := safetensors.Write(&b, tensors, Metadata(c, meta)); err != nil {
		t.Fatal(err)
	}
	g, err := safetensors.Parse("conditional", b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	m, err := Load(g)
	if err != nil {
		t.Fatal(err)
	}
	if m.Config != c || len(m.Meta.Context) != 2 {
		t.Fatalf("read %+v, wrote %+v", m.Config, c)
	}
	return m
}

// Without a value the conditional network is the one that it was made of, to the last
// bit; a value changes the prediction by its distance from the mean, under any frame,
// and guidance leads it away from the one without.
func TestAt(t *testing.T) {
	m := conditional(t)
	r := rng.New(2, 0, rng.Initial, 0)
	z, frame := make([]float32, 4*9), o3.Haar(&r)
	r.Fill(z, 1)
	call := func(net symmetrise.Network) []float32 {
		eps := make([]float32, len(z))
		net.NewState([]int{4}).Eps(eps, z, 0.4, symmetrise.Noise{R0: []o3.Matrix{frame}})
		return eps
	}
	under := func(net symmetrise.Network, w float32, values map[string]float64) []float32 {
		at, err := symmetrise.Condition(net, values, w)
		if err != nil {
			t.Fatal(err)
		}
		return call(at)
	}
	gap := func(v float64) map[string]float64 { return map[string]float64{"gap": v} }
	plain := call(load(t).Network())
	if !slices.Equal(plain, under(m.Network(), 0, nil)) {
		t.Error("without a value it is another network")
	}
	mean, far := under(m.Network(), 0, gap(0.25)), under(m.Network(), 0, gap(0.4))
	both := under(m.Network(), 0, map[string]float64{"gap": 0.4, "mu": 1})
	if slices.Equal(plain, mean) || slices.Equal(mean, far) || slices.Equal(far, both) {
		t.Error("a value changes nothing")
	}
	rotated, err := m.Network().(interface {
		WithGamma(kind, order string) (symmetrise.Network, error)
	}).WithGamma("haar", "")
	if err != nil {
		t.Fatal(err)
	}
	guided, again := under(m.Network(), 2, gap(0.4)), under(rotated, 0, gap(0.4))
	for i, e := range far {
		if want := e + 2*(e-plain[i]); math.Abs(float64(guided[i]-want)) > 1e-5 {
			t.Fatalf("with guidance %g, want %g", guided[i], want)
		}
		if math.Abs(float64(again[i]-e)) > 1e-5 {
			t.Fatalf("in another frame %g, want %g", again[i], e)
		}
	}
	for want, values := range map[string]map[string]float64{
		"conditioned on: gap mu": {"homo": 1}, "gap: want a finite number": gap(math.NaN()),
	} {
		if _, err := symmetrise.Condition(m.Network(), values, 0); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v", values, err)
		}
	}
}

// A random frame changes rounding only, since the network is equivariant.
func TestWithGamma(t *testing.T) {
	m := load(t)
	meta := encoding.QM9()
	sample := func(gamma sampler.Gamma) (*sampler.Sampler, error) {
		s, err := sampler.New(m.Network(), meta, sampler.Options{Seed: 1, Atoms: 5, Steps: 1, Gamma: gamma})
		if err != nil {
			return nil, err
		}
		return s, s.Step()
	}
	var x [3][15]float32
	for i, gamma := range []sampler.Gamma{"", "none", "haar"} {
		s, err := sample(gamma)
		if err != nil {
			t.Fatal(err)
		}
		if rotated := s.Gamma(0) != o3.Identity; rotated != (gamma == "haar") {
			t.Errorf("gamma %q: C = %v", gamma, s.Gamma(0))
		}
		s.Predicted(0, x[i][:], nil)
	}
	for i, v := range x[0] {
		if x[1][i] != v || math.Abs(float64(x[2][i]-v)) > 1e-4*(1+math.Abs(float64(v))) {
			t.Errorf("coordinate %d: %v without gamma, %v with none, %v with haar", i, v, x[1][i], x[2][i])
		}
	}
	for _, wrong := range []sampler.Gamma{"learned", "released"} {
		if _, err := sample(wrong); err == nil || !strings.Contains(err.Error(), "gamma") {
			t.Errorf("%q: error %v", wrong, err)
		}
	}
}

func TestMoleculeWithoutAtomsPanics(t *testing.T) {
	defer func() {
		if recover() != "egnn: molecule without atoms" {
			t.Error("accepted")
		}
	}()
	load(t).NewState([]int{3, 0})
}
