package model

import (
	"math"

	"github.com/symdiff-go/symdiff/core/dit"
	"github.com/symdiff-go/symdiff/core/f32"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// State is what a network is working on: a batch of molecules of given sizes,
// its buffers reused from call to call. A call allocates nothing.
type State struct {
	m     *Model
	sizes []int
	rows  int

	gauss []float32 // (rows, K) distance features, summed over j
	pairs []float32 // (n, K) distance features of an atom's pairs
	at    []float32 // (rows, 3) positions of the call of Invariants
	pos   []float32 // (rows, hidden - xh_hidden) distance part of the embedding, of f too
	x     []float32 // (rows, hidden) residual stream of k
	h     []float32 // (rows, hidden)
	k     *dit.State
	ready bool // Invariants was called for the next call of Eps

	modulations
}

// NewState makes the buffers for a batch of molecules of the given numbers of
// atoms. It panics when there is none or one is not positive.
func (m *Model) NewState(sizes []int) symmetrise.State { return m.newState(sizes) }

func (m *Model) newState(sizes []int) *State {
	c := m.Config
	s := &State{m: m, sizes: append([]int(nil), sizes...), modulations: m.newModulations()}
	largest := 0
	for _, n := range sizes {
		if n < 1 {
			panic("model: molecule without atoms")
		}
		s.rows += n
		largest = max(largest, n)
	}
	if s.rows == 0 {
		panic("model: batch without molecules")
	}
	pos := c.Hidden - c.XHHidden
	s.gauss = make([]float32, s.rows*c.K)
	s.pos = make([]float32, s.rows*pos)
	s.x = make([]float32, s.rows*c.Hidden)
	s.h = make([]float32, s.rows*c.Hidden)
	s.pairs = make([]float32, largest*c.K)
	s.at = make([]float32, s.rows*3)
	s.k = m.k.NewState(sizes, s.pairFeatures)
	return s
}

// Rows is the number of atoms of all molecules.
func (s *State) Rows() int { return s.rows }

// Invariants sets what depends on the time and the distances of z (rows, 3+F) alone:
// the modulations, and the distance features of k and f.
func (s *State) Invariants(z []float32, t float32) {
	if t != t {
		panic("model: the time is NaN")
	}
	s.setTime(t)
	s.k.Use(s.modulation)
	s.distanceFeatures(z)
	s.ready = true
}

// Eps is k: it predicts the noise eps_hat (rows, 3+F) from z (rows, 3+F) at time t
// in [0, 1],
//
//	x   = [W·[x, h] + b, pos]            (rows, hidden)
//	x   = DiT blocks(x, t)
//	eps = W·(LN(x)·(1+scale) + shift) + b
func (s *State) Eps(eps, z []float32, t float32) {
	m := s.m
	c := m.Config
	width, d, pos := 3+c.Features, c.Hidden, c.Hidden-c.XHHidden
	if len(eps) != s.rows*width || len(z) != len(eps) {
		panic("model: z and eps must have (rows, 3+F) values")
	}
	if !s.ready {
		s.Invariants(z, t)
	}
	s.ready = false
	m.xh.Apply(s.x, d, z, width, s.rows) // columns [0, xh_hidden)
	for i := range s.rows {
		copy(s.x[i*d+c.XHHidden:(i+1)*d], s.pos[i*pos:(i+1)*pos])
	}
	s.k.Forward(s.x)
	shift, scale := s.modulation.Final[:d], s.modulation.Final[d:]
	for i := range s.rows {
		dit.Norm(s.h[i*d:(i+1)*d], s.x[i*d:(i+1)*d], shift, scale)
	}
	m.final.Apply(eps, width, s.h, d, s.rows)
}

// distanceFeatures sets pos, the part of the embedding that f and k share,
//
//	pos_i = W·(1/N · sum_j g(|x_i - x_j|)) + b
//
// over all j, i included, and the attention bias of k. With pad_to the bias counts
// pad_to/N times, as it does in the published code, where padded atoms add it to the
// sum.
func (s *State) distanceFeatures(z []float32) {
	m := s.m
	width, k, d := 3+m.Config.Features, m.Config.K, m.pos.W.Out()
	for i := range s.rows {
		copy(s.at[i*3:i*3+3], z[i*width:])
	}
	clear(s.gauss)
	at := 0
	for b, n := range s.sizes {
		pairs := s.pairs[:n*k]
		for i := range n {
			s.pairFeatures(pairs, at, n, i)
			g := s.gauss[(at+i)*k : (at+i+1)*k]
			for j := range n {
				f32.Add(g, pairs[j*k:(j+1)*k])
			}
			f32.Scale(g, 1/float32(n))
			if m.Config.PairBias {
				s.k.PairBias(b, i, pairs)
			}
		}
		at += n
	}
	m.pos.Apply(s.pos, d, s.gauss, k, s.rows)
	if m.padBias == nil {
		return
	}
	at = 0
	for _, n := range s.sizes {
		share := float32(m.Config.PadTo) / float32(n)
		for i := at; i < at+n; i++ {
			f32.AddScaled(s.pos[i*d:(i+1)*d], share, m.padBias)
		}
		at += n
	}
}

// pairFeatures is dit.PairFeatures, g(|x_i - x_j|).
func (s *State) pairFeatures(dst []float32, first, n, i int) {
	m, k := s.m, s.m.Config.K
	clear(dst)
	for j := range n {
		d := distance(s.at[(first+i)*3:], s.at[(first+j)*3:])
		f32.AddGaussians(dst[j*k:(j+1)*k], d, m.mean, m.invStd, m.norm)
	}
}

// distance is |a - b| of two positions in float32.
func distance(a, b []float32) float32 {
	dx, dy, dz := a[0]-b[0], a[1]-b[1], a[2]-b[2]
	return float32(math.Sqrt(float64(float32(float32(dx*dx)+float32(dy*dy)) + float32(dz*dz))))
}
