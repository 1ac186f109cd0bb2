package pytorch

import (
	"fmt"
	"strings"

	"github.com/symdiff-go/symdiff/core/egnn"
	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/geoldm"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/schedule"
)

// isGeoLDM reports whether there is a tensor that no other network has.
func (m *importer) isGeoLDM() bool { return m.tensors[geoldm.DecoderPrefix+embedding] != nil }

const embedding = "egnn.embedding.weight"

// geoldm is GeoLDM: an autoencoder, and EDM's network on its latents. The sizes are those of the
// tensors, the noise schedule is the table of the file, which the averaging over the training has
// moved from its formula.
func (m *importer) geoldm(table *Tensor) *Imported {
	encoder, decoder := geoldm.EncoderPrefix, geoldm.DecoderPrefix
	if m.tensors[encoder+"final_mlp.2.weight"] == nil || m.tensors[embedding] == nil {
		m.fail("", "holds an autoencoder of GeoLDM without its %s",
			map[bool]string{true: "denoiser (dynamics)", false: "encoder"}[m.tensors[embedding] == nil])
		return nil
	}
	m.noteArguments()
	latent := (m.size(encoder+"final_mlp.2.weight", 0) - 1) / 2
	if context := m.size(decoder+embedding, 1) - latent; context != 0 {
		m.fail(decoder+embedding, "has %d columns for %d latent features: the network is conditioned on %d properties; "+
			"their scale is not in the file: not supported", latent+context, latent, context)
		return nil
	}
	c := geoldm.Config{
		Features: m.size(decoder+"egnn.embedding_out.weight", 0), AllTypes: m.choices.AllTypes,
		EGNN: m.egnnConfig(""), Encoder: m.egnnConfig(encoder), Decoder: m.egnnConfig(decoder),
	}
	c.EGNN.Features-- // the embedding takes t too
	c.Complete()
	m.agrees("latent_nf", latent)
	m.sameRun(c.EGNN)
	if path, ok := m.choices.Args["ae_path"].(string); ok && path != "" {
		m.note("argument ae_path: the autoencoder is of another run, of which tanh, norm_constant and " +
			"normalization_factor are assumed to be those of this one")
	}
	meta := m.latentMeta(c.Features, table)
	c.Charge = meta.Charge
	if m.err == nil {
		if err := c.Validate(); err != nil {
			m.fail("", "%v", err)
		}
	}
	if m.err != nil {
		return nil
	}
	if !c.Charge && !c.AllTypes {
		m.note("the last type, %s, never comes out, as published; --all-types lets it",
			meta.Elements[len(meta.Elements)-1])
	}
	tensors := map[string]*Tensor{}
	for name, t := range m.tensors {
		if !strings.HasPrefix(name, "vae.") {
			name = geoldm.DenoiserPrefix + name
		}
		tensors[name] = t
	}
	if m.tensors = tensors; table != nil {
		m.tensors[scheduleName] = table
	}
	out := &Imported{Meta: meta, latent: c, kind: geoldm.Kind}
	return m.complete(out, c.Parameters(), geoldm.Unused)
}

// agrees holds a size of the tensors against the argument that made it.
func (m *importer) agrees(argument string, size int) {
	if n := m.number(argument, float64(size)); n != float64(size) {
		m.fail("", "argument %s is %g, the tensors have %d: arguments of another run", argument, n, size)
	}
}

// sameRun holds the denoiser against the arguments that made it. Those of an autoencoder may be of
// another run (argument ae_path).
func (m *importer) sameRun(c egnn.Config) {
	m.agrees("nf", c.Hidden)
	m.agrees("n_layers", c.Layers)
	m.agrees("inv_sublayers", c.InvSublayers)
	m.agrees("context_node_nf", 0)
	if m.flag("attention", c.Attention) != c.Attention {
		m.fail("", "argument attention is %v, the tensors are of a network with the opposite: arguments of another run",
			!c.Attention)
	}
}

// latentMeta is the meaning of the atoms of a GeoLDM, which are not scaled.
func (m *importer) latentMeta(features int, table *Tensor) encoding.Meta {
	meta := encoding.QM9()
	meta.SetScales(encoding.Unscaled)
	if geom(features) {
		meta.Elements = geomElements
	}
	m.checkDataset(features)
	meta.Charge = m.flag("include_charges", features > len(meta.Elements))
	if n := meta.Features(); n != features {
		m.fail(geoldm.DecoderPrefix+"egnn.embedding_out.weight",
			"makes %d features of an atom, %d elements and the charge are %d",
			features, len(meta.Elements), n)
	}
	if m.flag("remove_h", false) {
		m.fail("", "is a model of heavy atoms alone (argument remove_h): only models with hydrogens are read; "+
			"train one with them, or import another")
	}
	learned := m.tensors["gamma.gamma_0"] != nil || m.text("diffusion_noise_schedule",
		"") == schedule.Learned
	switch {
	case learned:
		m.fail("", "has a learned noise schedule, by its tensors or argument diffusion_noise_schedule: a GeoLDM is read "+
			"with a table alone")
		return meta
	case table == nil:
		m.fail(scheduleName, "is missing: the table of the noise schedule")
		return meta
	}
	values, err := table.Float32()
	if err == nil {
		meta.Schedule = schedule.Spec{Name: schedule.Tabulated, Timesteps: len(values) - 1}
		meta.Schedule.Precision = m.number("diffusion_noise_precision", schedule.Polynomial2.Precision)
		meta.Schedule.Curve, err = schedule.TableCurve(values)
	}
	if err != nil {
		m.fail(scheduleName, "%v", err)
	}
	if n := m.number("diffusion_steps", float64(len(values)-1)); n != float64(len(values)-1) {
		m.fail(scheduleName, "has %d values, argument diffusion_steps is %g: arguments of another run",
			len(values), n)
	}
	return meta
}

// egnnConfig is the configuration of the EGNN below a prefix; its Features are all columns of the
// first layer.
func (m *importer) egnnConfig(prefix string) egnn.Config {
	prefix += "egnn."
	c := egnn.Config{
		Features: m.size(prefix+"embedding.weight", 1), Hidden: m.size(prefix+"embedding.weight", 0),
		Layers:       m.count(prefix+"e_block_", ".gcl_0.edge_mlp.0.weight"),
		InvSublayers: max(1, m.count(prefix+"e_block_0.gcl_", ".edge_mlp.0.weight")),
		Attention:    m.tensors[prefix+"e_block_0.gcl_0.att_mlp.0.weight"] != nil,
		Tanh:         m.flag("tanh", true),
		NormConstant: m.number("norm_constant", 1), NormFactor: m.number("normalization_factor", 1),
	}
	how, kind := m.text("aggregation_method", "sum"), m.text("model", "egnn_dynamics")
	if how != "sum" || kind != "egnn_dynamics" || m.flag("sin_embedding", false) ||
		!m.flag("condition_time", true) {
		m.fail("", "arguments model, sin_embedding, aggregation_method and condition_time: only egnn_dynamics, "+
			"false, sum and "+
			"true are supported")
	}
	return c
}

// exportGeoLDM gives the tensors of a GeoLDM in their order, and the buffer of the autoencoder
// before the autoencoder's first tensor.
func exportGeoLDM(tensors []safetensors.Tensor, md map[string]string,
	add func(safetensors.Tensor)) error {
	if kind, ok := md[geoldm.DenoiserPrefix+"kind"]; ok {
		return fmt.Errorf("the denoiser of latents is of kind %s: the published classes of GeoLDM have an EGNN alone", kind)
	}
	buffer := true
	for _, t := range tensors {
		if buffer && strings.HasPrefix(t.Name, "vae.") {
			buffer = false
			add(safetensors.Tensor{Name: "vae.buffer", Shape: []int{1}, Data: make([]float32, 1)})
		}
		if t.Name != scheduleName {
			add(t)
		}
	}
	return nil
}
