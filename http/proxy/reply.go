package proxy

import (
	"bytes"
	"strconv"

	"weir/http"
	"weir/http/h1"
	"weir/logs"
	"weir/loop"
	"weir/upstream"
)

// A reply is what the head of a peer's response says that matters to the proxy itself.
type reply struct {
	status   int
	line     []byte // status and reason as the peer has them
	length   int64  // -1: not told
	modified int64  // seconds since 1970; -1: not told
	chunked  bool
	close    bool // the peer closes the connection
	upgrade  bool // 101, and the client asked for it
	redirect []byte
	charset  []byte
	seen     uint32 // single fields that have come: bits of singleBit
	dropped  []bool // fields that count for nothing, by their place; nil: none
}

func (y *reply) reset() {
	*y = reply{length: -1, modified: -1}
}

// readHead reads what the peer has sent until the head of the response is complete.
func (x *exchange) readHead() (headState, Faults) {
	x.r.Doing = "reading response header from upstream"
	if x.buf == nil {
		x.buf = x.r.Loop().Take(int(x.road.opt.BufferSize))
	}
	for {
		n, err := x.link.Conn.TryRead(x.buf[x.end:])
		if err != nil {
			if err == loop.ErrAgain {
				return headMore, 0
			}
			x.peerFailed("recv()", err)
			return headMore, faultError
		}
		x.end += n
		x.cur().received += int64(n)
		if state, f := x.parse(); state == headDone || f != 0 {
			return state, f
		}
	}
}

// parse has the protocol read the head, once for each interim response.
func (x *exchange) parse() (headState, Faults) {
	for {
		switch x.proto.parseHead() {
		case headDone:
			x.cur().header = x.since()
			return headDone, 0
		case headBad:
			return headMore, faultInvalidHeader
		case headEarly:
			x.passEarly()
			continue
		}
		if x.end == len(x.buf) {
			x.r.Log(logs.Error, "upstream sent too big header")
			return headMore, faultInvalidHeader
		}
		return headMore, 0
	}
}

// passEarly passes an interim response on, if early_hints allows it, and makes room for the next.
func (x *exchange) passEarly() {
	r := x.r
	size := x.at
	x.early += int64(size)
	if x.wantsEarly() {
		if x.early > x.road.opt.BufferSize {
			r.Log(logs.Info, "upstream sent too big early hints")
		} else {
			var out http.Fields
			for i := range x.fields {
				if !x.road.hidden.has(&x.fields[i]) {
					out = append(out, x.fields[i])
				}
			}
			_ = r.Wire.SendEarly(r, 103, out)
		}
	}
	copy(x.buf, x.buf[size:x.end])
	x.end -= size
	x.at = 0
	x.reply.reset()
	x.proto.restart()
}

// wantsEarly says what early_hints says: one of its values is neither empty nor "0".
func (x *exchange) wantsEarly() bool {
	for _, text := range x.r.Loc.Core.EarlyHints {
		if v := x.r.Text(text); len(v) > 0 && string(v) != "0" {
			return true
		}
	}
	return false
}

// readFields takes in what the fields of a response say. It reports false, and has logged why, when
// the response cannot be used.
func (x *exchange) readFields() bool {
	for i := range x.fields {
		f := &x.fields[i]
		if bit := singleBit(f.ID); bit != 0 {
			if x.reply.seen&bit != 0 {
				if !x.duplicate(i, f) {
					return false
				}
				continue
			}
			x.reply.seen |= bit
		}
		if !x.obey(f) {
			return false
		}
	}
	return true
}

// singleBit is a bit for each field that a response has once, 0 for the others.
func singleBit(id http.HeaderID) uint32 {
	switch id {
	case http.HdrContentLength:
		return 1
	case http.HdrTransferEncoding:
		return 2
	case http.HdrStatus:
		return 4
	case http.HdrContentType:
		return 8
	case http.HdrDate:
		return 16
	case http.HdrLastModified:
		return 32
	case http.HdrETag:
		return 64
	case http.HdrServer:
		return 128
	case http.HdrLocation:
		return 256
	case http.HdrRefresh:
		return 512
	case http.HdrXAccelRedirect:
		return 1024
	case http.HdrXAccelLimitRate:
		return 2048
	case http.HdrExpires:
		return 4096
	case http.HdrXAccelExpires:
		return 8192
	}
	return 0
}

// duplicate handles a field that should be there once and is there again: those that frame the body
// make the response unusable, others are ignored.
func (x *exchange) duplicate(i int, again *http.Field) bool {
	first := x.fields.Find(again.ID)
	text := h1.AppendDuplicate([]byte("upstream "), again, first)
	if again.ID == http.HdrContentLength || again.ID == http.HdrTransferEncoding {
		x.r.Log(logs.Error, string(text))
		return false
	}
	x.r.Log(logs.Warn, string(text)+", ignored")
	if x.reply.dropped == nil {
		x.reply.dropped = make([]bool, len(x.fields))
	}
	x.reply.dropped[i] = true
	return true
}

// obey does what a field of the response asks of the proxy.
func (x *exchange) obey(f *http.Field) bool {
	y, ignore := &x.reply, x.road.opt.Ignore
	switch f.ID {
	case http.HdrContentLength:
		return x.readLength(f)
	case http.HdrTransferEncoding:
		return x.readCoding(f)
	case http.HdrConnection:
		y.close = y.close || h1.HasToken(f.Value, "close")
	case http.HdrLastModified:
		if at, ok := http.ParseHTTPDate(f.Value); ok {
			y.modified = at
		}
	case http.HdrXAccelRedirect:
		if ignore&ignoreRedirect == 0 {
			y.redirect = f.Value
		}
	case http.HdrXAccelLimitRate:
		if n, err := strconv.ParseInt(string(f.Value), 10, 64); err == nil && n >= 0 && ignore&ignoreLimitRate == 0 {
			x.r.SetLimitRate(n)
		}
	case http.HdrXAccelBuffering:
		if ignore&ignoreBuffering == 0 {
			switch {
			case http.EqualFold(f.Value, "no"):
				x.buffering = false
			case http.EqualFold(f.Value, "yes"):
				x.buffering = true
			}
		}
	case http.HdrXAccelCharset:
		if ignore&ignoreCharset == 0 {
			y.charset = f.Value
		}
	}
	return true
}

func (x *exchange) readLength(f *http.Field) bool {
	if x.fields.Has(http.HdrTransferEncoding) {
		return x.bothLengths()
	}
	n, err := strconv.ParseUint(string(f.Value), 10, 63)
	if err != nil {
		x.r.Logf(logs.Error, "upstream sent invalid \"Content-Length\" header: \"%s: %s\"", f.Name, f.Value)
		return false
	}
	x.reply.length = int64(n)
	return true
}

func (x *exchange) readCoding(f *http.Field) bool {
	if x.fields.Has(http.HdrContentLength) {
		return x.bothLengths()
	}
	if !http.EqualFold(f.Value, "chunked") {
		x.r.Logf(logs.Error, "upstream sent unknown \"Transfer-Encoding\": \"%s\"", f.Value)
		return false
	}
	x.reply.chunked = true
	return true
}

func (x *exchange) bothLengths() bool {
	x.r.Log(logs.Error, "upstream sent \"Content-Length\" and \"Transfer-Encoding\" headers at the same time")
	return false
}

// answer passes a response on to the client.
func (x *exchange) answer() http.Verdict {
	r := x.r
	x.attempt.Header(x.peer, r.Task.Now(), upstream.Timing{Header: x.cur().header, Last: x.since()})
	if x.reply.status >= 300 && x.intercepted() {
		x.finish()
		return http.Verdict(x.reply.status)
	}
	if len(x.reply.redirect) > 0 {
		return x.accelRedirect()
	}
	x.copyHead()
	x.proto.startBody()
	if !x.buffering && !x.reply.upgrade {
		r.SetLimitRate(0)
	}
	if v := r.SendHead(); v != http.Next {
		x.finish()
		return v
	}
	var v http.Verdict
	switch {
	case x.reply.upgrade:
		v = x.tunnel()
	case x.buffering:
		v = x.pipe()
	default:
		v = x.pass()
	}
	x.finish()
	return v
}

// intercepted says that error_page answers in place of the response (proxy_intercept_errors).
func (x *exchange) intercepted() bool {
	if !x.road.opt.InterceptErrors {
		return false
	}
	for i := range x.r.Loc.Core.ErrorPages {
		if x.r.Loc.Core.ErrorPages[i].Status != x.reply.status {
			continue
		}
		if x.reply.status == 401 {
			for i := range x.fields {
				if x.fields[i].ID == http.HdrWWWAuthenticate {
					x.r.Out.Fields = append(x.r.Out.Fields, x.fields[i])
				}
			}
		}
		return true
	}
	return false
}

// accelRedirect sends the request to where X-Accel-Redirect says. Only what describes the content goes
// with it.
func (x *exchange) accelRedirect() http.Verdict {
	r := x.r
	x.finish()
	for i := range x.fields {
		f := &x.fields[i]
		if x.isDropped(i) {
			continue
		}
		switch f.ID {
		case http.HdrContentType:
			x.copyType(f.Value)
		case http.HdrSetCookie, http.HdrContentDisposition, http.HdrCacheControl, http.HdrExpires, http.HdrAcceptRanges:
			x.copyField(f)
		}
	}
	uri := x.reply.redirect
	if uri[0] == '@' {
		return r.JumpTo(uri)
	}
	path, args, ok := http.SafeURI(r, uri)
	if !ok {
		r.Logf(logs.Error, "unsafe URI \"%s\" was detected", uri)
		return http.StatusNotFound
	}
	if r.Method != http.HEAD {
		r.Method, r.MethodName = http.GET, methodGet
	}
	return r.InternalRedirect(path, args)
}

var methodGet = []byte("GET")

func (x *exchange) isDropped(i int) bool { return x.reply.dropped != nil && x.reply.dropped[i] }

// copyHead makes the head of the client's response of that of the peer's.
func (x *exchange) copyHead() {
	o, y := &x.r.Out, &x.reply
	o.Status, o.Reason = y.status, y.line
	o.ContentLength = y.length
	o.LastModified = -1
	o.NoModified = true
	for i := range x.fields {
		f := &x.fields[i]
		if !x.isDropped(i) && !x.road.hidden.has(f) {
			x.copyField(f)
		}
	}
	if x.road.opt.ForceRanges {
		o.AllowRanges, o.SingleRange = true, true
	}
	x.passedOver()
}

// passedOver leaves Server and Date out when the peer's are passed and it sent none.
func (x *exchange) passedOver() {
	o := &x.r.Out
	server := http.Field{ID: http.HdrServer}
	if !x.road.hidden.has(&server) {
		o.Server = []byte{}
	}
	date := http.Field{ID: http.HdrDate}
	if !x.road.hidden.has(&date) {
		o.Date = []byte{}
	}
}

// copyField passes one field on.
func (x *exchange) copyField(f *http.Field) {
	r, o := x.r, &x.r.Out
	switch f.ID {
	case http.HdrContentLength, http.HdrConnection, http.HdrKeepAlive, http.HdrTransferEncoding:
		return
	case http.HdrContentType:
		x.copyType(f.Value)
		return
	case http.HdrLastModified:
		o.LastModified = x.reply.modified
	case http.HdrAcceptRanges:
		if x.road.opt.ForceRanges {
			return
		}
	case http.HdrUpgrade:
		if r.Version >= http.HTTP20 {
			return
		}
	case http.HdrLocation:
		x.copyLocation(f)
		return
	case http.HdrRefresh:
		x.copyRefresh(f)
		return
	case http.HdrSetCookie:
		if x.road.hasCookieRules() {
			o.AddField(f.ID, f.Name, x.road.rewriteCookie(r, f.Value))
			return
		}
	}
	o.Fields = append(o.Fields, *f)
}

// copyLocation passes Location on, rewritten. A rewritten one that has become relative is made absolute
// as weir's own are; one that was relative stays so.
func (x *exchange) copyLocation(f *http.Field) {
	r, o := x.r, &x.r.Out
	value, changed := first(x.road.redirect, r, f.Value, 0)
	if changed && len(value) > 0 && value[0] == '/' && r.Loc.Core.AbsoluteRedirect {
		o.Location = value
		return
	}
	o.AddField(f.ID, f.Name, value)
}

func (x *exchange) copyRefresh(f *http.Field) {
	value := f.Value
	if at := refreshURL(value); at >= 0 {
		value, _ = first(x.road.redirect, x.r, value, at)
	}
	x.r.Out.AddField(f.ID, f.Name, value)
}

// copyType passes Content-Type on. A charset is set apart, for those who change it, if it is written
// as weir would write it; else the value stays as it came.
func (x *exchange) copyType(value []byte) {
	o := &x.r.Out
	o.ContentType, o.Charset = value, nil
	rest := value
	for {
		i := bytes.IndexByte(rest, ';')
		if i < 0 {
			return
		}
		before := len(value) - len(rest) + i
		rest = bytes.TrimLeft(rest[i+1:], " ")
		const mark = "charset="
		if !bytes.HasPrefix(rest, []byte(mark)) {
			continue
		}
		name := rest[len(mark):]
		if before+len("; charset=")+len(name) == len(value) && !bytes.HasPrefix(name, []byte(`"`)) {
			o.ContentType, o.Charset = value[:before], name
		}
		return
	}
}
