package proxy

import (
	"errors"

	"weir/logs"
)

// The records of FastCGI 1.0, each with a header of 8 bytes: version, type, request id, length of the content, length
// of the padding, a byte of no meaning.
const (
	fcgiHeader  = 8
	fcgiEnd     = 3
	fcgiParams  = 4
	fcgiStdin   = 5
	fcgiStdout  = 6
	fcgiStderr  = 7
	fcgiLargest = 65535 // content of a record
)

// appendRecord appends the header of a record.
func appendRecord(b []byte, kind byte, length, padding int) []byte {
	return append(b, 1, kind, 0, 1, byte(length>>8), byte(length), byte(padding), 0)
}

// padding is what fills content up to a multiple of 8 bytes.
func padding(n int) int { return -n & 7 }

var zeros [8]byte

// A record is one of the peer's, as far as it was read.
type record struct {
	head      [fcgiHeader]byte
	got       int // bytes of head that came; all of them while there is content or padding to come
	left, pad int // to come
}

// kind is the record's type, also when it has just ended.
func (d *record) kind() byte { return d.head[1] }

// recordEvent is what next has come upon.
type recordEvent uint8

const (
	recordMore    recordEvent = iota // everything was used: more must come
	recordOpened                     // the header is complete
	recordContent                    // some of the content
	recordEnded                      // the record, its padding included
)

// errRecord says that a record makes no sense; it was logged.
var errRecord = errors.New("invalid FastCGI record")

// next takes what raw begins with: a header, content or padding, as much as there is of it.
func (d *record) next(c *call, raw []byte) (ev recordEvent, content []byte, used int, err error) {
	switch {
	case d.got < fcgiHeader:
		return d.open(c, raw)
	case d.left > 0:
		if len(raw) == 0 {
			return recordMore, nil, 0, nil
		}
		used = min(d.left, len(raw))
		d.left -= used
		return recordContent, raw[:used], used, nil
	}
	used = min(d.pad, len(raw))
	if d.pad -= used; d.pad > 0 {
		return recordMore, nil, used, nil
	}
	d.got = 0
	return recordEnded, nil, used, nil
}

// open reads the header.
func (d *record) open(c *call, raw []byte) (ev recordEvent, content []byte, used int, err error) {
	for ; d.got < fcgiHeader; used++ {
		if used == len(raw) {
			return recordMore, nil, used, nil
		}
		d.head[d.got] = raw[used]
		if text := d.fault(); text != "" {
			c.r.Logf(logs.Error, "upstream sent %s: %d", text, raw[used])
			return recordMore, nil, used, errRecord
		}
		d.got++
	}
	d.left, d.pad = int(d.head[4])<<8|int(d.head[5]), int(d.head[6])
	if c.r.Debugs() {
		c.r.Debugf("http fastcgi record length: %d", d.left)
	}
	return recordOpened, nil, used, nil
}

// fault says what is wrong with the byte of the header that came last, "" if nothing is.
func (d *record) fault() string {
	switch b := d.head[d.got]; d.got {
	case 0:
		if b != 1 {
			return "unsupported FastCGI protocol version"
		}
	case 1:
		if b != fcgiStdout && b != fcgiStderr && b != fcgiEnd {
			return "invalid FastCGI record type"
		}
	case 2:
		if b != 0 {
			return "unexpected FastCGI request id high byte"
		}
	case 3:
		if b != 1 { // there is one request on a connection at a time
			return "unexpected FastCGI request id low byte"
		}
	}
	return ""
}
