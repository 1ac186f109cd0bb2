package model

import (
	"strconv"
	"testing"

	"github.com/symdiff-go/symdiff/core/safetensors"
	"github.com/symdiff-go/symdiff/core/symmetrise"
	"github.com/symdiff-go/symdiff/core/weights"
)

// shipped is the model of the page.
func shipped(t testing.TB) *Model {
	t.Helper()
	f, err := safetensors.Parse("weights", weights.QM9Web())
	if err != nil {
		t.Fatal(err)
	}
	m, err := Load(f)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// BenchmarkScale is a call of the shipped network on one molecule, and the bytes of its buffers.
func BenchmarkScale(b *testing.B) {
	m := shipped(b)
	net := m.Network()
	for _, n := range []int{19, 29, 60, 100} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			z, r0, eta := input(m, []int{n}, 5)
			eps, s := make([]float32, len(z)), net.NewState([]int{n})
			for b.Loop() {
				s.Eps(eps, z, 0.3, symmetrise.Noise{R0: r0, Eta: eta})
			}
			b.ReportMetric(float64(net.StateBytes([]int{n})), "scratch-B")
		})
	}
}
