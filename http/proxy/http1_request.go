package proxy

import (
	"bytes"
	"strconv"
	"strings"

	"weir/http"
	"weir/http/field"
	"weir/http/url"
	"weir/logs"
)

// A headPlan is how the head of a request to the peer is made: what can be written at load is.
type headPlan struct {
	version []byte     // what follows the URI: " HTTP/1.1\r\n"
	host    *http.Text // of proxy_set_header Host; nil: that of the target
	always  bool       // an empty host stands for that of the target
	parts   []headPart
	dropped nameSet // fields of the client that are not passed

	upgrades bool // Upgrade is among the ready-made lines
}

// A headPart is a stretch of ready-made lines, or one field to be worked out.
type headPart struct {
	lines []byte // "Name: value\r\n" …
	name  []byte // "Name: "
	value *http.Text
	frame frameField

	upgrade bool // it is Upgrade
}

// frameField marks the fields that tell where the body ends.
type frameField uint8

const (
	frameNone frameField = iota
	frameLength
	frameChunked
)

// newHeadPlan joins what proxy_set_header says with what holds without it: fields that concern the
// client's own connection are not passed, Host is that of proxy_pass, and the body's framing is the
// proxy's own affair. Host comes first, then the fields that are set, then those of the client.
func newHeadPlan(c *proxyConf) headPlan {
	h := headPlan{version: []byte(" HTTP/1.1\r\n"), always: true}
	if c.version == http.HTTP10 {
		h.version, h.always = []byte(" HTTP/1.0\r\n"), false
	}
	h.parts = make([]headPart, 0, len(c.headers)+2)
	for _, s := range c.headers {
		h.dropped.add(s.name)
		if strings.EqualFold(s.name, "Host") {
			h.host = s.value
			continue
		}
		h.add(s.name, s.value)
	}
	if !c.sets("Content-Length") {
		h.parts = append(h.parts, headPart{frame: frameLength})
	}
	if !c.sets("Transfer-Encoding") {
		h.parts = append(h.parts, headPart{frame: frameChunked})
	}
	for _, id := range ownFields {
		h.dropped.addKnown(id)
	}
	return h
}

// newCachedPlan is the plan of requests whose responses may be stored, with what conditionHeaders has to say.
func newCachedPlan(c *proxyConf, conditions []setHeader) *headPlan {
	h := newHeadPlan(c)
	for _, f := range conditions {
		h.dropped.add(f.name)
		if f.value != nil {
			h.add(f.name, f.value)
		}
	}
	return &h
}

// conditionHeaders are the fields that are other in requests whose responses may be stored: the whole is asked for, and under conditions
// only if it is to be seen whether what is stored is good still. Those without a value are not passed.
func conditionHeaders(in *http.Install, c *proxyConf) (all []setHeader, err error) {
	for _, f := range conditionFields {
		if c.sets(f.id.String()) {
			continue
		}
		var text *http.Text
		if f.value != "" {
			if text, err = in.Builder.Vars.Compile(f.value); err != nil {
				return nil, err
			}
		}
		all = append(all, setHeader{f.id.String(), text})
	}
	return all, nil
}

// conditionFields are the fields of conditions and ranges, with what they say of a response that is stored.
var conditionFields = [...]struct {
	id    field.ID
	value string
}{
	{field.IfModifiedSince, "$upstream_cache_last_modified"},
	{field.IfUnmodifiedSince, ""},
	{field.IfNoneMatch, "$upstream_cache_etag"},
	{field.IfMatch, ""},
	{field.Range, ""},
	{field.IfRange, ""},
}

// key is the usual key of the cache: the URL that the peer is asked for.
func (l *http1Loc) key(c *call) []byte {
	l1 := c.r.Loop()
	buf := l1.Take(1024)
	key := c.r.Copy(l.appendURI(append(buf[:0], c.dest.start...), c.r, &c.dest))
	l1.Give(buf)
	return key
}

// ownFields are fields of the client that concern its own connection, or that are the proxy's own affair.
var ownFields = [...]field.ID{
	field.Host, field.Connection, field.ProxyConnection, field.ContentLength, field.TransferEncoding, field.TE,
	field.KeepAlive, field.Expect, field.Upgrade,
}

// sets says whether there is a proxy_set_header for the field.
func (c *proxyConf) sets(name string) bool {
	for i := range c.headers {
		if strings.EqualFold(c.headers[i].name, name) {
			return true
		}
	}
	return false
}

// add adds a field: to the ready-made lines before it when its value is known.
func (h *headPlan) add(name string, value *http.Text) {
	s, ok := value.Const()
	upgrade := strings.EqualFold(name, "Upgrade")
	if !ok {
		h.parts = append(h.parts, headPart{name: []byte(name + ": "), value: value, upgrade: upgrade})
		return
	}
	if s == "" {
		return
	}
	h.upgrades = h.upgrades || upgrade
	if n := len(h.parts); n == 0 || h.parts[n-1].lines == nil {
		h.parts = append(h.parts, headPart{lines: make([]byte, 0, len(name)+len(s)+4)})
	}
	last := &h.parts[len(h.parts)-1]
	last.lines = append(append(append(append(last.lines, name...), ": "...), s...), "\r\n"...)
}

// createRequest implements protocol. The body that proxy_set_body gives is written behind the head.
func (p *http1) createRequest(c *call) http.Verdict {
	r, l := c.r, p.loc
	b := c.head[:0]
	method := r.MethodName
	switch {
	case c.asGet:
		method = methodGet
	case l.method != nil:
		method = r.Text(l.method)
	}
	plan := &l.head
	if c.caching {
		plan = l.headCached
	}
	p.toHead = field.EqualFold(method, "HEAD")
	b = append(append(b, method...), ' ')
	at := len(b)
	if b = l.appendURI(b, r, &c.dest); len(b) == at {
		r.Log(logs.Error, "zero length URI to proxy")
		return http.StatusInternal
	}
	uri := len(b)
	b = append(b, plan.version...)
	host := c.dest.host
	if plan.host != nil {
		if h := r.Text(plan.host); len(h) > 0 || !plan.always {
			host = h
		}
	}
	if len(host) > 0 {
		b = append(append(append(b, "Host: "...), host...), "\r\n"...)
	}
	body := p.frameBody(c)
	p.upgrades = plan.upgrades
	for i := range plan.parts {
		b = p.appendPart(b, c, &plan.parts[i])
	}
	if l.PassHeaders {
		b = appendFields(b, r.In, &plan.dropped)
	}
	b = append(b, "\r\n"...)
	if r.Debugs() {
		debugHead(r, b)
	}
	c.head = append(b, body...)
	c.uri = c.head[at:uri:uri]
	return http.Next
}

// debugHead logs the head of a request, a line of it in each.
func debugHead(r *http.Request, head []byte) {
	for line := range bytes.Lines(head) {
		if line = bytes.TrimRight(line, "\r\n"); len(line) > 0 {
			r.Debugf("http proxy request header: \"%s\"", line)
		}
	}
}

// frameBody decides what is said of the length of the body, and returns the body of proxy_set_body.
func (p *http1) frameBody(c *call) (body []byte) {
	r := c.r
	p.length, p.sendsChunks = -1, false
	switch {
	case p.loc.setBody != nil:
		body = r.Text(p.loc.setBody)
		p.length = int64(len(body))
	case c.streaming && r.Body.Chunked:
		p.sendsChunks = true
	case r.Body.Chunked:
		p.length = r.Body.Size
	case r.HasBody() || r.In.Has(field.ContentLength):
		p.length = r.Body.Length
	}
	return body
}

// frame implements protocol: a body goes as it is, or in chunks.
func (p *http1) frame(_ *call, dst []byte, n int64, last bool) (f frame) {
	f.n, f.end = n, last
	if !p.sendsChunks {
		return f
	}
	if n == 0 {
		f.before = lastChunk[2:]
		return f
	}
	f.before = append(strconv.AppendInt(dst, n, 16), "\r\n"...)
	if f.behind = lastChunk[:2]; last {
		f.behind = lastChunk
	}
	return f
}

// lastChunk is the end of a chunk and an empty one, which ends the body.
var lastChunk = []byte("\r\n0\r\n\r\n")

func (p *http1) appendPart(b []byte, c *call, part *headPart) []byte {
	switch {
	case part.lines != nil:
		return append(b, part.lines...)
	case part.frame == frameLength:
		if p.length >= 0 {
			b = append(b, "Content-Length: "...)
			b = append(strconv.AppendInt(b, p.length, 10), "\r\n"...)
		}
		return b
	case part.frame == frameChunked:
		if p.sendsChunks {
			b = append(b, "Transfer-Encoding: chunked\r\n"...)
		}
		return b
	}
	at := len(b)
	b = append(b, part.name...)
	start := len(b)
	b = part.value.Append(b, c.r)
	if len(b) == start {
		return b[:at]
	}
	p.upgrades = p.upgrades || part.upgrade
	return append(b, "\r\n"...)
}

// appendFields passes the client's fields on, except those in a set and those that concern its connection. They were parsed strictly, so
// they cannot hold the end of a line.
func appendFields(b []byte, in http.Fields, dropped *nameSet) []byte {
	names := namesFields(in)
	for i := range in {
		f := &in[i]
		if dropped.has(f) || names && named(in, f) {
			continue
		}
		b = append(append(b, f.Name...), ": "...)
		b = append(append(b, f.Value...), "\r\n"...)
	}
	return b
}

// appendURI writes the URI that the peer is asked for.
//
// Without a URI in proxy_pass it is the client's own, as it was sent if nothing has changed it. With
// one, that takes the place of the location's prefix. With variables it is all there is.
func (l *http1Loc) appendURI(b []byte, r *http.Request, at *destination) []byte {
	switch {
	case l.pass.text != nil && len(at.uri) > 0:
		return append(b, at.uri...)
	case len(at.uri) == 0 && r.Plain:
		return append(b, r.Target...)
	}
	skip := 0
	if len(at.uri) > 0 && !r.Rewrite.Moved {
		skip = min(len(l.pass.location), len(r.URI))
		b = append(b, at.uri...)
	}
	if rest := r.URI[skip:]; r.Escaped || r.Internal {
		b = url.AppendEscaped(b, rest, url.EscapeURI)
	} else {
		b = append(b, rest...)
	}
	if len(r.Args) > 0 {
		b = append(append(b, '?'), r.Args...)
	}
	return b
}
