//go:build vectorsource && goexperiment.simd && (amd64 || arm64 || wasm) && !vector512

package f32

import "math"

// softmaxVector is Softmax. Short rows of an odd length are padded by -Inf.
func softmaxVector(x []float32, scale float32) {
	var padded [128]float32
	n := (len(x) + lanes - 1) / lanes * lanes
	switch {
	case n == len(x):
		softmaxRowsVector(x, 1, len(x), scale)
		return
	case n <= len(padded) && scale > 0:
		for i := copy(padded[:], x); i < n; i++ {
			padded[i] = float32(math.Inf(-1))
		}
		softmaxRowsVector(padded[:n], 1, n, scale)
		copy(x, padded[:])
		return
	}
	by, minusInf := broadcast(scale), broadcast(float32(math.Inf(-1)))
	softmaxBy(x, by, minusInf, throughSteps)
	endVectors()
}

// softmaxRowsVector is Softmax for rows of a whole number of steps. They follow
// each other without a change to scalar code, so that they overlap.
func softmaxRowsVector(s []float32, rows, cols int, scale float32) {
	by, minusInf := broadcast(scale), broadcast(float32(math.Inf(-1)))
	for i := range rows {
		x := s[i*cols:][:cols]
		softmaxBy(x, by, minusInf, throughWholeSteps)
	}
	endVectors()
}

// throughWholeSteps is throughSteps for an x of a whole number of steps.
//
//gen:inline
func throughWholeSteps(x []float32, _, f func(x []float32)) {
	for i := 0; i < len(x); i += lanes {
		at := block(x[i:], lanes)
		f(at)
	}
}

// softmaxBy is Softmax of x by means of a loop over its steps.
//
//gen:inline
func softmaxBy(
	x []float32, scale, minusInf vector, loop func(x []float32, fill, f func(x []float32)),
) {
	var m, s [stepVectors]vector
	for v := range stepVectors {
		m[v] = minusInf
	}
	repeat := func(buffer []float32) {
		for i := range buffer {
			buffer[i] = x[len(x)-1]
		}
	}
	loop(x, repeat, func(x []float32) {
		for v := range stepVectors {
			t := load(x, v).Mul(scale)
			store(t, x, v)
			m[v] = larger(t, m[v])
		}
	})
	top := largest(m)
	// The padding e^-Inf = 0 adds nothing.
	padding := func(buffer []float32) {
		for v := range stepVectors {
			store(minusInf, buffer, v)
		}
	}
	loop(x, padding, func(x []float32) {
		for v := range stepVectors {
			e := exponential(load(x, v).Sub(top))
			store(e, x, v)
			s[v] = s[v].Add(e)
		}
	})
	sum := total(s)
	inv := whole(&oneVector).Div(sum)
	loop(x, zeros, func(x []float32) {
		for v := range stepVectors {
			y := load(x, v).Mul(inv)
			store(y, x, v)
		}
	})
}

// attentionVector is Attention with the keys and values of one head packed as
// weights. Rows of scores are padded to whole steps by -Inf, of which the
// softmax makes 0; the padding of the last panel has it as its bias.
func attentionVector(
	dst []float32, ldd int, qkv []float32, ldq, n, from, m, heads, headDim int, bias, scratch []float32,
) {
	width := heads * headDim
	scale := attentionScale(headDim)
	np, hp := (n+lanes-1)/lanes*lanes, (headDim+nr-1)/nr*nr
	cols := (n + nr - 1) / nr * nr
	keys, scratch := scratch[:headDim*np], scratch[headDim*np:]
	values, scratch := scratch[:n*hp], scratch[n*hp:]
	scores, scratch := scratch[:m*np], scratch[m*np:] // (m, np)
	mask := scratch[:cols]
	clear(mask)
	for j := n; j < cols; j++ {
		mask[j] = float32(math.Inf(-1))
	}
	for h := range heads {
		packTransposedVector(keys, qkv[width+h*headDim:], ldq, n, headDim)
		packRowsVector(values, qkv[2*width+h*headDim:], ldq, n, headDim)
		linearVector(scores, np, qkv[from*ldq+h*headDim:], ldq, m, headDim, cols, keys, mask)
		minusInf := broadcast(float32(math.Inf(-1)))
		for i := range m {
			for j := cols; j < np; j += wide {
				store(minusInf, scores[i*np+j:], 0)
			}
			if bias != nil {
				addVector(scores[i*np:][:n], bias[(h*m+i)*n:][:n])
			}
		}
		softmaxRowsVector(scores, m, np, scale)
		linearVector(dst[h*headDim:], ldd, scores, np, m, n, headDim, values, nil)
	}
}

// packRowsVector is packRows for panels of nr columns.
func packRowsVector(panels, w []float32, ldw, k, n int) {
	filled := n / nr * nr
	for j := 0; j < filled; j += nr {
		d := panels[j*k:][:k*nr]
		for l := range k {
			from, to := w[l*ldw+j:][:nr], d[l*nr:][:nr]
			for v := range vecs {
				store(load(from, v), to, v)
			}
		}
	}
	if filled < n {
		packRows(panels[filled*k:], w[filled:], ldw, k, n-filled, nr)
	}
}
