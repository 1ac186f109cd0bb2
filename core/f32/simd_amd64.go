//go:build goexperiment.simd && amd64 && !vectorsource

package f32

import "simd/archsimd"

// implementations returns the kernels that this processor can run. The
// operating system's support of the registers is part of the detection.
func implementations() []kernels {
	all := []kernels{portable}
	if archsimd.X86.AVX2() {
		all = append(all, kernels256("avx2"))
	}
	if archsimd.X86.AVX512() {
		all = append(all, kernels512("avx512"))
	}
	return all
}
