package proxy

import (
	"strconv"
	"strings"

	"weir/http"
	"weir/http/field"
	"weir/logs"
)

// A headPlan is how the head of a request to the peer is made: what can be written at load is.
type headPlan struct {
	version []byte     // what follows the URI: " HTTP/1.1\r\n"
	host    *http.Text // of proxy_set_header Host; nil: that of the target
	always  bool       // an empty host stands for that of the target
	parts   []headPart
	dropped nameSet // fields of the client that are not passed
}

// A headPart is a stretch of ready-made lines, or one field to be worked out.
type headPart struct {
	lines []byte // "Name: value\r\n" …
	name  []byte // "Name: "
	value *http.Text
	frame frame
}

// frame marks the fields that tell where the body ends.
type frame uint8

const (
	frameNone frame = iota
	frameLength
	frameChunked
)

// newHeadPlan joins what proxy_set_header says with what holds without it: fields that concern the
// client's own connection are not passed, Host is that of proxy_pass, and the body's framing is the
// proxy's own affair. Host comes first, then the fields that are set, then those of the client.
func newHeadPlan(c *settings) headPlan {
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

// ownFields are fields of the client that concern its own connection, or that are the proxy's own affair.
var ownFields = [...]field.ID{
	field.Host, field.Connection, field.ProxyConnection, field.ContentLength, field.TransferEncoding, field.TE,
	field.KeepAlive, field.Expect, field.Upgrade,
}

// sets says whether there is a proxy_set_header for the field.
func (c *settings) sets(name string) bool {
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
	if !ok {
		h.parts = append(h.parts, headPart{name: []byte(name + ": "), value: value})
		return
	}
	if s == "" {
		return
	}
	if n := len(h.parts); n == 0 || h.parts[n-1].lines == nil {
		h.parts = append(h.parts, headPart{lines: make([]byte, 0, len(name)+len(s)+4)})
	}
	last := &h.parts[len(h.parts)-1]
	last.lines = append(append(append(append(last.lines, name...), ": "...), s...), "\r\n"...)
}

// createRequest writes the head of the request into x.out.head, and the body that proxy_set_body gives
// it. Any other verdict than Next is the answer.
func (x *httpExchange) createRequest() http.Verdict {
	r, p := x.r, x.plan
	b := x.head[:0]
	method := r.MethodName
	if p.method != nil {
		method = r.Text(p.method)
	}
	x.toHead = field.EqualFold(method, "HEAD")
	b = append(append(b, method...), ' ')
	at := len(b)
	if b = p.appendURI(b, r, &x.place); len(b) == at {
		r.Log(logs.Error, "zero length URI to proxy")
		return http.StatusInternal
	}
	x.uri = b[at:len(b):len(b)]
	b = append(b, p.head.version...)
	host := x.place.host
	if p.head.host != nil {
		if h := r.Text(p.head.host); len(h) > 0 || !p.head.always {
			host = h
		}
	}
	if len(host) > 0 {
		b = append(append(append(b, "Host: "...), host...), "\r\n"...)
	}
	body := x.frameBody()
	for i := range p.head.parts {
		b = x.appendPart(b, &p.head.parts[i])
	}
	if p.PassHeaders {
		b = appendFields(b, r.In, &p.head.dropped)
	}
	b = append(append(b, "\r\n"...), body...)
	if cap(b) > cap(x.head) {
		x.uri = b[at : at+len(x.uri)] // it moved
	}
	x.head = b
	return http.Next
}

// frameBody decides what is said of the length of the body, and returns the body of proxy_set_body.
func (x *httpExchange) frameBody() (body []byte) {
	r := x.r
	x.length, x.chunked = -1, false
	switch {
	case x.plan.setBody != nil:
		body = r.Text(x.plan.setBody)
		x.length = int64(len(body))
	case x.streaming && r.Body.Chunked:
		x.chunked = true
	case r.Body.Chunked:
		x.length = r.Body.Size
	case r.HasBody() || r.In.Has(field.ContentLength):
		x.length = r.Body.Length
	}
	return body
}

func (x *httpExchange) appendPart(b []byte, p *headPart) []byte {
	switch {
	case p.lines != nil:
		return append(b, p.lines...)
	case p.frame == frameLength:
		if x.length >= 0 {
			b = append(b, "Content-Length: "...)
			b = append(strconv.AppendInt(b, x.length, 10), "\r\n"...)
		}
		return b
	case p.frame == frameChunked:
		if x.chunked {
			b = append(b, "Transfer-Encoding: chunked\r\n"...)
		}
		return b
	}
	at := len(b)
	b = append(b, p.name...)
	start := len(b)
	b = p.value.Append(b, x.r)
	if len(b) == start {
		return b[:at]
	}
	return append(b, "\r\n"...)
}

// appendFields passes the client's fields on, except those in a set. They were parsed strictly, so
// they cannot hold the end of a line.
func appendFields(b []byte, in http.Fields, dropped *nameSet) []byte {
	for i := range in {
		f := &in[i]
		if dropped.has(f) {
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
func (p *plan) appendURI(b []byte, r *http.Request, at *place) []byte {
	switch {
	case p.pass.text != nil && len(at.uri) > 0:
		return append(b, at.uri...)
	case len(at.uri) == 0 && r.Plain:
		return append(b, r.Target...)
	}
	skip := 0
	if len(at.uri) > 0 && !r.Moved {
		skip = min(len(p.pass.location), len(r.URI))
		b = append(b, at.uri...)
	}
	if rest := r.URI[skip:]; r.Escaped || r.Internal {
		b = http.AppendEscaped(b, rest, http.EscapeURI)
	} else {
		b = append(b, rest...)
	}
	if len(r.Args) > 0 {
		b = append(append(b, '?'), r.Args...)
	}
	return b
}
