package proxy

import (
	"bytes"
	"math"

	"weir/http"
	"weir/logs"
)

// restart implements protocol.
func (p *fastcgi) restart(*call) {
	p.record = record{}
	p.fill, p.raw = 0, 0
}

// parseHead implements protocol. The records are taken apart in place: output moves up to the output before it, and
// the rest is dropped.
func (p *fastcgi) parseHead(c *call) headState {
	for {
		ev, content, used, err := p.next(c, c.buf[p.raw:c.end])
		p.raw += used
		switch {
		case err != nil:
			return headBad
		case ev == recordMore:
			c.end, p.raw = p.fill, p.fill
			return headMore
		case ev == recordOpened && !p.expected(c):
			return headBad
		case ev != recordContent:
		case p.kind() == fcgiStderr:
			if tellStderr(c, content); p.caught(content) {
				return headBad
			}
		default:
			if state := p.output(c, content); state != headMore {
				return state
			}
		}
	}
}

// expected says whether a record may come before the head is complete; if not, it was logged.
func (p *fastcgi) expected(c *call) bool {
	switch {
	case p.kind() == fcgiEnd:
		c.r.Logf(logs.Error, "upstream sent unexpected FastCGI record: %d", p.kind())
		return false
	case p.kind() == fcgiStdout && p.left == 0:
		c.r.Log(logs.Error, "upstream prematurely closed FastCGI stdout")
		return false
	}
	return true
}

// output parses more of the head. What is left in the buffer when it is complete is the rest of the record, and
// others.
func (p *fastcgi) output(c *call, content []byte) headState {
	at := p.raw - len(content)
	if p.fill == 0 {
		if at <= fcgiHeader { // the usual case: it can stay where it is
			p.fill = at
		}
		p.parser.Reset(p.fill)
	}
	p.fill += copy(c.buf[p.fill:], content)
	state := p.parse(c, c.buf[:p.fill], "fastcgi")
	if state != headDone {
		return state
	}
	c.at = p.parser.Used()
	p.left += p.fill - c.at
	c.end = p.fill + copy(c.buf[p.fill:], c.buf[p.raw:c.end])
	return headDone
}

// tellStderr logs what the peer has written to its error stream.
func tellStderr(c *call, text []byte) {
	short := bytes.TrimRight(text, "\r\n. ")
	c.r.Logf(logs.Error, "FastCGI sent in stderr: \"%s\"", text[:max(len(short), 1)])
}

// caught reports whether a text of fastcgi_catch_stderr is in it.
func (p *fastcgi) caught(text []byte) bool {
	for _, s := range p.loc.catch {
		if bytes.Contains(text, []byte(s)) {
			return true
		}
	}
	return false
}

// startBody implements protocol.
func (p *fastcgi) startBody(c *call) bool {
	if !endHead(c) {
		return false
	}
	p.rest = c.reply.length
	c.bodyEnd = c.reply.bodyless(c.headless())
	c.untilEOF = !p.loc.keep
	return true
}

// appendHead implements protocol: the head goes into one record, as the peer may have sent it.
func (p *fastcgi) appendHead(dst []byte, c *call) []byte {
	head := c.buf[p.parser.Start():c.at]
	return append(appendRecord(dst, fcgiStdout, len(head), 0), head...)
}

// want implements protocol. A peer that is to close the connection sends the end of its output at once, or nearly so;
// one that keeps it may take its time between two records.
func (p *fastcgi) want() int64 {
	if !p.loc.keep {
		return math.MaxInt64
	}
	if p.got < fcgiHeader {
		return 1
	}
	return int64(max(p.left, p.pad, 1))
}

// body implements protocol.
func (p *fastcgi) body(c *call, raw []byte) (data []byte, used int, err error) {
	if c.bodyEnd {
		c.keepalive = false
		return nil, len(raw), nil
	}
	for {
		ev, content, n, err := p.next(c, raw[used:])
		used += n
		if err != nil {
			return nil, used, err
		}
		switch ev {
		case recordMore:
			return nil, used, nil
		case recordOpened:
			p.opened(c)
		case recordContent:
			switch p.kind() {
			case fcgiStderr:
				tellStderr(c, content)
			case fcgiStdout:
				data = p.part(c, content)
				return data, used - len(content) + len(data), nil
			}
		case recordEnded:
			if p.kind() == fcgiEnd && p.loc.keep {
				c.bodyEnd, c.keepalive = true, true
			}
		}
		if c.bodyEnd {
			return nil, used, nil
		}
	}
}

// opened sees whether a record ends the body.
func (p *fastcgi) opened(c *call) {
	what := ""
	switch {
	case p.kind() == fcgiEnd:
		what = "request"
	case p.kind() == fcgiStdout && p.left == 0:
		what = "stdout"
	default:
		return
	}
	if p.rest > 0 {
		c.r.Log(logs.Error, "upstream prematurely closed FastCGI "+what)
		c.short, c.bodyEnd = true, true
		return
	}
	c.bodyEnd = !p.loc.keep
}

// part is what of some output belongs to the body: no more than Content-Length says.
func (p *fastcgi) part(c *call, content []byte) []byte {
	if p.rest < 0 {
		return content
	}
	if int64(len(content)) > p.rest {
		sentMore(c)
		content, c.bodyEnd = content[:p.rest], true
	}
	p.rest -= int64(len(content))
	return content
}

// rewrite implements protocol: nothing leads back to the peer.
func (*fastcgi) rewrite(_ *call, f *http.Field) ([]byte, bool) { return f.Value, false }
