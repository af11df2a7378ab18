package loop

import (
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func TestEchoParksBetweenRequests(t *testing.T) {
	e := start(t, Options{Loops: 2, MaxConns: 100})
	addr := listen(t, e, echo{})
	var clients []*net.TCPConn
	for range 10 {
		clients = append(clients, dial(t, addr))
	}
	for range 20 {
		for _, c := range clients {
			say(t, c, "hello")
		}
		reach(t, e, 10, 10, 0)
	}
	for _, c := range clients {
		c.Close()
	}
	reach(t, e, 0, 0, 0)
}

// TestParkWithSomethingUnread parks after each few bytes of many: what is unread must wake the connection again, since the
// kernel has told of it and will not do so twice.
func TestParkWithSomethingUnread(t *testing.T) {
	e := start(t, Options{})
	addr := listen(t, e, wake(func(k *Task, c *Conn, why Woke) {
		b := make([]byte, 4)
		n, err := c.TryRead(b)
		if err != nil && err != ErrAgain || why != WokeReady {
			c.Close()
			return
		}
		if _, err := c.Write(k, b[:n], patience); err != nil {
			c.Close()
			return
		}
		c.Park(k.After(time.Hour), true)
	}))
	c := dial(t, addr)
	for _, s := range []string{"a", "four", "eight by", "a word that is read in parts"} {
		say(t, c, s)
	}
	reach(t, e, 1, 1, 0)
}

func TestAddresses(t *testing.T) {
	e := start(t, Options{})
	got := make(chan [2]netip.AddrPort, 1)
	addr := listenWith(t, e, func(c *Conn) {
		got <- [2]netip.AddrPort{c.Peer(), c.Local()}
		c.Close()
	})
	c := dial(t, addr)
	a := <-got
	if a[0].String() != c.LocalAddr().String() || a[1].String() != addr {
		t.Errorf("peer %v, local %v; want %v, %v", a[0], a[1], c.LocalAddr(), addr)
	}
	for _, s := range []string{"1.2.3.4:5", "[2001:db8::1]:80", "[::ffff:1.2.3.4]:65535"} {
		var x address
		var sa rawAddr
		want := netip.MustParseAddrPort(s)
		family := syscall.AF_INET6
		if want.Addr().Is4() {
			family = syscall.AF_INET
		}
		sockaddr(&sa, want, family)
		x.set(&sa)
		if x.addrPort() != want {
			t.Errorf("%v became %v", want, x.addrPort())
		}
	}
}

// TestStorm opens thousands of connections that behave in every way, and nothing may be left of them.
func TestStorm(t *testing.T) {
	e := start(t, Options{Loops: 2, MaxConns: 4000, OnPanic: func(v any, s []byte) { t.Errorf("%v\n%s", v, s) }})
	var woke [4]atomic.Int64
	h := echo{timeout: 50 * time.Millisecond}
	counted := wake(func(t *Task, c *Conn, why Woke) {
		woke[why].Add(1)
		h.Wake(t, c, why)
	})
	addr := listenWith(t, e, func(c *Conn) {
		c.Handler = counted
		_ = c.SetOption(syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
		c.Park(c.Loop().Now().Add(h.timeout), true)
	})
	var all sync.WaitGroup
	for w := range 16 {
		all.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(w)))
			for range 200 {
				stormOne(t, addr, r)
			}
		})
	}
	within(t, "the storm", all.Wait)
	reach(t, e, 0, 0, 0)
	t.Logf("%d reads, %d timeouts", woke[WokeReady].Load(), woke[WokeTimeout].Load())
}

func stormOne(t *testing.T, addr string, r *rand.Rand) {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Error(err)
		return
	}
	defer nc.Close()
	c := nc.(*net.TCPConn)
	_ = c.SetDeadline(time.Now().Add(patience))
	b := make([]byte, 1+r.IntN(20000))
	for range r.IntN(3) {
		if _, err := c.Write(b); err != nil {
			return // timed out on that side, which is one of the ways
		}
		if _, err := io.ReadFull(c, b); err != nil {
			return
		}
	}
	switch r.IntN(6) {
	case 0: // reset
		_ = c.SetLinger(0)
	case 1: // reset with something under way
		_, _ = c.Write(b)
		_ = c.SetLinger(0)
	case 2: // half-close, and read what comes back
		_, _ = c.Write(b)
		_ = c.CloseWrite()
		_, _ = io.Copy(io.Discard, c)
	case 3: // never read
		_, _ = c.Write(b)
	case 4: // wait for the timeout of the other side, sometimes
		if r.IntN(10) == 0 {
			_, _ = io.Copy(io.Discard, c)
		}
	}
}

func TestReadAndWriteWait(t *testing.T) {
	e := start(t, Options{})
	l := e.Loops[0]
	a, b := pair(t)
	big := make([]byte, 1<<20)
	task(l, func(k *Task) {
		ca, _ := l.Register(a, netip.AddrPort{})
		cb, _ := l.Register(b, netip.AddrPort{})
		buf := make([]byte, 1000)
		if _, err := ca.TryRead(buf); err != ErrAgain {
			t.Errorf("TryRead of nothing: %v", err)
		}
		if _, err := ca.Read(k, buf, k.After(time.Millisecond)); err != ErrTimeout {
			t.Errorf("Read of nothing: %v; want ErrTimeout", err)
		}
		if n, err := ca.Write(k, big, time.Millisecond); err != ErrTimeout || n == 0 || n == len(big) {
			t.Errorf("Write to one who does not read: %d, %v; want some, ErrTimeout", n, err)
		}
		// Now one task writes while another reads, on the same two connections.
		drained := 0
		l.Go(func(k *Task) {
			for {
				n, err := cb.Read(k, buf, 0)
				drained += n
				if err != nil {
					if err != io.EOF {
						t.Error(err)
					}
					cb.Close()
					return
				}
			}
		})
		n, err := ca.Write(k, big, 0)
		if n != len(big) || err != nil {
			t.Errorf("Write: %d, %v", n, err)
		}
		if err := ca.CloseWrite(); err != nil {
			t.Error(err)
		}
		if _, err := ca.Read(k, buf, 0); err != io.EOF || !ca.Hup() {
			t.Errorf("Read: %v; want EOF", err)
		}
		if drained <= len(big) {
			t.Errorf("drained %d", drained)
		}
		ca.Close()
		if _, err := ca.Read(k, buf, 0); err != ErrClosed {
			t.Errorf("Read after Close: %v", err)
		}
	})
}

func TestCloseWakesTheOneWhoWaits(t *testing.T) {
	e := start(t, Options{})
	l := e.Loops[0]
	a, b := pair(t)
	defer syscall.Close(b)
	task(l, func(k *Task) {
		c, _ := l.Register(a, netip.AddrPort{})
		l.Go(func(k *Task) {
			k.Yield()
			c.Close()
		})
		if _, err := c.Read(k, make([]byte, 1), 0); err != ErrClosed {
			t.Errorf("Read: %v; want ErrClosed", err)
		}
	})
}

func TestWritev(t *testing.T) {
	e := start(t, Options{})
	l := e.Loops[0]
	for _, parts := range []int{0, 1, 8, 9, 64, 100} {
		a, b := pair(t)
		task(l, func(k *Task) {
			c, _ := l.Register(a, netip.AddrPort{})
			var v [][]byte
			for range parts {
				v = append(v, []byte("ab"), nil)
			}
			n, err := c.TryWritev(v)
			want := min(parts, 4, 32) * 2
			if len(v) > 8 {
				want = min(parts, 32) * 2
			}
			if len(v) <= 8 {
				want = parts * 2
			}
			if n != want || err != nil {
				t.Errorf("%d parts: %d, %v; want %d", len(v), n, err, want)
			}
			c.Close()
		})
		syscall.Close(b)
	}
}

func TestPanicClosesTheConnectionOnly(t *testing.T) {
	var panics atomic.Int64
	e := start(t, Options{MaxConns: 100, OnPanic: func(any, []byte) { panics.Add(1) }})
	addr := listen(t, e, wake(func(k *Task, c *Conn, why Woke) {
		var b [1]byte
		n, _ := c.TryRead(b[:])
		if n == 1 && b[0] == '!' {
			_ = k.Sleep(time.Millisecond)
			panic("a test")
		}
		if c.Hup() || why != WokeReady {
			c.Close()
			return
		}
		_, _ = c.Write(k, b[:n], 0)
		c.Park(0, true)
	}))
	good := dial(t, addr)
	for range 50 {
		bad := dial(t, addr)
		say(t, bad, "x")
		_, _ = bad.Write([]byte("!"))
		if n, err := bad.Read(make([]byte, 1)); n != 0 || err == nil {
			t.Fatalf("read %d, %v; want the end", n, err)
		}
		say(t, good, "y")
	}
	reach(t, e, 1, 1, 0)
	on(e.Loops[0], func() { panic("a test, too") })
	e.Loops[0].Post(func() { e.Loops[0].Go(func(*Task) { panic("and another") }) })
	reach(t, e, 1, 1, 0)
	if panics.Load() != 52 || e.panics.Load() != 52 {
		t.Errorf("%d panics reported, %d counted; want 52", panics.Load(), e.panics.Load())
	}
}

func TestAcceptMayPanic(t *testing.T) {
	e := start(t, Options{})
	addr := listenWith(t, e, func(*Conn) { panic("a test") })
	if _, err := dial(t, addr).Read(make([]byte, 1)); err == nil {
		t.Error("connection is open")
	}
	reach(t, e, 0, 0, 0)
}

func TestCloseReset(t *testing.T) {
	e := start(t, Options{})
	addr := listenWith(t, e, func(c *Conn) { c.CloseReset() })
	c, err := net.Dial("tcp", addr)
	if err == nil {
		_, err = c.Read(make([]byte, 1))
		c.Close()
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("%v; want a reset", err)
	}
}
