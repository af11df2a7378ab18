package proxy

import (
	"math"

	"weir/http"
	"weir/http/field"
	"weir/http/h1"
	"weir/logs"
)

// http1 speaks HTTP/1.0 or 1.1 with the peer (protocol).
type http1 struct {
	loc         *http1Loc
	parser      h1.ResponseParser
	chunks      h1.Chunked
	lineIn      bool  // the status line was read
	toHead      bool  // the request was made with HEAD: its response has no body
	length      int64 // of the request's body, as told to the peer; -1: not told
	sendsChunks bool  // the request's body goes in chunks
	upgrades    bool  // the request asks for another protocol
	isChunked   bool  // the response's body comes in chunks
	left        int64 // of the response's body
}

// http1Loc is what a location with proxy_pass says of HTTP/1. It does not change.
type http1Loc struct {
	*proxyConf
	head headPlan
	// headCached is the plan of requests whose responses may be stored; nil where there is no cache.
	headCached *headPlan
	redirect   []rewrite
}

func newHTTP1Loc(c *proxyConf) *http1Loc {
	return &http1Loc{proxyConf: c, head: newHeadPlan(c), redirect: c.redirect.forTarget(c.pass)}
}

// protocol returns the protocol for one request, made of an old one if there is one.
func (l *http1Loc) protocol(old protocol) protocol {
	p := reuse[http1](old)
	p.loc = l
	return p
}

// restart implements protocol.
func (p *http1) restart(*call) {
	p.parser.Reset(0)
	p.lineIn, p.isChunked = false, false
}

// parseHead implements protocol.
func (p *http1) parseHead(c *call) headState {
	buf := c.buf[:c.end]
	if !p.lineIn {
		done, err := p.parser.ParseLine(buf)
		switch {
		case err != nil:
			c.r.Log(logs.Error, "upstream "+h1.FaultStatusLine.Text())
			return headBad
		case !done:
			return headMore
		}
		p.lineIn = true
		c.reply.status = p.parser.Status
		c.reply.close = p.parser.Version < http.HTTP11
		if c.reply.status == 103 && c.reply.close {
			c.r.Log(logs.Error, "upstream "+h1.FaultEarlyHints10.Text())
			return headBad
		}
	}
	if state := parseFields(c, &p.parser, buf); state != headDone {
		return state
	}
	c.at = p.parser.Used()
	c.reply.line = p.parser.StatusLine(buf)
	if c.reply.status < 200 && c.reply.status != 101 {
		return headEarly
	}
	if c.r.Debugs() {
		c.r.Debugf("http proxy status %d \"%s\"", c.reply.status, c.reply.line)
		debugFields(c, "proxy")
	}
	return headDone
}

// parseFields reads the fields of a head, whichever protocol carries them. Those before a fault are known to
// $upstream_http_NAME.
func parseFields(c *call, p *h1.ResponseParser, buf []byte) headState {
	done, err := p.ParseFields(buf)
	if err == nil && !done {
		return headMore
	}
	c.fields = p.Fields(buf, c.fields[:0])
	if err == nil {
		return headDone
	}
	f, ok := err.(*http.Fault)
	if !ok {
		f = http.FaultField
	}
	c.r.Logf(logs.Error, "upstream %s", p.AppendFault(nil, buf, f))
	return headBad
}

// startBody implements protocol.
func (p *http1) startBody(c *call) bool {
	y := &c.reply
	switch {
	case y.bodyless(p.toHead), !y.chunked && y.length == 0:
		p.left, c.bodyEnd = 0, true
		c.keepalive = !y.close
	case y.chunked:
		p.isChunked = true
		p.chunks.Reset()
		if c.conf.PassTrailers {
			p.chunks.KeepTrailer(c.r.Alloc(int(c.conf.BufferSize))[:0:c.conf.BufferSize])
		}
	default:
		p.left, c.untilEOF = y.length, y.length < 0
	}
	if y.chunked {
		y.length = -1
	}
	if y.status == 101 {
		c.keepalive = false
		if y.upgrade = p.upgrades && c.r.In.Has(field.Upgrade); !y.upgrade {
			c.r.Log(logs.Error, "upstream switched protocols without having been asked to")
			return false
		}
	}
	return true
}

// appendHead implements protocol.
func (p *http1) appendHead(dst []byte, c *call) []byte { return append(dst, c.buf[:c.at]...) }

// want implements protocol.
func (p *http1) want() int64 {
	switch {
	case p.isChunked:
		return p.chunks.Want()
	case p.left < 0:
		return math.MaxInt64
	}
	return p.left
}

// body implements protocol.
func (p *http1) body(c *call, raw []byte) (data []byte, used int, err error) {
	switch {
	case c.bodyEnd:
		p.excess(c, raw)
		return nil, len(raw), nil
	case p.isChunked:
		return p.dechunk(c, raw)
	case c.untilEOF:
		return raw, len(raw), nil
	case int64(len(raw)) > p.left:
		data = raw[:p.left] // the rest is excess, and the next that comes here
		p.left, c.bodyEnd = 0, true
		c.keepalive = !c.reply.close
		return data, len(data), nil
	}
	if p.left -= int64(len(raw)); p.left == 0 {
		c.bodyEnd = true
		c.keepalive = !c.reply.close
	}
	return raw, len(raw), nil
}

// excess logs that the peer sent more than the body; the connection cannot be kept then.
func (p *http1) excess(c *call, raw []byte) {
	if len(raw) == 0 {
		return
	}
	c.keepalive = false
	what := `more data than specified in "Content-Length" header`
	if p.isChunked {
		what = "data after final chunk"
	}
	c.r.Log(logs.Warn, "upstream sent "+what)
}

func (p *http1) dechunk(c *call, raw []byte) (data []byte, used int, err error) {
	data, used, done, err := p.chunks.Next(raw, len(raw))
	if err != nil {
		c.r.Log(logs.Error, "upstream sent invalid chunked response")
		return nil, 0, err
	}
	if !done {
		return data, used, nil
	}
	c.bodyEnd = true
	c.keepalive = !c.reply.close
	if c.trailers, err = p.chunks.Trailers(c.trailers[:0]); err != nil {
		c.r.Log(logs.Error, "upstream sent invalid trailer")
		return nil, 0, err
	}
	p.excess(c, raw[used:])
	return data, len(raw), nil
}

// rewrite implements protocol.
func (p *http1) rewrite(c *call, f *http.Field) (value []byte, changed bool) {
	return p.loc.rewrite(c.r, f)
}

// rewrite is that of protocol, whichever version is spoken.
func (l *http1Loc) rewrite(r *http.Request, f *http.Field) (value []byte, changed bool) {
	switch f.ID {
	case field.Location:
		return first(l.redirect, r, f.Value, 0)
	case field.Refresh:
		if at := refreshURL(f.Value); at >= 0 {
			return first(l.redirect, r, f.Value, at)
		}
	case field.SetCookie:
		if l.hasCookieRules() {
			return l.rewriteCookie(r, f.Value), true
		}
	}
	return f.Value, false
}

// forget implements protocol.
func (p *http1) forget() { p.loc = nil }
