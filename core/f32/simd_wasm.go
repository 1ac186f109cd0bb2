//go:build goexperiment.simd && wasm

package f32

import (
	"math"
	"slices"
	"unsafe"
)

// implementations returns the portable kernels, those of 128-bit vectors, which
// every engine that instantiates the module has, and the same with the tiles of
// Linear in assembly.
func implementations() []kernels {
	goTiles, asmTiles := kernels128("simd128"), kernels128("simd128-asm")
	goTiles.activate, asmTiles.activate = func() { inAssembly = false }, func() { inAssembly = true }
	list := []kernels{portable, goTiles}
	if assemblyWorks {
		list = append(list, asmTiles)
	}
	return list
}

// inAssembly says which tiles panel128 takes.
var inAssembly bool

// panel128 is panel2x128, or the same in assembly.
func panel128(c []float32, ldc int, a []float32, n int, b, start []float32, lds int) {
	if inAssembly {
		panelAsm(c, ldc, a, n, b, start, lds)
		return
	}
	panel2x128(c, ldc, a, n, b, start, lds)
}

//go:noescape
func tile1x2Asm(c, a, b, start unsafe.Pointer, ldc, lds, k int)

//go:noescape
func tile2x2Asm(c, a, b, start unsafe.Pointer, ldc, lds, k int)

//go:noescape
func tile3x2Asm(c, a, b, start unsafe.Pointer, ldc, lds, k int)

//go:noescape
func tile4x2Asm(c, a, b, start unsafe.Pointer, ldc, lds, k int)

//go:noescape
func tile5x2Asm(c, a, b, start unsafe.Pointer, ldc, lds, k int)

// panelAsm is panel2x128 by the tiles of tile_wasm.s.
func panelAsm(c []float32, ldc int, a []float32, n int, b, start []float32, lds int) {
	k := len(a) / (4 * n)
	cc, bb, ss := c[:(n-1)*ldc+8], b[:8*k], start[:(n-1)*lds+8] // what the tile touches
	pc, pa, pb, ps := unsafe.Pointer(&cc[0]), unsafe.Pointer(&a[0]), unsafe.Pointer(&bb[0]), unsafe.Pointer(&ss[0])
	switch n {
	case 1:
		tile1x2Asm(pc, pa, pb, ps, 4*ldc, 4*lds, k)
	case 2:
		tile2x2Asm(pc, pa, pb, ps, 4*ldc, 4*lds, k)
	case 3:
		tile3x2Asm(pc, pa, pb, ps, 4*ldc, 4*lds, k)
	case 4:
		tile4x2Asm(pc, pa, pb, ps, 4*ldc, 4*lds, k)
	case 5:
		tile5x2Asm(pc, pa, pb, ps, 4*ldc, 4*lds, k)
	}
}

// assemblyWorks is a comparison with the tiles in Go, bit for bit, at the start
// of every program: Go's wasm assembler is young.
var assemblyWorks = func() bool {
	state := uint32(1)
	random := func(n int) []float32 {
		v := make([]float32, n)
		for i := range v {
			state = state*1664525 + 1013904223
			v[i] = float32(int32(state)) / (1 << 31)
		}
		return v
	}
	for n := 1; n <= 5; n++ {
		for _, k := range []int{1, 3, 4, 11} {
			const ldc, lds = 11, 9
			a, b, start := random(4*n*k), random(8*k), random(n*lds)
			want, got := random(n*ldc), make([]float32, n*ldc)
			copy(got, want)
			panel2x128(want, ldc, a, n, b, start, lds)
			panelAsm(got, ldc, a, n, b, start, lds)
			if !slices.EqualFunc(want, got, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) }) {
				return false
			}
		}
	}
	return true
}()
