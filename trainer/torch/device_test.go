//go:build torch

package torch

import (
	"testing"

	"github.com/sugarme/gotch"
)

func TestParseDevice(t *testing.T) {
	for name, want := range map[string]gotch.Device{"cpu": gotch.CPU, "cuda": gotch.CudaBuilder(0),
		"cuda:1": gotch.CudaBuilder(1), "cuda:10": gotch.CudaBuilder(10)} {
		if got, ok := ParseDevice(name); !ok || got != want {
			t.Errorf("%s: %v, %t; want %v", name, got, ok, want)
		}
	}
	for _, name := range []string{"", "gpu", "cuda:", "cuda:-1", "cuda:+1", "cuda:1 ", "cuda:x", "cuda:256", "CPU"} {
		if d, ok := ParseDevice(name); ok {
			t.Errorf("%q is read as %v", name, d)
		}
	}
}
