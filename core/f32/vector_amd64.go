//go:build vectorsource && goexperiment.simd && !vector512

package f32

import "simd/archsimd"

// The target of 256 bits, AVX2.
type (
	vector     = archsimd.Float32x8
	vectorBits = archsimd.Uint32x8
)

const (
	wide       = 8  // floats of a vector
	rows       = 5  // of a tile
	vecs       = 2  // vectors of a tile's row, and of a panel's
	narrow     = 2  // vectors of the narrowest tile
	unroll     = 8  // steps of k of a tile's loop
	kBlock     = 64 // steps of k of a pass over a panel
	gemvPanels = 4  // panels that the kernel of a single row takes at once
)

//gen:inline
func load(x []float32, v int) vector {
	return archsimd.LoadFloat32x8Array((*[wide]float32)(x[v*wide:]))
}

//gen:inline
func whole(x *[wide]float32) vector { return archsimd.LoadFloat32x8Array(x) }

//gen:inline
func broadcast(x float32) vector { return archsimd.BroadcastFloat32x8(x) }

//gen:inline
func converted(n int) vector { return archsimd.BroadcastInt32x8(int32(n)).ConvertToFloat32() }

// isNaN is all ones where x is NaN and 0 elsewhere.
//
//gen:inline
func isNaN(x vector) vectorBits { return x.NotEqual(x).ToInt32x8().ToBits() }

// clamped is the argument of exp, clamped as in exp.
//
//gen:inline
func clamped(x vector) vector {
	return x.ToBits().BitsToInt32().Min(archsimd.LoadInt32x8Array(&expHiVector)).ToBits().
		Min(archsimd.LoadUint32x8Array(&expLoVector)).BitsToFloat32()
}

//gen:inline
func larger(x, y vector) vector { return x.Max(y) }

// total is the sum of all lanes of s in the order of tree, in every lane.
//
//gen:inline
func total(s [stepVectors]vector) vector {
	t := s[0].Add(s[1])
	q := t.GetLo().Add(t.GetHi())
	q = q.Add(q.ConcatPermuteScalars(2, 3, 0, 1, q))
	q = q.Add(q.ConcatPermuteScalars(1, 0, 3, 2, q))
	return t.SetLo(q).SetHi(q)
}

// largest is the maximum of all lanes of m, in every lane.
//
//gen:inline
func largest(m [stepVectors]vector) vector {
	t := m[0].Max(m[1])
	q := t.GetLo().Max(t.GetHi())
	q = q.Max(q.ConcatPermuteScalars(2, 3, 0, 1, q))
	q = q.Max(q.ConcatPermuteScalars(1, 0, 3, 2, q))
	return t.SetLo(q).SetHi(q)
}

// endVectors ends the use of vectors: scalar code and copies that follow are several
// times slower until the upper halves of the registers are cleared.
//
//gen:inline
func endVectors() { archsimd.ClearAVXUpperBits() }

//gen:inline
func linearVector(
	dst []float32, ldd int, x []float32, ldx, m, in, out int, panels, bias []float32,
) {
	tilesVector(dst, ldd, x, ldx, m, in, out, panels, bias)
}
