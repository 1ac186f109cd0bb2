package model

import (
	"slices"
	"sync"

	"github.com/symdiff-go/symdiff/core/dit"
)

// timetable holds the modulations of k and f at a list of times.
type timetable struct {
	times []float32
	k, f  *dit.Timetable // f nil where there is none
}

// newTimetable has room for n times.
func (m *Model) newTimetable(n int) *timetable {
	t := &timetable{times: make([]float32, 0, n), k: m.k.NewTimetable(n, m.finalAdaLN)}
	if m.enc != nil {
		t.f = m.enc.NewTimetable(n, dit.Linear{})
	}
	return t
}

// reset makes t the table of other times.
func (t *timetable) reset(times []float32, scale float32) {
	t.times = t.times[:0]
	for _, at := range times {
		t.times = append(t.times, float32(at*scale))
	}
	t.k.Reset(t.times)
	if t.f != nil {
		t.f.Reset(t.times)
	}
	copy(t.times, times)
}

// maxTimetable bounds the bytes that the modulations of a whole schedule may
// take. It holds 278 times of the shipped model.
const maxTimetable = 8 << 20

// nextTimes is the number of times that a State computes at once where the
// schedule as a whole is too large.
const nextTimes = 16

// timetables keeps the last schedule's table, for all States of a model.
type timetables struct {
	mu   sync.Mutex
	last *timetable
}

// timetable is the shared table of a schedule, nil where it would be too large.
func (m *Model) timetable(times []float32) *timetable {
	if len(times)*m.k.TimetableSize(m.finalAdaLN) > maxTimetable {
		return nil
	}
	m.tables.mu.Lock()
	defer m.tables.mu.Unlock()
	if t := m.tables.last; t == nil || !slices.Equal(t.times, times) {
		m.tables.last = m.newTimetable(len(times))
		m.tables.last.reset(times, m.timeScale)
	}
	return m.tables.last
}

// Schedule tells the times that calls of Eps will come with, in order. Their
// modulations are then computed several at once, and kept for other States. It
// changes nothing else; calls at other times may be made.
func (s *State) Schedule(times []float32) {
	s.schedule = slices.Clone(times)
	if s.shared = s.m.timetable(s.schedule); s.shared == nil {
		s.own = s.m.newTimetable(min(nextTimes, max(1, len(times))))
	}
}

// modulate sets what depends on the time alone.
func (s *State) modulate(t float32) {
	if t == s.t {
		return
	}
	s.t = t
	if s.shared != nil && s.use(s.shared) || s.use(s.own) {
		return
	}
	next := s.schedule[max(0, slices.Index(s.schedule, t)):]
	if len(next) == 0 || next[0] != t {
		next = []float32{t}
	}
	s.own.reset(next[:min(len(next), cap(s.own.times))], s.m.timeScale)
	s.use(s.own)
}

// use takes the modulations of time s.t from a table and reports whether it has
// them.
func (s *State) use(table *timetable) bool {
	i := slices.Index(table.times, s.t)
	if i < 0 {
		return false
	}
	m := table.k.At(i)
	s.final = m.Final
	s.k.Use(m)
	if s.enc != nil {
		s.enc.Use(table.f.At(i))
	}
	return true
}
