package h2_test

import (
	"encoding/binary"
	"fmt"
	"net"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"weir/http"
	"weir/http/h2"
	"weir/loop"
	"weir/weirtest"
)

// asker sends the same request again and again, several at a time, and counts what comes back, without allocating.
type asker struct {
	conn  net.Conn
	block []byte
	id    uint32
	out   []byte
	in    []byte
	fill  int
}

// round makes n requests and waits for their answers.
func (a *asker) round(t *testing.T, n int) {
	a.out = a.out[:0]
	for range n {
		a.out = weirtest.AppendH2Frame(a.out, weirtest.H2Headers, weirtest.H2EndHeaders|weirtest.H2EndStream, a.id, a.block)
		a.id += 2
	}
	// The windows are given back ahead, all at once.
	a.out = append(a.out, 0, 0, 4, weirtest.H2Window, 0, 0, 0, 0, 0)
	a.out = binary.BigEndian.AppendUint32(a.out, uint32(n*len(small)))
	if _, err := a.conn.Write(a.out); err != nil {
		t.Fatal(err)
	}
	for ended := 0; ended < n; {
		k, err := a.conn.Read(a.in[a.fill:])
		if err != nil {
			t.Fatal(err)
		}
		a.fill += k
		at := 0
		for a.fill-at >= 9 {
			size := 9 + int(a.in[at])<<16 + int(a.in[at+1])<<8 + int(a.in[at+2])
			if a.fill-at < size {
				break
			}
			if a.in[at+4]&weirtest.H2EndStream != 0 && a.in[at+3] <= weirtest.H2Headers {
				ended++
			}
			at += size
		}
		a.fill = copy(a.in, a.in[at:a.fill])
	}
}

var small = make([]byte, 1024)

func smallSteps() map[string]http.Step {
	return map[string]http.Step{"kb": func(r *http.Request) http.Verdict {
		o := &r.Out
		o.Status, o.ContentLength, o.ContentType, o.LastModified = 200, int64(len(small)), plain, 1_000_000
		if v := r.SendHead(); v != http.Next {
			return v
		}
		return r.SendAll(piece)
	}}
}

var piece = []http.Piece{http.Mem(small)}

var plain = []byte("text/plain")

func newAsker(t *testing.T, s *server) *asker {
	c := s.dial()
	get(t, c, "/kb")
	// All fields are in the tables by now: the request is five bytes.
	a := &asker{conn: c.Conn, id: 3, in: make([]byte, 1<<20), block: c.Block(h(":method", "GET", ":scheme", "http", ":path", "/kb", ":authority", "test")...)}
	return a
}

// TestAllocs serves requests whose fields are all in the table: nothing is allocated for them.
func TestAllocs(t *testing.T) {
	if weirtest.Race || loop.Portable {
		t.Skip("the race detector and the portable engine allocate")
	}
	s := newServer(t, options{Loops: 1, Steps: smallSteps()}, "access_log off; keepalive_requests 100000000; location /kb { do kb; }")
	a := newAsker(t, s)
	for range 50 {
		a.round(t, 32)
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const rounds = 300
	for range rounds {
		a.round(t, 32)
	}
	runtime.ReadMemStats(&after)
	per := float64(after.Mallocs-before.Mallocs) / (rounds * 32)
	t.Logf("%.4f allocations a request", per)
	if per > 0.01 {
		t.Errorf("%.3f allocations a request", per)
	}
}

// TestIdle has many connections that have made a request and wait for the next: what they cost is counted.
func TestIdle(t *testing.T) {
	if weirtest.Race {
		t.Skip("the race detector has memory of its own")
	}
	const n = 500
	s := newServer(t, options{Loops: 1, Steps: smallSteps()}, "access_log off; keepalive_timeout 1h; location /kb { do kb; }")
	conns := make([]net.Conn, 0, n)
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	browser := h("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
		"accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "accept-language", "en-US,en;q=0.5",
		"accept-encoding", "gzip, deflate, br, zstd", "cookie", "session=0123456789abcdef0123456789abcdef", "priority", "u=0, i")
	ask := func() net.Conn {
		c, err := weirtest.DialH2(s.Addr, "")
		if err != nil {
			t.Fatal(err)
		}
		get(t, c, "/kb", browser...)
		return c.Conn // what the client knows of it goes
	}
	ask()
	before := heap()
	for range n {
		conns = append(conns, ask())
	}
	h2.FoldNow(s.Engine)
	per := (int64(heap()) - int64(before)) / n
	t.Logf("%d bytes for an idle connection, the client's end of it included", per)
	if per > 3000 {
		t.Errorf("%d bytes for an idle connection", per)
	}
	for _, c := range conns {
		_ = c.Close()
	}
}

// TestFold has a client go on with its table after it was folded.
func TestFold(t *testing.T) {
	s := newServer(t, options{Loops: 1, Steps: steps()}, text)
	c := s.dial()
	for i := range 30 {
		a := get(t, c, "/small", weirtest.Header{Name: "x-a", Value: fmt.Sprint(i % 7)}, weirtest.Header{Name: "user-agent", Value: strings.Repeat("agent ", i*5)})
		if string(a.Body) != "small" {
			t.Fatalf("%d: %v", i, a)
		}
		if i%3 == 0 {
			h2.FoldNow(s.Engine)
		}
	}
	s.WantLine("access.log", `^200 "GET /small`, 30)
}
