package http

import (
	"errors"

	"weir/logs"
)

// maxDepth is how deep requests may make requests (nginx: subrequests cycle).
const maxDepth = 51

// ErrSubrequest says that a subrequest could not be made; why was logged. The request may go on.
var ErrSubrequest = errors.New("subrequest not made")

// errKilled says that a subrequest has ended the request that the client made.
var errKilled = errors.New("request ended by a subrequest")

// SubrequestOptions say what becomes of a subrequest's answer. The zero value lets its body go where the
// parent's begins.
type SubrequestOptions struct {
	// Into is the place among the parent's body filters that the body goes to: a filter that is
	// called with i gives i+1, and the subrequest's body comes out where its own would.
	Into int
	// Capture keeps the body in memory instead, see Captured.
	Capture bool
	// HeadOnly is for who only wants the status and the head.
	HeadOnly bool
	// KeepMethod asks with the parent's method instead of GET.
	KeepMethod bool
	// NoBody hides the parent's body from the subrequest.
	NoBody bool
	// Stub, if there is one, is called once instead of an answer that is an error of weir's own or has no
	// body. It may answer with SendStub.
	Stub func(sub *Request) error
}

// A subrequest is a request that another one makes while it is answered: it runs in the same task, from
// the server's rewrite phase on, and is over when Subrequest returns. It is the Wire of its own request.
//
// What it has allocated, opened and borrowed lives until the main request ends, for its body may wait in
// the client's queue for as long.
type subrequest struct {
	req    Request
	parent *Request
	main   *Request
	opt    SubrequestOptions
	depth  int

	heads    []HeadFilter // instead of those of its location; nil: those
	out      []Piece      // scratch of Send
	borrowed bool         // pieces were passed on that the sender may take back after a Drain
	any      bool         // there was a body
	captured []byte
	err      error // the request cannot go on
}

// IsSub reports whether the request was made by weir and not by a client.
func (r *Request) IsSub() bool { return r.sub != nil || r.background != nil }

// Main returns the request that the client made.
func (r *Request) Main() *Request {
	if r.sub != nil {
		return r.sub.main
	}
	return r
}

// Parent returns the request that waits for this one, nil if none does.
func (r *Request) Parent() *Request {
	if r.sub != nil {
		return r.sub.parent
	}
	return nil
}

// Subrequest asks this server for another URI and waits for the answer: variables, header fields and
// connection are those of the parent. The result lives until the main request ends.
//
// ErrSubrequest means that nothing was asked. After any other error the request is lost, and the caller
// returns it from its body filter, or Abort from its step.
func (r *Request) Subrequest(uri, args []byte, o SubrequestOptions) (*Request, error) {
	depth := 1
	if r.sub != nil {
		depth = r.sub.depth + 1
		if r.sub.opt.Capture {
			r.Logf(logs.Error, "nested in-memory subrequest \"%s\"", uri)
			return nil, ErrSubrequest
		}
	}
	if depth > maxDepth {
		r.Logf(logs.Error, "subrequests cycle while processing \"%s\"", uri)
		return nil, ErrSubrequest
	}
	s, _ := r.App.subs.Get().(*subrequest)
	if s == nil {
		s = &subrequest{}
	}
	if r.debug {
		r.Debugf("http subrequest \"%s?%s\"", uri, args)
	}
	s.begin(r, uri, args, o)
	s.depth = depth
	s.main.OnEnd(s)
	s.run()
	return &s.req, s.err
}

// begin makes the request of what its parent is.
func (s *subrequest) begin(parent *Request, uri, args []byte, o SubrequestOptions) {
	s.parent, s.main, s.opt = parent, parent.Main(), o
	q := &s.req
	q.Reset()
	q.sub, q.Wire = s, s
	q.Task, q.Client, q.App, q.Server, q.From = parent.Task, parent.Client, parent.App, parent.Server, parent.From
	q.Head = parent.Head
	q.Method, q.MethodName = GET, []byte("GET")
	if o.KeepMethod {
		q.Method, q.MethodName = parent.Method, parent.MethodName
	}
	q.Started, q.StartedAt = s.main.Loop().Wall(), s.main.Task.Now()
	q.slots = parent.slots
	q.Internal, q.HeaderOnly = true, o.HeadOnly
	q.Out.ContentLength, q.Out.LastModified = -1, -1
	q.Body = Body{state: bodyRead}
	if b := &parent.Body; b.state == bodyRead && !o.NoBody {
		q.Body = Body{Length: b.Length, Chunked: b.Chunked, Mem: b.Mem, File: b.File, Size: b.Size, Received: b.Received, state: bodyRead}
	}
	q.setURI(uri, args)
	q.FilterBody(s)
}

// run answers the request and writes its log line.
func (s *subrequest) run() {
	q := &s.req
	q.enter(q.Server.Root)
	s.finish(q.servePhases())
}

// stub has an empty answer replaced.
func (s *subrequest) stub() bool {
	f := s.opt.Stub
	if f == nil || s.any {
		return false
	}
	s.opt.Stub = nil
	if err := f(&s.req); err != nil && s.err == nil {
		s.err = err
	}
	return true
}

// answerInstead is asked before a page of weir's own is made for a status.
func (s *subrequest) answerInstead() bool { return !s.req.Out.Sent && s.stub() }

// SendStub answers with pieces that come from elsewhere, as if the subrequest had been answered with them
// and with the parent's type.
func (r *Request) SendStub(p []Piece) error {
	o := &r.Out
	r.HeaderOnly = false
	if !o.Sent {
		from := &r.sub.parent.Out
		o.Clear()
		o.Status, r.ErrStatus = 200, 0
		o.ContentType, o.Charset = from.ContentType, from.Charset
		if r.SendHead() != Next {
			return r.sub.err
		}
	}
	return r.Send(p, Last)
}

// Captured is the body that was kept in memory. It lives until the main request ends.
func (r *Request) Captured() []byte {
	if r.sub == nil {
		return nil
	}
	return r.sub.captured
}

// kill ends the client's request: the client gets nothing more, not even what waits for it.
func (s *subrequest) kill() {
	for q := &s.req; ; q = q.sub.parent {
		q.Out.Cut, q.KeepAlive = true, false
		if q.sub == nil {
			break
		}
		if q.sub.err == nil {
			q.sub.err = errKilled
		}
	}
	s.main.Wire.Fail(errKilled)
}

// CloseWith gives back what the subrequest held, when the main request has ended (Closer).
func (s *subrequest) CloseWith(main *Request) {
	q := &s.req
	app := q.App
	for i, c := range q.closers {
		c.CloseWith(q)
		q.closers[i] = nil
	}
	q.arena.release(main.Loop())
	q.slots, q.Body = nil, Body{} // the parent's
	clear(q.bodyChain)
	q.Reset()
	q.Forget()
	*s = subrequest{req: s.req, out: s.out[:0]}
	app.subs.Put(s)
}

// Again has the request answered once more by what answers it in the place where it is: URI, settings and captures are the same, the phases
// before are over. Of filters the answer has head only, and its body goes to place i of r's body filters. prepare sees the request before it
// runs. Errors are those of Subrequest.
func (r *Request) Again(i int, head HeadFilter, prepare func(again *Request)) (*Request, error) {
	s := r.subrequestAt(r.URI, r.Args, SubrequestOptions{Into: i, KeepMethod: true})
	s.depth = 1
	if r.sub != nil {
		s.depth += r.sub.depth
	}
	q := &s.req
	q.HeaderOnly = r.IsHead()
	s.heads = []HeadFilter{head}
	prepare(q)
	s.finish(q.answerHere())
	return q, s.err
}

// Release gives back what a subrequest holds before the main request ends: nothing of its body waits for the client any more.
func (r *Request) Release() {
	s := r.sub
	all := s.main.closers
	for i := len(all) - 1; i >= 0; i-- {
		if all[i] == Closer(s) {
			copy(all[i:], all[i+1:])
			all[len(all)-1] = nil
			s.main.closers = all[:len(all)-1]
			s.CloseWith(s.main)
			return
		}
	}
}

// subrequestAt makes a subrequest for the place where the request is.
func (r *Request) subrequestAt(uri, args []byte, o SubrequestOptions) *subrequest {
	s, _ := r.App.subs.Get().(*subrequest)
	if s == nil {
		s = &subrequest{}
	}
	if r.debug {
		r.Debugf("http subrequest \"%s?%s\"", uri, args)
	}
	s.begin(r, uri, args, o)
	s.main.OnEnd(s)
	q := &s.req
	place := r.Place
	place.jump = nil
	q.Place, q.debug = place, r.debug
	q.captures, q.capSource = append(q.captures[:0], r.captures...), r.capSource
	return s
}

// finish carries out the verdict of a subrequest's phases and writes its log line.
func (s *subrequest) finish(v Verdict) {
	q := &s.req
	q.finalize(v)
	if s.err == nil {
		s.stub()
	}
	q.logSubrequest()
}

// answerHere runs the content phase of the place where the request is.
func (r *Request) answerHere() Verdict {
	loc := r.Loc
	if loc.Handler != nil {
		return loc.Handler(r)
	}
	for _, s := range loc.Content {
		if v := s(r); v != Next {
			return v
		}
	}
	return Next
}
