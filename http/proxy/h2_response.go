package proxy

import (
	"bytes"
	"errors"
	"strconv"

	"weir/http"
	"weir/http/field"
	"weir/http/h2"
)

// http2 speaks HTTP/2 with the peer, on one stream of a connection (protocol).
type http2 struct {
	loc    *http2Loc
	stream *http2Stream
	toHead bool  // the request was made with HEAD: its response has no body
	length int64 // of the request's body, as told to the peer; -1: not told
	done   bool  // the peer has ended the stream

	http2Frame
	fields    fieldDecoder
	inBlock   bool // HEADERS has come, and not all of its fields
	headDone  bool
	lastBlock bool  // it ends the stream
	room      int64 // bytes of names and values that are still allowed in the block
	left      int64 // of the response's body; -1: not told
}

// restart implements protocol.
func (p *http2) restart(c *call) { c.fields = c.fields[:0] }

// connection implements multiplexed.
func (p *http2) connection() []byte { return p.loc.opening }

// open implements multiplexed.
func (p *http2) open(c *call, s *http2Stream) {
	p.begin()
	p.stream = s
	numberFrames(c.head, s.id)
}

// begin makes ready for a response.
func (p *http2) begin() {
	p.done = false
	p.http2Frame = http2Frame{}
	p.inBlock, p.headDone, p.lastBlock = false, false, false
	p.fields.reset()
}

// parseHead implements protocol. Fields are kept elsewhere: the buffer begins anew with each read.
func (p *http2) parseHead(c *call) headState {
	for {
		ev, _, used, err := p.next(c, c.buf[c.at:c.end])
		c.at += used
		switch {
		case err != nil:
			return headBad
		case ev == http2More:
			c.at, c.end = 0, 0
			return headMore
		case ev == http2Fields:
			if c.reply.status == 0 {
				_ = p.fault(c, "sent no :status header")
				return headBad
			}
			if c.r.Debugs() {
				debugFields(c, "http2")
			}
			if c.reply.status != 103 {
				p.headDone = true
				return headDone
			}
			if p.lastBlock {
				_ = p.fault(c, "prematurely closed stream")
				return headBad
			}
			return headEarly
		}
	}
}

// startBody implements protocol. A stream that ends with its head has an empty body.
func (p *http2) startBody(c *call) bool {
	y := &c.reply
	if y.chunked { // a field that means nothing here
		y.length = -1
	}
	if p.lastBlock && y.length < 0 {
		y.length = 0
	}
	p.left = y.length
	if y.bodyless(c.r.IsHead() || p.toHead) {
		p.left = 0
	}
	if p.done = p.lastBlock; p.done {
		p.end(c)
		if p.left > 0 {
			_ = p.fault(c, "prematurely closed stream")
			c.short = true
		}
	}
	return true
}

// end takes note that the stream has ended.
func (p *http2) end(c *call) {
	c.bodyEnd = true
	c.keepalive = true
}

// appendHead implements protocol: the fields, in frames as a peer sends them.
func (p *http2) appendHead(dst []byte, c *call) []byte {
	at := len(dst)
	dst = h2.AppendFrameHead(dst, 0, h2.FrameHeaders, 0, 0)
	dst = h2.AppendIndexed(dst, http2Status, strconv.AppendInt(nil, int64(c.reply.status), 10))
	for i := range c.fields {
		dst = h2.AppendString(h2.AppendName(dst, c.fields[i].Name), c.fields[i].Value)
	}
	frames := splitHeaders(dst[at:])
	numberFrames(frames, 1)
	return append(dst[:at], frames...)
}

// want implements protocol: what comes between two parts of the body is wanted at once.
func (p *http2) want() int64 {
	switch {
	case p.got < h2.FrameHead:
		return int64(h2.FrameHead - p.got)
	case p.kind == h2.FrameData && p.flags&h2.FlagEndStream == 0:
		return int64(p.rest) + h2.FrameHead
	}
	return int64(max(p.rest, 1))
}

// body implements protocol.
func (p *http2) body(c *call, raw []byte) (data []byte, used int, err error) {
	for {
		ev, data, n, err := p.next(c, raw[used:])
		used += n
		if err == nil && ev == http2Fields {
			if p.done = p.lastBlock; !p.done {
				err = p.fault(c, "sent trailer without end stream flag")
			}
		}
		if err == nil && p.done && p.left > 0 {
			err = p.fault(c, "prematurely closed stream")
		}
		if err != nil {
			c.keepalive = false
			return nil, used, err
		}
		if p.done {
			p.end(c)
		}
		if ev != http2Fields {
			return data, used, nil
		}
	}
}

// rewrite implements protocol.
func (p *http2) rewrite(c *call, f *http.Field) (value []byte, changed bool) {
	if p.loc.rewrite == nil {
		return f.Value, false
	}
	return p.loc.rewrite(c.r, f)
}

// data takes some of the body.
func (p *http2) data(c *call, raw []byte) (ev http2Event, data []byte, used int, err error) {
	if used = min(p.rest, len(raw)); used > 0 {
		data = raw[:used]
		p.rest -= used
		if p.left >= 0 {
			if int64(used) > p.left {
				return http2More, nil, used, p.fault(c, "sent response body larger than indicated content length")
			}
			p.left -= int64(used)
		}
	}
	if ended := p.frameDone(); ended {
		p.done = p.flags&h2.FlagEndStream != 0
	} else if data == nil {
		return http2More, nil, used, nil
	}
	switch {
	case data != nil:
		return http2Data, data, used, nil
	case p.done:
		return http2More, nil, used, nil // nothing but the end
	}
	return http2Nothing, nil, used, nil
}

// openHeaders begins a block of fields.
func (p *http2) openHeaders(c *call) {
	p.inBlock = true
	p.lastBlock = p.lastBlock || p.flags&h2.FlagEndStream != 0
	p.room = c.conf.BufferSize
	p.fields.reset()
	if p.headDone {
		c.trailers = c.trailers[:0]
	}
}

// fragment takes some of a block of fields.
func (p *http2) fragment(c *call, raw []byte) (ev http2Event, used int, err error) {
	if used = min(p.rest, len(raw)); used > 0 {
		if err := p.decode(c, raw[:used]); err != nil {
			return http2More, 0, err
		}
		p.rest -= used
	}
	if !p.frameDone() {
		return http2More, used, nil
	}
	if p.flags&h2.FlagEndHeaders == 0 {
		return http2Nothing, used, nil
	}
	if p.fields.state != inStart && p.fields.state != inComplete {
		_ = p.fault(c, "sent truncated http2 header")
		return http2More, used, p.spoiled(c)
	}
	p.inBlock = false
	return http2Fields, used, nil
}

// errField says that a field makes no sense, and the block with it; it was logged.
var errField = errors.New("invalid field")

// decode takes the fields of a part of a block.
func (p *http2) decode(c *call, part []byte) error {
	for len(part) > 0 {
		n, err := p.fields.next(part, p.room)
		part = part[n:]
		if err == errPartial {
			return nil
		}
		if e, ok := err.(*errEncoding); ok {
			if e.number >= 0 {
				_ = p.fault(c, "%s: %d", e.text, e.number)
			} else {
				_ = p.fault(c, "%s", e.text)
			}
			return p.spoiled(c)
		}
		if err := p.field(c, p.fields.name, p.fields.value); err != nil {
			if err == errField {
				return p.spoiled(c)
			}
			return err
		}
	}
	return nil
}

// spoiled logs that a block is of no use, after why.
func (p *http2) spoiled(c *call) error {
	if p.headDone {
		return p.fault(c, "sent invalid trailer")
	}
	return p.fault(c, "sent invalid header")
}

// field takes a field.
func (p *http2) field(c *call, name, value []byte) error {
	if !goodName(name) || bytes.ContainsAny(value, "\x00\r\n") {
		_ = p.fault(c, "sent invalid header: \"%s: %s\"", name, value)
		return errField
	}
	if p.room -= int64(len(name) + len(value)); p.room < 0 {
		_ = p.fault(c, "sent too large http2 header")
		return errField
	}
	if name[0] == ':' {
		return p.pseudo(c, name, value)
	}
	if !p.headDone && c.reply.status == 0 {
		return p.fault(c, "sent no :status header")
	}
	n := len(name)
	text := append(append(c.r.Alloc(n + len(value))[:0], name...), value...)
	flags, _ := field.CheckName(name)
	f := http.Field{ID: field.Lookup(name), Flags: flags, Name: text[:n:n], Value: text[n:]}
	if p.headDone {
		c.trailers = append(c.trailers, f)
	} else {
		c.fields = append(c.fields, f)
	}
	return nil
}

// goodName reports whether a name is one: in lower case, without spaces, control bytes, and colons other than at its beginning.
func goodName(name []byte) bool {
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c == 0x7f || c == ':' && i > 0 || c >= 'A' && c <= 'Z' {
			return false
		}
	}
	return true
}

// pseudo takes a field that begins with a colon: the status, and there is no other.
func (p *http2) pseudo(c *call, name, value []byte) error {
	switch {
	case p.headDone:
		return p.fault(c, "sent invalid trailer \"%s: %s\"", name, value)
	case string(name) != ":status":
		return p.fault(c, "sent invalid header \"%s: %s\"", name, value)
	case c.reply.status != 0:
		return p.fault(c, "sent duplicate :status header")
	}
	n, err := strconv.ParseUint(string(value), 10, 16)
	switch {
	case err != nil || len(value) != 3:
		return p.fault(c, "sent invalid :status \"%s\"", value)
	case n < 200 && n != 103:
		return p.fault(c, "sent unexpected :status \"%s\"", value)
	}
	c.reply.status = int(n)
	return nil
}
