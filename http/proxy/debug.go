package proxy

import "bytes"

// debugRequest tells the head of the request as it goes to a peer, a line of it in each.
func (x *exchange) debugRequest() {
	r := x.r
	r.Debugf("http init upstream")
	for line := range bytes.Lines(x.head) {
		if line = bytes.TrimRight(line, "\r\n"); len(line) == 0 {
			return // what follows is a body of the proxy's own
		}
		r.Debugf("http proxy request header: \"%s\"", line)
	}
}

// debugRecv tells what came from the peer: n bytes, where size fit.
func (x *exchange) debugRecv(n, size int) {
	if x.r.Debugs() {
		x.r.Debugf("recv: fd:%d %d of %d", x.link.Conn.FD(), n, size)
	}
}

// debugReply tells the head of a response.
func (x *exchange) debugReply() {
	r := x.r
	r.Debugf("http proxy status %d \"%s\"", x.reply.status, x.reply.line)
	for i := range x.fields {
		r.Debugf("http proxy header: \"%s: %s\"", x.fields[i].Name, x.fields[i].Value)
	}
	r.Debugf("http proxy header done")
}

// debugLeave tells what became of a connection; a kept one may be somebody else's by now.
func (x *exchange) debugLeave(fd int, kept bool) {
	if kept {
		x.r.Debugf("free keepalive peer: saving connection fd:%d", fd)
		return
	}
	x.r.Debugf("close http upstream connection: %d", fd)
}
