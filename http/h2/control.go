package h2

import (
	"encoding/binary"
	"slices"

	"weir/logs"
)

// Frames about the connection, or about a stream as a whole.

// beginFixed checks the length of a frame that has one length only.
func (c *conn) beginFixed() error {
	in := &c.in
	want, name := uint32(4), "RST_STREAM"
	switch in.kind {
	case kindPriority:
		want, name = 5, "PRIORITY"
	case kindPing:
		want, name = 8, "PING"
	case kindWindow:
		name = "WINDOW_UPDATE"
	}
	if in.rest != want {
		return c.fault(codeSize, "client sent %s frame with incorrect length %d", name, in.rest)
	}
	in.state = inFixed
	return nil
}

// fixed works on a payload that has come whole.
func (c *conn) fixed(u []byte) error {
	switch c.in.kind {
	case kindPriority:
		return c.priority(binary.BigEndian.Uint32(u), u[4])
	case kindReset:
		return c.reset(code(binary.BigEndian.Uint32(u)))
	case kindPing:
		return c.ping(u)
	}
	return c.windowUpdate(int64(uint31(u)))
}

// reset ends a stream that the client wants nothing more of.
func (c *conn) reset(why code) error {
	id := c.in.id
	if id == 0 {
		return c.fault(codeProtocol, "client sent RST_STREAM frame with incorrect identifier")
	}
	if c.idle(id) {
		return c.fault(codeProtocol, "client sent RST_STREAM frame for idle stream %d", id)
	}
	if i := slices.Index(c.refused[:], id); i >= 0 { // the client knows now: nothing of the stream is on its way
		c.refused[i] = 0
	}
	s := c.find(id)
	if s == nil || s.lost != nil {
		return c.spend(1)
	}
	cost := 1
	if !s.outClosed { // work that was begun for nothing: a flood of these is a rapid reset
		cost = resetCost
	}
	s.inClosed, s.outClosed = true, true
	switch why {
	case codeCancel:
		s.logf(logs.Info, "client canceled stream %d", id)
	case codeInternal:
		s.logf(logs.Info, "client terminated stream %d due to internal error", id)
	default:
		s.logf(logs.Info, "client terminated stream %d with status %d", id, why)
	}
	s.lose(errReset)
	return c.spend(cost)
}

// ping answers a PING.
func (c *conn) ping(u []byte) error {
	if c.in.id != 0 {
		return c.fault(codeProtocol, "client sent PING frame with incorrect identifier")
	}
	if c.in.flags&flagAck == 0 {
		w := c.work
		w.out = append(appendFrameHead(w.reserve(frameHead+8), 8, kindPing, flagAck, 0), u...)
		c.count(8)
	} else if c.leaving != 0 && string(u) == farewell {
		c.goAway(codeNone)
	}
	return c.spend(1)
}

// beginSettings checks the head of SETTINGS.
func (c *conn) beginSettings() error {
	in := &c.in
	switch {
	case in.id != 0:
		return c.fault(codeProtocol, "client sent SETTINGS frame with incorrect identifier")
	case in.flags&flagAck != 0:
		if in.rest != 0 {
			return c.fault(codeSize, "client sent SETTINGS frame with the ACK flag and nonzero length")
		}
		c.acked, in.state = true, inHead
		return c.spend(1)
	case in.rest%6 != 0:
		return c.fault(codeSize, "client sent SETTINGS frame with incorrect length %d", in.rest)
	}
	in.state, in.window = inSettings, -1
	return c.spend(1 + int(in.rest/6))
}

// setting takes one setting of the client.
func (c *conn) setting(id uint16, value uint32) error {
	switch id {
	case settingTableSize:
		c.tableUpdate = true
	case settingPush:
		if value > 1 {
			return c.fault(codeProtocol, "client sent SETTINGS frame with incorrect ENABLE_PUSH value %d", value)
		}
	case settingWindow:
		if value > maxWindow {
			return c.fault(codeFlowControl, "client sent SETTINGS frame with incorrect INITIAL_WINDOW_SIZE value %d", value)
		}
		c.in.window = int64(value)
	case settingFrame:
		if value < defaultFrame || value > maxFrame {
			return c.fault(codeProtocol, "client sent SETTINGS frame with incorrect MAX_FRAME_SIZE value %d", value)
		}
		c.frameSize = int(value)
	}
	return nil
}

// settingsDone acknowledges the settings and lets the windows of all streams follow.
func (c *conn) settingsDone() {
	w := c.work
	w.out = appendFrameHead(w.reserve(frameHead), 0, kindSettings, flagAck, 0)
	c.count(0)
	if c.in.window < 0 || c.in.window == c.initWindow {
		return
	}
	delta := c.in.window - c.initWindow
	c.initWindow = c.in.window
	for _, s := range w.streams {
		if s.window += delta; s.window > maxWindow {
			s.window = maxWindow
			s.terminate(codeFlowControl)
			continue
		}
		s.offer()
	}
}

// windowUpdate lets the connection or a stream send more.
func (c *conn) windowUpdate(n int64) error {
	id := c.in.id
	if id == 0 {
		if n == 0 {
			return c.fault(codeProtocol, "client sent WINDOW_UPDATE frame with incorrect window increment 0")
		}
		if n > maxWindow-c.window {
			return c.fault(codeFlowControl, "client violated connection flow control: received WINDOW_UPDATE frame "+
				"with window increment %d not allowed for window %d", n, c.window)
		}
		c.window += n
		return c.spend(1)
	}
	if c.idle(id) {
		return c.fault(codeProtocol, "client sent WINDOW_UPDATE frame for idle stream %d", id)
	}
	if n == 0 {
		return c.fault(codeProtocol, "client sent WINDOW_UPDATE frame with incorrect window increment 0")
	}
	s := c.find(id)
	if s == nil || s.lost != nil {
		return c.spend(1)
	}
	if n > maxWindow-s.window {
		c.logf("client violated flow control for stream %d: received WINDOW_UPDATE frame with window increment %d not allowed for window %d",
			id, n, s.window)
		s.terminate(codeFlowControl)
		return c.spend(resetCost)
	}
	s.window += n
	s.offer()
	return c.spend(1)
}
