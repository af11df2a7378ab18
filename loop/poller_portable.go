//go:build !linux || portable

package loop

import (
	"runtime"
	"sync"
	"time"
)

// The poller where there is no epoll. It stands on the one in Go's runtime (kqueue, event ports, epoll): a goroutine waits for
// one side of one descriptor, looks whether the descriptor is ready indeed, and leaves an event with the loop, which sleeps on
// a channel. See watcher_portable.go for the connections and door_portable.go for the listeners.

// Portable says that this is the engine for systems without epoll. It does what the other does, but it allocates, and an idle
// connection costs it a goroutine.
const Portable = true

// Method names the way in which loops wait, for the log.
const Method = "go runtime"

// event says that the connection with this slot and generation has become ready. A negative generation is a listener's, and
// the slot its index.
type event struct {
	slot, gen int32
	ready     Ready
}

const genListener = -1

// poller is a loop's part that waits for the kernel.
type poller struct {
	kicked chan struct{} // room for one: the loop sleeps, and there is something
	alarm  *time.Timer
	events []event // what the loop is at
	mu     sync.Mutex
	come   []event // since
}

func (p *poller) open() error {
	p.kicked = make(chan struct{}, 1)
	p.alarm = time.NewTimer(time.Hour)
	p.alarm.Stop()
	return nil
}

// close has nothing to do: the garbage collector has it all.
func (p *poller) close() {}

// kick wakes the sleeping loop.
func (l *Loop) kick() {
	if l.sleeping.CompareAndSwap(1, 0) {
		select {
		case l.kicked <- struct{}{}:
		default:
		}
	}
}

// arrived leaves an event with the loop. As with a post, either the loop sees it before it sleeps, or we see that it sleeps.
// Any goroutine.
func (l *Loop) arrived(ev event) {
	p := &l.poller
	p.mu.Lock()
	p.come = append(p.come, ev)
	p.mu.Unlock()
	if l.sleeping.Load() != 0 {
		l.kick()
	}
}

// collect takes what has arrived.
func (p *poller) collect() int {
	p.mu.Lock()
	p.events, p.come = p.come, p.events[:0]
	p.mu.Unlock()
	return len(p.events)
}

// poll waits for events, unless the loop has something else to do.
func (l *Loop) poll() int {
	n := l.collect()
	if n > 0 {
		return n
	}
	if len(l.runq)+len(l.wakes) > 0 {
		runtime.Gosched() // those who wait for a descriptor must have their turn, also where there is one processor
		return l.collect()
	}
	l.publish()
	l.sleeping.Store(1)
	if n = l.collect(); n == 0 && l.posts.Load() == nil {
		l.sleep()
		n = l.collect()
	}
	l.sleeping.Store(0)
	return n
}

// sleep waits for a kick or for the first timer.
func (l *Loop) sleep() {
	if l.heap.len == 0 {
		<-l.kicked
		return
	}
	d := l.heap.at(0).when - l.now
	if d <= 0 {
		return
	}
	l.alarm.Reset(time.Duration(d))
	select {
	case <-l.kicked:
		l.alarm.Stop()
	case <-l.alarm.C:
	}
}

// event brings an event to whom it concerns.
func (l *Loop) event(ev *event) {
	if ev.gen == genListener {
		l.acceptable(int(ev.slot))
		if w := (*l.watches.Load())[ev.slot]; w != nil {
			w.arm()
		}
		return
	}
	s := l.slots.at(int(ev.slot))
	c := s.conn
	if c == nil || s.gen != ev.gen {
		return // for a connection that is gone
	}
	l.ready(c, ev.ready)
}
