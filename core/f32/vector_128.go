//go:build vectorsource && goexperiment.simd && (arm64 || wasm)

package f32

import "simd/archsimd"

// The targets of 128 bits, NEON and WebAssembly. Their numbers are in vector_arm64.go
// and vector_wasm.go.
type (
	vector     = archsimd.Float32x4
	vectorBits = archsimd.Uint32x4
)

const wide = 4

//gen:inline
func load(x []float32, v int) vector {
	return archsimd.LoadFloat32x4Array((*[wide]float32)(x[v*wide:]))
}

//gen:inline
func whole(x *[wide]float32) vector { return archsimd.LoadFloat32x4Array(x) }

//gen:inline
func broadcast(x float32) vector { return archsimd.BroadcastFloat32x4(x) }

//gen:inline
func converted(n int) vector { return archsimd.BroadcastInt32x4(int32(n)).ConvertToFloat32() }

//gen:inline
func isNaN(x vector) vectorBits { return x.NotEqual(x).ToInt32x4().ToBits() }

//gen:inline
func clamped(x vector) vector {
	return x.ToBits().BitsToInt32().Min(archsimd.LoadInt32x4Array(&expHiVector)).ToBits().
		Min(archsimd.LoadUint32x4Array(&expLoVector)).BitsToFloat32()
}

// larger selects, since Max of these targets passes a NaN on, where AVX and
// softmaxPortable leave it out of the maximum.
//
//gen:inline
func larger(x, y vector) vector { return x.IfElse(x.Greater(y), y) }

//gen:inline
func total(s [stepVectors]vector) vector {
	a, b := s[0].Add(s[2]), s[1].Add(s[3])
	t := a.Add(b)
	return broadcast((t.GetElem(0) + t.GetElem(2)) + (t.GetElem(1) + t.GetElem(3)))
}

//gen:inline
func largest(m [stepVectors]vector) vector {
	t := larger(larger(m[0], m[2]), larger(m[1], m[3]))
	all := broadcast(t.GetElem(0))
	for i := range wide - 1 {
		e := broadcast(t.GetElem(uint8(1 + i)))
		all = larger(all, e)
	}
	return all
}

// endVectors: these targets have no upper halves.
//
//gen:inline
func endVectors() {}
