//go:build vectorsource && goexperiment.simd && (amd64 || arm64)

package f32

// implementations returns the portable kernels and the source of the others.
func implementations() []kernels { return []kernels{portable, kernelsVector("source")} }
