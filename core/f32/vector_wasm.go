//go:build vectorsource && goexperiment.simd

package f32

const (
	rows       = 5
	vecs       = 2
	narrow     = 2
	unroll     = 16
	kBlock     = 256
	gemvPanels = 4
)

// linearVector is tilesVector, or the same in assembly.
func linearVector(
	dst []float32, ldd int, x []float32, ldx, m, in, out int, panels, bias []float32,
) {
	if inAssembly && m > 1 {
		linearAsm(dst, ldd, x, ldx, m, in, out, panels, bias)
		return
	}
	tilesVector(dst, ldd, x, ldx, m, in, out, panels, bias)
}
