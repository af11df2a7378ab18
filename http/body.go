package http

import (
	"errors"
	"fmt"
	"io"

	"weir/disk"
	"weir/http/field"
	"weir/logs"
	"weir/loop"
)

type bodyState uint8

const (
	bodyUnread   bodyState = iota
	bodyReading            // somebody streams it
	bodyRead               // in Mem or File
	bodyGone               // discarded
	bodyStreamed           // streamed to its end, or not to be had whole
)

// A Body is the body of a request. It is read when a handler asks for it, and thrown away when none
// does.
type Body struct {
	Length  int64 // as announced; -1 when chunked; 0 when there is none
	Chunked bool
	Expect  bool // the client waits for 100 (Continue)

	Mem  []byte         // the whole body, or nil
	File *disk.TempFile // the whole body, when it does not fit in memory
	Size int64          // bytes of Mem or File
	// Decoded counts the bytes of a body of unknown length that came, without framing. The wire sets it.
	Decoded int64
	// Received counts the bytes that came from the client, framing included: part of $request_length.
	Received int64

	own   []byte
	state bodyState
}

// ErrBodyTooLarge says that a chunked body outgrew client_max_body_size.
var ErrBodyTooLarge = errors.New("client intended to send too large chunked body")

// A BodyTooLarge is ErrBodyTooLarge with the bytes had and announced.
type BodyTooLarge struct{ Have, More int64 }

func (e BodyTooLarge) Error() string {
	return fmt.Sprintf("%v: %d+%d bytes", ErrBodyTooLarge, e.Have, e.More)
}

// Is makes a BodyTooLarge an ErrBodyTooLarge.
func (e BodyTooLarge) Is(target error) bool { return target == ErrBodyTooLarge }

// BodyLimit is how large a chunked body may become, 0 for no bound: a body that is thrown away has none.
func (r *Request) BodyLimit() int64 {
	if r.Body.state == bodyGone || r.Loc == nil {
		return 0
	}
	return r.Loc.Core.MaxBody
}

// ErrBadBody says that the framing of a body is broken.
var ErrBadBody = errors.New("client sent invalid chunked body")

// sendContinue has the wire ask for the body of a client that waits for 100 (Continue), even when it
// announced an empty one, as nginx does.
func (r *Request) sendContinue() {
	if r.Body.Expect {
		r.Body.Expect = false
		if r.Body.Length == 0 {
			_, _ = r.Wire.TryReadBody(r, nil)
		}
	}
}

// A BodyFault is what is wrong with a body, where the wire knows better than ErrBadBody how that is told and answered.
type BodyFault struct {
	Level  logs.Level
	Text   string
	Status Verdict
}

func (e *BodyFault) Error() string { return e.Text }

// Whole reports whether the body is there, in memory or in a file.
func (b *Body) Whole() bool { return b.state == bodyRead }

// Total is how long a body of unknown length was that has been read to its end.
func (b *Body) Total() (n int64, ok bool) {
	switch {
	case b.state == bodyRead || b.Length == 0:
		return b.Size, true
	case b.state == bodyStreamed:
		return b.Decoded, true
	}
	return 0, false
}

// HasBody reports whether the request has a body at all.
func (r *Request) HasBody() bool { return r.Body.Length != 0 }

// ReadBody reads the whole body into memory or a temporary file. Next says that it is in r.Body; any
// other verdict is the handler's answer.
func (r *Request) ReadBody() Verdict {
	b := &r.Body
	core := r.Loc.Core
	r.sendContinue()
	switch {
	case b.state == bodyRead:
		return Next
	case b.state != bodyUnread, b.Length == 0 && (!core.BodyInFile || !r.In.Has(field.ContentLength)):
		b.state = bodyRead
		return Next
	}
	b.state = bodyReading
	if r.debug {
		r.Debugf("http read client request body, length %d", b.Length)
	}
	v := r.readWholeBody(core)
	if v != Next {
		b.state = bodyStreamed
		return v
	}
	b.state = bodyRead
	return Next
}

func (r *Request) readWholeBody(core *CoreConf) Verdict {
	b := &r.Body
	size := r.bodyRoom(core)
	if b.own == nil {
		b.own = r.Loop().Take(int(max(size, 1)))
	}
	fill := 0
	for {
		if fill == len(b.own) && (b.Length < 0 || b.Size+int64(fill) < b.Length) {
			if v := r.spillBody(core, b.own[:fill]); v != Next {
				return v
			}
			fill = 0
		}
		if b.Length >= 0 && b.Size+int64(fill) >= b.Length {
			break
		}
		n, err := r.Wire.ReadBody(r, b.own[fill:])
		fill += n
		if r.debug {
			r.Debugf("http client request body recv %d, rest %d", n, b.Length-b.Size-int64(fill))
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return r.bodyVerdict(err)
		}
	}
	if b.File != nil || core.BodyInFile {
		return r.spillBody(core, b.own[:fill])
	}
	b.Mem, b.Size = b.own[:fill], int64(fill)
	return Next
}

// bodyRoom is how much of the body is kept in memory, as in nginx: what came along with the head, and as much
// as client_body_buffer_size, or a quarter more if that is all of it.
func (r *Request) bodyRoom(core *CoreConf) int64 {
	came := int64(r.Wire.Preread())
	b := &r.Body
	switch {
	case r.Version >= HTTP20 && b.Length > core.BodyBuffer: // no head shares the buffer
		return core.BodyBuffer
	case b.Length >= 0 && b.Length-came < core.BodyBuffer+core.BodyBuffer/4:
		return b.Length
	}
	return came + core.BodyBuffer
}

// spillBody moves bytes to the body's temporary file.
func (r *Request) spillBody(core *CoreConf, p []byte) Verdict {
	b := &r.Body
	if b.File == nil {
		f, err := r.CreateTemp(core.BodyTemp, core.BodyKept, core.BodyInFile && !core.BodyKept)
		if err != nil {
			r.LogErr(logs.Crit, err, "open() \""+core.BodyTemp.Dir+"\" failed")
			return StatusInternal
		}
		level := logs.Warn
		if core.BodyInFile {
			level = logs.Notice
		}
		doing := r.Doing
		r.Doing = "" // nginx does not say it here
		r.Logf(level, "a client request body is buffered to a temporary file %s", f.Path)
		r.Doing = doing
		b.File = f
	}
	if len(p) > 0 {
		if err := b.File.Append(r.Task, p); err != nil {
			r.LogErr(logs.Crit, err, "pwrite() \""+b.File.Path+"\" failed")
			return StatusInternal
		}
	}
	b.Size = b.File.Size
	return Next
}

// BodyVerdict turns an error of reading a body into what the request ends with.
func (r *Request) bodyVerdict(err error) Verdict {
	r.KeepAlive = false
	if f, ok := err.(*BodyFault); ok {
		r.Log(f.Level, f.Text)
		return f.Status
	}
	switch {
	case errors.Is(err, loop.ErrTimeout):
		return StatusRequestTimeout
	case errors.Is(err, ErrBodyTooLarge):
		r.Log(logs.Error, err.Error())
		return StatusTooLarge
	case errors.Is(err, ErrBadBody):
		r.Log(logs.Error, err.Error())
		return StatusBadRequest
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		r.Log(logs.Info, "client prematurely closed connection")
	case errors.Is(err, loop.ErrStopped):
	default:
		r.LogErr(logs.Info, err, "recv() failed")
	}
	r.Abandon(400) // there is nobody to be answered
	return Done
}

// BodyFailed is for handlers that stream the body themselves: what the request ends with.
func (r *Request) BodyFailed(err error) Verdict {
	r.Body.state = bodyStreamed
	return r.bodyVerdict(err)
}

// StreamBody says that the handler reads the body from the wire piece by piece.
func (r *Request) StreamBody() { r.Body.state = bodyReading }

// BodyDone says that a streamed body was read to its end.
func (r *Request) BodyDone() { r.Body.state = bodyStreamed }

// BodyWaiting reports whether nobody has begun to read the body.
func (r *Request) BodyWaiting() bool { return r.Body.state == bodyUnread && r.Body.Length != 0 }

// BodyPieces returns the body as pieces to be sent on.
func (r *Request) BodyPieces(dst []Piece) []Piece {
	b := &r.Body
	switch {
	case b.File != nil && b.Size > 0:
		return append(dst, File(b.File.FD(), 0, b.Size))
	case len(b.Mem) > 0:
		return append(dst, Mem(b.Mem))
	}
	return dst
}

// DiscardBody says that the body is of no interest. What has come of it is read off the connection; the
// wire sees to the rest after the response. A verdict other than Next is the answer to a body that is
// broken.
func (r *Request) DiscardBody() Verdict {
	b := &r.Body
	r.sendContinue()
	if b.state != bodyUnread || b.Length == 0 {
		return Next
	}
	b.state = bodyGone
	if r.debug {
		r.Debugf("http set discard body")
	}
	buf := r.Loop().Take(16 << 10)
	defer r.Loop().Give(buf)
	defer func(n int64) { b.Received = n }(b.Received) // it counts for nothing
	for range discardMost {
		_, err := r.Wire.TryReadBody(r, buf)
		switch {
		case err == nil:
		case err == io.EOF:
			b.Length = 0 // none is left: $content_length
			return Next
		case err == loop.ErrAgain:
			return Next
		case errors.Is(err, ErrBadBody):
			return r.bodyVerdict(err)
		default:
			r.BodyLost = true
			return Next
		}
	}
	return Next
}

// discardMost is how many reads of a body that nobody wants are made before the response: it must not wait
// for a client that sends on and on.
const discardMost = 64

func (b *Body) close(r *Request) {
	if b.own != nil {
		r.Loop().Give(b.own)
	}
	*b = Body{}
}

// KeepBody gives a request the whole body that its handler has read by itself. mem must last as long
// as the request.
func (r *Request) KeepBody(mem []byte) {
	b := &r.Body
	b.Mem, b.Size, b.state = mem, int64(len(mem)), bodyRead
}
