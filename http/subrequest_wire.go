package http

import (
	"errors"
	"io"

	"weir/disk"
	"weir/logs"
	"weir/loop"
)

// A subrequest stands where its request expects the client: the head goes nowhere, the body goes to the
// parent, and all that concerns the connection to the main request's wire.

// smallPiece is up to which size borrowed memory is copied, so that nobody need wait for the client.
const smallPiece = 4 << 10

// queueMuch is how much may wait for the client before a subrequest waits too.
const queueMuch = 64 << 10

// Body sees the body before any filter does: whether there is one (BodyFilter).
func (s *subrequest) Body(r *Request, i int, p []Piece, f Flags) error {
	for k := range p {
		s.any = s.any || p[k].Size() > 0
	}
	return r.PassBody(i+1, p, f)
}

// SendHead takes note of the head, which the client does not get (Wire).
func (s *subrequest) SendHead(r *Request) error {
	switch {
	case r.Out.Status == 101:
		r.Log(logs.Error, "connection upgrade in subrequest")
	case s.opt.Capture && r.Out.ContentLength > r.Loc.Core.SubBuffer:
		r.Logf(logs.Error, "too big subrequest response: %d", r.Out.ContentLength)
	default:
		return nil
	}
	s.kill()
	return s.err
}

// SendEarly sends nothing: what comes early is no part of the parent's answer (Wire).
func (s *subrequest) SendEarly(*Request, int, Fields) error { return nil }

// Send passes pieces on to the parent, whose body does not end with them (Wire).
func (s *subrequest) Send(r *Request, p []Piece, f Flags) error {
	switch {
	case s.err != nil, r.HeaderOnly:
		r.giveBack(p)
		return s.err
	case s.opt.Capture:
		return s.keep(p)
	}
	p = s.own(p)
	f &^= Last
	if len(p) == 0 && f == 0 {
		return nil
	}
	if err := s.parent.PassBody(s.opt.Into, p, f); err != nil {
		s.err = err
		r.Out.Cut = true // the parent has logged it
	}
	return s.err
}

// own copies small pieces of borrowed memory: a subrequest that sends little need not wait until the
// client has it, and several of them share a packet.
func (s *subrequest) own(p []Piece) []Piece {
	s.out = s.out[:0]
	for _, x := range p {
		switch {
		case x.Own != nil || x.Size() == 0:
		case x.Len == 0 && len(x.B) <= smallPiece:
			buf := s.main.Loop().Take(len(x.B))
			x = Piece{B: buf[:copy(buf, x.B)], Own: buf}
		default:
			s.borrowed = true
		}
		s.out = append(s.out, x)
	}
	return s.out
}

// keep adds pieces to what is captured.
func (s *subrequest) keep(p []Piece) error {
	r := &s.req
	defer r.giveBack(p)
	for k := range p {
		n := int(p[k].Size())
		if n == 0 {
			continue
		}
		if !s.room(n) {
			r.Log(logs.Error, "too big subrequest response")
			s.kill()
			return s.err
		}
		at := len(s.captured)
		s.captured = s.captured[:at+n]
		if p[k].Len == 0 {
			copy(s.captured[at:], p[k].B)
			continue
		}
		for done := 0; done < n; {
			m, err := disk.ReadAt(r.Task, p[k].FD, s.captured[at+done:], p[k].Off+int64(done))
			if err != nil {
				r.LogErr(logs.Crit, err, "pread() failed")
				s.kill()
				return s.err
			}
			done += m
		}
	}
	return nil
}

// room makes room for n more captured bytes: as many as the head has promised in all, or as
// subrequest_output_buffer_size allows.
func (s *subrequest) room(n int) bool {
	if s.captured == nil {
		limit := s.req.Loc.Core.SubBuffer
		if have := s.req.Out.ContentLength; have >= 0 && have < limit {
			limit = have
		}
		s.captured = s.main.Alloc(int(limit))[:0]
	}
	return len(s.captured)+n <= cap(s.captured)
}

// Queued is what waits for the client (Wire).
func (s *subrequest) Queued() int64 { return s.main.Wire.Queued() }

// Push writes what the client takes now, under the main request's limits (Wire).
func (s *subrequest) Push(*Request) (loop.Time, error) {
	if s.err != nil {
		return 0, s.err
	}
	return s.main.Wire.Push(s.main)
}

// Drain waits for the client only if the sender may want its memory back, or if much is waiting (Wire).
func (s *subrequest) Drain(*Request) error {
	switch {
	case s.err != nil:
		return s.err
	case s.opt.Capture, !s.borrowed && s.main.Wire.Queued() < queueMuch:
		return nil
	}
	s.borrowed = false
	if err := s.main.Drain(); err != nil {
		s.err = err
		s.req.Out.Cut = true
	}
	return s.err
}

// ReadBody has nothing to read: the body is the parent's, read or not (Wire).
func (s *subrequest) ReadBody(*Request, []byte) (int, error) { return 0, io.EOF }

// TryReadBody is ReadBody (Wire).
func (s *subrequest) TryReadBody(*Request, []byte) (int, error) { return 0, io.EOF }

// NoContinue leaves the client's body to the parent (Wire).
func (s *subrequest) NoContinue() {}

// Preread is nothing: the body is the parent's (Wire).
func (s *subrequest) Preread() int { return 0 }

// Source is the client's (Wire).
func (s *subrequest) Source() *loop.Source { return s.main.Wire.Source() }

// Tunnel never happens: SendHead refuses a 101 (Wire).
func (s *subrequest) Tunnel(*Request) (loop.End, []byte) {
	panic("bug: a subrequest cannot become a tunnel")
}

// Count has nothing to count (Wire).
func (s *subrequest) Count(int64) {}

// Gone says that the client has gone (Wire).
func (s *subrequest) Gone() bool { return s.main.Wire.Gone() }

// Fail gives the client up (Wire).
func (s *subrequest) Fail(err error) {
	s.err = err
	s.kill()
}

var _ Wire = (*subrequest)(nil)

// act carries out post_action: the request goes to another place, with nobody to get the answer. What was told of the first answer is kept.
func (r *Request) act() {
	uri := []byte(r.Loc.Core.PostAction)
	if len(uri) == 0 || r.acted || r.Out.Status == int(Abort) {
		return
	}
	r.acted = true
	kept, wire, keepAlive, headerOnly := r.Out, r.Wire, r.KeepAlive, r.HeaderOnly
	nobody := &nobody{Wire: wire, source: r.Loop().NewSource()}
	nobody.source.Set(loop.Out)
	r.Wire, r.HeaderOnly = nobody, true
	r.Out.Sent, r.Out.AllowRanges = false, false
	clear(r.bodyChain)
	r.bodyChain = r.bodyChain[:0]
	v := Next
	if uri[0] == '/' {
		v = r.InternalRedirect(uri, nil)
	} else {
		v = r.JumpTo(uri)
	}
	r.finalize(v)
	o := &r.Out
	o.Sent, o.Ended, o.Cut = kept.Sent, kept.Ended, kept.Cut
	o.BodyBytes, o.TotalBytes, o.HeadBytes = kept.BodyBytes, kept.TotalBytes, kept.HeadBytes
	r.Wire, r.KeepAlive, r.HeaderOnly = wire, keepAlive, headerOnly
}

// nobody is who gets an answer that no client waits for (Wire).
type nobody struct {
	Wire
	source loop.Source
}

var errNobody = errors.New("nobody can be spoken with")

func (n *nobody) SendHead(r *Request) error {
	if r.Out.Status == 101 {
		return errNobody
	}
	return nil
}

func (n *nobody) SendEarly(*Request, int, Fields) error { return nil }

func (n *nobody) Send(r *Request, p []Piece, _ Flags) error {
	r.giveBack(p)
	return nil
}

func (n *nobody) Queued() int64                             { return 0 }
func (n *nobody) Push(*Request) (loop.Time, error)          { return 0, nil }
func (n *nobody) Drain(*Request) error                      { return nil }
func (n *nobody) ReadBody(*Request, []byte) (int, error)    { return 0, io.EOF }
func (n *nobody) TryReadBody(*Request, []byte) (int, error) { return 0, io.EOF }
func (n *nobody) Preread() int                              { return 0 }
func (n *nobody) NoContinue()                               {}
func (n *nobody) Source() *loop.Source                      { return &n.source }
func (n *nobody) Gone() bool                                { return false }
func (n *nobody) Fail(error)                                {}
func (n *nobody) Count(int64)                               {}
