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
				errs[4] = k.Poll(&Wait{A: &c.Source, AWant: Hup, Deadline: k.After(time.Hour)})
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
