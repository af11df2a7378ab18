package loop

import (
	"io"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func TestPostStorm(t *testing.T) {
	e := start(t, Options{Loops: 2})
	const writers, each = 8, 5000
	last := make([][writers]int, 2)
	var all, ran sync.WaitGroup
	ran.Add(writers * each * 2)
	for w := range writers {
		all.Go(func() {
			for i := 1; i <= each; i++ {
				for k, l := range e.Loops {
					l.Post(func() {
						if last[k][w] != i-1 {
							t.Errorf("writer %d: %d after %d", w, i, last[k][w])
						}
						last[k][w] = i
						ran.Done()
					})
				}
				if i%64 == 0 {
					runtime.Gosched() // let the loops fall asleep
				}
			}
		})
	}
	within(t, "the storm", ran.Wait)
	all.Wait()
}

// TestPostWakesASleeper is the lost wake-up: one post at a time, each when the loop falls asleep.
func TestPostWakesASleeper(t *testing.T) {
	e := start(t, Options{})
	within(t, "posting", func() {
		for range 20000 {
			on(e.Loops[0], func() {})
		}
	})
}

func TestSignalIsNeverLost(t *testing.T) {
	e := start(t, Options{Loops: 2})
	const rounds = 20000
	var ping, pong Signal
	var turn atomic.Int64
	var both sync.WaitGroup
	side := func(wait, fire *Signal, parity int64) func(*Task) {
		return func(k *Task) {
			defer both.Done()
			for i := parity; i < rounds; i += 2 {
				for turn.Load() != i {
					w := Wait{Signal: wait}
					if err := k.Poll(&w); err != nil || !w.Fired {
						t.Errorf("Poll: %v, fired %v", err, w.Fired)
						return
					}
				}
				turn.Store(i + 1)
				fire.Fire()
			}
		}
	}
	both.Add(2)
	e.Loops[0].Post(func() { e.Loops[0].Go(side(&ping, &pong, 0)) })
	e.Loops[1].Post(func() { e.Loops[1].Go(side(&pong, &ping, 1)) })
	within(t, "ping-pong", both.Wait)
}

// TestSignalAgainstDeadline fires at about the time the wait ends by itself: the fire is seen by this wait or by the next.
func TestSignalAgainstDeadline(t *testing.T) {
	e := start(t, Options{})
	const rounds = 300
	var s Signal
	fire, seen := make(chan int), make(chan bool)
	go func() {
		for n := range fire {
			for range n {
				runtime.Gosched()
			}
			s.Fire()
			seen <- true
		}
	}()
	within(t, "waiting", func() {
		task(e.Loops[0], func(k *Task) {
			for i := range rounds {
				k.Await(func() { fire <- i })
				fired := false
				for !fired {
					w := Wait{Signal: &s, Deadline: k.Now().Add(100 * time.Microsecond)}
					err := k.Poll(&w)
					if err != nil && err != ErrTimeout || (err == nil) != w.Fired {
						t.Errorf("Poll: %v, fired %v", err, w.Fired)
						return
					}
					fired = w.Fired
				}
				k.Await(func() { <-seen })
			}
		})
	})
	close(fire)
}

func TestPollTwoConnections(t *testing.T) {
	e := start(t, Options{})
	l := e.Loops[0]
	a, ra := pair(t)
	b, rb := pair(t)
	task(l, func(k *Task) {
		ca, _ := l.Register(a, netip.AddrPort{})
		cb, _ := l.Register(b, netip.AddrPort{})
		var s Signal
		w := Wait{A: ca, AWant: In | Hup, B: cb, BWant: In | Out, Signal: &s}
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
		k.Yield()
		k.Yield()
		c.Close()
	})
	syscall.Close(b)
	if e.Panics() != 1 {
		t.Errorf("%d panics", e.Panics())
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
	e := start(t, Options{})
	l := e.Loops[0]
	var all sync.WaitGroup
	const n = 3 * spareTasks
	all.Add(n)
	on(l, func() {
		for range n {
			l.Go(func(k *Task) {
				_ = k.Sleep(time.Millisecond)
				all.Done()
			})
		}
	})
	within(t, "sleeping", all.Wait)
	reach(t, e, 0, 0, 0)
	on(l, func() {
		if len(l.tasks) != spareTasks || len(l.spare) != spareTasks {
			t.Errorf("%d tasks, %d spare; want %d", len(l.tasks), len(l.spare), spareTasks)
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
			w := Wait{A: c, AWant: Out} // always so
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

func TestStopEndsEveryWait(t *testing.T) {
	e := start(t, Options{Loops: 2, MaxConns: 100})
	l := e.Loops[0]
	a, b := pair(t)
	defer syscall.Close(b)
	var errs [6]error
	var parked atomic.Int64
	addr := listen(t, e, wake(func(_ *Task, c *Conn, why Woke) {
		if why == WokeShutdown {
			parked.Add(1)
		}
		c.Park(0, true) // it is closed all the same
	}))
	dial(t, addr)
	reach(t, e, 1, 1, 0)
	on(l, func() {
		c, _ := l.Register(a, netip.AddrPort{})
		var s Signal
		l.Go(func(k *Task) { _, errs[0] = c.Read(k, make([]byte, 1), 0) })
		l.Go(func(k *Task) { _, errs[1] = c.Write(k, make([]byte, 8<<20), 0) })
		l.Go(func(k *Task) { errs[2] = k.Sleep(time.Hour) })
		l.Go(func(k *Task) { errs[3] = k.Poll(&Wait{Signal: &s}) })
		l.Go(func(k *Task) {
			for errs[4] == nil {
				errs[4] = k.Poll(&Wait{A: c, AWant: Hup, Deadline: k.After(time.Hour)})
			}
		})
		l.Go(func(k *Task) {
			k.Await(func() { _ = e.Loops[1].Stats() })
			for errs[5] == nil {
				errs[5] = k.Sleep(0)
			}
		})
	})
	within(t, "Stop", e.Stop)
	for i, err := range errs {
		// The fifth asks for a side that the first waits for.
		if i != 4 && err != ErrStopped {
			t.Errorf("wait %d: %v; want ErrStopped", i, err)
		}
	}
	if parked.Load() != 1 {
		t.Error("the parked connection was not told")
	}
}

// TestStopUnderLoad stops while clients of all kinds are at work, and nothing may be left.
func TestStopUnderLoad(t *testing.T) {
	for i := range 10 {
		e := start(t, Options{Loops: 2, MaxConns: 50})
		kinds := []Handler{answer{}, echo{}, wake(func(k *Task, c *Conn, why Woke) {
			defer c.Close()
			b := k.Loop().Take(2000)
			defer k.Loop().Give(b)
			for why == WokeReady {
				n, err := c.Read(k, b, k.After(time.Hour))
				if err != nil {
					return
				}
				k.Await(func() { clear(b[n:]) })
				if _, err := c.Write(k, b[:n], time.Hour); err != nil {
					return
				}
			}
		})}
		var clients sync.WaitGroup
		var trips atomic.Int64
		for n := range 30 {
			c := dial(t, listen(t, e, kinds[n%3]))
			say(t, c, "x") // it is accepted, and does not wait in the backlog
			clients.Go(func() {
				b := make([]byte, 1500)
				for {
					if _, err := c.Write(b); err != nil {
						return
					}
					if _, err := io.ReadFull(c, b); err != nil {
						return
					}
					trips.Add(1)
				}
			})
		}
		if !eventually(func() bool { return trips.Load() > int64(100*i) }) {
			t.Error("no trips")
		}
		within(t, "Stop", e.Stop)
		within(t, "the clients", clients.Wait)
	}
}

func TestStopBeforeRun(t *testing.T) {
	before := descriptors(t)
	e, err := New(Options{Loops: 3})
	if err != nil {
		t.Fatal(err)
	}
	a, b := pair(t)
	if _, err := e.Loops[0].Register(a, netip.AddrPort{}); err != nil {
		t.Fatal(err)
	}
	e.Stop()
	syscall.Close(b)
	if n := descriptors(t); n != before {
		t.Errorf("%d descriptors; %d before", n, before)
	}
}

// TestTimersAgainstAModel moves deadlines at random and wants each to fire once, not before its time, and in time.
func TestTimersAgainstAModel(t *testing.T) {
	e, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Stop()
	l := e.Loops[0]
	l.now = 1
	r := rand.New(rand.NewPCG(1, 2))
	conns := make([]*Conn, 200)
	for i := range conns {
		conns[i] = &Conn{loop: l, slot: -1}
	}
	want := map[*Conn]Time{}
	for range 20000 {
		c := conns[r.IntN(len(conns))]
		switch r.IntN(8) {
		case 0:
			c.timer.deadline = 0 // lazily
			delete(want, c)
		case 1:
			l.drop(&c.timer)
			delete(want, c)
		case 2:
			l.now += Time(r.IntN(50))
			l.expire() // the connections are not parked, so that nothing but the timer happens
			for c, d := range want {
				if d <= l.now {
					if c.timer.deadline != 0 {
						t.Fatalf("due at %d, not fired at %d", d, l.now)
					}
					delete(want, c)
				} else if c.timer.deadline != d {
					t.Fatalf("due at %d, has %d at %d", d, c.timer.deadline, l.now)
				}
			}
		default:
			d := l.now + 1 + Time(r.IntN(200))
			l.arm(&c.timer, c, nil, d)
			want[c] = d
		}
		for i, d := range l.heap {
			if i > 0 && l.heap[(i-1)/4].when > d.when || int(d.timer().pos) != i+1 {
				t.Fatal("the heap is broken")
			}
		}
	}
	for _, c := range conns {
		l.drop(&c.timer)
	}
	if len(l.heap) != 0 {
		t.Errorf("%d entries left", len(l.heap))
	}
}

func TestLaterDeadlineIsAStore(t *testing.T) {
	e := start(t, Options{})
	task(e.Loops[0], func(k *Task) {
		l := k.Loop()
		var s Signal
		for i := range 100 {
			s.Fire()
			_ = k.Poll(&Wait{Signal: &s})
			w := Wait{Signal: &s, Deadline: k.After(time.Hour + time.Duration(i))}
			l.requeue(k) // a nudge, after which the wait goes on
			k.inRunq = false
			l.Go(func(*Task) { s.Fire() })
			if err := k.Poll(&w); err != nil {
				t.Error(err)
			}
			if len(l.heap) > 1 {
				t.Fatalf("%d entries in the heap", len(l.heap))
			}
		}
	})
}

func TestClocks(t *testing.T) {
	e := start(t, Options{})
	task(e.Loops[0], func(k *Task) {
		l := k.Loop()
		before := l.Now()
		if err := k.Sleep(3 * time.Millisecond); err != nil {
			t.Error(err)
		}
		if d := l.Now().Sub(before); d < 3*time.Millisecond {
			t.Errorf("slept %v", d)
		}
		if d := time.Since(l.Wall()); d < 0 || d > patience {
			t.Errorf("Wall is %v ago", d)
		}
		if k.After(-1) != 0 || k.After(5) != k.Now()+5 {
			t.Error("After")
		}
	})
}

func TestLocal(t *testing.T) {
	e := start(t, Options{Loops: 2})
	var a, b LocalKey
	for i, l := range e.Loops {
		keys := []*LocalKey{&a, &b}
		if i == 1 {
			keys[0], keys[1] = keys[1], keys[0] // the hints of the two loops disagree
		}
		on(l, func() {
			for range 3 {
				for _, k := range keys {
					v := l.Local(k, func() any { return [2]any{l, k} })
					if v != [2]any{l, k} {
						t.Errorf("got another's value")
					}
				}
			}
		})
	}
}

func TestBuffers(t *testing.T) {
	e := start(t, Options{})
	on(e.Loops[0], func() {
		l := e.Loops[0]
		for _, n := range []int{0, 1, 511, 512, 513, 1024, 4097, 65535, 65536, 65537} {
			b := l.Take(n)
			want := max(512, n)
			if len(b) != n || cap(b) < want || n <= 65536 && cap(b)&(cap(b)-1) != 0 {
				t.Errorf("Take(%d): len %d, cap %d", n, len(b), cap(b))
			}
			l.Give(b)
			again := l.Take(n)
			if n <= 65536 && &again[:1][0] != &b[:1][0] {
				t.Errorf("Take(%d) did not give the same again", n)
			}
			l.Give(again)
		}
		l.Give(nil)
		var many [][]byte
		for range 100 {
			many = append(many, l.Take(1<<16))
		}
		for _, b := range many {
			l.Give(b)
		}
		if n := len(l.buffers.free[largest-smallest]); n != keepBytes>>largest {
			t.Errorf("%d largest buffers kept", n)
		}
	})
}
