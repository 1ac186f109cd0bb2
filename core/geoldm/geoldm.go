// Package geoldm is latent diffusion (GeoLDM: Xu et al. 2023, arXiv 2305.01140): an
// autoencoder of every atom, N latents of 3 coordinates and L scalars for N atoms, and
// the diffusion of EDM on the latents.
//
// Encoder, decoder and denoiser are EGNNs (package egnn). With com(x) = x minus its
// mean,
//
//	encoder   [x, h] (N, 3+F)   -> mean_x = com(x_out),  f = final_mlp(h_out) (N, 2L+1):
//	          sigma_x = exp(½·sum_i f_i0),  mean_h = f_1..L,  sigma_h = exp(½·f_L+1..2L)
//	decoder   z (N, 3+L)        -> com(x_out), log-odds of the types, charge
//	denoiser  z, t (N, 3+L)     -> eps_hat = [com(x_out - x), h_out]
//
// where encoder and decoder see no t. Nothing is normalised: positions are in Å, types
// 0 or 1, the charge is the atomic number. The published code takes 0.0032 for both
// sigmas, whatever the encoder says.
//
// In place of its EGNN the denoiser may be SymDiff's network, symmetrised: it fits
// since z has the rows [x, h] of any molecule. The names of the tensors are those of
// the published state_dict.
package geoldm

import (
	"math"

	"github.com/symdiff-go/symdiff/core/dit"
	"github.com/symdiff-go/symdiff/core/egnn"
	"github.com/symdiff-go/symdiff/core/encoding"
	"github.com/symdiff-go/symdiff/core/f32"
	"github.com/symdiff-go/symdiff/core/model"
	"github.com/symdiff-go/symdiff/core/rng"
	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/schedule"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// Sigma is what the published code takes for sigma_x and sigma_h.
const Sigma = 0.0032

// Model is a model with its weights. It is read-only once loaded.
type Model struct {
	Config Config
	Meta   encoding.Meta // zero where the file holds bare networks

	encoder, decoder *egnn.Model
	final0, final2   dit.Linear // final_mlp of the encoder
	denoiser         symmetrise.Network
}

// Load reads a model from a file whose metadata say kind geoldm. It wants every tensor
// of Config.Parameters and of the noise schedule, and nothing else but what Unused
// names. Errors are *safetensors.Error naming the file and the tensor or key.
func Load(f *safetensors.File) (*Model, error) {
	c, meta, err := parse(f)
	if err != nil {
		return nil, err
	}
	if len(meta.Elements) == 0 { // a reference file: bare networks and perhaps the schedule
		if info, ok := f.Info("gamma.gamma"); ok {
			meta.Schedule = schedule.Spec{Name: schedule.Tabulated, Timesteps: info.Len() - 1}
		}
	}
	if err := meta.ReadSchedule(f); err != nil {
		return nil, err
	}
	if err := check(f, c, meta); err != nil {
		return nil, err
	}
	m := &Model{Config: c, Meta: meta}
	if m.encoder, err = read(f, EncoderPrefix, c.Encoder, c.head()...); err != nil {
		return nil, err
	}
	if err := m.readHead(f); err != nil {
		return nil, err
	}
	if m.decoder, err = read(f, DecoderPrefix, c.Decoder); err != nil {
		return nil, err
	}
	m.denoiser, err = readDenoiser(f, c)
	return m, err
}

// readHead reads the encoder's final_mlp.
func (m *Model) readHead(f *safetensors.File) error {
	head := m.Config.head()
	for i, to := range []*dit.Linear{&m.final0, &m.final2} {
		w, b := head[2*i], head[2*i+1]
		weight, err := f.Float32(EncoderPrefix+w.Name, w.Shape...)
		if err != nil {
			return err
		}
		bias, err := f.Float32(EncoderPrefix+b.Name, b.Shape...)
		if err != nil {
			return err
		}
		*to = dit.Linear{W: f32.Pack(weight, w.Shape[0], w.Shape[1]), Bias: bias}
	}
	return nil
}

// readDenoiser reads SymDiff's network, symmetrised, or an EGNN.
func readDenoiser(f *safetensors.File, c Config) (symmetrise.Network, error) {
	if c.UsesDiT() {
		d, err := model.Load(f.Under(DenoiserPrefix))
		if err != nil {
			return nil, named(err, DenoiserPrefix)
		}
		return d.Network(), nil
	}
	d, err := read(f, DenoiserPrefix, c.EGNN)
	if err != nil {
		return nil, err
	}
	return d.Network(), nil
}

// check refuses tensors that are no parameters.
func check(f *safetensors.File, c Config, meta encoding.Meta) error {
	known := map[string]bool{}
	for _, p := range append(c.Parameters(), encoding.ScheduleParameters(meta.Schedule)...) {
		known[p.Name] = true
	}
	for _, name := range f.Names() {
		if !known[name] && !Unused(name) {
			return &safetensors.Error{
				File:   f.Name,
				Tensor: name,
				Reason: "is no parameter of a GeoLDM of this configuration",
			}
		}
	}
	return nil
}

// read reads the EGNN below a prefix.
func read(f *safetensors.File, prefix string, c egnn.Config,
	beside ...safetensors.Parameter) (*egnn.Model, error) {
	m, err := egnn.Read(f.Under(prefix), c, beside...)
	return m, named(err, prefix)
}

// named puts the prefix back to the tensor's name in an error.
func named(err error, prefix string) error {
	if e, ok := err.(*safetensors.Error); ok && e.Tensor != "" {
		whole := *e
		whole.Tensor = prefix + e.Tensor
		return &whole
	}
	return err
}

// Encoder turns a batch of molecules into latents.
type Encoder struct {
	m     *Model
	sizes []int
	f     egnn.Function
	out   []float32 // (rows, 3+nf) x_out, h_out
	h     []float32 // (rows, nf)
	mid   []float32 // (rows, nf) of final_mlp
	head  []float32 // (rows, 2L+1)
}

// NewEncoder makes the buffers for molecules of the given numbers of atoms.
func (m *Model) NewEncoder(sizes []int) *Encoder {
	rows, d := sum(sizes), m.Config.Encoder.Hidden
	return &Encoder{
		m: m, sizes: append([]int(nil), sizes...), f: m.encoder.NewFunction(sizes),
		out: make([]float32, rows*(3+d)), h: make([]float32, rows*d), mid: make([]float32, rows*d),
		head: make([]float32, rows*(2*m.Config.Latent()+1)),
	}
}

func sum(list []int) (n int) {
	for _, v := range list {
		n += v
	}
	return n
}

// Encode sets the means of the latents, mean (rows, 3+L) = [com(x_out), f_1..L], of data
// (rows, 3+F): [x in Å, types 0 or 1, charge].
func (e *Encoder) Encode(mean, data []float32) {
	d, latent := e.m.Config.Encoder.Hidden, e.m.Config.Latent()
	rows := len(e.h) / d
	e.f.Apply(e.out, data)
	for i := range rows {
		copy(e.h[i*d:(i+1)*d], e.out[i*(3+d)+3:])
	}
	e.m.final0.Apply(e.mid, d, e.h, d, rows)
	f32.SiLU(e.mid, e.mid)
	wide := 2*latent + 1
	e.m.final2.Apply(e.head, wide, e.mid, d, rows)
	for i := range rows {
		row := mean[i*(3+latent) : (i+1)*(3+latent)]
		copy(row, e.out[i*(3+d):i*(3+d)+3])
		copy(row[3:], e.head[i*wide+1:])
	}
}

// Sigmas are the standard deviations that the encoder's head makes of the last call of
// Encode, which nothing uses: one of x for each molecule, and h (rows, L).
func (e *Encoder) Sigmas() (x, h []float32) {
	latent := e.m.Config.Latent()
	wide, at := 2*latent+1, 0
	for _, n := range e.sizes {
		sum := 0.0
		for i := at; i < at+n; i++ {
			row := e.head[i*wide : (i+1)*wide]
			sum += float64(row[0])
			for _, v := range row[1+latent:] {
				h = append(h, float32(rng.Exp(float64(v)/2)))
			}
		}
		x = append(x, float32(rng.Exp(sum/2)))
		at += n
	}
	return x, h
}

// Decoder turns the latents of a batch into atoms.
type Decoder struct {
	m *Model
	f egnn.Function
}

// Forward sets data (rows, 3+F) = [com(x_out) in Å, log-odds of the types, charge] from
// latents z (rows, 3+L), as the network does.
func (d *Decoder) Forward(data, z []float32) { d.f.Apply(data, z) }

// Width is 3+F.
func (d *Decoder) Width() int { return 3 + d.m.Config.Features }

// Decode is Forward. Where atoms have no charge the last type never comes out: the
// published code takes the columns of the types less the last one, whether that is the
// charge or not. With Config.AllTypes it can.
func (d *Decoder) Decode(data, z []float32) {
	d.Forward(data, z)
	if d.m.Config.Charge || d.m.Config.AllTypes {
		return
	}
	width := d.Width()
	for i := width - 1; i < len(data); i += width {
		data[i] = -math.MaxFloat32
	}
}

// NewDecoder makes the buffers for molecules of the given numbers of atoms.
func (m *Model) NewDecoder(sizes []int) symmetrise.Decoder { return m.newDecoder(sizes) }

func (m *Model) newDecoder(sizes []int) *Decoder {
	return &Decoder{m, m.decoder.NewFunction(sizes)}
}

// Network is the denoiser, with the decoder of its latents.
func (m *Model) Network() symmetrise.Network {
	return symmetrise.Decoded(m.denoiser, m.NewDecoder)
}
