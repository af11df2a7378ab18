// Package looptest helps tests of what runs on loops.
package looptest

import (
	"net"
	"net/netip"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"weir/loop"
)

// Run runs f in a task of a fresh loop, with a connection to the test and the test's end of it. All buffers must have been
// given back in the end.
func Run(t *testing.T, f func(k *loop.Task, c *loop.Conn, peer net.Conn)) {
	t.Helper()
	e, err := loop.New(loop.Options{OnPanic: func(v any, stack []byte) { t.Errorf("panic: %v\n%s", v, stack) }})
	if err != nil {
		t.Fatal(err)
	}
	e.Run()
	whole := true // a test that is given up in f takes the loop with it, which nobody can stop then
	defer func() {
		if whole {
			e.Stop()
		}
	}()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fds[1]), "peer")
	peer, err := net.FileConn(file)
	if err != nil {
		t.Fatal(err)
	}
	_ = file.Close()
	defer func() { _ = peer.Close() }()
	done := make(chan bool)
	l := e.Loops[0]
	l.Post(func() {
		c, err := l.Register(fds[0], netip.AddrPort{})
		if err != nil {
			t.Error(err)
			close(done)
			return
		}
		l.Go(func(k *loop.Task) {
			defer close(done)
			whole = false
			f(k, c, peer)
			whole = true
			c.Close()
		})
	})
	<-done
	if !whole {
		t.FailNow()
	}
	l.Post(func() {})
	e.Stop()
	if n := l.Stats().Buffers; n != 0 {
		t.Errorf("%d buffers not given back", n)
	}
}
