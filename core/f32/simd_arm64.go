//go:build goexperiment.simd && arm64 && !vectorsource

package f32

// implementations returns the portable kernels and those of 128-bit vectors,
// which every arm64 processor has.
func implementations() []kernels { return []kernels{portable, kernels128("neon")} }
