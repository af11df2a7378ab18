package proxy

import (
	"encoding/binary"
	"fmt"

	"weir/http/h2"
	"weir/loop"
)

// maxAnswers is how many frames that ask for an answer may come while answers cannot be sent.
const maxAnswers = 1000

// flooded counts a frame that must be answered.
func (c *http2Conn) flooded() bool {
	if len(c.out) == c.sent {
		c.answers = 0
	}
	c.answers++
	return c.answers > maxAnswers
}

// beginControl holds the length and the stream of a frame about the connection, or about a stream as a whole, against what its type asks
// for.
func (c *http2Conn) beginControl() (err error) {
	in := &c.in
	in.state = http2InUnit
	switch in.kind {
	case h2.FrameReset:
		err = c.checkReset()
	case h2.FrameGoAway:
		switch {
		case in.id != 0:
			err = c.fault("sent goaway frame with non-zero stream id: %d", in.id)
		case in.rest < 8:
			err = c.fault("sent goaway frame with invalid length: %d", in.rest)
		}
	case h2.FrameWindow:
		if in.rest != 4 {
			return c.fault("sent window update frame with invalid length: %d", in.rest)
		}
		err = c.spend("window update")
	case h2.FrameSettings:
		err = c.checkSettings()
	case h2.FramePing:
		err = c.checkPing()
	}
	return err
}

func (c *http2Conn) checkReset() error {
	in := &c.in
	switch {
	case in.rest != 4:
		return c.fault("sent rst stream frame with invalid length: %d", in.rest)
	case in.id == 0:
		return c.fault("sent rst stream frame for unknown stream %d", in.id)
	}
	return c.spend("rst stream")
}

func (c *http2Conn) checkSettings() error {
	in := &c.in
	ack := in.flags&h2.FlagAck != 0
	switch {
	case in.id != 0:
		return c.fault("sent settings frame with non-zero stream id: %d", in.id)
	case ack && in.rest != 0:
		return c.fault("sent settings frame with ack flag and non-zero length: %d", in.rest)
	case in.rest%6 != 0:
		return c.fault("sent settings frame with invalid length: %d", in.rest)
	case !ack && c.flooded():
		return c.fault("sent too many settings frames")
	}
	if err := c.spend("settings"); err != nil {
		return err
	}
	if in.rest == 0 {
		c.settingsDone()
	}
	return nil
}

// settingsDone acknowledges settings.
func (c *http2Conn) settingsDone() {
	c.in.state = http2InHead
	if c.in.flags&h2.FlagAck != 0 {
		return
	}
	if !c.told { // any number, then
		c.most, c.told = maxStreams, true
		c.link.SetMost(c.most)
	}
	c.out = h2.AppendFrameHead(c.reserve(h2.FrameHead), 0, h2.FrameSettings, h2.FlagAck, 0)
}

func (c *http2Conn) checkPing() error {
	in := &c.in
	switch {
	case in.id != 0:
		return c.fault("sent ping frame with non-zero stream id: %d", in.id)
	case in.rest != 8:
		return c.fault("sent ping frame with invalid length: %d", in.rest)
	case in.flags&h2.FlagAck != 0:
		return c.fault("sent ping frame with ack flag")
	case c.flooded():
		return c.fault("sent too many ping frames")
	}
	return c.spend("ping")
}

// took works on a unit of such a frame.
func (c *http2Conn) took(u []byte) error {
	in := &c.in
	in.state = http2InHead
	switch in.kind {
	case h2.FrameSettings:
		if in.state = http2InUnit; in.rest == 0 {
			c.settingsDone()
		}
		return c.setting(u)
	case h2.FramePing:
		c.out = append(h2.AppendFrameHead(c.reserve(h2.FrameHead+8), 8, h2.FramePing, h2.FlagAck, 0), u...)
	case h2.FrameReset:
		return c.resetBy(binary.BigEndian.Uint32(u))
	case h2.FrameWindow:
		return c.windowUpdate(int64(h2.Uint31(u)))
	case h2.FrameGoAway:
		in.state = http2InSkip // the rest is for people
		c.goAway(h2.Uint31(u), binary.BigEndian.Uint32(u[4:]))
	}
	return nil
}

// resetBy ends a stream that the peer has reset. After the end of a response that is the end of a request that the peer does not want to
// read on.
func (c *http2Conn) resetBy(why uint32) error {
	s := c.in.stream
	if s == nil {
		return nil
	}
	if s.reset {
		s.spoil()
		return c.fault("sent frame for closed stream %d", s.id)
	}
	s.reset = true
	if why != 0 || !s.inClosed {
		s.spoil()
		s.fail(&http2Fault{text: fmt.Sprintf("rejected request with error %d", why), refused: why == uint32(h2.CodeRefused)})
	}
	return nil
}

func (c *http2Conn) windowUpdate(n int64) error {
	s := c.in.stream
	if n == 0 {
		return c.fault("sent zero window update")
	}
	w := &c.sendWindow
	switch {
	case s != nil:
		w = &s.sendWindow
	case c.in.id != 0:
		return nil
	}
	if n > h2.MaxWindow-*w {
		return c.fault("sent too large window update")
	}
	*w += n
	if s == nil {
		c.letSend(true)
	} else {
		s.Set(loop.Out)
	}
	return nil
}

// goAway takes note that the connection carries no other requests, and not those after last.
func (c *http2Conn) goAway(last, why uint32) {
	c.leave()
	for _, s := range c.streams {
		if s.id > last {
			s.fail(&http2Fault{text: fmt.Sprintf("sent goaway with error %d", why), refused: true})
		}
	}
}
