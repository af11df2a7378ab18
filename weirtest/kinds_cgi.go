package weirtest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strconv"
	"strings"
)

// cgiKinds are the back ends that do not speak HTTP. The head of a request, as they have received it, is a line NAME=value for
// each parameter; that of memcached is its line.
func cgiKinds() []Kind {
	return []Kind{
		{"fastcgi", "TEXT", "speaks FastCGI: writes this text, as one record, and ends the request", func(x *Exchange) bool {
			x.output(Unescape(x.args[0]))
			return x.endFastCGI()
		}},
		{"fastcgi-echo", "", "speaks FastCGI: answers with the parameters, a line each, an empty line and the body", func(x *Exchange) bool {
			x.output(x.echo())
			return x.endFastCGI()
		}},
		{"fastcgi-records", "TEXT", "speaks FastCGI: sends records, with a bar between each two: out:TEXT, err:TEXT, end:, and raw:TEXT, which is sent as it is; then waits, or after close: does not", func(x *Exchange) bool {
			out, keep := "", true
			for part := range strings.SplitSeq(x.args[0], "|") {
				kind, text, _ := strings.Cut(part, ":")
				text = Unescape(text)
				switch kind {
				case "out":
					out += record(fcgiOut, text)
				case "err":
					out += record(fcgiErr, text)
				case "end":
					out += record(fcgiEnd, requestEnd)
				case "raw":
					out += text
				case "close":
					keep = false
				}
			}
			x.Write(out)
			return keep
		}},
		{"uwsgi", "TEXT", "speaks uwsgi: sends this text and closes", sendText},
		{"uwsgi-echo", "", "speaks uwsgi: answers with the parameters, a line each, an empty line and the body", sendEcho},
		{"scgi", "TEXT", "speaks SCGI: sends this text and closes", sendText},
		{"scgi-echo", "", "speaks SCGI: answers with the parameters, a line each, an empty line and the body", sendEcho},
		{"memcached", "TEXT", "speaks memcached: answers every line with this text", func(x *Exchange) bool {
			x.Write(Unescape(x.args[0]))
			return true
		}},
	}
}

// reader is what takes a request off the connection for a kind of back end; nil for HTTP.
func reader(kind string) func(x *Exchange) error {
	kind, _, _ = strings.Cut(kind, "-")
	switch kind {
	case "h2":
		return readH2
	case "any":
		return func(x *Exchange) (err error) {
			b := make([]byte, 64<<10)
			n, err := x.r.Read(b)
			x.Request.Head = b[:n]
			return err
		}
	case "fastcgi":
		return readFastCGI
	case "uwsgi":
		return readUwsgi
	case "scgi":
		return readSCGI
	case "memcached":
		return func(x *Exchange) (err error) {
			x.Request.Head, err = x.r.ReadBytes('\n')
			return err
		}
	}
	return nil
}

const (
	fcgiBegin  = 1
	fcgiEnd    = 3
	fcgiParams = 4
	fcgiIn     = 5
	fcgiOut    = 6
	fcgiErr    = 7
)

var errNoCGI = errors.New("not the protocol that was expected")

func sendText(x *Exchange) bool {
	x.Write(Unescape(x.args[0]))
	return false
}

func sendEcho(x *Exchange) bool {
	x.Write(x.echo())
	return false
}

// echo is a response that tells the request.
func (x *Exchange) echo() string {
	return "Content-Type: text/plain\r\n\r\n" + string(x.Request.Head) + "\n" + string(x.Request.Body)
}

// param is the value of a parameter, "" when it is not there.
func (x *Exchange) param(name string) string {
	for line := range bytes.Lines(x.Request.Head) {
		if n, v, _ := strings.Cut(strings.TrimSuffix(string(line), "\n"), "="); n == name {
			return v
		}
	}
	return ""
}

func (x *Exchange) addParam(name, value []byte) {
	x.Request.Head = append(append(append(append(x.Request.Head, name...), '='), value...), '\n')
}

// readLength reads the body of a request that tells CONTENT_LENGTH.
func (x *Exchange) readLength() error {
	n, _ := strconv.Atoi(x.param("CONTENT_LENGTH"))
	x.Request.Body = make([]byte, n)
	_, err := io.ReadFull(x.r, x.Request.Body)
	return err
}

// requestEnd is the content of the record that ends a request.
const requestEnd = "\x00\x00\x00\x00\x00\x00\x00\x00"

// record makes a record of FastCGI.
func record(kind byte, content string) string {
	pad := -len(content) & 7
	head := []byte{1, kind, 0, 1, byte(len(content) >> 8), byte(len(content)), byte(pad), 0}
	return string(head) + content + strings.Repeat("\x00", pad)
}

// output sends text in as many records as it takes.
func (x *Exchange) output(text string) {
	for text != "" {
		n := min(len(text), 65528)
		x.Write(record(fcgiOut, text[:n]))
		text = text[n:]
	}
}

// endFastCGI ends a request, and the connection unless it is to be kept.
func (x *Exchange) endFastCGI() bool {
	x.Write(record(fcgiOut, "") + record(fcgiEnd, requestEnd))
	return x.keep
}

// readFastCGI reads records up to the end of the body.
func readFastCGI(x *Exchange) error {
	var params []byte
	for {
		var head [8]byte
		if _, err := io.ReadFull(x.r, head[:]); err != nil {
			return err
		}
		content := make([]byte, int(binary.BigEndian.Uint16(head[4:]))+int(head[6]))
		if _, err := io.ReadFull(x.r, content); err != nil {
			return err
		}
		content = content[:len(content)-int(head[6])]
		switch {
		case head[0] != 1 || head[2] != 0 || head[3] != 1:
			return errNoCGI
		case head[1] == fcgiBegin:
			x.keep = content[2]&1 != 0
		case head[1] == fcgiParams && len(content) > 0:
			params = append(params, content...)
		case head[1] == fcgiParams:
			if err := x.splitParams(params); err != nil {
				return err
			}
		case head[1] == fcgiIn && len(content) > 0:
			x.Request.Body = append(x.Request.Body, content...)
		case head[1] == fcgiIn:
			return nil
		}
	}
}

// splitParams takes the parameters of FastCGI apart: two lengths, of one byte or four, a name and a value.
func (x *Exchange) splitParams(b []byte) error {
	for len(b) > 0 {
		var size [2]int
		for i := range size {
			switch {
			case len(b) > 0 && b[0] < 128:
				size[i], b = int(b[0]), b[1:]
			case len(b) >= 4:
				size[i], b = int(binary.BigEndian.Uint32(b)&^(1<<31)), b[4:]
			default:
				return errNoCGI
			}
		}
		if size[0]+size[1] > len(b) {
			return errNoCGI
		}
		x.addParam(b[:size[0]], b[size[0]:size[0]+size[1]])
		b = b[size[0]+size[1]:]
	}
	return nil
}

func readUwsgi(x *Exchange) error {
	var head [4]byte
	if _, err := io.ReadFull(x.r, head[:]); err != nil {
		return err
	}
	b := make([]byte, binary.LittleEndian.Uint16(head[1:]))
	if _, err := io.ReadFull(x.r, b); err != nil {
		return err
	}
	var pair [2][]byte
	for n := 0; len(b) > 0; n++ {
		size := 0
		if len(b) >= 2 {
			size = int(binary.LittleEndian.Uint16(b))
		}
		if len(b) < 2+size {
			return errNoCGI
		}
		pair[n%2], b = b[2:2+size], b[2+size:]
		if n%2 == 1 {
			x.addParam(pair[0], pair[1])
		}
	}
	return x.readLength()
}

func readSCGI(x *Exchange) error {
	digits, err := x.r.ReadString(':')
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(strings.TrimSuffix(digits, ":"))
	if err != nil {
		return err
	}
	b := make([]byte, n+1)
	if _, err := io.ReadFull(x.r, b); err != nil {
		return err
	}
	parts := bytes.Split(b[:n], []byte{0})
	if b[n] != ',' || len(parts)%2 != 1 {
		return errNoCGI
	}
	for i := 0; i+1 < len(parts); i += 2 {
		x.addParam(parts[i], parts[i+1])
	}
	return x.readLength()
}
