package proxy

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"
)

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
