package proxy

import (
	"encoding/binary"
	"fmt"

	"weir/http/h2"
)

// A http2Input is the frame of a connection that is being read. What is about the connection is understood here, and what is about a
// stream as a whole; the rest goes to its stream, without padding and priorities.
type http2Input struct {
	keep  [h2.FrameHead]byte
	kept  int
	state http2State

	kind   h2.FrameKind
	flags  byte
	id     uint32
	rest   int          // of the payload, padding apart
	pad    int          // bytes of padding behind that
	stream *http2Stream // whose frame it is; nil: the connection's, or that of a stream that is gone
	first  bool         // nothing of a block's frame was passed on yet

	block   bool // CONTINUATION must follow
	blockID uint32
}

type http2State uint8

const (
	http2InHead http2State = iota
	http2InPad             // the length of padding
	http2InPriority
	http2InUnit // so many bytes as are understood together
	http2InBody // a part of a body or of a block
	http2InSkip
)

// unit takes the next n bytes of p. It returns nil when they have not all come, and keeps what has.
func (in *http2Input) unit(p *[]byte, n int) []byte {
	if in.kept == 0 && len(*p) >= n {
		u := (*p)[:n]
		*p = (*p)[n:]
		return u
	}
	k := copy(in.keep[in.kept:n], *p)
	*p = (*p)[k:]
	if in.kept += k; in.kept < n {
		return nil
	}
	in.kept = 0
	return in.keep[:n]
}

// incomplete says that the peer is in the middle of something.
func (in *http2Input) incomplete() bool { return in.kept > 0 || in.state != http2InHead || in.block }

// fault is what is wrong with what the peer has sent. It ends the connection.
func (c *http2Conn) fault(format string, args ...any) error {
	return &http2Fault{text: fmt.Sprintf(format, args...)}
}

// feed works on bytes of the peer, and keeps none of them. The error is a *http2Fault.
func (c *http2Conn) feed(p []byte) (err error) {
	in := &c.in
	for err == nil && c.err == nil {
		switch in.state {
		case http2InHead:
			u := in.unit(&p, h2.FrameHead)
			if u == nil {
				return nil
			}
			err = c.beginFrame(u)
		case http2InPad:
			u := in.unit(&p, 1)
			if u == nil {
				return nil
			}
			err = c.padded(int(u[0]))
		case http2InPriority:
			u := in.unit(&p, 5)
			if u == nil {
				return nil
			}
			in.rest -= 5
			in.state = http2InBody
		case http2InUnit:
			n := in.unitSize()
			u := in.unit(&p, n)
			if u == nil {
				return nil
			}
			in.rest -= n
			err = c.took(u)
		default:
			if in.rest > 0 && len(p) == 0 {
				return nil
			}
			part := p[:min(in.rest, len(p))]
			p = p[len(part):]
			in.rest -= len(part)
			err = c.part(part)
		}
	}
	return err
}

// beginFrame reads the head of a frame.
func (c *http2Conn) beginFrame(u []byte) error {
	in := &c.in
	in.rest = int(u[0])<<16 | int(u[1])<<8 | int(u[2])
	in.kind, in.flags, in.id, in.pad, in.stream = h2.FrameKind(u[3]), u[4], h2.Uint31(u[5:]), 0, nil
	if in.rest > h2.DefaultFrame {
		return c.fault("sent too large http2 frame: %d", in.rest)
	}
	if (in.kind == h2.FrameContinuation) != in.block || in.block && in.id != in.blockID {
		return c.fault("sent unexpected http2 frame: %d", in.kind)
	}
	if in.id != 0 {
		if in.id%2 == 0 || in.id >= c.next {
			what := "frame"
			if in.kind == h2.FrameData {
				what = "data frame"
			}
			return c.fault("sent %s for unknown stream %d", what, in.id)
		}
		in.stream = c.find(in.id)
	}
	if s := in.stream; s != nil && s.inClosed && !in.block && in.kind != h2.FrameReset && in.kind != h2.FrameWindow {
		s.spoil()
		return c.fault("sent frame for closed stream %d", in.id)
	}
	switch in.kind {
	case h2.FrameData:
		return c.beginData()
	case h2.FrameHeaders, h2.FrameContinuation:
		return c.beginBlock()
	case h2.FramePush:
		return c.fault("sent unexpected push promise frame")
	case h2.FrameReset, h2.FrameWindow, h2.FrameSettings, h2.FramePing, h2.FrameGoAway:
		return c.beginControl()
	}
	in.state = http2InSkip
	return c.spend("unknown")
}

// spend counts a frame that costs work and brings nothing.
func (c *http2Conn) spend(what string) error {
	if c.flood.spend(c.link.Conn.Loop().Now()) {
		return nil
	}
	return c.fault("sent too many %s frames", what)
}

// beginData counts a frame of a body against the windows.
func (c *http2Conn) beginData() error {
	in := &c.in
	n, s := int64(in.rest), in.stream
	if in.id == 0 {
		return c.fault("sent data frame for unknown stream %d", in.id)
	}
	if s != nil {
		if n > s.recvWindow {
			return c.fault("violated stream flow control, received %d data frame with window %d", n, s.recvWindow)
		}
		s.recvWindow -= n
	}
	if n > c.recvWindow {
		return c.fault("violated connection flow control, received %d data frame with window %d", n, c.recvWindow)
	}
	if c.recvWindow -= n; c.recvWindow < h2.MaxWindow/4 {
		c.out = h2.AppendWindow(c.reserve(h2.FrameHead+4), 0, h2.MaxWindow-c.recvWindow)
		c.recvWindow = h2.MaxWindow
	}
	if n == 0 && in.flags&h2.FlagEndStream == 0 || s == nil {
		if err := c.spend("data"); err != nil {
			return err
		}
	}
	return c.beginPayload()
}

// beginBlock begins a part of a block of fields.
func (c *http2Conn) beginBlock() error {
	in := &c.in
	if in.kind == h2.FrameHeaders {
		if in.id == 0 {
			return c.fault("sent headers frame for unknown stream %d", in.id)
		}
		least := 0
		if in.flags&h2.FlagPadded != 0 {
			least = 1
		}
		if in.flags&h2.FlagPriority != 0 {
			least += 5
		}
		if in.rest < least {
			return c.fault("sent headers frame with invalid length: %d", in.rest)
		}
	}
	if in.rest < 64 || in.stream == nil {
		what := "headers"
		if in.kind == h2.FrameContinuation {
			what = "continuation"
		}
		if err := c.spend(what); err != nil {
			return err
		}
	}
	in.block, in.blockID, in.first = in.flags&h2.FlagEndHeaders == 0, in.id, true
	if s := in.stream; s != nil && in.flags&h2.FlagEndStream != 0 && in.kind == h2.FrameHeaders {
		s.inClosed = true
	}
	return c.beginPayload()
}

// beginPayload goes on with what stands before the payload.
func (c *http2Conn) beginPayload() error {
	in := &c.in
	in.state = http2InBody
	if in.kind == h2.FrameContinuation {
		return nil
	}
	if in.flags&h2.FlagPadded == 0 {
		c.afterPad()
		return nil
	}
	if in.rest == 0 {
		return c.fault("sent too short http2 frame")
	}
	in.state = http2InPad
	return nil
}

// padded takes the length of the padding.
func (c *http2Conn) padded(n int) error {
	in := &c.in
	in.rest--
	prefix := 0
	if in.kind == h2.FrameHeaders && in.flags&h2.FlagPriority != 0 {
		prefix = 5
	}
	if n > in.rest-prefix {
		return c.fault("sent http2 frame with too long padding: %d in frame %d", n, in.rest-prefix)
	}
	in.pad = n
	in.rest -= n
	c.afterPad()
	return nil
}

func (c *http2Conn) afterPad() {
	in := &c.in
	in.state = http2InBody
	if in.kind == h2.FrameHeaders && in.flags&h2.FlagPriority != 0 {
		in.state = http2InPriority
	}
}

// part passes a part of a body or of a block on to its stream.
func (c *http2Conn) part(p []byte) error {
	in := &c.in
	ends := in.rest == 0
	if s := in.stream; s != nil && s.err == nil && in.state == http2InBody {
		in.pass(s, p, ends)
		if s.waiting.Len() > streamWindow+maxUnread {
			return c.fault("sent too many frames for stream %d", in.id)
		}
	}
	if !ends {
		return nil
	}
	if in.state == http2InBody && in.pad > 0 {
		in.rest, in.pad, in.state = in.pad, 0, http2InSkip
		return nil
	}
	in.state = http2InHead
	return nil
}

// pass gives a part of a frame to its stream: what is said at the end of a frame goes with the last part.
func (in *http2Input) pass(s *http2Stream, p []byte, ends bool) {
	flags := byte(0)
	if in.kind == h2.FrameData {
		if ends && in.flags&h2.FlagEndStream != 0 {
			flags, s.inClosed = h2.FlagEndStream, true
		}
		if len(p) > 0 || flags != 0 {
			s.put(h2.FrameData, flags, p)
		}
		return
	}
	kind := h2.FrameContinuation
	if in.first && in.kind == h2.FrameHeaders {
		kind, flags = h2.FrameHeaders, in.flags&h2.FlagEndStream
	}
	if ends {
		flags |= in.flags & h2.FlagEndHeaders
	}
	if len(p) > 0 || in.first && kind == h2.FrameHeaders || flags != 0 {
		s.put(kind, flags, p)
	}
	in.first = false
}

// unitSize is how many bytes of the payload are understood together.
func (in *http2Input) unitSize() int {
	switch in.kind {
	case h2.FrameSettings:
		return 6
	case h2.FrameGoAway, h2.FramePing:
		return 8
	}
	return 4
}

// setting takes one setting.
func (c *http2Conn) setting(u []byte) error {
	n := int64(binary.BigEndian.Uint32(u[2:]))
	switch binary.BigEndian.Uint16(u) {
	case h2.SettingStreams:
		c.most, c.told = int(min(n, maxStreams)), true
		c.link.SetMost(c.most)
	case h2.SettingWindow:
		change := n - c.firstSend
		for _, s := range c.streams {
			if n > h2.MaxWindow || s.sendWindow > 0 && change > h2.MaxWindow-s.sendWindow {
				return c.fault("sent settings frame with too large initial window size: %d", n)
			}
		}
		if n > h2.MaxWindow {
			return c.fault("sent settings frame with too large initial window size: %d", n)
		}
		c.firstSend = n
		for _, s := range c.streams {
			s.sendWindow += change
		}
		c.letSend(true)
	}
	return nil
}
