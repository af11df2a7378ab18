package loop

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
	tm.loop.arm(&tm.timer, due{when: at, timed: tm})
}

// Armed says that the timer is set and its time has not come.
func (tm *Timer) Armed() bool { return tm.deadline != 0 }

// Drop ends the timer for good: the loop forgets it.
func (tm *Timer) Drop() { tm.loop.drop(&tm.timer) }

// timer stands in a Conn (how long it may stay parked), in a Task (how long it may wait) and in a Timer.
type timer struct {
	deadline Time   // 0: none
	pos      int32  // place in the heap plus one; 0: not in the heap
	born     uint32 // of a Conn: the second in which it was made; it stands here because here is room
}

// due is an entry of the heap: one of c, t and timed.
type due struct {
	when  Time // not after the deadline, when there is one
	c     *Conn
	t     *Task
	timed *Timer
}

func (d *due) timer() *timer {
	switch {
	case d.c != nil:
		return &d.c.timer
	case d.t != nil:
		return &d.t.timer
	}
	return &d.timed.timer
}

// arm sets the deadline of tm, which is that of d, to d.when. Later than before is the cheap way.
func (l *Loop) arm(tm *timer, d due) {
	tm.deadline = d.when
	switch {
	case tm.pos == 0:
		l.heap = append(l.heap, due{})
		l.up(len(l.heap)-1, d)
	case d.when < l.heap[tm.pos-1].when:
		l.up(int(tm.pos-1), d)
	}
}

// drop takes a timer out of the heap, when its owner goes away for good.
func (l *Loop) drop(tm *timer) {
	tm.deadline = 0
	if tm.pos != 0 {
		l.cut(int(tm.pos - 1))
	}
}

// expire fires what is due.
func (l *Loop) expire() {
	for len(l.heap) > 0 && l.heap[0].when <= l.now {
		d := l.heap[0]
		tm := d.timer()
		if tm.deadline > l.now {
			d.when = tm.deadline
			l.down(0, d)
			continue
		}
		fired := tm.deadline != 0
		tm.deadline = 0
		l.cut(0)
		switch {
		case !fired:
		case d.c != nil:
			if d.c.flags&parked != 0 {
				l.wake(d.c, WokeTimeout)
			}
		case d.t != nil:
			l.resume(d.t)
		default:
			l.call(d.timed.f)
		}
	}
}

// The heap has four children to a node: half the levels of a binary one, and the children share a cache line or two.

func (l *Loop) set(i int, d due) {
	l.heap[i] = d
	d.timer().pos = int32(i + 1)
}

// up puts d at place i, which is free, or nearer the top.
func (l *Loop) up(i int, d due) {
	for i > 0 {
		p := (i - 1) / 4
		if l.heap[p].when <= d.when {
			break
		}
		l.set(i, l.heap[p])
		i = p
	}
	l.set(i, d)
}

// down puts d at place i, which is free, or further from the top.
func (l *Loop) down(i int, d due) {
	for {
		first := 4*i + 1
		if first >= len(l.heap) {
			break
		}
		least := first
		for k := first + 1; k < min(first+4, len(l.heap)); k++ {
			if l.heap[k].when < l.heap[least].when {
				least = k
			}
		}
		if d.when <= l.heap[least].when {
			break
		}
		l.set(i, l.heap[least])
		i = least
	}
	l.set(i, d)
}

// cut removes the entry at place i.
func (l *Loop) cut(i int) {
	l.heap[i].timer().pos = 0
	end := len(l.heap) - 1
	last := l.heap[end]
	l.heap[end] = due{}
	l.heap = l.heap[:end]
	if i == end {
		return
	}
	if i > 0 && last.when < l.heap[(i-1)/4].when {
		l.up(i, last)
		return
	}
	l.down(i, last)
}
