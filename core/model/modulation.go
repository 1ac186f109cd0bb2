package model

import (
	"math"
	"slices"
	"sync"

	"github.com/symdiff-go/symdiff/core/dit"
)

// cache holds the adaLN modulations of k and f at a list of times.
type cache struct {
	times []float32
	k, f  *dit.ModulationCache // f nil where there is none
}

// newCache has room for n times.
func (m *Model) newCache(n int) *cache {
	c := &cache{times: make([]float32, 0, n), k: m.k.NewModulationCache(n, m.finalAdaLN)}
	if m.enc != nil {
		c.f = m.enc.NewModulationCache(n, dit.Linear{})
	}
	return c
}

// reset makes c the cache of other times.
func (c *cache) reset(times []float32, scale float32) {
	c.times = c.times[:0]
	for _, at := range times {
		c.times = append(c.times, float32(at*scale))
	}
	c.k.Reset(c.times)
	if c.f != nil {
		c.f.Reset(c.times)
	}
	copy(c.times, times)
}

// maxCache bounds the bytes that the modulations of a whole schedule may take. It
// holds 278 times of the shipped model.
const maxCache = 8 << 20

// nextTimes is the number of times that a State computes at once where the
// schedule as a whole is too large.
const nextTimes = 16

// sharedCache keeps that of the last schedule, for all States of a model.
type sharedCache struct {
	mu   sync.Mutex
	last *cache
}

// cache is the shared one of a schedule, nil where it would be too large.
func (m *Model) cache(times []float32) *cache {
	if len(times)*m.k.ModulationSize(m.finalAdaLN) > maxCache {
		return nil
	}
	m.shared.mu.Lock()
	defer m.shared.mu.Unlock()
	if c := m.shared.last; c == nil || !slices.Equal(c.times, times) {
		m.shared.last = m.newCache(len(times))
		m.shared.last.reset(times, m.timeScale)
	}
	return m.shared.last
}

// modulations are those of a State at one time.
type modulations struct {
	t           float32   // NaN at first
	schedule    []float32 // times that are to come, in order, or none
	shared, own *cache    // of the schedule, where it is small; of the next times

	modulation dit.Modulation // of k at t
	from       *cache         // where it comes from
	index      int            // of t in from
}

func (m *Model) newModulations() modulations {
	return modulations{t: float32(math.NaN()), own: m.newCache(1)}
}

// Schedule announces the times that calls of Eps will come with, in order (see
// symmetrise.Scheduled). Their modulations are then computed several at once, and
// kept for other States.
func (s *State) Schedule(times []float32) {
	s.schedule = slices.Clone(times)
	if s.shared = s.m.cache(s.schedule); s.shared == nil {
		s.own = s.m.newCache(min(nextTimes, max(1, len(times))))
	}
}

// setTime sets the modulation of time t.
func (s *State) setTime(t float32) {
	if t == s.t {
		return
	}
	s.t = t
	if s.shared != nil && s.take(s.shared) || s.take(s.own) {
		return
	}
	next := s.schedule[max(0, slices.Index(s.schedule, t)):]
	if len(next) == 0 || next[0] != t {
		next = []float32{t}
	}
	s.own.reset(next[:min(len(next), cap(s.own.times))], s.m.timeScale)
	s.take(s.own)
}

// take takes the modulation of time s.t from a cache and reports whether it has it.
func (s *modulations) take(c *cache) bool {
	i := slices.Index(c.times, s.t)
	if i < 0 {
		return false
	}
	s.modulation, s.from, s.index = c.k.At(i), c, i
	return true
}

// ofEncoder is the modulation of f.
func (s *modulations) ofEncoder() dit.Modulation { return s.from.f.At(s.index) }
