package h2_test

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"weir/weirtest"
)

const calm = 11 // ENHANCE_YOUR_CALM

// early is calm or, when more streams were open at a time than are allowed before the budget was used up, no error, as in nginx.
const early = 1 << 16

// attacks are clients that cost work and want nothing. send is called again and again until the server has had enough.
var attacks = []struct {
	name string
	code uint32
	send func(c *weirtest.H2, i int) []byte
}{
	{"rapid reset", early, func(c *weirtest.H2, _ int) []byte {
		c.LastID += 2
		b := head(c, c.LastID, weirtest.H2EndHeaders|weirtest.H2EndStream, "/wait")
		return weirtest.AppendH2Frame(b, weirtest.H2Reset, 0, c.LastID, []byte{0, 0, 0, 8})
	}},
	{"a reset that the server makes: a window too large", early, func(c *weirtest.H2, _ int) []byte {
		c.LastID += 2
		b := head(c, c.LastID, weirtest.H2EndHeaders|weirtest.H2EndStream, "/wait")
		return weirtest.AppendH2Frame(b, weirtest.H2Window, 0, c.LastID, []byte{0x7f, 0xff, 0xff, 0xff})
	}},
	{"a reset that the server makes: data after the end", early, func(c *weirtest.H2, _ int) []byte {
		c.LastID += 2
		b := head(c, c.LastID, weirtest.H2EndHeaders|weirtest.H2EndStream, "/wait")
		return weirtest.AppendH2Frame(b, weirtest.H2Data, 0, c.LastID, []byte("x"))
	}},
	{"a reset that the server makes: a second head", early, func(c *weirtest.H2, _ int) []byte {
		c.LastID += 2
		b := head(c, c.LastID, weirtest.H2EndHeaders, "/wait")
		return weirtest.AppendH2Frame(b, weirtest.H2Headers, weirtest.H2EndHeaders, c.LastID, c.Block(weirtest.Header{Name: "a", Value: "b"}))
	}},
	{"streams that are refused", 0, func(c *weirtest.H2, _ int) []byte {
		c.LastID += 2
		return head(c, c.LastID, weirtest.H2EndHeaders|weirtest.H2EndStream, "/wait")
	}},
	{"CONTINUATION with nothing", calm, func(c *weirtest.H2, i int) []byte {
		if i == 0 {
			return head(c, 1, 0, "/small")
		}
		return weirtest.AppendH2Frame(nil, weirtest.H2Continuation, 0, 1, nil)
	}},
	{"CONTINUATION without end", calm, func(c *weirtest.H2, i int) []byte {
		if i == 0 {
			return head(c, 1, 0, "/small")
		}
		return weirtest.AppendH2Frame(nil, weirtest.H2Continuation, 0, 1, c.Block(weirtest.Header{Name: "a", Value: strings.Repeat("x", i%7)}))
	}},
	{"a field that is used again and again", calm, func(c *weirtest.H2, i int) []byte {
		if i == 0 {
			b := head(c, 1, 0, "/small")
			return weirtest.AppendH2Frame(b, weirtest.H2Continuation, 0, 1, c.Block(weirtest.Header{Name: "a", Value: strings.Repeat("x", 3900)}))
		}
		return weirtest.AppendH2Frame(nil, weirtest.H2Continuation, 0, 1, bytes.Repeat([]byte{0xbe}, 1000))
	}},
	{"a field that is too large", calm, func(c *weirtest.H2, i int) []byte {
		return head(c, uint32(2*i+1), weirtest.H2EndHeaders, "/"+strings.Repeat("x", 9000))
	}},
	{"SETTINGS", calm, func(*weirtest.H2, int) []byte {
		return weirtest.AppendH2Frame(nil, weirtest.H2Settings, 0, 0, []byte{0, 4, 0, 0, 255, 255})
	}},
	{"SETTINGS with nothing", calm, func(*weirtest.H2, int) []byte { return weirtest.AppendH2Frame(nil, weirtest.H2Settings, 0, 0, nil) }},
	{"PING", calm, func(*weirtest.H2, int) []byte {
		return weirtest.AppendH2Frame(nil, weirtest.H2Ping, 0, 0, []byte("12345678"))
	}},
	{"PRIORITY", calm, func(*weirtest.H2, int) []byte {
		return weirtest.AppendH2Frame(nil, weirtest.H2Priority, 0, 3, []byte{0, 0, 0, 1, 1})
	}},
	{"PRIORITY_UPDATE", calm, func(_ *weirtest.H2, i int) []byte {
		return weirtest.AppendH2Frame(nil, weirtest.H2Update, 0, 0, append(binary.BigEndian.AppendUint32(nil, uint32(2*i+1)), "u=1"...))
	}},
	{"WINDOW_UPDATE", calm, func(*weirtest.H2, int) []byte {
		return weirtest.AppendH2Frame(nil, weirtest.H2Window, 0, 0, []byte{0, 0, 0, 1})
	}},
	{"DATA with nothing", calm, func(c *weirtest.H2, i int) []byte {
		if i == 0 {
			return head(c, 1, weirtest.H2EndHeaders, "/read")
		}
		return weirtest.AppendH2Frame(nil, weirtest.H2Data, 0, 1, nil)
	}},
	{"DATA with padding only", calm, func(c *weirtest.H2, i int) []byte {
		if i == 0 {
			return head(c, 1, weirtest.H2EndHeaders, "/read")
		}
		return weirtest.AppendH2Frame(nil, weirtest.H2Data, weirtest.H2Padded, 1, []byte{3, 0, 0, 0})
	}},
	{"frames of unknown types", calm, func(*weirtest.H2, int) []byte { return weirtest.AppendH2Frame(nil, 99, 0, 0, nil) }},
	{"RST_STREAM of streams that have ended", calm, func(c *weirtest.H2, i int) []byte {
		if i == 0 {
			return head(c, 1, weirtest.H2EndHeaders|weirtest.H2EndStream, "/small")
		}
		return weirtest.AppendH2Frame(nil, weirtest.H2Reset, 0, 1, []byte{0, 0, 0, 8})
	}},
}

// head is a request as a frame.
func head(c *weirtest.H2, id uint32, flags byte, path string) []byte {
	block := c.Block(weirtest.Header{Name: ":method", Value: "GET"}, weirtest.Header{Name: ":scheme", Value: "http"},
		weirtest.Header{Name: ":path", Value: path}, weirtest.Header{Name: ":authority", Value: "test"})
	return weirtest.AppendH2Frame(nil, weirtest.H2Headers, flags, id, block)
}

// TestFloods has each attack end its own connection, with the right code, and no other one.
func TestFloods(t *testing.T) {
	s := newServer(t, options{Loops: 1, Steps: steps()}, text+"keepalive_requests 1000000;")
	good := s.dial()
	for _, tt := range attacks {
		t.Run(tt.name, func(t *testing.T) {
			c := s.dial()
			c.LastID = ^uint32(0) // the next is 1
			// First the settings, whose acknowledgement must not come in between what the attack sends.
			if err := c.Frame(weirtest.H2Ping, 0, 0, make([]byte, 8)); err != nil {
				t.Fatal(err)
			}
			if _, err := c.ReadUntil(func(f weirtest.H2Frame) bool { return f.Kind == weirtest.H2Ping }); err != nil {
				t.Fatal(err)
			}
			stop := make(chan bool)
			go func() {
				defer close(stop)
				for i := 0; i < 200_000; {
					var b []byte
					for k := 0; k < 50; k++ {
						b = append(b, tt.send(c, i)...)
						i++
					}
					if c.Raw(b) != nil {
						return
					}
				}
			}()
			wantGoAway(t, c, tt.code)
			_ = c.Conn.Close()
			<-stop
			if a := get(t, good, "/small"); string(a.Body) != "small" {
				t.Errorf("the others: %v", a)
			}
		})
	}
	if n := s.Lines("access.log", "/wait"); n > 2500 {
		t.Errorf("%d requests of floods were worked on", n)
	}
}

// TestUnread has a client ask and not read: the server stops to read from it, and keeps no more than it can hold.
func TestUnread(t *testing.T) {
	s := newServer(t, options{Steps: steps()}, text+"keepalive_requests 1000000; send_timeout 60s; http2_max_concurrent_streams 10;")
	c := s.dial(4, 1<<30)
	_ = c.Window(0, 1<<30)
	for range 200 { // 64 MB, of which nothing is read
		if _, err := c.Request("GET", "test", "/big", true); err != nil {
			t.Fatal(err)
		}
	}
	good := s.dial()
	if a := get(t, good, "/small"); string(a.Body) != "small" {
		t.Errorf("the others: %v", a)
	}
	buffers := 0
	for _, l := range s.Engine.Loops {
		buffers += l.Stats().Buffers
	}
	if buffers > 40 {
		t.Errorf("%d buffers are held for a client that does not read", buffers)
	}
	_ = c.Conn.Close()
}

// malformed are requests that break the rules of HTTP/2, or would be another request where they are written as HTTP/1.
var malformed = []struct {
	name   string
	fields []weirtest.Header
	log    string
}{
	{"no method", h(":scheme", "http", ":path", "/", ":authority", "a"), `client sent no :method header`},
	{"no scheme", h(":method", "GET", ":path", "/", ":authority", "a"), `client sent no :scheme header`},
	{"no path", h(":method", "GET", ":scheme", "http", ":authority", "a"), `client sent no :path header`},
	{"no host", h(":method", "GET", ":scheme", "http", ":path", "/"), `client sent neither ":authority" nor "Host" header`},
	{"two methods", h(":method", "GET", ":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a"), `client sent duplicate :method header`},
	{"two paths", h(":method", "GET", ":scheme", "http", ":path", "/", ":path", "/", ":authority", "a"), `client sent duplicate :path header`},
	{"two authorities", h(":method", "GET", ":authority", "a", ":authority", "b", ":scheme", "http", ":path", "/"), `client sent duplicate ":authority" header`},
	{"an empty path", h(":method", "GET", ":scheme", "http", ":path", "", ":authority", "a"), `client sent empty :path header`},
	{"pseudo-fields last", h(":method", "GET", ":scheme", "http", ":path", "/", "a", "b", ":authority", "a"), `client sent out of order pseudo-headers`},
	{"an unknown pseudo-field", h(":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a", ":status", "200"), `client sent unknown pseudo-header ":status"`},
	{"a name with capitals", h(":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a", "X-A", "b"), `client sent invalid header name: "X-A"`},
	{"a name with a space", h(":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a", "a b", "c"), `client sent invalid header name: "a b"`},
	{"a name with a colon", h(":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a", "a:b", "c"), `client sent invalid header name: "a:b"`},
	{"a name with CR LF", h(":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a", "a\r\nb", "c"), `client sent invalid header name`},
	{"a value with LF", h(":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a", "a", "b\nc: d"), `client sent header "a" with invalid value`},
	{"a value with CR", h(":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a", "a", "b\rc"), `client sent header "a" with invalid value`},
	{"a value with NUL", h(":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a", "a", "b\x00c"), `client sent header "a" with invalid value`},
	{"a method with a space", h(":method", "GET / HTTP/1.1", ":scheme", "http", ":path", "/", ":authority", "a"), `client sent invalid method: "GET / HTTP/1.1"`},
	{"a method with CR LF", h(":method", "GET\r\n", ":scheme", "http", ":path", "/", ":authority", "a"), `client sent header ":method" with invalid value`},
	{"a path with a space", h(":method", "GET", ":scheme", "http", ":path", "/ HTTP/1.1", ":authority", "a"), `client sent invalid :path header: "/ HTTP/1.1"`},
	{"a path with CR LF", h(":method", "GET", ":scheme", "http", ":path", "/\r\nx: y", ":authority", "a"), `client sent header ":path" with invalid value`},
	{"a path that is a URL", h(":method", "GET", ":scheme", "http", ":path", "http://b/", ":authority", "a"), `client sent invalid :path header: "http://b/"`},
	{"a path that is a star", h(":method", "OPTIONS", ":scheme", "http", ":path", "*", ":authority", "a"), `client sent invalid :path header: "\*"`},
	{"a path that climbs", h(":method", "GET", ":scheme", "http", ":path", "/../a", ":authority", "a"), `client sent invalid request`},
	{"a bad scheme", h(":method", "GET", ":scheme", "ht tp", ":path", "/", ":authority", "a"), `client sent invalid :scheme header: "ht tp"`},
	{"a bad authority", h(":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a/b"), `client sent invalid ":authority" header`},
	{"a host that is another one", h(":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a", "host", "b"), `client sent ":authority" and "Host" headers with different values`},
	{"Transfer-Encoding", h(":method", "POST", ":scheme", "http", ":path", "/", ":authority", "a", "transfer-encoding", "chunked"), `client sent "Transfer-Encoding" header`},
	{"Connection", h(":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a", "connection", "x-a"), `client sent "Connection" header`},
	{"Keep-Alive", h(":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a", "keep-alive", "1"), `client sent "Keep-Alive" header`},
	{"Proxy-Connection", h(":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a", "proxy-connection", "x"), `client sent "Proxy-Connection" header`},
	{"Upgrade", h(":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a", "upgrade", "h2c"), `client sent "Upgrade" header`},
	{"TE", h(":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a", "te", "gzip"), `client sent invalid "TE" header`},
	{"a length that is none", h(":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a", "content-length", "+1"), `client sent invalid "Content-Length" header`},
	{"a length without a body", h(":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a", "content-length", "1"), `client prematurely closed stream`},
	{"a protocol without CONNECT", h(":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a", ":protocol", "websocket"), `client sent unknown pseudo-header ":protocol"`},
}

func h(pairs ...string) (fields []weirtest.Header) {
	for i := 0; i < len(pairs); i += 2 {
		fields = append(fields, weirtest.Header{Name: pairs[i], Value: pairs[i+1]})
	}
	return fields
}

// TestMalformed answers malformed requests with 400 and resets their streams; the connection goes on.
func TestMalformed(t *testing.T) {
	s := newServer(t, options{Steps: steps()}, text)
	c := s.dial()
	id := uint32(1)
	for _, tt := range malformed {
		if err := c.Frame(weirtest.H2Headers, weirtest.H2EndHeaders|weirtest.H2EndStream, id, c.Block(tt.fields...)); err != nil {
			t.Fatal(err)
		}
		if a := answer(t, c, id); a.Status != 400 {
			t.Errorf("%s: %v", tt.name, a)
		}
		wantReset(t, c, id, 1)
		if s.Lines("error.log", tt.log+"(?s:.{0,40}) while reading client request headers") == 0 {
			t.Errorf("%s: no line in the log with %s", tt.name, tt.log)
		}
		id += 2
	}
	c.LastID = id
	if a := get(t, c, "/small"); string(a.Body) != "small" {
		t.Errorf("afterwards: %v", a)
	}
}

// TestBodyLength has the length that was announced and the body that comes agree.
func TestBodyLength(t *testing.T) {
	s := newServer(t, options{Steps: steps()}, text)
	c := s.dial()
	for _, tt := range []struct {
		length, body string
		log          string
	}{
		{"3", "four", "client intended to send body data larger than declared"},
		{"5", "four", "client prematurely closed stream: only 4 out of 5 bytes of request body received"},
	} {
		id, err := c.Request("POST", "test", "/read", false, weirtest.Header{Name: "content-length", Value: tt.length})
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Frame(weirtest.H2Data, weirtest.H2EndStream, id, []byte(tt.body)); err != nil {
			t.Fatal(err)
		}
		if a := answer(t, c, id); a.Status != 400 {
			t.Errorf("%v", a)
		}
		wantReset(t, c, id, 1)
		s.WantLine("error.log", tt.log, 1)
	}
}
