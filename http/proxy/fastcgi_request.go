package proxy

import (
	"encoding/binary"

	"weir/http"
)

// fastcgiLoc is a location with fastcgi_pass.
type fastcgiLoc struct {
	*fastcgiConf
	list *params
	// listCached are those of requests whose responses may be stored.
	listCached *params
}

// fastcgi speaks FastCGI with the peer, one request at a time (protocol).
type fastcgi struct {
	loc *fastcgiLoc
	cgiHead
	record          // that is being read
	fill, raw int   // while the head is read: buf[:fill] ends with the output so far, buf[raw:end] are records
	rest      int64 // of the body by Content-Length; -1: not told
}

func (l *fastcgiLoc) protocol(old protocol) protocol {
	p := reuse[fastcgi](old)
	p.loc = l
	return p
}

// createRequest implements protocol: the request begins, and here are its parameters.
func (p *fastcgi) createRequest(c *call) http.Verdict {
	const begin, responder, keepConn = 1, 1, 1
	flags := byte(0)
	if p.loc.keep {
		flags = keepConn
	}
	b := append(appendRecord(c.head[:0], begin, 8, 0), 0, responder, flags, 0, 0, 0, 0, 0)
	at := len(b)
	b = appendRecord(b, fcgiParams, 0, 0)
	b = choose(c, p.loc.list, p.loc.listCached).append(b, c.r, &fastcgiCoding)
	n := len(b) - at - fcgiHeader
	if n > fcgiLargest {
		return tooBig(c.r, "fastcgi request record", n)
	}
	appendRecord(b[:at], fcgiParams, n, padding(n))
	b = append(b, zeros[:padding(n)]...)
	c.head = appendRecord(b, fcgiParams, 0, 0)
	return http.Next
}

// fastcgiCoding writes lengths up to 127 as a byte, others as four. The length of a value stands before the name, and
// room is made for it when it is known.
var fastcgiCoding = paramCoding{
	protocol: "fastcgi",
	begin: func(b []byte, n int) []byte {
		if n > 127 {
			b = binary.BigEndian.AppendUint32(b, uint32(n)|1<<31)
		} else {
			b = append(b, byte(n))
		}
		return append(b, 0)
	},
	middle: func(b []byte) []byte { return b },
	end: func(b []byte, name, value int) []byte {
		n := len(b) - value
		if n <= 127 {
			b[name-1] = byte(n)
			return b
		}
		b = append(b, 0, 0, 0)
		copy(b[name+3:], b[name:])
		binary.BigEndian.PutUint32(b[name-1:], uint32(n)|1<<31)
		return b
	},
}

// frame implements protocol: the body goes in records of 32 KB, and an empty one is its end.
func (p *fastcgi) frame(_ *call, dst []byte, n int64, last bool) (f frame) {
	f.n = min(n, 32<<10)
	f.end = last && f.n == n
	if f.n > 0 {
		pad := padding(int(f.n))
		dst = appendRecord(dst, fcgiStdin, int(f.n), pad)
		f.before = dst
		dst = append(dst, zeros[:pad]...)
	}
	if f.end {
		dst = appendRecord(dst, fcgiStdin, 0, 0)
	}
	f.behind = dst[len(f.before):]
	return f
}

// forget implements protocol.
func (p *fastcgi) forget() { p.loc = nil }
