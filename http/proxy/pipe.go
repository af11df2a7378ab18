package proxy

import (
	"errors"
	"time"

	"weir/http"
	"weir/loop"
)

// A pipe carries a response's body from the peer to the client with buffering on: it reads as fast as
// the peer sends, whatever the client takes. What the client does not take waits in the wire's queue,
// as far as proxy_buffers go, and then in a temporary file:
//
//	peer ─→ raw ─→ wire's queue ──────────────────→ client
//	            └→ file ─→ wire's queue, as a file ─┘
//
// Its rules, which the model in pipe_world_test.go checks after every step:
//
//   - Memory has one owner at any time. raw is read into; when it is full enough its framing is taken out in
//     place, and what is left goes on as one piece that owns all of raw, or to the file, and raw is given back.
//     No two pieces share a buffer.
//   - While the file has bytes that the wire has not got, all goes through it: the order is kept.
//   - The wire holds at most proxy_buffers and one read; the file at most proxy_max_temp_file_size and one read.
//   - There is a file only if bytes were written to it. Nothing here looks into it: what counts are two numbers.
//
// As in nginx, bytes stay in raw until they fill one of proxy_buffers or may be the end of the body: a
// peer that writes little by little costs the client's side nothing.
type pipe struct {
	ends
	limits pipeLimits

	raw []byte // what is being read into; nil: nothing
	at  int    // raw[at:end] was read and not passed on
	end int
	own bool // raw is a buffer of the loop's, and the pipe's

	tail    []byte // the last of the body
	tailOwn []byte // the buffer that it lies in, if it is the pipe's

	filed int64 // bytes written to the file
	given int64 // bytes of it that were given to the wire

	begun bool // the wire was asked to write something
	alone bool // the client was lost, and the body is read for its own sake

	began loop.Time // of the rate
	read  int64     // bytes, for the rate
	later loop.Time // the peer is not read from before; 0: it may be

	silent loop.Time // since when the peer is waited for in vain; 0: it is not
	stuck  loop.Time // since when the client is waited for in vain; 0: it is not
}

// pipeLimits are what the configuration says of a pipe.
type pipeLimits struct {
	memory int64 // bytes that may wait in the wire before the file is used
	file   int64 // the most that may be in the file; 0: there is none
	ripe   int64 // so many bytes are worth passing on
	hold   int64 // a head of less than this waits for the body; not more than memory
	rate   int64 // proxy_limit_rate, bytes a second; 0: no limit

	readTimeout time.Duration // for the peer to send something
	sendTimeout time.Duration // for the client to take something
}

// ends are what a pipe lies between: the peer, the client and the disk. The exchange is one, the model of the
// tests another.
type ends interface {
	// readable says that tryRead may read something.
	readable() bool
	// tryRead reads what the peer has sent: loop.ErrAgain if nothing is there, or what ended the connection.
	tryRead(p []byte) (int, error)
	// unframe takes the framing out of what was read, in place; errFraming if it is broken.
	unframe(raw []byte) (data []byte, err error)
	// ended says that the last byte of the body was unframed.
	ended() bool
	// want is the least number of bytes that must still come before the body can end.
	want() int64
	// keep sees each byte of the body once, in order (proxy_store); stored says that it is wanted without a client too.
	keep(data []byte)
	stored() bool

	// send gives a piece to the wire, and its buffer with it, whatever it returns.
	send(p http.Piece) error
	// queued is what the wire has not written, the head included; push has it write what the client takes.
	queued() int64
	push() (at loop.Time, err error)

	// spool writes data at the end of the file, and makes that for the first; errors are logged. spooled is a
	// piece of what was written.
	spool(data []byte) error
	spooled(off, n int64) http.Piece

	// tooSlow gives the client up, which has taken nothing for too long.
	tooSlow()

	take(n int) []byte
	give(b []byte)
	now() loop.Time
	// wait waits for the peer or the client: errGone when that has closed, loop.ErrTimeout, loop.ErrStopped.
	wait(peer, client loop.Ready, deadline loop.Time) error
}

// fate is how a pipe has ended.
type fate uint8

const (
	onward     fate = iota // it has not
	bodyEnded              // the last byte was read
	peerFailed             // the peer's connection has failed or ended; which may be the end of the body
	peerSlow               // the peer has sent nothing for too long
	bodyBroken             // the framing or the disk: logged
	clientSlow             // the client has taken nothing for too long
	clientLost             // the client cannot be written to: logged
	clientGone             // the client has closed, or the server stops
)

// run moves bytes until the peer has sent all of them, or something has failed.
func (p *pipe) run() (fate, error) {
	for turns := 0; ; {
		more, err := p.fill()
		if p.ended() && err == nil {
			return bodyEnded, nil
		}
		var at loop.Time
		if err == nil {
			at, err = p.drain()
		}
		switch {
		case err == nil:
		case err == errFraming:
			return bodyBroken, nil
		case err != errClient:
			return peerFailed, err
		case !p.goAlone():
			return clientLost, nil
		}
		// A peer that is always ready must not keep the loop from others.
		if turns++; more && turns < 16 {
			continue
		}
		turns = 0
		f, err := p.pause(at)
		if f == clientSlow {
			p.tooSlow()
			if p.goAlone() {
				continue
			}
		}
		if f != onward {
			return f, err
		}
	}
}

// goAlone says whether the body is read on without a client.
func (p *pipe) goAlone() bool {
	p.alone = p.stored()
	return p.alone
}

// pause waits for the peer, if there is room for what it sends, and for the client, if it has something
// to take. at is when limit_rate lets the client have more. Time counts only while one is waited for.
func (p *pipe) pause(at loop.Time) (fate, error) {
	var peer, client loop.Ready
	var peerEnd, clientEnd loop.Time
	now := p.now()
	if p.room() > 0 {
		peer, peerEnd = loop.In, since(&p.silent, now).Add(p.limits.readTimeout)
	} else {
		p.silent = 0
	}
	if !p.alone && p.queued() > 0 && at == 0 && !p.holding() {
		client, clientEnd = loop.Out, since(&p.stuck, now).Add(p.limits.sendTimeout)
	} else {
		p.stuck = 0
	}
	switch err := p.wait(peer, client, earliest(peerEnd, clientEnd, at, p.later)); {
	case err == nil:
		return onward, nil
	case !errors.Is(err, loop.ErrTimeout):
		return clientGone, err
	}
	now = p.now()
	switch {
	case clientEnd != 0 && now >= clientEnd:
		return clientSlow, loop.ErrTimeout
	case peerEnd != 0 && now >= peerEnd:
		return peerSlow, nil
	}
	return onward, nil
}

// since is the moment from which on a wait counts: now, if it begins.
func since(at *loop.Time, now loop.Time) loop.Time {
	if *at == 0 {
		*at = now
	}
	return *at
}

// earliest is the first of some moments, 0 standing for never.
func earliest(at ...loop.Time) (first loop.Time) {
	for _, t := range at {
		if t != 0 && (first == 0 || t < first) {
			first = t
		}
	}
	return first
}
