package reference

import (
	"math"
	"slices"
	"strconv"

	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/schedule"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// LatentNetworks are the parts of a GeoLDM (see core/geoldm) as CompareLatent runs
// them, on one molecule.
type LatentNetworks interface {
	// Encode gives mean (n, 3+L), sigma_x and sigma_h (n, L) of data (n, 3+F).
	Encode(data []float32) (mean []float32, sigmaX float32, sigmaH []float32)
	// Decode gives data (n, 3+F) of latents (n, 3+L).
	Decode(z []float32) []float32
	// Eps gives eps_hat (n, 3+L) of latents at time t in [0, 1].
	Eps(z []float32, t float32) []float32
}

// CompareLatent runs the cases 0, 1, ... of a reference file through a GeoLDM of so
// many features and latent scalars of an atom, its schedule, and the constant sigma that
// it takes for the deviation of all latents:
//
//	x, h                    -> enc_x_mean, enc_x_sigma, enc_h_mean, enc_h_sigma
//	                           vae_x_sigma, vae_h_sigma
//	z_x, z_h                -> dec_x, dec_h, dec_types, dec_charges
//	z_x, z_h, t             -> eps
//	step_zt, step_t, step_s, step_noise  -> step_eps, step_mean, step_std, step_zs
//	last_z0, last_noise     -> last_eps, last_mean, last_std, last_latent
//	                           last_x, last_h, last_types, last_charges
//
// The differences are by tensor, over all cases. Errors are of type *safetensors.Error.
func CompareLatent(f *safetensors.File, features, latent int, s *schedule.Schedule, sigma float32,
	n LatentNetworks) (Differences, error) {
	r := comparison{
		f: f, features: features, latent: latent, s: s, sigma: sigma, n: n, out: Differences{},
	}
	for ; r.err == nil; r.at++ {
		info, ok := f.Info(strconv.Itoa(r.at) + ".x")
		if !ok {
			break
		}
		if len(info.Shape) != 2 || info.Shape[0] < 1 || info.Shape[0] > maxAtoms {
			return nil, &safetensors.Error{
				File:   f.Name,
				Tensor: info.Name,
				Reason: "want a shape (N, 3)",
			}
		}
		r.atoms = info.Shape[0]
		r.run()
	}
	if r.err == nil && r.at == 0 {
		r.err = &safetensors.Error{
			File:   f.Name,
			Tensor: "0.x",
			Reason: "missing: not a file of reference cases",
		}
	}
	return r.out, r.err
}

// comparison remembers the first error.
type comparison struct {
	f         *safetensors.File
	features  int // F
	latent    int // L
	s         *schedule.Schedule
	sigma     float32
	n         LatentNetworks
	at, atoms int
	out       Differences
	err       error
}

// read is a tensor of the case at hand.
func (r *comparison) read(name string, shape ...int) []float32 {
	v, err := r.f.Float32(strconv.Itoa(r.at)+"."+name, shape...)
	if err != nil {
		if r.err == nil {
			r.err = err
		}
		n := 1
		for _, d := range shape {
			n *= d
		}
		v = make([]float32, n)
	}
	return v
}

// compare notes the difference of a tensor.
func (r *comparison) compare(name string, got []float32, shape ...int) {
	r.out.Add(name, got, r.read(name, shape...))
}

// columns are those from..to of rows of a width.
func columns(rows []float32, width, from, to int) (out []float32) {
	for ; len(rows) > 0; rows = rows[width:] {
		out = append(out, rows[from:to]...)
	}
	return out
}

// joined are rows [a, b] of two widths.
func joined(a []float32, na int, b []float32, nb int) (out []float32) {
	for ; len(a) > 0; a, b = a[na:], b[nb:] {
		out = append(append(out, a[:na]...), b[:nb]...)
	}
	return out
}

func (r *comparison) run() {
	n, f, l := r.atoms, r.features, r.latent
	mean, sigmaX, sigmaH := r.n.Encode(joined(r.read("x", n, 3), 3, r.read("h", n, f), f))
	r.compare("enc_x_mean", columns(mean, 3+l, 0, 3), n, 3)
	r.compare("enc_x_sigma", slices.Repeat([]float32{sigmaX}, n), n, 1)
	r.compare("enc_h_mean", columns(mean, 3+l, 3, 3+l), n, l)
	r.compare("enc_h_sigma", sigmaH, n, l)
	r.compare("vae_x_sigma", []float32{r.sigma}, 1, 1)
	r.compare("vae_h_sigma", slices.Repeat([]float32{r.sigma}, l), 1, l)
	z := joined(r.read("z_x", n, 3), 3, r.read("z_h", n, l), l)
	r.decode("dec_", z)
	r.compare("eps", r.n.Eps(z, r.read("t", 1, 1)[0]), n, 3+l)
	r.step()
	r.last()
}

// decode compares what the decoder makes of latents.
func (r *comparison) decode(prefix string, z []float32) {
	n, f := r.atoms, r.features
	data := r.n.Decode(z)
	r.compare(prefix+"x", columns(data, 3+f, 0, 3), n, 3)
	r.compare(prefix+"h", columns(data, 3+f, 3, 3+f), n, f)
	types, charges := make([]float32, n), make([]float32, n)
	for i := range n {
		// As published: of the columns but the last one, and that rounded, whatever it is.
		row := data[i*(3+f)+3 : (i+1)*(3+f)]
		best := 0
		for k := range f - 1 {
			if row[k] > row[best] {
				best = k
			}
		}
		types[i], charges[i] = float32(best), float32(math.RoundToEven(float64(row[f-1])))
	}
	r.compare(prefix+"types", types, n)
	r.compare(prefix+"charges", charges, n)
}

// ticks is a time of [0, 1] on the grid of the schedule.
func (r *comparison) ticks(name string) int {
	t := float64(float64(r.read(name, 1, 1)[0]) * float64(r.s.T()))
	if !(t >= 0 && t <= float64(r.s.T())) && r.err == nil {
		r.err = &safetensors.Error{
			File:   r.f.Name,
			Tensor: strconv.Itoa(r.at) + "." + name,
			Reason: "want a time in [0, 1]",
		}
		return 0
	}
	return int(t + 0.5)
}

func (r *comparison) step() {
	n, wide := r.atoms, 3+r.latent
	z, noise := r.read("step_zt", n, wide), r.read("step_noise", n, wide)
	from, to := r.ticks("step_t"), r.ticks("step_s")
	if to >= from {
		if r.err == nil {
			r.err = &safetensors.Error{
				File:   r.f.Name,
				Tensor: strconv.Itoa(r.at) + ".step_s",
				Reason: "want a time before step_t",
			}
		}
		return
	}
	eps := r.n.Eps(z, float32(float64(from)/float64(r.s.T())))
	c := r.s.Ancestral(from, to)
	mean := append([]float32(nil), z...)
	c.Draw(mean, eps, noise, 0)
	c.Draw(z, eps, noise, 1)
	symmetrise.RemoveMean(z, wide, []int{n})
	r.compare("step_eps", eps, n, wide)
	r.compare("step_mean", mean, n, wide)
	r.compare("step_std", []float32{float32(c.Std)}, 1, 1)
	r.compare("step_zs", z, n, wide)
}

func (r *comparison) last() {
	n, wide := r.atoms, 3+r.latent
	z, noise := r.read("last_z0", n, wide), r.read("last_noise", n, wide)
	eps := r.n.Eps(z, 0)
	c := r.s.Last()
	mean := append([]float32(nil), z...)
	c.Draw(mean, eps, make([]float32, len(noise)))
	c.Draw(z, eps, noise)
	r.compare("last_eps", eps, n, wide)
	r.compare("last_mean", mean, n, wide)
	r.compare("last_std", []float32{float32(c.Sigma / c.Alpha)}, 1, 1)
	r.compare("last_latent", z, n, wide)
	r.decode("last_", z)
}
