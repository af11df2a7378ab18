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
	if err := s.believed(c); err != nil {
		return err
	}
	if c.verify == verifyOff {
		return nil
	}
	if c.verify != verifyOptionalNoCA && c.clientCA == nil && c.trusted == nil {
		return errors.New("no ssl_client_certificate or ssl_trusted_certificate for ssl_verify_client")
	}
	var err error
	if t.trust, err = s.trust(c); err != nil {
		return err
	}
	if err := s.ocsp(t); err != nil {
		return err
	}
	base.ClientAuth = tls.RequestClientCert // what comes is verified afterwards, as far as a request needs it
	base.ClientCAs = t.trust.Told
	return nil
}

// believed reads ssl_trusted_certificate: it must be sound, whoever needs it. Servers that have the same have read it in common.
func (s *sslBuilder) believed(c *sslConf) (err error) {
	if c.trusted == nil || s.b.Checked && !c.stapling && c.verify == verifyOff {
		return nil
	}
	path := fileOf(c.trusted)
	all, known := s.chains[path]
	if !known {
		if all, err = certs.LoadChain(s.read, path); err != nil {
			return unplaced(c.trusted, 0, err)
		}
		s.chains[path] = all
	}
	s.trusted = all
	return nil
}

// trustID is what makes a Trust, by the names of files.
type trustID struct {
	depth            int
	told, other, crl string
}

// trust takes whom to believe; servers that say the same have it in common.
func (s *sslBuilder) trust(c *sslConf) (*certs.Trust, error) {
	id := trustID{c.depth, fileOf(c.clientCA), fileOf(c.trusted), fileOf(c.crl)}
	if t := s.trusts[id]; t != nil {
		return t, nil
	}
	t := certs.NewTrust(c.depth, x509.ExtKeyUsageClientAuth)
	for _, call := range []*conf.Call{c.clientCA, c.trusted} {
		if call == nil {
			continue
		}
		if err := t.Load(s.read, fileOf(call), call == c.clientCA); err != nil {
			return nil, unplaced(call, 0, err)
		}
	}
	if c.crl != nil {
		if err := t.LoadCRL(s.read, fileOf(c.crl)); err != nil {
			return nil, unplaced(c.crl, 0, err)
		}
	}
	s.trusts[id] = t
	return t, nil
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
