package loop

import (
	"runtime/debug"
	"time"
)

// Spares is a free list that belongs to one loop: finished things that are kept for reuse, the hottest on top. Those that nobody needed
// for a while are dropped. The zero value keeps none; set Most before anything else. Loop only.
type Spares[T any] struct {
	Most int     // how many are kept
	Size int     // about how many bytes each holds
	End  func(T) // called with what is dropped; it may be nil

	free  []T
	least int // the fewest in free since the loop last looked
	known bool
}

// Len is how many there are.
func (s *Spares[T]) Len() int { return len(s.free) }

// Take takes the one that was given last. ok: there was one.
func (s *Spares[T]) Take() (v T, ok bool) {
	n := len(s.free) - 1
	if n < 0 {
		return v, false
	}
	var none T
	v, s.free[n] = s.free[n], none
	s.free = s.free[:n]
	s.least = min(s.least, n)
	return v, true
}

// Give keeps v for later, unless there are enough, which it says with false.
func (s *Spares[T]) Give(l *Loop, v T) bool {
	if len(s.free) >= s.Most {
		return false
	}
	s.free = append(s.free, v)
	if !s.known {
		s.known = true
		s.least = 0
		l.spares = append(l.spares, s)
		l.tidyLater()
	}
	return true
}

// shrink drops what was not needed since the last time, and says how many bytes that was and whether anything is left.
func (s *Spares[T]) shrink() (bytes int, left bool) {
	n := s.least
	if s.End != nil {
		for _, v := range s.free[:n] {
			s.End(v)
		}
	}
	k := copy(s.free, s.free[n:])
	clear(s.free[k:])
	s.free = s.free[:k]
	if len(s.free) < cap(s.free)/4 {
		s.free = append([]T(nil), s.free...)
	}
	s.least = len(s.free)
	s.known = s.least > 0
	return n * s.Size, s.known
}

// drop drops all.
func (s *Spares[T]) drop() {
	s.least = len(s.free)
	s.shrink()
}

// shrinker is a Spares of some type.
type shrinker interface {
	shrink() (bytes int, left bool)
}

const (
	// tidyEvery is how often a loop looks for spare things that were not needed since the last time. An idle loop has none left after
	// two looks, and sleeps for as long as nothing happens.
	tidyEvery = 10 * time.Second
	// tidyWorth is how much must have been dropped for a garbage collection.
	tidyWorth = 1 << 20
)

// tidyLater has the loop look some time from now.
func (l *Loop) tidyLater() {
	if l.tidying == nil {
		l.tidying = l.NewTimer(l.tidy)
	}
	if !l.tidying.Armed() {
		l.tidying.Set(l.now.Add(tidyEvery))
	}
}

// tidy drops what was not needed.
func (l *Loop) tidy() {
	spares, kept, dropped := l.spares, 0, 0
	for _, s := range spares {
		n, left := s.shrink()
		dropped += n
		if left {
			spares[kept] = s
			kept++
		}
	}
	clear(spares[kept:])
	l.spares = spares[:kept]
	l.tasks = clip(l.tasks)
	if kept > 0 {
		l.tidying.Set(l.now.Add(tidyEvery))
	}
	l.engine.dropped(dropped)
}

// clip gives back the room of a slice that was much longer once.
func clip[T any](s []T) []T {
	if cap(s) > 256 && len(s) < cap(s)/4 {
		return append([]T(nil), s...)
	}
	return s
}

// dropped counts what a loop has let go of, and when it is enough gives it back to the system: the garbage collector would not come before
// as much again was allocated, which on an idle server is never.
func (e *Engine) dropped(n int) {
	if e.letGo.Add(int64(n)) < tidyWorth || !e.freeing.CompareAndSwap(false, true) {
		return
	}
	e.letGo.Store(0)
	go func() {
		debug.FreeOSMemory()
		e.freeing.Store(false)
	}()
}
