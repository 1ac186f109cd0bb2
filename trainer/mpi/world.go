// Package mpi sums over the processes that train one model, by the Message Passing Interface.
//
// With the tag mpi it is a small shim over the MPI library at hand (found by pkg-config, ompi-c),
// started by mpirun. Without the tag there is one process, and a sum is its own value. Calls come
// from one goroutine, bound to the thread that called Join.
package mpi

// World is all processes of a job.
type World struct{ rank, size int }

// Alone is a world of one process.
var Alone = &World{rank: 0, size: 1}

// Rank is the number of this process, from 0.
func (w *World) Rank() int { return w.rank }

// Size is the number of processes.
func (w *World) Size() int { return w.size }

// Sum replaces x by its sum over all processes, with the same bits in each.
func (w *World) Sum(x []float32) {
	if w.size > 1 && len(x) > 0 {
		sum32(x)
	}
}

// Sum64 is Sum in float64.
func (w *World) Sum64(x []float64) {
	if w.size > 1 && len(x) > 0 {
		sum64(x)
	}
}

// First replaces x by what the process of rank 0 has.
func (w *World) First(x []float64) {
	if w.size > 1 && len(x) > 0 {
		broadcast64(x)
	}
}
