package loop

import (
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func TestAdopt(t *testing.T) {
	e := start(t, Options{Loops: 2, MaxConns: 1000})
	from, to := e.Loops[0], e.Loops[1]
	for i := range 200 {
		a, b := pair(t)
		var given atomic.Bool // stands for the owner's lock
		parked := make(chan *Conn, 1)
		from.Post(func() {
			c, _ := from.Register(a, netip.AddrPort{})
			c.Handler = wake(func(_ *Task, c *Conn, _ Woke) {
				if !given.Load() {
					t.Error("woke before it was given up")
				}
			})
			c.Park(from.Now().Add(time.Hour), true)
			parked <- c
		})
		old := <-parked
		given.Store(true)
		if i%2 == 0 {
			_, _ = syscall.Write(b, []byte("before"))
		}
		task(to, func(k *Task) {
			c := to.Adopt(old)
			if i%2 == 1 {
				_, _ = syscall.Write(b, []byte("before"))
			}
			buf := make([]byte, 10)
			if n, err := c.Read(k, buf, 0); string(buf[:n]) != "before" {
				t.Errorf("read %q, %v", buf[:n], err)
			}
			if same := to.Adopt(c); same != c {
				t.Error("adopting one's own made another")
			}
			c.Close()
		})
		syscall.Close(b)
	}
	reach(t, e, 0, 0, 0)
}

func TestCloseIdle(t *testing.T) {
	e := start(t, Options{Loops: 2})
	addr := listen(t, e, echo{})
	var clients []net.Conn
	for range 20 {
		c := dial(t, addr)
		say(t, c, "x")
		clients = append(clients, c)
	}
	e.CloseIdle()
	for _, c := range clients {
		if _, err := c.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("%v; want EOF", err)
		}
	}
	say(t, dial(t, addr), "still here")
}

func TestParkTimeout(t *testing.T) {
	var clock falseClock
	e := start(t, Options{Clock: clock.now})
	addr := listen(t, e, echo{timeout: time.Minute})
	c := dial(t, addr)
	say(t, c, "x")
	reach(t, e, 1, 1, 0)
	clock.pass(e, time.Minute-1)
	reach(t, e, 1, 1, 0)
	clock.pass(e, 1)
	if _, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("%v; want EOF", err)
	}
	reach(t, e, 0, 0, 0)
}
