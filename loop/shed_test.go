package loop

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func TestMaxConnsShedsTheLongestIdle(t *testing.T) {
	var full atomic.Int64
	e := start(t, Options{MaxConns: 3, OnFull: func(what string) {
		if what == FullConns {
			full.Add(1)
		}
	}})
	addr := listen(t, e, echo{})
	a, b, c := dial(t, addr), dial(t, addr), dial(t, addr)
	say(t, a, "1")
	say(t, b, "2")
	say(t, c, "3")
	say(t, a, "4") // b is the oldest now
	reach(t, e, 3, 3, 0)
	say(t, dial(t, addr), "5")
	if _, err := b.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the oldest: %v; want EOF", err)
	}
	say(t, a, "6")
	if full.Load() != 0 {
		t.Error("OnFull was called")
	}
}

func TestMaxConnsRefuses(t *testing.T) {
	var full atomic.Int64
	e := start(t, Options{MaxConns: 1, OnFull: func(string) { full.Add(1) }})
	addr := listenWith(t, e, func(c *Conn) {
		c.Handler = echo{keep: true}
		c.Park(0, false)
	})
	say(t, dial(t, addr), "x")
	if _, err := dial(t, addr).Read(make([]byte, 1)); err == nil {
		t.Error("there was room")
	}
	task(e.Loops[0], func(k *Task) {
		if _, err := k.Loop().Dial(k, Addr{Net: netip.MustParseAddrPort(addr)}, DialOptions{}, 0); err != ErrFull {
			t.Errorf("Dial: %v; want ErrFull", err)
		}
	})
	if full.Load() != 1 {
		t.Errorf("OnFull was called %d times; want once a second", full.Load())
	}
}

// TestOutOfDescriptors runs itself in a child with few descriptors.
func TestOutOfDescriptors(t *testing.T) {
	if os.Getenv("LOOP_TEST_CHILD") == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestOutOfDescriptors$", "-test.v", "-test.timeout=2m")
		cmd.Env = append(os.Environ(), "LOOP_TEST_CHILD=1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	var full atomic.Int64
	e := start(t, Options{Loops: 2, OnFull: func(what string) {
		if what == FullFiles {
			full.Add(1)
		}
	}})
	addr := listen(t, e, echo{})
	busy := listenWith(t, e, func(c *Conn) {
		c.Handler = echo{keep: true}
		c.Park(0, false)
	})
	const limit = 100
	var few syscall.Rlimit // whose fields are signed on some systems
	few.Cur += limit
	few.Max += limit
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	// The client's descriptors count too, so that it must take turns: each new connection costs two.
	var kept []net.Conn
	for range 3 * limit {
		c, err := net.Dial("tcp", addr)
		if err != nil { // ours ran out; give one back
			kept[0].Close()
			kept = kept[1:]
			continue
		}
		_ = c.SetDeadline(time.Now().Add(patience))
		if _, err := c.Write([]byte("x")); err == nil {
			_, _ = c.Read(make([]byte, 1))
		}
		kept = append(kept, c)
	}
	for _, c := range kept {
		c.Close()
	}
	reach(t, e, 0, 0, 0)
	// Nothing to shed: those who do not fit are closed, and the others work on.
	kept = nil
	lost := 0
	last, err := os.Open("/dev/null") // when the client finds none, it gets this one, and the server has none
	if err != nil {
		t.Fatal(err)
	}
	for lost == 0 && len(kept) < limit {
		c, err := net.Dial("tcp", busy)
		if err != nil {
			if last.Close() != nil {
				t.Fatalf("after %d connections: %v", len(kept), err)
			}
			continue
		}
		_ = c.SetDeadline(time.Now().Add(patience))
		_, _ = c.Write([]byte("x"))
		if _, err := c.Read(make([]byte, 1)); err != nil {
			lost++
			c.Close()
			continue
		}
		kept = append(kept, c)
	}
	for i, c := range kept {
		if _, err := fmt.Fprint(c, "y"); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 1)); err != nil {
			t.Fatalf("connection %d of %d: %v", i, len(kept), err)
		}
	}
	last.Close()
	t.Logf("%d connections, %d refused, OnFull %d times", len(kept), lost, full.Load())
	if full.Load() == 0 {
		t.Error("OnFull was not called")
	}
	for _, c := range kept {
		c.Close()
	}
	say(t, dial(t, addr), "and it goes on")
}
