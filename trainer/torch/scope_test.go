//go:build torch

package torch

import "testing"

// A CPU multiplies in float32, and that is noticed.
func TestRoundsToTF32(t *testing.T) {
	onThread(t)
	if RoundsToTF32(CPU) {
		t.Error("products on a CPU are said to be in TensorFloat-32")
	}
}
