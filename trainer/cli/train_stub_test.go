//go:build !torch

package cli

import "testing"

// Without libtorch `train` says how to get it, whatever it is asked.
func TestTrainStub(t *testing.T) {
	fails(t, exitFailure, "make trainer", "train", "--data", "x.xyz", "--steps", "1")
}
