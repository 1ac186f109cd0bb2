//go:build vectorsource && goexperiment.simd

package f32

const (
	rows       = 5
	vecs       = 4
	narrow     = 2
	unroll     = 4
	kBlock     = 64
	gemvPanels = 2
)

//gen:inline
func linearVector(
	dst []float32, ldd int, x []float32, ldx, m, in, out int, panels, bias []float32,
) {
	tilesVector(dst, ldd, x, ldx, m, in, out, panels, bias)
}
