package model

import (
	"runtime"
	"testing"

	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/weights"
)

// What a batch is said to take is what its buffers take.
func TestStateBytes(t *testing.T) {
	f, err := safetensors.Parse("weights", weights.QM9Web())
	if err != nil {
		t.Fatal(err)
	}
	m, err := Load(f)
	if err != nil {
		t.Fatal(err)
	}
	net := m.Network()
	for _, sizes := range [][]int{{29}, {200}, {18, 18, 18, 18}, {3, 90, 1}} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s := net.NewState(sizes)
		runtime.ReadMemStats(&after)
		took, said := int64(after.TotalAlloc-before.TotalAlloc), net.StateBytes(sizes)
		if took > said || took < said/3 {
			t.Errorf("%v: %d bytes, said %d", sizes, took, said)
		}
		runtime.KeepAlive(s)
	}
}
