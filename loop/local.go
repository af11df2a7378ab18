package loop

import "sync/atomic"

// LocalKey names a value that each loop has one of: an upper layer's pool, counters, scratch space. The zero value is ready;
// it is its address that counts.
type LocalKey struct {
	hint atomic.Int32 // where the last loop that asked had it; loops tend to agree
}

type local struct {
	key   *LocalKey
	value any
}

// Local is the loop's value for k, which build makes the first time: an array access after that. Loop only.
func (l *Loop) Local(k *LocalKey, build func() any) any {
	if i := int(k.hint.Load()); i < len(l.locals) && l.locals[i].key == k {
		return l.locals[i].value
	}
	return l.findLocal(k, build)
}

func (l *Loop) findLocal(k *LocalKey, build func() any) any {
	for i := range l.locals {
		if l.locals[i].key == k {
			k.hint.Store(int32(i))
			return l.locals[i].value
		}
	}
	v := build()
	l.locals = append(l.locals, local{k, v})
	k.hint.Store(int32(len(l.locals) - 1))
	return v
}

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
	p.timers.Store(int32(len(l.heap)))
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
