//go:build !torch

package cli

import "testing"

// Without libtorch `train` says how to get it, whatever it is asked.
func TestTrainStub(t *testing.T) {
	for _, command := range []string{"train", "distill"} {
		fails(t, exitFailure, "make trainer", command, "--data", "x.xyz", "--steps", "1")
	}
}
