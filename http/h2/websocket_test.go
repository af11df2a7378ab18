package h2_test

import (
	"bytes"
	"strings"
	"testing"

	"weir/weirtest"
)

// connect asks for a tunnel (RFC 8441).
func connect(t *testing.T, c *weirtest.H2, path, protocol string) uint32 {
	t.Helper()
	c.LastID += 2
	fields := h(":method", "CONNECT", ":protocol", protocol, ":scheme", "http", ":path", path, ":authority", "test",
		"sec-websocket-version", "13", "origin", "http://test")
	if err := c.Frame(weirtest.H2Headers, weirtest.H2EndHeaders, c.LastID, c.Block(fields...)); err != nil {
		t.Fatal(err)
	}
	return c.LastID
}

// TestWebSocket bridges WebSocket over HTTP/2 to a back end that speaks HTTP/1.1.
func TestWebSocket(t *testing.T) {
	ports := weirtest.NewPorts()
	defer ports.Close()
	addr, err := ports.Take()
	if err != nil {
		t.Fatal(err)
	}
	backend, err := weirtest.StartBackend("WS", addr, "websocket")
	if err != nil {
		t.Fatal(err)
	}
	defer backend.Down()
	s := newServer(t, options{Steps: steps(), Backend: addr}, text+`
		location /ws { proxy_pass http://$BACKEND; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $http_connection; }
		location /plain { proxy_pass http://$BACKEND; proxy_http_version 1.1; }`)
	c := s.dial()
	c.LastID = ^uint32(0)
	id := connect(t, c, "/ws", "websocket")
	f, err := c.ReadUntil(func(f weirtest.H2Frame) bool { return f.Stream == id })
	if err != nil || f.Kind != weirtest.H2Headers || f.Flags&weirtest.H2EndStream != 0 {
		t.Fatalf("%v, %v", f, err)
	}
	fields, err := c.Fields(f)
	if err != nil || fields[0].Value != "200" {
		t.Fatalf("%v, %v", fields, err)
	}
	for _, x := range fields {
		if strings.Contains("connection upgrade sec-websocket-accept content-length", x.Name) {
			t.Errorf("%s in the answer", x.Name)
		}
	}
	// Other requests go on beside it.
	if a := get(t, c, "/small"); string(a.Body) != "small" {
		t.Errorf("%v", a)
	}
	message := bytes.Repeat([]byte("0123456789"), 10)
	for range 3 {
		if err := c.Frame(weirtest.H2Data, 0, id, weirtest.Frame(1, message, true)); err != nil {
			t.Fatal(err)
		}
		var got []byte
		for len(got) < len(weirtest.Frame(1, message, false)) {
			f, err := c.Read()
			if err != nil {
				t.Fatal(err)
			}
			if f.Stream == id && f.Kind == weirtest.H2Data {
				got = append(got, f.Payload...)
			}
		}
		if !bytes.HasSuffix(got, message) {
			t.Fatalf("%q", got)
		}
	}
	if err := c.Frame(weirtest.H2Data, weirtest.H2EndStream, id, nil); err != nil {
		t.Fatal(err)
	}
	if f, err := c.ReadUntil(func(f weirtest.H2Frame) bool {
		return f.Stream == id && (f.Flags&weirtest.H2EndStream != 0 || f.Kind == weirtest.H2Reset)
	}); err != nil || f.Kind != weirtest.H2Data {
		t.Errorf("at its end: %v, %v", f, err)
	}
	requests := backend.Requests()
	if head := string(requests[0].Head); !strings.HasPrefix(head, "GET /ws HTTP/1.1\r\n") ||
		!strings.Contains(strings.ToLower(head), "\r\nupgrade: websocket\r\n") || !strings.Contains(strings.ToLower(head), "\r\nsec-websocket-key: ") {
		t.Errorf("the back end was asked\n%s", head)
	}

	// What is no tunnel is no success.
	for _, tt := range []struct{ path, protocol, status string }{
		{"/small", "websocket", "501"},
		{"/none", "websocket", "404"},
		{"/ws", "connect-udp", "501"},
	} {
		id := connect(t, c, tt.path, tt.protocol)
		f, err := c.ReadUntil(func(f weirtest.H2Frame) bool { return f.Stream == id })
		if err != nil {
			t.Fatal(err)
		}
		if fields, err := c.Fields(f); err != nil || fields[0].Value != tt.status {
			t.Errorf("%s %s: %v, %v", tt.path, tt.protocol, fields, err)
		}
		_ = c.Reset(id, 8)
	}
	if a := get(t, c, "/small"); string(a.Body) != "small" {
		t.Errorf("%v", a)
	}
}
