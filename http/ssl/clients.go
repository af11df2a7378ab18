package ssl

import (
	"crypto/tls"
	"crypto/x509"
	"errors"

	"weir/certs"
	"weir/conf"
	"weir/zone"
)

// clients takes whom to ask for certificates, and whom to believe.
func (s *sslBuilder) clients(t *serverTLS, base *tls.Config) error {
	c := t.conf
	var err error
	if c.trusted != nil { // it must be sound, whoever needs it
		if s.trusted, err = certs.LoadChain(s.read, confPath(c.trusted, c.trusted.Arg(0))); err != nil {
			return unplaced(c.trusted, 0, err)
		}
	}
	if c.verify == verifyOff {
		return nil
	}
	if c.verify != verifyOptionalNoCA && c.clientCA == nil && c.trusted == nil {
		return errors.New("no ssl_client_certificate or ssl_trusted_certificate for ssl_verify_client")
	}
	t.trust = certs.NewTrust(c.depth, x509.ExtKeyUsageClientAuth)
	for _, call := range []*conf.Call{c.clientCA, c.trusted} {
		if call == nil {
			continue
		}
		if err := t.trust.Load(s.read, confPath(call, call.Arg(0)), call == c.clientCA); err != nil {
			return unplaced(call, 0, err)
		}
	}
	if c.crl != nil {
		if err := t.trust.LoadCRL(s.read, confPath(c.crl, c.crl.Arg(0))); err != nil {
			return unplaced(c.crl, 0, err)
		}
	}
	if err := s.ocsp(t); err != nil {
		return err
	}
	base.ClientAuth = tls.RequestClientCert // what comes is verified afterwards, as far as a request needs it
	base.ClientCAs = t.trust.Told
	return nil
}

// ocsp takes whom to ask about client certificates.
func (s *sslBuilder) ocsp(t *serverTLS) error {
	c := t.conf
	if c.ocsp == ocspOff {
		return nil
	}
	if c.verify == verifyOptionalNoCA {
		return errors.New("\"ssl_ocsp\" is incompatible with \"ssl_verify_client optional_no_ca\"")
	}
	if c.ocspURL != nil {
		t.responder = c.ocspURL.Arg(0)
		if err := certs.CheckResponder(t.responder); err != nil {
			return c.ocspURL.Errorf(0, "%v in \"ssl_ocsp_responder\"", err).Unplaced()
		}
	}
	if c.ocspZone != nil {
		t.answers, _ = zone.State(c.ocspZone, certs.NewOCSPCache)
	}
	return nil
}

// sessions takes how clients come back to their sessions.
func (s *sslBuilder) sessions(t *serverTLS, base *tls.Config) error {
	c := t.conf
	var fixed [][32]byte
	for _, call := range c.ticketKeys {
		b, err := s.file(call)
		if err != nil {
			return err
		}
		key, ok := certs.ParseTicketKey(b)
		if !ok {
			return call.Errorf(0, "\"%s\" must be 48 or 80 bytes", confPath(call, call.Arg(0)))
		}
		fixed = append(fixed, key)
	}
	var cache *certs.SessionCache
	switch {
	case c.sessions == sessionsOff || !t.tickets && c.sessions == sessionsNone:
		return nil
	case !t.tickets && c.sessionZone != nil:
		cache, _ = zone.State(c.sessionZone, certs.NewSessionCache)
	case !t.tickets:
		cache = certs.NewSessionCache(1 << 20)
	}
	keys := s.keys
	switch {
	case fixed != nil:
		keys = certs.FixedTicketKeys(fixed)
	case keys == nil:
		z, err := s.b.Zones.Declare(" ssl tickets", 1, "ssl tickets") // no name of a file: they have no blanks in front
		if err != nil {
			return err
		}
		keys, _ = zone.State(z, func(int64) *tls.Config { return certs.NewTicketKeys() })
		s.keys = keys
	}
	base.SessionTicketsDisabled = false
	certs.NewSessions(t.identity(), c.timeout, keys, cache).Use(base)
	return nil
}

// identity is what a session belongs to: the certificates that the client has seen, and whom the server believes.
func (t *serverTLS) identity() []byte {
	b := []byte{byte(t.conf.verify), byte(t.conf.depth)}
	for _, l := range t.pairs {
		leaf := l.text.Load().Leaf
		b = append(b, leaf[:]...)
	}
	for _, x := range t.dynamic.certificates {
		b = append(b, x.Source()...)
	}
	if t.trust != nil {
		b = append(b, t.trust.Identity()...)
	}
	return b
}
