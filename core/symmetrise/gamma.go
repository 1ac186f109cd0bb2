package symmetrise

import "github.com/symdiff-go/symdiff/core/o3"

// Haar is the kernel that draws C from the group's invariant measure, whatever
// the molecule: SymDiff-H for O(3).
func Haar(g Group) Gamma { return haar{g} }

type haar struct{ group Group }

func (h haar) Group() Group                                                 { return h.group }
func (haar) Eta() (dims int, std float64)                                   { return 0, 0 }
func (h haar) NewState([]int) GammaState                                    { return h }
func (haar) Draw(c []o3.Matrix, _ []float32, _ int, _ float32, noise Noise) { copy(c, noise.R0) }

// None is the kernel that leaves the molecule as it is, C = I: the denoiser
// alone. It is equivariant under no group but for denoisers that are.
func None() Gamma { return none{} }

type none struct{}

func (none) Group() Group                 { return O3 }
func (none) Eta() (dims int, std float64) { return 0, 0 }
func (none) NewState([]int) GammaState    { return none{} }
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
	NewState(sizes []int) FunctionState
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
func Learned(g Group, f Function) Gamma { return learned{g, f} }

type learned struct {
	group Group
	f     Function
}

func (l learned) Group() Group                 { return l.group }
func (l learned) Eta() (dims int, std float64) { return l.f.Eta() }

func (l learned) NewState(sizes []int) GammaState {
	return &learnedState{group: l.group, f: l.f.NewState(sizes), sizes: append([]int(nil), sizes...)}
}

type learnedState struct {
	group Group
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
	for i := range c {
		c[i] = noise.R0[i].Mul(s.group.Project(c[i]))
	}
}

// Func is a denoiser without buffers, for a function of one molecule: it sets
// eps (n, 3+F) from z (n, 3+F).
func Func(features int, f func(eps, z []float32, t float32)) Denoiser { return function{features, f} }

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
