package proxy

import (
	"bytes"
	"errors"
	"math/rand/v2"
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
