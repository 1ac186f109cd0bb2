//go:build torch

package torch

import (
	"os"
	"testing"

	"golang.org/x/sys/cpu"
)

// A CPU multiplies in float32, and that is noticed.
func TestRoundsToTF32(t *testing.T) {
	onThread(t)
	if RoundsToTF32(CPU) {
		t.Error("products on a CPU are said to be in TensorFloat-32")
	}
}

// OpenBLAS has kernels for this processor, also where it does not know it.
func TestBLASKernels(t *testing.T) {
	onThread(t)
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA && blasKernels() == "Prescott" &&
		os.Getenv("OPENBLAS_CORETYPE") == "" {
		t.Error("products are by SSE3")
	}
}
