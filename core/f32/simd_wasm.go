//go:build goexperiment.simd && wasm

package f32

func implementations() []kernels { return []kernels{portable} }
