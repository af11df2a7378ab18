package proxy

import (
	"weir/http"
)

// A protocol is the language in which one exchange speaks with its peer. It owns both framings: it writes the
// head of the request, frames its body and ends it; it reads the head of the response, takes the frames off
// its body, and knows how redirects in it are to be changed.
//
// It stands below the exchange and does no I/O: it sees bytes, whether they come over a connection of their own
// or over a stream of a shared one. Peers, retries, buffering, storing, X-Accel-… and hidden fields are the
// exchange's. One exchange uses a protocol at a time; a used one serves the next exchange. Loop only.
type protocol interface {
	// createRequest writes the head of the request, and a body of the proxy's own, into c.head. Any other
	// verdict than Next is the client's answer. It is called once, however many peers are asked.
	createRequest(c *call) http.Verdict
	// restart makes ready to send the request to a peer, the first or another one, and for its response. It is
	// called again after an interim response.
	restart(c *call)
	// frame frames the next stretch of the body, of which n bytes are there; last says that no more will come.
	// It appends to dst, which has room for frameRoom bytes, what goes before and behind the stretch: the two
	// parts of f are of dst or constant. It is called with last until it has reported f.end; with n == 0 it
	// may still have an end to mark.
	frame(c *call, dst []byte, n int64, last bool) (f frame)
	// parseHead reads c.buf[c.at:c.end]. It may move what is there. When the head is complete, c.fields are
	// its fields, c.reply has status and reason where the protocol tells them, and the body begins at c.at.
	// Faults were logged.
	parseHead(c *call) headState
	// startBody says how the end of the body is found, after c.reply took in the fields. It is called for
	// every head, before it is decided what becomes of the response. It reports false, and has logged why, when
	// the response cannot be used.
	startBody(c *call) bool
	// want returns the least number of bytes that must still come before the body can end.
	want() int64
	// body takes the next stretch of the body from what the peer has sent: data is the end of raw[:used], and what
	// frames it comes before it or in the next call. Without data it wants more bytes, or c.bodyEnd has come. It
	// is called with what came behind the end too. Errors were logged.
	body(c *call, raw []byte) (data []byte, used int, err error)
	// appendHead appends the head that parseHead has read, so that it can be stored, and read again by parseHead.
	appendHead(dst []byte, c *call) []byte
	// rewrite returns what a field of the response becomes when it leads back to the peer: Location, Refresh,
	// Set-Cookie. changed is false when it stays as it is.
	rewrite(c *call, f *http.Field) (value []byte, changed bool)
	// forget lets go of the location, so that an idle protocol keeps no retired configuration alive.
	forget()
}

// A multiplexed protocol shares connections: each request has a stream of one.
type multiplexed interface {
	protocol
	// connection is what a new connection begins with; constant.
	connection() (opening []byte)
	// open is called when there is a stream for the request, after restart and before frame. It may change c.head.
	open(c *call, s *http2Stream)
}

// reuse returns a protocol that an earlier exchange has used, or a new one if old is nil or of another kind.
func reuse[P any](old protocol) *P {
	if p, ok := any(old).(*P); ok {
		return p
	}
	return new(P)
}

// A frame is the next stretch of a request's body with what goes around it.
type frame struct {
	before, behind []byte
	n              int64 // bytes of the body in it
	end            bool  // it ends the request
}

// frameRoom is the memory for what goes around one stretch.
const frameRoom = 32

// headState is what parseHead says of a response's head.
type headState uint8

const (
	headMore  headState = iota
	headDone            // complete
	headEarly           // an interim response is complete
	headBad             // it cannot be used: faultInvalidHeader
)

// A call is one request to peers and one response, as a protocol sees it: bytes and fields. The exchange says
// what is asked, the protocol what was answered.
type call struct {
	r    *http.Request
	conf *upstreamConf
	dest destination

	// The request.
	head      []byte // and a body of the proxy's own
	uri       []byte // for log lines; part of head
	streaming bool   // the body is sent while it is read
	caching   bool   // the response may be stored: conditions and ranges of the client are not passed on
	asGet     bool   // a HEAD is passed on as a GET
	body      []byte // of the proxy's own, to be framed as the client's would be; nil: there is none

	// The response. buf[at:end] are bytes read and not yet used.
	buf       []byte
	at, end   int
	reply     reply
	fields    http.Fields
	trailers  http.Fields
	keepalive bool // the connection may carry another request, as far as this response goes
	bodyEnd   bool // the last byte of the body was read
	short     bool // it came too early: the body is not complete; it was logged
	untilEOF  bool // the end of the connection is the end of the body
}

// restart forgets the response of the peer before.
func (c *call) restart() {
	c.keepalive, c.bodyEnd, c.short, c.untilEOF = false, false, false, false
	c.at, c.end = 0, 0
	c.fields = c.fields[:0] // for $upstream_http_NAME
	c.reply.reset()
}

// headless says that the response to the request has no body because of its method.
func (c *call) headless() bool { return c.r.IsHead() && !c.caching }

// A reply is what the head of a peer's response says that matters to the proxy itself.
type reply struct {
	status   int
	line     []byte // status and reason as the peer has them; nil: the usual reason
	length   int64  // -1: not told
	modified int64  // seconds since 1970; -1: not told
	chunked  bool
	close    bool   // the peer closes the connection
	upgrade  bool   // 101, and the client asked for it
	redirect []byte // nil: none was asked for
	charset  []byte
	seen     uint32 // single fields that have come: bits of singleBit
	dropped  []bool // fields that count for nothing, by their place; nil: none
}

func (y *reply) reset() {
	*y = reply{length: -1, modified: -1}
}

// bodyless says that a response has no body, whatever its fields say (RFC 9112, section 6.3).
func (y *reply) bodyless(head bool) bool { return y.status == 204 || y.status == 304 || head }
