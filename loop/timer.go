package loop

import "unsafe"

// Timers are lazy. A deadline that moves later, or away, is a store in its owner; the heap still has the old time, and when
// that time comes the entry is put where it belongs by then. A request on a kept connection thus costs no heap operation.

// Timer calls a function on its loop, outside a task, when its time has come. Loop only.
type Timer struct {
	timer
	loop *Loop
	f    func()
}

// NewTimer makes a timer that is not set.
func (l *Loop) NewTimer(f func()) *Timer { return &Timer{loop: l, f: f} }

// Set sets the time, in place of the one before. 0: never.
func (tm *Timer) Set(at Time) {
	if at == 0 {
		tm.deadline = 0
		return
	}
	tm.loop.arm(&tm.timer, ofTimer, at)
}

// Armed says that the timer is set and its time has not come.
func (tm *Timer) Armed() bool { return tm.deadline != 0 }

// Drop ends the timer for good: the loop forgets it.
func (tm *Timer) Drop() { tm.loop.drop(&tm.timer) }

// timer stands in a Conn (how long it may stay parked), in a Task (how long it may wait) and in a Timer.
type timer struct {
	deadline Time   // 0: none
	place    int32  // in the heap, plus one, times four, and the owner; 0: not in the heap
	born     uint32 // of a Conn: the second in which it was made; it stands here because here is room
}

// An owner is what a timer stands in.
type owner int32

const (
	ofConn owner = iota
	ofTask
	ofTimer
)

func (tm *timer) owner() owner { return owner(tm.place & 3) }

// conn, task and whole are what it stands in.
func (tm *timer) conn() *Conn {
	return (*Conn)(unsafe.Add(unsafe.Pointer(tm), -int(unsafe.Offsetof(Conn{}.timer))))
}

func (tm *timer) task() *Task {
	return (*Task)(unsafe.Add(unsafe.Pointer(tm), -int(unsafe.Offsetof(Task{}.timer))))
}

func (tm *timer) whole() *Timer {
	return (*Timer)(unsafe.Add(unsafe.Pointer(tm), -int(unsafe.Offsetof(Timer{}.timer))))
}

// at is where in the heap it is; -1: nowhere.
func (tm *timer) at() int { return int(tm.place>>2) - 1 }

// due is an entry of the heap.
type due struct {
	when Time // not after the deadline, when there is one
	*timer
}

// arm sets the deadline of tm. Later than before is the cheap way.
func (l *Loop) arm(tm *timer, o owner, deadline Time) {
	tm.deadline = deadline
	switch i := tm.at(); {
	case i < 0:
		tm.place = int32(o)
		l.heap.push()
		l.up(l.heap.len-1, due{deadline, tm})
	case deadline < l.heap.at(i).when:
		l.up(i, due{deadline, tm})
	}
}

// drop takes a timer out of the heap, when its owner goes away for good.
func (l *Loop) drop(tm *timer) {
	tm.deadline = 0
	if i := tm.at(); i >= 0 {
		l.cut(i)
	}
}

// expire fires what is due.
func (l *Loop) expire() {
	for l.heap.len > 0 && l.heap.at(0).when <= l.now {
		d := *l.heap.at(0)
		if d.deadline > l.now {
			d.when = d.deadline
			l.down(0, d)
			continue
		}
		fired := d.deadline != 0
		d.deadline = 0
		o := d.owner()
		l.cut(0)
		switch {
		case !fired:
		case o == ofConn:
			if c := d.conn(); c.flags&parked != 0 {
				l.wake(c, WokeTimeout)
			}
		case o == ofTask:
			l.resume(d.task())
		default:
			l.call(d.whole().f)
		}
	}
}

// The heap has four children to a node: half the levels of a binary one, and the children share a cache line or two.

func (l *Loop) set(i int, d due) {
	*l.heap.at(i) = d
	d.place = int32((i+1)<<2) | int32(d.owner())
}

// up puts d at place i, which is free, or nearer the top.
func (l *Loop) up(i int, d due) {
	for i > 0 {
		p := (i - 1) / 4
		over := *l.heap.at(p)
		if over.when <= d.when {
			break
		}
		l.set(i, over)
		i = p
	}
	l.set(i, d)
}

// down puts d at place i, which is free, or further from the top.
func (l *Loop) down(i int, d due) {
	for {
		first := 4*i + 1
		if first >= l.heap.len {
			break
		}
		k, least := first, *l.heap.at(first)
		for other := first + 1; other < min(first+4, l.heap.len); other++ {
			if o := *l.heap.at(other); o.when < least.when {
				k, least = other, o
			}
		}
		if d.when <= least.when {
			break
		}
		l.set(i, least)
		i = k
	}
	l.set(i, d)
}

// cut removes the entry at place i.
func (l *Loop) cut(i int) {
	l.heap.at(i).place = 0
	end := l.heap.len - 1
	last := *l.heap.at(end)
	l.heap.pop()
	if i == end {
		return
	}
	if i > 0 && last.when < l.heap.at((i-1)/4).when {
		l.up(i, last)
		return
	}
	l.down(i, last)
}
