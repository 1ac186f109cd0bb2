//go:build goexperiment.simd && relaxed

package f32

// relaxed says that linear's multiply-adds may be fused.
const relaxed = true
