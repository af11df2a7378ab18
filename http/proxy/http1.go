package proxy

import (
	"math"

	"weir/http"
	"weir/http/field"
	"weir/http/h1"
	"weir/logs"
)

// httpExchange is an exchange with a peer that speaks HTTP/1: its protocol.
type httpExchange struct {
	exchange
	plan      *plan
	parser    h1.ResponseParser
	chunks    h1.Chunked
	lineIn    bool // the status line was read
	toHead    bool // the request was made with HEAD: its response has no body
	isChunked bool
}

// serve is the handler of a location with proxy_pass.
func (p *plan) serve(r *http.Request) http.Verdict {
	x := p.take(r)
	if p.pass.text != nil {
		var v http.Verdict
		if x.place, v = p.pass.find(r, p.groups); v != http.Next {
			return v
		}
	} else {
		x.place = p.fixed
	}
	if v := x.readBody(); v != http.Next {
		return v
	}
	if v := x.createRequest(); v != http.Next {
		return v
	}
	return x.run()
}

// take gives an exchange to a request, for as long as it lasts.
func (p *plan) take(r *http.Request) *httpExchange {
	var x *httpExchange
	if pool := p.pools.of(r.Loop()); pool != nil && len(pool.free) > 0 {
		n := len(pool.free) - 1
		x = pool.free[n]
		pool.free[n] = nil
		pool.free = pool.free[:n]
	} else {
		x = &httpExchange{}
		x.proto = x
	}
	x.plan, x.road = p, &p.road
	x.buffering = p.Buffering
	x.begin(r)
	r.OnEnd(x)
	return x
}

// give takes an exchange back. Its slices are kept, so that the next one allocates nothing.
func (p *plan) give(x *httpExchange) {
	const largestHead = 16 << 10
	loop := x.r.Loop()
	clear(x.tries)
	clear(x.pieces)
	clear(x.fields)
	clear(x.trailers)
	tries, pieces, fields, trailers := x.tries[:0], x.pieces[:0], x.fields[:0], x.trailers[:0]
	head, attempt := x.head[:0], x.attempt
	if cap(head) > largestHead {
		head = nil
	}
	x.exchange = exchange{}
	x.proto, x.tries, x.pieces, x.fields, x.trailers, x.head, x.attempt = x, tries, pieces, fields, trailers, head, attempt
	x.plan = nil
	if pool := p.pools.of(loop); pool != nil && len(pool.free) < maxIdle {
		pool.free = append(pool.free, x)
	}
}

// restart makes ready for another response (protocol).
func (x *httpExchange) restart() {
	x.parser.Reset(0)
	x.lineIn, x.isChunked = false, false
}

// parseHead reads the head of a response (protocol).
func (x *httpExchange) parseHead() headState {
	buf := x.buf[:x.end]
	if !x.lineIn {
		done, err := x.parser.ParseLine(buf)
		switch {
		case err != nil:
			return x.headless()
		case !done:
			return headMore
		}
		x.lineIn = true
		x.gotLine()
		if x.reply.status == 103 && x.parser.Version < http.HTTP11 {
			x.r.Log(logs.Error, "upstream "+h1.FaultEarlyHints10.Text())
			return headBad
		}
	}
	done, err := x.parser.ParseFields(buf)
	if err != nil {
		x.logFault(buf, err)
		return headBad
	}
	if !done {
		return headMore
	}
	x.at = x.parser.Used()
	x.fields = x.parser.Fields(buf, x.fields[:0])
	x.reply.line = x.parser.StatusLine(buf)
	if x.reply.status == 103 {
		return headEarly
	}
	if !x.readFields() {
		return headBad
	}
	x.judge()
	return headDone
}

// gotLine takes note of a status line.
func (x *httpExchange) gotLine() {
	x.reply.status = x.parser.Status
	if t := x.cur(); t.status == 0 {
		t.status = x.parser.Status
	}
	x.reply.close = x.parser.Version < http.HTTP11
}

// headless takes a response without a status line as one of HTTP/0.9: all of it is the body of a 200.
func (x *httpExchange) headless() headState {
	x.r.Log(logs.Error, "upstream "+h1.FaultStatusLine.Text())
	x.r.Version = http.HTTP09
	x.at = x.parser.Start()
	x.fields = x.fields[:0]
	x.reply.status, x.reply.line = 0, nil
	x.reply.close = true
	x.cur().status = 200
	return headDone
}

func (x *httpExchange) logFault(buf []byte, err error) {
	f, ok := err.(h1.Fault)
	if !ok {
		f = h1.FaultField
	}
	x.r.Logf(logs.Error, "upstream %s", x.parser.AppendFault(nil, buf, f))
}

// judge says of a complete head whether there is a body, and of responses without one whether the
// connection can be kept.
func (x *httpExchange) judge() {
	y := &x.reply
	if y.chunked {
		y.length = -1
	}
	if x.bodyless() || !y.chunked && y.length == 0 {
		x.keepalive = !y.close
	}
	if y.status == 101 {
		x.keepalive = false
		y.upgrade = x.r.In.Has(field.Upgrade)
	}
}

// bodyless says that a response has no body, whatever its fields say (RFC 9112, section 6.3).
func (x *httpExchange) bodyless() bool {
	return x.reply.status == 204 || x.reply.status == 304 || x.toHead
}

// startBody decides how the end of the body is found (protocol).
func (x *httpExchange) startBody() {
	switch y := &x.reply; {
	case x.bodyless(), !y.chunked && y.length == 0:
		x.left, x.bodyEnd = 0, true
		x.keepalive = !y.close
	case y.chunked:
		x.isChunked = true
		x.chunks.Reset()
		if x.road.opt.PassTrailers {
			x.chunks.KeepTrailer(x.r.Alloc(int(x.road.opt.BufferSize))[:0:x.road.opt.BufferSize])
		}
	default:
		x.left, x.untilEOF = y.length, y.length < 0
	}
}

// want is the least number of bytes that must come before the body can end (protocol).
func (x *httpExchange) want() int64 {
	switch {
	case x.isChunked:
		return x.chunks.Want()
	case x.untilEOF:
		return math.MaxInt64
	}
	return x.left
}

// body takes the next stretch of the body (protocol).
func (x *httpExchange) body(raw []byte) (data []byte, used int, err error) {
	switch {
	case x.bodyEnd:
		return nil, len(raw), x.excess(raw)
	case x.isChunked:
		return x.dechunk(raw)
	case x.untilEOF:
		return raw, len(raw), nil
	case int64(len(raw)) > x.left:
		data = raw[:x.left]
		x.left, x.bodyEnd = 0, true
		x.keepalive = false
		return data, len(raw), x.excess(raw[len(data):])
	}
	if x.left -= int64(len(raw)); x.left == 0 {
		x.bodyEnd = true
		x.keepalive = !x.reply.close
	}
	return raw, len(raw), nil
}

// excess logs that the peer sent more than the body; the connection cannot be kept then.
func (x *httpExchange) excess(raw []byte) error {
	if len(raw) == 0 {
		return nil
	}
	x.keepalive = false
	what := `more data than specified in "Content-Length" header`
	if x.isChunked {
		what = "data after final chunk"
	}
	x.r.Log(logs.Warn, "upstream sent "+what)
	return nil
}

func (x *httpExchange) dechunk(raw []byte) (data []byte, used int, err error) {
	data, used, done, err := x.chunks.Next(raw, len(raw))
	if err != nil {
		x.r.Log(logs.Error, "upstream sent invalid chunked response")
		return nil, 0, err
	}
	if !done {
		return data, used, nil
	}
	x.bodyEnd = true
	x.keepalive = !x.reply.close
	if x.trailers, err = x.chunks.Trailers(x.trailers[:0]); err != nil {
		x.r.Log(logs.Error, "upstream sent invalid trailer")
		return nil, 0, err
	}
	return data, len(raw), x.excess(raw[used:])
}
