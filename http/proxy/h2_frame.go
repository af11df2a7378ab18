package proxy

import (
	"encoding/binary"
	"errors"

	"weir/http/h2"
	"weir/logs"
)

// http2Session is what HTTP/2 must know of a connection from one request on it to the next.
type http2Session struct {
	lastID     uint32
	firstSend  int64 // window of a new stream, as the peer has set it
	sendWindow int64 // of the connection
	recvWindow int64
}

// openHTTP2 is what a connection begins with: no table of fields is kept, nothing may be pushed, and windows are as large as they can
// be, since a peer is slowed down by not being read from.
func openHTTP2() []byte {
	b := h2.AppendFrameHead([]byte(h2.Preface), 18, h2.FrameSettings, 0, 0)
	b = h2.AppendSetting(b, h2.SettingTableSize, 0)
	b = h2.AppendSetting(b, h2.SettingPush, 0)
	b = h2.AppendSetting(b, h2.SettingWindow, h2.MaxWindow)
	return h2.AppendWindow(b, 0, h2.MaxWindow-h2.DefaultWindow)
}

// A http2Frame is the one that is being read.
type http2Frame struct {
	head   [h2.FrameHead]byte
	got    int // bytes of head that came; all of them while the payload is read
	kind   h2.FrameKind
	flags  byte
	stream uint32
	rest   int // of the payload, padding included
	pad    int // the end of it that is padding
	padded bool
	small  [8]byte // a part of the payload that is read as a whole
	have   int     // bytes of it
	over   bool    // nothing of the rest matters
	prefix int     // bytes before the fields that are still to come: a priority
}

// errHTTP2 says that a frame makes no sense; it was logged.
var errHTTP2 = errors.New("invalid HTTP/2 frame")

// fault logs what is wrong with what the peer has sent.
func (p *http2) fault(c *call, format string, args ...any) error {
	c.r.Logf(logs.Error, "upstream "+format, args...)
	return errHTTP2
}

// http2Event is what next has come upon.
type http2Event uint8

const (
	http2More    http2Event = iota // everything was used: more must come
	http2Nothing                   // a frame that next has dealt with
	http2Data                      // some of the body
	http2Fields                    // a block of fields is complete
)

// next takes what raw begins with, up to some of the body or a complete block of fields.
func (p *http2) next(c *call, raw []byte) (ev http2Event, data []byte, used int, err error) {
	for {
		if p.got < h2.FrameHead {
			n := copy(p.head[p.got:], raw[used:])
			used += n
			if p.got += n; p.got < h2.FrameHead {
				return http2More, nil, used, nil
			}
			if err := p.openFrame(c); err != nil {
				return http2More, nil, used, err
			}
		}
		ev, data, n, err := p.payload(c, raw[used:])
		used += n
		if err != nil || ev != http2Nothing {
			return ev, data, used, err
		}
	}
}

// openFrame reads the head of a frame.
func (p *http2) openFrame(c *call) error {
	h := &p.head
	p.rest = int(h[0])<<16 | int(h[1])<<8 | int(h[2])
	p.kind, p.flags, p.stream = h2.FrameKind(h[3]), h[4], h2.Uint31(h[5:])
	p.pad, p.padded, p.have, p.prefix, p.over = 0, false, 0, 0, false
	if p.rest > h2.DefaultFrame {
		return p.fault(c, "sent too large http2 frame: %d", p.rest)
	}
	if c.r.Debugs() {
		c.r.Debugf("http2 frame: %d, len: %d, f:%d, i:%d", p.kind, p.rest, p.flags, p.stream)
	}
	if (p.kind == h2.FrameContinuation) != p.inBlock || p.kind == h2.FrameData && !p.headDone {
		return p.fault(c, "sent unexpected http2 frame: %d", p.kind)
	}
	if p.kind == h2.FrameData {
		if err := p.openData(c); err != nil {
			return err
		}
	}
	if p.stream != 0 && p.stream != p.id {
		return p.fault(c, "sent frame for unknown stream %d", p.stream)
	}
	if p.stream != 0 && p.done && p.kind != h2.FrameReset && p.kind != h2.FrameWindow {
		return p.fault(c, "sent frame for closed stream %d", p.stream)
	}
	return p.checkFrame(c)
}

// checkFrame holds a frame's length and stream against what its type asks for.
func (p *http2) checkFrame(c *call) error {
	switch p.kind {
	case h2.FrameReset:
		if p.rest != 4 {
			return p.fault(c, "sent rst stream frame with invalid length: %d", p.rest)
		}
	case h2.FrameGoAway:
		if p.stream != 0 {
			return p.fault(c, "sent goaway frame with non-zero stream id: %d", p.stream)
		}
		if p.rest < 8 {
			return p.fault(c, "sent goaway frame with invalid length: %d", p.rest)
		}
	case h2.FrameWindow:
		if p.rest != 4 {
			return p.fault(c, "sent window update frame with invalid length: %d", p.rest)
		}
	case h2.FrameSettings:
		return p.checkSettings(c)
	case h2.FramePing:
		return p.checkPing(c)
	case h2.FramePush:
		return p.fault(c, "sent unexpected push promise frame")
	case h2.FrameHeaders:
		return p.openHeaders(c)
	}
	return nil
}

// maxAnswers is how many frames that ask for an answer may come while answers cannot be sent.
const maxAnswers = 1000

func (p *http2) checkSettings(c *call) error {
	switch {
	case p.stream != 0:
		return p.fault(c, "sent settings frame with non-zero stream id: %d", p.stream)
	case p.flags&h2.FlagAck != 0 && p.rest != 0:
		return p.fault(c, "sent settings frame with ack flag and non-zero length: %d", p.rest)
	case p.rest%6 != 0:
		return p.fault(c, "sent settings frame with invalid length: %d", p.rest)
	case p.flags&h2.FlagAck == 0 && p.flooded(c):
		return p.fault(c, "sent too many settings frames")
	}
	return nil
}

func (p *http2) checkPing(c *call) error {
	switch {
	case p.stream != 0:
		return p.fault(c, "sent ping frame with non-zero stream id: %d", p.stream)
	case p.rest != 8:
		return p.fault(c, "sent ping frame with invalid length: %d", p.rest)
	case p.flags&h2.FlagAck != 0:
		return p.fault(c, "sent ping frame with ack flag")
	case p.flooded(c):
		return p.fault(c, "sent too many ping frames")
	}
	return nil
}

// flooded counts a frame that must be answered.
func (p *http2) flooded(c *call) bool {
	if len(c.control) == 0 {
		p.answers = 0
	}
	p.answers++
	return p.answers > maxAnswers
}

// payload takes some of a frame's payload.
func (p *http2) payload(c *call, raw []byte) (ev http2Event, data []byte, used int, err error) {
	switch p.kind {
	case h2.FrameData:
		return p.data(c, raw)
	case h2.FrameHeaders, h2.FrameContinuation:
		return p.fragment(c, raw)
	case h2.FrameReset, h2.FrameGoAway, h2.FrameWindow, h2.FrameSettings, h2.FramePing:
		return p.controlFrame(c, raw)
	}
	ev, used = p.skip(raw)
	return ev, nil, used, nil
}

// skip reads over the rest of a frame.
func (p *http2) skip(raw []byte) (http2Event, int) {
	used := min(p.rest, len(raw))
	if p.rest -= used; p.rest > 0 {
		return http2More, used
	}
	p.got = 0
	return http2Nothing, used
}

// unpad takes the byte that says how long the padding is, if there is one. It reports false when it has not come.
func (p *http2) unpad(c *call, raw []byte) (used int, ok bool, err error) {
	if p.padded || p.flags&h2.FlagPadded == 0 || p.kind == h2.FrameContinuation {
		return 0, true, nil
	}
	if p.rest == 0 {
		return 0, false, p.fault(c, "sent too short http2 frame")
	}
	if len(raw) == 0 {
		return 0, false, nil
	}
	p.padded = true
	p.pad = int(raw[0])
	p.rest--
	if p.pad > p.rest-p.prefix {
		return 1, false, p.fault(c, "sent http2 frame with too long padding: %d in frame %d", p.pad, p.rest-p.prefix)
	}
	return 1, true, nil
}

// gather reads n bytes of the payload into small. It reports false when they have not all come.
func (p *http2) gather(raw []byte, n int) (used int, ok bool) {
	used = copy(p.small[p.have:n], raw)
	p.have += used
	p.rest -= used
	if p.have < n {
		return used, false
	}
	p.have = 0
	return used, true
}

// controlFrame reads a frame about the stream or the connection.
func (p *http2) controlFrame(c *call, raw []byte) (ev http2Event, data []byte, used int, err error) {
	if p.over { // the rest of a GOAWAY is for people
		ev, used = p.skip(raw)
		return ev, nil, used, nil
	}
	size := 4
	switch p.kind {
	case h2.FrameSettings:
		if p.rest == 0 && p.have == 0 {
			p.got = 0
			if p.flags&h2.FlagAck == 0 {
				c.control = h2.AppendFrameHead(c.control, 0, h2.FrameSettings, h2.FlagAck, 0)
			}
			return http2Nothing, nil, 0, nil
		}
		size = 6
	case h2.FrameGoAway, h2.FramePing:
		size = 8
	}
	used, ok := p.gather(raw, size)
	if !ok {
		return http2More, nil, used, nil
	}
	switch p.kind {
	case h2.FrameSettings:
		return http2Nothing, nil, used, p.setting(c)
	case h2.FramePing:
		c.control = append(h2.AppendFrameHead(c.control, 8, h2.FramePing, h2.FlagAck, 0), p.small[:8]...)
	case h2.FrameReset:
		err = p.reset(c)
	case h2.FrameWindow:
		err = p.windowUpdate(c)
	case h2.FrameGoAway:
		err = p.goAway(c)
		p.over = true
		return http2Nothing, nil, used, err
	}
	p.got = 0
	return http2Nothing, nil, used, err
}

// setting takes one setting. Of all there are, only the first window of a stream concerns a client that has one.
func (p *http2) setting(c *call) error {
	if binary.BigEndian.Uint16(p.small[:]) != h2.SettingWindow {
		return nil
	}
	n := int64(binary.BigEndian.Uint32(p.small[2:]))
	change := n - p.session.firstSend
	if n > h2.MaxWindow || p.sendWindow > 0 && change > h2.MaxWindow-p.sendWindow {
		return p.fault(c, "sent settings frame with too large initial window size: %d", n)
	}
	p.session.firstSend = n
	p.sendWindow += change
	return nil
}

// reset ends the stream: after the end of the response that is the end of a request that the peer does not want to read on.
func (p *http2) reset(c *call) error {
	why := binary.BigEndian.Uint32(p.small[:])
	switch {
	case why != 0 || !p.done:
		return p.fault(c, "rejected request with error %d", why)
	case p.wasReset:
		return p.fault(c, "sent frame for closed stream %d", p.stream)
	}
	p.wasReset = true
	return nil
}

func (p *http2) windowUpdate(c *call) error {
	n := int64(h2.Uint31(p.small[:]))
	if n == 0 {
		return p.fault(c, "sent zero window update")
	}
	w := &p.session.sendWindow
	if p.stream != 0 {
		w = &p.sendWindow
	}
	if n > h2.MaxWindow-*w {
		return p.fault(c, "sent too large window update")
	}
	*w += n
	return nil
}

// goAway takes note that the connection carries no other request, and maybe not this one.
func (p *http2) goAway(c *call) error {
	if last := h2.Uint31(p.small[:]); last < p.id {
		return p.fault(c, "sent goaway with error %d", binary.BigEndian.Uint32(p.small[4:]))
	}
	p.leaving = true
	return nil
}
