package proxy

import (
	"errors"

	"weir/http/h2"
	"weir/logs"
)

// A http2Frame is the one of a stream that is being read.
type http2Frame struct {
	head  [h2.FrameHead]byte
	got   int // bytes of head that came; all of them while the payload is read
	kind  h2.FrameKind
	flags byte
	rest  int // of the payload
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
		var n int
		if p.kind == h2.FrameData {
			ev, data, n, err = p.data(c, raw[used:])
		} else {
			ev, n, err = p.fragment(c, raw[used:])
		}
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
	p.kind, p.flags = h2.FrameKind(h[3]), h[4]
	if c.r.Debugs() {
		c.r.Debugf("http2 frame: %d, len: %d, f:%d, i:%d", p.kind, p.rest, p.flags, h2.Uint31(h[5:]))
	}
	if (p.kind == h2.FrameContinuation) != p.inBlock || p.kind == h2.FrameData && !p.headDone {
		return p.fault(c, "sent unexpected http2 frame: %d", p.kind)
	}
	if p.kind == h2.FrameHeaders {
		p.openHeaders(c)
	}
	return nil
}

// frameDone says that the payload of a frame was read.
func (p *http2) frameDone() bool {
	if p.rest > 0 {
		return false
	}
	p.got = 0
	return true
}
