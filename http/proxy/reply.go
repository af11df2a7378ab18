package proxy

import (
	"strconv"

	"weir/http"
	"weir/http/field"
	"weir/logs"
	"weir/loop"
)

// readHead reads what the peer has sent until the head of the response is complete.
func (x *exchange) readHead() (headState, Faults) {
	x.r.Doing = "reading response header from upstream"
	if x.r.Debugs() {
		x.r.Debugf("http upstream process header")
	}
	if x.buf == nil {
		x.buf = x.r.Loop().Take(int(x.conf.BufferSize))
	}
	for {
		n, err := x.conn.TryRead(x.buf[x.end : len(x.buf)-x.headRoom])
		if err != nil {
			if err == loop.ErrAgain {
				return headMore, 0
			}
			if x.streamFailed(err) {
				return headMore, faultInvalidHeader
			}
			x.peerFailed("recv()", err)
			return headMore, faultError
		}
		x.debugRecv(n, len(x.buf)-x.headRoom-x.end)
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
		state := x.proto.parseHead(&x.call)
		if t := x.cur(); t.status == 0 {
			t.status = x.reply.status
		}
		switch state {
		case headDone:
			if !x.readFields() {
				return headMore, faultInvalidHeader
			}
			return x.headDone()
		case headBad:
			return headMore, faultInvalidHeader
		case headEarly:
			if !x.passEarly() {
				return headMore, faultInvalidHeader
			}
			continue
		case headMore:
		}
		if x.end >= len(x.buf)-x.headRoom {
			x.r.Log(logs.Error, "upstream sent too big header")
			return headMore, faultInvalidHeader
		}
		return headMore, 0
	}
}

// headDone takes note of a complete head.
func (x *exchange) headDone() (headState, Faults) {
	if !x.proto.startBody(&x.call) {
		return headMore, faultInvalidHeader
	}
	t := x.cur()
	if t.status == 0 {
		t.status = x.reply.status
	}
	t.header = x.since()
	return headDone, 0
}

// maxInterim is how many bytes of interim responses a peer may send before its answer.
const maxInterim = 64 << 10

// passEarly passes early hints on, if early_hints allows it, lets any other interim response go, and makes room for
// the next response. It reports false, and has logged why, when there are too many.
func (x *exchange) passEarly() bool {
	size := x.at
	x.early += int64(size)
	if x.early > maxInterim {
		x.r.Log(logs.Error, "upstream sent too many interim responses")
		return false
	}
	if x.reply.status == 103 {
		x.passHints()
	} else {
		x.cur().status = 0
	}
	copy(x.buf, x.buf[size:x.end])
	x.end -= size
	x.at = 0
	x.reply.reset()
	x.proto.restart(&x.call)
	return true
}

// passHints passes what a 103 says on.
func (x *exchange) passHints() {
	if !x.wantsEarly() {
		return
	}
	if x.early > x.conf.BufferSize {
		x.r.Log(logs.Info, "upstream sent too big early hints")
		return
	}
	var out http.Fields
	for i := range x.fields {
		if f := &x.fields[i]; !x.h.hidden.has(f) && !hopByHop(f.ID) && !odd(f) && !named(x.fields, f) {
			out = append(out, *f)
		}
	}
	if len(out) > 0 {
		_ = x.r.Wire.SendEarly(x.r, 103, out)
	}
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
					x.fields = x.fields[:i+1] // for $upstream_http_NAME
					return false
				}
				continue
			}
			x.reply.seen |= bit
		}
		if !x.obey(f) {
			x.fields = x.fields[:i+1]
			return false
		}
	}
	return true
}

// singleBit is a bit for each field that a response has once, 0 for the others.
func singleBit(id field.ID) uint32 {
	switch id {
	case field.ContentLength:
		return 1
	case field.TransferEncoding:
		return 2
	case field.Status:
		return 4
	case field.ContentType:
		return 8
	case field.Date:
		return 16
	case field.LastModified:
		return 32
	case field.ETag:
		return 64
	case field.Server:
		return 128
	case field.Location:
		return 256
	case field.Refresh:
		return 512
	case field.XAccelRedirect:
		return 1024
	case field.XAccelLimitRate:
		return 2048
	case field.Expires:
		return 4096
	case field.XAccelExpires:
		return 8192
	}
	return 0
}

// duplicate handles a field that should be there once and is there again: those that frame the body
// make the response unusable, others are ignored.
func (x *exchange) duplicate(i int, again *http.Field) bool {
	first := x.fields.Find(again.ID)
	text := field.AppendDuplicate([]byte("upstream "), again, first)
	if again.ID == field.ContentLength || again.ID == field.TransferEncoding {
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
	y, ignore := &x.reply, x.conf.Ignore
	if x.cache != nil {
		x.obeyCaching(f)
	}
	switch f.ID {
	case field.ContentLength:
		return x.readLength(f)
	case field.TransferEncoding:
		return x.readCoding(f)
	case field.Connection:
		y.close = y.close || field.HasToken(f.Value, "close")
	case field.LastModified:
		if at, ok := field.ParseDate(f.Value); ok {
			y.modified = at
		}
	case field.XAccelRedirect:
		if ignore&ignoreRedirect == 0 {
			y.redirect = f.Value
		}
	case field.XAccelLimitRate:
		if n, err := strconv.ParseInt(string(f.Value), 10, 64); err == nil && n >= 0 && ignore&ignoreLimitRate == 0 {
			x.r.SetLimitRate(n)
		}
	case field.XAccelBuffering:
		if ignore&ignoreBuffering == 0 {
			switch {
			case field.EqualFold(f.Value, "no"):
				x.buffering = false
			case field.EqualFold(f.Value, "yes"):
				x.buffering = true
			}
		}
	case field.XAccelCharset:
		if ignore&ignoreCharset == 0 {
			y.charset = f.Value
		}
	}
	return true
}

func (x *exchange) readLength(f *http.Field) bool {
	if x.fields.Has(field.TransferEncoding) {
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
	if x.fields.Has(field.ContentLength) {
		return x.bothLengths()
	}
	if !field.EqualFold(f.Value, "chunked") {
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
