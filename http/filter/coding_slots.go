package filter

import (
	"runtime"
	"sync"

	"weir/loop"
)

// slots let so much heavy work run at a time that the loops keep their processors. Who waits for a slot does so in its task, and does
// not take one of the goroutines that wait for disks. Any loop.
type slots struct {
	mu      sync.Mutex
	taken   int
	waiting []*loop.Signal
}

// await is Task.Await, once there is a slot.
func (s *slots) await(t *loop.Task, f func()) {
	s.take(t)
	defer s.give()
	t.Await(f)
}

// maxSlots leaves the loops at least half of the processors. Two are there for what is awaited.
func maxSlots() int { return max(2, runtime.GOMAXPROCS(0)/2) }

func (s *slots) take(t *loop.Task) {
	s.mu.Lock()
	if s.taken < maxSlots() {
		s.taken++
		s.mu.Unlock()
		return
	}
	given := &loop.Signal{}
	s.waiting = append(s.waiting, given)
	s.mu.Unlock()
	for {
		w := loop.Wait{Signal: given}
		if err := t.Poll(&w); w.Fired {
			return
		} else if err != nil { // the server stops, and nothing is worth waiting for in turn
			s.leave(given)
			return
		}
	}
}

// leave takes a slot out of turn.
func (s *slots) leave(given *loop.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, w := range s.waiting {
		if w == given {
			s.waiting = append(s.waiting[:i], s.waiting[i+1:]...)
			s.taken++
			return
		}
	}
}

// give passes a slot on to who has waited longest.
func (s *slots) give() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) > 0 && s.taken <= maxSlots() {
		s.waiting[0].Fire()
		s.waiting = s.waiting[1:]
		return
	}
	s.taken--
}
