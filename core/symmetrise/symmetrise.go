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
// rotated by H.
package symmetrise

import (
	"errors"
	"strconv"

	"github.com/symdiff-go/symdiff/core/o3"
	"github.com/symdiff-go/symdiff/core/rng"
)

// Denoiser predicts noise. It need not be equivariant. It and its states may be
// able to do more: see Conditional, Trained, Scheduled and Invariant, which New asks
// for.
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

// Conditional is a denoiser that predicts under values of properties of a molecule,
// by name, too: At is the denoiser under those. A name that it does not know is an
// error.
type Conditional interface {
	Denoiser
	At(values map[string]float64) (Denoiser, error)
}

// Trained is a denoiser that may have its own learned gamma.
type Trained interface {
	Denoiser
	// Gamma is that gamma in an order, paper or released (see Learned), empty: the order
	// that it was trained with. Without one the error is ErrNotLearned.
	Gamma(order string) (Gamma, error)
}

// Scheduled is a state that takes the times of the calls that will come, in order.
// That makes them faster and changes nothing else; calls at other times may be made.
type Scheduled interface {
	State
	Schedule(times []float32)
}

// Invariant is a state that computes first what depends on the time and on
// invariants of the molecule alone, such as its distances. The call of Eps that
// follows may use it, and so may the gamma that shares the state (see Gamma).
type Invariant interface {
	State
	Invariants(z []float32, t float32)
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
	// NewState makes the buffers for a batch. k is the state of the denoiser that it
	// symmetrises, which it may share invariants with.
	NewState(sizes []int, k State) GammaState
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
	// At is the network under values of properties of a molecule, by name. Names that it
	// is not conditioned on are an error.
	At(values map[string]float64) (Network, error)
	// WithGamma is the same weights under another gamma: learned, haar or none, and the
	// order that a learned one is composed in, paper or released; empty: as it is. One
	// that the network does not have is an error.
	WithGamma(kind, order string) (Network, error)
	// StateBytes is what NewState takes for a batch, in bytes (see CheckState).
	StateBytes(sizes []int) int64
	// NewDecoder makes the decoder of a batch, where the rows [x, h] are latents; nil
	// where they are atoms.
	NewDecoder(sizes []int) Decoder
}

// NetworkState is what a network is working on.
type NetworkState interface {
	// Eps sets eps_hat (rows, 3+F) from z (rows, 3+F) at time t with the given noise.
	Eps(eps, z []float32, t float32, noise Noise)
	// Gamma is the matrix C of molecule i in the last call of Eps.
	Gamma(i int) o3.Matrix
	// Schedule announces the times of the calls that will come, in order (see Scheduled).
	Schedule(times []float32)
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
func (n network) NewDecoder([]int) Decoder     { return nil }

func (n network) At(values map[string]float64) (Network, error) {
	if len(values) == 0 {
		return n, nil
	}
	c, ok := n.Denoiser.(Conditional)
	if !ok {
		return nil, errors.New("the network is not conditioned on anything")
	}
	k, err := c.At(values)
	if err != nil {
		return nil, err
	}
	return New(k, n.gamma), nil
}

func (n network) WithGamma(kind, order string) (Network, error) {
	gamma := n.gamma
	_, isLearned := gamma.(learned)
	switch {
	case kind == "haar":
		gamma = Haar(n.Group())
	case kind == "none":
		gamma = None()
	case kind == "learned", kind == "" && order != "" && isLearned:
		t, ok := n.Denoiser.(Trained)
		if !ok {
			return nil, ErrNotLearned
		}
		var err error
		if gamma, err = t.Gamma(order); err != nil {
			return nil, err
		}
		order = ""
	case kind != "":
		return nil, errors.New(
			"gamma: unknown kind " + strconv.Quote(kind) + ", want learned, haar or none",
		)
	}
	if order != "" {
		return nil, errors.New("gamma_order: only a learned gamma has one")
	}
	return New(n.Denoiser, gamma), nil
}

func (n network) NewState(sizes []int) NetworkState {
	rows := 0
	for _, size := range sizes {
		if size < 1 {
			panic("symmetrise: molecule without atoms")
		}
		rows += size
	}
	width := 3 + n.Features()
	k := n.Denoiser.NewState(sizes)
	s := &state{
		k: k, gamma: n.gamma.NewState(sizes, k), sizes: append([]int(nil), sizes...), width: width,
		c: make([]o3.Matrix, len(sizes)), z: make([]float32, rows*width),
	}
	s.invariant, _ = k.(Invariant)
	return s
}

// state reuses its buffers from call to call.
type state struct {
	k         State
	invariant Invariant // k, if it is one
	gamma     GammaState
	sizes     []int
	width     int
	c         []o3.Matrix // (molecules)
	z         []float32   // (rows, 3+F) [X·C, h]
}

func (s *state) Eps(eps, z []float32, t float32, noise Noise) {
	if len(z) != len(s.z) || len(eps) != len(z) {
		panic("symmetrise: z and eps must have (rows, 3+F) values")
	}
	if len(noise.R0) != len(s.sizes) {
		panic("symmetrise: want one R0 for each molecule")
	}
	if s.invariant != nil {
		s.invariant.Invariants(z, t)
	}
	s.gamma.Draw(s.c, z, s.width, t, noise)
	copy(s.z, z)
	s.rotate(s.z, false)
	s.k.Eps(eps, s.z, t)
	RemoveMean(eps, s.width, s.sizes)
	s.rotate(eps, true)
}

// rotate multiplies the positions of every molecule by C, or by Cᵀ.
func (s *state) rotate(z []float32, back bool) {
	for i, n := range s.sizes {
		c := s.c[i]
		if back {
			c = c.T()
		}
		c.Rotate(z, s.width, z, s.width, n)
		z = z[n*s.width:]
	}
}

func (s *state) Gamma(i int) o3.Matrix { return s.c[i] }

func (s *state) Schedule(times []float32) {
	if k, ok := s.k.(Scheduled); ok {
		k.Schedule(times)
	}
}

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
