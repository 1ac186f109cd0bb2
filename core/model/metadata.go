package model

import (
	"errors"
	"math"
	"slices"
	"sort"
	"strconv"

	"github.com/symdiff-go/symdiff/core/internal/json"
	"github.com/symdiff-go/symdiff/core/molecule"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/schedule"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// Meta is what a weights file says beside the network: what its inputs mean and
// where it comes from.
type Meta struct {
	Elements    []string // symbol of each one-hot channel, in order
	Charge      bool     // whether the last feature is the atomic number ("charge" in EDM)
	ScaleX      float64  // positions are divided by this (Å), 1
	ScaleTypes  float64  // one-hot types are divided by this, 4
	ScaleCharge float64  // atomic numbers are divided by this, 10
	Schedule    schedule.Spec
	Context     []Quantity  // scalar properties of a molecule that the network is conditioned on, or may be; see CountName
	Histogram   map[int]int // number of atoms -> molecules of the training set
	Moments     *Moments    // of the training set, or nil

	Compositions []Composition // of the training set, each formula once, to draw types from (see TypesName), or nil
	Parts        bool          // whether parts of a molecule can be given (see PartMark)
	Training     []byte        // provenance: a JSON object, or nil
}

// Quantity is a scalar property, in the units of the training data, and its
// scale there: the network is given (v - Mean)/MAD.
type Quantity struct {
	Name      string
	Mean, MAD float64 // MAD: mean absolute deviation, of counts at least 1; positive
}

// QM9Meta is the meaning of the inputs of QM9 models: H C N O F and the atomic
// number, with EDM's scaling.
func QM9Meta() Meta {
	return Meta{
		Elements: []string{"H", "C", "N", "O", "F"}, Charge: true,
		ScaleX: 1, ScaleTypes: 4, ScaleCharge: 10,
		Schedule: schedule.Polynomial2,
	}
}

// Features is F, the number of features of an atom beside its position.
func (m Meta) Features() int {
	if m.Charge {
		return len(m.Elements) + 1
	}
	return len(m.Elements)
}

// channel is the one-hot channel of an element, -1 where the model does not have
// it.
func (m Meta) channel(e molecule.Element) int {
	return slices.IndexFunc(m.Elements, func(symbol string) bool {
		known, _ := molecule.ParseElement(symbol)
		return known == e
	})
}

// Encode writes an atom as a network takes it, [x, h], to a row (3+F) of zeros:
// its position p, in Å, over ScaleX, its one-hot type over ScaleTypes, and with
// Charge its atomic number over ScaleCharge. nil leaves the position out. Errors
// name the element that the model does not have, or the position beyond 1e6 Å.
func (m Meta) Encode(row []float32, e molecule.Element, p *[3]float64) error {
	channel := m.channel(e)
	if channel < 0 {
		return errors.New("element " + e.Symbol() + " is not among the model's")
	}
	row[3+channel] = float32(1 / m.ScaleTypes)
	if m.Charge {
		row[3+len(m.Elements)] = float32(float64(e) / m.ScaleCharge)
	}
	if p == nil {
		return nil
	}
	for k, x := range p {
		if !(math.Abs(x) <= 1e6) {
			return errors.New("position " + strconv.FormatFloat(x, 'g', -1, 64))
		}
		row[k] = float32(x / m.ScaleX)
	}
	return nil
}

// Rows are the data [x, h] (N, 3+F) that a molecule is to a network: its
// atoms by Encode, with zero centre of mass.
func (m Meta) Rows(mol *molecule.Molecule) ([]float32, error) {
	if len(mol.Elements) == 0 {
		return nil, errors.New("no atoms")
	}
	width := 3 + m.Features()
	rows := make([]float32, len(mol.Elements)*width)
	for i, e := range mol.Elements {
		if err := m.Encode(rows[i*width:(i+1)*width], e, &mol.Positions[i]); err != nil {
			return nil, err
		}
	}
	symmetrise.RemoveMean(rows, width, []int{len(mol.Elements)})
	return rows, nil
}

// defined reports whether a file said anything about its inputs: reference
// files hold a bare network.
func (m Meta) defined() bool { return len(m.Elements) > 0 }

// Validate checks the fields against each other and against c; the error names
// the field as it is called in a file. EDM asks that 8·sigma_0 of a schedule
// that is not learned be at most 1/max(scale), so that types survive the last
// noise: checked here too, but of cosine. A learned schedule may be without its
// Curve still (see ReadSchedule).
func (m Meta) Validate(c Config) error {
	if len(m.Elements) == 0 {
		return errors.New("elements: none given")
	}
	seen := map[string]bool{}
	for _, e := range m.Elements {
		if _, ok := molecule.ParseElement(e); !ok {
			return errors.New("elements: " + strconv.Quote(e) + " is not an element")
		}
		if seen[e] {
			return errors.New("elements: " + e + " appears twice")
		}
		seen[e] = true
	}
	if m.Features() != c.Features {
		return errors.New("elements: they and the charge make " + strconv.Itoa(m.Features()) + " features, the network has " + strconv.Itoa(c.Features))
	}
	for _, s := range []struct {
		name string
		v    float64
	}{{"x", m.ScaleX}, {"types", m.ScaleTypes}, {"charge", m.ScaleCharge}} {
		if !(s.v > 0 && s.v <= 1e6) {
			return errors.New("scale: " + s.name + " = " + formatFloat(s.v) + " not in (0, 1e6]")
		}
	}
	s, err := schedule.New(m.Schedule)
	if err != nil && err != schedule.ErrNoCurve {
		return err
	}
	largest := m.ScaleTypes
	if m.Charge {
		largest = max(largest, m.ScaleCharge)
	}
	if m.Schedule.Name == "polynomial_2" && 8*s.Sigma(0) > 1/largest {
		return errors.New("schedule: 8·sigma(0) = " + formatFloat(8*s.Sigma(0)) + " is above 1/scale = " + formatFloat(1/largest))
	}
	total := 0
	for n, count := range m.Histogram {
		if n < 1 || n > maxAtoms || count < 0 || count > math.MaxInt32 {
			return errors.New("histogram: " + strconv.Itoa(count) + " molecules of " + strconv.Itoa(n) + " atoms")
		}
		total += count
	}
	if len(m.Histogram) > 0 && total == 0 {
		return errors.New("histogram: no molecules")
	}
	if m.Moments != nil {
		if err := m.Moments.validate(m.Features()); err != nil {
			return err
		}
	}
	if err := m.validateCompositions(); err != nil {
		return err
	}
	if err := m.validateParts(); err != nil {
		return err
	}
	return m.validateContext()
}

// Metadata is the safetensors header of a weights file: the keys of the
// published configuration (kind, gamma_order, fix_qr, pad_to, config) and ours
// (elements, charge, scale, schedule, histogram, moments, compositions, parts, training), each a JSON text or
// a word.
func Metadata(c Config, m Meta) map[string]string {
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

// Describe adds m to the metadata of a file, where it says anything.
func (m Meta) Describe(md map[string]string) {
	if !m.defined() {
		return
	}
	var b []byte
	for i, e := range m.Elements {
		b = json.AppendString(append(b, "[,"[min(i, 1)]), e)
	}
	md["elements"] = string(append(b, ']'))
	md["charge"] = strconv.FormatBool(m.Charge)
	md["scale"] = `{"x":` + formatFloat(m.ScaleX) + `,"types":` + formatFloat(m.ScaleTypes) + `,"charge":` + formatFloat(m.ScaleCharge) + `}`
	md["schedule"] = string(json.AppendString([]byte(`{"name":`), m.Schedule.Name)) +
		`,"timesteps":` + strconv.Itoa(m.Schedule.Timesteps) + `,"precision":` + formatFloat(m.Schedule.Precision) + `}`
	if len(m.Context) > 0 {
		md["context"] = contextJSON(m.Context)
	}
	if len(m.Histogram) > 0 {
		md["histogram"] = histogramJSON(m.Histogram)
	}
	if m.Moments != nil {
		md["moments"] = m.Moments.json()
	}
	if len(m.Compositions) > 0 {
		md["compositions"] = compositionsJSON(m.Compositions)
	}
	if m.Parts {
		md["parts"] = "true"
	}
	if m.Training != nil {
		md["training"] = string(m.Training)
	}
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
			{"enc_hidden_size", &c.EncHidden, true}, {"enc_depth", &c.EncDepth, true}, {"enc_num_heads", &c.EncHeads, true},
			{"dec_hidden_features", &c.DecHidden, true},
			{"hidden_size", &c.Hidden, false}, {"depth", &c.Depth, false}, {"num_heads", &c.Heads, false},
			{"noise_dims", &c.NoiseDims, true},
		}, []floatField{
			{"enc_mlp_ratio", &c.EncMLPRatio, true}, {"mlp_ratio", &c.MLPRatio, false}, {"noise_std", &c.NoiseStd, true},
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
	add := func(name, value string) { b = append(append(json.AppendString(append(b, ','), name), ':'), value...) }
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
	return string(append(b, '}'))
}

func contextJSON(list []Quantity) string {
	var b []byte
	for i, q := range list {
		b = append(json.AppendString(append(append(b, "[,"[min(i, 1)]), `{"name":`...), q.Name), `,"mean":`+formatFloat(q.Mean)+`,"mad":`+formatFloat(q.MAD)+`}`...)
	}
	return string(append(b, ']'))
}

func histogramJSON(h map[int]int) string {
	sizes := make([]int, 0, len(h))
	for n := range h {
		sizes = append(sizes, n)
	}
	sort.Ints(sizes)
	var b []byte
	for i, n := range sizes {
		b = append(b, "{,"[min(i, 1)])
		b = append(b, `"`+strconv.Itoa(n)+`":`+strconv.Itoa(h[n])...)
	}
	return string(append(b, '}'))
}

// ParseMetadata reads what Metadata writes, and the metadata of the published
// networks' reference files, where only the configuration is given: Meta is then
// empty and Features has to be taken from the tensors. Errors are
// *safetensors.Error naming the file and the key.
func ParseMetadata(file string, md map[string]string) (Config, Meta, error) {
	p := metaParser{file: file, md: md}
	c := p.config()
	if p.err != nil {
		return Config{}, Meta{}, p.err
	}
	m, err := ParseMeta(file, md)
	if err != nil {
		return Config{}, Meta{}, err
	}
	if m.defined() {
		c.Features = m.Features()
	}
	c.Context = 2 * len(m.Context)
	return c, m, nil
}

// ParseMeta reads the meaning of the inputs from metadata of any kind of
// network; Meta is empty where they do not tell it. A learned noise schedule is
// known by its name only: see ReadSchedule.
func ParseMeta(file string, md map[string]string) (Meta, error) {
	if _, ok := md["elements"]; !ok {
		return Meta{}, nil
	}
	p := metaParser{file: file, md: md}
	m := p.meta()
	if p.err != nil {
		return Meta{}, p.err
	}
	if err := m.Validate(Config{Features: m.Features()}); err != nil {
		return Meta{}, &safetensors.Error{File: file, Reason: "metadata: " + err.Error()}
	}
	return m, nil
}

// metaParser remembers the first error.
type metaParser struct {
	file string
	md   map[string]string
	err  error
}

func (p *metaParser) fail(key, reason string) {
	if p.err == nil {
		p.err = &safetensors.Error{File: p.file, Reason: "metadata " + key + ": " + reason}
	}
}

func (p *metaParser) config() Config {
	c := Config{GammaOrder: p.word("gamma_order", GammaPaper), FixQR: p.flag("fix_qr", true), PadTo: p.integer("pad_to", 0)}
	switch k := p.word("kind", ""); k {
	case "symdiff", "symdiff-h":
		c.Variant = Variant(k)
	case "dit":
		c.Variant = None
	default:
		p.fail("kind", strconv.Quote(k)+", want symdiff, symdiff-h or dit")
	}
	v := p.object("config")
	ints, floats := c.fields()
	for _, f := range ints {
		if !f.ofF || c.Variant == Symdiff {
			*f.v = p.intOf("config", v, f.name)
		}
	}
	for _, f := range floats {
		if !f.ofF || c.Variant == Symdiff {
			*f.v = p.number("config", v, f.name)
		}
	}
	if t, ok := v.Get("mlp_type"); ok {
		c.MLPType = t.Text
	}
	if t, ok := v.Get("pair_bias"); ok {
		if t.Kind != json.Bool {
			p.fail("config", "pair_bias: want true or false")
		}
		c.PairBias = t.Bool
	}
	if _, ok := v.Get("time_scale"); ok {
		c.TimeScale = p.number("config", v, "time_scale")
	}
	return c
}

func (p *metaParser) meta() Meta {
	m := Meta{Charge: p.flag("charge", true)}
	if v := p.json("elements"); v.Kind == json.Array && len(v.Items) <= 256 {
		for _, e := range v.Items {
			m.Elements = append(m.Elements, e.Text)
		}
	} else {
		p.fail("elements", "want a list of symbols")
	}
	scale := p.object("scale")
	m.ScaleX, m.ScaleTypes, m.ScaleCharge = p.number("scale", scale, "x"), p.number("scale", scale, "types"), p.number("scale", scale, "charge")
	s := p.object("schedule")
	if name, ok := s.Get("name"); ok {
		m.Schedule.Name = name.Text
	}
	m.Schedule.Timesteps, m.Schedule.Precision = p.intOf("schedule", s, "timesteps"), p.number("schedule", s, "precision")
	if _, ok := p.md["context"]; ok {
		m.Context = p.context(p.json("context"))
	}
	if _, ok := p.md["histogram"]; ok {
		m.Histogram = map[int]int{}
		h := p.object("histogram")
		for i, k := range h.Keys {
			n, err := strconv.Atoi(k)
			count, ok := h.Items[i].Int()
			if err != nil || !ok {
				p.fail("histogram", strconv.Quote(k)+": want numbers of atoms and of molecules")
				break
			}
			m.Histogram[n] = int(count)
		}
	}
	if _, ok := p.md["moments"]; ok {
		m.Moments = p.moments()
	}
	if _, ok := p.md["compositions"]; ok {
		m.Compositions = p.compositions()
	}
	m.Parts = p.flag("parts", false)
	if t, ok := p.md["training"]; ok {
		if v := p.json("training"); v.Kind != json.Object {
			p.fail("training", "want an object")
		}
		m.Training = []byte(t)
	}
	return m
}

func (p *metaParser) context(v json.Value) (list []Quantity) {
	if v.Kind != json.Array || len(v.Items) > 32 {
		p.fail("context", "want an array of properties")
		return nil
	}
	for _, item := range v.Items {
		name, _ := item.Get("name")
		q := Quantity{name.Text, p.number("context", item, "mean"), p.number("context", item, "mad")}
		if q.Name == "" || !(q.MAD > 0) {
			p.fail("context", "want a name and a positive mad")
		}
		list = append(list, q)
	}
	return list
}

func (p *metaParser) word(key, absent string) string {
	if v, ok := p.md[key]; ok {
		return v
	}
	return absent
}

func (p *metaParser) flag(key string, absent bool) bool {
	v, ok := p.md[key]
	if !ok {
		return absent
	}
	if v != "true" && v != "false" {
		p.fail(key, strconv.Quote(v)+", want true or false")
	}
	return v == "true"
}

func (p *metaParser) integer(key string, absent int) int {
	v, ok := p.md[key]
	if !ok {
		return absent
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		p.fail(key, strconv.Quote(v)+", want an integer")
	}
	return n
}

func (p *metaParser) json(key string) json.Value {
	t, ok := p.md[key]
	if !ok {
		p.fail(key, "missing")
		return json.Value{}
	}
	v, err := json.Parse([]byte(t))
	if err != nil {
		p.fail(key, err.Error())
	}
	return v
}

func (p *metaParser) object(key string) json.Value {
	v := p.json(key)
	if v.Kind != json.Object {
		p.fail(key, "want an object")
	}
	return v
}

func (p *metaParser) number(key string, v json.Value, field string) float64 {
	f, ok := v.Get(field)
	if !ok || f.Kind != json.Number {
		p.fail(key, field+": want a number")
	}
	return f.Num
}

func (p *metaParser) intOf(key string, v json.Value, field string) int {
	f, ok := v.Get(field)
	n, whole := f.Int()
	if !ok || !whole || n > math.MaxInt32 || n < math.MinInt32 {
		p.fail(key, field+": want an integer")
		return 0
	}
	return int(n)
}
