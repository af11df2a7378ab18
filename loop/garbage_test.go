package loop

import (
	"runtime"
	"testing"
	"time"
)

// TestGarbageIsCollectedWhenItIsQuiet leaves garbage for some seconds, and then none.
func TestGarbageIsCollectedWhenItIsQuiet(t *testing.T) {
	var c falseClock
	e := start(t, Options{Clock: c.now, OnPanic: func(any, []byte) {}})
	l := e.Loops[0]
	forced := func() uint32 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.NumForcedGC
	}
	runtime.GC()
	before := forced()
	for range 3 {
		on(l, func() { l.Garbage(1 << 30) })
		c.pass(e, quietFor)
	}
	if n := forced(); n != before {
		t.Errorf("%d collections while garbage comes", n-before)
	}
	c.pass(e, quietFor)
	for end := time.Now().Add(patience); forced() == before; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatal("the garbage is not collected")
		}
	}
	on(l, func() {
		if l.garbage.timer.Armed() {
			t.Error("an idle loop wakes for garbage")
		}
	})
	before = forced()
	on(l, func() { l.Garbage(10) })
	c.pass(e, quietFor)
	c.pass(e, quietFor)
	on(l, func() {
		if l.garbage.bytes != 0 || forced() != before {
			t.Errorf("%d bytes are left, %d collections for ten bytes", l.garbage.bytes, forced()-before)
		}
	})
}
