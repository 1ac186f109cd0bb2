//go:build goexperiment.simd && (wasm || amd64)

package main

// peak makes n turns of multiplications and additions on vectors that stay in
// registers, enough of them to hide the latency: the most that a kernel without
// fused operations could do.
func peak(n int) { sink = peakTurns(n) }

var sink float32
