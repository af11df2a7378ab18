package ssl

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"sync/atomic"
	"time"

	"weir/certs"
	"weir/conf"
	"weir/http"
	"weir/listen"
	"weir/load"
	"weir/logs"
	"weir/loop"
	"weir/upstream"
)

// serverTLS is how a server is served over TLS. Any goroutine.
type serverTLS struct {
	conf      *sslConf
	tickets   bool
	responder string           // ssl_ocsp_responder; "": the one that a certificate names
	answers   *certs.OCSPCache // nil: they are not kept
	names     *upstream.ResolverConf
	pairs     []*live
	staples   []*stapled // by the places of pairs, nil where there is none; nil: none at all
	dynamic
	trust  *certs.Trust   // of client certificates; nil: clients are not asked
	config [2]*tls.Config // without and with HTTP/2
	bare   bool           // there is no certificate: all clients are rejected
	offers bool           // some variable tells of what clients offer in their handshakes
	ids    bool           // some variable tells of numbers of sessions
}

// of is how a server is served over TLS, nil if it listens nowhere with TLS.
func of(s *http.Server) *serverTLS {
	t, _ := s.TLS.(*serverTLS)
	return t
}

// sslBuilder makes the serverTLS of the servers of a load.
type sslBuilder struct {
	b        *http.Builder
	settings func(*http.Server) *sslConf
	read     certs.Read
	texts    texts
	lives    map[pairID]*live
	chains   map[string][]*x509.Certificate // ssl_trusted_certificate, by its file
	trusts   map[trustID]*certs.Trust
	log      *logs.Logger // of the server at hand
	made     map[*http.Server]*serverTLS
	keys     *tls.Config // of tickets, where no file has them
	now      time.Time

	trusted []*x509.Certificate        // of the server at hand
	staples *certs.Stapler             // nil: none yet
	home    *atomic.Pointer[loop.Loop] // where hosts are looked up for staples
}

// buildTLS makes what an address with TLS needs of its servers.
func buildTLS(b *http.Builder, at *listen.Entry[*http.Server], settings func(*http.Server) *sslConf) {
	if !at.Spec.SSL {
		return
	}
	s := load.The[sslBuilder](b.Env)
	if s.b == nil {
		*s = sslBuilder{b: b, settings: settings, read: b.Tree.Outside().Read, lives: map[pairID]*live{}, chains: map[string][]*x509.Certificate{}, trusts: map[trustID]*certs.Trust{}, made: map[*http.Server]*serverTLS{}, now: time.Now()}
		b.AtEnd(s.end)
	}
	s.ahead(at.Servers)
	for _, server := range at.Servers {
		if _, done := s.made[server]; !done {
			t, err := s.server(server)
			if err != nil {
				var at *conf.Error
				if errors.As(err, &at) {
					b.Diags.Err(err)
				} else {
					b.Diags.Err((&conf.Error{Node: server.Block.Node, Arg: -1, Text: err.Error()}).Unplaced())
				}
			}
			if s.made[server] = t; t != nil {
				server.TLS = t
			}
		}
	}
	s.complete(at.Default, at.Servers)
}

// end completes what was built when all that asks for variables is known.
func (s *sslBuilder) end() error {
	offers := s.offersUsed()
	for _, t := range s.made {
		if t != nil {
			t.offers, t.ids = offers, s.b.Vars.Used("ssl_session_id")
			t.forget()
		}
	}
	return nil
}

// complete sees that some certificate is there for whoever comes.
func (s *sslBuilder) complete(def *http.Server, servers []*http.Server) {
	missing := func(server *http.Server) bool {
		c := s.settings(server)
		return len(c.certificates) == 0 && !c.reject
	}
	if len(s.settings(def).certificates) > 0 {
		return
	}
	if missing(def) {
		servers = []*http.Server{def}
	}
	for _, server := range servers {
		if missing(server) {
			s.b.Diags.Err(http.ErrorAt(server.Block.Node, -1, "no \"ssl_certificate\" is defined for the \"listen ... ssl\" directive"))
			return
		}
	}
}

// server makes the TLS of a server: nil if it has none of its own.
func (s *sslBuilder) server(server *http.Server) (*serverTLS, error) {
	s.log, s.trusted = server.Root.ErrorLog, nil
	c := s.settings(server)
	t := &serverTLS{conf: c, bare: len(c.certificates) == 0, names: s.b.Resolver(server.Block)}
	if n := len(c.certificates); n > len(c.keys) {
		last := c.certificates[n-1]
		return nil, last.call.Errorf(0, "no \"ssl_certificate_key\" is defined for certificate \"%s\"", last.call.Arg(0)).Unplaced()
	}
	base := &tls.Config{DynamicRecordSizingDisabled: true, SessionTicketsDisabled: true}
	if t.bare && !c.reject { // it is served with the certificates of the default server, and by its own rules for clients
		if c.verify != verifyOff && c.clientCA == nil && c.trusted == nil {
			t.trust = certs.NewTrust(c.depth, x509.ExtKeyUsageClientAuth) // nobody is believed
			return t, nil
		}
		return t, s.clients(t, base)
	}
	if err := s.certificates(t); err != nil {
		return nil, err
	}
	if err := s.parameters(t, base); err != nil {
		return nil, err
	}
	if err := s.clients(t, base); err != nil {
		return nil, err
	}
	if err := s.sessions(t, base); err != nil {
		return nil, err
	}
	if err := s.staple(t, server); err != nil {
		return nil, err
	}
	base.GetCertificate = t.certificate
	for i, protocols := range [][]string{{"http/1.1", "http/1.0", "http/0.9"}, {"h2", "http/1.1", "http/1.0", "http/0.9"}} {
		t.config[i] = base.Clone()
		t.config[i].NextProtos = protocols
	}
	return t, nil
}

// certificate finds the certificate for a client.
func (t *serverTLS) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	c := tlsOf(hello)
	if t.dynamic.certificates != nil {
		return c.namedCertificate(t, hello)
	}
	if len(t.pairs) == 0 {
		return nil, errors.New("tls: no certificate")
	}
	i, p, err := 0, t.pairs[0].have(), error(nil)
	switch {
	case len(t.pairs) > 1:
		var pairs []*certs.Pair
		if pairs, err = pairsOf(t.pairs); err == nil {
			i = certs.Choose(pairs, hello)
			p = pairs[i]
		}
	case p == nil: // the first that comes
		c.Await(func() { p, err = t.pairs[0].pair() })
	}
	if err != nil {
		c.hello.failed = err
		return nil, errNamed
	}
	if t.staples == nil {
		return c.show(p, nil), nil
	}
	return c.show(p, t.staples[i].Load()), nil
}

// show is a certificate as crypto/tls takes it, for this connection.
func (s *TLS) show(p *certs.Pair, staple *certs.Staple) *tls.Certificate {
	c := &p.Certificate
	if staple != nil && staple.Of(p) {
		c = staple.Certificate(time.Now())
	}
	if p.Slow {
		return s.Slow(c)
	}
	return c
}

// forget drops what was needed to build only.
func (t *serverTLS) forget() {
	c := *t.conf
	t.conf = &sslConf{verify: c.verify, depth: c.depth, buffer: c.buffer, reject: c.reject, ocsp: c.ocsp}
}
