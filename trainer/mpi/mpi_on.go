//go:build mpi

package mpi

// #cgo pkg-config: ompi-c
// #include <mpi.h>
//
// static int join(int *rank, int *size) {
//   int provided, e = MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided);
//   if (e == MPI_SUCCESS) e = MPI_Comm_rank(MPI_COMM_WORLD, rank);
//   if (e == MPI_SUCCESS) e = MPI_Comm_size(MPI_COMM_WORLD, size);
//   return e;
// }
// // The reduction and a broadcast of its result, so that every process has the same bits.
// static int sum(void *x, int n, MPI_Datatype t) {
//   int rank;
//   MPI_Comm_rank(MPI_COMM_WORLD, &rank);
//   int e = MPI_Reduce(rank == 0 ? MPI_IN_PLACE : x, x, n, t, MPI_SUM, 0, MPI_COMM_WORLD);
//   return e == MPI_SUCCESS ? MPI_Bcast(x, n, t, 0, MPI_COMM_WORLD) : e;
// }
// static int sum32(float *x, int n) { return sum(x, n, MPI_FLOAT); }
// static int sum64(double *x, int n) { return sum(x, n, MPI_DOUBLE); }
// static int broadcast64(double *x, int n) { return MPI_Bcast(x, n, MPI_DOUBLE, 0, MPI_COMM_WORLD); }
// static void leave(void) { MPI_Finalize(); }
import "C"

import (
	"fmt"
	"os"
	"sync"
)

// largest is how many values one call moves at most: MPI counts in int.
const largest = 1 << 28

// Join starts MPI in a process that mpirun has started; any other is alone.
func Join() (*World, error) {
	if os.Getenv("OMPI_COMM_WORLD_SIZE") == "" && os.Getenv("PMI_SIZE") == "" &&
		os.Getenv("PMIX_RANK") == "" {
		return Alone, nil
	}
	return joined()
}

// joined is Join, once: MPI cannot start twice.
var joined = sync.OnceValues(func() (*World, error) {
	var rank, size C.int
	if e := C.join(&rank, &size); e != C.MPI_SUCCESS {
		return nil, fmt.Errorf("MPI_Init_thread failed with code %d", int(e))
	}
	return &World{rank: int(rank), size: int(size)}, nil
})

// Leave ends MPI, in every process.
func (w *World) Leave() {
	if w != Alone {
		C.leave()
	}
}

func sum32(x []float32) {
	for from := 0; from < len(x); from += largest {
		part := x[from:min(from+largest, len(x))]
		check(C.sum32((*C.float)(&part[0]), C.int(len(part))))
	}
}

func sum64(x []float64)       { check(C.sum64((*C.double)(&x[0]), C.int(len(x)))) }
func broadcast64(x []float64) { check(C.broadcast64((*C.double)(&x[0]), C.int(len(x)))) }

func check(e C.int) {
	if e != C.MPI_SUCCESS {
		panic(fmt.Sprintf("mpi: call failed with code %d", int(e)))
	}
}
