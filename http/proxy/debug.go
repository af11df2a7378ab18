package proxy

// debugRecv logs what came from the peer: n bytes, where size fit.
func (x *exchange) debugRecv(n, size int) {
	if x.r.Debugs() {
		x.r.Debugf("recv: fd:%d %d of %d", x.link.Conn.FD(), n, size)
	}
}

// debugFields logs the fields of a response.
func debugFields(c *call, protocol string) {
	for i := range c.fields {
		c.r.Debugf("http %s header: \"%s: %s\"", protocol, c.fields[i].Name, c.fields[i].Value)
	}
	c.r.Debugf("http %s header done", protocol)
}

// debugLeave logs what became of a connection; a kept one may be somebody else's by now.
func (x *exchange) debugLeave(fd int, kept bool) {
	if kept {
		x.r.Debugf("free keepalive peer: saving connection fd:%d", fd)
		return
	}
	x.r.Debugf("close http upstream connection: %d", fd)
}
