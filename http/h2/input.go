package h2

import "encoding/binary"

// An input is what a connection knows of the frame that is being read. Payloads are worked on as they come, however they are cut:
// nothing is kept of them but what is too short to be understood.
type input struct {
	keep  [len(preface)]byte
	kept  uint8
	state inputState

	// The frame.
	kind   kind
	flags  uint8
	pad    uint8
	id     uint32
	rest   uint32  // bytes of its payload that are still to come, padding apart
	stream *stream // whose DATA it is; nil: nobody's, and it is read over
	block  block
	window int64 // INITIAL_WINDOW_SIZE of the settings being read; -1: not among them
}

type inputState uint8

const (
	inPreface inputState = iota
	inHead
	inPadded   // a length of padding
	inPriority // the priority in HEADERS
	inFixed    // a payload that is understood as a whole
	inSettings
	inUpdate // PRIORITY_UPDATE
	inData
	inBlock
	inSkip
)

// unit takes the next n bytes from p, at most len(preface). It returns nil when they have not all come yet, and keeps what has.
func (in *input) unit(p *[]byte, n int) []byte {
	if in.kept == 0 && len(*p) >= n {
		u := (*p)[:n]
		*p = (*p)[n:]
		return u
	}
	k := copy(in.keep[in.kept:n], *p)
	*p = (*p)[k:]
	if in.kept += uint8(k); int(in.kept) < n {
		return nil
	}
	in.kept = 0
	return in.keep[:n]
}

// incomplete says that the client is in the middle of something.
func (in *input) incomplete() bool { return in.kept > 0 || in.state != inHead || in.block.open }

// feed works on bytes of the client. It keeps none of them. The error is a fault, and was logged.
func (c *conn) feed(p []byte) error {
	in := &c.in
	for {
		switch in.state {
		case inPreface:
			u := in.unit(&p, len(preface))
			if u == nil {
				return nil
			}
			if string(u) != preface {
				return c.fault(codeProtocol, "invalid connection preface")
			}
			in.state = inHead
		case inHead:
			u := in.unit(&p, frameHead)
			if u == nil {
				return nil
			}
			if err := c.beginFrame(u); err != nil {
				return err
			}
		case inPadded:
			u := in.unit(&p, 1)
			if u == nil {
				return nil
			}
			in.pad = u[0]
			if err := c.padded(); err != nil {
				return err
			}
		case inPriority:
			u := in.unit(&p, 5)
			if u == nil {
				return nil
			}
			if err := c.beginBlock(binary.BigEndian.Uint32(u), u[4], true); err != nil {
				return err
			}
		case inFixed:
			u := in.unit(&p, int(in.rest))
			if u == nil {
				return nil
			}
			in.state = inHead
			if err := c.fixed(u); err != nil {
				return err
			}
		case inSettings:
			if in.rest == 0 {
				in.state = inHead
				c.settingsDone()
				continue
			}
			u := in.unit(&p, 6)
			if u == nil {
				return nil
			}
			in.rest -= 6
			if err := c.setting(binary.BigEndian.Uint16(u), binary.BigEndian.Uint32(u[2:])); err != nil {
				return err
			}
		case inUpdate:
			u := in.unit(&p, int(in.rest))
			if u == nil {
				return nil
			}
			in.state = inHead
			if err := c.priorityUpdate(u); err != nil {
				return err
			}
		default:
			if in.rest > 0 && len(p) == 0 {
				return nil
			}
			n := min(int(in.rest), len(p))
			part := p[:n]
			p = p[n:]
			in.rest -= uint32(n)
			if err := c.take(part); err != nil {
				return err
			}
		}
	}
}

// take works on a stretch of a payload that is read as it comes.
func (c *conn) take(part []byte) error {
	in := &c.in
	ends := in.rest == 0
	var err error
	switch in.state {
	case inData:
		c.data(part, ends)
	case inBlock:
		err = c.fragment(part, ends)
	case inSkip:
	}
	if ends {
		if in.state != inSkip && in.pad > 0 {
			in.rest, in.pad, in.state = uint32(in.pad), 0, inSkip
		} else {
			in.state = inHead
		}
	}
	return err
}

// skip reads over the rest of a frame.
func (in *input) skip() {
	in.rest += uint32(in.pad)
	in.pad, in.state = 0, inSkip
}

// beginFrame reads the head of a frame.
func (c *conn) beginFrame(u []byte) error {
	in := &c.in
	in.rest = uint32(u[0])<<16 | uint32(u[1])<<8 | uint32(u[2])
	in.kind, in.flags, in.id, in.pad = kind(u[3]), u[4], uint31(u[5:]), 0
	if c.debug {
		c.debugf("http2 frame type:%d f:%x l:%d sid:%d", in.kind, in.flags, in.rest, in.id)
	}
	if int(in.rest) > c.largest {
		return c.fault(codeSize, "client sent too large frame of type %d: %d bytes", in.kind, in.rest)
	}
	if in.block.open {
		switch {
		case in.kind != kindContinuation:
			return c.fault(codeProtocol, "client sent inappropriate frame while CONTINUATION was expected")
		case in.id != in.block.id:
			return c.fault(codeProtocol, "client sent CONTINUATION frame with incorrect identifier")
		}
	}
	in.stream = nil
	switch in.kind {
	case kindData:
		return c.beginData()
	case kindHeaders:
		return c.beginHeaders()
	case kindContinuation:
		return c.beginContinuation()
	case kindSettings:
		return c.beginSettings()
	case kindPush:
		return c.fault(codeProtocol, "client sent PUSH_PROMISE frame")
	case kindPriority, kindReset, kindPing, kindWindow:
		return c.beginFixed()
	case kindGoAway:
		if in.rest < 8 {
			return c.fault(codeSize, "client sent GOAWAY frame with incorrect length %d", in.rest)
		}
		if in.id != 0 {
			return c.fault(codeProtocol, "client sent GOAWAY frame with incorrect identifier")
		}
		in.state = inSkip
		return c.spend(1)
	case kindPriorityUpdate:
		return c.beginUpdate()
	}
	c.logf("client sent frame with unknown type %d", in.kind)
	in.state = inSkip
	return c.spend(1)
}
