package h1

import (
	"bytes"

	"weir/http"
)

// debugBegin logs that n bytes came on a connection that had none.
func (x *work) debugBegin(n int) {
	if x.conn.first {
		x.conn.debugf("http wait request handler")
	} else {
		x.conn.debugf("http keepalive handler")
	}
	x.conn.debugf("recv: fd:%d %d of %d", x.c.FD(), n, len(x.buf))
}

// debugLine logs what the request line said.
func (x *work) debugLine() {
	r := &x.req
	if r.Pipelined {
		r.Debugf("pipelined request")
	}
	r.Debugf("http process request line")
	r.Debugf("http request line: \"%s\"", r.Line)
	r.Debugf("http uri: \"%s\"", r.URI)
	r.Debugf("http args: \"%s\"", r.Args)
	r.Debugf("http exten: \"%s\"", r.Exten)
	if r.Version != http.HTTP09 {
		r.Debugf("http process request header line")
	}
}

// debugHead logs the head of the response, a line of it in each.
func (x *work) debugHead(head []byte) {
	for line := range bytes.Lines(head) {
		if line = bytes.TrimRight(line, "\r\n"); len(line) > 0 {
			x.req.Debugf("http response header: \"%s\"", line)
		}
	}
}
