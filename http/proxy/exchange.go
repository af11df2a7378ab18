package proxy

import (
	"time"

	"weir/http"
	"weir/logs"
	"weir/loop"
	"weir/upstream"
)

// An exchange is one request on its way to a peer and its response on the way back. It is taken from
// a pool of its loop and given back when the request has ended.
type exchange struct {
	call
	h     *handler
	proto protocol

	// The search for a peer.
	attempt  upstream.Attempt
	began    loop.Time // for next_upstream_timeout
	peer     *upstream.Peer
	link     *upstream.Link
	conn     peerConn     // of link
	stream   *http2Stream // that is it, of a multiplexed protocol
	dialed   loop.Signal  // another exchange has made a connection, or failed to
	silent   bool         // the peer was waited for in vain
	refused  bool         // the peer has done nothing of what it was asked this time
	refusals int
	kept     bool // link had carried requests before
	tls      tlsUse
	tries    []try
	start    loop.Time // of the present try

	sticky   *sticky // of the group; nil: it ties nobody to its peers
	stickyID []byte  // what the client says of its peer or session; nil: nothing
	cookieAt int     // place of the cookie that says so among the response's fields, from 1 on; 0: there is none

	request  sender
	sent     bool // some of the request may be with the peer
	bodySent bool // all of it is

	early     int64 // bytes of interim responses
	answering bool  // the response is read while the request, or what belongs to it, is still being sent
	buffering bool
	pieces    []http.Piece
	saved     saving
	spooling  spool
	cache     *caching // nil: there is none here
	idleCache *caching // to be used again
	headRoom  int      // bytes of the buffer of the response's head that are left to what a cache writes before it

	done     bool      // the peer is finished with
	previous *exchange // of the same request, before an internal redirect
}

// A try is what variables and the log tell of one peer that was asked.
type try struct {
	peer     string
	server   string // as its directive has it
	status   int
	queue    time.Duration // these four: -1 when it did not come to that
	connect  time.Duration
	header   time.Duration
	response time.Duration
	sent     int64
	received int64 // from the peer, head included
	length   int64 // of the body
}

// cur is the present try.
func (x *exchange) cur() *try { return &x.tries[len(x.tries)-1] }

func (x *exchange) since() time.Duration { return x.r.Task.Now().Sub(x.start) }

// begin makes an exchange the request's own.
func (x *exchange) begin(r *http.Request) {
	x.r = r
	x.previous = newest(r)
	http.Store(r, x, http.UntilEnd)
	http.Store(r, exchangeHere{x}, http.UntilRedirect)
}

// exchangeHere is the exchange of the location where a request is.
type exchangeHere struct{ *exchange }

// run asks peers until one answers or none is left, and answers the client.
func (x *exchange) run() http.Verdict {
	if x.r.Debugs() {
		x.r.Debugf("http init upstream")
	}
	if x.dest.group == nil {
		if v := x.resolve(); v != http.Next {
			x.finish()
			return v
		}
	}
	g := x.dest.group
	x.secureFor()
	x.began = x.r.Task.Now()
	ask := upstream.Ask{Now: x.began}
	if peer := x.r.From; peer.IsValid() {
		ask.Client = peer.Addr().Unmap()
	}
	if key := x.key(g); key != nil {
		ask.Key = x.r.Text(key)
	}
	ask.SID = x.tied(g)
	g.Begin(&x.attempt, ask)
	x.attempt.Limit(x.conf.NextTries)
	for {
		f, v := x.ask()
		if v != http.Next {
			x.finish()
			return v
		}
		if f == 0 {
			if f = x.unwanted(); f == 0 {
				if v, done := x.insteadOf(); done {
					return v
				}
				return x.answer()
			}
		}
		if v, again := x.next(f); !again {
			return v
		}
	}
}

// key is the text that a hashing group wants.
func (x *exchange) key(g *upstream.Group) *http.Text {
	if len(x.h.keys) == 0 {
		return nil
	}
	return x.h.keys[g.Spec]
}

// ask asks one peer, up to the head of its response.
func (x *exchange) ask() (Faults, http.Verdict) {
	x.sent, x.bodySent, x.kept, x.done, x.early, x.answering, x.refused = false, false, false, false, 0, false, false
	x.call.restart()
	x.proto.restart(&x.call)
	if f, v := x.connect(); f != 0 || v != http.Next {
		return f, v
	}
	x.cur().connect = x.since()
	if p, ok := x.proto.(multiplexed); ok {
		p.open(&x.call, x.stream)
	}
	x.request.start(x)
	return x.converse()
}

// connect chooses a peer and takes or makes a connection to it.
func (x *exchange) connect() (Faults, http.Verdict) {
	r := x.r
	r.Doing = "connecting to upstream"
	x.start = r.Task.Now()
	x.tries = append(x.tries, try{queue: -1, connect: -1, header: -1, response: -1})
	g := x.attempt.Group()
	peer, err := x.choose()
	if err != nil {
		return x.noPeer(err)
	}
	x.peer = peer
	x.cur().peer, x.cur().server = peer.Name, peer.Server
	x.setUpstream(peer.Name, peer.Addr.Unix != "")
	x.stick(peer)
	if r.Debugs() {
		r.Debugf("get peer %s of \"%s\", try: %d", peer.Name, g.Name, len(x.tries))
	}
	if p, ok := x.proto.(multiplexed); ok {
		return x.connectStream(p)
	}
	if k := g.TakeSecure(r.Loop(), peer, x.h.tag, &x.tls.secure); k != nil {
		x.use(k)
		x.keptOne()
		return 0, http.Next
	}
	return x.dial()
}

// keptOne takes note that the connection has carried requests before.
func (x *exchange) keptOne() {
	x.kept = true
	if x.r.Debugs() {
		x.r.Debugf("get keepalive peer: using connection fd:%d", x.link.Conn.FD())
	}
}

// dial makes a new connection to the peer.
func (x *exchange) dial() (Faults, http.Verdict) {
	r, opt := x.r, x.conf
	o := x.h.dial
	if opt.Bind.text != nil {
		addr, ok := parseBind(string(r.Text(opt.Bind.text)))
		if !ok && len(r.Text(opt.Bind.text)) > 0 {
			r.Logf(logs.Error, "invalid local address \"%s\"", r.Text(opt.Bind.text))
		}
		o.Bind = addr
	}
	o.NoDelay = r.Loc.Core.TCPNoDelay
	if !x.stays() {
		o.Watch = r.Wire.Source()
	}
	if r.Debugs() {
		r.Debugf("connect to %s", x.peer.Name)
	}
	until := r.Task.After(opt.ConnectTimeout)
	c, err := r.Loop().Dial(r.Task, x.peer.Addr, o, until)
	if err != nil {
		if r.Debugs() {
			r.Debugf("http upstream connect: %v", err)
		}
		return x.dialFailed(err, o.Bind)
	}
	if r.Debugs() {
		r.Debugf("http upstream connect: done, fd:%d", c.FD())
	}
	k := x.attempt.Group().NewLink(c, x.peer, r.Task.Now())
	k.Secure = x.tls.secure
	x.use(k)
	if !x.tls.on {
		return 0, http.Next
	}
	return x.handshake(c, until)
}

// setUpstream tells log lines whom the request is sent to.
func (x *exchange) setUpstream(name string, unix bool) {
	schema := x.dest.schema
	if schema == "" {
		schema = x.h.pass.schema
	}
	n := len(schema) + len(name) + len(x.uri) + 1
	b := append(append(x.r.Alloc(n)[:0], schema...), name...)
	if unix {
		b = append(b, ':')
	}
	x.r.SetUpstream(append(b, x.uri...))
}

// next decides what comes after a fault: another peer, or the client's answer.
func (x *exchange) next(f Faults) (http.Verdict, bool) {
	if x.r.Debugs() {
		x.r.Debugf("http next upstream, %x", int(f))
	}
	o := upstream.Failed
	again := x.refusedSafely()
	if f == fault403 || f == fault404 || again {
		o = upstream.NotCounted
	}
	x.silent = f == faultTimeout
	x.leave(o)
	if f == faultTimeout {
		x.r.Log(logs.Error, "upstream timed out (110: Connection timed out)")
	}
	if x.kept && f == faultError {
		x.attempt.Regain()
	}
	if x.gone() {
		return http.StatusClientClosed, false
	}
	status := f.status()
	x.cur().status = int(status)
	if again {
		x.attempt.Regain()
	}
	c := x.chance()
	if !again && !c.again(f, 0) {
		if v, done := x.staleInstead(f, false); done {
			return v, false
		}
		x.keepFault(status)
		x.finish()
		return status, false
	}
	x.cur().response = x.since()
	return http.Next, true
}

// unwanted is the fault of a complete response whose status asks for another peer, if there is one.
func (x *exchange) unwanted() Faults {
	if x.reply.status < 300 {
		return 0
	}
	f := statusFault(x.reply.status)
	if f == 0 {
		return 0
	}
	if c := x.chance(); !c.again(f, 1) {
		return 0
	}
	return f
}

func (x *exchange) chance() chance {
	opt := x.conf
	return chance{
		allowed: opt.Next, tries: x.attempt.Tries(), sent: x.sent, stream: x.streaming, method: x.r.Method,
		late: opt.NextTimeout > 0 && x.r.Task.Now().Sub(x.began) >= opt.NextTimeout,
	}
}

// leave ends the connection to the peer, or keeps it for another request, and reports how it did.
func (x *exchange) leave(o upstream.Outcome) {
	if x.peer == nil {
		return
	}
	p, t := x.peer, x.cur()
	x.peer = nil
	if x.r.Debugs() {
		x.r.Debugf("free peer %s, failed: %t", p.Name, o == upstream.Failed)
	}
	if s := x.sticky; s != nil && s.Sessions != nil && !s.Header && o == upstream.OK {
		x.learn(p)
	}
	timing := upstream.Timing{Header: t.header, Last: x.since(), Status: t.status, Sent: t.sent, Received: t.received}
	if x.attempt.Done(p, x.r.Task.Now(), o, timing) {
		x.r.Log(logs.Warn, "upstream server temporarily disabled")
	}
	k, s := x.link, x.stream
	x.link, x.conn, x.stream = nil, nil, nil
	if k == nil {
		return
	}
	if s != nil {
		s.leave(x.bodySent && !x.request.pending(), x.silent)
		return
	}
	fd := k.Conn.FD()
	kept := o != upstream.Failed && x.keepalive && x.reply.status >= 200 && x.bodySent && !x.request.pending() && x.at == x.end && k.Keep(x.h.tag)
	if x.r.Debugs() {
		x.debugLeave(fd, kept)
	}
	if !kept {
		k.Conn.Close()
	}
}

// insteadOf answers from the cache in place of a complete response: with an old one that is better, or that is good still.
func (x *exchange) insteadOf() (http.Verdict, bool) {
	if x.cache == nil || x.reply.status < 300 {
		return http.Next, false
	}
	if f := statusFault(x.reply.status); f != 0 {
		if v, done := x.staleInstead(f, true); done {
			return v, true
		}
	}
	return x.revalidated()
}

// finish ends what the exchange has to do with its peer, and with the cache.
func (x *exchange) finish() {
	x.finishPeer()
	x.freeCache()
}

// finishPeer ends what the exchange has to do with its peer.
func (x *exchange) finishPeer() {
	if x.done {
		return
	}
	x.done = true
	if x.r.Debugs() {
		x.r.Debugf("finalize http upstream request: %d", x.reply.status)
	}
	if n := len(x.tries); n > 0 && x.tries[n-1].response < 0 {
		x.tries[n-1].response = x.since()
	}
	x.leave(upstream.OK)
}

// gone says that the client has gone and nobody wants the answer.
func (x *exchange) gone() bool {
	return !x.stays() && x.r.Wire.Gone()
}

// stays says that the peer is left to finish when the client has gone. A request without a client is given up for good reason.
func (x *exchange) stays() bool { return (x.h.stays || x.storable()) && !x.r.Background() }

// CloseWith gives everything back when the request has ended (http.Closer).
func (x *exchange) CloseWith(r *http.Request) {
	x.finish()
	x.closeSaved()
	x.countCached()
	x.dropCaching()
	x.request.close(r)
	if x.buf != nil {
		r.Loop().Give(x.buf)
	}
	x.h.give(x)
}
