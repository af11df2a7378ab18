package h2

import (
	"weir/loop"
)

// A work is what a connection has that is not idle: a task, its streams, and what is to be written.
type work struct {
	conn    *conn
	task    *loop.Task
	kick    loop.Source // ready when a stream has something to send
	running bool        // the task is at it, and will write
	out     []byte      // out[sent:] is to be written
	sent    int
	stuck   loop.Time // since when the socket takes nothing
	streams []*stream // by number
	ready   []*stream // those that may send
	turn    uint64
}

const (
	outFirst = 8 << 10  // how large out is at first
	outMost  = 48 << 10 // with so much in it, streams wait
	outFull  = 64 << 10
)

// takeWork gives the connection what it needs to work.
func (c *conn) takeWork(t *loop.Task) {
	l := t.Loop()
	p := &c.shared.pools[l.ID()]
	var w *work
	if n := len(p.works); n > 0 {
		w = p.works[n-1]
		p.works = p.works[:n-1]
	} else {
		w = &work{}
	}
	w.conn, w.task, w.kick, w.running = c, t, l.NewSource(), true
	c.work = w
}

// giveWork takes it back.
func (c *conn) giveWork() {
	w, l := c.work, c.client.Conn.Loop()
	c.work = nil
	l.Give(w.out)
	clear(w.streams)
	clear(w.ready)
	*w = work{streams: w.streams[:0], ready: w.ready[:0]}
	if p := &c.shared.pools[l.ID()]; len(p.works) < maxIdleWorks {
		p.works = append(p.works, w)
	}
}

// idle says that nothing is left to do.
func (w *work) idle() bool { return len(w.streams) == 0 && len(w.out) == w.sent }

// clogged says that the client does not take what it is answered: it must, before it may ask on.
func (w *work) clogged() bool { return len(w.out)-w.sent > outFull }

// reserve returns out with room for n more bytes.
func (w *work) reserve(n int) []byte {
	if len(w.out)+n > cap(w.out) {
		l := w.kick.Loop()
		bigger := l.Take(max(outFirst, 2*cap(w.out), len(w.out)-w.sent+n))
		bigger = bigger[:copy(bigger, w.out[w.sent:])]
		l.Give(w.out)
		w.out, w.sent = bigger, 0
	}
	return w.out
}

// count counts a control frame that was sent, as nginx does for its measure of a flood.
func (c *conn) count(payload int) { c.total += int64(frameHead + payload) }

// nudge has the connection's task write, if it is not at it.
func (c *conn) nudge() {
	if w := c.work; w != nil && !w.running {
		w.kick.Set(loop.In)
	}
}

// writesAtOnce is how often out is written before the others on the loop have their turn.
const writesAtOnce = 16

// write writes what the client takes.
func (c *conn) write() error {
	w, lc := c.work, c.client.Conn
	for i := 0; ; i++ {
		w.fill()
		if len(w.out) == w.sent {
			lc.Loop().Give(w.out)
			w.out, w.sent, w.stuck = nil, 0, 0
			return nil
		}
		if !lc.Writable() {
			break
		}
		if i == writesAtOnce {
			w.kick.Set(loop.In)
			return w.task.Sleep(0)
		}
		n, err := c.tryWrite(w.out[w.sent:])
		if n > 0 {
			w.sent += n
			w.stuck = 0
		}
		if err == loop.ErrAgain {
			break
		}
		if err != nil {
			return err
		}
		if w.sent == len(w.out) {
			w.out, w.sent = w.out[:0], 0
		}
	}
	if w.stuck == 0 {
		w.stuck = w.task.Now()
	}
	return nil
}

// fill takes of what streams have to send, the most urgent first.
func (w *work) fill() {
	for len(w.out) < outMost {
		if s := w.next(); s == nil || !s.frame(w) {
			return
		}
	}
}

// next is the stream that is to send before the others.
func (w *work) next() *stream {
	var best *stream
	for _, s := range w.ready {
		if w.conn.window <= 0 && s.queue.Queued() > 0 {
			continue
		}
		if best == nil || s.rank.before(&best.rank, s.id, best.id) {
			best = s
		}
	}
	return best
}
