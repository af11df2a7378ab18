package http

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"weir/certs"
	"weir/http/url"
	"weir/logs"
	"weir/loop"
)

// TLS is a client's connection over TLS, and what is known of it. Loop only.
type TLS struct {
	certs.Conn

	asked  string       // the server name of the handshake, as it came
	name   string       // the server name that the client wants, if it leads to a server; it does so for the whole connection
	port   *Port        // where server was found
	server *Server      // of that name
	trust  *certs.Trust // what bad is about
	bad    *certs.VerifyError
	hello  *hello // nil after the handshake
	offer  *offer // what the client has offered, if a variable wants to know
}

// hello is what a handshake needs.
type hello struct {
	client *Client
	port   *Port
	front  *Front
	failed error // of loading a certificate: the log says so
}

// Hello chooses the server by the name that the client asks for (certs.Owner).
func (s *TLS) Hello(_ *certs.Conn, info *tls.ClientHelloInfo) (*tls.Config, error) {
	h := s.hello
	a := h.port.at(h.client)
	server := a.def
	if name, _, ok := url.SplitHost(nil, []byte(info.ServerName)); ok && len(name) == len(trimDot(info.ServerName)) {
		found, ok, err := a.named(name)
		if err != nil {
			return nil, err
		}
		if ok {
			s.name, s.port, s.server = string(name), h.port, found
			server = found
		}
	}
	t := server.TLS
	if t != nil && t.conf.reject {
		return nil, s.Reject()
	}
	if t == nil || t.bare {
		t = a.def.TLS
	}
	if t == nil || t.bare {
		return nil, errors.New("tls: no certificate")
	}
	if h.port.App.offers {
		s.offer = newOffer(info)
	}
	s.asked = info.ServerName
	s.SetRecord(int(t.conf.buffer))
	if h.front.speaksHTTP2(a, server) {
		return t.config[1], nil
	}
	return t.config[0], nil
}

func trimDot(name string) string {
	if n := len(name); n > 0 && name[n-1] == '.' {
		return name[:n-1]
	}
	return name
}

// named finds the server of a name on an address; ok is false where the default server answers because no other does.
func (a *address) named(name []byte) (server *Server, ok bool, err error) {
	if a.table == nil {
		return a.def, false, nil
	}
	return a.table.Find(name, nil)
}

// serverOf is the server that a connection has come to: that of the name in its handshake, or the default one.
func (p *Port) serverOf(c *Client) *Server {
	s := c.TLS
	if s == nil || s.name == "" {
		return p.at(c).def
	}
	if s.port != p { // another configuration came
		a := p.at(c)
		server, ok, err := a.named([]byte(s.name))
		if !ok || err != nil {
			server = a.def
		}
		s.port, s.server = p, server
	}
	return s.server
}

// secure does the handshake, and gives the connection to the wire that was agreed upon.
func (d *door) secure(t *loop.Task, first []byte) {
	c := &d.client
	port := c.Socket.Port()
	s := &TLS{hello: &hello{client: c, port: port, front: d.front}}
	lc := c.Conn
	if c.Server().Root.Core.TCPNoDelay {
		c.setNoDelay()
	}
	err := s.Serve(t, lc, first, d.until, s)
	failed := s.hello.failed
	s.hello = nil
	if err != nil {
		c.TLS = s // for the log of the server that it has come to
		d.handshakeLost(err, failed)
		lc.Close()
		return
	}
	c.TLS = s
	state := s.State()
	if len(state.PeerCertificates) > 0 {
		if trust := s.trustOf(c.Server()); trust != nil {
			s.verify(t.Await, trust, state.PeerCertificates)
		}
	}
	wire := d.front.Wire
	if state.NegotiatedProtocol == "h2" {
		wire = d.front.HTTP2
	}
	wire.Open(t, *c, nil)
}

// handshakeLost logs why a handshake has failed.
func (d *door) handshakeLost(err, failed error) {
	switch {
	case err == loop.ErrStopped:
	case err == loop.ErrTimeout:
		d.client.Log(logs.Info, "client timed out (110: Connection timed out)", "SSL handshaking")
	case failed != nil:
		d.client.Log(logs.Error, failed.Error(), "SSL handshaking")
	default:
		d.client.Log(logs.Info, certs.HandshakeText(err), "SSL handshaking")
	}
}

// trustOf is what client certificates are verified with for a server; nil if they do not count for it.
func (s *TLS) trustOf(server *Server) *certs.Trust {
	if server.TLS == nil {
		return nil
	}
	return server.TLS.trust
}

// verify verifies the client's certificate. It takes long: await is how to wait for it.
func (s *TLS) verify(await func(func()), trust *certs.Trust, sent []*x509.Certificate) {
	var bad *certs.VerifyError
	await(func() { _, bad = trust.Verify(sent, "", time.Now()) })
	s.trust, s.bad = trust, bad
}

// Client certificates are looked at for each request: another server may be in charge of it, by its own rules or by those of a new
// configuration.
func (r *Request) admitTLS() Verdict {
	c := r.Client
	s := c.TLS
	if s == nil {
		if !c.wantsTLS {
			return Next
		}
		r.Doing = "reading client request headers"
		r.Log(logs.Info, "client sent plain HTTP request to HTTPS port")
		r.Doing = ""
		return 497
	}
	t := r.Server.TLS
	if t == nil || t.conf.verify == verifyOff {
		return Next
	}
	sent := s.State().PeerCertificates
	r.Doing = "reading client request headers"
	defer func() { r.Doing = "" }()
	if len(sent) == 0 {
		if t.conf.verify == verifyOn {
			r.Log(logs.Info, "client sent no required SSL certificate")
			return 496
		}
		return Next
	}
	if s.trust != t.trust {
		s.verify(r.Task.Await, t.trust, sent)
	}
	if s.bad != nil && (t.conf.verify != verifyOptionalNoCA || !s.bad.NoCA()) {
		r.Log(logs.Info, fmt.Sprintf("client SSL certificate verify error: (%d:%s)", s.bad.Code, s.bad.Error()))
		return 495
	}
	return Next
}

// misdirected reports whether a request is for another server than its connection, and that one wants to know who its clients are: it
// must be asked for on a connection of its own (RFC 9110, section 15.5.20).
func (r *Request) misdirected(server *Server) bool {
	s := r.Client.TLS
	return s != nil && s.name != "" && s.name != string(r.HostName) && server.TLS != nil && server.TLS.conf.verify != verifyOff
}
