package loop

import (
	"fmt"
	"iter"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// Task is a coroutine on a loop. It is reused: do not keep it past the function it was given to.
// All its methods are for the task itself.
//
// A task must not call runtime.Goexit, hence not testing.T.FailNow: that would end its loop.
type Task struct {
	loop *Loop

	fn   func(*Task) // what to run, or:
	conn *Conn       // the connection that woke
	why  Woke

	waiting bool // has yielded, and may be resumed
	inRunq  bool
	spent   uint8 // tries since the task last let others run
	timer   timer
	index   int32 // in Loop.tasks

	next  func() (struct{}, bool)
	yield func(struct{}) bool

	queued atomic.Bool // entry is in the loop's queue
	entry  post
	awaits atomic.Bool // an Await is under way
	broke  any         // what an awaited function panicked with
}

const (
	// budget is how many reads, writes and polls a task may do without waiting before the others have their turn: with the
	// usual 16K buffers, half a megabyte.
	budget = 32
	// spareTasks is how many finished tasks a loop keeps, with their stacks.
	spareTasks = 512
	// taskSize is what a task takes, as a rule: nearly all of it is stack.
	taskSize = 8 << 10
)

// Loop is where the task runs.
func (t *Task) Loop() *Loop { return t.loop }

// Now is the loop's cached clock.
func (t *Task) Now() Time { return t.loop.now }

// After is a deadline d from now; d < 0 is none.
func (t *Task) After(d time.Duration) Time {
	if d < 0 {
		return 0
	}
	return t.loop.now + Time(d)
}

// Go starts a task, which runs at once until it waits. Loop only; a task may start others.
func (l *Loop) Go(f func(t *Task)) {
	t := l.task()
	t.fn = f
	l.enter(t)
}

// task takes a finished task or makes one.
func (l *Loop) task() *Task {
	l.live++
	if t, ok := l.spare.Take(); ok {
		return t
	}
	t := &Task{loop: l, index: int32(len(l.tasks))}
	t.entry.task = t
	l.tasks = append(l.tasks, t)
	t.next, _ = iter.Pull(t.life)
	return t
}

// life is the coroutine: one function after another.
func (t *Task) life(yield func(struct{}) bool) {
	t.yield = yield
	for t.fn != nil || t.conn != nil {
		t.work()
		l := t.loop
		t.fn, t.conn = nil, nil
		l.live--
		if l.live == 0 && l.stopping {
			l.sayQuiet()
		}
		if !l.spare.Give(l, t) {
			break
		}
		yield(struct{}{})
	}
	t.loop.forgetTask(t)
}

// work runs the task's function and survives it. A connection whose Wake panicked is closed.
func (t *Task) work() {
	defer t.survive()
	if t.conn != nil {
		t.conn.Handler.Wake(t, t.conn, t.why)
		return
	}
	t.fn(t)
}

func (t *Task) survive() {
	v := recover()
	if v == nil {
		return
	}
	if c := t.conn; c != nil && c.flags&(parked|closed) == 0 {
		c.Close()
	}
	t.loop.engine.panicked(v, debug.Stack())
}

// forgetTask drops a task whose coroutine ends.
func (l *Loop) forgetTask(t *Task) {
	l.drop(&t.timer)
	last := len(l.tasks) - 1
	l.tasks[t.index] = l.tasks[last]
	l.tasks[t.index].index = t.index
	l.tasks[last] = nil
	l.tasks = l.tasks[:last]
}

// enter gives control to a task, until it waits or ends.
func (l *Loop) enter(t *Task) {
	t.spent = 0
	t.next()
}

// resume lets a waiting task look again; any other is left alone.
func (l *Loop) resume(t *Task) {
	if t.waiting {
		t.waiting = false
		t.spent = 0
		t.next()
	}
}

// suspend gives control back to whoever resumed the task. It returns when something may have changed.
func (t *Task) suspend() {
	t.waiting = true
	t.yield(struct{}{})
}

// Yield lets everything else that is ready on the loop run first.
func (t *Task) Yield() {
	t.loop.requeue(t)
	for t.inRunq {
		t.suspend()
	}
}

// requeue makes the loop resume t after its next look at the sockets.
func (l *Loop) requeue(t *Task) {
	if !t.inRunq {
		t.inRunq = true
		l.runq = append(l.runq, t)
	}
}

// spend counts a try that did not wait, and yields now and then. ErrStopped when the engine stops.
func (t *Task) spend() error {
	if t.spent++; t.spent < budget {
		return nil
	}
	return t.rest()
}

func (t *Task) rest() error {
	if t.loop.stopping {
		return ErrStopped
	}
	t.Yield()
	t.spent = 0
	return nil
}

// Await runs f on another goroutine and waits for it, without a deadline, and also while the engine stops. f must not use
// the task, its loop or its connections. A panic of f becomes one of the task.
func (t *Task) Await(f func()) {
	t.awaits.Store(true)
	go t.runAwaited(f)
	for t.awaits.Load() {
		t.suspend()
	}
	if v := t.broke; v != nil {
		t.broke = nil
		panic(v)
	}
}

func (t *Task) runAwaited(f func()) {
	tokens := t.loop.engine.await
	tokens <- struct{}{}
	defer func() {
		<-tokens
		if v := recover(); v != nil {
			t.broke = fmt.Sprintf("%v\n\nin Await:\n%s", v, debug.Stack())
		}
		t.awaits.Store(false)
		t.nudge()
	}()
	f()
}
