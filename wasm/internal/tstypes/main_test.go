package main

import (
	"bytes"
	"os"
	"testing"
)

// The types of the npm package are those of the Go struct.
func TestTypesAreGenerated(t *testing.T) {
	var want bytes.Buffer
	if err := write(&want, "../../.."); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../js/options.ts")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want.Bytes()) {
		t.Error("wasm/js/options.ts is stale: go run ./wasm/internal/tstypes > wasm/js/options.ts")
	}
}
