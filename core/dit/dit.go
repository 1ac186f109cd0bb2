// Package dit is the diffusion transformer (DiT, Peebles and Xie 2023, arXiv
// 2212.09748) without its input and output layers: the time embedding and the
// blocks, as they stand in both networks of SymDiff.
//
// Atoms are rows. A batch of molecules of different sizes is their rows one
// after the other, (rows, width) row-major, with the list of sizes beside it:
// linear layers run over all rows at once, attention runs within each molecule,
// and there is no padding. There is no positional encoding, so that the network
// is equivariant under permutations of a molecule's atoms.
//
// Attention runs for blocks of Queries atoms, so that the memory of a molecule is linear
// in its number of atoms.
//
// The adaLN modulations depend on the time alone. They come from a
// ModulationCache, once per time step for all molecules (State.Use).
package dit

import (
	"math"

	"github.com/symdiff-go/symdiff/core/f32"
)

// Config is the size of a transformer.
type Config struct {
	Width  int // width of the residual stream
	Depth  int // number of blocks
	Heads  int // attention heads; divides Width
	MLP    int // outputs of the first layer of the MLP
	SwiGLU bool
}

// mlpIn is the width of the second layer's input: SwiGLU multiplies the halves
// of the first one's output.
func (c Config) mlpIn() int {
	if c.SwiGLU {
		return c.MLP / 2
	}
	return c.MLP
}

// Linear is y = x·Wᵀ + b.
type Linear struct {
	W    *f32.Packed
	Bias []float32 // (out)
}

// Apply sets m rows of dst, ldd apart, from the rows of x, ldx apart.
func (l Linear) Apply(dst []float32, ldd int, x []float32, ldx, m int) {
	f32.Linear(dst, ldd, x, ldx, m, l.W, l.Bias)
}

// SplitColumns takes the last columns off weights (out, in): (out, in-columns), and
// each of them (out).
func SplitColumns(w []float32, out, in, columns int) (rest []float32, split [][]float32) {
	split = make([][]float32, columns)
	for c := range split {
		split[c] = make([]float32, out)
	}
	for o := range out {
		row := w[o*in : (o+1)*in]
		rest = append(rest, row[:in-columns]...)
		for c := range split {
			split[c][o] = row[in-columns+c]
		}
	}
	return rest, split
}

// With is l with more inputs, of values that are the same in every row, through the
// columns of its weights that SplitColumns took off: they are part of its bias.
func (l Linear) With(columns [][]float32, values []float32) Linear {
	bias := append([]float32(nil), l.Bias...)
	for c, v := range values {
		if v != 0 {
			f32.AddScaled(bias, v, columns[c])
		}
	}
	return Linear{l.W, bias}
}

// Block is what one block has learned.
type Block struct {
	QKV, Proj Linear // attention: width -> 3·width, width -> width
	FC1, FC2  Linear // MLP: width -> MLP, mlpIn -> width
	AdaLN     Linear // width -> 6·width: shift, scale, gate of attention, then of the MLP
	Pair      Linear // the block's part of Weights.Pair: F -> Heads
}

// Weights is what a transformer has learned.
type Weights struct {
	Config
	T0, T2 Linear // time embedding: Frequencies -> width -> width
	Blocks []Block

	// Pair and PairAdaLN make the attention bias of all blocks, Depth·Heads
	// values for a pair of atoms: from the pair's features, and from width by a
	// scale that depends on the time. Both are empty in the published network.
	Pair, PairAdaLN Linear
}

// Queries is the number of atoms that attention runs for at once. Molecules of up to so
// many atoms cost no more time than without blocks: only the attention bias between atoms
// of later blocks is computed in each layer again.
const Queries = 64

// PairFeatures sets dst (n, F) to the features of the pairs of atom first+i with n atoms
// of its molecule, from atom first on. The features of a pair are symmetric.
type PairFeatures func(dst []float32, first, n, i int)

// Frequencies is the number of sinusoids of the time embedding.
const Frequencies = 256

// State is what a transformer is working on: buffers for rows atoms, reused
// from call to call.
type State struct {
	w       *Weights
	sizes   []int
	h       []float32 // (rows, width) normalised and modulated input of a branch
	qkv     []float32 // (rows, 3·width)
	attn    []float32 // (rows, width)
	fc      []float32 // (rows, MLP)
	act     []float32 // (rows, mlpIn)
	y       []float32 // (rows, width) output of a branch
	scratch []float32 // of attention in a block of the largest molecule
	queries int       // Queries
	mod     Modulation

	// Of the attention bias; empty without Weights.Pair. The rows of a molecule's first
	// block are kept, m = min(n, queries); what a later block adds is computed anew in each
	// layer.
	kept     [][]float32  // of each molecule (depth, heads, m, n)
	later    []float32    // (heads, queries, n) of the layer and the block at hand
	features []float32    // (n-queries, F) of an atom of a later block
	pair     []float32    // (n, depth·heads) of an atom
	pairs    PairFeatures // of atoms of later blocks
}

// NewState makes the buffers for molecules of the given numbers of atoms. pairs is asked
// for the features of the atoms after a molecule's first block; nil without Weights.Pair.
func (w *Weights) NewState(sizes []int, pairs PairFeatures) *State {
	return w.newState(sizes, pairs, Queries)
}

func (w *Weights) newState(sizes []int, pairs PairFeatures, queries int) *State {
	rows, largest := 0, 0
	for _, n := range sizes {
		rows += n
		largest = max(largest, n)
	}
	d := w.Width
	s := &State{
		w:       w,
		sizes:   append([]int(nil), sizes...),
		h:       make([]float32, rows*d),
		qkv:     make([]float32, rows*3*d),
		attn:    make([]float32, rows*d),
		fc:      make([]float32, rows*w.MLP),
		act:     make([]float32, rows*w.mlpIn()),
		y:       make([]float32, rows*d),
		scratch: make([]float32, f32.AttentionScratch(min(largest, queries), largest, d/w.Heads)),
		pairs:   pairs,
		queries: queries,
	}
	if w.Pair.W == nil {
		return s
	}
	all := w.Depth * w.Heads
	s.pair = make([]float32, largest*all)
	for _, n := range sizes {
		s.kept = append(s.kept, make([]float32, all*min(n, queries)*n))
	}
	if largest > queries {
		s.later = make([]float32, w.Heads*queries*largest)
		s.features = make([]float32, (largest-queries)*w.Pair.W.In())
	}
	return s
}

// Use sets the modulation of the calls that follow. It is not copied.
func (s *State) Use(m Modulation) { s.mod = m }

// PairBias sets the attention bias of atom i of a molecule from features (n, F) of its
// pairs, with the modulation in use: head h of block l adds
//
//	b_ij = (1 + scale_lh)·(Pair·features_ij)_lh,  scale = PairAdaLN(SiLU(c))
//
// to q_i·k_j. It needs Weights.Pair, and does nothing for atoms after the first Queries:
// Forward asks for their features.
func (s *State) PairBias(molecule, i int, features []float32) {
	if i < s.queries {
		n := s.sizes[molecule]
		s.pairBias(s.kept[molecule], min(n, s.queries), i, n, 0, s.w.Pair, s.mod.Pair, features)
	}
}

// pairBias sets columns from..n of row i of dst (heads, m, n) from features (n-from, F).
func (s *State) pairBias(
	dst []float32, m, i, n, from int, pair Linear, scales, features []float32,
) {
	heads := len(scales)
	pair.Apply(s.pair, heads, features, pair.W.In(), n-from)
	for h, scale := range scales {
		b := dst[(h*m+i)*n+from : (h*m+i+1)*n]
		for j := range b {
			b[j] = float32((1 + scale) * s.pair[j*heads+h])
		}
	}
}

// blockBias is the bias (heads, m, n) of layer l for m atoms of a molecule, from on, whose
// atoms begin at first. In a later block the columns of the first one's atoms are rows that
// were kept, since b_ij = b_ji.
func (s *State) blockBias(l, molecule, first, from, m int) []float32 {
	heads, n, q := s.w.Heads, s.sizes[molecule], min(s.sizes[molecule], s.queries)
	kept := s.kept[molecule][l*heads*q*n:][:heads*q*n]
	if from == 0 {
		return kept
	}
	b, scales := &s.w.Blocks[l], s.mod.Pair[l*heads:(l+1)*heads]
	features := s.features[:(n-q)*b.Pair.W.In()]
	for i := range m {
		for h := range heads {
			row := s.later[(h*m+i)*n:][:q]
			for j := range row {
				row[j] = kept[(h*q+j)*n+from+i]
			}
		}
		s.pairs(features, first+q, n-q, from-q+i)
		s.pairBias(s.later, m, i, n, q, b.Pair, scales, features)
	}
	return s.later[:heads*m*n]
}

// Forward runs the blocks on x (rows, width) in place, with the modulation in use
// and the biases of the last calls of PairBias.
//
//	x <- x + gate·Attention(LN(x)·(1+scale) + shift)
//	x <- x + gate·MLP(LN(x)·(1+scale) + shift)
func (s *State) Forward(x []float32) {
	d := s.w.Width
	for l := range s.w.Blocks {
		b := &s.w.Blocks[l]
		m := s.mod.Blocks[l*6*d : (l+1)*6*d]
		s.attention(l, x, m[0*d:1*d], m[1*d:2*d], m[2*d:3*d])
		s.mlp(b, x, m[3*d:4*d], m[4*d:5*d], m[5*d:6*d])
	}
}

// attention is the first residual branch of a block.
func (s *State) attention(l int, x, shift, scale, gate []float32) {
	b, d, heads, rows := &s.w.Blocks[l], s.w.Width, s.w.Heads, len(x)/s.w.Width
	modulated(s.h, x, shift, scale)
	b.QKV.Apply(s.qkv, 3*d, s.h, d, rows) // (rows, 3, heads, head width)
	at := 0
	for i, n := range s.sizes {
		for from := 0; from < n; from += s.queries {
			m := min(s.queries, n-from)
			var bias []float32
			if s.kept != nil {
				bias = s.blockBias(l, i, at, from, m)
			}
			f32.Attention(
				s.attn[(at+from)*d:], d, s.qkv[at*3*d:], 3*d, n, from, m, heads, d/heads, bias, s.scratch,
			)
		}
		at += n
	}
	b.Proj.Apply(s.y, d, s.attn, d, rows)
	addGated(x, gate, s.y)
}

// mlp is the second residual branch of a block.
func (s *State) mlp(b *Block, x, shift, scale, gate []float32) {
	d, rows := s.w.Width, len(x)/s.w.Width
	wide, in := s.w.MLP, s.w.mlpIn()
	modulated(s.h, x, shift, scale)
	b.FC1.Apply(s.fc, wide, s.h, d, rows)
	if s.w.SwiGLU {
		for i := range rows {
			f32.SwiGLU(s.act[i*in:(i+1)*in], s.fc[i*wide:(i+1)*wide])
		}
	} else {
		f32.GELUTanh(s.act[:rows*in], s.fc[:rows*in])
	}
	b.FC2.Apply(s.y, d, s.act, in, rows)
	addGated(x, gate, s.y)
}

// modulated sets the rows of dst to LN(x)·(1+scale) + shift.
func modulated(dst, x, shift, scale []float32) {
	d := len(shift)
	for at := 0; at < len(x); at += d {
		Norm(dst[at:at+d], x[at:at+d], shift, scale)
	}
}

// Norm is LN(x)·(1+scale) + shift of one row, the layer norm without affine
// parameters, epsilon 1e-6.
func Norm(dst, x, shift, scale []float32) {
	f32.LayerNormModulate(dst, x, shift, scale, 1e-6)
}

// addGated adds gate·y to x, row by row.
func addGated(x, gate, y []float32) {
	d := len(gate)
	for at := 0; at < len(x); at += d {
		f32.AddGated(x[at:at+d], gate, y[at:at+d])
	}
}

// frequency is 10000^(-i/128), by repeated multiplication in float64: relative
// error below 1e-13 and the same bits on every platform.
var frequency = func() (w [Frequencies / 2]float64) {
	const root = 0.930572040929699 // 10000^(-1/128)
	w[0] = 1
	for i := 1; i < len(w); i++ {
		w[i] = w[i-1] * root
	}
	return
}()

// sinusoids sets dst to cos(t·w_i), then sin(t·w_i), for |t| <= 1e6, rounded to
// float32: the power series in float64 of what is left of t·w_i after the nearest
// multiple of pi/2 was taken away, in two parts. The error is below 1e-10.
func sinusoids(dst []float32, t float32) {
	half := len(dst) / 2
	for i := range half {
		x := float64(float64(t) * frequency[i])
		quarter := 0.0
		if math.Abs(x) > 1 {
			quarter = math.Floor(float64(x*(2/math.Pi)) + 0.5)
			const high, low = 0x1.921fb544p0, 0x1.0b4611a626331p-34 // pi/2; quarter·high is exact
			x = float64(x-float64(quarter*high)) - float64(quarter*low)
		}
		x2 := x * x
		sin, cos := x, 1.0
		ts, tc := x, 1.0
		for k := 1.0; k < 20; k += 2 {
			tc = float64(tc * (-x2 / (k * (k + 1))))
			ts = float64(ts * (-x2 / ((k + 1) * (k + 2))))
			cos += tc
			sin += ts
		}
		switch int(quarter) & 3 {
		case 1:
			sin, cos = cos, -sin
		case 2:
			sin, cos = -sin, -cos
		case 3:
			sin, cos = -cos, sin
		}
		dst[i], dst[half+i] = float32(cos), float32(sin)
	}
}
