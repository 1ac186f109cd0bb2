// Package symmetrise makes any denoiser equivariant by stochastic
// symmetrisation (Zhang et al., ICLR 2025, arXiv 2410.06262). For a group G of
// orthogonal matrices, a Markov kernel k and a G-equivariant kernel gamma,
//
//	sym_gamma(k)(x):   g ~ gamma(.|x);   y ~ k(.|g⁻¹·x);   return g·y
//
// is G-equivariant, whatever k is.
//
// Atoms are rows z = [x, h] of 3+F values, so a matrix C acts from the right on
// the positions: X·C is g⁻¹·x, and X·Cᵀ is g·x. A batch is the rows of its
// molecules one after the other. All randomness is an argument (Noise), so that
// a call is a function of its arguments, and equivariance can be tested exactly
// by coupling: the input X·H with R0' = Hᵀ·R0 and the same eta gives the output
// turned by H.
package symmetrise

import (
	"github.com/symdiff-go/symdiff/core/o3"
	"github.com/symdiff-go/symdiff/core/rng"
)

// Denoiser predicts noise. It need not be equivariant.
type Denoiser interface {
	// Features is F, the number of features of an atom beside its position.
	Features() int
	// NewState makes the buffers for a batch of molecules of the given numbers of
	// atoms.
	NewState(sizes []int) State
}

// State is what a denoiser is working on.
type State interface {
	// Eps sets eps_hat (rows, 3+F) from z (rows, 3+F) at time t in [0, 1]. eps and z
	// do not overlap. It must not keep or change z.
	Eps(eps, z []float32, t float32)
}

// Noise is the randomness of one call: of each molecule a matrix R0 from the
// Haar measure of the group, and of each atom the values eta (rows, noise dims),
// standard Gaussians times the noise's standard deviation.
type Noise struct {
	R0  []o3.Matrix
	Eta []float32
}

// Gamma is a kernel from molecules to the matrices of a group. The measure of
// its result is equivariant if C(X·H, Hᵀ·R0, eta) = Hᵀ·C(X, R0, eta).
type Gamma interface {
	Group() Group
	// Eta is the shape of its noise: values per atom and their standard deviation.
	Eta() (dims int, std float64)
	// NewState makes the buffers for a batch.
	NewState(sizes []int) GammaState
}

// GammaState draws the matrices of a batch.
type GammaState interface {
	// Draw sets c, one matrix C per molecule, from rows z of the given width at time
	// t. It must not keep or change its arguments.
	Draw(c []o3.Matrix, z []float32, width int, t float32, noise Noise)
}

// Network is a denoiser with its symmetrisation: what the sampler calls.
type Network interface {
	Features() int
	Group() Group
	Eta() (dims int, std float64)
	NewState(sizes []int) NetworkState
}

// NetworkState is what a network is working on.
type NetworkState interface {
	// Eps sets eps_hat (rows, 3+F) from z (rows, 3+F) at time t with the given noise.
	Eps(eps, z []float32, t float32, noise Noise)
	// Gamma is the matrix C of molecule i in the last call of Eps.
	Gamma(i int) o3.Matrix
}

// Latent is a network whose rows [x, h] are latents of atoms, which a decoder turns
// into atoms (see package geoldm).
type Latent interface {
	Network
	// NewDecoder makes the decoder of a batch.
	NewDecoder(sizes []int) Decoder
}

// Decoder turns latents into atoms.
type Decoder interface {
	// Width is 3 and the number of features of an atom.
	Width() int
	// Decode sets data (rows, Width) from latents z (rows, 3+F): positions of zero centre
	// of mass, and features in the order of those of a molecule, the types as log-odds. It
	// must not keep or change z.
	Decode(data, z []float32)
}

// AsLatent is a network, or the one that is guided, if it is one of latents.
func AsLatent(n Network) (l Latent, ok bool) {
	if g, guided := n.(guided); guided {
		n = g.Network
	}
	l, ok = n.(Latent)
	return l, ok
}

// New symmetrises a denoiser by gamma:
//
//	C ~ gamma(X);   eps_hat = (P(eps_x)·Cᵀ, eps_h),   (eps_x, eps_h) = k(X·C, h, t)
//
// with P the projection to zero centre of mass.
func New(k Denoiser, gamma Gamma) Network { return network{k, gamma} }

type network struct {
	Denoiser
	gamma Gamma
}

func (n network) Group() Group                 { return n.gamma.Group() }
func (n network) Eta() (dims int, std float64) { return n.gamma.Eta() }

func (n network) NewState(sizes []int) NetworkState {
	rows := 0
	for _, size := range sizes {
		if size < 1 {
			panic("symmetrise: molecule without atoms")
		}
		rows += size
	}
	width := 3 + n.Features()
	return &state{
		k: n.Denoiser.NewState(sizes), gamma: n.gamma.NewState(sizes), sizes: append([]int(nil), sizes...), width: width,
		c: make([]o3.Matrix, len(sizes)), z: make([]float32, rows*width),
	}
}

// state reuses its buffers from call to call.
type state struct {
	k     State
	gamma GammaState
	sizes []int
	width int
	c     []o3.Matrix // (molecules)
	z     []float32   // (rows, 3+F) [X·C, h]
}

func (s *state) Eps(eps, z []float32, t float32, noise Noise) {
	if len(z) != len(s.z) || len(eps) != len(z) {
		panic("symmetrise: z and eps must have (rows, 3+F) values")
	}
	if len(noise.R0) != len(s.sizes) {
		panic("symmetrise: want one R0 for each molecule")
	}
	s.gamma.Draw(s.c, z, s.width, t, noise)
	copy(s.z, z)
	s.turn(s.z, false)
	s.k.Eps(eps, s.z, t)
	RemoveMean(eps, s.width, s.sizes)
	s.turn(eps, true)
}

// turn multiplies the positions of every molecule by C, or by Cᵀ.
func (s *state) turn(z []float32, back bool) {
	for i, n := range s.sizes {
		c := s.c[i]
		if back {
			c = c.T()
		}
		c.Turn(z, s.width, z, s.width, n)
		z = z[n*s.width:]
	}
}

func (s *state) Gamma(i int) o3.Matrix { return s.c[i] }

// Draw fills the noise of a call for molecule i of a batch, whose atoms are rows
// from..to, from two streams.
func (n Noise) Draw(network Network, i, from, to int, haar, eta *rng.Stream) {
	n.R0[i] = network.Group().Haar(haar)
	dims, std := network.Eta()
	eta.Fill(n.Eta[from*dims:to*dims], std)
}

// NewNoise has room for the noise of a batch.
func NewNoise(network Network, sizes []int) Noise {
	rows := 0
	for _, n := range sizes {
		rows += n
	}
	dims, _ := network.Eta()
	return Noise{R0: make([]o3.Matrix, len(sizes)), Eta: make([]float32, rows*dims)}
}

// RemoveMean projects the positions of every molecule, the first three columns
// of rows of the given width, to zero centre of mass (the unweighted mean of
// its atoms).
func RemoveMean(z []float32, width int, sizes []int) {
	for _, n := range sizes {
		var sum [3]float64
		for i := range n {
			for k := range sum {
				sum[k] += float64(z[i*width+k])
			}
		}
		for i := range n {
			for k := range sum {
				z[i*width+k] = float32(float64(z[i*width+k]) - sum[k]/float64(n))
			}
		}
		z = z[n*width:]
	}
}
