package loop

import (
	"runtime/metrics"
	"time"
)

const (
	// quietFor is how long nothing more must have come for garbage to be collected.
	quietFor = time.Second
	// quietShare is what part of all garbage may come in that time where it counts as quiet: with handshakes at a steady pace the collector
	// is not run by this more often than once in so many seconds.
	quietShare = 64
	// garbageShare is what part of the memory in use garbage must be at least to be worth a collection.
	garbageShare = 8
)

// garbage is what a loop has left to the collector.
type garbage struct {
	timer *Timer
	bytes int // all
	fresh int // since the last look
}

// Garbage is told that about n bytes were left to the garbage collector at once, as by a handshake. When many of these have come and then
// no more, the collector is run: it would not come by itself before as much again was allocated, which on a server whose connections are
// idle is never. Loop only.
func (l *Loop) Garbage(n int) {
	g := &l.garbage
	g.bytes += n
	g.fresh += n
	if g.timer == nil {
		g.timer = l.NewTimer(l.lookAtGarbage)
	}
	if !g.timer.Armed() {
		g.timer.Set(l.now.Add(quietFor))
	}
}

// lookAtGarbage has garbage collected when no more comes.
func (l *Loop) lookAtGarbage() {
	g := &l.garbage
	if g.fresh > g.bytes/quietShare {
		g.fresh = 0
		g.timer.Set(l.now.Add(quietFor))
		return
	}
	n := g.bytes
	g.bytes, g.fresh = 0, 0
	if uint64(n) > liveBytes()/garbageShare {
		l.engine.dropped(n)
	}
}

// liveBytes is what the collector has found in use when it last ran.
func liveBytes() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(s)
	if s[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return s[0].Value.Uint64()
}
