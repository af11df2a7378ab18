package proxy

import (
	"strconv"
	"strings"

	"weir/http"
	"weir/http/field"
	"weir/http/h2"
	"weir/http/url"
	"weir/logs"
)

// http2Loc is what a location says of HTTP/2 with its peers. It does not change.
type http2Loc struct {
	opening []byte // of a connection
	plan    http2Plan
	cached  *http2Plan // of requests whose responses may be stored; nil where there is no cache
	conf    *upstreamConf

	method  *http.Text // in place of the client's; nil: none
	setBody *http.Text // the same
	uri     func(b []byte, r *http.Request, at *destination) []byte
	rewrite func(r *http.Request, f *http.Field) ([]byte, bool) // nil: nothing leads back to the peer
}

// A http2Plan is how the fields of a request are made: what can be encoded at load is.
type http2Plan struct {
	host    *http.Text // in place of that of the target; nil: none
	parts   []http2Part
	dropped nameSet // fields of the client that are not passed
}

// A http2Part is a stretch of fields that are encoded already, or one to be worked out.
type http2Part struct {
	fields []byte
	name   []byte // encoded
	value  *http.Text
	kind   http2Field
}

// http2Field marks fields that the protocol itself works out.
type http2Field uint8

const (
	http2Set    http2Field = iota // as the configuration says
	http2Length                   // Content-Length
	http2TE                       // TE: trailers, if the client says so
)

// newGRPCLoc is a location with grpc_pass.
func newGRPCLoc(c *upstreamConf, headers []setHeader) *http2Loc {
	l := &http2Loc{opening: openHTTP2(), conf: c, uri: func(b []byte, r *http.Request, _ *destination) []byte { return appendOwnURI(b, r) }}
	l.plan = newHTTP2Plan(headers, true, nil)
	return l
}

// newProxyHTTP2Loc is a location with proxy_pass, of which the other one is for HTTP/1. conditions are those of a cache.
func newProxyHTTP2Loc(l1 *http1Loc, conditions []setHeader) *http2Loc {
	l := &http2Loc{
		opening: openHTTP2(), conf: &l1.upstreamConf, method: l1.method, setBody: l1.setBody,
		uri: l1.appendURI, rewrite: l1.rewrite, plan: newHTTP2Plan(l1.headers, false, nil),
	}
	if l1.headCached != nil {
		cached := newHTTP2Plan(l1.headers, false, conditions)
		l.cached = &cached
	}
	return l
}

// newHTTP2Plan joins what the configuration sets with what holds without it. With te, trailers are asked for if the client does.
func newHTTP2Plan(headers []setHeader, te bool, conditions []setHeader) (l http2Plan) {
	for _, s := range headers {
		l.dropped.add(s.name)
		if strings.EqualFold(s.name, "Host") {
			l.host = s.value
			continue
		}
		l.set(s.name, s.value)
	}
	for _, s := range conditions {
		l.dropped.add(s.name)
		if s.value != nil {
			l.set(s.name, s.value)
		}
	}
	l.own(headers, "Content-Length", http2Length)
	if te {
		l.own(headers, "TE", http2TE)
	}
	for _, id := range ownFields {
		l.dropped.addKnown(id)
	}
	return l
}

// own adds a field that the protocol works out, unless the configuration sets it.
func (l *http2Plan) own(headers []setHeader, name string, kind http2Field) {
	for i := range headers {
		if strings.EqualFold(headers[i].name, name) {
			return
		}
	}
	l.parts = append(l.parts, http2Part{name: h2.AppendName(nil, []byte(name)), kind: kind})
}

// set adds a field: to the encoded ones before it when its value is known.
func (l *http2Plan) set(name string, value *http.Text) {
	encoded := h2.AppendName(nil, []byte(name))
	s, ok := value.Const()
	if !ok {
		l.parts = append(l.parts, http2Part{name: encoded, value: value})
		return
	}
	if s == "" {
		return
	}
	if n := len(l.parts); n == 0 || l.parts[n-1].fields == nil {
		l.parts = append(l.parts, http2Part{})
	}
	last := &l.parts[len(l.parts)-1]
	last.fields = h2.AppendString(append(last.fields, encoded...), []byte(s))
}

// protocol returns the protocol for one request, made of an old one if there is one.
func (l *http2Loc) protocol(old protocol) protocol {
	p := reuse[http2](old)
	p.loc = l
	return p
}

// Places in the static table (RFC 7541, appendix A).
const (
	http2Authority   = 1
	http2Method      = 2
	http2Status      = 8
	http2Path        = 4
	http2MethodGet   = 0x82 // these three with their values
	http2MethodPost  = 0x83
	http2PathRoot    = 0x84
	http2SchemeHTTP  = 0x86
	http2SchemeHTTPS = 0x87
)

// maxHTTP2Field is how long a method, a path or a value may be.
const maxHTTP2Field = 127 + 1<<21 - 1

// createRequest implements protocol: the fields, in HEADERS and what CONTINUATION they need. numberFrames sets the stream.
func (p *http2) createRequest(c *call) http.Verdict {
	r, l := c.r, p.loc
	b := h2.AppendFrameHead(c.head[:0], 0, h2.FrameHeaders, 0, 0)
	method := r.MethodName
	switch {
	case c.asGet:
		method = methodGet
	case l.method != nil:
		method = r.Text(l.method)
	}
	plan := &l.plan
	if c.caching {
		plan = l.cached
	}
	p.toHead = field.EqualFold(method, "HEAD")
	b = appendMethod(b, method)
	if c.dest.tls {
		b = append(b, http2SchemeHTTPS)
	} else {
		b = append(b, http2SchemeHTTP)
	}
	path := l.uri(r.Alloc(len(r.Target) + len(c.dest.uri) + 3*len(r.URI) + len(r.Args) + 1)[:0], r, &c.dest)
	switch {
	case len(path) == 0:
		r.Log(logs.Error, "zero length URI to proxy")
		return http.StatusInternal
	case len(path) > maxHTTP2Field:
		r.Log(logs.Error, "too long http2 URI")
		return http.StatusInternal
	case string(path) == "/":
		b = append(b, http2PathRoot)
	default:
		b = h2.AppendIndexed(b, http2Path, path)
	}
	host := c.dest.host
	if plan.host != nil {
		if text := r.Text(plan.host); len(text) > 0 {
			host = text
		}
	}
	b = h2.AppendIndexed(b, http2Authority, host)
	if c.body = nil; l.setBody != nil {
		c.body = r.Text(l.setBody)
	}
	p.length = l.bodyLength(c)
	for i := range plan.parts {
		b = p.appendPart(b, c, &plan.parts[i])
	}
	if l.conf.PassHeaders {
		b = appendHTTP2Fields(b, r.In, &plan.dropped)
	}
	c.head = splitHeaders(b)
	if !c.streaming && p.bodySize(c) == 0 {
		c.head[4] |= h2.FlagEndStream
	}
	return http.Next
}

func appendMethod(b, method []byte) []byte {
	switch string(method) {
	case "GET":
		return append(b, http2MethodGet)
	case "POST":
		return append(b, http2MethodPost)
	}
	return h2.AppendIndexed(b, http2Method, method)
}

// bodySize is how long a body is that need not be waited for.
func (p *http2) bodySize(c *call) int64 {
	switch {
	case p.loc.setBody != nil:
		return int64(len(c.body))
	case !p.loc.conf.PassBody:
		return 0
	}
	return c.r.Body.Size
}

// appendPart appends one field, or those that were encoded beforehand.
func (p *http2) appendPart(b []byte, c *call, part *http2Part) []byte {
	if part.fields != nil {
		return append(b, part.fields...)
	}
	at := len(b)
	b = append(b, part.name...)
	var room [20]byte
	value := room[:0]
	switch part.kind {
	case http2Length:
		if p.length >= 0 {
			value = strconv.AppendInt(value, p.length, 10)
		}
	case http2TE:
		if f := c.r.In.Find(field.TE); f != nil && field.HasToken(f.Value, "trailers") {
			value = append(value, "trailers"...)
		}
	default:
		value = c.r.Text(part.value)
	}
	if len(value) == 0 {
		return b[:at]
	}
	return h2.AppendString(b, value)
}

// appendHTTP2Fields passes the client's fields on, except those in a set and those that concern its connection.
func appendHTTP2Fields(b []byte, in http.Fields, dropped *nameSet) []byte {
	names := namesFields(in)
	for i := range in {
		f := &in[i]
		if dropped.has(f) || names && named(in, f) {
			continue
		}
		b = h2.AppendString(h2.AppendName(b, f.Name), f.Value)
	}
	return b
}

// appendOwnURI writes the client's URI: as it was sent if nothing has changed it.
func appendOwnURI(b []byte, r *http.Request) []byte {
	if r.Plain {
		return append(b, r.Target...)
	}
	b = url.AppendEscaped(b, r.URI, url.EscapeURI)
	if len(r.Args) > 0 {
		b = append(append(b, '?'), r.Args...)
	}
	return b
}

// splitHeaders makes frames of HEADERS that may be too long: CONTINUATION carries what does not fit.
func splitHeaders(b []byte) []byte {
	at := 0
	for {
		n := len(b) - at - h2.FrameHead
		if n <= h2.DefaultFrame {
			setLength(b[at:], n)
			b[at+4] |= h2.FlagEndHeaders
			return b
		}
		setLength(b[at:], h2.DefaultFrame)
		at += h2.FrameHead + h2.DefaultFrame
		b = append(b, make([]byte, h2.FrameHead)...)
		copy(b[at+h2.FrameHead:], b[at:])
		h2.AppendFrameHead(b[:at], 0, h2.FrameContinuation, 0, 0)
	}
}

func setLength(frame []byte, n int) { frame[0], frame[1], frame[2] = byte(n>>16), byte(n>>8), byte(n) }

// numberFrames makes frames those of a stream.
func numberFrames(b []byte, id uint32) {
	for len(b) >= h2.FrameHead {
		n := int(b[0])<<16 | int(b[1])<<8 | int(b[2])
		h2.AppendFrameHead(b[:0], n, h2.FrameKind(b[3]), b[4], id)
		b = b[h2.FrameHead+n:]
	}
}

// frame implements protocol: as much as the windows allow. The end of a body whose last part has gone is an empty frame.
func (p *http2) frame(c *call, dst []byte, n int64, last bool) (f frame) {
	if c.head[4]&h2.FlagEndStream != 0 {
		return frame{end: last}
	}
	if n > 0 {
		f.n = p.stream.spend(n)
	}
	f.end = last && f.n == n
	if f.n == 0 && !f.end {
		return f
	}
	flags := byte(0)
	if f.end {
		flags = h2.FlagEndStream
	}
	f.before = h2.AppendFrameHead(dst, int(f.n), h2.FrameData, flags, p.stream.id)
	return f
}

// bodyLength is how long the body is; -1: that is not known, or there is none and nobody has said so.
func (l *http2Loc) bodyLength(c *call) int64 {
	r := c.r
	switch {
	case l.setBody != nil:
		return int64(len(c.body))
	case c.streaming && r.Body.Length < 0:
	case r.Body.Length < 0:
		return r.Body.Size
	case r.Body.Length > 0 || r.In.Has(field.ContentLength):
		return r.Body.Length
	}
	return -1
}

// forget implements protocol.
func (p *http2) forget() { p.loc, p.stream = nil, nil }
