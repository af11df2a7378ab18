package h2_test

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"testing"

	"weir/http"
	"weir/weirtest"
)

const text = `
	location /small { return 200 small; }
	location /wait { do wait; }
	location /panic { do panic; }
	location /half { do half; }
	location /read { do read; }
	location /big { do big; }
`

// big is a body that a window does not hold.
var big = bytes.Repeat([]byte("0123456789abcdef"), 20_000)

func steps() map[string]http.Step {
	return map[string]http.Step{
		"panic": func(*http.Request) http.Verdict { panic("a handler's") },
		"half": func(r *http.Request) http.Verdict {
			r.Out.Status = 200
			r.SendHead()
			_ = r.Send([]http.Piece{http.Mem([]byte("half"))}, http.Flush)
			panic("a handler's, half way")
		},
		"wait": func(r *http.Request) http.Verdict { // until the client resets the stream
			for !r.Wire.Gone() {
				if r.Task.Sleep(1e6) != nil {
					break
				}
			}
			return http.StatusClientClosed
		},
		"read": func(r *http.Request) http.Verdict {
			if v := r.ReadBody(); v != http.Next {
				return v
			}
			r.Out.Status, r.Out.ContentLength = 200, -1
			if v := r.SendHead(); v != http.Next {
				return v
			}
			return r.SendAll([]http.Piece{http.Mem(fmt.Append(nil, r.Body.Size))})
		},
		"big": func(r *http.Request) http.Verdict {
			r.Out.Status, r.Out.ContentLength = 200, int64(len(big))
			if v := r.SendHead(); v != http.Next {
				return v
			}
			return r.SendAll([]http.Piece{http.Mem(big)})
		},
	}
}

// TestPanic ends one stream, and no other.
func TestPanic(t *testing.T) {
	s := newServer(t, options{Steps: steps()}, text)
	c := s.dial()
	waiting, err := c.Request("GET", "test", "/wait", true)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/panic", "/half"} {
		id, err := c.Request("GET", "test", path, true)
		if err != nil {
			t.Fatal(err)
		}
		wantReset(t, c, id, 2)
	}
	if a := get(t, c, "/small"); a.Status != 200 || string(a.Body) != "small" {
		t.Errorf("after a panic: %v", a)
	}
	if err := c.Reset(waiting, 8); err != nil {
		t.Fatal(err)
	}
	s.WantLine("panics.log", "^panic: ", 2)
	s.WantLine("access.log", `^500 "GET /panic`, 1)
	s.WantLine("access.log", `^499 "GET /wait`, 1)
}

// TestFlowControl holds a response back until its windows are opened.
func TestFlowControl(t *testing.T) {
	s := newServer(t, options{Steps: steps()}, text)
	c := s.dial(4, 1000)
	c.Updates = false
	id, err := c.Request("GET", "test", "/big", true)
	if err != nil {
		t.Fatal(err)
	}
	read := func(n int) (got []byte, ended bool) {
		for len(got) < n {
			f, err := c.Read()
			if err != nil {
				t.Fatal(err)
			}
			if f.Kind == weirtest.H2Data {
				got = append(got, f.Payload...)
				ended = f.Flags&weirtest.H2EndStream != 0
			}
		}
		return got, ended
	}
	body, _ := read(1000)
	if len(body) != 1000 {
		t.Fatalf("%d bytes in a window of 1000", len(body))
	}
	if a := get(t, c, "/small"); string(a.Body) != "small" {
		t.Errorf("beside a stream that waits: %v", a)
	}
	_ = c.Window(id, uint32(len(big)))
	more, _ := read(65535 - 1000 - len("small")) // what the connection has left
	body = append(body, more...)
	if err := c.Frame(weirtest.H2Ping, 0, 0, []byte("12345678")); err != nil {
		t.Fatal(err)
	}
	if f, err := c.Read(); err != nil || f.Kind != weirtest.H2Ping {
		t.Fatalf("with all windows closed: %v, %v", f, err)
	}
	_ = c.Window(0, uint32(len(big)))
	more, ended := read(len(big) - len(body))
	if body = append(body, more...); !bytes.Equal(body, big) || !ended {
		t.Errorf("%d bytes, ended %t", len(body), ended)
	}
}

// TestUpload sends more than a window holds, to a handler that reads.
func TestUpload(t *testing.T) {
	s := newServer(t, options{Steps: steps()}, text+"client_max_body_size 10m;")
	c := s.dial()
	id, err := c.Request("POST", "test", "/read", false)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = c.Body(id, bytes.Repeat(big, 3)) }()
	if a := answer(t, c, id); a.Status != 200 || string(a.Body) != fmt.Sprint(3*len(big)) {
		t.Errorf("%v", a)
	}
}

// TestQuit asks clients to go, serves what is on its way until they have heard of it, lets that end, and takes no more.
func TestQuit(t *testing.T) {
	s := newServer(t, options{Steps: steps()}, text)
	c, idle, deaf := s.dial(), s.dial(), s.dial()
	id, err := c.Request("GET", "test", "/wait", true)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*weirtest.H2{c, idle, deaf} {
		get(t, c, "/small")
	}
	s.quitNow()
	goAway := func(c *weirtest.H2, last string) {
		t.Helper()
		f, err := c.ReadUntil(func(f weirtest.H2Frame) bool { return f.Kind == weirtest.H2GoAway })
		if err != nil || f.Code() != 0 || !strings.HasPrefix(string(f.Payload), last) {
			t.Errorf("%v, %v; want GOAWAY with %q", f, err, last)
		}
	}
	for _, c := range []*weirtest.H2{c, idle} {
		goAway(c, "\x7f\xff\xff\xff")
		get(t, c, "/small") // which reads the PING, and answers to it
	}
	goAway(c, "\x00\x00\x00\x05")
	goAway(idle, "\x00\x00\x00\x03")
	deaf.Deaf = true
	goAway(deaf, "\x7f\xff\xff\xff")
	goAway(deaf, "\x00\x00\x00\x01")
	if _, err := c.Request("GET", "test", "/small", true); err != nil {
		t.Fatal(err)
	}
	if err := c.Reset(id, 8); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*weirtest.H2{c, idle, deaf} {
		if f, err := c.Read(); err == nil {
			t.Errorf("after GOAWAY: %v", f)
		}
		_ = c.Conn.Close()
	}
	if n := s.Lines("access.log", "/small"); n != 5 {
		t.Errorf("%d requests were served; want 5", n)
	}
}

// TestQuitServesWhatCame: a request that comes along with the preface is answered while the server stops, and is the last one.
func TestQuitServesWhatCame(t *testing.T) {
	s := newServer(t, options{Steps: steps()}, text)
	s.Quit.Store(true) // before the connection is closed to new clients, one more was accepted
	conn, err := net.Dial("tcp", s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	held := &holding{Conn: conn}
	c, err := weirtest.NewH2(held)
	if err != nil {
		t.Fatal(err)
	}
	id, err := c.Request("GET", "test", "/small", true)
	if err != nil {
		t.Fatal(err)
	}
	if err := held.release(); err != nil {
		t.Fatal(err)
	}
	if a := answer(t, c, id); a.Status != 200 {
		t.Errorf("%v", a)
	}
	if f, err := c.Read(); err == nil && f.Kind != weirtest.H2GoAway {
		t.Errorf("after the answer: %v", f)
	}
}

// holding is a connection whose client's bytes go out all at once.
type holding struct {
	net.Conn
	out []byte
}

// Write keeps bytes (io.Writer).
func (h *holding) Write(p []byte) (int, error) {
	h.out = append(h.out, p...)
	return len(p), nil
}

func (h *holding) release() error {
	_, err := h.Conn.Write(h.out)
	return err
}

// TestPriority has the most urgent of several responses sent first.
func TestPriority(t *testing.T) {
	s := newServer(t, options{Steps: steps()}, text)
	for _, tt := range []struct {
		name       string
		priorities []string // of streams 1, 3 …
		update     map[uint32]string
		want       string // the streams in the order they end
	}{
		{"urgency", []string{"u=5", "u=1", "u=3"}, nil, "3 5 1"},
		{"whole ones in turn", []string{"u=3", "u=3", "u=3"}, nil, "1 3 5"},
		{"the default is urgency 3", []string{"u=4", "i", "u=2"}, nil, "5 3 1"},
		{"an update", []string{"u=1", "u=2", "u=3"}, map[uint32]string{5: "u=0"}, "5 1 3"},
		{"nonsense", []string{"u=9, i=x, ;", "u=1;x=y", "\"u=1"}, nil, "3"},
	} {
		c := s.dial(4, 1<<20)
		c.Updates = false
		get(t, c, "/small")
		// The connection's window is used up, so that all of them wait.
		first, err := c.Request("GET", "test", "/big", true, weirtest.Header{Name: "priority", Value: "u=0"})
		if err != nil {
			t.Fatal(err)
		}
		for left := 65535 - len("small"); left > 0; {
			f, err := c.Read()
			if err != nil {
				t.Fatal(err)
			}
			if f.Kind == weirtest.H2Data {
				left -= len(f.Payload)
			}
		}
		base := first
		for _, p := range tt.priorities {
			if _, err := c.Request("GET", "test", "/big", true, weirtest.Header{Name: "priority", Value: p}); err != nil {
				t.Fatal(err)
			}
		}
		for id, value := range tt.update {
			n := base + id + 1
			if err := c.Frame(weirtest.H2Update, 0, 0, append([]byte{0, 0, 0, byte(n)}, value...)); err != nil {
				t.Fatal(err)
			}
		}
		_ = c.Reset(first, 8)
		_ = c.Window(0, 1<<30)
		var order []string
		for len(order) < len(tt.priorities) {
			f, err := c.Read()
			if err != nil {
				t.Fatal(err)
			}
			if f.Kind == weirtest.H2Data && f.Flags&weirtest.H2EndStream != 0 && f.Stream != first {
				order = append(order, fmt.Sprint(f.Stream-base-1))
			}
		}
		if got := strings.Join(order, " "); !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s: %s; want %s", tt.name, got, tt.want)
		}
		_ = c.Conn.Close()
	}
}
