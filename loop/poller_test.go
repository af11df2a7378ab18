package loop

import (
	"io"
	"net/netip"
	"runtime"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// These tests are the contract of a poller: what the machine relies on, whichever engine is built.

// TestPollerSaysWhatIsSo does one thing to the other end of a socket, and wants to hear of that and of nothing else.
func TestPollerSaysWhatIsSo(t *testing.T) {
	e := start(t, Options{})
	l := e.Loops[0]
	drain := func(fd int) {
		b := make([]byte, 1<<16)
		for {
			if n, _ := syscall.Read(fd, b); n <= 0 {
				return
			}
		}
	}
	tests := []struct {
		name  string
		fill  bool // the socket is full before
		do    func(peer int)
		wants Ready
		got   Ready
	}{
		{"a byte", false, func(peer int) { _, _ = syscall.Write(peer, []byte("x")) }, In, In},
		{"a byte, for one who waits for a hang-up too", false, func(peer int) { _, _ = syscall.Write(peer, []byte("x")) }, In | Hup, In},
		{"a half-close", false, func(peer int) { _ = syscall.Shutdown(peer, syscall.SHUT_WR) }, Hup, Hup},
		{"a half-close, for a reader", false, func(peer int) { _ = syscall.Shutdown(peer, syscall.SHUT_WR) }, In, In},
		{"the end", false, func(peer int) { _ = syscall.Shutdown(peer, syscall.SHUT_RDWR) }, In | Hup, In | Hup},
		{"room", true, drain, In | Out, Out},
		{"the end, for a writer", true, func(peer int) { _ = syscall.Shutdown(peer, syscall.SHUT_RDWR) }, Out, Out},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, b := pair(t)
			defer syscall.Close(b)
			task(l, func(k *Task) {
				c, _ := l.Register(a, netip.AddrPort{})
				defer c.Close()
				for tt.fill {
					if _, err := c.TryWrite(make([]byte, 1<<16)); err != nil {
						break
					}
				}
				w := Wait{A: &c.Source, AWant: tt.wants, Deadline: k.After(5 * time.Millisecond)}
				if err := k.Poll(&w); err != ErrTimeout {
					t.Errorf("before: %v, got %b; want ErrTimeout", err, w.AGot)
				}
				w.Deadline = k.After(patience)
				l.Post(func() { tt.do(b) }) // the task waits by then
				if err := k.Poll(&w); err != nil || w.AGot != tt.got {
					t.Errorf("%v, got %b; want %b", err, w.AGot, tt.got)
				}
			})
		})
	}
}

// TestPollerNoticesALeaverAtWork is a client that goes away, by FIN or by RST, while nobody reads from it.
func TestPollerNoticesALeaverAtWork(t *testing.T) {
	for _, reset := range []bool{false, true} {
		e := start(t, Options{})
		noticed := make(chan error, 1)
		addr := listen(t, e, wake(func(k *Task, c *Conn, _ Woke) {
			defer c.Close()
			b := make([]byte, 100)
			if _, err := c.Read(k, b, 0); err != nil {
				t.Error(err)
			}
			noticed <- k.Poll(&Wait{A: &c.Source, AWant: Hup, Deadline: k.After(patience)})
			want := io.EOF
			if reset {
				want = syscall.ECONNRESET
			}
			if _, err := c.Read(k, b, 0); err != want {
				t.Errorf("Read: %v; want %v", err, want)
			}
		}))
		c := dial(t, addr)
		_, _ = c.Write([]byte("a request"))
		reach(t, e, 1, 0, 1)
		if reset {
			_ = c.SetLinger(0)
		}
		c.Close()
		if err := <-noticed; err != nil {
			t.Errorf("reset %v: %v", reset, err)
		}
		reach(t, e, 0, 0, 0)
	}
}

func TestStaleEventIsDropped(t *testing.T) {
	e, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Stop()
	l := e.Loops[0]
	a, b := pair(t)
	old, _ := l.Register(a, netip.AddrPort{})
	slot, gen := old.slot, l.slots.at(int(old.slot)).gen
	old.Close()
	syscall.Close(b)
	a2, b2 := pair(t)
	defer syscall.Close(b2)
	c, _ := l.Register(a2, netip.AddrPort{})
	if c.FD() != a || c.slot != slot {
		t.Fatalf("descriptor %d, slot %d; the test wants %d and %d again", c.FD(), c.slot, a, slot)
	}
	hangUp(l, slot, gen)
	if c.Readable() || c.Hup() {
		t.Error("an event of the old connection reached the new one")
	}
	hangUp(l, slot, l.slots.at(int(slot)).gen)
	if !c.Readable() || !c.Hup() {
		t.Error("an event of the new connection did not reach it")
	}
}

// TestDescriptorsAreReusedAtOnce closes connections whose peers speak at that moment, and opens others with the same numbers,
// to which nobody speaks.
func TestDescriptorsAreReusedAtOnce(t *testing.T) {
	e := start(t, Options{})
	l := e.Loops[0]
	speak := make(chan int)
	spoke := make(chan struct{})
	go func() {
		for fd := range speak {
			_, _ = syscall.Write(fd, []byte("x"))
			syscall.Close(fd)
			spoke <- struct{}{}
		}
	}()
	task(l, func(k *Task) {
		for i := range 500 {
			a, b := pair(t)
			c, _ := l.Register(a, netip.AddrPort{})
			if i%2 == 0 {
				k.Yield()
			}
			speak <- b
			c.Close()
			a, b = pair(t)
			c, _ = l.Register(a, netip.AddrPort{})
			<-spoke
			for range 5 {
				k.Yield()
			}
			if c.Readable() || c.Hup() {
				t.Errorf("round %d: the new connection heard what was for the old one: readable %v, hup %v", i, c.Readable(), c.Hup())
			}
			syscall.Close(b)
			if _, err := c.Read(k, make([]byte, 1), k.After(patience)); err != io.EOF {
				t.Errorf("round %d: %v; want EOF", i, err)
			}
			c.Close()
		}
	})
	close(speak)
}

// TestCloseWhileBothSidesWait closes under a reader and a writer, from a third task.
func TestCloseWhileBothSidesWait(t *testing.T) {
	e := start(t, Options{})
	l := e.Loops[0]
	for range 100 {
		a, b := pair(t)
		var errs [2]error
		task(l, func(k *Task) {
			c, _ := l.Register(a, netip.AddrPort{})
			l.Go(func(k *Task) { _, errs[0] = c.Read(k, make([]byte, 1), 0) })
			l.Go(func(k *Task) { _, errs[1] = c.Write(k, make([]byte, 8<<20), 0) })
			if err := k.Sleep(time.Microsecond); err != nil {
				t.Error(err)
			}
			c.Close()
		})
		reach(t, e, 0, 0, 0)
		if errs != [2]error{ErrClosed, ErrClosed} {
			t.Errorf("%v; want ErrClosed twice", errs)
		}
		syscall.Close(b)
	}
}

// TestAdoptedThereAndBack hands one connection from loop to loop while its peer goes on speaking: nothing is lost.
func TestAdoptedThereAndBack(t *testing.T) {
	e := start(t, Options{Loops: 2})
	a, b := pair(t)
	const rounds = 300
	var mine atomic.Bool // the test has the connection, and no wake is to touch it
	h := wake(func(*Task, *Conn, Woke) {
		if !mine.Load() {
			t.Error("it woke on its own")
		}
	})
	var c *Conn
	on(e.Loops[0], func() {
		c, _ = e.Loops[0].Register(a, netip.AddrPort{})
		c.Handler = h
		mine.Store(true)
		c.Park(0, false)
	})
	go func() {
		for i := range rounds {
			for syscall.EAGAIN == write1(b, byte(i)) {
				runtime.Gosched()
			}
			for range i % 7 {
				runtime.Gosched()
			}
		}
	}()
	next := 0
	for i := 1; next < rounds; i++ {
		l := e.Loops[i%2]
		task(l, func(k *Task) {
			c = l.Adopt(c)
			buf := make([]byte, 3)
			n, err := c.Read(k, buf, k.After(patience))
			if err != nil {
				t.Errorf("after %d: %v", next, err)
				n, next = 0, rounds
			}
			for _, v := range buf[:n] {
				if v != byte(next) {
					t.Errorf("byte %d is %d", next, v)
				}
				next++
			}
			c.Park(0, false)
		})
	}
	on(c.Loop(), func() { c.Close() })
	syscall.Close(b)
}

func write1(fd int, v byte) error {
	_, err := syscall.Write(fd, []byte{v})
	return err
}
