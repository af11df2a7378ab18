package loop

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Loop is one poller and everything that lives on it.
type Loop struct {
	engine *Engine
	id     int

	now     Time
	wall    time.Time
	wallFor Time // the now that wall belongs to

	slots    pages[slot]
	freeSlot int32
	heap     pages[due]
	idle     idleList
	tasks    []*Task // all of them
	spare    Spares[*Task]
	spares   []shrinker // those that hold something
	tidying  *Timer
	garbage  garbage
	runq     []*Task // yielded
	wakes    []*Conn // parked with something to read
	buffers  buffers
	pipes    pipes
	packets  []*Packets // by index; nil where there was one
	sending  []*Packets // those that have gathered something in this turn
	scratch  *packetScratch
	reserve  int // a descriptor to give up when there is no other
	batch    int // how many to accept at once
	brief    int // how many connections of late lived less than two seconds

	live     int // tasks with work
	parked   int
	stopping bool
	ended    bool
	yielded  Time // when the Go scheduler last had the processor

	sockaddr rawAddr // what the kernel wrote last, or is to read
	poller

	_        [64]byte // what others write stands apart
	posts    atomic.Pointer[post]
	sleeping atomic.Uint32 // 1: waits for events, or is about to
	conns    atomic.Int32
	clients  clients
	kickMu   sync.Mutex
	_        [64]byte

	watches   atomic.Pointer[[]*listening] // by index of the listener; written under Engine.mu
	published published
}

func newLoop(e *Engine, id int) (*Loop, error) {
	l := &Loop{engine: e, id: id, freeSlot: -1, reserve: -1, batch: 1, now: e.Now()}
	l.spare = Spares[*Task]{Most: spareTasks, Size: taskSize, End: func(t *Task) { t.next() }}
	l.pipes.setUp()
	l.buffers.setUp()
	if err := l.poller.open(); err != nil {
		return nil, err
	}
	l.watches.Store(new([]*listening))
	l.keepReserve()
	return l, nil
}

// ID is the loop's place in Engine.Loops. Any goroutine.
func (l *Loop) ID() int { return l.id }

// Engine is the engine of the loop. Any goroutine.
func (l *Loop) Engine() *Engine { return l.engine }

// Now is the time of the last wake-up. Loop only.
func (l *Loop) Now() Time { return l.now }

// Wall is the wall clock at Now, read once per wake-up, when someone asks. Loop only.
func (l *Loop) Wall() time.Time {
	if l.wallFor != l.now {
		w := l.engine.clock()
		l.wall = w.Add(l.now.Sub(l.engine.began) - w.Sub(l.engine.base)).Round(0)
		l.wallFor = l.now
	}
	return l.wall
}

// yieldEvery is how long a loop keeps its processor from the Go scheduler. When a goroutine was not scheduled anew for 10 ms,
// the runtime's monitor takes its processor in the next system call, sends it a signal, and comes back every 20 µs for more; a
// loop waits in epoll only, so that this went on all the time. Who yields in time is left alone (nanosleep calls of the
// monitor 577 → 89 a second, CPU per proxied request 20 → 13 µs).
const yieldEvery = 8 * time.Millisecond

// run is the loop.
func (l *Loop) run() {
	for !l.ended {
		n := l.poll()
		l.now = l.engine.Now()
		if l.now >= l.yielded.Add(yieldEvery) {
			l.yielded = l.now
			runtime.Gosched()
		}
		for i := range n {
			l.event(&l.events[i])
		}
		if l.heap.len > 0 && l.heap.at(0).when <= l.now {
			l.expire()
		}
		if l.posts.Load() != nil {
			l.takePosts()
		}
		if len(l.runq)+len(l.wakes) > 0 {
			l.again()
		}
		if len(l.sending) > 0 {
			l.flushPackets()
		}
	}
	l.closeAll()
}

// ready is told what a connection has become ready for, and resumes or wakes whoever waits for it.
func (l *Loop) ready(c *Conn, r Ready) {
	if c.raw != nil {
		r = c.layered(r)
	}
	c.flags |= uint8(r)
	if c.flags&parked != 0 {
		if r&In != 0 {
			l.wake(c, WokeReady)
		}
		return
	}
	reader, writer := c.reader, c.writer
	if reader != nil && r&In != 0 {
		l.resume(reader)
		if reader == writer {
			return
		}
	}
	if writer != nil && r&Out != 0 {
		l.resume(writer)
	}
}

// again resumes the tasks that yielded and wakes the connections that were parked with something unread. What they add is
// for the next round, after a look at the sockets.
func (l *Loop) again() {
	n := len(l.runq)
	for i := range n {
		t := l.runq[i]
		t.inRunq = false
		l.resume(t)
	}
	l.runq = shift(l.runq, n)
	n = len(l.wakes)
	for i := range n {
		c := l.wakes[i]
		c.flags &^= woken
		if c.flags&parked != 0 && c.flags&uint8(In|Hup) != 0 {
			l.wake(c, WokeReady)
		}
	}
	l.wakes = shift(l.wakes, n)
}

// shift drops the first n elements and lets the collector have them.
func shift[T any](s []*T, n int) []*T {
	k := copy(s, s[n:])
	clear(s[k:])
	return s[:k]
}

// wakeParked wakes every connection that is parked now.
func (l *Loop) wakeParked() {
	for i := range l.slots.len {
		if c := l.slots.at(i).conn; c != nil && c.flags&parked != 0 {
			l.wake(c, WokeShutdown)
		}
	}
}

// stop makes every wait end, now and from now on.
func (l *Loop) stop() {
	l.stopping = true
	l.unlisten()
	waiting := append([]*Task(nil), l.tasks...)
	for _, t := range waiting {
		l.resume(t)
	}
	l.wakeParked()
	l.sayQuiet()
}

func (l *Loop) sayQuiet() {
	select {
	case l.engine.quiet <- struct{}{}:
	default:
	}
}

// closeAll closes what is left and ends the coroutines.
func (l *Loop) closeAll() {
	l.ended, l.stopping = true, true
	for l.posts.Load() != nil {
		l.takePosts() // connections handed over, or adopted from here
	}
	for i := range l.slots.len {
		if c := l.slots.at(i).conn; c != nil {
			c.Close()
		}
	}
	for _, p := range l.packets {
		if p != nil {
			p.Close()
		}
	}
	l.spare.drop()
	l.pipes.drop()
	if l.garbage.timer != nil {
		l.garbage.timer.Drop()
	}
	if l.tidying != nil {
		l.tidying.Drop()
	}
	l.publish()
}

// release closes the loop's own descriptors, when no loop runs any more.
func (l *Loop) release() {
	l.kickMu.Lock()
	defer l.kickMu.Unlock()
	l.poller.close()
	if l.reserve >= 0 {
		closeFD(l.reserve)
		l.reserve = -1
	}
}
