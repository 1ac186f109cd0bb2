package pytorch

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/symdiff-go/symdiff/core/egnn"
	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/geoldm"
	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/schedule"
)

// Choices are what a published checkpoint does not say of itself. Zero values are those of the
// published runs.
type Choices struct {
	Args     map[string]any // args.pickle, where it is there
	Heads    int            // of k
	EncHeads int            // of f
	// -1: 29 for QM9, 181 for GEOM-Drugs, as the published code pads at sampling
	PadTo    int
	Order    string // of gamma; empty: released
	AllTypes bool   // GeoLDM without charges: the last type can come out
}

// Imported is a model in this project's terms.
type Imported struct {
	Tensors []safetensors.Tensor
	Meta    encoding.Meta
	Notes   []string // what was assumed

	kind   string // egnn or geoldm; else that of dit
	dit    model.Config
	edm    egnn.Config
	latent geoldm.Config
}

// Metadata is the header of the model's file; its kind is symdiff, symdiff-h, dit, egnn or geoldm.
func (m *Imported) Metadata() map[string]string {
	switch m.kind {
	case "egnn":
		return egnn.Metadata(m.edm, m.Meta)
	case geoldm.Kind:
		return geoldm.Metadata(m.latent, m.Meta)
	}
	return model.Metadata(m.dit, m.Meta)
}

// published are the parts of names before those of the network: of data-parallel training, and of
// EDM's EnVariationalDiffusion, whose schedule is gamma.gamma (T+1), or where it is learned the
// tensors of encoding.ScheduleParameters.
const (
	parallelPrefix = "module."
	networkPrefix  = "dynamics."
	scheduleName   = "gamma.gamma"
)

// importer remembers the first error.
type importer struct {
	state   *State
	choices Choices
	tensors map[string]*Tensor // of the network, by its own names
	notes   []string
	err     error
}

// Import turns a published checkpoint of SymDiff, DiT, EDM or GeoLDM into a model. Errors are of
// type *Error, naming file and tensor or argument.
func Import(s *State, c Choices) (*Imported, error) {
	m := &importer{state: s, choices: c, tensors: map[string]*Tensor{}}
	var table *Tensor
	for _, name := range s.Names {
		short := strings.TrimPrefix(name, parallelPrefix)
		switch {
		case strings.HasPrefix(short, networkPrefix):
			m.tensors[strings.TrimPrefix(short, networkPrefix)] = s.Tensors[name]
		case short == scheduleName:
			table = s.Tensors[name]
		case short == "buffer", short == "vae.buffer":
		default:
			m.tensors[short] = s.Tensors[name]
		}
	}
	out := m.network(table)
	if m.err != nil {
		return nil, m.err
	}
	out.Notes = m.notes
	return out, nil
}

func (m *importer) fail(tensor, format string, args ...any) {
	if m.err == nil {
		m.err = &Error{m.state.File, tensor, fmt.Sprintf(format, args...)}
	}
}

func (m *importer) note(format string, args ...any) {
	m.notes = append(m.notes, fmt.Sprintf(format, args...))
}

// names are the texts of a list, and what else there is of it by its kind: values may be nested
// without end.
func names(list Tuple) string {
	var out []string
	for _, v := range list[:min(len(list), 16)] {
		text, ok := v.(string)
		if !ok {
			text = "a " + describe(v)
		}
		out = append(out, text[:min(len(text), 64)])
	}
	return strings.Join(out, " ")
}

func (m *importer) network(table *Tensor) *Imported {
	list := asTuple(m.choices.Args["conditioning"])
	if one := m.text("conditioning", ""); one != "" {
		list = Tuple{one}
	}
	if len(list) > 0 {
		m.fail("", "argument conditioning: the network is conditioned on [%s], in one channel each; their scale "+
			"is not in the file, and it has none for an unknown value: not supported", names(list))
		return nil
	}
	if m.isGeoLDM() {
		return m.geoldm(table)
	}
	if m.tensors[embedding] != nil {
		return m.egnn(table)
	}
	c := m.config()
	if m.err != nil {
		return nil
	}
	meta := m.meta(c.Features, table)
	c.PadTo = m.padTo(c.Features)
	if err := c.Validate(); err != nil {
		m.fail("", "%v", err)
		return nil
	}
	return m.complete(&Imported{Meta: meta, dit: c}, c.Parameters(), c.Unused)
}

// complete adds the tensors, those of a learned schedule among them, which must be one.
func (m *importer) complete(out *Imported, list []safetensors.Parameter,
	unused func(string) bool) *Imported {
	out.Tensors = m.take(append(list, encoding.ScheduleParameters(out.Meta.Schedule)...), unused)
	if m.err != nil || out.Meta.Schedule.Name != schedule.Learned {
		return out
	}
	values := map[string][]float32{}
	for _, t := range out.Tensors {
		values[t.Name] = t.Data
	}
	if err := out.Meta.SetSchedule(values); err != nil {
		m.fail("gamma", "%v", err)
	}
	return out
}

// take converts the parameters; what is left over must be unused or empty.
func (m *importer) take(list []safetensors.Parameter,
	unused func(string) bool) []safetensors.Tensor {
	var out []safetensors.Tensor
	known := map[string]bool{}
	for _, p := range list {
		known[p.Name] = true
		t := m.tensors[p.Name]
		if t == nil {
			m.fail(p.Name, "is missing")
			continue
		}
		if !slices.EqualFunc(t.Shape, p.Shape, func(a int64, b int) bool { return a == int64(b) }) {
			m.fail(p.Name, "has shape %v, want %v", t.Shape, p.Shape)
			continue
		}
		v, err := t.Float32()
		if err != nil {
			m.fail(p.Name, "%v", err)
		}
		out = append(out, safetensors.Tensor{Name: p.Name, DType: safetensors.F32, Shape: p.Shape,
			Data: v})
	}
	for _, name := range slices.Sorted(maps.Keys(m.tensors)) {
		if n, _ := m.tensors[name].Len(); !known[name] && !unused(name) && n > 0 {
			m.fail(name, "is no parameter of a published network of this kind")
		}
	}
	return out
}

// size is dimension k of a tensor.
func (m *importer) size(name string, k int) int {
	t := m.tensors[name]
	if t == nil || len(t.Shape) <= k {
		m.fail(name, "is missing, or has too few dimensions")
		return 0
	}
	if t.Shape[k] < 0 || t.Shape[k] > 1<<20 {
		m.fail(name, "has shape %v", t.Shape)
		return 0
	}
	return int(t.Shape[k])
}

// count is the number of n from 0 with a tensor of name prefix+n+suffix.
func (m *importer) count(prefix, suffix string) int {
	n := 0
	for ; m.tensors[prefix+strconv.Itoa(n)+suffix] != nil; n++ {
	}
	return n
}

// config reads the sizes off the tensors, the rest from the arguments.
func (m *importer) config() model.Config {
	c := model.Config{Variant: model.None, GammaOrder: model.GammaReleased}
	switch {
	case m.count("gamma_enc.blocks.", ".attn.qkv.weight") > 0:
		c.Variant = model.Symdiff
	case m.count("k.blocks.", ".attn.qkv.weight") > 0:
		c.Variant = model.SymdiffH
	case m.count("model.blocks.", ".attn.qkv.weight") == 0:
		m.fail("", "holds no network of SymDiff, DiT, EDM or GeoLDM: its tensors begin with %q",
			m.state.Names[:min(3, len(m.state.Names))])
		return c
	}
	c.Features = m.size("xh_embedder.weight", 1) - 3
	c.XHHidden, c.K = m.size("xh_embedder.weight", 0), m.size("pos_embedder.weight", 1)
	c.Hidden = c.XHHidden + m.size("pos_embedder.weight", 0)
	k := c.Prefix()
	c.Depth = m.count(k+"blocks.", ".attn.qkv.weight")
	c.MLPType, c.MLPRatio = m.mlp(k, c.Hidden)
	c.Heads = m.heads("num_heads", "--heads", m.choices.Heads, c.Hidden)
	if c.Variant != model.Symdiff {
		c.GammaOrder, c.FixQR = model.GammaPaper, true
		return c
	}
	if m.choices.Order != "" {
		c.GammaOrder = m.choices.Order
	}
	c.EncHidden, c.EncDepth = m.size("gamma_enc.x_embedder.weight", 0),
		m.count("gamma_enc.blocks.", ".attn.qkv.weight")
	_, c.EncMLPRatio = m.mlp("gamma_enc.", c.EncHidden)
	c.EncHeads = m.heads("enc_num_heads", "--enc-heads", m.choices.EncHeads, c.EncHidden)
	c.DecHidden = m.size("gamma_dec.fc1.weight", 0)
	c.NoiseDims = m.size("gamma_enc.x_embedder.weight", 1) - 3 - (c.Hidden - c.XHHidden)
	c.NoiseStd = m.number("noise_std", 1)
	c.FixQR = m.flag("fix_qr", false)
	if c.NoiseDims < 0 || m.flag("enc_concat_h", false) {
		m.fail("gamma_enc.x_embedder.weight", "f sees atom types (enc_concat_h), which is not supported")
	}
	return c
}

// mlp is the kind and the ratio of a transformer's MLPs.
func (m *importer) mlp(prefix string, width int) (kind string, ratio float64) {
	in, out := m.size(prefix+"blocks.0.mlp.fc1.weight", 0), m.size(prefix+"blocks.0.mlp.fc2.weight", 1)
	kind = model.MLP
	if out*2 == in {
		kind = model.SwiGLU
	}
	if width == 0 {
		return kind, 0
	}
	return kind, float64(in) / float64(width)
}

// published widths and their numbers of heads.
var headsOf = map[int]int{384: 6, 768: 12, 128: 4, 216: 8}

// heads cannot be seen in a tensor.
func (m *importer) heads(arg, flag string, chosen, width int) int {
	if chosen > 0 {
		return chosen
	}
	if n := int(m.number(arg, 0)); n > 0 {
		return n
	}
	n, ok := headsOf[width]
	if !ok {
		m.fail("", "the number of attention heads of the network of width %d is not in the file: give its "+
			"args.pickle, or %s", width, flag)
		return 0
	}
	m.note("%d attention heads assumed for width %d, as published", n, width)
	return n
}

// number, flag and text are arguments of the run; absent where there are none.
func (m *importer) number(name string, absent float64) float64 {
	switch v := m.choices.Args[name].(type) {
	case nil:
		return absent
	case int64:
		return float64(v)
	case float64:
		return v
	case *Object, string, *List, *Dict:
		m.fail("", "argument %s: want a number", name)
	}
	return absent
}

func (m *importer) flag(name string, absent bool) bool {
	v, ok := m.choices.Args[name]
	if !ok || v == nil {
		return absent
	}
	if n, ok := v.(int64); ok && (n == 0 || n == 1) {
		return n == 1
	}
	b, ok := v.(bool)
	if !ok {
		m.fail("", "argument %s: want true or false", name)
	}
	return b
}

func (m *importer) text(name, absent string) string {
	if v, ok := m.choices.Args[name].(string); ok {
		return v
	}
	return absent
}

// Elements of GEOM-Drugs in the order of their channels.
var geomElements = strings.Fields("H B C N O F Al Si P S Cl As Br I Hg Bi")

// checkDataset holds the argument against the types of the tensors.
func (m *importer) checkDataset(features int) {
	if name := m.text("dataset", ""); name != "" && strings.HasPrefix(name, "geom") != geom(features) {
		m.fail("", "argument dataset is %.64q, the tensors have %d features of an atom: arguments of another run", name,
			features)
	}
}

// geom reports whether a network is one of GEOM-Drugs, by its 16 types.
func geom(features int) bool { return features >= len(geomElements) }

func (m *importer) padTo(features int) int {
	switch {
	case m.choices.PadTo >= 0:
		return m.choices.PadTo
	case geom(features):
		return 181
	}
	return 29
}

// meta is the meaning of the inputs, for a network of so many features.
func (m *importer) meta(features int, table *Tensor) encoding.Meta {
	meta := encoding.QM9()
	if geom(features) {
		meta.Elements = geomElements
	}
	m.checkDataset(features)
	meta.Charge = m.flag("include_charges", features > len(meta.Elements))
	if features == len(meta.Elements)-1 && !geom(features) {
		m.fail("xh_embedder.weight", "has %d features of an atom: a model of heavy atoms alone (C, N, O, F)? Only "+
			"models with hydrogens are read", features)
	}
	if n := meta.Features(); n != features {
		m.fail("xh_embedder.weight", "has %d features of an atom, %d elements and the charge make %d",
			features, len(meta.Elements), n)
	}
	if m.flag("remove_h", false) {
		m.fail("", "is a model of heavy atoms alone (argument remove_h): only models with hydrogens are read; "+
			"train one with them, or import another")
	}
	if list := asTuple(m.choices.Args["normalize_factors"]); len(list) == 3 {
		scales := meta.Scales()
		for i := range scales {
			switch v := list[i].(type) {
			case int64:
				scales[i] = float64(v)
			case float64:
				scales[i] = v
			}
		}
		meta.SetScales(scales)
	}
	meta.Schedule = schedule.Spec{
		Name:      m.text("diffusion_noise_schedule", schedule.Polynomial2.Name),
		Timesteps: int(m.number("diffusion_steps", 1000)),
		Precision: m.number("diffusion_noise_precision", schedule.Polynomial2.Precision),
	}
	if m.tensors["gamma.gamma_0"] != nil {
		if name := m.text("diffusion_noise_schedule", schedule.Learned); name != schedule.Learned {
			m.fail("gamma.gamma_0",
				"is of a learned noise schedule, but argument diffusion_noise_schedule says %s", name)
		}
		meta.Schedule.Name = schedule.Learned
	}
	if meta.Schedule.Name != schedule.Learned {
		m.checkSchedule(meta.Schedule, table)
	} else if table != nil {
		m.fail(scheduleName, "is the table of another noise schedule than a learned one")
	}
	if err := cmp.Or(meta.Validate(), meta.CheckFeatures(features)); err != nil {
		m.fail("", "%v", err)
	}
	return meta
}

// checkSchedule compares the schedule with the table in the file.
func (m *importer) checkSchedule(spec schedule.Spec, table *Tensor) {
	s, err := schedule.New(spec)
	if err != nil {
		m.fail("", "%v", err)
		return
	}
	if table == nil {
		m.note("no table of the noise schedule in the file: %s with %d time steps assumed", spec.Name,
			spec.Timesteps)
		return
	}
	v, err := table.Float32()
	if err != nil || len(v) != s.T()+1 {
		m.fail(scheduleName, "has shape %v, want (%d)", table.Shape, s.T()+1)
		return
	}
	for t, x := range v {
		if d := math.Abs(float64(x) - s.NegLogSNR(t)); !(d < 1e-2) {
			m.fail(scheduleName, "is %g at t = %d, where %s has %g: another schedule; give the run's args.pickle", x, t,
				spec.Name, s.NegLogSNR(t))
			return
		}
	}
}

// noteArguments says what is assumed of an EGNN without arguments.
func (m *importer) noteArguments() {
	if m.choices.Args == nil {
		m.note("no arguments of the run: no conditioning, tanh, norm_constant 1 and normalization_factor 1 " +
			"assumed, as published for QM9")
	}
}

// egnn is EDM's network.
func (m *importer) egnn(table *Tensor) *Imported {
	m.noteArguments()
	c := m.egnnConfig("")
	c.Features-- // the embedding takes t too
	m.sameRun(c)
	if err := c.Validate(); err != nil {
		m.fail("", "%v", err)
	}
	if m.err != nil {
		return nil
	}
	meta := m.meta(c.Features, table)
	return m.complete(&Imported{Meta: meta, edm: c, kind: "egnn"}, c.Parameters(),
		func(string) bool { return false })
}

// Export gives tensors their published names and adds what the published classes hold beside them:
// buffers, the table of a noise schedule that is not learned, and for symdiff a final layer of f
// that nothing depends on. The result loads with load_state_dict, strict.
func Export(tensors []safetensors.Tensor, md map[string]string) ([]safetensors.Tensor, error) {
	var out []safetensors.Tensor
	add := func(name string, data []float32, shape ...int) {
		out = append(out, safetensors.Tensor{Name: name, DType: safetensors.F32, Shape: shape,
			Data: data})
	}
	add("buffer", make([]float32, 1), 1)
	meta, err := encoding.Parse("model", md)
	if err != nil {
		return nil, err
	}
	if k := slices.IndexFunc(tensors,
		func(t safetensors.Tensor) bool { return t.Name == scheduleName }); k >= 0 {
		add(scheduleName, tensors[k].Data, tensors[k].Shape...)
	} else if s, err := schedule.New(meta.Schedule); err == nil {
		table := make([]float32, s.T()+1)
		for t := range table {
			table[t] = float32(s.NegLogSNR(t))
		}
		add(scheduleName, table, len(table))
	}
	if md["kind"] == geoldm.Kind {
		err := exportGeoLDM(tensors, md, func(t safetensors.Tensor) { add(t.Name, t.Data, t.Shape...) })
		return out, err
	}
	for _, t := range tensors {
		switch {
		case t.Name == scheduleName:
		case strings.HasPrefix(t.Name, "gamma."): // of a learned schedule
			add(t.Name, t.Data, t.Shape...)
		default:
			add(networkPrefix+t.Name, t.Data, t.Shape...)
		}
	}
	if md["kind"] == string(model.Symdiff) {
		c, _, err := model.ParseMetadata("model", md)
		if err != nil {
			return nil, err
		}
		final := networkPrefix + "gamma_enc.final_layer."
		add(final+"linear.weight", nil, 0, c.EncHidden)
		add(final+"linear.bias", nil, 0)
		add(final+"adaLN_modulation.1.weight", make([]float32, 2*c.EncHidden*c.EncHidden), 2*c.EncHidden,
			c.EncHidden)
		add(final+"adaLN_modulation.1.bias", make([]float32, 2*c.EncHidden), 2*c.EncHidden)
	}
	return out, nil
}
