package proxy

import (
	"io"
	"math"

	"weir/conf"
	"weir/http"
	"weir/loop"
)

var _ ends = (*exchange)(nil)

// pipe passes the body on with buffering.
func (x *exchange) pipe() http.Verdict {
	x.r.Doing = "reading upstream"
	p := pipe{ends: x, limits: x.pipeLimits(), raw: x.buf, at: x.at, end: x.end, began: x.r.Task.Now()}
	p.read = int64(x.end - x.at)
	p.alone = x.r.HeaderOnly
	x.cur().length = p.read
	x.at = x.end
	f, err := bodyEnded, error(nil)
	if !x.bodyEnd {
		f, err = p.run()
	}
	v := x.afterPipe(&p, f, err)
	p.release()
	return v
}

func (x *exchange) pipeLimits() pipeLimits {
	opt, core := x.conf, x.r.Loc.Core
	l := pipeLimits{
		memory: x.h.sizes.memory, file: x.h.sizes.temp, ripe: opt.Buffers.Size,
		hold:        min(core.PostponeOutput, x.h.sizes.memory),
		readTimeout: opt.ReadTimeout, sendTimeout: core.SendTimeout,
	}
	if x.saved.on {
		l.file = math.MaxInt64 / 2 // the file is written anyway
	}
	if opt.LimitRate != nil {
		l.rate, _ = conf.ParseSize(string(x.r.Text(opt.LimitRate)))
	}
	return l
}

// afterPipe sends what the pipe has left, and finishes with the peer, as the pipe's fate asks for.
func (x *exchange) afterPipe(p *pipe, f fate, err error) http.Verdict {
	switch f {
	case bodyBroken:
		return x.abandon()
	case clientLost:
		return http.Done
	case clientSlow, clientGone:
		return x.lostClient(err)
	}
	var broken error
	if x.pieces, broken = p.finish(x.pieces[:0]); broken != nil {
		return x.abandon()
	}
	if f == peerFailed && err == io.EOF && x.untilEOF {
		f, x.bodyEnd = bodyEnded, true
	}
	switch {
	case f == bodyEnded && p.alone:
		x.saveAll()
		x.finish()
		return http.Done
	case f == bodyEnded:
		return x.last()
	case f == peerFailed:
		x.peerFailed("readv()", err)
		return x.cut()
	}
	return x.slowPeer()
}

// What follows are the ends of the pipe.

func (x *exchange) readable() bool { return x.conn.AsSource().Readable() }

func (x *exchange) tryRead(p []byte) (int, error) {
	n, err := x.conn.TryRead(p)
	switch {
	case err == nil:
		x.debugRecv(n, len(p))
		x.cur().received += int64(n)
		x.cur().length += int64(n)
	case x.streamFailed(err):
		err = errFraming
	}
	return n, err
}

func (x *exchange) ended() bool { return x.bodyEnd }

func (x *exchange) want() int64 { return x.proto.want() }

func (x *exchange) keep(data []byte) {
	x.saved.add(x, data)
	x.tellFlight()
}

func (x *exchange) stored() bool { return x.saved.on }

func (x *exchange) send(p http.Piece) error {
	x.pieces = append(x.pieces[:0], p)
	return x.r.Send(x.pieces, 0) // the pipe has the wire write, by push
}

func (x *exchange) queued() int64 { return x.r.Wire.Queued() }

func (x *exchange) push() (loop.Time, error) { return x.r.Wire.Push(x.r) }

func (x *exchange) tooSlow() {
	x.tellSlowClient()
	x.failWire(loop.ErrTimeout)
}

func (x *exchange) take(n int) []byte { return x.r.Loop().Take(n) }

func (x *exchange) give(b []byte) { x.r.Loop().Give(b) }

func (x *exchange) now() loop.Time { return x.r.Task.Now() }
