package h1

import "weir/http"

// A ResponseParser reads the head of an upstream server's response from a buffer that grows: first
// ParseLine until it is done, then ParseFields. As RequestParser it keeps offsets, allocates nothing
// once warm, and its results are borrowed from the buffer.
//
// It takes what nginx takes from upstream servers: any version, any three digits, a reason of any
// bytes or none, lines that end with LF alone, odd names (marked in Field.Flags), and a second status
// line among the fields, which is skipped.
type ResponseParser struct {
	head
	Version http.Version
	Status  int

	state         statusState
	n             uint8 // letters of "HTTP/", or digits of the status, seen
	major, minor  uint32
	start         int
	code, lineEnd int
}

// statusState is what the next byte of a status line belongs to.
type statusState uint8

const (
	statusProto      statusState = iota // "HTTP/"
	statusMajorStart                    // the first digit of the major version
	statusMajor
	statusMinorStart
	statusMinor
	statusCode
	statusAfterCode
	statusReason
	statusLF
)

// Reset makes the parser ready for a response that begins at this offset of the buffer: the first, or
// the one behind an interim response.
func (p *ResponseParser) Reset(at int) {
	*p = ResponseParser{head: head{spans: p.spans, peer: true}}
	p.resetFields(at)
	p.start = at
}

// Size is the number of bytes of the head read so far.
func (p *ResponseParser) Size() int { return p.pos - p.start }

// Start is the offset at which the response begins: where its body begins if it has no head, which is
// how nginx takes FaultStatusLine.
func (p *ResponseParser) Start() int { return p.start }

// StatusLine is the status and its reason, "404 Not Found", as nginx passes it on.
func (p *ResponseParser) StatusLine(buf []byte) []byte { return buf[p.code:p.lineEnd:p.lineEnd] }

// ParseLine reads the status line. It returns false when it needs more bytes, and FaultStatusLine at
// the first byte that no status line has. For nginx's proxy that means a response without a head, as
// in HTTP/0.9: it logs the fault and passes everything from Start on as the body of a 200.
func (p *ResponseParser) ParseLine(buf []byte) (done bool, err error) {
	p.peer = true
	for p.pos < len(buf) {
		if p.state == statusProto && p.n == 0 && p.takeUsual(buf) {
			continue
		}
		c := buf[p.pos]
		if p.state < statusCode {
			err = p.readVersion(c)
		} else {
			done, err = p.readStatus(c)
		}
		if err != nil {
			return false, err
		}
		p.pos++
		if done {
			p.Version = http.Version(min(p.major*1000+p.minor, 1<<16-1))
			p.lineAt = p.pos
			return true, nil
		}
	}
	return false, nil
}

// takeUsual takes the usual beginning of a status line at once.
func (p *ResponseParser) takeUsual(buf []byte) bool {
	const usual = "HTTP/1.1 "
	i := p.pos
	if len(buf)-i < len(usual) || string(buf[i:i+len(usual)]) != usual {
		return false
	}
	p.major, p.minor, p.state = 1, 1, statusCode
	p.pos += len(usual)
	return true
}

func (p *ResponseParser) readVersion(c byte) error {
	digit, isNumber := uint32(c-'0'), isDigit(int(c))
	switch p.state {
	case statusProto:
		if c != "HTTP/"[p.n] {
			return FaultStatusLine
		}
		if p.n++; int(p.n) == len("HTTP/") {
			p.n, p.state = 0, statusMajorStart
		}
	case statusMajorStart:
		if !isNumber || c == '0' {
			return FaultStatusLine
		}
		p.major, p.state = digit, statusMajor
	case statusMajor:
		if c == '.' {
			p.state = statusMinorStart
			return nil
		}
		if !isNumber || p.major > 99 {
			return FaultStatusLine
		}
		p.major = p.major*10 + digit
	case statusMinorStart:
		if !isNumber {
			return FaultStatusLine
		}
		p.minor, p.state = digit, statusMinor
	case statusMinor:
		if c == ' ' {
			p.n, p.state = 0, statusCode
			return nil
		}
		if !isNumber || p.minor > 99 {
			return FaultStatusLine
		}
		p.minor = p.minor*10 + digit
	}
	return nil
}

// readStatus takes one byte of what follows the version. After the digits nginx allows a dot, for the
// "403.1" of IIS.
func (p *ResponseParser) readStatus(c byte) (done bool, err error) {
	switch p.state {
	case statusCode:
		if c == ' ' && p.n == 0 {
			return false, nil
		}
		if !isDigit(int(c)) {
			return false, FaultStatusLine
		}
		if p.n == 0 {
			p.code = p.pos
		}
		p.Status = p.Status*10 + int(c-'0')
		if p.n++; p.n == 3 {
			p.state = statusAfterCode
		}
		return false, nil
	case statusAfterCode:
		if c != ' ' && c != '.' && c != '\r' && c != '\n' {
			return false, FaultStatusLine
		}
		p.state = statusReason
	case statusLF:
		if c != '\n' {
			return false, FaultStatusLine
		}
		return true, nil
	}
	switch c {
	case '\r':
		p.lineEnd, p.state = p.pos, statusLF
	case '\n':
		p.lineEnd = p.pos
		return true, nil
	}
	return false, nil
}
