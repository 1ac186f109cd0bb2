package model

import (
	"math"

	"github.com/symdiff-go/symdiff/core/dit"
	"github.com/symdiff-go/symdiff/core/f32"
	"github.com/symdiff-go/symdiff/core/o3"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// State is what a network is working on: a batch of molecules of given sizes,
// its buffers reused from call to call. A call allocates nothing.
type State struct {
	m     *Model
	sizes []int
	rows  int

	gauss []float32 // (rows, K) distance features, summed over j
	pairs []float32 // (n, n, K) distance features of the largest molecule's pairs, with pair_bias
	pos   []float32 // (rows, hidden - xh_hidden)
	zc    []float32 // (rows, 3+F) input of k: [X·C, h]
	x     []float32 // (rows, hidden) residual stream of k
	h     []float32 // (rows, hidden)
	final []float32 // (2·hidden) modulation of the final layer
	k     *dit.State

	encIn []float32 // (rows, 3+noise_dims+hidden-xh_hidden)
	encX  []float32 // (rows, enc_hidden) residual stream of f
	pool  []float32 // (molecules, enc_hidden)
	dec   []float32 // (molecules, dec_hidden)
	raw   []float32 // (molecules, 9)
	enc   *dit.State

	gamma, back []o3.Matrix // (molecules) C and Cᵀ
	t           float32     // time of the modulations in use, NaN at first
	schedule    []float32   // times that are to come, in order, or none
	shared, own *timetable  // of the schedule, where it is small; of the next times
}

// NewState makes the buffers for a batch of molecules of the given numbers of
// atoms. It panics when there is none or one is not positive.
func (m *Model) NewState(sizes []int) *State {
	c := m.Config
	s := &State{m: m, sizes: append([]int(nil), sizes...), t: float32(math.NaN())}
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
	s.zc = make([]float32, s.rows*(3+c.Features))
	s.x = make([]float32, s.rows*c.Hidden)
	s.h = make([]float32, s.rows*c.Hidden)
	s.own = m.newTimetable(1)
	s.k = m.k.NewState(sizes)
	if c.PairBias {
		s.pairs = make([]float32, largest*largest*c.K)
	}
	if c.Variant == Symdiff {
		s.encIn = make([]float32, s.rows*(3+c.NoiseDims+pos))
		s.encX = make([]float32, s.rows*c.EncHidden)
		s.pool = make([]float32, len(sizes)*c.EncHidden)
		s.dec = make([]float32, len(sizes)*c.DecHidden)
		s.raw = make([]float32, len(sizes)*9)
		s.enc = m.enc.NewState(sizes)
	}
	s.gamma = make([]o3.Matrix, len(sizes))
	s.back = make([]o3.Matrix, len(sizes))
	return s
}

// Rows is the number of atoms of all molecules.
func (s *State) Rows() int { return s.rows }

// Gamma is the matrix C of molecule i in the last call of Eps.
func (s *State) Gamma(i int) o3.Matrix { return s.gamma[i] }

// Eps predicts the noise: eps_hat (rows, 3+F) from z (rows, 3+F) at time t in
// [0, 1], with the Haar matrix of each molecule and eta (rows, noise_dims) to
// inject. r0 and eta are not read where the variant needs none. The positions
// of each molecule should be free of CoM; those of the output are.
func (s *State) Eps(eps, z []float32, t float32, r0 []o3.Matrix, eta []float32) {
	c := s.m.Config
	width := 3 + c.Features
	if len(eps) != s.rows*width || len(z) != len(eps) {
		panic("model: z and eps must have (rows, 3+F) values")
	}
	if t != t {
		panic("model: the time is NaN")
	}
	if c.Variant != None && len(r0) != len(s.sizes) {
		panic("model: one Haar matrix per molecule")
	}
	if c.Variant == Symdiff && len(eta) != s.rows*c.NoiseDims {
		panic("model: eta must have (rows, noise_dims) values")
	}
	s.modulate(t)
	s.distanceFeatures(z)
	s.drawGamma(z, r0, eta)
	copy(s.zc, z)
	s.turn(s.zc, s.gamma)
	s.backbone(eps, s.zc)
	symmetrise.RemoveMean(eps, width, s.sizes)
	s.turn(eps, s.back)
}

// distanceFeatures sets pos, the part of the embedding that f and k share,
//
//	pos_i = W·(1/N · sum_j g(|x_i - x_j|)) + b
//
// over all j, i included, and the attention bias of k. With pad_to the bias counts pad_to/N times, as it
// does in the published code, where padded atoms add it to the sum.
func (s *State) distanceFeatures(z []float32) {
	m := s.m
	width, k, d := 3+m.Config.Features, m.Config.K, m.pos.W.Out()
	clear(s.gauss)
	at := 0
	for b, n := range s.sizes {
		clear(s.pairs[:min(n*n*k, len(s.pairs))])
		for i := range n {
			g := s.gauss[(at+i)*k : (at+i+1)*k]
			for j := range n {
				d := distance(z[(at+i)*width:], z[(at+j)*width:])
				if !m.Config.PairBias {
					f32.AddGaussians(g, d, m.mean, m.invStd, m.norm)
					continue
				}
				p := s.pairs[(i*n+j)*k : (i*n+j+1)*k]
				f32.AddGaussians(p, d, m.mean, m.invStd, m.norm)
				f32.Add(g, p)
			}
			f32.Scale(g, 1/float32(n))
		}
		if m.Config.PairBias {
			s.k.PairBias(b, s.pairs[:n*n*k])
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

// distance is |a - b| of two positions in float32.
func distance(a, b []float32) float32 {
	dx, dy, dz := a[0]-b[0], a[1]-b[1], a[2]-b[2]
	return float32(math.Sqrt(float64(float32(float32(dx*dx)+float32(dy*dy)) + float32(dz*dz))))
}

// drawGamma sets the matrix C of every molecule from its R0 and eta.
func (s *State) drawGamma(z []float32, r0 []o3.Matrix, eta []float32) {
	switch c := s.m.Config; c.Variant {
	case None:
		for i := range s.gamma {
			s.gamma[i] = o3.Identity
		}
	case SymdiffH:
		copy(s.gamma, r0)
	case Symdiff:
		s.encode(z, r0, eta)
		for i := range s.gamma {
			f := s.orthogonal(s.raw[9*i : 9*i+9])
			if c.GammaOrder == GammaReleased {
				s.gamma[i] = f.Mul(r0[i].T())
			} else {
				s.gamma[i] = r0[i].Mul(f)
			}
		}
	}
	for i := range s.gamma {
		s.back[i] = s.gamma[i].T()
	}
}

// encode runs f up to its raw output (molecules, 9):
//
//	MLP(mean_i DiT([X·R0, eta, pos]))
func (s *State) encode(z []float32, r0 []o3.Matrix, eta []float32) {
	m := s.m
	c := m.Config
	width, pos, e := 3+c.Features, c.Hidden-c.XHHidden, c.EncHidden
	in := 3 + c.NoiseDims + pos
	at := 0
	for i, n := range s.sizes {
		r0[i].Turn(s.encIn[at*in:], in, z[at*width:], width, n)
		at += n
	}
	for i := range s.rows {
		row := s.encIn[i*in : (i+1)*in]
		copy(row[3:], eta[i*c.NoiseDims:(i+1)*c.NoiseDims])
		copy(row[3+c.NoiseDims:], s.pos[i*pos:(i+1)*pos])
	}
	m.encX.Apply(s.encX, e, s.encIn, in, s.rows)
	s.enc.Forward(s.encX)
	clear(s.pool)
	at = 0
	for i, n := range s.sizes {
		p := s.pool[i*e : (i+1)*e]
		for j := at; j < at+n; j++ {
			f32.Add(p, s.encX[j*e:(j+1)*e])
		}
		f32.Scale(p, 1/float32(n))
		at += n
	}
	m.dec1.Apply(s.dec, c.DecHidden, s.pool, e, len(s.sizes))
	f32.GELU(s.dec, s.dec)
	m.dec2.Apply(s.raw, 9, s.dec, c.DecHidden, len(s.sizes))
}

// orthogonal turns f's nine numbers into an element of O(3).
func (s *State) orthogonal(raw []float32) o3.Matrix {
	var a o3.Matrix
	for i, v := range raw {
		a[i/3][i%3] = float64(v)
	}
	if s.m.Config.FixQR {
		return o3.OrthonormaliseRows(a)
	}
	return o3.OrthonormaliseColumns(a)
}

// turn multiplies the positions of every molecule by its matrix.
func (s *State) turn(z []float32, by []o3.Matrix) {
	width := 3 + s.m.Config.Features
	at := 0
	for i, n := range s.sizes {
		by[i].Turn(z[at*width:], width, z[at*width:], width, n)
		at += n
	}
}

// backbone is k: eps (rows, 3+F) from z (rows, 3+F).
func (s *State) backbone(eps, z []float32) {
	m := s.m
	c := m.Config
	width, d, pos := 3+c.Features, c.Hidden, c.Hidden-c.XHHidden
	m.xh.Apply(s.x, d, z, width, s.rows) // columns [0, xh_hidden)
	for i := range s.rows {
		copy(s.x[i*d+c.XHHidden:(i+1)*d], s.pos[i*pos:(i+1)*pos])
	}
	s.k.Forward(s.x)
	for i := range s.rows {
		dit.Norm(s.h[i*d:(i+1)*d], s.x[i*d:(i+1)*d], s.final[:d], s.final[d:])
	}
	m.final.Apply(eps, width, s.h, d, s.rows)
}
