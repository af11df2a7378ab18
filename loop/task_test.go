package loop

import (
	"io"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func TestPollTwoConnections(t *testing.T) {
	e := start(t, Options{})
	l := e.Loops[0]
	a, ra := pair(t)
	b, rb := pair(t)
	task(l, func(k *Task) {
		ca, _ := l.Register(a, netip.AddrPort{})
		cb, _ := l.Register(b, netip.AddrPort{})
		var s Signal
		w := Wait{A: &ca.Source, AWant: In | Hup, B: &cb.Source, BWant: In | Out, Signal: &s}
		if err := k.Poll(&w); err != nil || w.AGot != 0 || w.BGot != Out || w.Fired {
			t.Errorf("writable: %+v, %v", w, err)
		}
		w.BWant = In
		w.Deadline = k.After(time.Millisecond)
		if err := k.Poll(&w); err != ErrTimeout {
			t.Errorf("nothing: %v", err)
		}
		w.Deadline = 0
		k.Await(func() { _, _ = syscall.Write(rb, []byte("x")) })
		if err := k.Poll(&w); err != nil || w.AGot != 0 || w.BGot != In {
			t.Errorf("B: %+v, %v", w, err)
		}
		if _, err := cb.TryRead(make([]byte, 10)); err != nil {
			t.Error(err)
		}
		s.Fire()
		if err := k.Poll(&w); err != nil || !w.Fired || w.BGot != 0 {
			t.Errorf("signal: %+v, %v", w, err)
		}
		k.Await(func() { syscall.Close(ra) })
		if err := k.Poll(&w); err != nil || w.AGot != In|Hup || w.Fired {
			t.Errorf("hang-up: %+v, %v", w, err)
		}
		if _, err := ca.TryRead(make([]byte, 10)); err != io.EOF {
			t.Errorf("%v; want EOF", err)
		}
		ca.Close()
		cb.Close()
		if ca.reader != nil || cb.reader != nil || cb.writer != nil {
			t.Error("a waiter is left")
		}
	})
	syscall.Close(rb)
}

func TestSecondWaiterPanicsAndHarmsNobody(t *testing.T) {
	e := start(t, Options{})
	l := e.Loops[0]
	a, b := pair(t)
	task(l, func(k *Task) {
		c, _ := l.Register(a, netip.AddrPort{})
		l.Go(func(k *Task) { _, _ = c.Read(k, make([]byte, 1), 0); panic("unreachable but by the second") })
		_, _ = syscall.Write(b, []byte("x"))
		for end := time.Now().Add(patience); e.panics.Load() == 0 && time.Now().Before(end); {
			k.Yield()
		}
		c.Close()
	})
	syscall.Close(b)
	if e.panics.Load() != 1 {
		t.Errorf("%d panics", e.panics.Load())
	}
}

func TestAwait(t *testing.T) {
	e := start(t, Options{})
	l := e.Loops[0]
	const tasks, rounds = 50, 100
	var n atomic.Int64
	var all sync.WaitGroup
	all.Add(tasks)
	on(l, func() {
		for range tasks {
			l.Go(func(k *Task) {
				defer all.Done()
				for range rounds {
					k.Await(func() { n.Add(1) })
				}
			})
		}
	})
	within(t, "awaiting", all.Wait)
	if n.Load() != tasks*rounds {
		t.Errorf("%d ran; want %d", n.Load(), tasks*rounds)
	}
	task(l, func(k *Task) {
		defer func() {
			if recover() == nil {
				t.Error("the panic of an awaited function was lost")
			}
		}()
		k.Await(func() { panic("a test") })
	})
}

func TestTasksAreReusedAndTrimmed(t *testing.T) {
	var clock falseClock
	e := start(t, Options{Clock: clock.now})
	l := e.Loops[0]
	var all sync.WaitGroup
	const n = 3 * spareTasks
	all.Add(n)
	on(l, func() {
		for range n {
			l.Go(func(k *Task) {
				_ = k.Sleep(time.Minute)
				all.Done()
			})
		}
	})
	clock.pass(e, time.Minute)
	within(t, "sleeping", all.Wait)
	reach(t, e, 0, 0, 0)
	on(l, func() {
		if len(l.tasks) != spareTasks || l.spare.Len() != spareTasks {
			t.Errorf("%d tasks, %d spare; want %d", len(l.tasks), l.spare.Len(), spareTasks)
		}
		for i, k := range l.tasks {
			if int(k.index) != i {
				t.Errorf("task %d thinks it is %d", i, k.index)
			}
		}
	})
}

func TestBusyTaskStarvesNobody(t *testing.T) {
	e := start(t, Options{})
	l := e.Loops[0]
	a, b := pair(t)
	task(l, func(k *Task) {
		c, _ := l.Register(a, netip.AddrPort{})
		slept := false
		l.Go(func(k *Task) {
			_ = k.Sleep(time.Millisecond)
			slept = true
		})
		for end := time.Now().Add(patience); !slept && time.Now().Before(end); {
			w := Wait{A: &c.Source, AWant: Out} // always so
			if err := k.Poll(&w); err != nil {
				t.Error(err)
				break
			}
		}
		if !slept {
			t.Error("the other task never ran")
		}
		c.Close()
	})
	syscall.Close(b)
}
