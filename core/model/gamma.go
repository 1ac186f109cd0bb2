package model

import (
	"math"

	"github.com/symdiff-go/symdiff/core/dit"
	"github.com/symdiff-go/symdiff/core/f32"
	"github.com/symdiff-go/symdiff/core/o3"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// encoder is f, the network of the learned gamma: a matrix for each molecule, from
// the molecule in a random frame and noise eta,
//
//	f(X·R0, eta) = MLP(mean_i DiT([X·R0, eta, pos]_i))
//
// with the distance features pos of k's state, which it shares.
//
// As published f is blind at the start: its blocks are the identity (adaLN-zero), and the mean over
// atoms of centred positions is zero. Its matrix is made orthonormal afterwards, so that its scale
// is free, grows, and the gradient fades. With the head of moments f has directions from the first
// step and no free scale: the rows of
//
//	A = sum_i u_iᵀ·x_i,   u_i = W·LN(DiT(..)_i) / |W|,   x_i of X·C0
//
// are three vectors in the molecule's own frame (W (3, enc_hidden), each row divided by its
// length), and f is the transpose of A made orthonormal on its rows. If u is invariant, X·C0·f is
// the same for all rotated copies; a training starts so, with the positions' columns of the first
// layer at zero.
type encoder struct{ m *Model }

func (f encoder) Eta() (dims int, std float64) { return f.m.Config.NoiseDims, f.m.Config.NoiseStd }

func (f encoder) NewState(sizes []int, k symmetrise.State) symmetrise.FunctionState {
	c, shared := f.m.Config, k.(*State)
	return &encoderState{
		m: f.m, k: shared, enc: f.m.enc.NewState(sizes, nil), sizes: shared.sizes,
		in:   make([]float32, shared.rows*(3+c.NoiseDims+c.Hidden-c.XHHidden)),
		x:    make([]float32, shared.rows*c.EncHidden),
		pool: make([]float32, len(sizes)*c.EncHidden),
		dec:  make([]float32, len(sizes)*c.DecHidden),
		raw:  make([]float32, len(sizes)*9),
		u:    make([]float32, shared.rows*3), zeros: make([]float32, c.EncHidden),
	}
}

// momentsWeight is W of the head of moments.
const momentsWeight = "gamma_dec.moments.weight"

// unitRows divides each row of a matrix by its length.
func unitRows(w []float32, width int) {
	for ; len(w) > 0; w = w[width:] {
		length := 0.0
		for _, v := range w[:width] {
			length += float64(float64(v) * float64(v))
		}
		if length > 0 {
			f32.Scale(w[:width], float32(1/math.Sqrt(length)))
		}
	}
}

type encoderState struct {
	m     *Model
	k     *State
	enc   *dit.State
	sizes []int
	in    []float32 // (rows, 3+noise_dims+hidden-xh_hidden)
	x     []float32 // (rows, enc_hidden) residual stream
	pool  []float32 // (molecules, enc_hidden)
	dec   []float32 // (molecules, dec_hidden)
	raw   []float32 // (molecules, 9)
	u     []float32 // (rows, 3) of the head of moments
	zeros []float32 // (enc_hidden)
}

// F is f of the package comment, of rows z = [X·R0, h].
func (s *encoderState) F(q []o3.Matrix, z []float32, width int, _ float32, eta []float32) {
	m, rows := s.m, s.k.rows
	c := m.Config
	dims, pos, e, d := c.NoiseDims, c.Hidden-c.XHHidden, c.EncHidden, c.DecHidden
	if len(eta) != rows*dims {
		panic("model: eta must have (rows, noise_dims) values")
	}
	in := 3 + dims + pos
	for i := range rows {
		row := s.in[i*in : (i+1)*in]
		copy(row, z[i*width:i*width+3])
		copy(row[3:], eta[i*dims:(i+1)*dims])
		copy(row[3+dims:], s.k.pos[i*pos:(i+1)*pos])
	}
	m.encX.Apply(s.x, e, s.in, in, rows)
	s.enc.Use(s.k.ofEncoder())
	s.enc.Forward(s.x)
	if m.Config.GammaHead == GammaMoments {
		s.moments(q, z, width)
		return
	}
	s.mean()
	m.dec1.Apply(s.dec, d, s.pool, e, len(s.sizes))
	f32.GELU(s.dec, s.dec)
	m.dec2.Apply(s.raw, 9, s.dec, d, len(s.sizes))
	for i := range q {
		for k, v := range s.raw[9*i : 9*i+9] {
			q[i][k/3][k%3] = float64(v)
		}
	}
}

// moments sets the matrices by the head of moments (see encoder).
func (s *encoderState) moments(q []o3.Matrix, z []float32, width int) {
	e := s.m.Config.EncHidden
	for i := range s.k.rows {
		x := s.x[i*e : (i+1)*e]
		dit.Norm(x, x, s.zeros, s.zeros)
	}
	s.m.moments.Apply(s.u, 3, s.x, e, s.k.rows)
	at := 0
	for i, n := range s.sizes {
		var a o3.Matrix
		for j := at; j < at+n; j++ {
			for r := range a {
				for c := range a[r] {
					a[r][c] += float64(float64(s.u[3*j+r]) * float64(z[j*width+c]))
				}
			}
		}
		q[i] = o3.OrthonormaliseRows(a).T()
		at += n
	}
}

// mean sets pool to the mean of x over the atoms of each molecule.
func (s *encoderState) mean() {
	e, at := s.m.Config.EncHidden, 0
	clear(s.pool)
	for i, n := range s.sizes {
		p := s.pool[i*e : (i+1)*e]
		for j := at; j < at+n; j++ {
			f32.Add(p, s.x[j*e:(j+1)*e])
		}
		f32.Scale(p, 1/float32(n))
		at += n
	}
}
