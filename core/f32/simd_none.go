//go:build !goexperiment.simd || !(amd64 || arm64 || wasm)

package f32

// implementations returns the portable kernels only: this build has no others.
func implementations() []kernels { return []kernels{portable} }
