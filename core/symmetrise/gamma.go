package symmetrise

import (
	"errors"

	"github.com/symdiff-go/symdiff/core/o3"
)

// Haar is the kernel that draws C from the group's invariant measure, whatever
// the molecule: SymDiff-H for O(3).
func Haar(g Group) Gamma { return haar{g} }

type haar struct{ group Group }

func (h haar) Group() Group                                                 { return h.group }
func (haar) Eta() (dims int, std float64)                                   { return 0, 0 }
func (h haar) NewState([]int, State) GammaState                             { return h }
func (haar) Draw(c []o3.Matrix, _ []float32, _ int, _ float32, noise Noise) { copy(c, noise.R0) }

// Frame is the kernel of the principal axes, under O(3): the columns of C are orthonormal
// eigenvectors v_1, v_2, v_3 of the scatter matrix, the smallest eigenvalue first, each with the
// sign that makes v_k·R0·e_k positive,
//
//	C = [±v_1, ±v_2, ±v_3]   of   S = sum_i x_iᵀ·x_i + s·R0·diag(1, 2, 3)·R0ᵀ,   R0 ~ Haar(O(3)),
//
// so that the eight choices of signs are equally likely. X·C has eight values, whatever way the
// molecule lies, where X·R0 of Haar has a value for each element of the group. The small s, 1e-6 of
// the trace, draws axes at random where eigenvalues are equal, as in a symmetric molecule.
func Frame() Gamma { return principal{} }

type principal struct{}

func (principal) Group() Group                 { return O3 }
func (principal) Eta() (dims int, std float64) { return 0, 0 }

func (principal) NewState(sizes []int, _ State) GammaState {
	return principalState{append([]int(nil), sizes...)}
}

type principalState struct{ sizes []int }

func (s principalState) Draw(c []o3.Matrix, z []float32, width int, _ float32, noise Noise) {
	for i, n := range s.sizes {
		_, axes := o3.Axes(separated(o3.Scatter(z[:n*width], width), noise.R0[i])) // rows
		for k := range axes {
			if cosine(axes[k], noise.R0[i], k) < 0 {
				for j := range axes[k] {
					axes[k][j] = -axes[k][j]
				}
			}
		}
		c[i] = axes.T()
		z = z[n*width:]
	}
}

// TieBreak and leastTie are s of Frame, of the trace and in any case.
const (
	TieBreak = 1e-6
	leastTie = 1e-12
)

// separated is S + s·R·diag(1, 2, 3)·Rᵀ.
func separated(s, r o3.Matrix) o3.Matrix {
	small := float64(TieBreak*(s[0][0]+s[1][1]+s[2][2])) + leastTie
	for i := range s {
		for j := range s[i] {
			sum := 0.0
			for k := range r {
				sum += float64(float64(float64(k+1)*r[i][k]) * r[j][k])
			}
			s[i][j] += float64(small * sum)
		}
	}
	return s
}

// cosine is v·R·e_k.
func cosine(v [3]float64, r o3.Matrix, k int) float64 {
	return float64(float64(v[0]*r[0][k])+float64(v[1]*r[1][k])) + float64(v[2]*r[2][k])
}

// None is the kernel that leaves the molecule as it is, C = I: the denoiser
// alone. It is equivariant under no group but for denoisers that are.
func None() Gamma { return none{} }

type none struct{}

func (none) Group() Group                     { return O3 }
func (none) Eta() (dims int, std float64)     { return 0, 0 }
func (none) NewState([]int, State) GammaState { return none{} }
func (none) Draw(c []o3.Matrix, _ []float32, _ int, _ float32, _ Noise) {
	for i := range c {
		c[i] = o3.Identity
	}
}

// Function is any map from a molecule, seen in a random frame, to a matrix: the
// network f of a learned gamma.
type Function interface {
	// Eta is the shape of the noise that it takes.
	Eta() (dims int, std float64)
	// NewState makes the buffers for a batch; k is as for Gamma.
	NewState(sizes []int, k State) FunctionState
}

// FunctionState evaluates a function on a batch.
type FunctionState interface {
	// F sets q, any finite matrix per molecule, from rows z of the given width whose
	// positions are X·R0, at time t with noise eta (rows, dims).
	F(q []o3.Matrix, z []float32, width int, t float32, eta []float32)
}

// Learned is the recursive construction of an equivariant kernel from any
// function f,
//
//	C = R0·f(X·R0, eta),   R0 ~ Haar(G),
//
// with f's matrix projected into the group.
func Learned(g Group, f Function) Gamma { return Refined(Haar(g), f, Published{}) }

// Refined is the same over any equivariant kernel in the place of the Haar measure,
//
//	C = C0·f(X·C0, eta),   C0 ~ base(X),
//
// such as Frame; base takes no eta. p says where to depart from it, as the published code does.
func Refined(base Gamma, f Function, p Published) Gamma { return learned{base, f, p} }

// Published says in what the published code departs from the construction.
type Published struct {
	Released bool // C = f(X·R0, eta)·R0ᵀ, which is not equivariant
	Columns  bool // f's matrix is made orthonormal on its columns, not its rows; of O(3)
}

// ErrNotLearned is that of a network whose denoiser came without a gamma.
var ErrNotLearned = errors.New("gamma: the model has no learned one")

type learned struct {
	base      Gamma
	f         Function
	published Published
}

func (l learned) Group() Group                 { return l.base.Group() }
func (l learned) Eta() (dims int, std float64) { return l.f.Eta() }

func (l learned) NewState(sizes []int, k State) GammaState {
	return &learnedState{
		learned: l, base: l.base.NewState(sizes, k), f: l.f.NewState(sizes, k), sizes: append([]int(nil), sizes...),
		c0: make([]o3.Matrix, len(sizes)),
	}
}

type learnedState struct {
	learned
	base  GammaState
	f     FunctionState
	sizes []int
	c0    []o3.Matrix // (molecules)
	z     []float32   // (rows, width) [X·C0, h]
}

func (s *learnedState) Draw(c []o3.Matrix, z []float32, width int, t float32, noise Noise) {
	s.z = append(s.z[:0], z...)
	s.base.Draw(s.c0, z, width, t, noise)
	rows := s.z
	for i, n := range s.sizes {
		s.c0[i].Rotate(rows, width, rows, width, n)
		rows = rows[n*width:]
	}
	s.f.F(c, s.z, width, t, noise.Eta)
	for i, c0 := range s.c0 {
		f := s.project(c[i])
		if s.published.Released {
			c[i] = f.Mul(c0.T())
		} else {
			c[i] = c0.Mul(f)
		}
	}
}

func (l learned) project(a o3.Matrix) o3.Matrix {
	if l.published.Columns {
		return o3.OrthonormaliseColumns(a)
	}
	return l.Group().Project(a)
}

// Func is a denoiser without buffers, for a function of one molecule: it sets
// eps (n, 3+F) from z (n, 3+F).
func Func(
	features int,
	f func(eps, z []float32, t float32),
) Denoiser {
	return function{features, f}
}

type function struct {
	features int
	f        func(eps, z []float32, t float32)
}

func (d function) Features() int { return d.features }

func (d function) NewState(sizes []int) State {
	return functionState{d, append([]int(nil), sizes...)}
}

type functionState struct {
	function
	sizes []int
}

func (s functionState) Eps(eps, z []float32, t float32) {
	width := 3 + s.features
	for _, n := range s.sizes {
		s.f(eps[:n*width:n*width], z[:n*width:n*width], t)
		eps, z = eps[n*width:], z[n*width:]
	}
}
