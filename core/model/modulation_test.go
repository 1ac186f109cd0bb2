package model

import (
	"slices"
	"sync"
	"testing"

	"github.com/symdiff-go/symdiff/core/o3"
	"github.com/symdiff-go/symdiff/core/rng"
	"github.com/symdiff-go/symdiff/core/symmetrise"
)

// Calls at the times of a schedule, in their order or not, have the bits of calls
// at unknown times, whether the schedule is shared, too large for that, or in use
// by several states at once.
func TestSchedule(t *testing.T) {
	m, err := Load(open(t, "symdiff.weights"))
	if err != nil {
		t.Fatal(err)
	}
	sizes := []int{5, 3}
	width := 3 + m.Config.Features
	r := rng.New(4, 0, rng.Init, 0)
	z, eta, r0 := make([]float32, 8*width), make([]float32, 8*m.Config.NoiseDims), []o3.Matrix{o3.Haar(&r), o3.Haar(&r)}
	r.Fill(z, 1)
	r.Fill(eta, 1)
	net := m.Network()
	call := func(s symmetrise.NetworkState, at float32) []float32 {
		eps := make([]float32, len(z))
		s.Eps(eps, z, at, symmetrise.Noise{R0: r0, Eta: eta})
		return eps
	}
	var times []float32
	for i := range 40 {
		times = append(times, 1-float32(i)/40)
	}
	want := make([][]float32, len(times))
	for i, at := range times {
		want[i] = call(net.NewState(sizes), at)
	}
	check := func(s symmetrise.NetworkState, order []int) {
		for _, i := range order {
			if !slices.Equal(call(s, times[i]), want[i]) {
				t.Errorf("time %d of the schedule gives other bits", i)
			}
		}
		if got := call(s, 0.123); !slices.Equal(got, call(net.NewState(sizes), 0.123)) {
			t.Error("a time beside the schedule gives other bits")
		}
	}
	inOrder := make([]int, len(times))
	for i := range inOrder {
		inOrder[i] = i
	}
	mixed := []int{0, 1, 1, 30, 29, 7, 39, 38, 2, 3}

	scheduled := func(times []float32) symmetrise.NetworkState {
		s := net.NewState(sizes)
		s.Schedule(times)
		return s
	}
	shared := func(times []float32) *cache {
		s := m.newState(sizes)
		s.Schedule(times)
		return s.shared
	}
	if first := shared(times); first == nil || shared(times) != first {
		t.Error("a schedule's modulations are not shared")
	}
	check(scheduled(times), inOrder)
	check(scheduled(times), mixed)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() { check(scheduled(times[:39]), inOrder[:39]) })
	}
	all.Wait()

	long := append([]float32(nil), times...)
	for i := range maxCache / m.k.ModulationSize(m.finalAdaLN) {
		long = append(long, -float32(i))
	}
	if shared(long) != nil {
		t.Fatal("a schedule beyond the bound is kept")
	}
	s := scheduled(long)
	check(s, inOrder)
	check(s, mixed)
}
