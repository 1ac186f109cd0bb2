package model

import (
	"runtime"
	"testing"
)

// What a batch is said to take is what its buffers take.
func TestStateBytes(t *testing.T) {
	net := shipped(t).Network()
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

// The buffers of one more atom take as much in a small molecule as in a large one.
func TestStateBytesAreLinear(t *testing.T) {
	net := shipped(t).Network()
	step := func(n int) int64 { return net.StateBytes([]int{n + 64}) - net.StateBytes([]int{n}) }
	if small, large := step(128), step(1024); large != small {
		t.Errorf("64 more atoms take %d bytes at 128 atoms, and %d at 1024", small, large)
	}
}
