package ssl

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"
	"weak"

	"weir/certs"
	"weir/http"
	"weir/http/url"
	"weir/logs"
	"weir/loop"
)

// TLS is a client's connection over TLS, and what is known of it. Loop only.
type TLS struct {
	certs.Conn

	asked  string                    // the server name of the handshake, as it came
	name   string                    // the server name that the client wants, if it leads to a server; it does so for the whole connection
	port   weak.Pointer[http.Port]   // where server was found
	server weak.Pointer[http.Server] // of that name; an idle connection does not keep a configuration
	asker  *serverTLS                // whose rules bad and status are about
	bad    *certs.VerifyError
	status string // what is wrong with the certificate by the word of its authority
	hello  *hello // nil after the handshake
	offer  *offer // what the client has offered, if a variable wants to know
}

// hello is what a handshake needs.
type hello struct {
	client *http.Client
	port   *http.Port
	front  *http.Front
	failed error // of loading a certificate: the log says so
}

// Hello chooses the server by the name that the client asks for (certs.Owner).
func (s *TLS) Hello(_ *certs.Conn, info *tls.ClientHelloInfo) (*tls.Config, error) {
	h := s.hello
	def := h.port.Default(h.client)
	server := def
	if name, _, ok := url.SplitHost(nil, []byte(info.ServerName)); ok && len(name) == len(trimDot(info.ServerName)) {
		found, err := h.port.Named(h.client, name)
		if err != nil {
			return nil, err
		}
		if found != nil {
			s.name, s.port, s.server = string(name), weak.Make(h.port), weak.Make(found)
			server = found
		}
	}
	t := of(server)
	if t != nil && t.conf.reject {
		return nil, s.Reject()
	}
	if t == nil || t.bare {
		t = of(def)
	}
	if t == nil || t.bare {
		return nil, errors.New("tls: no certificate")
	}
	if t.offers {
		s.offer = newOffer(info)
	}
	if t.ids {
		s.Identify()
	}
	s.asked = info.ServerName
	s.SetRecord(int(t.conf.buffer))
	if h.front.SpeaksHTTP2(h.port, h.client, server) {
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

// Named reports whether the name in the handshake leads to a server (http.TLS).
func (s *TLS) Named() bool { return s.name != "" }

// Server is the server that a connection has come to: that of the name in its handshake, or the default one (http.TLS).
func (s *TLS) Server(c *http.Client, p *http.Port) *http.Server {
	if s.name == "" {
		return p.Default(c)
	}
	if s.port.Value() == p {
		if server := s.server.Value(); server != nil {
			return server
		}
	}
	server, err := p.Named(c, []byte(s.name)) // another configuration came
	if server == nil || err != nil {
		server = p.Default(c)
	}
	s.port, s.server = weak.Make(p), weak.Make(server)
	return server
}

// Handshake is the handshake of http.Front: from then on the client's connection is one over TLS. protocol is what was agreed upon,
// "h2" or another; it is not ok when the handshake has failed, of which the log knows.
func Handshake(t *loop.Task, f *http.Front, c *http.Client, first []byte, until loop.Time) (protocol string, ok bool) {
	port := c.Socket.Port()
	s := &TLS{hello: &hello{client: c, port: port, front: f}}
	err := s.Serve(t, c.Conn, first, until, s)
	failed := s.hello.failed
	s.hello = nil
	c.TLS = s // also for the log of the server that it has come to
	if err != nil {
		count(t, port, failure(err))
		logLost(c, err, failed)
		return "", false
	}
	state := s.State()
	count(t, port, success(state))
	if len(state.Peer) > 0 {
		if asker := of(c.Server()); asker != nil && asker.trust != nil {
			s.verify(t, asker, state.Peer, func(err error) { c.Log(logs.Error, err.Error(), "requesting certificate status") })
		}
	}
	return state.Protocol, true
}

func count(t *loop.Task, at *http.Port, h http.Handshake) { at.App.Counters.Handshake(t.Loop(), h) }

func success(s *certs.State) http.Handshake {
	if s.Resumed {
		return http.HandshakeResumed
	}
	return http.HandshakeNew
}

func failure(err error) http.Handshake {
	if err == loop.ErrTimeout {
		return http.HandshakeTimeout
	}
	return http.HandshakeFailed
}

// logLost logs why a handshake has failed.
func logLost(c *http.Client, err, failed error) {
	switch {
	case err == loop.ErrStopped:
	case err == loop.ErrTimeout:
		c.Log(logs.Info, "client timed out (110: Connection timed out)", "SSL handshaking")
	case failed != nil:
		c.Log(logs.Error, failed.Error(), "SSL handshaking")
	default:
		c.Log(logs.Info, certs.HandshakeText(err), "SSL handshaking")
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
	find := finder(task.Loop, t.names)
	go func() {
		status, err := certs.CheckOCSP(find, chain, t.responder, t.conf.ocsp == ocspLeaf, t.answers, time.Now())
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

// Admit says whether the client may make the request, by the rules for its certificate (http.TLS). They are looked at for each request:
// another server may be in charge of it, by its own rules or by those of a new configuration.
func (s *TLS) Admit(r *http.Request) http.Verdict {
	t := of(r.Server)
	if t == nil || t.conf.verify == verifyOff {
		return http.Next
	}
	sent := s.State().Peer
	r.Doing = "reading client request headers"
	defer func() { r.Doing = "" }()
	if len(sent) == 0 {
		if t.conf.verify == verifyOn {
			r.Log(logs.Info, "client sent no required SSL certificate")
			return 496
		}
		return http.Next
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
	return http.Next
}

// Misdirected reports whether a request is for another server than its connection, and that one wants to know who its clients are: it
// must be asked for on a connection of its own (RFC 9110, section 15.5.20; http.TLS).
func (s *TLS) Misdirected(r *http.Request) bool {
	t := of(r.Server)
	return s.name != "" && s.name != string(r.HostName) && t != nil && t.conf.verify != verifyOff
}

var _ http.TLS = (*TLS)(nil)
