package http

import (
	"bytes"
	"errors"
	"io"

	"weir/loop"
	"weir/vars"
)

// A request need not have a client. App.Background makes one of nothing, for health checks; Request.Detach makes one of a copy of another
// request, for mirrors and for updates of the cache. Such a request has a task and memory of its own, and a wire that leads nowhere: what
// it is answered with goes to a function, or is dropped. To modules it is a subrequest: its access was decided where it comes from.

// Backgrounds are the requests without a client that a process is at work on. There is one for a process, and it outlives cycles.
type Backgrounds struct {
	Pending func(loop, delta int) // counts them, for a graceful stop
	lanes   []backgroundLane      // by loop
}

type backgroundLane struct {
	first *background
	_     [56]byte // loops do not share a line
}

// Begin makes room for these many loops. Before they run.
func (b *Backgrounds) Begin(loops int) { b.lanes = make([]backgroundLane, loops) }

// EndOlder ends the requests that began before a time, as if their clients had gone: worker_shutdown_timeout is over. Any goroutine.
func (b *Backgrounds) EndOlder(e *loop.Engine, t loop.Time) {
	for _, l := range e.Loops {
		l.Post(func() {
			for g := b.lanes[l.ID()].first; g != nil; g = g.next {
				if g.req.StartedAt < t {
					g.give()
				}
			}
		})
	}
}

// A background is the wire of a request without a client, and owns it.
type background struct {
	req    Request
	client Client
	source loop.Source
	about  []byte       // what log lines say in place of client and request
	over   bool         // the answer is of no more use
	all    *Backgrounds // nil: no graceful stop waits for it

	next, before *background // of the same loop
}

// A BackgroundRequest is what App.Background asks.
type BackgroundRequest struct {
	Location *Location // whose settings hold
	Method   Method
	Name     []byte // of the method
	Target   []byte // as clients send it: it is passed on as it is
	Fields   Fields // of the head
	Body     []byte
	// About is what log lines say of it, in place of client and request: `, health check "x" of peer …`.
	About []byte
}

// Background makes a request that no client sent, has run answer it, and ends it, all in the task t. run calls a handler of the location,
// or does what a handler would, and may look at what came of it; the body of an answer is dropped. All that o names must live until Background returns. A graceful stop does not wait for it; when the
// server stops, waits end with loop.ErrStopped as in any task. Loop only: t runs there.
func (a *App) Background(t *loop.Task, o *BackgroundRequest, run func(*Request)) {
	g := &background{about: o.About}
	q := &g.req
	q.Reset()
	g.client = Client{Socket: &Socket{}, Started: t.Now()}
	q.Version, q.Protocol, q.Method, q.MethodName = HTTP11, []byte("HTTP/1.1"), o.Method, o.Name
	q.App, q.Server, q.slots = a, o.Location.Server, make([]vars.Value, a.Slots)
	q.In = append(q.In, o.Fields...)
	q.Target, q.Plain = o.Target, true
	q.URI, q.Args, _ = bytes.Cut(o.Target, []byte("?"))
	q.Body = Body{Length: int64(len(o.Body)), Mem: o.Body, Size: int64(len(o.Body))}
	q.HeaderOnly = true
	g.begin(t, nil)
	defer g.end()
	q.setLocation(o.Location)
	run(q)
}

// DetachOptions say what a detached request is.
type DetachOptions struct {
	// NoBody hides the body from it. Otherwise the body must have been read (ReadBody) or be of no interest.
	NoBody bool
	// Done is called when it is over, whatever came of it; also when it never began.
	Done func()
}

// Detach has run answer a copy of the request in a task of its own, on the same loop, for what that does besides: nobody gets the answer.
// The copy has the head, the place, the variables and captures, and the body; it does not share memory with r, and may outlive it and the
// client. It begins at once and waits where run does. run is a handler, or calls ServeAs. A graceful stop waits for the copy, a reload
// does not; worker_shutdown_timeout ends it.
func (r *Request) Detach(o DetachOptions, run func(q *Request)) {
	g := &background{}
	q := &g.req
	q.Reset()
	g.client = *r.Client
	if c := r.Client.Conn; c != nil {
		g.client.without, g.client.Conn = &addresses{c.Peer(), c.Local()}, nil
	}
	r.Loop().Go(func(t *loop.Task) {
		if o.Done != nil {
			defer o.Done()
		}
		q.Task = t // for its memory
		defer g.end()
		g.copyOf(r)
		if err := g.copyBody(r, o.NoBody); err != nil {
			return
		}
		g.begin(t, r.App.Backgrounds)
		run(q)
		q.logSubrequest()
	})
}

// copyOf copies all of r but its body, before the task waits for the first time.
func (g *background) copyOf(r *Request) {
	q := &g.req
	in := append(q.own.In, r.In...)
	q.own = *r.Head
	q.own.In = in
	h := &q.own
	for _, b := range []*[]byte{&h.Line, &h.Protocol, &h.Target, &h.Schema, &h.HostName, &h.HostPort} {
		*b = q.keep(*b)
	}
	for i := range h.In {
		h.In[i].Name, h.In[i].Value = q.keep(h.In[i].Name), q.keep(h.In[i].Value)
	}
	q.App, q.From, q.Method, q.MethodName = r.App, r.From, r.Method, q.keep(r.MethodName)
	q.Place = r.Place
	q.URI, q.Args = q.keep(r.URI), q.keep(r.Args)
	q.SetExten()
	q.Redirects, q.jump, q.Internal = MaxRedirects, nil, true
	q.slots = append(q.slots[:0], r.slots...)
	for i := range q.slots {
		q.slots[i].B = q.keep(q.slots[i].B)
	}
	q.captures, q.capSource = append(q.captures[:0], r.captures...), q.keep(r.capSource)
	q.ID = q.keep(r.ID)
	q.HeaderOnly = true
	for _, k := range r.store {
		if _, ok := k.value.(Carried); ok {
			q.store = append(q.store, k)
		}
	}
}

// Carried marks what a request's store keeps as holding for a detached copy of the request too. It must not lead to anything that ends
// with the request.
type Carried interface{ Carried() }

// keep is Copy that tells nothing from what is empty.
func (r *Request) keep(b []byte) []byte {
	if len(b) == 0 {
		return b
	}
	return r.Copy(b)
}

// copyBody copies the body of r. It is either all there or of no interest.
func (g *background) copyBody(r *Request, none bool) error {
	b, from := &g.req.Body, &r.Body
	b.state = bodyRead
	if none || from.state != bodyRead {
		return nil
	}
	b.Length, b.Chunked, b.Size = from.Length, from.Chunked, from.Size
	if from.File != nil {
		f, err := from.File.Share()
		b.File = f
		return err
	}
	if from.Mem != nil {
		b.own = g.req.Loop().Take(max(len(from.Mem), 1))
		b.Mem = b.own[:copy(b.own, from.Mem)]
	}
	return nil
}

// begin puts the request on its task. all counts it, nil if nothing waits for it.
func (g *background) begin(t *loop.Task, all *Backgrounds) {
	q := &g.req
	q.background, q.Task, q.Wire, q.Client = g, t, g, &g.client
	q.Started, q.StartedAt = t.Loop().Wall(), t.Now()
	q.Out.ContentLength, q.Out.LastModified = -1, -1
	q.Body.state = bodyRead
	g.source = t.Loop().NewSource()
	if q.Loc != nil {
		q.setLocation(q.Loc)
	}
	if all == nil || all.lanes == nil {
		return
	}
	g.all = all
	lane := &all.lanes[t.Loop().ID()]
	if g.next = lane.first; g.next != nil {
		g.next.before = g
	}
	lane.first = g
	all.Pending(t.Loop().ID(), 1)
}

// end gives back what the request held, also when what answered it has panicked.
func (g *background) end() {
	q := &g.req
	for i, c := range q.closers {
		if q.closers[i] = nil; c != nil {
			c.CloseWith(q)
		}
	}
	f := q.Body.File
	q.Body.close(q)
	if f != nil {
		f.Close(q.Task)
	}
	l := q.Task.Loop()
	q.arena.release(l)
	if g.all == nil {
		return
	}
	if g.next != nil {
		g.next.before = g.before
	}
	if g.before != nil {
		g.before.next = g.next
	} else {
		g.all.lanes[l.ID()].first = g.next
	}
	g.all.Pending(l.ID(), -1)
}

// give gives the request up.
func (g *background) give() {
	g.over = true
	g.source.Set(loop.Hup)
}

// ServeAs answers the request as one for this URI of its server, from the rewrite phase of the server on. For who runs a detached request.
func (r *Request) ServeAs(uri, args []byte) {
	r.dropPlace()
	r.Redirects = 0
	r.setURI(r.keep(uri), r.keep(args))
	r.enter(r.Server.Root)
	r.finalize(r.servePhases())
}

// logSubrequest writes the log line of a request that no client waits for, where log_subrequest asks for it.
func (r *Request) logSubrequest() {
	r.logged = true
	if r.Loc.Core.LogSubrequest {
		for _, f := range r.Loc.Logs {
			f(r)
		}
	}
}

// Background reports whether the request has no client: it is made for what its handler does besides answering.
func (r *Request) Background() bool { return r.background != nil }

// errTunnelless says that nobody is there to be the other end of a tunnel.
var errTunnelless = errors.New("connection upgrade without a client")

// SendHead leaves the head where run may look at it: in Out (Wire).
func (g *background) SendHead(r *Request) error {
	if r.Out.Status == 101 {
		return errTunnelless
	}
	return nil
}

// SendEarly sends nothing (Wire).
func (g *background) SendEarly(*Request, int, Fields) error { return nil }

// Send drops the body (Wire).
func (g *background) Send(r *Request, p []Piece, _ Flags) error {
	r.giveBack(p)
	return nil
}

// Queued is nothing (Wire).
func (g *background) Queued() int64 { return 0 }

// Push has nothing to write (Wire).
func (g *background) Push(*Request) (loop.Time, error) { return 0, nil }

// Drain has nothing to wait for (Wire).
func (g *background) Drain(*Request) error { return nil }

// ReadBody has nothing to read: the body was there from the beginning (Wire).
func (g *background) ReadBody(*Request, []byte) (int, error) { return 0, io.EOF }

// TryReadBody is ReadBody (Wire).
func (g *background) TryReadBody(*Request, []byte) (int, error) { return 0, io.EOF }

// Preread is nothing (Wire).
func (g *background) Preread() int { return 0 }

// NoContinue has nobody to keep from sending (Wire).
func (g *background) NoContinue() {}

// Source is ready for nothing but the end of the request (Wire).
func (g *background) Source() *loop.Source { return &g.source }

// Gone reports whether the request was given up (Wire).
func (g *background) Gone() bool { return g.over }

// Fail gives the request up (Wire).
func (g *background) Fail(error) { g.over = true }

// Tunnel never happens: SendHead refuses a 101 (Wire).
func (g *background) Tunnel(*Request) (loop.End, []byte) {
	panic("bug: a request without a client cannot become a tunnel")
}

// Count has nothing to count (Wire).
func (g *background) Count(int64) {}

var _ Wire = (*background)(nil)
