package loop

import (
	"sync/atomic"
	"testing"
	"time"
)

// falseClock is a clock that stands still unless it is told to go on.
type falseClock struct{ at atomic.Int64 }

func (c *falseClock) now() time.Time { return time.Unix(1_000_000_000, c.at.Load()) }

// pass lets d pass, and has the loops notice.
func (c *falseClock) pass(e *Engine, d time.Duration) {
	c.at.Add(int64(d))
	for _, l := range e.Loops {
		on(l, func() {})
		on(l, func() {}) // what the first turn has brought about is over
	}
}

// TestSparesNotNeededAreDropped uses much for a moment and little from then on: the little stays, the rest goes, and when nothing is used
// at all, everything goes and no timer is left.
func TestSparesNotNeededAreDropped(t *testing.T) {
	var c falseClock
	e := start(t, Options{Clock: c.now})
	l := e.Loops[0]
	use := func(n int) {
		on(l, func() {
			for range n {
				l.Go(func(k *Task) { _ = k.Poll(&Wait{Signal: new(Signal), Deadline: k.After(time.Millisecond)}) })
			}
			all := make([][]byte, n)
			for i := range all {
				all[i] = l.Take(4096)
			}
			for _, b := range all {
				l.Give(b)
			}
		})
		c.pass(e, 2*time.Millisecond)
	}
	want := func(when string, n int) {
		t.Helper()
		on(l, func() {
			if tasks, buffers := l.spare.Len(), l.buffers.free[class(4096)].Len(); tasks != n || buffers != n || len(l.tasks) != n {
				t.Errorf("%s: %d tasks, %d spare, %d buffers; want %d", when, len(l.tasks), tasks, buffers, n)
			}
		})
	}
	use(100)
	want("after much use", 100)
	c.pass(e, tidyEvery)
	use(3)
	want("after the first look", 100)
	c.pass(e, tidyEvery)
	use(3)
	want("after the second", 3)
	c.pass(e, tidyEvery)
	want("after the third", 3)
	c.pass(e, tidyEvery)
	want("when nothing is used", 0)
	on(l, func() {
		if l.heap.len != 0 || len(l.spares) != 0 {
			t.Errorf("%d timers, %d lists left", l.heap.len, len(l.spares))
		}
	})
	use(2)
	want("and again", 2)
}

// TestTimer sets a timer, moves it and takes it back.
func TestTimer(t *testing.T) {
	var c falseClock
	e := start(t, Options{Clock: c.now, OnPanic: func(any, []byte) {}})
	l := e.Loops[0]
	fired := 0
	var tm *Timer
	check := func(want int, armed bool) {
		t.Helper()
		on(l, func() {
			if fired != want || tm.Armed() != armed {
				t.Errorf("fired %d times, armed %t; want %d, %t", fired, tm.Armed(), want, armed)
			}
		})
	}
	on(l, func() {
		tm = l.NewTimer(func() { fired++ })
		tm.Set(l.now.Add(time.Second))
	})
	c.pass(e, 999*time.Millisecond)
	check(0, true)
	on(l, func() { tm.Set(l.now.Add(time.Second)) })
	c.pass(e, 999*time.Millisecond)
	check(0, true)
	c.pass(e, time.Millisecond)
	check(1, false)
	on(l, func() { tm.Set(l.now.Add(time.Second)) })
	on(l, func() { tm.Set(0) })
	c.pass(e, time.Hour)
	check(1, false)
	on(l, func() {
		tm.Set(l.now.Add(time.Second))
		tm.Drop()
		if l.heap.len != 0 {
			t.Errorf("%d timers left", l.heap.len)
		}
		l.NewTimer(func() { panic("survived") }).Set(l.now + 1)
	})
	c.pass(e, time.Second)
	if e.panics.Load() != 1 {
		t.Errorf("%d panics", e.panics.Load())
	}
}
