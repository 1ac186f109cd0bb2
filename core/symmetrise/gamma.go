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
func Learned(g Group, f Function) Gamma { return learned{g, f, Published{}} }

// Published says in what the published code departs from the construction.
type Published struct {
	Released bool // C = f(X·R0, eta)·R0ᵀ, which is not equivariant
	Columns  bool // f's matrix is made orthonormal on its columns, not its rows; of O(3)
}

// LearnedAs is Learned as the published code has it.
func LearnedAs(g Group, f Function, p Published) Gamma { return learned{g, f, p} }

// ErrNotLearned is that of a network whose denoiser came without a gamma.
var ErrNotLearned = errors.New("gamma: the model has no learned one")

type learned struct {
	group     Group
	f         Function
	published Published
}

func (l learned) Group() Group                 { return l.group }
func (l learned) Eta() (dims int, std float64) { return l.f.Eta() }

func (l learned) NewState(sizes []int, k State) GammaState {
	return &learnedState{learned: l, f: l.f.NewState(sizes, k), sizes: append([]int(nil), sizes...)}
}

type learnedState struct {
	learned
	f     FunctionState
	sizes []int
	z     []float32 // (rows, width) [X·R0, h]
}

func (s *learnedState) Draw(c []o3.Matrix, z []float32, width int, t float32, noise Noise) {
	s.z = append(s.z[:0], z...)
	rows := s.z
	for i, n := range s.sizes {
		noise.R0[i].Turn(rows, width, rows, width, n)
		rows = rows[n*width:]
	}
	s.f.F(c, s.z, width, t, noise.Eta)
	for i, r0 := range noise.R0 {
		f := s.project(c[i])
		if s.published.Released {
			c[i] = f.Mul(r0.T())
		} else {
			c[i] = r0.Mul(f)
		}
	}
}

func (l learned) project(a o3.Matrix) o3.Matrix {
	if l.published.Columns {
		return o3.OrthonormaliseColumns(a)
	}
	return l.group.Project(a)
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
