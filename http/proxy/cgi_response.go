package proxy

import (
	"math"
	"strconv"

	"weir/http"
	"weir/http/field"
	"weir/http/h1"
	"weir/logs"
)

// cgiHead reads the head of a response as a CGI script writes it (RFC 3875, section 6): fields, among which Status is
// the status.
type cgiHead struct {
	parser   h1.ResponseParser
	inFields bool // the status line was read, or there is none
}

// parse reads buf[:end], of which nothing may have moved since the last call.
func (p *cgiHead) parse(c *call, buf []byte, protocol string) headState {
	state := parseFields(c, &p.parser, buf)
	if state == headDone && c.r.Debugs() {
		debugFields(c, protocol)
	}
	return state
}

// endHead finds out the status, if no status line told it. It reports false, and has logged why, when it cannot.
func endHead(c *call) bool {
	y := &c.reply
	if y.status != 0 {
		return true
	}
	if f := c.fields.Find(field.Status); f != nil {
		digits := f.Value[:min(len(f.Value), 3)]
		n, err := strconv.ParseUint(string(digits), 10, 16)
		if err != nil || len(digits) < 3 {
			c.r.Logf(logs.Error, "upstream sent invalid status \"%s\"", f.Value)
			return false
		}
		y.status = int(n)
		if len(f.Value) > 3 {
			y.line = f.Value
		}
		return true
	}
	if c.fields.Has(field.Location) {
		y.status, y.line = 302, lineFound
		return true
	}
	y.status, y.line = 200, lineOK
	return true
}

var (
	lineFound = []byte("302 Moved Temporarily")
	lineOK    = []byte("200 OK")
)

// cgiResponse is a response that ends with its connection, or by Content-Length: what uwsgi and SCGI have in common.
// A status line may stand before the fields.
type cgiResponse struct {
	cgiHead
	protocol string // for the debug log
	left     int64  // of the body
}

// restart implements protocol.
func (p *cgiResponse) restart(*call) {
	p.parser.Reset(0)
	p.inFields = false
}

// parseHead implements protocol.
func (p *cgiResponse) parseHead(c *call) headState {
	buf := c.buf[:c.end]
	if !p.inFields {
		done, err := p.parser.ParseLine(buf)
		switch {
		case err != nil:
			p.parser.Reset(p.parser.Start())
		case !done:
			return headMore
		default:
			c.reply.status, c.reply.line = p.parser.Status, p.parser.StatusLine(buf)
		}
		p.inFields = true
	}
	state := p.parse(c, buf, p.protocol)
	if state == headDone {
		c.at = p.parser.Used()
	}
	return state
}

// startBody implements protocol.
func (p *cgiResponse) startBody(c *call) bool {
	if !endHead(c) {
		return false
	}
	y := &c.reply
	if y.chunked { // a field that means nothing here
		y.length = -1
	}
	p.left = y.length
	if y.bodyless(c.headless()) || p.left == 0 {
		p.left, c.bodyEnd = 0, true
	}
	c.untilEOF = p.left < 0
	y.upgrade = y.status == 101 && c.r.In.Has(field.Upgrade)
	return true
}

// appendHead implements protocol.
func (p *cgiResponse) appendHead(dst []byte, c *call) []byte { return append(dst, c.buf[:c.at]...) }

// want implements protocol.
func (p *cgiResponse) want() int64 {
	if p.left < 0 {
		return math.MaxInt64
	}
	return p.left
}

// body implements protocol.
func (p *cgiResponse) body(c *call, raw []byte) (data []byte, used int, err error) {
	if c.untilEOF {
		return raw, len(raw), nil
	}
	n := min(int64(len(raw)), p.left)
	if n == 0 {
		sentMore(c)
		return nil, len(raw), nil
	}
	p.left -= n
	c.bodyEnd = p.left == 0
	return raw[:n], int(n), nil
}

// rewrite implements protocol: nothing leads back to the peer.
func (*cgiResponse) rewrite(_ *call, f *http.Field) ([]byte, bool) { return f.Value, false }

// frame implements protocol: the body goes as it is.
func (*cgiResponse) frame(_ *call, _ []byte, n int64, last bool) frame { return frame{n: n, end: last} }

// sentMore logs that there is more than the body.
func sentMore(c *call) {
	c.r.Log(logs.Warn, "upstream sent more data than specified in \"Content-Length\" header")
}
