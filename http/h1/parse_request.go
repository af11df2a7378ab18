package h1

import (
	"encoding/binary"

	"weir/http"
	"weir/http/url"
)

// A RequestParser reads the head of a request from a buffer that grows: first ParseLine until it is
// done, then ParseFields unless the request is HTTP/0.9. No byte is looked at twice and nothing is
// allocated once the parser has seen a head of the same size. Between calls the buffer may be moved
// to other memory, as long as its bytes keep their offsets.
//
// Methods that take buf want the buffer that was parsed; what they return is borrowed from it.
type RequestParser struct {
	head
	Method  http.Method
	Version http.Version

	state    lineState
	n        uint8 // letters of "HTTP/" seen
	complex  bool  // the target has "%", "//", "/." or "#": it must be normalised
	escaped  bool  // its path has "%"
	fragment bool
	noPath   bool // an absolute URI without a path but with arguments
	major    uint16
	minor    uint16

	start, methodEnd, lineEnd int
	target, targetEnd         int
	args, ext                 int // 0: none
	scheme, schemeEnd         int
	host, hostEnd             int // with ":port"
	proto                     int
}

// Reset makes the parser ready for a request that begins at this offset of the buffer.
func (p *RequestParser) Reset(at int) {
	*p = RequestParser{head: head{spans: p.spans}}
	p.resetFields(at)
	p.start = at
}

// Move tells the parser that everything before this offset was cut off the buffer: what follows stands at its beginning
// now. Only a line that is being read may follow; the parts of lines before it are not to be asked for any more.
func (p *RequestParser) Move(by int) {
	for _, at := range []*int{
		&p.pos, &p.lineAt, &p.lastAt, &p.badAt, &p.start, &p.methodEnd, &p.target, &p.scheme, &p.host,
	} {
		*at -= by
	}
	for _, at := range []*int{&p.lineEnd, &p.targetEnd, &p.args, &p.ext, &p.schemeEnd, &p.hostEnd, &p.proto} {
		if *at > 0 {
			*at -= by
		}
	}
	p.cur.name, p.cur.nameEnd = p.cur.name-uint32(by), p.cur.nameEnd-uint32(by)
	p.cur.value, p.cur.valueEnd = p.cur.value-uint32(by), p.cur.valueEnd-uint32(by)
}

// Size is the number of bytes of the head read so far, without empty lines before it: what nginx
// counts in $request_length.
func (p *RequestParser) Size() int { return p.pos - p.start }

// SizeTo is Size as it was when field i began: without the line that is being read, when i is Len.
func (p *RequestParser) SizeTo(i int) int {
	if i < len(p.spans) {
		return int(p.spans[i].name) - p.start
	}
	return p.lineAt - p.start
}

// Begun reports whether anything but empty lines has come.
func (p *RequestParser) Begun() bool { return p.state != lineStart }

// Line is the request line without its end: $request. Of a faulty line it is what was read.
func (p *RequestParser) Line(buf []byte) []byte {
	if p.lineEnd == 0 {
		end := p.start
		for end < len(buf) && buf[end] != '\n' && buf[end] != '\r' {
			end++
		}
		return buf[p.start:end:end]
	}
	return buf[p.start:p.lineEnd:p.lineEnd]
}

// MethodName is the method as sent.
func (p *RequestParser) MethodName(buf []byte) []byte { return buf[p.start:p.methodEnd:p.methodEnd] }

// Protocol is the version as sent, "HTTP/1.1"; nil in HTTP/0.9, empty if it is faulty.
func (p *RequestParser) Protocol(buf []byte) []byte {
	if p.proto == 0 {
		return nil
	}
	end := max(p.proto, p.lineEnd) // of a faulty line there is no end
	return buf[p.proto:end:end]
}

// Target is the path with arguments and fragment as sent, nginx's $request_uri: "/" for CONNECT and
// for an absolute URI without a path.
func (p *RequestParser) Target(buf []byte) []byte { return buf[p.target:p.targetEnd:p.targetEnd] }

// Scheme is the scheme of an absolute URI, nil if the target is none.
func (p *RequestParser) Scheme(buf []byte) []byte {
	if p.schemeEnd == 0 {
		return nil
	}
	return buf[p.scheme:p.schemeEnd:p.schemeEnd]
}

// Authority is the host with port, if any, of an absolute URI or of CONNECT: to be given to
// ValidateHost. It is nil if there is none.
func (p *RequestParser) Authority(buf []byte) []byte {
	if p.hostEnd == 0 {
		return nil
	}
	return buf[p.host:p.hostEnd:p.hostEnd]
}

// AsSent reports whether Target may be forwarded as it is (nginx: valid_unparsed_uri). A fragment may not.
func (p *RequestParser) AsSent() bool { return !p.noPath && !p.fragment }

// Shape is what was seen of Target while it was read.
func (p *RequestParser) Shape() url.Shape {
	s := url.Shape{Complex: p.complex || p.noPath, Escaped: p.escaped, Fragment: p.fragment}
	if p.args > 0 {
		s.Args = p.args - p.target
	}
	if p.ext > 0 {
		s.Ext = p.ext - p.target
	}
	return s
}

// ParseLine reads the request line. It returns false when it needs more bytes; buf must then have the
// same bytes at the same offsets, and more, in the next call. A fault is found at its first byte.
func (p *RequestParser) ParseLine(buf []byte) (done bool, err error) {
	for p.pos < len(buf) {
		switch p.state {
		case lineStart:
			err = p.startLine(buf)
		case lineMethod:
			err = p.readMethod(buf)
		case linePath:
			err = p.readPath(buf)
		case lineArgs:
			err = p.readArgs(buf)
		case lineProto:
			done, err = p.startProto(buf)
		default:
			if p.state < lineProtoLetters {
				err = p.readBeforePath(buf[p.pos])
			} else {
				done, err = p.readVersion(buf[p.pos])
			}
		}
		if err != nil {
			return false, err
		}
		if done {
			return true, p.endLine()
		}
	}
	return false, nil
}

func (p *RequestParser) startLine(buf []byte) error {
	i := p.pos
	for i < len(buf) && (buf[i] == '\r' || buf[i] == '\n') {
		i++
	}
	p.pos, p.start, p.lineAt = i, i, i
	if i+5 <= len(buf) && binary.LittleEndian.Uint32(buf[i:]) == getSpace && buf[i+4] == '/' {
		p.Method, p.methodEnd = http.GET, i+3
		p.target, p.pos, p.state = i+4, i+5, linePath
		return nil
	}
	if i < len(buf) {
		if !http.IsMethodByte(buf[i]) {
			return http.FaultMethod
		}
		p.pos, p.state = i+1, lineMethod
	}
	return nil
}

const getSpace = 'G' | 'E'<<8 | 'T'<<16 | ' '<<24

func (p *RequestParser) readMethod(buf []byte) error {
	i := p.pos
	for i < len(buf) && http.IsMethodByte(buf[i]) {
		i++
	}
	p.pos = i
	if i == len(buf) {
		return nil
	}
	if buf[i] != ' ' {
		return http.FaultMethod
	}
	p.methodEnd = i
	p.Method = http.LookupMethod(buf[p.start:i])
	p.pos = i + 1
	p.state = lineTarget
	if p.Method == http.CONNECT {
		p.state = lineAuthority
	}
	return nil
}

// readPath reads the path of the target and notes what has to be normalised in it. The byte before is
// always there: the slash it begins with.
func (p *RequestParser) readPath(buf []byte) error {
	i := p.pos
	for i < len(buf) {
		switch url.Classes[buf[i]] {
		case url.Plain:
		case url.Slash:
			p.complex = p.complex || buf[i-1] == '/'
			p.ext = 0
		case url.Dot:
			p.complex = p.complex || buf[i-1] == '/'
			p.ext = i + 1
		case url.Percent:
			p.complex, p.escaped = true, true
		case url.Hash:
			p.complex, p.fragment = true, true
		case url.Query:
			p.args = i + 1
			p.pos, p.state = i+1, lineArgs
			return p.readArgs(buf)
		case url.End:
			return p.endTarget(buf, i)
		}
		i++
	}
	p.pos = i
	return nil
}

func (p *RequestParser) readArgs(buf []byte) error {
	for i := p.pos; i < len(buf); i++ {
		switch url.Classes[buf[i]] {
		case url.Hash:
			p.complex, p.fragment = true, true
		case url.End:
			return p.endTarget(buf, i)
		}
	}
	p.pos = len(buf)
	return nil
}

// endTarget takes the byte behind the target: a space, or the line's end in HTTP/0.9.
func (p *RequestParser) endTarget(buf []byte, i int) error {
	switch buf[i] {
	case ' ':
		p.pos = i + 1
	case '\r', '\n':
		p.pos = i
	default:
		return http.FaultRequest
	}
	p.targetEnd = i
	p.state = lineProto
	return nil
}

// startProto takes the version at once in its usual form, else leaves it to readVersion.
func (p *RequestParser) startProto(buf []byte) (done bool, err error) {
	const usual = "HTTP/1.1\r\n"
	i := p.pos
	if len(buf)-i < len(usual) || string(buf[i:i+len(usual)]) != usual {
		p.state = lineProtoSpace
		return false, nil
	}
	p.proto, p.lineEnd = i, i+len(usual)-2
	p.major, p.minor = 1, 1
	p.pos = i + len(usual)
	return true, nil
}

// endLine settles the version once the line has been read.
func (p *RequestParser) endLine() error {
	p.Version = http.Version(p.major*1000 + p.minor)
	if p.Version == http.HTTP09 && p.Method != http.GET {
		return FaultMethod09
	}
	p.lineAt = p.pos
	return nil
}
