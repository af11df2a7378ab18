package http

import (
	"net/netip"
	"time"

	"weir/http/field"
	"weir/http/route"
	"weir/loop"
	"weir/vars"
)

// Version is the protocol version as major*1000+minor, nginx's numbers.
type Version uint16

const (
	HTTP09 Version = 9
	HTTP10 Version = 1000
	HTTP11 Version = 1001
	HTTP20 Version = 2000
	HTTP30 Version = 3000
)

// MaxRedirects is how often one request may be sent to another URI (nginx: NGX_HTTP_MAX_URI_CHANGES).
const MaxRedirects = 10

// A Request is what the client asked, where it was led, what it is answered. It belongs to its task; nobody else may touch
// it. All byte slices are borrowed: they live until the request ends.
type Request struct {
	Task   *loop.Task
	Wire   Wire
	Client *Client
	App    *App // the cycle this request began with

	*Head             // what the client sent
	Method     Method // GET in most subrequests, whatever the client's
	MethodName []byte
	// From is the client's address: the connection's, or what realip found behind a proxy. It is not valid for a unix socket.
	From netip.AddrPort
	Body Body

	Place // where it is led

	// What it is answered.
	Out        Response
	ErrStatus  int  // status to answer with instead of the handler's own; 0: that one
	HeaderOnly bool // HEAD, or a status without a body
	KeepAlive  bool // the connection may carry another request
	BodyLost   bool // nobody wanted the body, and the client has not sent all of it: the connection ends, whatever it was told
	Started    time.Time
	StartedAt  loop.Time

	Doing string // what is being done, for "while …" in the log; "" is "…"

	own       Head        // of a client's request: Head points here
	sub       *subrequest // nil: no other request waits for it
	store     []kept
	closers   []Closer
	bodyChain []BodyFilter
	arena     arena
	rate      rate
	text      [1]Piece // of SendText
	upstream  []byte   // see SetUpstream
	debug     bool     // lines of level debug are wanted, see Debugs
	logged    bool
	acted     bool    // post_action was carried out
	counted   bool    // it is among the requests that Counters know to be at work
	left      Verdict // why the client was given up: 408 or 499

	background *background // nil: it has a client

	slots       []vars.Value
	captures    []int                // offset pairs into capSource, of the last regex matched
	capSource   []byte               // text the captures point into
	tryLocation route.Try[*Location] // r.matchLocation, bound once
}

// A Head is what the client sent before the body. Subrequests share that of the client's request, and do not change it.
type Head struct {
	Line      []byte // request line, whole
	Version   Version
	Protocol  []byte // version as sent, "HTTP/1.1"; nil in HTTP/0.9
	Target    []byte // request target as sent: $request_uri
	Schema    []byte // of an absolute-form target
	HostName  []byte // host of the target or of Host, lower case, no port; nil if there is none
	HostPort  []byte // port given with the host, if any
	In        Fields
	HeadSize  int    // bytes of request line and header fields: part of $request_length
	Escaped   bool   // the target had %XX in its path: captures are escaped again in arguments
	Pipelined bool   // it was read together with an earlier request
	ID        []byte // $request_id, nil until somebody asks
}

// A Place is where a request was led: the server and location whose settings hold, and the URI that has found them.
type Place struct {
	Server *Server // found by address and Host
	Loc    *Location

	URI       []byte // decoded, normalised; changed by rewrite and redirects
	Args      []byte
	Exten     []byte // what follows the last dot of the last path segment
	Plain     bool   // URI is the target as sent, so it may be forwarded as it is
	Internal  bool   // an internal redirect brought it here
	ErrorPage bool   // it is being answered by error_page
	Rewrite   Rewriting

	Redirects    int8 // how often its URI was changed, see MaxRedirects
	NoErrorPages bool // error_page does not hold any more (recursive_error_pages)
	jump         *Location
}

// Rewriting is what rewrite directives have done to a request. It is the rewrite module's, and tells the others where the URI comes from.
type Rewriting struct {
	// Changed says that the URI was changed in this pass, so that a location is to be found anew.
	Changed bool
	// Moved says that the URI was changed inside its location ("break"): it has no part any more that the location matched.
	Moved bool
	// Done says that a directive has ended the pass over its block and those around it.
	Done bool
	// Quote says that captures are escaped in values: no rewrite has matched in this pass.
	Quote bool
}

// NewUnsent makes a request that no client has sent, for texts with variables that are needed before there is one: it is at the default
// server of the client's address. End gives back what it has taken. For the task of the connection.
func NewUnsent(t *loop.Task, c *Client, p *Port) *Request {
	r := &Request{}
	r.Reset()
	r.Task, r.Client, r.logged = t, c, true
	r.Bind(p)
	r.setLocation(r.Server.Root)
	return r
}

// SetUpstream says which peer is being asked: `upstream: "…"` in log lines. The bytes must live as long as that holds.
func (r *Request) SetUpstream(addr []byte) { r.upstream = addr }

// Closer is something to end with the request: an open file, a buffer, a peer's connection.
type Closer interface{ CloseWith(r *Request) }

// OnEnd has c closed when the request ends, after the last byte was written.
func (r *Request) OnEnd(c Closer) { r.closers = append(r.closers, c) }

// Loop returns the loop that serves the request.
func (r *Request) Loop() *loop.Loop { return r.Task.Loop() }

// Await has f run elsewhere, which may block, and goes on when it is done.
func (r *Request) Await(f func()) { r.Task.Await(f) }

// ClientAddr is the client's address, which realip may have changed; not valid for a unix socket.
func (r *Request) ClientAddr() netip.Addr { return r.From.Addr() }

// Alloc returns n bytes that live as long as the request.
func (r *Request) Alloc(n int) []byte { return r.arena.alloc(r.Task.Loop(), n) }

// Copy keeps b for the length of the request.
func (r *Request) Copy(b []byte) []byte {
	c := r.Alloc(len(b))
	copy(c, b)
	return c
}

// Concat joins parts into memory of the request.
func (r *Request) Concat(parts ...[]byte) []byte {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	b := r.Alloc(n)[:0]
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

// Text evaluates a text with variables; the result lives as long as the request.
func (r *Request) Text(x *Text) []byte {
	if x == nil {
		return nil
	}
	if s, ok := x.Bytes(); ok {
		return s
	}
	if ref, ok := x.Single(); ok {
		v := ref.Get(r).B
		if r.debug {
			r.Debugf("http script var: \"%s\"", v)
		}
		return v
	}
	// variables may take memory of the arena themselves: the text is put together elsewhere
	l := r.Task.Loop()
	buf := l.Take(1024)
	var text []byte
	if r.debug {
		text = r.Copy(r.debugText(buf[:0], x))
	} else {
		text = r.Copy(x.Append(buf[:0], r))
	}
	l.Give(buf)
	return text
}

// SetCaptures remembers what a regular expression matched: $1 and its kin.
func (r *Request) SetCaptures(offsets []int, source []byte) {
	r.captures = append(r.captures[:0], offsets...)
	r.capSource = source
}

// CaptureBuf lends the request's capture offsets to be appended to; give the result to SetCaptures.
func (r *Request) CaptureBuf() []int { return r.captures[len(r.captures):] }

// Capture returns the text of capture n, nil if it took no part.
func (r *Request) Capture(n int) ([]byte, bool) {
	if 2*n+1 >= len(r.captures) || r.captures[2*n] < 0 {
		return nil, false
	}
	return r.capSource[r.captures[2*n]:r.captures[2*n+1]], true
}

// IsHead reports whether the request was made with HEAD.
func (r *Request) IsHead() bool { return r.Method == HEAD }

// Reset makes a request ready for its next use, keeping its buffers.
func (r *Request) Reset() {
	clear(r.slots)
	if r.tryLocation == nil {
		r.tryLocation = r.matchLocation
	}
	// Cleared in place: a literal with these fields would be made elsewhere and copied, more than a kilobyte.
	try, slots, captures, chain := r.tryLocation, r.slots[:0], r.captures[:0], r.bodyChain[:0]
	in, fields, trailers, arena := r.own.In[:0], r.Out.Fields[:0], r.Out.Trailers[:0], r.arena
	closers, store := r.closers[:0], r.store[:0]
	*r = Request{}
	r.tryLocation, r.slots, r.captures, r.bodyChain = try, slots, captures, chain
	r.own.In, r.Out.Fields, r.Out.Trailers, r.arena = in, fields, trailers, arena
	r.closers, r.store = closers, store
	r.Head = &r.own
}

// Forget drops what leads to the cycle of the last request, so that an idle Request keeps no retired configuration alive.
func (r *Request) Forget() {
	r.App, r.Server, r.Loc, r.jump, r.Client = nil, nil, nil, nil, nil
	clear(r.slots)
	clear(r.store)
	r.store = r.store[:0]
	clear(r.bodyChain)
	clear(r.Out.Fields)
	r.Out.ContentType, r.Out.Charset = nil, nil
}

// arenaChunk is the size of the buffers an arena takes from its loop.
const arenaChunk = 4096

// An arena hands out memory that lives as long as a request, from a few loop buffers.
type arena struct {
	free  []byte   // the rest of the newest chunk
	taken [][]byte // chunks to be given back
}

// alloc returns n bytes of undefined content.
func (a *arena) alloc(l *loop.Loop, n int) []byte {
	if n > len(a.free) {
		a.grow(l, n)
	}
	b := a.free[:n:n]
	a.free = a.free[n:]
	return b
}

func (a *arena) grow(l *loop.Loop, n int) {
	size := arenaChunk
	for size < n {
		size *= 2
	}
	chunk := l.Take(size)
	a.taken = append(a.taken, chunk)
	a.free = chunk
}

// release gives every chunk back to the loop.
func (a *arena) release(l *loop.Loop) {
	for i, c := range a.taken {
		l.Give(c)
		a.taken[i] = nil
	}
	a.taken = a.taken[:0]
	a.free = nil
}

// Lifetime is how long a request keeps what a module has put into its store.
type Lifetime uint8

const (
	// UntilRedirect keeps it until the request is sent to another URI of the server: what was found out about the place where it
	// was holds no longer.
	UntilRedirect Lifetime = iota
	// UntilEnd keeps it until the request has ended; log writers find it too.
	UntilEnd
)

// kept is a value in a request's store.
type kept struct {
	value any
	life  Lifetime
}

// Store puts a value of a module's own type into the request's store, where Load finds it by its type. Pointers, and values as small as
// a byte, cost no memory. Subrequests have stores of their own.
func Store[T any](r *Request, v T, life Lifetime) { r.store = append(r.store, kept{v, life}) }

// Load returns the newest T in the request's store.
func Load[T any](r *Request) (v T, ok bool) {
	for i := len(r.store) - 1; i >= 0; i-- {
		if v, ok = r.store[i].value.(T); ok {
			return v, true
		}
	}
	return v, false
}

// dropPlace forgets what was kept for the place where the request was.
func (r *Request) dropPlace() {
	n := 0
	for _, k := range r.store {
		if k.life != UntilRedirect {
			r.store[n] = k
			n++
		}
	}
	clear(r.store[n:])
	r.store = r.store[:n]
}

// What heads are made of. Their ids, their look-up and their dates are in field, which knows no request.
type (
	Field  = field.Field
	Fields = field.Fields
)
