package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"weir/http"
	"weir/loop"
)

// A pipeWorld is what a pipe lies between, without a network and without time: a peer that sends a body in some
// framing, a client that takes what it likes, a disk that may fail. All that happens, happens while the pipe waits.
// What the client has got is held against the body, byte by byte, and every buffer is watched: one that is given
// back is filled with rubbish, which would show.
type pipeWorld struct {
	t    *testing.T
	rng  *rand.Rand
	pipe *pipe

	body    []byte // what the peer means to send
	stream  []byte // what is still to come of it, framed
	arrived int    // so much of stream may be read
	over    error  // what comes after stream; nil: nothing ever does
	x       *exchange
	http    *http1
	decoded int // bytes of body that were unframed
	kept    []byte
	storing bool

	queue  []http.Piece
	head   int // bytes of the head that are queued before
	window int // what the client takes now
	slack  int // how much of the client's window opens at a time
	got    []byte
	at     loop.Time // limit_rate: nothing is written before
	rated  bool
	broke  bool // the client's connection is gone
	slow   bool // the pipe gave the client up

	disk     []byte
	diskFull int // so many bytes fit

	buffers map[*byte]bool // in use
	time    loop.Time
	peerAt  loop.Time // since when the peer is waited for, by the model's own count; 0: it is not
	clientA loop.Time
	pace    int // milliseconds that may pass between two events
	waits   int
}

var errBroke = errors.New("the client's connection broke")

func (w *pipeWorld) readable() bool { return w.arrived > 0 || len(w.stream) == 0 && w.over != nil }

func (w *pipeWorld) tryRead(p []byte) (int, error) {
	switch {
	case w.arrived > 0:
		if len(p) == 0 {
			w.t.Error("a read of nothing")
		}
		n := copy(p, w.stream[:w.arrived])
		w.stream, w.arrived, w.peerAt = w.stream[n:], w.arrived-n, 0
		return n, nil
	case len(w.stream) == 0 && w.over != nil:
		return 0, w.over
	}
	return 0, loop.ErrAgain
}

func (w *pipeWorld) unframe(raw []byte) ([]byte, error) {
	data, err := w.x.unframe(raw)
	if !bytes.Equal(data, w.body[w.decoded:min(len(w.body), w.decoded+len(data))]) {
		w.t.Errorf("%d bytes at %d were unframed wrongly", len(data), w.decoded)
	}
	w.decoded += len(data)
	return data, err
}

func (w *pipeWorld) ended() bool      { return w.x.bodyEnd }
func (w *pipeWorld) want() int64      { return w.x.want() }
func (w *pipeWorld) keep(data []byte) { w.kept = append(w.kept, data...) }
func (w *pipeWorld) stored() bool     { return w.storing }
func (w *pipeWorld) now() loop.Time   { return w.time }

func (w *pipeWorld) queued() int64 {
	n := int64(w.head)
	for i := range w.queue {
		n += w.queue[i].Size()
	}
	return n
}

func (w *pipeWorld) send(p http.Piece) error {
	if p.Size() == 0 {
		w.t.Error("a piece of nothing")
	}
	if p.Own != nil && !w.buffers[&p.Own[:1][0]] {
		w.t.Error("a piece's buffer is not in use")
	}
	if w.broke || w.slow {
		w.give(p.Own)
		return errBroke
	}
	w.queue = append(w.queue, p)
	_, err := w.push()
	return err
}

func (w *pipeWorld) push() (loop.Time, error) {
	if w.broke {
		w.drop()
		return 0, errBroke
	}
	if w.at > w.time {
		return w.at, nil
	}
	n := min(w.window, w.head)
	w.head -= n
	w.window -= n
	for len(w.queue) > 0 && w.window > 0 {
		w.clientA = 0
		p := &w.queue[0]
		n := min(w.window, int(p.Size()), 1+w.rng.IntN(1<<16))
		if p.Len > 0 {
			w.got = append(w.got, w.disk[p.Off:p.Off+int64(n)]...)
			p.Off += int64(n)
			p.Len -= int64(n)
			if p.Len == 0 {
				p.B = nil
			}
		} else {
			w.got = append(w.got, p.B[:n]...)
			p.B = p.B[n:]
		}
		w.window -= n
		if p.Size() == 0 {
			w.give(p.Own)
			w.queue = w.queue[1:]
		}
	}
	if !bytes.HasPrefix(w.body, w.got) {
		w.t.Fatalf("the client has got other bytes than were sent, among its first %d", len(w.got))
	}
	if w.rated && w.queued() > 0 {
		w.at = w.time.Add(time.Duration(w.rng.IntN(300)) * time.Second)
		return w.at, nil
	}
	return 0, nil
}

// drop forgets what is queued, as a wire that has failed.
func (w *pipeWorld) drop() {
	for i := range w.queue {
		w.give(w.queue[i].Own)
	}
	w.queue, w.head = nil, 0
}

func (w *pipeWorld) tooSlow() { w.slow = true; w.drop() }

func (w *pipeWorld) spool(data []byte) error {
	if len(data) == 0 {
		w.t.Error("nothing was written to the file")
	}
	if len(w.disk)+len(data) > w.diskFull {
		return errFraming
	}
	w.disk = append(w.disk, data...)
	return nil
}

func (w *pipeWorld) spooled(off, n int64) http.Piece {
	if n <= 0 || off < 0 || off+n > int64(len(w.disk)) {
		w.t.Errorf("a piece of the file from %d, %d bytes; it has %d", off, n, len(w.disk))
	}
	return http.File(-1, off, n)
}

func (w *pipeWorld) take(n int) []byte {
	b := make([]byte, n, max(n, 512))
	w.buffers[&b[:1][0]] = true
	return b
}

func (w *pipeWorld) give(b []byte) {
	if cap(b) == 0 {
		return
	}
	b = b[:cap(b)]
	if !w.buffers[&b[0]] {
		w.t.Error("a buffer was given that is not in use, or a part of one")
	}
	delete(w.buffers, &b[0])
	for i := range b {
		b[i] = 0xdb
	}
}

// wait lets things happen until one of those happens that the pipe waits for.
func (w *pipeWorld) wait(peer, client loop.Ready, deadline loop.Time) error {
	if w.waits++; w.waits > 1e6 {
		w.t.Fatal("the pipe waits without end")
	}
	w.check()
	if peer == 0 && client == 0 && deadline == 0 {
		w.t.Fatalf("the pipe waits for nothing: %d queued, %d in the file", w.queued(), len(w.disk))
	}
	if client != 0 && w.queued() == 0 {
		w.t.Error("the pipe waits for a client that has nothing to take")
	}
	count := func(at *loop.Time, waited bool) {
		if !waited {
			*at = 0
		} else if *at == 0 {
			*at = w.time
		}
	}
	count(&w.peerAt, peer != 0)
	count(&w.clientA, client != 0)
	for {
		switch {
		case peer != 0 && w.readable(), client != 0 && (w.window > 0 || w.broke):
			return nil
		case deadline != 0 && w.time >= deadline:
			return loop.ErrTimeout
		}
		switch w.rng.IntN(8) {
		case 0, 1:
			w.arrived = min(len(w.stream), w.arrived+1+w.rng.IntN(1<<w.rng.IntN(18)))
		case 2, 3:
			w.window += w.rng.IntN(1 + w.slack)
		case 4:
			w.broke = w.broke || w.rng.IntN(400) == 0
		case 5:
			w.time = w.time.Add(time.Duration(w.rng.IntN(w.pace)) * time.Millisecond)
		case 6:
			if w.rng.IntN(50) == 0 && w.over != nil { // the peer goes, whatever it had to say
				w.stream = w.stream[:w.arrived]
			}
		case 7:
			if w.rng.IntN(1000) == 0 {
				return errGone
			}
		}
	}
}

// check holds the bounds of the pipe against what there is.
func (w *pipeWorld) check() {
	l := &w.pipe.limits
	var memory int64
	for i := range w.queue {
		memory += int64(len(w.queue[i].B))
	}
	if most := l.memory + chunkSize; memory > most {
		w.t.Errorf("%d bytes are queued in memory; at most %d may be", memory, most)
	}
	if most := l.file + max(chunkSize, l.ripe); int64(len(w.disk)) > most || l.file == 0 && len(w.disk) > 0 {
		w.t.Errorf("the file has %d bytes; at most %d may be", len(w.disk), most)
	}
}

// newPipeWorld makes a world and a pipe in it, of a random kind.
func newPipeWorld(t *testing.T, seed uint64) *pipeWorld {
	rng := rand.New(rand.NewPCG(seed, 17))
	w := &pipeWorld{t: t, rng: rng, buffers: map[*byte]bool{}, time: 1, diskFull: 1 << 30, http: &http1{}}
	w.x = &exchange{proto: w.http}
	one := []int64{512, 1000, 4096, 8192}[rng.IntN(4)]
	memory := one * int64(2+rng.IntN(9))
	near := []int{0, 1, int(one), int(memory), chunkSize, chunkSize + int(one), 2 * chunkSize, int(memory) + chunkSize, rng.IntN(300_000)}
	w.body = make([]byte, max(0, near[rng.IntN(len(near))]+rng.IntN(5)-2))
	for i := range w.body {
		w.body[i] = byte(rng.Uint32())
	}
	w.frame()
	w.slack = 1 << rng.IntN(18)
	w.head = rng.IntN([]int{600, 600, 40_000}[rng.IntN(3)])
	w.pace = []int{30, 3000, 50_000}[rng.IntN(3)]
	w.rated = rng.IntN(8) == 0
	w.storing = rng.IntN(4) == 0
	if rng.IntN(6) == 0 {
		w.diskFull = rng.IntN(100_000)
	}
	w.pipe = &pipe{ends: w, began: w.time, limits: pipeLimits{
		memory: memory, ripe: one, hold: min(memory, []int64{0, 300, 1460, 1 << 20}[rng.IntN(4)]),
		file: []int64{0, one, 3 * one, 1 << 30}[rng.IntN(4)], readTimeout: time.Minute, sendTimeout: time.Minute,
	}}
	if rng.IntN(8) == 0 {
		w.pipe.limits.rate = int64(100 + rng.IntN(100_000))
	}
	// What came with the head lies in a buffer that is not the pipe's.
	buf := make([]byte, 100+rng.IntN(8192))
	w.pipe.at = min(len(buf), rng.IntN(400))
	w.pipe.end = w.pipe.at + copy(buf[w.pipe.at:], w.stream[:rng.IntN(len(w.stream)+1)])
	w.pipe.raw = buf
	w.stream = w.stream[w.pipe.end-w.pipe.at:]
	return w
}

// frame makes the peer's stream of the body, in one of the three framings.
func (w *pipeWorld) frame() {
	switch w.rng.IntN(3) {
	case 0:
		w.stream, w.http.left = bytes.Clone(w.body), int64(len(w.body))
		w.x.bodyEnd = len(w.body) == 0
		w.over = []error{nil, io.EOF, syscall.ECONNRESET}[w.rng.IntN(3)]
	case 1:
		w.http.isChunked = true
		most := 1 << w.rng.IntN(17)
		for b := w.body; ; {
			n := min(len(b), 1+w.rng.IntN(most))
			w.stream = fmt.Appendf(w.stream, "%x\r\n%s\r\n", n, b[:n])
			if b = b[n:]; n == 0 {
				break
			}
		}
		w.over = []error{nil, io.EOF, syscall.ECONNRESET}[w.rng.IntN(3)]
	case 2:
		w.stream, w.x.untilEOF, w.over = bytes.Clone(w.body), true, io.EOF
		w.http.left = -1
	}
}

// play runs the pipe to its end and holds what has come of it against what must.
func (w *pipeWorld) play() fate {
	t, p := w.t, w.pipe
	f, err := bodyEnded, error(nil)
	if !w.ended() {
		f, err = p.run()
	}
	alone := p.alone
	switch f {
	case bodyEnded, peerFailed, peerSlow:
		pieces, broken := p.finish(nil)
		if broken != nil {
			t.Errorf("what was left is broken: %v", broken)
		}
		for _, piece := range pieces {
			if w.broke || w.slow {
				w.give(piece.Own)
				continue
			}
			w.queue = append(w.queue, piece)
		}
	}
	p.release()
	if f == clientLost || f == clientGone || f == bodyBroken || w.broke || w.slow {
		w.drop()
	}
	w.rated, w.at, w.window = false, 0, 1<<30
	if !w.broke {
		_, _ = w.push()
	}
	if len(w.buffers) > 0 {
		t.Errorf("%d buffers are left", len(w.buffers))
	}
	if !w.broke && !w.slow && (f == bodyEnded || f == peerFailed || f == peerSlow) && len(w.got) != w.decoded {
		t.Errorf("the client has got %d bytes of %d", len(w.got), w.decoded)
	}
	if f == bodyEnded && w.decoded != len(w.body) {
		t.Errorf("the body has ended after %d bytes of %d", w.decoded, len(w.body))
	}
	if alone && f == bodyEnded && !bytes.Equal(w.kept, w.body) {
		t.Errorf("%d bytes of %d were stored", len(w.kept), len(w.body))
	}
	if !bytes.Equal(w.kept, w.body[:len(w.kept)]) {
		t.Error("other bytes were stored than were sent")
	}
	switch {
	case f == onward:
		t.Error("the pipe has ended without an end")
	case f == peerSlow && w.time < w.peerAt.Add(p.limits.readTimeout), f == clientSlow && w.time < w.clientA.Add(p.limits.sendTimeout):
		t.Errorf("fate %d comes too early", f)
	case f == bodyBroken && w.diskFull == 1<<30:
		t.Error("a good body was found broken")
	case f == peerFailed && err == nil, f == clientLost && !w.broke:
		t.Errorf("fate %d without a reason", f)
	}
	return f
}

// TestPipeModel plays pipes in random worlds. WEIR_PIPE_SEEDS says how many.
func TestPipeModel(t *testing.T) {
	seeds := 1500
	if n, err := strconv.Atoi(os.Getenv("WEIR_PIPE_SEEDS")); err == nil {
		seeds = n
	}
	var fates [clientGone + 1]int
	files, alone := 0, 0
	for seed := range seeds {
		w := newPipeWorld(t, uint64(seed))
		fates[w.play()]++
		if t.Failed() {
			t.Fatalf("seed %d: %+v, body %d bytes", seed, w.pipe.limits, len(w.body))
		}
		if len(w.disk) > 0 {
			files++
		}
		if w.pipe.alone {
			alone++
		}
	}
	t.Logf("fates: %v; %d with a file, %d without a client", fates[1:], files, alone)
	for f, n := range fates {
		if fate(f) != onward && n == 0 && seeds >= 1500 {
			t.Errorf("fate %d was never met", f)
		}
	}
}
