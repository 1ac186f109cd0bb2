package geoldm

import (
	"errors"
	"strconv"

	"github.com/symdiff-go/symdiff/core/egnn"
	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/internal/header"
	"github.com/symdiff-go/symdiff/core/internal/json"
	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/safetensors"
)

// Kind is the metadata kind of a file.
const Kind = "geoldm"

// Prefixes of the tensors of the parts, in the published state_dict and in a file.
const (
	DenoiserPrefix = "dynamics."
	EncoderPrefix  = "vae.encoder."
	DecoderPrefix  = "vae.decoder."
)

// Config says what a latent diffusion model is. All sizes can be read off its tensors.
type Config struct {
	Features int         // F: features of an atom beside its position, types and perhaps the charge
	Charge   bool        // include_charges: the last of them is the atomic number
	Encoder  egnn.Config // of F features, which come out Hidden wide
	Decoder  egnn.Config // of L features, which come out as F
	AllTypes bool        // all_types: also without charges the last type can come out (see Decode)

	// The denoiser of 3+L channels: an EGNN, or SymDiff's network where DiT is not zero.
	EGNN egnn.Config
	DiT  model.Config
}

// Sizes of a GeoLDM: nf, n_layers and latent_nf of the published code.
type Sizes struct{ Hidden, Layers, Latent int }

// New is a model as published: attention, tanh, one encoder block.
func New(s Sizes, features int, charge bool) Config {
	part := egnn.Config{
		Features: s.Latent, Hidden: s.Hidden, Layers: s.Layers, InvSublayers: 1,
		Attention: true, Tanh: true, NormConstant: 1, NormFactor: 1,
	}
	c := Config{Features: features, Charge: charge, EGNN: part, Decoder: part, Encoder: part}
	c.Encoder.Layers, c.Encoder.Features = 1, features
	c.Complete()
	return c
}

// Complete sets what encoder and decoder are by definition.
func (c *Config) Complete() {
	for _, part := range []*egnn.Config{&c.Encoder, &c.Decoder} {
		part.Timeless, part.Absolute = true, true
	}
	c.Encoder.Outputs, c.Decoder.Outputs = c.Encoder.Hidden, c.Features
}

// Latent is L, the number of scalars of an atom's latent.
func (c Config) Latent() int { return c.Decoder.Features }

// UsesDiT tells whether the denoiser is SymDiff's network.
func (c Config) UsesDiT() bool { return c.DiT.Variant != "" }

// Validate checks the sizes; the error names the part and the field as it is called in
// a file.
func (c Config) Validate() error {
	types := c.Features
	if c.Charge {
		types--
	}
	if types < 1 {
		return errors.New("features: no types among " + strconv.Itoa(c.Features))
	}
	parts := []struct {
		name string
		c    interface{ Validate() error }
	}{{"vae.encoder: ", c.Encoder}, {"vae.decoder: ", c.Decoder}, {"dynamics: ", c.EGNN}}
	latent := c.EGNN.Features
	if c.UsesDiT() {
		parts[2].c, latent = c.DiT, c.DiT.Features
	}
	for _, p := range parts {
		if err := p.c.Validate(); err != nil {
			return errors.New(p.name + err.Error())
		}
	}
	if latent != c.Latent() {
		return errors.New("dynamics: " + strconv.Itoa(latent) + " latent features, vae.decoder has " +
			strconv.Itoa(c.Latent()))
	}
	if c.Encoder.Features != c.Features || c.Decoder.Outputs != c.Features {
		return errors.New("vae: encoder and decoder differ in the features of an atom")
	}
	return nil
}

// Parameters lists every parameter with its shape: those of the denoiser, the encoder
// and the decoder, in the order of the published state_dict.
func (c Config) Parameters() []safetensors.Parameter {
	var list []safetensors.Parameter
	if c.UsesDiT() {
		list = under(list, DenoiserPrefix, c.DiT.Parameters())
	} else {
		list = under(list, DenoiserPrefix, c.EGNN.Parameters())
	}
	list = under(list, EncoderPrefix, c.Encoder.Parameters())
	list = under(list, EncoderPrefix, c.head())
	return under(list, DecoderPrefix, c.Decoder.Parameters())
}

// head is the encoder's final_mlp.
func (c Config) head() []safetensors.Parameter {
	d, out := c.Encoder.Hidden, 2*c.Latent()+1
	return []safetensors.Parameter{
		{Name: "final_mlp.0.weight", Shape: []int{d, d}},
		{Name: "final_mlp.0.bias", Shape: []int{d}},
		{Name: "final_mlp.2.weight", Shape: []int{out, d}},
		{Name: "final_mlp.2.bias", Shape: []int{out}},
	}
}

func under(list []safetensors.Parameter, prefix string,
	of []safetensors.Parameter) []safetensors.Parameter {
	for _, p := range of {
		list = append(list, safetensors.Parameter{Name: prefix + p.Name, Shape: p.Shape})
	}
	return list
}

// Unused reports whether a tensor is one that the published classes have and nothing reads.
func Unused(name string) bool { return name == "buffer" || name == "vae.buffer" }

// Metadata is the header of a file, which Load reads: config holds the arguments by
// their published names; the keys of a denoiser that is SymDiff's network have
// DenoiserPrefix before them.
func Metadata(c Config, m encoding.Meta) map[string]string {
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	d := c.Decoder
	config := `{"nf":` + strconv.Itoa(d.Hidden) + `,"n_layers":` + strconv.Itoa(d.Layers) + `,"latent_nf":` +
		strconv.Itoa(c.Latent()) +
		`,"inv_sublayers":` + strconv.Itoa(d.InvSublayers) + `,"attention":` + strconv.FormatBool(d.Attention) +
		`,"tanh":` + strconv.FormatBool(d.Tanh) + `,"norm_constant":` + number(d.NormConstant) +
		`,"normalization_factor":` + number(d.NormFactor) + `,"include_charges":` + strconv.FormatBool(c.Charge)
	if c.AllTypes {
		config += `,"all_types":true`
	}
	md := map[string]string{"kind": Kind, "config": config + "}"}
	if c.UsesDiT() {
		for key, text := range model.Metadata(c.DiT, encoding.Meta{}) {
			md[DenoiserPrefix+key] = text
		}
	}
	m.Describe(md)
	return md
}

const conditional = "0: conditional models are not supported"

// supported refuses arguments of the published code that cannot be followed. Those that
// are missing have their default value.
func supported(p *header.Reader, v json.Value) {
	for _, a := range []struct {
		name string
		want func(json.Value) bool
		text string
	}{
		{"sin_embedding", func(v json.Value) bool { return !v.Bool }, "false"},
		{"aggregation_method", func(v json.Value) bool { return v.Text == "sum" }, "sum"},
		{"condition_time", func(v json.Value) bool { return v.Bool }, "true"},
		{"model", func(v json.Value) bool { return v.Text == "egnn_dynamics" }, "egnn_dynamics"},
		{"context_node_nf", func(v json.Value) bool { return v.Num == 0 }, conditional},
	} {
		if got, ok := v.Get(a.name); ok && !a.want(got) {
			p.Fail("config", a.name+": only supported is "+a.text)
		}
	}
}

// arguments are what no tensor shows, by the published names: of the model, and of every
// EGNN in it. Those that are missing are as published.
func arguments(p *header.Reader, v json.Value) (c Config, part egnn.Config) {
	flag := func(name string, absent bool) bool {
		if _, ok := v.Get(name); !ok {
			return absent
		}
		return p.Bool("config", v, name)
	}
	number := func(name string) float64 {
		if _, ok := v.Get(name); !ok {
			return 1
		}
		return p.Number("config", v, name)
	}
	c.Charge, c.AllTypes = flag("include_charges", true), flag("all_types", false)
	part.Tanh = flag("tanh", true)
	part.NormConstant, part.NormFactor = number("norm_constant"), number("normalization_factor")
	return c, part
}

// parse reads configuration and meaning of a file: the sizes off its tensors, the rest
// from the metadata.
func parse(f *safetensors.File) (Config, encoding.Meta, error) {
	p := header.Reader{File: f.Name, Metadata: f.Metadata}
	if kind := p.Word("kind", ""); kind != Kind {
		p.Fail("kind", strconv.Quote(kind)+", want "+Kind)
	}
	v := p.Object("config")
	supported(&p, v)
	c, part := arguments(&p, v)
	if p.Err != nil {
		return Config{}, encoding.Meta{}, p.Err
	}
	meta, err := encoding.Parse(f.Name, f.Metadata)
	if err != nil {
		return Config{}, encoding.Meta{}, err
	}
	s := sizes{f: f, part: part}
	c.Encoder, c.Decoder = s.egnn(EncoderPrefix), s.egnn(DecoderPrefix)
	c.Features = s.size(DecoderPrefix+"egnn.embedding_out.weight", 0)
	if _, dit := f.Metadata[DenoiserPrefix+"kind"]; dit {
		md := f.Under(DenoiserPrefix).Metadata
		if c.DiT, _, err = model.ParseMetadata(f.Name, md); err != nil {
			return Config{}, encoding.Meta{}, err
		}
		c.DiT.Features = s.size(DenoiserPrefix+"xh_embedder.weight", 1) - 3
	} else {
		c.EGNN = s.egnn(DenoiserPrefix)
		c.EGNN.Features-- // its embedding takes t too
	}
	if s.err != nil {
		return Config{}, encoding.Meta{}, s.err
	}
	c.Complete()
	if err := c.Validate(); err != nil {
		p.Fail("config", err.Error())
	}
	if len(meta.Context) > 0 {
		p.Fail("context", "conditional models are not supported")
	}
	if len(meta.Elements) > 0 && (meta.Features() != c.Features || meta.Charge != c.Charge) {
		p.Fail("elements", "they and the charge make "+strconv.Itoa(meta.Features())+
			" features, the network has "+strconv.Itoa(c.Features))
	}
	return c, meta, p.Err
}

// sizes reads sizes off tensors and remembers the first error.
type sizes struct {
	f    *safetensors.File
	part egnn.Config // what tensors do not tell
	err  error
}

func (s *sizes) size(name string, k int) int {
	info, ok := s.f.Info(name)
	if !ok || len(info.Shape) != 2 {
		if s.err == nil {
			s.err = &safetensors.Error{
				File:   s.f.Name,
				Tensor: name,
				Reason: "missing, or not a matrix",
			}
		}
		return 0
	}
	return info.Shape[k]
}

// egnn is the configuration of the EGNN below a prefix.
func (s *sizes) egnn(prefix string) egnn.Config {
	c, prefix := s.part, prefix+"egnn."
	c.Hidden, c.Features = s.size(prefix+"embedding.weight", 0), s.size(prefix+"embedding.weight", 1)
	for s.has(prefix + "e_block_" + strconv.Itoa(c.Layers) + ".gcl_equiv.coord_mlp.0.weight") {
		c.Layers++
	}
	for s.has(prefix + "e_block_0.gcl_" + strconv.Itoa(c.InvSublayers) + ".edge_mlp.0.weight") {
		c.InvSublayers++
	}
	c.Attention = s.has(prefix + "e_block_0.gcl_0.att_mlp.0.weight")
	return c
}

func (s *sizes) has(name string) bool {
	_, ok := s.f.Info(name)
	return ok
}
