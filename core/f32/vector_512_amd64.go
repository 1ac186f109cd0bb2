//go:build vectorsource && goexperiment.simd && vector512

package f32

import "simd/archsimd"

// The target of 512 bits, AVX-512. Softmax and Attention are those of 256 bits: heads
// are too narrow for panels of 64 columns and rows of scores for vectors of 16.
type (
	vector     = archsimd.Float32x16
	vectorBits = archsimd.Uint32x16
)

const (
	wide       = 16
	rows       = 5
	vecs       = 4
	narrow     = 1
	unroll     = 8
	kBlock     = 64
	gemvPanels = 2
)

//gen:inline
func load(x []float32, v int) vector {
	return archsimd.LoadFloat32x16Array((*[wide]float32)(x[v*wide:]))
}

//gen:inline
func whole(x *[wide]float32) vector { return archsimd.LoadFloat32x16Array(x) }

//gen:inline
func broadcast(x float32) vector { return archsimd.BroadcastFloat32x16(x) }

//gen:inline
func converted(n int) vector { return archsimd.BroadcastInt32x16(int32(n)).ConvertToFloat32() }

//gen:inline
func isNaN(x vector) vectorBits { return x.NotEqual(x).ToInt32x16().ToBits() }

//gen:inline
func clamped(x vector) vector {
	return x.ToBits().BitsToInt32().Min(archsimd.LoadInt32x16Array(&expHiVector)).ToBits().
		Min(archsimd.LoadUint32x16Array(&expLoVector)).BitsToFloat32()
}

//gen:inline
func total(s [stepVectors]vector) vector {
	h := s[0].GetLo().Add(s[0].GetHi())
	q := h.GetLo().Add(h.GetHi())
	q = q.Add(q.ConcatPermuteScalars(2, 3, 0, 1, q))
	q = q.Add(q.ConcatPermuteScalars(1, 0, 3, 2, q))
	h = h.SetLo(q).SetHi(q)
	return s[0].SetLo(h).SetHi(h)
}

//gen:inline
func endVectors() { archsimd.ClearAVXUpperBits() }

//gen:inline
func linearVector(
	dst []float32, ldd int, x []float32, ldx, m, in, out int, panels, bias []float32,
) {
	tilesVector(dst, ldd, x, ldx, m, in, out, panels, bias)
}

//gen:inline
func softmaxVector(x []float32, scale float32) { softmax256(x, scale) }

//gen:inline
func attentionVector(
	dst []float32, ldd int, qkv []float32, ldq, n, from, m, heads, headDim int, bias, scratch []float32,
) {
	attention256(dst, ldd, qkv, ldq, n, from, m, heads, headDim, bias, scratch)
}
