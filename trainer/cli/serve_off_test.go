//go:build !site

package cli

import "testing"

// Without the page `serve` says how to get it.
func TestServeStub(t *testing.T) {
	fails(t, exitFailure, "make cli-site", "serve", "--addr", "localhost:0")
}
