package upstream

import (
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weir/loop"
	"weir/weirtest"
)

// peerServer answers each byte with the same byte. It counts connections, and hangs up on those that it is told to.
type peerServer struct {
	net.Listener
	accepted atomic.Int64
	mu       sync.Mutex
	open     []net.Conn
}

func newPeerServer(t testing.TB) *peerServer {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &peerServer{Listener: ln}
	t.Cleanup(func() { ln.Close(); s.hangUp() })
	go s.serve()
	return s
}

func (s *peerServer) serve() {
	for {
		c, err := s.Accept()
		if err != nil {
			return
		}
		c = weirtest.Unscramble(c)
		s.accepted.Add(1)
		s.mu.Lock()
		s.open = append(s.open, c)
		s.mu.Unlock()
		go func() {
			io.Copy(c, c)
			c.Close()
		}()
	}
}

func (s *peerServer) hangUp() {
	s.mu.Lock()
	for _, c := range s.open {
		c.Close()
	}
	s.open = nil
	s.mu.Unlock()
}

func (s *peerServer) addr() loop.Addr {
	return loop.Addr{Net: netip.MustParseAddrPort(s.Addr().String())}
}

// stand is loops, a server and a group that keeps connections to it.
type stand struct {
	t      testing.TB
	engine *loop.Engine
	server *peerServer
	g      *Group
	peer   *Peer
	skip   atomic.Int64 // how far the loops' clock is ahead
}

func newStand(t testing.TB, loops int, keep Keepalive) *stand {
	t.Helper()
	s := &stand{t: t, server: newPeerServer(t)}
	e, err := loop.New(loop.Options{
		Loops: loops, OnPanic: func(v any, stack []byte) { t.Errorf("%v\n%s", v, stack) },
		Clock: func() time.Time { return time.Now().Add(time.Duration(s.skip.Load())) },
	})
	if err != nil {
		t.Fatal(err)
	}
	e.Run()
	s.engine = e
	t.Cleanup(e.Stop)
	s.g = s.group(keep, loops)
	s.peer = s.g.Peers()[0]
	return s
}

func (s *stand) group(keep Keepalive, loops int) *Group {
	g, err := Build(&Spec{Name: "u", Keepalive: keep, Servers: []ServerSpec{
		{Text: "a", Addrs: []loop.Addr{s.server.addr()}, Weight: 1, MaxFails: 1, FailTimeout: 10 * time.Second},
	}}, Options{Loops: loops})
	if err != nil {
		s.t.Fatal(err)
	}
	return g
}

// on runs f in a task of loop i and waits for it.
func (s *stand) on(i int, f func(t *loop.Task)) {
	s.t.Helper()
	done := make(chan struct{})
	l := s.engine.Loops[i]
	l.Post(func() {
		l.Go(func(t *loop.Task) {
			defer close(done)
			f(t)
		})
	})
	select {
	case <-done:
	case <-time.After(5 * time.Second):
		s.t.Fatal("the task does not end")
	}
}

// connect takes or makes a link, in a task.
func (s *stand) connect(t *loop.Task, tag uint64) (*Link, bool) {
	if k := s.g.Take(t.Loop(), s.peer, tag); k != nil {
		return k, true
	}
	c, err := t.Loop().Dial(t, s.peer.Addr, loop.DialOptions{}, t.After(5*time.Second))
	if err != nil {
		return nil, false
	}
	return s.g.NewLink(c, s.peer, t.Now()), false
}

// speak sends one byte and waits for it to come back.
func speak(t *loop.Task, k *Link) bool {
	b := [1]byte{'x'}
	if _, err := k.Conn.Write(t, b[:], time.Second*5); err != nil {
		return false
	}
	n, err := k.Conn.Read(t, b[:], t.After(5*time.Second))
	return n == 1 && err == nil
}

// use does one exchange on loop i and keeps its link.
func (s *stand) use(i int, tag uint64) (link *Link, kept, stays bool) {
	s.on(i, func(t *loop.Task) {
		link, kept = s.connect(t, tag)
		if link == nil || !speak(t, link) {
			s.t.Error("no exchange")
			return
		}
		if stays = link.Keep(tag); !stays {
			link.Conn.Close()
		}
	})
	return link, kept, stays
}

func (s *stand) idle() int { return s.g.Pool().Status().Idle }

func (s *stand) waitIdle(n int) {
	s.t.Helper()
	if !weirtest.Eventually(func() bool { return s.idle() == n }) {
		s.t.Fatalf("%d idle links, want %d", s.idle(), n)
	}
}

func keeping(n int) Keepalive {
	return Keepalive{Max: n, Requests: 1000, Life: time.Hour, Idle: time.Minute}
}

func TestLinkIsUsedAgain(t *testing.T) {
	s := newStand(t, 2, keeping(4))
	first, kept, _ := s.use(0, 0)
	if kept {
		t.Error("the first link was kept before it was made")
	}
	again, kept, _ := s.use(0, 0)
	if !kept || again != first || again.Requests != 2 {
		t.Errorf("second exchange: kept %v, same %v, %d requests", kept, again == first, again.Requests)
	}
	other, kept, _ := s.use(1, 0)
	if !kept || other != first || other.Conn.Loop() != s.engine.Loops[1] {
		t.Error("the other loop did not take the link")
	}
	back, kept, _ := s.use(0, 0)
	if !kept || back != first || s.server.accepted.Load() != 1 {
		t.Errorf("%d connections for four exchanges", s.server.accepted.Load())
	}
}

func TestOwnLinkFirst(t *testing.T) {
	s := newStand(t, 2, keeping(4))
	var a, b *Link
	s.on(0, func(task *loop.Task) { a, _ = s.connect(task, 0) })
	s.on(1, func(task *loop.Task) { b, _ = s.connect(task, 0) })
	s.on(0, func(*loop.Task) { a.Keep(0) })
	s.on(1, func(*loop.Task) { b.Keep(0) }) // the newer one
	if got, _, _ := s.use(0, 0); got != a {
		t.Error("loop 0 took the link of loop 1 though it had its own")
	}
}

func TestLinkLimits(t *testing.T) {
	t.Run("requests", func(t *testing.T) {
		k := keeping(4)
		k.Requests = 3
		s := newStand(t, 1, k)
		for i, want := range []bool{true, true, false, true} {
			if _, _, stays := s.use(0, 0); stays != want {
				t.Errorf("exchange %d: kept %v", i+1, stays)
			}
		}
		if n := s.server.accepted.Load(); n != 2 {
			t.Errorf("%d connections, want 2", n)
		}
	})
	t.Run("life", func(t *testing.T) {
		k := keeping(4)
		k.Life = 20 * time.Second
		s := newStand(t, 1, k)
		_, _, first := s.use(0, 0)
		s.skip.Add(int64(30 * time.Second)) // less than it may be idle
		s.on(0, func(*loop.Task) {})        // the loop has looked at the clock
		_, kept, second := s.use(0, 0)      // still used, then closed
		if !first || !kept || second {
			t.Error(first, kept, second)
		}
	})
	t.Run("idle", func(t *testing.T) {
		k := keeping(4)
		k.Idle = 30 * time.Millisecond
		s := newStand(t, 1, k)
		s.use(0, 0)
		s.waitIdle(0)
	})
	t.Run("none", func(t *testing.T) {
		s := newStand(t, 1, Keepalive{})
		if _, _, stays := s.use(0, 0); stays || s.g.Pool() != nil {
			t.Error("kept without a pool")
		}
	})
}

func TestPeerHangsUp(t *testing.T) {
	s := newStand(t, 2, keeping(4))
	s.use(0, 0)
	s.server.hangUp()
	s.waitIdle(0)
	if _, kept, _ := s.use(1, 0); kept {
		t.Error("a dead link was taken")
	}
}

func TestOldestIsEvicted(t *testing.T) {
	s := newStand(t, 1, keeping(2))
	links := make([]*Link, 3)
	s.on(0, func(task *loop.Task) {
		for i := range links {
			links[i], _ = s.connect(task, 0)
		}
		for _, k := range links {
			k.Keep(0)
		}
	})
	if n := s.idle(); n != 2 {
		t.Errorf("%d idle", n)
	}
	if !links[0].Conn.Closed() || links[1].Conn.Closed() {
		t.Error("not the oldest was closed")
	}
	if got, _, _ := s.use(0, 0); got != links[2] {
		t.Error("not the newest was taken")
	}
}

// The limit is nginx's, for each worker; the pool is all workers'.
func TestLimitCountsLoops(t *testing.T) {
	s := newStand(t, 3, keeping(2))
	if n := s.g.Pool().Status().Limit; n != 6 {
		t.Errorf("limit %d", n)
	}
}

func TestLocalLinks(t *testing.T) {
	k := keeping(4)
	k.Local = true
	s := newStand(t, 1, k)
	first, _, _ := s.use(0, 1)
	if _, kept, _ := s.use(0, 2); kept {
		t.Error("another location took the link")
	}
	if again, kept, _ := s.use(0, 1); !kept || again != first {
		t.Error("the location did not find its link")
	}
}

func TestPoolOverReload(t *testing.T) {
	s := newStand(t, 2, keeping(4))
	first, _, _ := s.use(0, 0)
	next := s.group(keeping(1), 2)
	next.Inherit(s.g)
	old := s.peer
	s.g, s.peer = next, next.Peers()[0]
	again, kept, _ := s.use(1, 0)
	if !kept || again != first || s.g.Pool().Status().Limit != 2 {
		t.Error("the link did not survive the reload")
	}
	// The server is gone from the group: so is its link.
	gone, err := Build(&Spec{Name: "u", Keepalive: keeping(4), Servers: []ServerSpec{
		{Text: "b", Addrs: []loop.Addr{{Unix: "/nowhere"}}, Weight: 1},
	}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	gone.Inherit(next)
	if n := gone.Pool().Status().Idle; n != 0 {
		t.Errorf("%d links to a server that is no more", n)
	}
	if old.Addr != s.peer.Addr {
		t.Error("peers differ")
	}
	// And one that keeps nothing any more closes what was kept.
	s.use(0, 0)
	bare := s.group(Keepalive{}, 2)
	bare.Inherit(gone)
	if n := gone.Pool().Status().Idle; n != 0 {
		t.Errorf("%d links in a pool that was given up", n)
	}
}
