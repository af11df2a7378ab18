package upstream

import (
	"time"

	"weir/loop"
)

// Queue is the settings of "queue": how many requests may wait for a peer, and how long.
type Queue struct {
	Max     int // 0: none waits
	Timeout time.Duration
}

// queue is the requests that wait for a peer of a group, the first first. Guarded by the group's mutex. It outlives the group with its peers' states.
//
// Who may have made room fires the first one's signal. It looks; when it gets a peer, or leaves, it fires the next. So one signal goes as far as
// there is room, and none is lost.
type queue struct {
	first, last *Waiter
	n           int
	overflows   uint64 // requests for which there was no room
}

// A Waiter is a request that waits for a peer.
type Waiter struct {
	signal     loop.Signal
	next, prev *Waiter
	in         *queue // nil: it is in none
}

func (q *queue) wake() {
	if q.first != nil {
		q.first.signal.Fire()
	}
}

// add puts a waiter at the end.
func (q *queue) add(w *Waiter) {
	w.in, w.prev, w.next = q, q.last, nil
	if q.last != nil {
		q.last.next = w
	} else {
		q.first = w
	}
	q.last = w
	q.n++
}

func (q *queue) remove(w *Waiter) {
	if w.next != nil {
		w.next.prev = w.prev
	} else {
		q.last = w.prev
	}
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		q.first = w.next
	}
	w.in, w.next, w.prev = nil, nil, nil
	q.n--
}

// Queued is the number of requests that wait for a peer. Any goroutine.
func (g *Group) Queued() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.queue.n
}

// Overflows is how many requests have found the queue full. Any goroutine.
func (g *Group) Overflows() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.queue.overflows
}

// Enqueue has a request wait until a peer may be free. It reports false when the group has no queue, or it is full, or there is nothing to wait for:
// peers have failed it already, and none is only busy. Any goroutine.
func (a *Attempt) Enqueue(w *Waiter, now loop.Time) bool {
	g := a.group
	if g.Spec.Queue.Max == 0 {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if a.asked && !a.set.busy(second(now)) {
		return false
	}
	if g.queue.n >= g.Spec.Queue.Max {
		g.queue.overflows++
		return false
	}
	g.queue.add(w)
	return true
}

// busy reports whether a peer would be usable if it had not as many exchanges as it may have.
func (s *peerSet) busy(sec int64) bool {
	for _, t := range []*tier{&s.primary, &s.backup} {
		for _, p := range t.peers {
			if p.full() && !p.Down && !p.Drain && p.st.blocked == 0 && !p.aside(sec) {
				return true
			}
		}
	}
	return false
}

// Busy reports whether others wait for a peer of the group already: who comes later waits behind them. Any goroutine.
func (a *Attempt) Busy() bool {
	if a.group.Spec.Queue.Max == 0 {
		return false
	}
	return a.group.Queued() > 0
}

// Await waits in the queue until a peer is found, which then counts one exchange more. Any other outcome is an error of Poll: loop.ErrTimeout when
// the time of the queue is over, errors of the client (loop.ErrWatched when it has closed). For the task t, whose client source is.
func (a *Attempt) Await(t *loop.Task, w *Waiter, source *loop.Source) (*Peer, error) {
	g := a.group
	defer func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		w.in.remove(w)
		g.queue.wake()
	}() // also when the task panics
	end := t.After(g.Spec.Queue.Timeout)
	for {
		wait := loop.Wait{Signal: &w.signal, B: source, BWant: loop.Hup, Deadline: end}
		if at := a.again(t.Now()); at != 0 && at < end {
			wait.Deadline = at
		}
		err := t.Poll(&wait)
		switch {
		case err != nil && (err != loop.ErrTimeout || t.Now() >= end):
			return nil, err
		case wait.BGot != 0:
			return nil, loop.ErrWatched
		}
		g.mu.Lock()
		first := w.in.first == w
		g.mu.Unlock()
		if !first {
			continue
		}
		a.restart()
		if p, err := a.Next(t.Now()); err == nil {
			return p, nil
		}
	}
}

// again is when a peer may be usable by the mere passing of time.
func (a *Attempt) again(now loop.Time) loop.Time {
	a.group.mu.Lock()
	defer a.group.mu.Unlock()
	at := a.set.primary.nextUsable(second(now))
	if b := a.set.backup.nextUsable(second(now)); b != 0 && (at == 0 || b < at) {
		at = b
	}
	return at
}

// restart begins the search anew, with the peers that the group has now.
func (a *Attempt) restart() {
	tries, ask, asked := a.tries, a.ask, a.asked
	a.group.Begin(a, ask)
	a.tries, a.asked = min(tries, a.tries), asked
}
