package loop

import (
	"runtime/debug"
	"sync/atomic"
)

// What other goroutines ask of a loop comes by a queue of many writers and one reader: a linked stack that writers push to
// with one compare-and-swap, and that the loop takes whole and turns around.
//
// The loop is kicked (an eventfd, or a channel where there is no epoll) only when it sleeps. No wake-up is lost:
//
//	writer: push; load sleeping → 1? swap it to 0 and kick
//	loop:   store sleeping 1; load the queue → empty? sleep
//
// Go's atomics are sequentially consistent, so either the writer's load comes after the loop's store, and it kicks; or the
// loop's store, and with it the loop's load, comes after the writer's load and hence after its push, and the loop sees the
// entry. The kick may come late, when the loop woke for another reason: that is one needless round.

// post is an entry of the queue: a function, or a task to look after.
type post struct {
	next *post
	f    func()
	task *Task
}

// Post runs f on the loop soon, outside a task, in the order of the calls of one goroutine. Any goroutine.
// After the engine has stopped, f is dropped.
func (l *Loop) Post(f func()) { l.push(&post{f: f}) }

func (l *Loop) push(p *post) {
	for {
		head := l.posts.Load()
		p.next = head
		if l.posts.CompareAndSwap(head, p) {
			break
		}
	}
	if l.sleeping.Load() != 0 {
		l.kick()
	}
}

// takePosts runs what was posted.
func (l *Loop) takePosts() {
	var first *post
	for p := l.posts.Swap(nil); p != nil; {
		next := p.next
		p.next = first
		first = p
		p = next
	}
	for first != nil {
		p := first
		first, p.next = p.next, nil
		if p.task == nil {
			l.call(p.f)
			continue
		}
		// Cleared before the task looks: who fires after this queues it again.
		p.task.queued.Store(false)
		l.resume(p.task)
	}
}

// call runs f and survives it.
func (l *Loop) call(f func()) {
	defer func() {
		if v := recover(); v != nil {
			l.engine.panicked(v, debug.Stack())
		}
	}()
	f()
}

// Signal lets one task wait for another task, loop or goroutine. The zero value is ready. A Fire stays until one [Task.Poll]
// has taken it; more fires before that are one. One task may wait at a time.
type Signal struct {
	waiter atomic.Pointer[Task] // nil, the waiting task, or &fired
}

// fired marks a signal that was fired and not taken. It is never run.
var fired = new(Task)

// Fire wakes the task that waits, or lets the next wait return at once. Any goroutine.
func (s *Signal) Fire() {
	for {
		t := s.waiter.Load()
		if t == fired {
			return
		}
		if s.waiter.CompareAndSwap(t, fired) {
			if t != nil {
				t.nudge()
			}
			return
		}
	}
}

// take consumes a fire.
func (s *Signal) take() bool {
	return s.waiter.Load() == fired && s.waiter.CompareAndSwap(fired, nil)
}

// attach makes t the waiter. It says false when the signal was fired meanwhile.
func (s *Signal) attach(t *Task) bool {
	if s.waiter.CompareAndSwap(nil, t) {
		return true
	}
	if s.waiter.Load() != fired {
		panic("loop: two tasks wait for one signal")
	}
	return false
}

// detach ends the wait and says whether the signal was fired, which it consumes.
func (s *Signal) detach(t *Task) bool {
	if s.waiter.CompareAndSwap(t, nil) {
		return false
	}
	return s.take()
}

// nudge makes the task's loop look after it: the task looks whether what it waits for has come, and waits on when not. So
// a nudge that comes late, even to the task's next life, does no harm. Any goroutine.
func (t *Task) nudge() {
	if t.queued.CompareAndSwap(false, true) {
		t.loop.push(&t.entry)
	}
}
