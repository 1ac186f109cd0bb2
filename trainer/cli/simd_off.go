//go:build !goexperiment.simd

package cli

const simdBuilt = false
