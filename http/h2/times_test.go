package h2_test

import (
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"weir/weirtest"
)

// TestTimeouts has each time that a client may take run out.
func TestTimeouts(t *testing.T) {
	s := newServer(t, options{Steps: steps()}, text+`client_header_timeout 250ms; client_body_timeout 250ms; send_timeout 250ms;
		keepalive_timeout 250ms;`)
	t.Run("head", func(t *testing.T) {
		c := s.dial()
		// Settings are acknowledged now, since nothing may come in between later.
		if _, err := c.ReadUntil(func(f weirtest.H2Frame) bool { return f.Kind == weirtest.H2Window }); err != nil {
			t.Fatal(err)
		}
		b := head(c, 1, weirtest.H2EndStream, "/small")
		half := b[:len(b)-3]
		half[2] -= 3 // the frame is whole, the block is not
		if err := c.Raw(half); err != nil {
			t.Fatal(err)
		}
		wantReset(t, c, 1, 1)
		s.WantLine("error.log", `client timed out \(110: Connection timed out\) while reading client request headers`, 1)
		s.WantLine("access.log", `^408 "-"`, 1)
		if err := c.Frame(weirtest.H2Continuation, weirtest.H2EndHeaders, 1, b[len(b)-3:]); err != nil {
			t.Fatal(err)
		}
		c.LastID = 1
		if a := get(t, c, "/small"); string(a.Body) != "small" {
			t.Errorf("the next request: %v", a)
		}
	})
	t.Run("body", func(t *testing.T) {
		c := s.dial()
		id, err := c.Request("POST", "test", "/read", false)
		if err != nil {
			t.Fatal(err)
		}
		wantReset(t, c, id, 1)
		s.WantLine("access.log", `^408 "POST /read`, 1)
	})
	t.Run("send", func(t *testing.T) {
		c := s.dial(4, 1000)
		c.Updates = false
		id, err := c.Request("GET", "test", "/big", true)
		if err != nil {
			t.Fatal(err)
		}
		wantReset(t, c, id, 1)
		s.WantLine("error.log", `client timed out .*while sending`, 0)
		if a := get(t, c, "/small"); string(a.Body) != "small" {
			t.Errorf("the others: %v", a)
		}
	})
	t.Run("idle", func(t *testing.T) {
		c := s.dial()
		get(t, c, "/small")
		wantGoAway(t, c, 0)
		if f, err := c.Read(); err != io.EOF {
			t.Errorf("%v, %v", f, err)
		}
	})
	t.Run("no request", func(t *testing.T) {
		c := s.dial()
		wantGoAway(t, c, 0)
		if f, err := c.Read(); err != io.EOF {
			t.Errorf("%v, %v", f, err)
		}
	})
}

// TestKeepaliveRequests has the server go away when a connection has carried enough.
func TestKeepaliveRequests(t *testing.T) {
	s := newServer(t, options{Steps: steps()}, text+"keepalive_requests 3;")
	c := s.dial()
	get(t, c, "/small")
	get(t, c, "/small")
	id, err := c.Request("GET", "test", "/small", true)
	if err != nil {
		t.Fatal(err)
	}
	wantGoAway(t, c, 0)
	if a := answer(t, c, id); string(a.Body) != "small" {
		t.Errorf("the last request: %v", a)
	}
	if f, err := c.Read(); err != io.EOF {
		t.Errorf("%v, %v", f, err)
	}
}

// TestLateStreams sends streams that come after the last one that the server takes, with all that belongs to them: they are nobody's, and what
// was begun before them goes on.
func TestLateStreams(t *testing.T) {
	s := newServer(t, options{Steps: steps()}, text+"keepalive_requests 1;")
	c := s.dial()
	id, err := c.Request("POST", "test", "/read", false)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.ReadUntil(func(f weirtest.H2Frame) bool { return f.Kind == weirtest.H2GoAway }); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		late, err := c.Request("POST", "test", "/read", false)
		if err != nil {
			t.Fatal(err)
		}
		b := weirtest.AppendH2Frame(nil, weirtest.H2Data, 0, late, []byte("hello"))
		b = weirtest.AppendH2Frame(b, weirtest.H2Window, 0, late, []byte{0, 0, 1, 0})
		b = weirtest.AppendH2Frame(b, weirtest.H2Update, 0, 0, append([]byte{0, 0, 0, byte(late)}, "u=1"...))
		b = weirtest.AppendH2Frame(b, weirtest.H2Headers, weirtest.H2EndStream|weirtest.H2EndHeaders, late, c.Block(weirtest.Header{Name: "a", Value: "b"}))
		b = weirtest.AppendH2Frame(b, weirtest.H2Reset, 0, late, []byte{0, 0, 0, 8})
		if err := c.Raw(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Body(id, []byte("0123456789")); err != nil {
		t.Fatal(err)
	}
	if a := answer(t, c, id); a.Status != 200 || string(a.Body) != "10" {
		t.Errorf("%v", a)
	}
	if f, err := c.Read(); err != io.EOF {
		t.Errorf("%v, %v", f, err)
	}
}

// TestCuts sends a conversation in pieces of every size.
func TestCuts(t *testing.T) {
	s := newServer(t, options{Steps: steps()}, text)
	for size := 1; size <= 40; size++ {
		conn, err := net.Dial("tcp", s.Addr)
		if err != nil {
			t.Fatal(err)
		}
		c, err := weirtest.NewH2(discard{conn})
		if err != nil {
			t.Fatal(err)
		}
		b := weirtest.AppendH2Frame([]byte(weirtest.H2Preface), weirtest.H2Settings, 0, 0, []byte{0, 3, 0, 0, 0, 9, 0, 4, 0, 0, 255, 255})
		b = append(b, head(c, 1, weirtest.H2EndHeaders, "/read")...)
		b = weirtest.AppendH2Frame(b, weirtest.H2Data, weirtest.H2Padded, 1, []byte("\x03abc\x00\x00\x00"))
		b = weirtest.AppendH2Frame(b, weirtest.H2Window, 0, 0, []byte{0, 0, 1, 0})
		b = weirtest.AppendH2Frame(b, weirtest.H2Update, 0, 0, []byte("\x00\x00\x00\x03u=1, i"))
		b = weirtest.AppendH2Frame(b, weirtest.H2Data, weirtest.H2EndStream, 1, []byte("de"))
		three := head(c, 3, weirtest.H2EndStream, "/small")[9:]
		b = weirtest.AppendH2Frame(b, weirtest.H2Headers, weirtest.H2EndStream, 3, three[:5])
		b = weirtest.AppendH2Frame(b, weirtest.H2Continuation, 0, 3, three[5:6])
		b = weirtest.AppendH2Frame(b, weirtest.H2Continuation, weirtest.H2EndHeaders, 3, three[6:])
		b = weirtest.AppendH2Frame(b, 77, 0, 0, []byte("whatever this may be"))
		b = weirtest.AppendH2Frame(b, weirtest.H2Ping, 0, 0, []byte("12345678"))
		for rest := b; len(rest) > 0; {
			n := min(size, len(rest))
			if _, err := conn.Write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		got := map[uint32]string{}
		if _, err := c.ReadUntil(func(f weirtest.H2Frame) bool {
			if f.Kind == weirtest.H2Data {
				got[f.Stream] += string(f.Payload)
			}
			return got[1] == "5" && got[3] == "small"
		}); err != nil {
			t.Errorf("in pieces of %d: %v, %v", size, got, err)
		}
		_ = conn.Close()
	}
}

// discard is a connection that the bench's client reads from, and somebody else writes to.
type discard struct{ net.Conn }

func (discard) Write(p []byte) (int, error)      { return len(p), nil }
func (discard) SetWriteDeadline(time.Time) error { return nil }

// FuzzServer sends anything behind the preface. The server must not panic, and must come to an end with it.
func FuzzServer(f *testing.F) {
	c, _ := weirtest.NewH2(discard{})
	for _, a := range attacks {
		var b []byte
		for i := range 3 {
			b = append(b, a.send(c, i)...)
		}
		f.Add(b)
	}
	for i, m := range malformed {
		f.Add(weirtest.AppendH2Frame(nil, weirtest.H2Headers, weirtest.H2EndHeaders, uint32(2*i+1), c.Block(m.fields...)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s := newServer(t, options{Steps: steps()}, text+"client_header_timeout 100ms; client_body_timeout 100ms; send_timeout 100ms; lingering_timeout 10ms;")
		conn, err := net.Dial("tcp", s.Addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
		_, _ = conn.Write(append([]byte(weirtest.H2Preface), b...))
		_ = conn.(*net.TCPConn).CloseWrite()
		_, err = io.Copy(io.Discard, conn)
		if err != nil && strings.Contains(err.Error(), "timeout") {
			t.Error(err)
		}
		if log, err := os.ReadFile(s.Dir + "/panics.log"); err == nil && !strings.Contains(string(log), "a handler's") {
			t.Error(string(log))
		}
	})
}
