package h2_test

import (
	"flag"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"weir/http"
	"weir/weirtest"
)

var seed = flag.Uint64("h2.seed", 0, "the random driver's seed; 0: the clock's")

// pattern is a body that is different at every place and for every seed.
func pattern(seed uint64, n int) []byte {
	b := make([]byte, 0, n+24)
	for i := uint64(0); len(b) < n; i++ {
		b = fmt.Appendf(b, "%x.%x ", seed, i*seed)
	}
	return b[:n]
}

func sum(b []byte) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(b)
	return h.Sum64()
}

// driverSteps are handlers that answer in every way there is: memory that is borrowed or given away, files, little by little, with
// waits, echoing a body while it comes.
func driverSteps(t *testing.T, file *os.File, content []byte) map[string]http.Step {
	head := func(r *http.Request, length int64) http.Verdict {
		r.Out.Status, r.Out.ContentLength = 200, length
		return r.SendHead()
	}
	args := func(r *http.Request) (n int, seed uint64) {
		a, b, _ := strings.Cut(string(r.Args), "&")
		n, _ = strconv.Atoi(a)
		seed, _ = strconv.ParseUint(b, 10, 64)
		return n, seed
	}
	return map[string]http.Step{
		"mem": func(r *http.Request) http.Verdict {
			n, seed := args(r)
			if v := head(r, int64(n)); v != http.Next {
				return v
			}
			return r.SendAll([]http.Piece{http.Mem(pattern(seed, n))})
		},
		"parts": func(r *http.Request) http.Verdict {
			n, seed := args(r)
			if v := head(r, -1); v != http.Next {
				return v
			}
			body := pattern(seed, n)
			rnd := rand.New(rand.NewPCG(seed, 1))
			for len(body) > 0 {
				k := min(len(body), 1+rnd.IntN(20_000))
				buf := r.Loop().Take(k)
				copy(buf, body)
				body = body[k:]
				f := http.Flags(0)
				if rnd.IntN(2) == 0 {
					f = http.Flush
				}
				if r.Send([]http.Piece{{B: buf, Own: buf}}, f) != nil {
					return http.Done
				}
				switch rnd.IntN(4) {
				case 0:
					if r.Drain() != nil {
						return http.Done
					}
				case 1:
					if r.Task.Sleep(time.Duration(rnd.IntN(2))*time.Millisecond) != nil {
						return http.Abort
					}
				}
			}
			return r.SendAll(nil)
		},
		"file": func(r *http.Request) http.Verdict {
			n, seed := args(r)
			if v := head(r, int64(n)); v != http.Next {
				return v
			}
			off := int64(seed % uint64(len(content)-n+1))
			return r.SendAll([]http.Piece{http.File(int(file.Fd()), off, int64(n))})
		},
		"echo": func(r *http.Request) http.Verdict {
			if v := head(r, -1); v != http.Next {
				return v
			}
			r.StreamBody()
			for {
				buf := r.Loop().Take(4096)
				n, err := r.Wire.ReadBody(r, buf)
				if err != nil {
					r.Loop().Give(buf)
					if err == io.EOF {
						return r.SendAll(nil)
					}
					return http.Abort
				}
				if r.Send([]http.Piece{{B: buf[:n], Own: buf}}, http.Flush) != nil || r.Wire.Queued() > 30_000 && r.Drain() != nil {
					return http.Done
				}
			}
		},
	}
}

// A driver has many streams at once on one connection, of which it knows what must come.
type driver struct {
	t       *testing.T
	c       *weirtest.H2
	rnd     *rand.Rand
	content []byte
	streams map[uint32]*driven
	owed    map[uint32]uint32 // windows not given back yet
	owes    uint32
	done    int
	cut     int
}

type driven struct {
	what string
	want uint64 // hash of the body
	size int
	got  []byte
	dead bool // reset by the client
}

// open begins a stream.
func (d *driver) open() {
	n, seed := d.size(), d.rnd.Uint64N(1<<40)
	what := []string{"mem", "parts", "file", "echo"}[d.rnd.IntN(4)]
	body := pattern(seed, n)
	if what == "file" {
		off := seed % uint64(len(d.content)-n+1)
		body = d.content[off:][:n]
	}
	var more []weirtest.Header
	if d.rnd.IntN(3) == 0 {
		more = []weirtest.Header{{Name: "priority", Value: fmt.Sprintf("u=%d, i=?%d", d.rnd.IntN(8), d.rnd.IntN(2))}}
	}
	id, err := d.c.Request("POST", "test", fmt.Sprintf("/%s?%d&%d", what, n, seed), what != "echo", more...)
	if err != nil {
		d.t.Error(err)
	}
	d.streams[id] = &driven{what: what, want: sum(body), size: n}
	if what == "echo" {
		go func() { _ = d.c.Body(id, body) }()
	}
}

// size is mostly small, and sometimes more than any window.
func (d *driver) size() int {
	switch d.rnd.IntN(10) {
	case 0:
		return d.rnd.IntN(200_000)
	case 1:
		return 0
	}
	return d.rnd.IntN(3_000)
}

// giveBack opens windows again: of the connection, and of the streams that are still there.
func (d *driver) giveBack() {
	var b []byte
	window := func(id, n uint32) {
		b = weirtest.AppendH2Frame(b, weirtest.H2Window, 0, id, []byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
	}
	for id, n := range d.owed {
		if s := d.streams[id]; s != nil && !s.dead {
			window(id, n)
		}
	}
	clear(d.owed)
	if d.owes > 0 {
		window(0, d.owes)
		d.owes = 0
	}
	if len(b) > 0 {
		_ = d.c.Raw(b)
	}
}

// run opens streams until there were total, most at a time.
func (d *driver) run(total, most int) {
	for begun := 0; begun < total || len(d.streams) > 0; {
		for begun < total && len(d.streams) < most {
			d.open()
			begun++
		}
		if d.c.Buffered() == 0 || d.rnd.IntN(20) == 0 {
			d.giveBack()
		}
		f, err := d.c.Read()
		if err != nil {
			d.t.Errorf("%v, with %d streams open, %d done", err, len(d.streams), d.done)
			return
		}
		d.frame(f)
	}
}

func (d *driver) frame(f weirtest.H2Frame) {
	s := d.streams[f.Stream]
	switch f.Kind {
	case weirtest.H2GoAway:
		d.t.Errorf("%v", f)
	case weirtest.H2Headers:
		if _, err := d.c.Fields(f); err != nil {
			d.t.Error(err)
		}
	case weirtest.H2Data:
		d.owes += uint32(len(f.Payload))
		if s == nil {
			return
		}
		s.got = append(s.got, f.Payload...)
		d.owed[f.Stream] += uint32(len(f.Payload))
		if !s.dead && f.Flags&weirtest.H2EndStream == 0 && d.rnd.IntN(200) == 0 {
			_ = d.c.Reset(f.Stream, 8)
			d.c.Forget(f.Stream)
			delete(d.streams, f.Stream)
			d.cut++
			return
		}
	case weirtest.H2Reset:
		if s != nil && !s.dead {
			d.t.Errorf("%s of %d bytes: reset with code %d after %d bytes", s.what, s.size, f.Code(), len(s.got))
		}
		delete(d.streams, f.Stream)
		return
	default:
		return
	}
	if s != nil && f.Flags&weirtest.H2EndStream != 0 {
		if len(s.got) != s.size || sum(s.got) != s.want {
			d.t.Errorf("%s of %d bytes: %d came, or others", s.what, s.size, len(s.got))
		}
		delete(d.streams, f.Stream)
		d.done++
	}
}

// TestDriver has a thousand streams at a time on one connection, and more on others: random sizes, windows, priorities, resets. Every
// byte that comes is checked.
func TestDriver(t *testing.T) {
	first := *seed
	if first == 0 {
		first = uint64(time.Now().UnixNano())
	}
	t.Logf("-h2.seed=%d", first)
	content := pattern(7, 1<<20)
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() }) // after the server, whose requests may still be reading it
	if _, err := file.Write(content); err != nil {
		t.Fatal(err)
	}
	s := newServer(t, options{Loops: 2, Steps: driverSteps(t, file, content)}, `http2_max_concurrent_streams 1100; keepalive_requests 1000000;
		client_max_body_size 0;
		location /mem { do mem; } location /parts { do parts; } location /file { do file; } location /echo { do echo; }`)
	var all sync.WaitGroup
	var done, cut atomic.Int64
	for i, load := range []struct{ total, most int }{{3000, 1000}, {1000, 100}, {1000, 20}, {300, 1}} {
		all.Go(func() {
			rnd := rand.New(rand.NewPCG(first, uint64(i)))
			c := s.dial(4, []uint32{65535, 100, 3000, 1 << 20}[i])
			d := &driver{t: t, c: c, rnd: rnd, content: content, streams: map[uint32]*driven{}, owed: map[uint32]uint32{}}
			d.run(load.total, load.most)
			done.Add(int64(d.done))
			cut.Add(int64(d.cut))
			_ = c.Conn.Close()
		})
	}
	all.Wait()
	t.Logf("%d streams came to their end, %d were reset", done.Load(), cut.Load())
	if done.Load() < 4000 && !t.Failed() {
		t.Errorf("%d streams came to their end", done.Load())
	}
}
