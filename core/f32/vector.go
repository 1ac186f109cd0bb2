//go:build vectorsource && goexperiment.simd && (amd64 || arm64 || wasm)

package f32

// This file, vector_linear.go and vector_softmax.go are the SIMD kernels, written once
// for vectors of any width: a width is one more file, with its types, its numbers and
// what differs. internal/gen writes simd*.go from them. With the tag vectorsource they
// are built, vetted and tested as they stand, but slow: the compiler keeps arrays of
// vectors in memory.

// stepVectors is the number of vectors of a step: as many elements as a reduction has
// partial sums.
const stepVectors = lanes / wide

// kernelsVector is the implementation of vectors of this width.
func kernelsVector(name string) (k kernels) {
	k.name, k.nr = name, nr
	k.pack = packTransposedVector
	k.linear = linearVector
	k.sum = sumVector
	k.layerNormModulate = layerNormModulateVector
	k.add = addVector
	k.addGated = addGatedVector
	k.addScaled = addScaledVector
	k.scale = scaleVector
	k.exp = expVector
	k.siLU = siLUVector
	k.swiGLU = swiGLUVector
	k.geluTanh = geluTanhVector
	k.softmax = softmaxVector
	k.attention = attentionVector
	k.addGaussians = addGaussiansVector
	return k
}

// Constants are whole vectors, loaded from memory where they are used.
var (
	oneVector       = repeated[float32](1)
	minusHalfVector = repeated[float32](-0.5)
	expHiVector     = repeated[int32](expHi)
	expLoVector     = repeated[uint32](expLo)
	expLog2eVector  = repeated[float32](expLog2e)
	expMagicVector  = repeated[float32](expMagic)
	expLn2HiVector  = repeated[float32](expLn2Hi)
	expLn2LoVector  = repeated[float32](expLn2Lo)
	expC6Vector     = repeated[float32](expC6)
	expC5Vector     = repeated[float32](expC5)
	expC4Vector     = repeated[float32](expC4)
	expC3Vector     = repeated[float32](expC3)
	expC2Vector     = repeated[float32](expC2)
	expC1Vector     = repeated[float32](expC1)
	expC0Vector     = repeated[float32](expC0)
	geluC1Vector    = repeated[float32](geluC1)
	geluC2Vector    = repeated[float32](geluC2)
)

// repeated becomes the literal.
func repeated[T any](x T) (r [wide]T) {
	for i := range r {
		r[i] = x
	}
	return r
}

// block is the first n elements of x. Where n is constant the compiler then knows that
// all of them are there.
func block(x []float32, n int) []float32 { return x[:n:n] }

//gen:inline
func store(x vector, to []float32, v int) { x.StoreArray((*[wide]float32)(to[v*wide:])) }

// steps calls f for every step of x: 16 elements in place, then the rest in a buffer that
// fill prepared and done takes back.
//
//gen:inline
func steps(x []float32, fill, f func(x []float32), done func(rest, buffer []float32)) {
	n := len(x) &^ (lanes - 1)
	for i := 0; i < n; i += lanes {
		at := block(x[i:], lanes)
		f(at)
	}
	if n < len(x) {
		endVectors()
		var buffer [lanes]float32
		fill(buffer[:])
		copy(buffer[:], x[n:])
		f(buffer[:])
		done(x[n:], buffer[:])
	}
}

// overSteps is steps for an f that reads x.
//
//gen:inline
func overSteps(x []float32, fill, f func(x []float32)) {
	steps(x, fill, f, func(_, _ []float32) {})
}

// throughSteps is steps for an f that writes to x.
//
//gen:inline
func throughSteps(x []float32, fill, f func(x []float32)) {
	steps(x, fill, f, func(rest, buffer []float32) {
		endVectors()
		copy(rest, buffer)
	})
}

// map1 computes dst = f(a).
//
//gen:inline
func map1(dst, a []float32, f func(a vector) vector) {
	n := len(dst) &^ (lanes - 1)
	a = a[:len(dst)]
	step := func(to, a []float32) {
		for v := range stepVectors {
			r := f(load(a, v))
			store(r, to, v)
		}
	}
	for i := 0; i < n; i += lanes {
		step(block(dst[i:], lanes), block(a[i:], lanes))
	}
	if n < len(dst) {
		endVectors()
		var rest [lanes]float32
		copy(rest[:], a[n:])
		step(rest[:], rest[:])
		endVectors()
		copy(dst[n:], rest[:])
	}
}

// map2 computes dst = f(a, b).
//
//gen:inline
func map2(dst, a, b []float32, f func(a, b vector) vector) {
	n := len(dst) &^ (lanes - 1)
	a, b = a[:len(dst)], b[:len(dst)]
	step := func(to, a, b []float32) {
		for v := range stepVectors {
			r := f(load(a, v), load(b, v))
			store(r, to, v)
		}
	}
	for i := 0; i < n; i += lanes {
		step(block(dst[i:], lanes), block(a[i:], lanes), block(b[i:], lanes))
	}
	if n < len(dst) {
		endVectors()
		var rest, restB [lanes]float32
		copy(rest[:], a[n:])
		copy(restB[:], b[n:])
		step(rest[:], rest[:], restB[:])
		endVectors()
		copy(dst[n:], rest[:])
	}
}

// map3 computes dst = f(a, b, c).
//
//gen:inline
func map3(dst, a, b, c []float32, f func(a, b, c vector) vector) {
	n := len(dst) &^ (lanes - 1)
	a, b, c = a[:len(dst)], b[:len(dst)], c[:len(dst)]
	step := func(to, a, b, c []float32) {
		for v := range stepVectors {
			r := f(load(a, v), load(b, v), load(c, v))
			store(r, to, v)
		}
	}
	for i := 0; i < n; i += lanes {
		step(block(dst[i:], lanes), block(a[i:], lanes), block(b[i:], lanes), block(c[i:], lanes))
	}
	if n < len(dst) {
		endVectors()
		var rest, restB, restC [lanes]float32
		copy(rest[:], a[n:])
		copy(restB[:], b[n:])
		copy(restC[:], c[n:])
		step(rest[:], rest[:], restB[:], restC[:])
		endVectors()
		copy(dst[n:], rest[:])
	}
}

// map4 computes dst = f(a, b, c, d).
//
//gen:inline
func map4(dst, a, b, c, d []float32, f func(a, b, c, d vector) vector) {
	n := len(dst) &^ (lanes - 1)
	a, b, c, d = a[:len(dst)], b[:len(dst)], c[:len(dst)], d[:len(dst)]
	step := func(to, a, b, c, d []float32) {
		for v := range stepVectors {
			r := f(load(a, v), load(b, v), load(c, v), load(d, v))
			store(r, to, v)
		}
	}
	for i := 0; i < n; i += lanes {
		step(
			block(dst[i:], lanes), block(a[i:], lanes), block(b[i:], lanes),
			block(c[i:], lanes), block(d[i:], lanes),
		)
	}
	if n < len(dst) {
		endVectors()
		var rest, restB, restC, restD [lanes]float32
		copy(rest[:], a[n:])
		copy(restB[:], b[n:])
		copy(restC[:], c[n:])
		copy(restD[:], d[n:])
		step(rest[:], rest[:], restB[:], restC[:], restD[:])
		endVectors()
		copy(dst[n:], rest[:])
	}
}

// zeros leaves a buffer as it is.
//
//gen:inline
func zeros([]float32) {}

func sumVector(x []float32) float32 {
	var s [stepVectors]vector
	overSteps(x, zeros, func(x []float32) {
		for v := range stepVectors {
			s[v] = s[v].Add(load(x, v))
		}
	})
	sum := total(s)
	var out [wide]float32
	sum.StoreArray(&out)
	endVectors()
	return out[0]
}

func layerNormModulateVector(dst, x, shift, scale []float32, eps float32) {
	one, count, epsilon := whole(&oneVector), converted(len(x)), broadcast(eps)
	var s, q [stepVectors]vector
	overSteps(x, zeros, func(x []float32) {
		for v := range stepVectors {
			s[v] = s[v].Add(load(x, v))
		}
	})
	sum := total(s)
	mean := sum.Div(count)
	// Padding with the mean adds 0 to the squares.
	padding := func(buffer []float32) {
		for v := range stepVectors {
			store(mean, buffer, v)
		}
	}
	overSteps(x, padding, func(x []float32) {
		for v := range stepVectors {
			d := load(x, v).Sub(mean)
			q[v] = q[v].Add(d.Mul(d))
		}
	})
	squares := total(q)
	inv := one.Div(squares.Div(count).Add(epsilon).Sqrt())
	map3(dst, x, scale, shift, func(x, scale, shift vector) vector {
		return x.Sub(mean).Mul(inv).Mul(scale.Add(one)).Add(shift)
	})
	endVectors()
}

func addVector(dst, x []float32) {
	map2(dst, dst, x, func(d, x vector) vector { return d.Add(x) })
	endVectors()
}

func addGatedVector(dst, gate, y []float32) {
	map3(dst, dst, gate, y, func(d, g, y vector) vector { return d.Add(g.Mul(y)) })
	endVectors()
}

func addScaledVector(dst []float32, a float32, x []float32) {
	by := broadcast(a)
	map2(dst, dst, x, func(d, x vector) vector { return d.Add(x.Mul(by)) })
	endVectors()
}

func scaleVector(x []float32, a float32) {
	by := broadcast(a)
	map1(x, x, func(x vector) vector { return x.Mul(by) })
	endVectors()
}

// exponential is e^x, the twin of exp in portable.go. NaN gives NaN.
//
//gen:inline
func exponential(arg vector) vector {
	nan, x := isNaN(arg), clamped(arg)
	z := x.Mul(whole(&expLog2eVector)).Add(whole(&expMagicVector))
	n := z.Sub(whole(&expMagicVector))
	r := x.Sub(n.Mul(whole(&expLn2HiVector))).Sub(n.Mul(whole(&expLn2LoVector)))
	p := r.Mul(whole(&expC6Vector)).Add(whole(&expC5Vector))
	p = p.Mul(r).Add(whole(&expC4Vector))
	p = p.Mul(r).Add(whole(&expC3Vector))
	p = p.Mul(r).Add(whole(&expC2Vector))
	p = p.Mul(r).Add(whole(&expC1Vector))
	p = p.Mul(r).Add(whole(&expC0Vector))
	return p.Mul(z.ToBits().ShiftAllLeft(23).BitsToFloat32()).ToBits().Or(nan).BitsToFloat32()
}

func expVector(dst, x []float32) {
	map1(dst, x, exponential)
	endVectors()
}

func siLUVector(dst, x []float32) {
	map1(dst, x, func(x vector) vector {
		e := exponential(x.Neg())
		return x.Div(e.Add(whole(&oneVector)))
	})
	endVectors()
}

func swiGLUVector(dst, a, b []float32) {
	map2(dst, a, b, func(a, b vector) vector {
		e := exponential(a.Neg())
		return a.Div(e.Add(whole(&oneVector))).Mul(b)
	})
	endVectors()
}

func geluTanhVector(dst, x []float32) {
	map1(dst, x, func(x vector) vector {
		u := x.Mul(x).Mul(whole(&geluC2Vector)).Add(whole(&geluC1Vector)).Mul(x)
		e := exponential(u)
		return x.Div(e.Add(whole(&oneVector)))
	})
	endVectors()
}

func addGaussiansVector(dst []float32, d float32, mean, invStd, norm []float32) {
	distance := broadcast(d)
	map4(dst, dst, mean, invStd, norm, func(to, mean, invStd, norm vector) vector {
		u := distance.Sub(mean).Mul(invStd)
		e := exponential(u.Mul(u).Mul(whole(&minusHalfVector)))
		return to.Add(norm.Mul(e))
	})
	endVectors()
}
