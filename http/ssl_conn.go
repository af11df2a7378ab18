package http

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"
	"weak"

	"weir/certs"
	"weir/http/url"
	"weir/logs"
	"weir/loop"
)

// TLS is a client's connection over TLS, and what is known of it. Loop only.
type TLS struct {
	certs.Conn

	asked  string               // the server name of the handshake, as it came
	name   string               // the server name that the client wants, if it leads to a server; it does so for the whole connection
	port   weak.Pointer[Port]   // where server was found
	server weak.Pointer[Server] // of that name; an idle connection does not keep a configuration
	asker  *serverTLS           // whose rules bad and status are about
	bad    *certs.VerifyError
	status string // what is wrong with the certificate by the word of its authority
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
			s.name, s.port, s.server = string(name), weak.Make(h.port), weak.Make(found)
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
	if s.port.Value() == p {
		if server := s.server.Value(); server != nil {
			return server
		}
	}
	a := p.at(c) // another configuration came
	server, ok, err := a.named([]byte(s.name))
	if !ok || err != nil {
		server = a.def
	}
	s.port, s.server = weak.Make(p), weak.Make(server)
	return server
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
		if asker := c.Server().TLS; asker != nil && asker.trust != nil {
			s.verify(t, asker, state.PeerCertificates, func(err error) { c.Log(logs.Error, err.Error(), "requesting certificate status") })
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

// verify verifies the client's certificate by the rules of a server. failed is told if its authority cannot be asked.
func (s *TLS) verify(t *loop.Task, asker *serverTLS, sent []*x509.Certificate, failed func(error)) {
	var chain []*x509.Certificate
	t.Await(func() { chain, s.bad = asker.trust.Verify(sent, "", time.Now()) })
	s.asker, s.status = asker, ""
	if s.bad != nil || asker.conf.ocsp == ocspOff {
		return
	}
	status, err := asker.askOCSP(t, chain)
	switch {
	case err != nil:
		failed(err)
		s.status = "certificate status request failed"
	case status == certs.OCSPRevoked:
		s.status = "certificate revoked"
	case status != certs.OCSPGood:
		s.status = "certificate status unknown"
	}
}

// askOCSP asks the authority about a chain. It may take its time, and does not take a place of those who wait for disks meanwhile.
func (t *serverTLS) askOCSP(task *loop.Task, chain []*x509.Certificate) (certs.OCSPStatus, error) {
	type answer struct {
		status certs.OCSPStatus
		err    error
	}
	got := make(chan answer, 1)
	var come loop.Signal
	go func() {
		status, err := certs.CheckOCSP(chain, t.responder, t.conf.ocsp == ocspLeaf, t.answers, time.Now())
		got <- answer{status, err}
		come.Fire()
	}()
	const patience = 65 * time.Second
	if err := task.Poll(&loop.Wait{Signal: &come, Deadline: task.After(patience)}); err != nil {
		return certs.OCSPUnknown, errors.New("OCSP responder timed out")
	}
	a := <-got
	return a.status, a.err
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
	if s.asker != t {
		s.verify(r.Task, t, sent, func(err error) { r.Log(logs.Error, err.Error()) })
	}
	if s.bad != nil && (t.conf.verify != verifyOptionalNoCA || !s.bad.NoCA()) {
		r.Log(logs.Info, fmt.Sprintf("client SSL certificate verify error: (%d:%s)", s.bad.Code, s.bad.Error()))
		return 495
	}
	if s.status != "" {
		r.Log(logs.Info, "client SSL certificate verify error: "+s.status)
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
