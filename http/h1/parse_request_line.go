package h1

import (
	"weir/http"
	"weir/http/url"
)

// lineState is what the next byte of a request line belongs to.
type lineState uint8

const (
	lineStart  lineState = iota // empty lines before the request, or its first byte
	lineMethod                  // the method
	linePath                    // the path of the target
	lineArgs                    // what follows "?"
	lineProto                   // the whole version, if it is there

	lineTarget     // spaces before the target, its first byte
	lineScheme     // the scheme of an absolute URI
	lineSlash      // the first slash behind the scheme
	lineSlashSlash // the second
	lineAuthority  // spaces before the host of CONNECT, its first byte
	lineHostStart  // the first byte of a host
	lineHost       // a name or IPv4 address
	lineLiteral    // an IPv6 address in brackets
	lineHostEnd    // behind the bracket
	linePortStart  // the first byte of a port
	linePort       // a port

	lineProtoLetters // "HTTP/"
	lineProtoSpace   // spaces before it
	lineMajorStart
	lineMajor
	lineMinorStart
	lineMinor
	lineTail // spaces behind the version
	lineLF   // LF after the CR
)

// readBeforePath takes one byte of what may stand before the path of a target.
func (p *RequestParser) readBeforePath(c byte) error {
	at := p.pos
	p.pos++
	switch p.state {
	case lineTarget:
		switch {
		case c == '/':
			p.target, p.state = at, linePath
		case isLetter(int(c)):
			p.scheme, p.state = at, lineScheme
		case c != ' ':
			return http.FaultRequest
		}
		return nil
	case lineScheme:
		if c == ':' {
			p.schemeEnd, p.state = at, lineSlash
		} else if !isLetter(int(c)) && !isDigit(int(c)) && c != '+' && c != '-' && c != '.' {
			return http.FaultRequest
		}
		return nil
	case lineSlash, lineSlashSlash:
		if c != '/' {
			return http.FaultRequest
		}
		if p.state++; p.state > lineSlashSlash {
			p.state = lineHostStart
		}
		return nil
	}
	return p.readHost(c, at)
}

// readHost takes one byte of a host in the request line, which nginx reads more strictly than Host.
func (p *RequestParser) readHost(c byte, at int) error {
	switch p.state {
	case lineAuthority, lineHostStart:
		if p.state == lineAuthority && c == ' ' {
			return nil
		}
		p.host = at
		if c == '[' {
			p.state = lineLiteral
			return nil
		}
		p.state = lineHost
		fallthrough
	case lineHost:
		if k := url.HostClasses[c]; k == url.HostName || k == url.HostUpper || k == url.HostDot {
			return nil
		}
	case lineLiteral:
		if c == ']' {
			p.state = lineHostEnd
		} else if k := url.HostClasses[c]; k == url.HostBad || k == url.HostPercent {
			return http.FaultRequest
		}
		return nil
	case linePortStart, linePort:
		if isDigit(int(c)) {
			p.state = linePort
			return nil
		}
		if p.Method == http.CONNECT && (p.state == linePortStart || c != ' ') {
			return http.FaultRequest
		}
		return p.endAuthority(c, at)
	}
	if c == ':' {
		p.state = linePortStart
		return nil
	}
	if p.Method == http.CONNECT { // which must name a port
		return http.FaultRequest
	}
	return p.endAuthority(c, at)
}

// endAuthority takes the byte behind host and port.
func (p *RequestParser) endAuthority(c byte, at int) error {
	p.hostEnd = at
	switch {
	case c == ' ':
		p.state = lineProtoSpace
		if p.Method != http.CONNECT {
			p.target, p.targetEnd = p.schemeEnd+1, p.schemeEnd+2 // one of its slashes stands for the path
		}
	case c == '/':
		p.target, p.state = at, linePath
	case c == '?':
		p.target, p.state = at, lineArgs
		p.noPath = true
	default:
		return http.FaultRequest
	}
	return nil
}

// readVersion takes one byte of what follows the target.
func (p *RequestParser) readVersion(c byte) (done bool, err error) {
	at := p.pos
	p.pos++
	switch p.state {
	case lineProtoSpace:
		if c == 'H' {
			p.proto, p.state, p.n = at, lineProtoLetters, 1
			return false, nil
		}
		if c == '\r' || c == '\n' {
			p.minor = 9
		}
		return p.readTail(c, at)
	case lineProtoLetters:
		if c != "HTTP/"[p.n] {
			return false, http.FaultRequest
		}
		if p.n++; int(p.n) == len("HTTP/") {
			p.state = lineMajorStart
			if p.Method == http.CONNECT { // the slash stands for the path
				p.target, p.targetEnd = at, at+1
			}
		}
		return false, nil
	case lineTail:
		return p.readTail(c, at)
	case lineLF:
		if c != '\n' {
			return false, http.FaultRequest
		}
		return true, nil
	}
	return p.readNumber(c, at)
}

// readTail takes spaces and the end of the line.
func (p *RequestParser) readTail(c byte, at int) (done bool, err error) {
	switch c {
	case ' ':
		return false, nil
	case '\r':
		p.lineEnd, p.state = at, lineLF
		return false, nil
	case '\n':
		p.lineEnd = at
		return true, nil
	}
	return false, http.FaultRequest
}

// readNumber takes one byte of the numbers of the version. Major versions above 1 are refused with
// 505 as soon as they are seen; minor ones have up to three digits.
func (p *RequestParser) readNumber(c byte, at int) (done bool, err error) {
	digit := uint16(c - '0')
	isNumber := isDigit(int(c))
	switch p.state {
	case lineMajorStart, lineMajor:
		if p.state == lineMajor && c == '.' {
			p.state = lineMinorStart
			return false, nil
		}
		if !isNumber || p.state == lineMajorStart && c == '0' {
			return false, http.FaultRequest
		}
		if p.major = p.major*10 + digit; p.major > 1 {
			return false, FaultVersion
		}
		p.state = lineMajor
	case lineMinorStart:
		if !isNumber {
			return false, http.FaultRequest
		}
		p.minor, p.state = digit, lineMinor
	default:
		if !isNumber {
			p.state = lineTail
			return p.readTail(c, at)
		}
		if p.minor > 99 {
			return false, http.FaultRequest
		}
		p.minor = p.minor*10 + digit
	}
	return false, nil
}

func isLetter(c int) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' && c < 0x80 }

func isDigit(c int) bool { return c >= '0' && c <= '9' }
