// Package f32 holds the float32 kernels of the networks: linear layers on
// packed weights, attention, normalisation and the elementwise functions.
//
// # Bits
//
// The portable Go code of this package defines the result of every kernel to
// the last bit: the order of each reduction is fixed, each product is rounded
// to float32 before it is added (no fused multiply-add), and the elementary
// functions are the package's own float32 polynomials. The SIMD implementations
// (GOEXPERIMENT=simd: AVX2 and AVX-512 on amd64, 128 bit on arm64 and wasm) give the same
// bits, so a seed gives the same molecule on every machine. Only the payload of
// a NaN may differ. One conformance suite runs over all implementations. The source of
// those with SIMD is vector*.go, from which internal/gen writes simd*.go.
//
// # Conventions
//
// Matrices are row-major; a stride (ldd, ldx, ldq) is the distance between the
// starts of two rows in elements. The destination comes first. A destination
// may be the same slice as an input of an elementwise kernel, partial overlap
// is not allowed. Wrong lengths panic; nothing allocates, except Pack.
// Kernels may run concurrently on different destinations.
package f32

//go:generate go run ./internal/gen

// Panic messages for misuse of shapes.
const (
	errLength    = "f32: slices of different lengths"
	errPack      = "f32: weight is not out times in"
	errPackDim   = "f32: out and in must be positive"
	errRows      = "f32: negative number of rows"
	errLdx       = "f32: row stride of x is less than in"
	errLdd       = "f32: row stride of dst is less than out"
	errShortX    = "f32: x is too short for its rows"
	errShortDst  = "f32: dst is too short for its rows"
	errBias      = "f32: bias is not of length out"
	errSwiGLU    = "f32: ab is not twice as long as dst"
	errAttention = "f32: heads and headDim must be positive, and the queries among the atoms"
	errLdq       = "f32: row stride of qkv is less than 3*heads*headDim"
	errLdo       = "f32: row stride of dst is less than heads*headDim"
	errShortQKV  = "f32: qkv is too short for its rows"
	errAttBias   = "f32: bias is not of length heads*n*n"
	errScratch   = "f32: scratch is shorter than AttentionScratch"
)

// linearFunc computes Linear on panels of a fixed width.
type linearFunc func(dst []float32, ldd int, x []float32, ldx, m, in, out int, panels, bias []float32)

// kernels is one implementation of the package. The arguments were checked at
// the exported edge.
type kernels struct {
	name string
	// activate prepares what the implementation shares with another; nil: nothing.
	activate func()
	// nr is the panel width this implementation packs and reads, a multiple of 8.
	nr int
	// pack is packTransposed for panels of width nr.
	pack func(panels, w []float32, ldw, n, k int)
	// linear computes Linear on panels of width nr.
	linear linearFunc

	sum               func(x []float32) float32
	layerNormModulate func(dst, x, shift, scale []float32, eps float32)
	add               func(dst, x []float32)
	addGated          func(dst, gate, y []float32)
	addScaled         func(dst []float32, a float32, x []float32)
	scale             func(x []float32, a float32)
	exp               func(dst, x []float32)
	siLU              func(dst, x []float32)
	swiGLU            func(dst, a, b []float32)
	geluTanh          func(dst, x []float32)
	softmax           func(x []float32, scale float32)
	attention         func(
		dst []float32, ldd int, qkv []float32, ldq, n, from, m, heads, headDim int, bias, scratch []float32,
	)
	addGaussians func(dst []float32, d float32, mean, invStd, norm []float32)
}

// active is the implementation in use: the last, that is the fastest, of
// implementations() unless Use chose another.
var active = func() *kernels {
	all := implementations()
	return use(&all[len(all)-1])
}()

func use(k *kernels) *kernels {
	if k.activate != nil {
		k.activate()
	}
	return k
}

// Implementations returns the names of the implementations that this build has
// and this processor can run, the portable one first, the fastest last.
func Implementations() []string {
	var names []string
	for _, k := range implementations() {
		names = append(names, k.name)
	}
	return names
}

// Implementation returns the name of the implementation in use.
func Implementation() string { return active.name }

// Use selects an implementation by name and reports whether there is one of
// that name. It is meant for tests and measurements and must not run
// concurrently with the kernels. Weights packed before keep working; they run
// at portable speed where the panel width of the new implementation differs.
func Use(name string) bool {
	all := implementations()
	for i := range all {
		if all[i].name == name {
			active = use(&all[i])
			return true
		}
	}
	return false
}

// Packed is the weight matrix W (out, in) of y = x·Wᵀ + b, in column panels for
// the implementation that was in use at Pack.
type Packed struct {
	in, out int
	// nr is the panel width.
	nr int
	// panels is (ceil(out/nr), in, nr): panels[p][k][c] = W[p*nr+c, k], zero
	// beyond the last column.
	panels []float32
}

// In returns the number of input features.
func (p *Packed) In() int { return p.in }

// Out returns the number of output features.
func (p *Packed) Out() int { return p.out }

// Pack copies the weight w (out, in), row-major as PyTorch stores it, into
// panels for the implementation in use. Panels are float32 whatever the file has:
// widening them from float16 in every product would save half their memory (7.8
// of about 29 MB in a browser's worker) and cost 13 % of a product of 19 rows, one
// molecule, and 1.6 % of one of 152 (measured in WebAssembly).
func Pack(w []float32, out, in int) *Packed {
	if out <= 0 || in <= 0 {
		panic(errPackDim)
	}
	if len(w) != out*in {
		panic(errPack)
	}
	nr := active.nr
	p := &Packed{in: in, out: out, nr: nr, panels: make([]float32, (out+nr-1)/nr*nr*in)}
	active.pack(p.panels, w, in, out, in)
	return p
}

// Linear computes y = x·Wᵀ + bias for m rows:
//
//	dst[i,j] = bias[j]; for k = 0..in-1: dst[i,j] += float32(x[i,k]*W[j,k])
//
// x is (m, in) with row stride ldx, dst is (m, out) with row stride ldd. A nil
// bias is zero. dst must not overlap x.
func Linear(dst []float32, ldd int, x []float32, ldx, m int, w *Packed, bias []float32) {
	switch {
	case m < 0:
		panic(errRows)
	case m == 0:
		return
	case ldx < w.in && m > 1:
		panic(errLdx)
	case ldd < w.out && m > 1:
		panic(errLdd)
	case len(x) < (m-1)*ldx+w.in:
		panic(errShortX)
	case len(dst) < (m-1)*ldd+w.out:
		panic(errShortDst)
	case bias != nil && len(bias) != w.out:
		panic(errBias)
	}
	if w.nr != active.nr {
		linearPanels(dst, ldd, x, ldx, m, w.in, w.out, w.nr, w.panels, bias)
		return
	}
	active.linear(dst, ldd, x, ldx, m, w.in, w.out, w.panels, bias)
}

// Sum returns the sum of x in the order that all row reductions of this package
// use: sixteen partial sums, lane l over x[l], x[l+16], ..., then a tree
//
//	s[l] += s[l+8] (l < 8); s[l] += s[l+4] (l < 4); s[l] += s[l+2] (l < 2); s[0] + s[1]
func Sum(x []float32) float32 { return active.sum(x) }

// LayerNormModulate normalises one row and modulates it as adaLN does:
//
//	mean = Sum(x)/n; d = x - mean; r = 1/sqrt(Sum(d·d)/n + eps); dst = (d·r)·(1 + scale) + shift
//
// All slices have the same length n.
func LayerNormModulate(dst, x, shift, scale []float32, eps float32) {
	if len(x) != len(dst) || len(shift) != len(dst) || len(scale) != len(dst) {
		panic(errLength)
	}
	active.layerNormModulate(dst, x, shift, scale, eps)
}

// Add computes dst += x.
func Add(dst, x []float32) {
	if len(x) != len(dst) {
		panic(errLength)
	}
	active.add(dst, x)
}

// AddGated computes dst += gate·y, the residual line of a DiT block.
func AddGated(dst, gate, y []float32) {
	if len(gate) != len(dst) || len(y) != len(dst) {
		panic(errLength)
	}
	active.addGated(dst, gate, y)
}

// AddScaled computes dst += a·x.
func AddScaled(dst []float32, a float32, x []float32) {
	if len(x) != len(dst) {
		panic(errLength)
	}
	active.addScaled(dst, a, x)
}

// Scale computes x *= a.
func Scale(x []float32, a float32) { active.scale(x, a) }

// Exp computes dst = e^x by Cody-Waite reduction and a minimax polynomial of
// degree 6. The relative error is below 1.2e-7 (TestExpAccuracy). Results
// beyond the largest float32 are +Inf; results below 2^-125.5 = 1.66e-38
// (x < -86.99) are 0, so that no denormal is ever made. NaN gives NaN.
func Exp(dst, x []float32) {
	if len(x) != len(dst) {
		panic(errLength)
	}
	active.exp(dst, x)
}

// SiLU computes dst = x·sigmoid(x) = x/(1 + e^-x). -Inf gives NaN.
func SiLU(dst, x []float32) {
	if len(x) != len(dst) {
		panic(errLength)
	}
	active.siLU(dst, x)
}

// SwiGLU computes dst = SiLU(a)·b for one row ab = [a | b]. dst may be the
// first or the second half of ab.
func SwiGLU(dst, ab []float32) {
	n := len(dst)
	if len(ab) != 2*n {
		panic(errSwiGLU)
	}
	active.swiGLU(dst, ab[:n], ab[n:])
}

// GELUTanh computes the tanh form of GELU,
//
//	dst = x/2·(1 + tanh(√(2/π)·(x + 0.044715·x³))) = x/(1 + e^(x·(c₁ + c₂·x²)))
//
// with c₁ = -2·√(2/π) and c₂ = 0.044715·c₁. -Inf gives NaN.
func GELUTanh(dst, x []float32) {
	if len(x) != len(dst) {
		panic(errLength)
	}
	active.geluTanh(dst, x)
}

// GELU computes the exact form of GELU, dst = x/2·(1 + erf(x/√2)), in portable
// code for every implementation. The absolute error is below 1.2e-7·max(1, |x|)
// (TestGELUAccuracy).
func GELU(dst, x []float32) {
	if len(x) != len(dst) {
		panic(errLength)
	}
	for i, v := range x {
		dst[i] = gelu(v)
	}
}

// Softmax computes, in place,
//
//	t = scale·x; e = exp(t - max(t)); x = e·(1/Sum(e))
//
// An empty x is left alone; a NaN or a maximum of ±Inf makes all of x NaN.
func Softmax(x []float32, scale float32) {
	if len(x) > 0 {
		active.softmax(x, scale)
	}
}

// AttentionScratch returns the length of the scratch that Attention needs for m
// of n atoms and heads of headDim features, under any implementation.
func AttentionScratch(m, n, headDim int) int {
	const widest = 16 // panels of all implementations divide it
	np, hp := (n+widest-1)/widest*widest, (headDim+widest-1)/widest*widest
	return headDim*np + n*hp + m*np + np
}

// Attention computes multi-head self-attention of one molecule of n atoms, for m
// of them as queries, from on. qkv is (n, 3*heads*headDim) with row stride ldq:
// queries, keys and values, head h at h*headDim of each. dst is (m, heads*headDim)
// with row stride ldd. Per head, with q the rows of the queries:
//
//	s[i,j] = 0; for k = 0..headDim-1: s[i,j] += float32(q[from+i,k]*k[j,k])
//	p[i,:] = Softmax(s[i,:] + bias[h,i,:], headDim^-1/2)
//	dst[i,c] = 0; for j = 0..n-1: dst[i,c] += float32(p[i,j]*v[j,c])
//
// bias is (heads, m, n), or nil for none. The length of scratch is at least
// AttentionScratch(m, n, headDim). dst must not overlap an input or scratch.
func Attention(dst []float32, ldd int, qkv []float32, ldq, n, from, m, heads, headDim int,
	bias, scratch []float32) {
	if m == 0 {
		return
	}
	if from < 0 || m < 0 || from+m > n || heads <= 0 || headDim <= 0 {
		panic(errAttention)
	}
	width := heads * headDim
	switch {
	case ldq < 3*width && n > 1:
		panic(errLdq)
	case ldd < width && m > 1:
		panic(errLdo)
	case len(qkv) < (n-1)*ldq+3*width:
		panic(errShortQKV)
	case len(dst) < (m-1)*ldd+width:
		panic(errShortDst)
	case bias != nil && len(bias) != heads*m*n:
		panic(errAttBias)
	case len(scratch) < AttentionScratch(m, n, headDim):
		panic(errScratch)
	}
	active.attention(dst, ldd, qkv, ldq, n, from, m, heads, headDim, bias, scratch)
}

// AddGaussians adds the Gaussian features of one distance d,
//
//	u = (d - mean)·invStd; dst += norm·exp(-u²/2)
func AddGaussians(dst []float32, d float32, mean, invStd, norm []float32) {
	if len(mean) != len(dst) || len(invStd) != len(dst) || len(norm) != len(dst) {
		panic(errLength)
	}
	active.addGaussians(dst, d, mean, invStd, norm)
}
