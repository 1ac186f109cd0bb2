package model

import (
	"strconv"

	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/internal/header"
	"github.com/symdiff-go/symdiff/core/internal/json"
)

// Metadata is the safetensors header of a weights file: the keys of the
// published configuration (kind, gamma_order, fix_qr, pad_to, config) and ours
// (see encoding.Meta.Describe), each a JSON text or a word.
func Metadata(c Config, m encoding.Meta) map[string]string {
	md := map[string]string{
		"kind":        kind(c.Variant),
		"gamma_order": c.GammaOrder,
		"fix_qr":      strconv.FormatBool(c.FixQR),
		"pad_to":      strconv.Itoa(c.PadTo),
		"config":      configJSON(c),
	}
	if c.Variant != Symdiff {
		md["gamma_order"], md["fix_qr"] = GammaPaper, "true"
	}
	m.Describe(md)
	return md
}

func kind(v Variant) string {
	if v == None {
		return "dit"
	}
	return string(v)
}

// fields lists the sizes under their published names, in the published order.
func (c *Config) fields() (ints []intField, floats []floatField) {
	return []intField{
			{"xh_hidden_size", &c.XHHidden, false}, {"K", &c.K, false},
			{
				"enc_hidden_size",
				&c.EncHidden,
				true,
			}, {"enc_depth", &c.EncDepth, true}, {"enc_num_heads", &c.EncHeads, true},
			{"dec_hidden_features", &c.DecHidden, true},
			{
				"hidden_size",
				&c.Hidden,
				false,
			}, {"depth", &c.Depth, false}, {"num_heads", &c.Heads, false},
			{"noise_dims", &c.NoiseDims, true},
		}, []floatField{
			{
				"enc_mlp_ratio",
				&c.EncMLPRatio,
				true,
			}, {"mlp_ratio", &c.MLPRatio, false}, {"noise_std", &c.NoiseStd, true},
		}
}

type intField struct {
	name string
	v    *int
	ofF  bool // belongs to f, so to the symdiff variant only
}

type floatField struct {
	name string
	v    *float64
	ofF  bool
}

func configJSON(c Config) string {
	ints, floats := c.fields()
	b := json.AppendString([]byte(`{"mlp_type":`), c.MLPType)
	add := func(name, value string) {
		b = append(append(json.AppendString(append(b, ','), name), ':'), value...)
	}
	for _, f := range ints {
		if !f.ofF || c.Variant == Symdiff {
			add(f.name, strconv.Itoa(*f.v))
		}
	}
	for _, f := range floats {
		if !f.ofF || c.Variant == Symdiff {
			add(f.name, formatFloat(*f.v))
		}
	}
	if c.PairBias {
		add("pair_bias", "true")
	}
	if c.TimeScale != 0 {
		add("time_scale", formatFloat(c.TimeScale))
	}
	if c.GammaBase != "" {
		add("gamma_base", string(json.AppendString(nil, c.GammaBase)))
	}
	if c.GammaHead != "" {
		add("gamma_head", string(json.AppendString(nil, c.GammaHead)))
	}
	return string(append(b, '}'))
}

// ParseMetadata reads what Metadata writes, and the metadata of the published
// networks' reference files, where only the configuration is given: Meta is then
// empty and Features has to be taken from the tensors. Errors are
// *safetensors.Error naming the file and the key.
func ParseMetadata(file string, md map[string]string) (Config, encoding.Meta, error) {
	p := header.Reader{File: file, Metadata: md}
	c := readConfig(&p)
	if p.Err != nil {
		return Config{}, encoding.Meta{}, p.Err
	}
	m, err := encoding.Parse(file, md)
	if err != nil {
		return Config{}, encoding.Meta{}, err
	}
	if m.Defined() {
		c.Features = m.Features()
	}
	c.Context = 2 * len(m.Context)
	return c, m, nil
}

func readConfig(p *header.Reader) Config {
	c := Config{
		GammaOrder: p.Word("gamma_order", GammaPaper),
		FixQR:      p.Flag("fix_qr", true),
		PadTo:      p.Integer("pad_to", 0),
	}
	switch k := p.Word("kind", ""); k {
	case "symdiff", "symdiff-h":
		c.Variant = Variant(k)
	case "dit":
		c.Variant = None
	default:
		p.Fail("kind", strconv.Quote(k)+", want symdiff, symdiff-h or dit")
	}
	v := p.Object("config")
	ints, floats := c.fields()
	for _, f := range ints {
		if !f.ofF || c.Variant == Symdiff {
			*f.v = p.Int("config", v, f.name)
		}
	}
	for _, f := range floats {
		if !f.ofF || c.Variant == Symdiff {
			*f.v = p.Number("config", v, f.name)
		}
	}
	if t, ok := v.Get("mlp_type"); ok {
		c.MLPType = t.Text
	}
	if t, ok := v.Get("pair_bias"); ok {
		if t.Kind != json.Bool {
			p.Fail("config", "pair_bias: want true or false")
		}
		c.PairBias = t.Bool
	}
	if _, ok := v.Get("time_scale"); ok {
		c.TimeScale = p.Number("config", v, "time_scale")
	}
	word := func(name string) string {
		t, ok := v.Get(name)
		if ok && (t.Kind != json.String || t.Text == "") {
			p.Fail("config", name+": want a word")
		}
		return t.Text
	}
	c.GammaBase, c.GammaHead = word("gamma_base"), word("gamma_head")
	return c
}
