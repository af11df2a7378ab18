package h2_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"weir/http"
	"weir/weirtest"
)

// TestFramesOutliveStreams has a stream answered and ended in the middle of a frame of it: the rest of the frame must not come to the stream
// of another client that has taken its place in memory.
func TestFramesOutliveStreams(t *testing.T) {
	all := steps()
	all["ten"] = func(r *http.Request) http.Verdict { // answers when ten bytes have come, which it does not read
		for r.Wire.Preread() < 10 {
			if r.Task.Sleep(1e6) != nil {
				return http.Abort
			}
		}
		return 204
	}
	s := newServer(t, options{Loops: 1, Steps: all}, text+"location /ten { do ten; }")
	data := func(flags byte, text string) []byte {
		return weirtest.AppendH2Frame(nil, weirtest.H2Data, flags, 1, []byte(text))
	}
	for what, frames := range map[string]struct{ begin, rest []byte }{
		"DATA":           {data(0, strings.Repeat("a", 1000))[:9+10], []byte(strings.Repeat("a", 990))},
		"padding":        {data(weirtest.H2Padded, "\x50aaaaaaaaaa"+strings.Repeat("a", 0x50))[:9+1+10], []byte(strings.Repeat("a", 0x50))},
		"the last DATA":  {data(weirtest.H2EndStream, strings.Repeat("a", 1000))[:9+10], []byte(strings.Repeat("a", 990))},
		"trailers":       {append(data(0, "aaaaaaaaaa"), weirtest.AppendH2Frame(nil, weirtest.H2Headers, weirtest.H2EndStream, 1, []byte("\x00\x01a\x01b"))...), weirtest.AppendH2Frame(nil, weirtest.H2Continuation, weirtest.H2EndHeaders, 1, nil)},
		"wrong trailers": {append(data(0, "aaaaaaaaaa"), weirtest.AppendH2Frame(nil, weirtest.H2Headers, weirtest.H2EndStream, 1, []byte("\x00\x01A\x01b"))...), weirtest.AppendH2Frame(nil, weirtest.H2Continuation, weirtest.H2EndHeaders, 1, nil)},
	} {
		t.Run(what, func(t *testing.T) {
			synced := func(c *weirtest.H2) {
				t.Helper()
				if err := c.Frame(weirtest.H2Ping, 0, 0, []byte("12345678")); err != nil {
					t.Fatal(err)
				}
				if _, err := c.ReadUntil(func(f weirtest.H2Frame) bool { return f.Kind == weirtest.H2Ping && f.Flags&weirtest.H2Ack != 0 }); err != nil {
					t.Fatal(err)
				}
			}
			send := func(c *weirtest.H2, b []byte) {
				t.Helper()
				if err := c.Raw(b); err != nil {
					t.Fatal(err)
				}
			}
			a, b := s.dial(), s.dial()
			synced(a) // settings are acknowledged: nothing may come in between later
			send(a, append(head(a, 1, weirtest.H2EndHeaders, "/ten"), frames.begin...))
			wantReset(t, a, 1, 0)
			send(b, append(head(b, 1, weirtest.H2EndHeaders, "/read"), data(0, "bbbbb")...))
			synced(b)
			send(a, frames.rest)
			synced(a)
			send(b, data(weirtest.H2EndStream, "bbbbb"))
			if got := answer(t, b, 1); got.Status != 200 || string(got.Body) != "10" {
				t.Errorf("the other client is answered %v", got)
			}
			_ = a.Conn.Close()
			_ = b.Conn.Close()
		})
	}
}

// TestFramesOutliveRequests is the same on the other side: a client goes in the middle of a frame of the peer's, and the rest of that must not
// come to the next request on the connection.
func TestFramesOutliveRequests(t *testing.T) {
	for _, late := range []bool{false, true} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		s := newServer(t, options{Loops: 1, Backend: ln.Addr().String(), Groups: "upstream u { server $BACKEND max_fails=0; keepalive 1; }\n"}, peerText)
		ask := func() *weirtest.H2 {
			c := s.dial()
			if _, err := c.Request("GET", "test", "/unbuffered/x", true); err != nil {
				t.Fatal(err)
			}
			return c
		}
		ask() // it goes on all the time: without it the connection would be closed
		nc, err := ln.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		p, err := weirtest.AcceptH2(nc)
		if err != nil {
			t.Fatal(err)
		}
		come := func(kind byte, stream uint32) {
			t.Helper()
			if _, err := p.ReadUntil(func(f weirtest.H2Frame) bool { return f.Kind == kind && f.Stream == stream }); err != nil {
				t.Fatal(err)
			}
		}
		head := func(stream uint32) []byte {
			return weirtest.AppendH2Frame(nil, weirtest.H2Headers, weirtest.H2EndHeaders, stream, p.Block(weirtest.Header{Name: ":status", Value: "200"}))
		}
		send := func(parts ...[]byte) {
			t.Helper()
			if err := p.Raw(slices.Concat(parts...)); err != nil {
				t.Fatal(err)
			}
		}
		send(weirtest.AppendH2Frame(nil, weirtest.H2Settings, 0, 0, nil))
		come(weirtest.H2Headers, 1)
		a := ask()
		come(weirtest.H2Headers, 3)
		data := weirtest.AppendH2Frame(nil, weirtest.H2Data, weirtest.H2EndStream, 3, bytes.Repeat([]byte("a"), 1000))
		send(head(3), data[:9+10])
		if _, err := a.ReadUntil(func(f weirtest.H2Frame) bool { return f.Kind == weirtest.H2Data }); err != nil {
			t.Fatal(err)
		}
		if err := a.Reset(1, 8); err != nil {
			t.Fatal(err)
		}
		come(weirtest.H2Reset, 3)
		var b *weirtest.H2
		if late {
			send(data[9+10:], weirtest.AppendH2Frame(nil, weirtest.H2Ping, 0, 0, []byte("12345678")))
			come(weirtest.H2Ping, 0)
			b = ask()
			come(weirtest.H2Headers, 5)
			send(head(5))
		} else {
			b = ask()
			come(weirtest.H2Headers, 5)
			send(data[9+10:], head(5))
		}
		send(weirtest.AppendH2Frame(nil, weirtest.H2Data, weirtest.H2EndStream, 5, []byte("bbbbb")))
		if got := answer(t, b, 1); got.Status != 200 || string(got.Body) != "bbbbb" {
			t.Errorf("the next request, late %t: %v", late, got)
		}
	}
}

// TestWindowOutlivesRequests has a peer give streams up at the moment when it lets them send more: what they do not send any more is not taken
// from what others may send on the connection.
func TestWindowOutlivesRequests(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	s := newServer(t, options{Loops: 1, Backend: ln.Addr().String(), Groups: "upstream u { server $BACKEND max_fails=0; keepalive 1; }\n"}, peerText)
	const length = 60_000 // nearly all of the window of the connection
	ask := func() (answered chan bool) {
		c := s.dial()
		id, err := c.Request("POST", "test", "/x", false, weirtest.Header{Name: "content-length", Value: fmt.Sprint(length)})
		if err != nil {
			t.Fatal(err)
		}
		go func() { _ = c.Body(id, bytes.Repeat([]byte("x"), length)) }()
		answered = make(chan bool, 1)
		go func() { // who sends a body must read
			all, err := c.Answers(id)
			answered <- err == nil && len(all) == 1 && all[0].Status == 502
		}()
		return answered
	}
	first := make(chan int)
	go func() {
		all, _ := weirtest.AskH2(s.Addr, "", "GET", "test", "/x", nil)
		first <- len(all)
	}()
	nc, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	p, err := weirtest.AcceptH2(nc)
	if err != nil {
		t.Fatal(err)
	}
	_ = p.Frame(weirtest.H2Settings, 0, 0, setting(4, 1))
	if _, err := p.ReadUntil(func(f weirtest.H2Frame) bool { return f.Kind == weirtest.H2Settings && f.Flags&weirtest.H2Ack != 0 }); err != nil {
		t.Fatal(err)
	}
	_ = p.Frame(weirtest.H2Headers, weirtest.H2EndHeaders|weirtest.H2EndStream, 1, p.Block(weirtest.Header{Name: ":status", Value: "204"}))
	if <-first != 1 {
		t.Fatal("no answer")
	}
	for i := range uint32(4) {
		id := 2*i + 3
		answered := ask()
		if _, err := p.ReadUntil(func(f weirtest.H2Frame) bool { return f.Kind == weirtest.H2Data && f.Stream == id }); err != nil {
			t.Fatalf("stream %d: %v", id, err)
		}
		window := weirtest.AppendH2Frame(nil, weirtest.H2Window, 0, id, binary.BigEndian.AppendUint32(nil, length))
		reset := weirtest.AppendH2Frame(nil, weirtest.H2Reset, 0, id, binary.BigEndian.AppendUint32(nil, 8))
		if i == 3 {
			allWindow(t, p, id, length)
			_ = p.Reset(id, 8)
		} else if err := p.Raw(append(window, reset...)); err != nil {
			t.Fatal(err)
		}
		if !<-answered {
			t.Fatal("no 502")
		}
	}
}

// allWindow lets a stream send all it wants, of which one byte has come, and waits for it.
func allWindow(t *testing.T, p *weirtest.H2, id uint32, length int) {
	t.Helper()
	if err := p.Window(id, uint32(length)); err != nil {
		t.Fatal(err)
	}
	for got := 1; got < length; {
		f, err := p.Read()
		if err != nil {
			t.Fatalf("%d bytes have come: %v", got, err)
		}
		if f.Kind == weirtest.H2Data && f.Stream == id {
			got += len(f.Payload)
		}
	}
}
