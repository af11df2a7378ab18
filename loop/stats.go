package loop

import "sync/atomic"

// Stats are numbers of a loop as they were when it last went to sleep.
type Stats struct {
	Conns   int // sockets, parked or not
	Parked  int
	Tasks   int // with work
	Spare   int // finished, kept for reuse
	Timers  int // in the heap, disarmed ones too
	Buffers int // taken and not given back; only the sum over the loops means something
}

type published struct {
	parked, tasks, spare, timers, buffers atomic.Int32
}

// publish is called before each sleep: five stores, so that nobody need ask the loop.
func (l *Loop) publish() {
	p := &l.published
	p.parked.Store(int32(l.parked))
	p.tasks.Store(int32(l.live))
	p.spare.Store(int32(l.spare.Len()))
	p.timers.Store(int32(l.heap.len))
	p.buffers.Store(int32(l.buffers.out))
}

// Stats are the loop's numbers. Any goroutine; a loop that never sleeps shows old ones, but for Conns.
func (l *Loop) Stats() Stats {
	p := &l.published
	return Stats{
		Conns: l.Conns(), Parked: int(p.parked.Load()), Tasks: int(p.tasks.Load()), Spare: int(p.spare.Load()),
		Timers: int(p.timers.Load()), Buffers: int(p.buffers.Load()),
	}
}

// Conns is how many sockets the loop has, parked or not. Any goroutine.
func (l *Loop) Conns() int { return int(l.conns.Load()) }

// clients counts connections that listeners have accepted.
type clients struct {
	accepted atomic.Int64
	handled  atomic.Int64 // those for which there was room
	closed   atomic.Int64 // and which are closed again
}

// Clients is how many connections listeners have accepted since the engine began, how many of them were taken on, and how many are open.
// Any goroutine.
func (e *Engine) Clients() (accepted, handled, open int64) {
	for _, l := range e.Loops {
		closed := l.clients.closed.Load() // before handled, so that none counts as closed only
		n := l.clients.handled.Load()
		accepted += l.clients.accepted.Load()
		handled += n
		open += n - closed
	}
	return accepted, handled, open
}
