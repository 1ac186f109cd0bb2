package f32

import "math"

// portableWidth is the panel width of the portable kernels.
const portableWidth = 8

// portable is the definition of the bits.
var portable = kernels{
	name:              "portable",
	nr:                portableWidth,
	pack:              packPortable,
	linear:            linearPortable,
	sum:               sumPortable,
	layerNormModulate: layerNormModulatePortable,
	add:               addPortable,
	addGated:          addGatedPortable,
	addScaled:         addScaledPortable,
	scale:             scalePortable,
	exp:               expPortable,
	siLU:              siLUPortable,
	swiGLU:            swiGLUPortable,
	geluTanh:          geluTanhPortable,
	softmax:           softmaxPortable,
	attention:         attentionPortable,
	addGaussians:      addGaussiansPortable,
}

// packTransposed writes the n rows of w, each of length k, as the columns of
// panels: panels[p][l][c] = w[p*nr+c, l], zero where p*nr+c >= n. ldw is the row
// stride of w.
func packTransposed(panels, w []float32, ldw, n, k, nr int) {
	for p := 0; p*nr < n; p++ {
		panel := panels[p*nr*k : (p+1)*nr*k]
		cols := min(nr, n-p*nr)
		if cols < nr {
			clear(panel)
		}
		for c := 0; c < cols; c += 4 {
			if c+4 <= cols {
				r := w[(p*nr+c)*ldw:]
				r0, r1, r2, r3 := r[:k], r[ldw:][:k], r[2*ldw:][:k], r[3*ldw:][:k]
				for l, v := range r0 {
					d := (*[4]float32)(panel[l*nr+c:])
					d[0], d[1], d[2], d[3] = v, r1[l], r2[l], r3[l]
				}
				continue
			}
			for ; c < cols; c++ {
				for l, v := range w[(p*nr+c)*ldw:][:k] {
					panel[l*nr+c] = v
				}
			}
		}
	}
}

func packPortable(panels, w []float32, ldw, n, k int) {
	packTransposed(panels, w, ldw, n, k, portableWidth)
}

func linearPortable(dst []float32, ldd int, x []float32, ldx, m, in, out int,
	panels, bias []float32) {
	linearPanels(dst, ldd, x, ldx, m, in, out, portableWidth, panels, bias)
}

// linearPanels is Linear on panels of any width nr that is a multiple of 8:
// eight columns of one row at a time.
func linearPanels(dst []float32, ldd int, x []float32, ldx, m, in, out, nr int,
	panels, bias []float32) {
	for j := 0; j < out; j += 8 {
		cols := min(8, out-j)
		var b [8]float32
		if bias != nil {
			copy(b[:], bias[j:j+cols])
		}
		strip := panels[j/nr*nr*in+j%nr:]
		for i := range m {
			s := b
			dotPanel(&s, x[i*ldx:][:in], strip, nr)
			copy(dst[i*ldd+j:][:cols], s[:])
		}
	}
}

// dotPanel computes s[c] += float32(x[k]*strip[k*nr+c]) for k = 0, 1, ... in order.
func dotPanel(s *[8]float32, x, strip []float32, nr int) {
	s0, s1, s2, s3, s4, s5, s6, s7 := s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7]
	at := 0
	for _, v := range x {
		w := (*[8]float32)(strip[at:])
		s0 += float32(v * w[0])
		s1 += float32(v * w[1])
		s2 += float32(v * w[2])
		s3 += float32(v * w[3])
		s4 += float32(v * w[4])
		s5 += float32(v * w[5])
		s6 += float32(v * w[6])
		s7 += float32(v * w[7])
		at += nr
	}
	*s = [8]float32{s0, s1, s2, s3, s4, s5, s6, s7}
}

// lanes is the number of partial sums of a reduction.
const lanes = 16

// tree adds the partial sums of a reduction.
func tree(s *[lanes]float32) float32 {
	for w := lanes / 2; w > 0; w /= 2 {
		for l := range w {
			s[l] += s[l+w]
		}
	}
	return s[0]
}

func sumPortable(x []float32) float32 {
	var s [lanes]float32
	for len(x) >= lanes {
		for l, v := range x[:lanes] {
			s[l] += v
		}
		x = x[lanes:]
	}
	for l, v := range x {
		s[l] += v
	}
	return tree(&s)
}

// sumSquares returns Sum((x - mean)²).
func sumSquares(x []float32, mean float32) float32 {
	var s [lanes]float32
	for i, v := range x {
		d := v - mean
		s[i%lanes] += float32(d * d)
	}
	return tree(&s)
}

// rsqrt returns 1/sqrt(x), both correctly rounded.
func rsqrt(x float32) float32 { return 1 / float32(math.Sqrt(float64(x))) }

func layerNormModulatePortable(dst, x, shift, scale []float32, eps float32) {
	n := float32(len(x))
	mean := sumPortable(x) / n
	r := rsqrt(sumSquares(x, mean)/n + eps)
	for i, v := range x {
		dst[i] = float32(float32((v-mean)*r)*(1+scale[i])) + shift[i]
	}
}

func addPortable(dst, x []float32) {
	for i, v := range x {
		dst[i] += v
	}
}

func addGatedPortable(dst, gate, y []float32) {
	for i, v := range y {
		dst[i] += float32(gate[i] * v)
	}
}

func addScaledPortable(dst []float32, a float32, x []float32) {
	for i, v := range x {
		dst[i] += float32(a * v)
	}
}

func scalePortable(x []float32, a float32) {
	for i, v := range x {
		x[i] = float32(a * v)
	}
}

// Constants of exp. The reduction is x = n·ln 2 + r, |r| <= ln 2/2, with
// ln 2 = expLn2Hi + expLn2Lo and n·expLn2Hi exact. Adding expMagic rounds to
// the nearest integer and leaves n + 126 in the low bits of the sum. The
// polynomial is 2·e^r: with the scale 2^(n-1) the largest results do not
// overflow early. It is a minimax fit of relative error 2.4e-8.
const (
	expHi    = 0x42B30000 // bits of 89.5: beyond it n = 129 and the scale is +Inf
	expLo    = 0xC2AF0000 // bits of -87.5: beyond it n = -126 and the scale is 0
	expLog2e = 1.44269504088896341
	expMagic = 12582912 + 126
	expLn2Hi = 0.693359375
	expLn2Lo = -2.12194440e-4
	expC6    = 0.0028067301027476788
	expC5    = 0.016743473708629608
	expC4    = 0.0833306685090065
	expC3    = 0.33332908153533936
	expC2    = 1
	expC1    = 2
	expC0    = 2
)

// exp returns e^x; see Exp. The clamps work on the bits: as signed integers the
// positive floats are ordered and above all negative ones, as unsigned integers
// the negative floats are ordered by magnitude and above all positive ones.
func exp(x float32) float32 {
	if x != x {
		return x
	}
	b := uint32(min(int32(math.Float32bits(x)), expHi))
	x = math.Float32frombits(min(b, expLo))
	z := float32(x*expLog2e) + expMagic
	n := z - expMagic
	r := x - float32(n*expLn2Hi)
	r -= float32(n * expLn2Lo)
	p := float32(expC6*r) + expC5
	p = float32(p*r) + expC4
	p = float32(p*r) + expC3
	p = float32(p*r) + expC2
	p = float32(p*r) + expC1
	p = float32(p*r) + expC0
	return float32(p * math.Float32frombits(math.Float32bits(z)<<23))
}

func expPortable(dst, x []float32) {
	for i, v := range x {
		dst[i] = exp(v)
	}
}

func siLU(x float32) float32 { return x / (1 + exp(-x)) }

func siLUPortable(dst, x []float32) {
	for i, v := range x {
		dst[i] = siLU(v)
	}
}

func swiGLUPortable(dst, a, b []float32) {
	for i, v := range a {
		dst[i] = float32(siLU(v) * b[i])
	}
}

// Constants of GELUTanh: -2·√(2/π) and 0.044715 times that.
const (
	geluC1 = -1.5957691216057308
	geluC2 = -0.07135481627260025
)

func geluTanh(x float32) float32 {
	u := float32(float32(float32(x*x)*geluC2)+geluC1) * x
	return x / (1 + exp(u))
}

func geluTanhPortable(dst, x []float32) {
	for i, v := range x {
		dst[i] = geluTanh(v)
	}
}

// gelu returns x/2·(1 + erf(x/√2)). With t = |x|/√2, erf is t + t·p(t²) for
// t <= 475/512 and 1 - e^q(t) above; the negative tail x/2·e^q keeps its
// relative accuracy. The polynomials are N. Juffa's minimax fits of erff.
func gelu(x float32) float32 {
	const invSqrt2 = 0.70710678118654752
	a := float32(x * invSqrt2)
	t := max(a, -a)
	s := float32(a * a)
	h := float32(0.5 * x)
	if t <= 475.0/512 {
		p := float32(-5.96761703e-4*s) + 4.99119423e-3
		p = float32(p*s) - 2.67681349e-2
		p = float32(p*s) + 1.12819925e-1
		p = float32(p*s) - 3.76125336e-1
		p = float32(p*s) + 1.28379166e-1
		erf := float32(p*a) + a
		return h + float32(h*erf)
	}
	if t > 16 { // erfc is 0, also for ±Inf
		return max(x, 0)
	}
	s = float32(t * t)
	q := float32(-1.72853470e-5*t) + 3.83197126e-4
	u := float32(-3.88396438e-3*t) + 2.42546219e-2
	q = float32(q*s) + u
	q = float32(q*t) - 1.06777877e-1
	q = float32(q*t) - 6.34846687e-1
	q = float32(q*t) - 1.28717512e-1
	q = float32(q*t) - t
	erfc := exp(q)
	if x < 0 {
		return h * erfc
	}
	return x - float32(h*erfc)
}

func softmaxPortable(x []float32, scale float32) {
	top := float32(math.Inf(-1))
	for i, v := range x {
		t := float32(scale * v)
		x[i] = t
		if t > top {
			top = t
		}
	}
	for i, t := range x {
		x[i] = exp(t - top)
	}
	scalePortable(x, 1/sumPortable(x))
}

// attentionScale returns headDim^-1/2, the scale of the scores.
func attentionScale(headDim int) float32 { return rsqrt(float32(headDim)) }

func attentionPortable(dst []float32, ldd int, qkv []float32, ldq, n, from, m, heads, headDim int,
	bias, scratch []float32) {
	attentionPanels(dst, ldd, qkv, ldq, n, from, m, heads, headDim, bias, scratch, portableWidth,
		linearPortable, softmaxPortable)
}

// attentionPanels is Attention by other kernels: the keys and the values of one head
// are packed as weights in panels of width nr.
func attentionPanels(
	dst []float32,
	ldd int,
	qkv []float32,
	ldq, n, from, m, heads, headDim int,
	bias, scratch []float32,
	nr int,
	linear linearFunc,
	softmax func([]float32, float32),
) {
	width := heads * headDim
	scale := attentionScale(headDim)
	np, hp := (n+nr-1)/nr*nr, (headDim+nr-1)/nr*nr
	keys, scratch := scratch[:headDim*np], scratch[headDim*np:]
	values, scratch := scratch[:n*hp], scratch[n*hp:]
	scores := scratch[:m*np] // (m, np)
	for h := range heads {
		packTransposed(keys, qkv[width+h*headDim:], ldq, n, headDim, nr)
		packRows(values, qkv[2*width+h*headDim:], ldq, n, headDim, nr)
		linear(scores, np, qkv[from*ldq+h*headDim:], ldq, m, headDim, n, keys, nil)
		for i := range m {
			if bias != nil {
				addPortable(scores[i*np:][:n], bias[(h*m+i)*n:][:n])
			}
			softmax(scores[i*np:][:n], scale)
		}
		linear(dst[h*headDim:], ldd, scores, np, m, n, headDim, values, nil)
	}
}

// packRows writes the rows of w (k, n) into panels: panels[p][l][c] =
// w[l, p*nr+c], zero where p*nr+c >= n. ldw is the row stride of w.
func packRows(panels, w []float32, ldw, k, n, nr int) {
	for p := 0; p*nr < n; p++ {
		cols := min(nr, n-p*nr)
		for l := range k {
			d := panels[(p*k+l)*nr:][:nr]
			clear(d[copy(d, w[l*ldw+p*nr:][:cols]):])
		}
	}
}

func addGaussiansPortable(dst []float32, d float32, mean, invStd, norm []float32) {
	for i, m := range mean {
		u := float32((d - m) * invStd[i])
		dst[i] += float32(norm[i] * exp(float32(-0.5*float32(u*u))))
	}
}
