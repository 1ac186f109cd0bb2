package model

import (
	"slices"
	"sync"
	"testing"

	"github.com/symdiff-go/symdiff/core/o3"
	"github.com/symdiff-go/symdiff/core/rng"
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
	call := func(s *State, at float32) []float32 {
		eps := make([]float32, len(z))
		s.Eps(eps, z, at, r0, eta)
		return eps
	}
	var times []float32
	for i := range 40 {
		times = append(times, 1-float32(i)/40)
	}
	want := make([][]float32, len(times))
	for i, at := range times {
		want[i] = call(m.NewState(sizes), at)
	}
	check := func(s *State, order []int) {
		for _, i := range order {
			if !slices.Equal(call(s, times[i]), want[i]) {
				t.Errorf("time %d of the schedule gives other bits", i)
			}
		}
		if got := call(s, 0.123); !slices.Equal(got, call(m.NewState(sizes), 0.123)) {
			t.Error("a time beside the schedule gives other bits")
		}
	}
	inOrder := make([]int, len(times))
	for i := range inOrder {
		inOrder[i] = i
	}
	mixed := []int{0, 1, 1, 30, 29, 7, 39, 38, 2, 3}

	scheduled := func(times []float32) *State {
		s := m.NewState(sizes)
		s.Schedule(times)
		return s
	}
	first := scheduled(times)
	if first.shared == nil || scheduled(times).shared != first.shared {
		t.Error("a schedule's table is not shared")
	}
	check(first, inOrder)
	check(scheduled(times), mixed)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() { check(scheduled(times[:39]), inOrder[:39]) })
	}
	all.Wait()

	long := append([]float32(nil), times...)
	for i := range maxTimetable / m.k.TimetableSize(m.finalAdaLN) {
		long = append(long, -float32(i))
	}
	s := scheduled(long)
	if s.shared != nil {
		t.Fatal("a schedule beyond the bound is kept")
	}
	check(s, inOrder)
	check(s, mixed)
}
