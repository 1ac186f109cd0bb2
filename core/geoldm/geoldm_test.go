package geoldm_test

import (
	"bytes"
	"context"
	"hash/fnv"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/symdiff-go/symdiff/core/egnn"
	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/f32"
	"github.com/symdiff-go/symdiff/core/geoldm"
	"github.com/symdiff-go/symdiff/core/internal/fixture"
	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/o3"
	"github.com/symdiff-go/symdiff/core/reference"
	"github.com/symdiff-go/symdiff/core/rng"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/sampler"
	"github.com/symdiff-go/symdiff/core/schedule"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

var fixtures = []string{"geoldm", "geoldm_latent2"}

func open(t testing.TB, name string) *safetensors.File {
	t.Helper()
	return fixture.Open(t, "testdata/"+name+".safetensors")
}

func load(t testing.TB, name string) *geoldm.Model {
	t.Helper()
	m, err := geoldm.Load(open(t, name+".weights"))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The published implementation with random weights: encoder, decoder, denoiser, an ancestral step
// and the last one, on every implementation of the kernels.
func TestParityWithPublishedNetworks(t *testing.T) {
	defer f32.Use(f32.Implementation())
	for _, implementation := range f32.Implementations() {
		f32.Use(implementation)
		for _, name := range fixtures {
			m := load(t, name)
			s, err := schedule.New(m.Meta.Schedule)
			if err != nil {
				t.Fatal(err)
			}
			d, err := reference.CompareLatent(
				open(t, name+".io"), m.Config.Features, m.Config.Latent(), s, geoldm.Sigma, m.Networks(),
			)
			if err != nil {
				t.Fatal(err)
			}
			for tensor, v := range d {
				if !(v <= 1e-4) {
					t.Errorf("%s, %s: %s differs by %.2g", implementation, name, tensor, v)
				}
			}
			t.Logf("%s, %s: largest difference %.1e", implementation, name, d.Largest())
			if len(d) != 23 {
				t.Errorf("%s: %d tensors compared, want 23", name, len(d))
			}
		}
	}
}

// meta is the meaning of the atoms of a model of QM9.
func meta(charge bool) encoding.Meta {
	m := encoding.QM9()
	m.Charge, m.ScaleTypes, m.ScaleCharge = charge, 1, 1
	return m
}

// change makes other tensors and metadata of those of a file.
type change func(list []safetensors.Tensor, md map[string]string) []safetensors.Tensor

// written is a file of a model of random weights, nothing of which is zero, changed.
func written(t testing.TB, c geoldm.Config, m encoding.Meta, by change) *safetensors.File {
	t.Helper()
	var list []safetensors.Tensor
	for i, p := range c.Parameters() {
		r := rng.New(3, uint32(i), rng.Init, 0)
		v := make([]float32, p.Size())
		r.Fill(v, 0.4/math.Sqrt(float64(p.Shape[len(p.Shape)-1])))
		list = append(list,
			safetensors.Tensor{Name: p.Name, DType: safetensors.F32, Shape: p.Shape, Data: v})
	}
	md := geoldm.Metadata(c, m)
	if by != nil {
		list = by(list, md)
	}
	var b bytes.Buffer
	if err := safetensors.Write(&b, list, md); err != nil {
		t.Fatal(err)
	}
	f, err := safetensors.Parse("test.safetensors", b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// small has one block of each kind.
func small(latent int, charge bool) geoldm.Config {
	features := 5
	if charge {
		features++
	}
	return geoldm.New(geoldm.Sizes{Hidden: 16, Layers: 1, Latent: latent}, features, charge)
}

// smallDiT has SymDiff's network as its denoiser.
func smallDiT(v model.Variant) geoldm.Config {
	c := small(2, true)
	c.EGNN = egnn.Config{}
	c.DiT = model.Config{
		Variant:    v,
		GammaOrder: model.GammaPaper,
		FixQR:      true,
		MLPType:    model.SwiGLU,
		Features:   2,
		XHHidden:   16,
		K:          8,
		Hidden:     32,
		Depth:      1,
		Heads:      2,
		MLPRatio:   4,
	}
	if v == model.Symdiff {
		c.DiT.EncHidden, c.DiT.EncDepth, c.DiT.EncHeads, c.DiT.EncMLPRatio = 16, 1, 2, 4
		c.DiT.DecHidden, c.DiT.NoiseDims, c.DiT.NoiseStd = 8, 3, 1
	}
	return c
}

// A file gives back configuration and meaning; the published sizes have the published numbers of
// parameters.
func TestRoundTripAndPublishedSizes(t *testing.T) {
	for name, c := range map[string]geoldm.Config{
		"charge": small(1, true), "no charge": small(2, false),
		"symdiff": smallDiT(model.Symdiff), "symdiff-h": smallDiT(model.SymdiffH),
		"dit": smallDiT(model.None),
	} {
		m := meta(c.Charge)
		m.Histogram = map[int]int{5: 2, 7: 1}
		got, err := geoldm.Load(written(t, c, m, nil))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got.Config != c || got.Meta.Histogram[5] != 2 {
			t.Errorf("%s: %+v, want %+v", name, got.Config, c)
		}
	}
	for want, c := range map[int]geoldm.Config{
		11402526: geoldm.New(geoldm.Sizes{256, 9, 1}, 6, true), // the paper's
		11403809: geoldm.New(geoldm.Sizes{256, 9, 2}, 6, true),
		5479969:  geoldm.New(geoldm.Sizes{256, 4, 2}, 16, false),
	} {
		n := 0
		for _, p := range c.Parameters() {
			n += p.Size()
		}
		if n != want {
			t.Errorf("%d parameters, published are %d", n, want)
		}
	}
}

// An error names what a file lacks, what is superfluous in it, and what cannot be followed.
func TestBadFiles(t *testing.T) {
	drop := func(name string) change {
		return func(list []safetensors.Tensor, _ map[string]string) []safetensors.Tensor {
			return slices.DeleteFunc(list,
				func(x safetensors.Tensor) bool { return x.Name == name })
		}
	}
	say := func(key, text string) change {
		return func(list []safetensors.Tensor, md map[string]string) []safetensors.Tensor {
			md[key] = text
			return list
		}
	}
	for want, by := range map[string]change{
		`embedding_out.weight": missing`:                 drop("vae.decoder.egnn.embedding_out.weight"),
		`"vae.encoder.final_mlp.2.bias": missing`:        drop("vae.encoder.final_mlp.2.bias"),
		`"dynamics.egnn.e_block_0.gcl_0.node_mlp.0.bias`: drop("dynamics.egnn.e_block_0.gcl_0.node_mlp.0.bias"),
		"kind":                         say("kind", "egnn"),
		"sin_embedding":                say("config", `{"sin_embedding":true}`),
		"aggregation_method":           say("config", `{"aggregation_method":"mean"}`),
		"conditional models":           say("config", `{"context_node_nf":1}`),
		"tanh: want true or false":     say("config", `{"tanh":3}`),
		"norm_constant: want a number": say("config", `{"norm_constant":"1"}`),
		"elements":                     say("elements", `["H","C"]`),
		`"extra": is no parameter`: func(list []safetensors.Tensor, _ map[string]string) []safetensors.Tensor {
			return append(list, safetensors.Tensor{Name: "extra", DType: safetensors.F32, Shape: []int{1}, Data: []float32{1}})
		},
	} {
		if _, err := geoldm.Load(written(t, small(1, true), meta(true), by)); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	wrong := small(1, true)
	wrong.EGNN.Features = 2
	if _, err := geoldm.Load(written(t, wrong, meta(true), nil)); err == nil ||
		!strings.Contains(err.Error(), "2 latent features") {
		t.Errorf("a denoiser of other latents: %v", err)
	}
}

// sample runs a sampler to its end and gives its molecules.
func sample(t testing.TB, m *geoldm.Model, o sampler.Options) []*molecule.Molecule {
	t.Helper()
	s, err := sampler.New(m.Network(), m.Meta, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	var list []*molecule.Molecule
	for i := range s.Len() {
		list = append(list, s.Molecule(i))
	}
	return list
}

// A seed means the same molecules, bit for bit, on every implementation of the kernels, natively
// and in WASM, by any denoiser and in any batch.
func TestSamplesAreFrozen(t *testing.T) {
	defer f32.Use(f32.Implementation())
	for name, c := range map[string]struct {
		c    geoldm.Config
		want uint64
	}{
		"egnn":    {small(1, true), 0x8563081dd15b0a2f},
		"symdiff": {smallDiT(model.Symdiff), 0x59133527485fa129},
	} {
		m, err := geoldm.Load(written(t, c.c, meta(true), nil))
		if err != nil {
			t.Fatal(err)
		}
		for _, implementation := range f32.Implementations() {
			f32.Use(implementation)
			o := sampler.Options{Seed: 7, Steps: 8, Method: sampler.Ancestral}
			var list []*molecule.Molecule
			for i, atoms := range []int{5, 1, 9} {
				o.First, o.Atoms = i, atoms
				list = append(list, sample(t, m, o)...)
			}
			h := fnv.New64a()
			for _, mol := range list {
				for i, p := range mol.Positions {
					for _, x := range p {
						h.Write([]byte(strconv.FormatUint(math.Float64bits(x), 16)))
					}
					h.Write([]byte(mol.Elements[i].Symbol()))
				}
			}
			if got := h.Sum64(); got != c.want {
				t.Errorf("%s, %s: %#x, want %#x", name, implementation, got, c.want)
			}
			o.First, o.N = 0, 3 // of 9 atoms
			batch := sample(t, m, o)
			if !slices.Equal(batch[2].Positions, list[2].Positions) ||
				!slices.Equal(batch[2].Elements, list[2].Elements) {
				t.Errorf("%s, %s: another molecule alone than in the batch", name, implementation)
			}
		}
	}
}

// The whole sampler with last step and decoder is equivariant, tested by coupling: noise rotated by
// H gives the molecule rotated by H. A plain transformer's is not.
func TestSamplerIsEquivariant(t *testing.T) {
	stream := rng.New(5, 0, rng.Init, 0)
	rotation := o3.Haar(&stream)
	for name, c := range map[string]struct {
		c           geoldm.Config
		equivariant bool
	}{
		"egnn":      {small(2, true), true},
		"symdiff":   {smallDiT(model.Symdiff), true},
		"symdiff-h": {smallDiT(model.SymdiffH), true},
		"dit":       {smallDiT(model.None), false},
	} {
		m, err := geoldm.Load(written(t, c.c, meta(true), nil))
		if err != nil {
			t.Fatal(err)
		}
		o := sampler.Options{Seed: 2, Atoms: 9, Steps: 6}
		want := sample(t, m, o)[0]
		o.Rotate = &rotation
		got := sample(t, m, o)[0]
		far := 0.0
		for i, p := range want.Positions {
			for k := range 3 {
				x := 0.0
				for j := range 3 {
					x += p[j] * rotation[j][k]
				}
				far = max(far, math.Abs(x-got.Positions[i][k]))
			}
		}
		if c.equivariant != (far < 1e-3) {
			t.Errorf("%s: rotated noise gives a molecule that is %.1e from the rotated one", name,
				far)
		}
	}
}

// Without charges the last type never comes out, as published, unless the file says all_types.
func TestLastType(t *testing.T) {
	for _, all := range []bool{false, true} {
		c := small(1, false)
		c.AllTypes = all
		m, err := geoldm.Load(
			written(
				t,
				c,
				meta(false),
				func(list []safetensors.Tensor, _ map[string]string) []safetensors.Tensor {
					for _, x := range list {
						if x.Name == "vae.decoder.egnn.embedding_out.bias" {
							x.Data[4] = 1e3 // fluorine, everywhere
						}
					}
					return list
				},
			),
		)
		if err != nil {
			t.Fatal(err)
		}
		mol := sample(t, m, sampler.Options{Seed: 1, Atoms: 9, Steps: 3})[0]
		if got := mol.Elements[0] == 9; got != all {
			t.Errorf("all_types %v: %s", all, mol.Formula())
		}
	}
}

// What a run shows on its way: positions of z, the decoder's types, and what the decoder makes of
// the predicted latents.
func TestFramesOnTheWay(t *testing.T) {
	m, err := geoldm.Load(written(t, small(1, true), meta(true), nil))
	if err != nil {
		t.Fatal(err)
	}
	s, err := sampler.New(m.Network(), m.Meta, sampler.Options{N: 2, Atoms: 6, Steps: 3})
	if err != nil {
		t.Fatal(err)
	}
	pos, types := make([]float32, 18), make([]float32, 30)
	for !s.Done() {
		if err := s.Step(); err != nil {
			t.Fatal(err)
		}
		s.Predicted(1, pos, nil)
		s.Frame(1, pos, types)
		for a := range 6 {
			sum := float32(0)
			for _, p := range types[5*a : 5*a+5] {
				sum += p
			}
			if math.Abs(float64(sum-1)) > 1e-5 {
				t.Fatalf("after %d steps: the types of atom %d add up to %g", s.StepsDone(), a, sum)
			}
		}
	}
	for i, p := range s.Molecule(1).Positions {
		if float32(p[0]) != pos[3*i] {
			t.Errorf("the last frame has atom %d at %g, the molecule at %g", i, pos[3*i], p[0])
		}
	}
}

// Latents are not atoms: nothing can be given of a molecule, and a run cannot start part-way.
func TestNothingCanBeGiven(t *testing.T) {
	m, err := geoldm.Load(written(t, small(1, true), meta(true), nil))
	if err != nil {
		t.Fatal(err)
	}
	water := &molecule.Molecule{
		Elements:  []molecule.Element{8, 1, 1},
		Positions: make([][3]float64, 3),
	}
	for want, o := range map[string]sampler.Options{
		"fragment: not with a model of latents":   {Fragment: water},
		"from: not with a model of latents":       {From: []*molecule.Molecule{water}, TStart: 300},
		"formula: not with a model of latents":    {Formula: "H2O"},
		"properties: not with a model of latents": {Atoms: 3, Properties: map[string]float64{"gap": 1}},
		"joint: not with a model of latents":      {Atoms: 3, Joint: true},
		"no moments":                              {Atoms: 3, TStart: 300},
	} {
		o.Steps = 4
		if _, err := sampler.New(m.Network(), m.Meta, o); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}

// A guided network keeps its decoder.
func TestGuidedKeepsDecoder(t *testing.T) {
	m, err := geoldm.Load(written(t, small(1, true), meta(true), nil))
	if err != nil {
		t.Fatal(err)
	}
	guided := symmetrise.Guide(m.Network(), m.Network(), 1)
	o := sampler.Options{Atoms: 3, Steps: 2}
	if _, err := sampler.New(guided, m.Meta, o); err != nil {
		t.Error(err)
	}
}

// FuzzLoad: any header is a model that can run or an error.
func FuzzLoad(f *testing.F) {
	for _, c := range []geoldm.Config{small(1, true), smallDiT(model.Symdiff)} {
		md := geoldm.Metadata(c, meta(c.Charge))
		f.Add(md["config"], md["dynamics.kind"], md["dynamics.config"], md["schedule"], 1, 16)
	}
	f.Add(`{"latent_nf":-1}`, "", "", "", 0, 0)
	f.Fuzz(func(t *testing.T, config, kind, denoiser, schedule string, latent, hidden int) {
		if latent < 1 || latent > 4 || hidden < 1 || hidden > 16 {
			return
		}
		for _, text := range []*string{&config, &kind, &denoiser, &schedule} {
			*text = strings.ToValidUTF8(*text, "?") // what a file can hold
		}
		c := geoldm.New(geoldm.Sizes{Hidden: hidden, Layers: 1, Latent: latent}, 6, true)
		file := written(t, c, meta(true), func(list []safetensors.Tensor, md map[string]string) []safetensors.Tensor {
			md["config"], md["schedule"] = config, schedule
			if kind != "" {
				md["dynamics.kind"], md["dynamics.config"] = kind, denoiser
			}
			return list
		})
		m, err := geoldm.Load(file)
		if err != nil {
			return
		}
		s, err := sampler.New(m.Network(), m.Meta, sampler.Options{Atoms: 3, Steps: 1})
		if err == nil {
			_ = s.Step()
		}
	})
}
