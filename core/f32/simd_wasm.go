//go:build goexperiment.simd && wasm

package f32

import (
	"math"
	"slices"
	"unsafe"
)

// implementations returns the portable kernels, those of 128-bit vectors, which
// every engine that instantiates the module has, and the same with Linear in
// assembly.
func implementations() []kernels {
	inGo, inAsm := kernels128("simd128"), kernels128("simd128-asm")
	inGo.activate, inAsm.activate = func() { inAssembly = false }, func() { inAssembly = true }
	list := []kernels{portable, inGo}
	if assemblyWorks {
		list = append(list, inAsm)
	}
	return list
}

// inAssembly says which way linear128 takes.
var inAssembly bool

// linearAsm is Linear in groups of up to five rows, each by all panels.
func linearAsm(dst []float32, ldd int, x []float32, ldx, m, in, out int, panels, bias []float32) {
	whole, rest := out/8*8, out%8
	var zero, last [8]float32
	var edge [5 * 8]float32
	start, step := unsafe.Pointer(&zero), 0
	if bias != nil {
		start, step = unsafe.Pointer(&bias[0]), 32
		copy(last[:], bias[whole:])
	}
	for row, left := 0, (m+4)/5; left > 0; left-- {
		n := (m - row + left - 1) / left
		group := x[row*ldx:][:(n-1)*ldx+in]
		if whole > 0 {
			c, b := dst[row*ldd:][:(n-1)*ldd+whole], panels[:whole*in]
			rowsAsm(
				n,
				unsafe.Pointer(&c[0]),
				unsafe.Pointer(&group[0]),
				unsafe.Pointer(&b[0]),
				start,
				4*ldd,
				4*ldx,
				step,
				in,
				whole/8,
			)
		}
		if rest > 0 {
			b := panels[whole*in:][:8*in]
			rowsAsm(
				n,
				unsafe.Pointer(&edge),
				unsafe.Pointer(&group[0]),
				unsafe.Pointer(&b[0]),
				unsafe.Pointer(&last),
				4*8,
				4*ldx,
				0,
				in,
				1,
			)
			for i := range n {
				copy(dst[(row+i)*ldd+whole:][:rest], edge[8*i:])
			}
		}
		row += n
	}
}

func rowsAsm(n int, c, x, b, start unsafe.Pointer, ldc, ldx, step, k, panels int) {
	switch n {
	case 1:
		rows1x2Asm(c, x, b, start, ldc, ldx, step, k, panels)
	case 2:
		rows2x2Asm(c, x, b, start, ldc, ldx, step, k, panels)
	case 3:
		rows3x2Asm(c, x, b, start, ldc, ldx, step, k, panels)
	case 4:
		rows4x2Asm(c, x, b, start, ldc, ldx, step, k, panels)
	case 5:
		rows5x2Asm(c, x, b, start, ldc, ldx, step, k, panels)
	}
}

//go:noescape
func rows1x2Asm(c, x, b, start unsafe.Pointer, ldc, ldx, step, k, panels int)

//go:noescape
func rows2x2Asm(c, x, b, start unsafe.Pointer, ldc, ldx, step, k, panels int)

//go:noescape
func rows3x2Asm(c, x, b, start unsafe.Pointer, ldc, ldx, step, k, panels int)

//go:noescape
func rows4x2Asm(c, x, b, start unsafe.Pointer, ldc, ldx, step, k, panels int)

//go:noescape
func rows5x2Asm(c, x, b, start unsafe.Pointer, ldc, ldx, step, k, panels int)

// assemblyWorks is a comparison with the tiles in Go, bit for bit, at
// the start of every program: Go's wasm assembler is young.
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
	for m := 1; m <= 7; m++ {
		for _, k := range []int{1, 3, 4, 11} {
			for _, out := range []int{5, 8, 19} {
				ldc, ldx := out+3, k+2
				x, panels, bias := random(m*ldx), random((out+7)/8*8*k), random(out)
				want, got := random(m*ldc), make([]float32, m*ldc)
				copy(got, want)
				if k == 3 {
					bias = nil
				}
				tiles128(want, ldc, x, ldx, m, k, out, panels, bias)
				linearAsm(got, ldc, x, ldx, m, k, out, panels, bias)
				if !slices.EqualFunc(
					want,
					got,
					func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) },
				) {
					return false
				}
			}
		}
	}
	return true
}()
