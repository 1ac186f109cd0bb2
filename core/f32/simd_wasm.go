//go:build goexperiment.simd && wasm

package f32

// implementations returns the portable kernels and those of 128-bit vectors,
// which every engine that instantiates the module has.
func implementations() []kernels { return []kernels{portable, kernels128("simd128")} }
