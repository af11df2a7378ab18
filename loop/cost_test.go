package loop

import (
	"net/netip"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// skipPortable is for what only the engine on epoll promises.
func skipPortable(t *testing.T) {
	if Portable {
		t.Skip("the portable engine allocates, and has a goroutine for each side that is waited for")
	}
}

func TestConnIsSmall(t *testing.T) {
	skipPortable(t)
	if n := unsafe.Sizeof(Conn{}); n > 128 {
		t.Errorf("a Conn is %d bytes; want at most 128", n)
	}
}

func TestRoundTripAllocatesNothing(t *testing.T) {
	skipPortable(t)
	e := start(t, Options{MaxConns: 10})
	fd := blocking(t, listen(t, e, answer{}))
	b := make([]byte, 100)
	n := testing.AllocsPerRun(2000, func() {
		_, _ = syscall.Write(fd, b)
		_, _ = syscall.Read(fd, b)
	})
	if n != 0 && !checking { // the checks of the build tag invariants allocate
		t.Errorf("a round trip allocates %v times; want 0", n)
	}
}

func TestWaitsAllocateNothing(t *testing.T) {
	skipPortable(t)
	e := start(t, Options{})
	a, b := pair(t)
	task(e.Loops[0], func(k *Task) {
		l := k.Loop()
		ca, _ := l.Register(a, netip.AddrPort{})
		cb, _ := l.Register(b, netip.AddrPort{})
		var s Signal
		buf := make([]byte, 10)
		parts := [][]byte{buf[:2], buf[:3]}
		n := testing.AllocsPerRun(100, func() {
			_, _ = ca.TryWrite(buf)
			_, _ = cb.Read(k, buf, k.After(time.Minute))
			_, _ = ca.TryWritev(parts)
			w := Wait{A: &cb.Source, AWant: In, Signal: &s, Deadline: k.After(time.Minute)}
			_ = k.Poll(&w)
			_, _ = cb.TryRead(buf)
			_ = k.Poll(&Wait{Deadline: k.Now() + 1})
			s.Fire()
			_ = k.Poll(&w)
			l.Give(l.Take(1000))
			_, _ = ca.Peer(), ca.Local()
		})
		if n != 0 && !checking { // the checks of the build tag invariants allocate
			t.Errorf("%v allocations; want 0", n)
		}
		ca.Close()
		cb.Close()
	})
}
