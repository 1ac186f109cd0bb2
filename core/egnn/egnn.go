// Package egnn is the network of EDM (Hoogeboom et al. 2022, arXiv 2203.17003),
// an E(n)-equivariant graph network (Satorras et al. 2021, arXiv 2102.09844). It is
// equivariant under O(3) without symmetrisation, and is compared with the
// symmetrised transformer. It implements symmetrise.Denoiser.
//
// Atoms are rows z = [x, h]; every pair of different atoms of a molecule is an
// edge. With d²_ij = |x_i - x_j|² and d0²_ij that of the input,
//
//	h   <- embedding([h, t, context])
//	per block, inv_sublayers times:
//	  m_ij = edge_mlp([h_i, h_j, d²_ij, d0²_ij]);   m_ij <- m_ij·sigmoid(att_mlp(m_ij))
//	  h_i  <- h_i + node_mlp([h_i, sum_j m_ij/normalization_factor])
//	per block, once:
//	  w_ij = 15·tanh(coord_mlp([h_i, h_j, d²_ij, d0²_ij]))
//	  x_i  <- x_i + sum_j (x_i - x_j)/(d_ij + norm_constant)·w_ij/normalization_factor
//	eps_x = x - x_input, projected to zero centre of mass
//	eps_h = embedding_out(h) without the channels of t and context
//
// with d = sqrt(d² + 1e-8) and the d² of the start of the block. Without tanh the
// bare coord_mlp takes the place of 15·tanh. The names of the parameters are those
// of the published state_dict. The context, of a network that is conditioned on
// properties of a molecule (see Model.At), is the same at every atom.
package egnn

import (
	"errors"
	"math"
	"strconv"

	"github.com/symdiff-go/symdiff/core/dit"
	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/f32"
	"github.com/symdiff-go/symdiff/core/internal/header"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// Config says what a network is, by the published names.
type Config struct {
	Features     int     // F: features of an atom beside its position
	Context      int     // context_node_nf: channels, two for each of Meta.Context
	Hidden       int     // hidden_nf
	Layers       int     // n_layers: blocks
	InvSublayers int     // inv_sublayers: updates of h per block
	Attention    bool    // attention
	Tanh         bool    // tanh
	NormConstant float64 // norm_constant
	NormFactor   float64 // normalization_factor

	// What the parts of an autoencoder have otherwise (see package geoldm). No file of an
	// EGNN alone says it.
	Outputs  int  // features of an atom that come out; 0: as many as go in
	Timeless bool // without a channel of t
	Absolute bool // its positions are x, not x - x_input
}

// time is the number of channels of t.
func (c Config) time() int {
	if c.Timeless {
		return 0
	}
	return 1
}

// outputs is the number of features of an atom that come out.
func (c Config) outputs() int {
	if c.Outputs > 0 {
		return c.Outputs
	}
	return c.Features
}

// QM9 is EDM's network of the paper: 5.3 million parameters.
func QM9() Config {
	return Config{
		Features:     6,
		Hidden:       256,
		Layers:       9,
		InvSublayers: 1,
		Attention:    true,
		Tanh:         true,
		NormConstant: 1,
		NormFactor:   1,
	}
}

const maxContext = 64

// Validate checks the sizes; the error names the field as it is called in a
// file.
func (c Config) Validate() error {
	for _, b := range []struct {
		name     string
		v, limit int
	}{
		{"features", c.Features, 256}, {"hidden_nf", c.Hidden, 1 << 13},
		{"n_layers", c.Layers, 1 << 8}, {"inv_sublayers", c.InvSublayers, 1 << 6},
	} {
		if b.v < 1 || b.v > b.limit {
			return errors.New(
				b.name + ": " + strconv.Itoa(b.v) + " not in [1, " + strconv.Itoa(b.limit) + "]",
			)
		}
	}
	if c.Context < 0 || c.Context > maxContext {
		return errors.New(
			"context: " + strconv.Itoa(c.Context) + " not in [0, " + strconv.Itoa(maxContext) + "]",
		)
	}
	if !(c.NormConstant >= 0 && c.NormConstant <= 1e6) {
		return errors.New("norm_constant: not in [0, 1e6]")
	}
	if !(c.NormFactor > 0 && c.NormFactor <= 1e6) {
		return errors.New("normalization_factor: not in (0, 1e6]")
	}
	return nil
}

// Parameters lists every parameter with its shape, in the order of the published
// state_dict.
func (c Config) Parameters() []safetensors.Parameter {
	var list []safetensors.Parameter
	add := func(name string, shape ...int) {
		list = append(list, safetensors.Parameter{Name: "egnn." + name, Shape: shape})
	}
	linear := func(name string, in, out int) {
		add(name+".weight", out, in)
		add(name+".bias", out)
	}
	d := c.Hidden
	in := c.Features + c.time() + c.Context
	linear("embedding", in, d)
	if c.Outputs > 0 {
		linear("embedding_out", d, c.Outputs)
	} else {
		linear("embedding_out", d, in)
	}
	for l := range c.Layers {
		block := "e_block_" + strconv.Itoa(l) + "."
		for i := range c.InvSublayers {
			gcl := block + "gcl_" + strconv.Itoa(i) + "."
			linear(gcl+"edge_mlp.0", 2*d+2, d)
			linear(gcl+"edge_mlp.2", d, d)
			linear(gcl+"node_mlp.0", 2*d, d)
			linear(gcl+"node_mlp.2", d, d)
			if c.Attention {
				linear(gcl+"att_mlp.0", d, 1)
			}
		}
		linear(block+"gcl_equiv.coord_mlp.0", 2*d+2, d)
		linear(block+"gcl_equiv.coord_mlp.2", d, d)
		add(block+"gcl_equiv.coord_mlp.4.weight", 1, d)
	}
	return list
}

// Model is a network with its weights. It is read-only once loaded.
type Model struct {
	Config Config
	Meta   encoding.Meta // zero where the file holds a bare network

	in      dit.Linear  // [h, t] -> hidden
	context [][]float32 // of each channel of the context, its column (hidden) of embedding
	out     dit.Linear  // hidden -> F+1
	blocks  []block
}

type block struct {
	inv            []invariant
	coord0, coord2 dit.Linear
	coord4         dit.Linear // without bias
}

type invariant struct{ edge0, edge2, node0, node2, att dit.Linear }

// Load reads a network from a file whose metadata say kind egnn. It wants every
// tensor of Config.Parameters, and those of a learned noise schedule, and
// nothing else. Errors are *safetensors.Error naming the file and the tensor or key.
func Load(f *safetensors.File) (*Model, error) {
	c, meta, err := parseMetadata(f)
	if err != nil {
		return nil, err
	}
	m, err := Read(f, c, encoding.ScheduleParameters(meta.Schedule)...)
	if err != nil {
		return nil, err
	}
	m.Meta = meta
	return m, nil
}

// Read reads a network of a known configuration. It wants every tensor of
// Config.Parameters, and those beside it, and nothing else.
func Read(f *safetensors.File, c Config, beside ...safetensors.Parameter) (*Model, error) {
	t, err := read(f, append(c.Parameters(), beside...))
	if err != nil {
		return nil, err
	}
	m := &Model{Config: c}
	in, out := t["egnn.embedding.weight"], t["egnn.embedding_out.weight"]
	weight, context := dit.SplitColumns(in.values, c.Hidden, in.shape[1], c.Context)
	m.in = dit.Linear{
		W:    f32.Pack(weight, c.Hidden, c.Features+c.time()),
		Bias: t["egnn.embedding.bias"].values,
	}
	m.context = context
	width := c.outputs()
	if c.Outputs == 0 {
		width += c.time() // its channel comes out too, and is dropped
	}
	m.out = dit.Linear{
		W:    f32.Pack(out.values[:width*c.Hidden], width, c.Hidden),
		Bias: t["egnn.embedding_out.bias"].values[:width],
	}
	for l := range c.Layers {
		m.blocks = append(m.blocks, t.block(c, "egnn.e_block_"+strconv.Itoa(l)+"."))
	}
	return m, nil
}

// tensors are those of a file by name.
type tensors map[string]tensor

type tensor struct {
	values []float32
	shape  []int
}

// read reads the tensors of a list, which must be all that the file has.
func read(f *safetensors.File, list []safetensors.Parameter) (tensors, error) {
	t := tensors{}
	for _, p := range list {
		v, err := f.Float32(p.Name, p.Shape...)
		if err != nil {
			return nil, err
		}
		t[p.Name] = tensor{v, p.Shape}
	}
	for _, name := range f.Names() {
		if _, ok := t[name]; !ok {
			return nil, &safetensors.Error{
				File:   f.Name,
				Tensor: name,
				Reason: "is no parameter of an EGNN of this configuration",
			}
		}
	}
	return t, nil
}

// linear is a layer; its bias is nil where it has none.
func (t tensors) linear(name string) dit.Linear {
	w := t[name+".weight"]
	return dit.Linear{W: f32.Pack(w.values, w.shape[0], w.shape[1]), Bias: t[name+".bias"].values}
}

// block is the block whose names have a prefix.
func (t tensors) block(c Config, prefix string) block {
	b := block{
		coord0: t.linear(prefix + "gcl_equiv.coord_mlp.0"),
		coord2: t.linear(prefix + "gcl_equiv.coord_mlp.2"),
		coord4: t.linear(prefix + "gcl_equiv.coord_mlp.4"),
	}
	for i := range c.InvSublayers {
		gcl := prefix + "gcl_" + strconv.Itoa(i) + "."
		inv := invariant{
			edge0: t.linear(gcl + "edge_mlp.0"),
			edge2: t.linear(gcl + "edge_mlp.2"),
			node0: t.linear(gcl + "node_mlp.0"),
			node2: t.linear(gcl + "node_mlp.2"),
		}
		if c.Attention {
			inv.att = t.linear(gcl + "att_mlp.0")
		}
		b.inv = append(b.inv, inv)
	}
	return b
}

// Metadata is the header of a weights file, which Load reads.
func Metadata(c Config, m encoding.Meta) map[string]string {
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	config := `{"hidden_nf":` + strconv.Itoa(c.Hidden) + `,"n_layers":` + strconv.Itoa(c.Layers) +
		`,"inv_sublayers":` + strconv.Itoa(c.InvSublayers) +
		`,"attention":` + strconv.FormatBool(c.Attention) + `,"tanh":` +
		strconv.FormatBool(c.Tanh) +
		`,"norm_constant":` + number(c.NormConstant) + `,"normalization_factor":` +
		number(c.NormFactor)
	md := map[string]string{"kind": "egnn", "config": config + "}"}
	m.Describe(md)
	return md
}

// parseMetadata reads the configuration, and the meaning of the inputs where the
// file states it (see encoding.Parse).
func parseMetadata(f *safetensors.File) (Config, encoding.Meta, error) {
	p := header.Reader{File: f.Name, Metadata: f.Metadata}
	if kind := p.Word("kind", ""); kind != "egnn" {
		p.Fail("kind", strconv.Quote(kind)+", want egnn")
	}
	v := p.Object("config")
	c := Config{
		Hidden: p.Int("config", v, "hidden_nf"), Layers: p.Int("config", v, "n_layers"),
		InvSublayers: p.Int("config", v, "inv_sublayers"),
		Attention:    p.Bool("config", v, "attention"), Tanh: p.Bool("config", v, "tanh"),
		NormConstant: p.Number("config", v, "norm_constant"),
		NormFactor:   p.Number("config", v, "normalization_factor"),
	}
	for _, only := range []struct{ field, value string }{
		{"symmetrise", "haar"}, // of old files: an equivariant network is the same under it
		{"aggregation_method", "sum"},
	} {
		if s, ok := v.Get(only.field); ok && s.Text != only.value {
			p.Fail("config", only.field+": "+strconv.Quote(s.Text)+", want "+only.value)
		}
	}
	if s, ok := v.Get("sin_embedding"); ok && s.Bool {
		p.Fail("config", "sin_embedding: not supported")
	}
	if p.Err != nil {
		return Config{}, encoding.Meta{}, p.Err
	}
	meta, err := encoding.Read(f)
	if err != nil {
		return Config{}, encoding.Meta{}, err
	}
	const first = "egnn.embedding.weight"
	info, ok := f.Info(first)
	if !ok || len(info.Shape) != 2 {
		return Config{}, encoding.Meta{}, &safetensors.Error{
			File:   f.Name,
			Tensor: first,
			Reason: "missing, or not a matrix",
		}
	}
	c.Context = 2 * len(meta.Context)
	c.Features = info.Shape[1] - 1 - c.Context
	if err := c.Validate(); err != nil {
		p.Fail("config", err.Error())
	}
	if meta.Defined() {
		if err := meta.CheckFeatures(c.Features); err != nil {
			p.Err = &safetensors.Error{File: f.Name, Reason: "metadata " + err.Error()}
		}
	}
	return c, meta, p.Err
}

// Features is F.
func (m *Model) Features() int { return m.Config.Features }

// At is m under the given values of properties of Meta.Context, as model.Model.At
// is: m shares its weights, the context's part of the first layer is a bias.
func (m *Model) At(values map[string]float64) (symmetrise.Denoiser, error) {
	channels, err := m.Meta.Channels(values)
	if err != nil {
		return nil, err
	}
	n := *m
	n.in = m.in.With(m.context, channels)
	return &n, nil
}

// Network is m without symmetrisation, which it does not need.
func (m *Model) Network() symmetrise.Network { return symmetrise.New(m, symmetrise.None()) }

// StateBytes is what NewState takes for a batch, in bytes, its largest buffers.
func (m *Model) StateBytes(sizes []int) int64 {
	rows, largest, squares := int64(0), int64(0), int64(0)
	for _, n := range sizes {
		rows += int64(n)
		largest = max(largest, int64(n))
		squares += int64(n) * int64(n)
	}
	d := int64(m.Config.Hidden)
	return 4 * (rows*(4*d+2*int64(m.Config.Features)+8) + squares + largest*largest + largest*(4*d+3))
}

// state is a batch at work, its buffers reused.
type state struct {
	m     *Model
	sizes []int
	x     []float32   // (rows, 3)
	next  []float32   // (rows, 3) x after the block
	hin   []float32   // (rows, F+1) [h, t]; without t (rows, F)
	h     []float32   // (rows, hidden)
	hout  []float32   // (rows, outputs), perhaps with t's
	node  []float32   // (rows, 2·hidden) [h_i, sum_j m_ij]
	mid   []float32   // (rows, hidden)
	d2    []float32   // (n, n) of the largest molecule, at the start of the block
	d0    [][]float32 // of each molecule (n, n): at the input
	edge  []float32   // (n, 2·hidden+2) edges of one atom: [h_i, h_j, d²_ij, d0²_ij]
	m1    []float32   // (n, hidden)
	m2    []float32   // (n, hidden)
	gate  []float32   // (n)
}

// NewState makes the buffers for a batch.
func (m *Model) NewState(sizes []int) symmetrise.State { return m.newState(sizes) }

// Function is the network as a function of molecules, for one that does not denoise:
// Apply sets out (rows, 3+outputs) from z (rows, 3+F), with t = 0 where it takes a time.
type Function struct{ s *state }

// NewFunction makes the buffers for a batch.
func (m *Model) NewFunction(sizes []int) Function { return Function{m.newState(sizes)} }

// Apply is the forward pass of the package comment.
func (f Function) Apply(out, z []float32) { f.s.apply(out, z, 0) }

func (m *Model) newState(sizes []int) *state {
	rows, largest := 0, 0
	s := &state{m: m, sizes: append([]int(nil), sizes...)}
	for _, n := range sizes {
		if n < 1 {
			panic("egnn: molecule without atoms")
		}
		rows += n
		largest = max(largest, n)
		s.d0 = append(s.d0, make([]float32, n*n))
	}
	d := m.Config.Hidden
	buffer := func(n int) []float32 { return make([]float32, n) }
	s.x, s.next, s.h = buffer(3*rows), buffer(3*rows), buffer(rows*d)
	s.hin, s.hout = buffer(rows*m.in.W.In()), buffer(rows*m.out.W.Out())
	s.node, s.mid, s.d2 = buffer(rows*2*d), buffer(rows*d), buffer(largest*largest)
	s.edge, s.gate = buffer(largest*(2*d+2)), buffer(largest)
	s.m1, s.m2 = buffer(largest*d), buffer(largest*d)
	return s
}

// Eps is the forward pass of the package comment.
func (s *state) Eps(eps, z []float32, t float32) { s.apply(eps, z, t) }

// apply sets out (rows, 3+outputs) from z (rows, 3+F).
func (s *state) apply(out, z []float32, t float32) {
	m := s.m
	s.embed(z, t)
	at := 0
	for i, n := range s.sizes {
		squares(s.d0[i], s.x[3*at:], n)
		at += n
	}
	for b := range m.blocks {
		at := 0
		for i, n := range s.sizes {
			a := s.atoms(i, at)
			squares(s.d2[:n*n], a.x, n)
			for l := range m.blocks[b].inv {
				s.updateH(&m.blocks[b].inv[l], a)
			}
			s.updateX(&m.blocks[b], a)
			at += n
		}
		s.x, s.next = s.next, s.x
	}
	wide, features, width := m.out.W.Out(), m.Config.outputs(), 3+m.Config.Features
	m.out.Apply(s.hout, wide, s.h, m.Config.Hidden, len(s.x)/3)
	for i := range len(s.x) / 3 {
		e := out[i*(3+features) : (i+1)*(3+features)]
		for k := range 3 {
			e[k] = s.x[3*i+k]
			if !m.Config.Absolute {
				e[k] -= z[i*width+k]
			}
		}
		copy(e[3:], s.hout[i*wide:])
	}
	symmetrise.RemoveMean(out, 3+features, s.sizes)
}

// embed sets x, and h = embedding([h, t]), of z (rows, 3+F).
func (s *state) embed(z []float32, t float32) {
	f, in := s.m.Config.Features, s.m.in.W.In()
	width, rows := 3+f, len(s.x)/3
	for i := range rows {
		copy(s.x[3*i:3*i+3], z[i*width:])
		copy(s.hin[i*in:], z[i*width+3:(i+1)*width])
		if in > f {
			s.hin[i*in+f] = t
		}
	}
	s.m.in.Apply(s.h, s.m.Config.Hidden, s.hin, in, rows)
}

// atoms are the rows of one molecule, of n atoms, in the buffers of a state.
type atoms struct {
	n       int
	x, next []float32 // (n, 3)
	h, mid  []float32 // (n, hidden)
	node    []float32 // (n, 2·hidden)
	d0      []float32 // (n, n)
}

// atoms are those of molecule i, whose first row is at.
func (s *state) atoms(i, at int) atoms {
	d, end := s.m.Config.Hidden, at+s.sizes[i]
	return atoms{
		n: s.sizes[i], x: s.x[3*at : 3*end], next: s.next[3*at : 3*end],
		h: s.h[at*d : end*d], mid: s.mid[at*d : end*d], node: s.node[at*2*d : end*2*d], d0: s.d0[i],
	}
}

// squares sets d2 (n, n) to the squared distances.
func squares(d2, x []float32, n int) {
	for i := range n {
		for j := range n {
			a, b, c := x[3*i]-x[3*j], x[3*i+1]-x[3*j+1], x[3*i+2]-x[3*j+2]
			d2[i*n+j] = float32(float32(a*a)+float32(b*b)) + float32(c*c)
		}
	}
}

// updateH is h_i <- h_i + node_mlp([h_i, sum_j m_ij/normalization_factor]).
func (s *state) updateH(inv *invariant, a atoms) {
	d := s.m.Config.Hidden
	for i := range a.n {
		row := a.node[i*2*d : (i+1)*2*d]
		copy(row, a.h[i*d:(i+1)*d])
		s.messages(row[d:], inv, a, i)
	}
	inv.node0.Apply(a.mid, d, a.node, 2*d, a.n)
	f32.SiLU(a.mid, a.mid)
	inv.node2.Apply(s.m1, d, a.mid, d, a.n)
	f32.Add(a.h, s.m1[:a.n*d])
}

// messages sets sum (hidden) to sum_j m_ij/normalization_factor of atom i.
func (s *state) messages(sum []float32, inv *invariant, a atoms, i int) {
	c := s.m.Config
	d := c.Hidden
	s.edges(a, i)
	m := s.mlp(inv.edge0, inv.edge2, a.n)
	if c.Attention {
		inv.att.Apply(s.gate, 1, m, d, a.n)
		sigmoid(s.gate[:a.n])
	}
	clear(sum)
	for j := range a.n {
		if j == i {
			continue
		}
		weight := float32(1)
		if c.Attention {
			weight = s.gate[j]
		}
		f32.AddScaled(sum, weight, m[j*d:(j+1)*d])
	}
	f32.Scale(sum, float32(1/c.NormFactor))
}

// updateX is next_i = x_i + sum_j (x_i - x_j)/(d_ij + norm_constant)·w_ij/normalization_factor.
func (s *state) updateX(b *block, a atoms) {
	c := s.m.Config
	for i := range a.n {
		s.edges(a, i)
		b.coord4.Apply(s.gate, 1, s.mlp(b.coord0, b.coord2, a.n), c.Hidden, a.n)
		if c.Tanh {
			tanh15(s.gate[:a.n])
		}
		var shift [3]float64
		for j := range a.n {
			if j == i {
				continue
			}
			w := float64(s.gate[j]) / (math.Sqrt(float64(s.d2[i*a.n+j])+1e-8) + c.NormConstant)
			for k := range shift {
				shift[k] += float64(float64(a.x[3*i+k]-a.x[3*j+k]) * w)
			}
		}
		for k, v := range shift {
			a.next[3*i+k] = a.x[3*i+k] + float32(v/c.NormFactor)
		}
	}
}

// edges fills edge with those of atom i.
func (s *state) edges(a atoms, i int) {
	d := s.m.Config.Hidden
	for j := range a.n {
		e := s.edge[j*(2*d+2) : (j+1)*(2*d+2)]
		copy(e, a.h[i*d:(i+1)*d])
		copy(e[d:], a.h[j*d:(j+1)*d])
		e[2*d], e[2*d+1] = s.d2[i*a.n+j], a.d0[i*a.n+j]
	}
}

// mlp is SiLU(second(SiLU(first(edge)))): (n, hidden).
func (s *state) mlp(first, second dit.Linear, n int) []float32 {
	d := s.m.Config.Hidden
	first.Apply(s.m1, d, s.edge, 2*d+2, n)
	f32.SiLU(s.m1[:n*d], s.m1[:n*d])
	second.Apply(s.m2, d, s.m1, d, n)
	f32.SiLU(s.m2[:n*d], s.m2[:n*d])
	return s.m2[:n*d]
}

// sigmoid is 1/(1 + e^-x) in place.
func sigmoid(x []float32) {
	f32.Scale(x, -1)
	f32.Exp(x, x)
	for i, v := range x {
		x[i] = 1 / (1 + v)
	}
}

// tanh15 is 15·tanh(x) = 15·(1 - 2/(1 + e^2x)) in place.
func tanh15(x []float32) {
	f32.Scale(x, 2)
	f32.Exp(x, x)
	for i, v := range x {
		x[i] = 15 * (1 - 2/(1+v))
	}
}
