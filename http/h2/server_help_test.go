package h2_test

import (
	"testing"

	"weir/http"
	"weir/http/h2"
	"weir/http/rewrite"
	"weir/loop"
	"weir/weirtest"
	"weir/weirtest/wiretest"
)

// A server under test speaks HTTP/2.
type server struct {
	*wiretest.Server
	wire *h2.Shared
}

type options = wiretest.Options

const patience = wiretest.Patience

// newServer serves what stands inside of http { server { … } }. When the test ends nothing may be left.
func newServer(t *testing.T, o options, text string) *server {
	t.Helper()
	s := &server{}
	o.Server, o.Modules = "http2 on; ", []*http.Module{h2.Module, rewrite.Rewrite}
	o.Front = func(of *wiretest.Server) *http.Front {
		s.wire = h2.NewShared(len(of.Engine.Loops))
		s.wire.Pending, s.wire.Quit = of.Count, of.Quit.Load
		return &http.Front{HTTP2: s.wire, Pending: s.wire.Pending}
	}
	s.Server = wiretest.New(t, o, text)
	return s
}

// dial opens a connection to the server.
func (s *server) dial(settings ...uint32) *weirtest.H2 {
	s.T.Helper()
	c, err := weirtest.DialH2(s.Addr, "", settings...)
	if err != nil {
		s.T.Fatal(err)
	}
	s.T.Cleanup(func() { _ = c.Conn.Close() })
	return c
}

// get asks on a connection and returns the final answer.
func get(t *testing.T, c *weirtest.H2, path string, more ...weirtest.Header) *weirtest.Answer {
	t.Helper()
	id, err := c.Request("GET", "test", path, true, more...)
	if err != nil {
		t.Fatal(err)
	}
	return answer(t, c, id)
}

func answer(t *testing.T, c *weirtest.H2, id uint32) *weirtest.Answer {
	t.Helper()
	all, err := c.Answers(id)
	if err != nil || len(all) == 0 {
		t.Fatalf("stream %d: %v, %v", id, all, err)
	}
	return all[len(all)-1]
}

// wantGoAway reads until the server goes away, which must be with this code, and closes.
func wantGoAway(t *testing.T, c *weirtest.H2, code uint32) {
	t.Helper()
	f, err := c.ReadUntil(func(f weirtest.H2Frame) bool { return f.Kind == weirtest.H2GoAway })
	if err == nil && code == early && (f.Code() == calm || f.Code() == 0) {
		return
	}
	if err != nil || f.Code() != code {
		t.Errorf("%v, %v; want GOAWAY with code %d", f, err, code)
	}
}

// wantReset reads until a stream is reset, which must be with this code.
func wantReset(t *testing.T, c *weirtest.H2, stream, code uint32) {
	t.Helper()
	f, err := c.ReadUntil(func(f weirtest.H2Frame) bool {
		return f.Kind == weirtest.H2GoAway || f.Kind == weirtest.H2Reset && f.Stream == stream
	})
	if err != nil || f.Kind != weirtest.H2Reset || f.Code() != code {
		t.Errorf("%v, %v; want a reset of stream %d with code %d", f, err, stream, code)
	}
}

// quitNow begins a graceful stop as the runtime does.
func (s *server) quitNow() {
	s.Quit.Store(true)
	s.Engine.Each(func(c *loop.Conn) {
		if session, ok := c.Handler.(http.Session); ok {
			session.Drain()
		}
	})
	s.Engine.CloseIdle()
}
