//go:build goexperiment.simd && amd64

package f32

func implementations() []kernels { return []kernels{portable} }
