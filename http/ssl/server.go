package ssl

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"
	"time"

	"weir/certs"
	"weir/conf"
	"weir/http"
	"weir/listen"
	"weir/load"
	"weir/logs"
	"weir/zone"
)

// serverTLS is how a server is served over TLS. Any goroutine.
type serverTLS struct {
	conf      *sslConf
	tickets   bool
	responder string           // ssl_ocsp_responder; "": the one that a certificate names
	answers   *certs.OCSPCache // nil: they are not kept
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

// dynamic are certificates that are named by variables.
type dynamic struct {
	certificates []*http.Text // nil: there are none
	keys         []*http.Text
	passwords    []string
	cache        *certs.PairCache
	prefix       string // of relative paths
}

// sslBuilder makes the serverTLS of the servers of a load.
type sslBuilder struct {
	b        *http.Builder
	settings func(*http.Server) *sslConf
	read     certs.Read
	pairs    map[[2]string]*live
	texts    map[[32]byte]*certs.Pair // by what the files have
	log      *logs.Logger             // of the server at hand
	made     map[*http.Server]*serverTLS
	keys     *tls.Config // of tickets, where no file has them
	now      time.Time

	trusted []*x509.Certificate // of the server at hand
	staples *certs.Stapler      // nil: none yet
}

// buildTLS makes what an address with TLS needs of its servers.
func buildTLS(b *http.Builder, at *listen.Entry[*http.Server], settings func(*http.Server) *sslConf) {
	if !at.Spec.SSL {
		return
	}
	s := load.The[sslBuilder](b.Env)
	if s.b == nil {
		*s = sslBuilder{b: b, settings: settings, read: b.Tree.Outside().Read, pairs: map[[2]string]*live{}, texts: map[[32]byte]*certs.Pair{}, made: map[*http.Server]*serverTLS{}, now: time.Now()}
		b.AtEnd(s.end)
	}
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
	t := &serverTLS{conf: c, bare: len(c.certificates) == 0}
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

// certificates loads those that are there, and keeps the names of the others.
func (s *sslBuilder) certificates(t *serverTLS) error {
	c := t.conf
	var passwords []string
	if c.passwords != nil {
		b, err := s.file(c.passwords)
		if err != nil {
			return err
		}
		passwords = certs.ParsePasswords(b)
	}
	for i, cert := range c.certificates {
		_, plain := cert.text.Const()
		_, plainKey := c.keys[i].text.Const()
		if !plain || !plainKey {
			t.dynamic = dynamic{passwords: passwords, cache: c.cache, prefix: cert.call.Tree().ConfPrefix}
			for i := range c.certificates {
				t.dynamic.certificates = append(t.dynamic.certificates, c.certificates[i].text)
				t.dynamic.keys = append(t.dynamic.keys, c.keys[i].text)
			}
			t.pairs = nil
			return nil
		}
		p, err := s.pair(cert.call, c.keys[i].call, 0, passwords)
		if err != nil {
			return err
		}
		t.pairs = addLive(t.pairs, p)
	}
	return s.commanded(t, passwords)
}

// commanded loads the certificates of ssl_conf_command: each PrivateKey belongs to the Certificate before it.
func (s *sslBuilder) commanded(t *serverTLS, passwords []string) error {
	var cert *conf.Call
	for _, call := range t.conf.commands {
		switch strings.ToLower(call.Arg(0)) {
		case "certificate":
			cert = call
		case "privatekey":
			if cert == nil {
				return call.Errorf(0, "there is no \"Certificate\" for the \"PrivateKey\"")
			}
			p, err := s.pair(cert, call, 1, passwords)
			if err != nil {
				return err
			}
			t.pairs = addLive(t.pairs, p)
			cert = nil
		}
	}
	if cert != nil {
		return cert.Errorf(0, "there is no \"PrivateKey\" for the \"Certificate\"")
	}
	return nil
}

// pair loads a certificate and its key, which arguments name, once for all servers that have it: under whatever name, where the files have
// the same in them.
func (s *sslBuilder) pair(cert, key *conf.Call, arg int, passwords []string) (*live, error) {
	names := [2]string{confPath(cert, cert.Arg(arg)), confPath(key, key.Arg(arg))}
	if l := s.pairs[names]; l != nil {
		return l, nil
	}
	sum, known := certs.SumPair(s.read, names[0], names[1])
	p := s.texts[sum]
	if known && p != nil {
		p = p.Named(names[0])
	} else {
		var err error
		if p, err = certs.LoadPair(s.read, names[0], names[1], passwords); err != nil {
			return nil, unplaced(cert, arg, err)
		}
		if !p.Encrypted {
			s.texts[sum] = p
		}
	}
	for _, w := range p.Warnings(s.now) {
		cert.Warnf(arg, "%s", w)
	}
	l := newLive(p, names[0], names[1], passwords, s.log)
	l.watch(s.b.Env)
	s.pairs[names] = l
	return l, nil
}

// unplaced is an error about an argument for which nginx gives no line.
func unplaced(call *conf.Call, arg int, err error) error {
	return call.Errorf(arg, "%v", err).Unplaced()
}

// file reads the file of a directive.
func (s *sslBuilder) file(call *conf.Call) ([]byte, error) {
	path := confPath(call, call.Arg(0))
	b, err := s.read(path)
	if err != nil {
		return nil, call.Errorf(0, "open() \"%s\" failed %s", path, logs.AppendErrno(nil, err))
	}
	return b, nil
}

// parameters takes protocols, ciphers and groups.
func (s *sslBuilder) parameters(t *serverTLS, base *tls.Config) error {
	c := t.conf
	p := tlsParameters{protocols: c.protocols, ciphers: certs.SecureCiphers(), tickets: c.tickets}
	if c.ciphers != nil {
		if err := p.setCiphers(c.ciphers, 0, c.ciphers.Arg(0)); err != nil {
			return err
		}
	}
	if c.curves != nil {
		if err := p.setCurves(c.curves, 0, c.curves.Arg(0)); err != nil {
			return err
		}
	}
	for _, call := range c.commands {
		if err := p.command(call); err != nil {
			return err
		}
	}
	var warning string
	var ok bool
	base.MinVersion, base.MaxVersion, warning, ok = p.protocols.Range()
	if !ok {
		return errors.New("\"ssl_protocols\" has no protocol that is supported: those of TLS are")
	}
	if warning != "" && len(c.certificates) > 0 {
		c.certificates[0].call.Warnf(-1, "ssl_protocols: %s", warning)
	}
	base.CipherSuites, base.CurvePreferences, t.tickets = p.ciphers, p.curves, p.tickets
	for _, ignored := range []struct {
		call *conf.Call
		why  string
	}{
		{c.dhparam, "there is no key exchange by DHE"},
		{c.earlyData, "early data is not taken"},
		{c.compression, "certificates are not compressed"},
		{c.ech, "Encrypted ClientHello is not spoken"},
	} {
		if ignored.call != nil {
			ignored.call.Warnf(-1, "\"%s\" is not supported, ignored: %s", ignored.call.Name(), ignored.why)
		}
	}
	return nil
}

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
	case !t.tickets && c.sessions == sessionsShared:
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
		b = append(b, l.first.Leaf.Raw...)
	}
	for _, x := range t.dynamic.certificates {
		b = append(b, x.Source()...)
	}
	if t.trust != nil {
		b = append(b, t.trust.Identity()...)
	}
	return b
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
	i := 0
	if len(t.pairs) > 1 {
		i = certs.Choose(pairsOf(t.pairs), hello)
	}
	p := t.pairs[i].pair.Load()
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

// tlsParameters are protocols, ciphers and groups, from whichever directive.
type tlsParameters struct {
	protocols certs.Protocols
	ciphers   []uint16
	curves    []tls.CurveID
	tickets   bool
}

func (p *tlsParameters) setCiphers(call *conf.Call, arg int, list string) error {
	ids, missing, err := certs.ParseCiphers(list)
	if err != nil {
		return unplaced(call, arg, err)
	}
	if len(missing) > 0 {
		call.Warnf(arg, "ciphers that are not supported, ignored: %s", strings.Join(missing, ":"))
	}
	if ids == nil {
		ids = []uint16{} // nil would be the defaults of crypto/tls
		if p.protocols&certs.TLSv13 == 0 {
			return call.Errorf(arg, "\"%s\": none of the ciphers is supported", call.Name())
		}
	}
	p.ciphers = ids
	return nil
}

func (p *tlsParameters) setCurves(call *conf.Call, arg int, list string) error {
	ids, missing, err := certs.ParseCurves(list)
	if err != nil {
		return unplaced(call, arg, err)
	}
	if len(missing) > 0 {
		call.Warnf(arg, "groups that are not supported, ignored: %s", strings.Join(missing, ":"))
	}
	p.curves = ids
	return nil
}

// versionsOf are the values of MinProtocol and its kin.
var versionsOf = map[string]certs.Protocols{
	"sslv3": certs.SSLv3, "tlsv1": certs.TLSv1, "tlsv1.0": certs.TLSv1, "tlsv1.1": certs.TLSv11, "tlsv1.2": certs.TLSv12, "tlsv1.3": certs.TLSv13,
}

const allProtocols = certs.SSLv2 | certs.SSLv3 | certs.TLSv1 | certs.TLSv11 | certs.TLSv12 | certs.TLSv13

// command carries out an ssl_conf_command, as far as it can.
func (p *tlsParameters) command(call *conf.Call) error {
	name, value := strings.ToLower(call.Arg(0)), call.Arg(1)
	bad := func() error {
		return call.Errorf(1, "SSL_CONF_cmd(\"%s\", \"%s\") failed (SSL: error:0A000180:SSL routines::bad value:cmd=%s, value=%s)", call.Arg(0), value, call.Arg(0), value).Unplaced()
	}
	switch name {
	case "minprotocol", "maxprotocol":
		v, ok := versionsOf[strings.ToLower(value)]
		switch {
		case strings.EqualFold(value, "none"):
		case !ok:
			return bad()
		case name == "minprotocol":
			p.protocols &^= v - 1
		default:
			p.protocols &= v | (v - 1)
		}
	case "protocol":
		for _, word := range strings.Split(value, ",") {
			on := !strings.HasPrefix(word, "-")
			word = strings.ToLower(strings.TrimLeft(word, "+-"))
			v, ok := versionsOf[word]
			if word == "all" {
				v, ok = allProtocols, true
			}
			switch {
			case !ok:
				return bad()
			case on:
				p.protocols |= v
			default:
				p.protocols &^= v
			}
		}
	case "cipherstring":
		return p.setCiphers(call, 1, value)
	case "curves", "groups":
		return p.setCurves(call, 1, value)
	case "ciphersuites":
		call.Warnf(1, "the cipher suites of TLS 1.3 cannot be chosen, ignored: the fastest for both sides is taken")
	case "certificate", "privatekey": // see commanded
	case "options":
		return p.options(call, value, bad)
	case "numtickets", "recordpadding", "signaturealgorithms", "dhparameters", "ecdhparameters", "rxcertificatecompression", "txcertificatecompression":
		call.Warnf(0, "\"%s\" is not supported, ignored", call.Arg(0))
	case "clientsignaturealgorithms", "verifymode", "verifycafile", "verifycapath", "chaincafile", "chaincapath", "requestcafile", "requestcapath", "clientcafile",
		"clientcapath", "serverinfofile":
		return call.Errorf(0, "the command \"%s\" is not supported", call.Arg(0))
	default:
		return call.Errorf(1, "SSL_CONF_cmd(\"%s\", \"%s\") failed (SSL: error:0A000182:SSL routines::unknown cmd name:cmd=%s)", call.Arg(0), value, call.Arg(0)).Unplaced()
	}
	return nil
}

// sslOptions are the values of Options: whether weir is as if they were set ("on"), or not ("off"); "speed" and "safety" say what
// leaving out the other way costs.
var sslOptions = map[string]string{
	"compression": "off", "emptyfragments": "on", "bugs": "on", "dhsingle": "on", "ecdhsingle": "on",
	"serverpreference": "on", "prioritizechacha": "on", "nolegacyserverconnect": "on", "norenegotiation": "on", "middleboxcompat": "on",
	"encryptthenmac": "off", "extendedmastersecret": "on", "unsaferenegotiation": "off", "unsafelegacyrenegotiation": "off", "legacyserverconnect": "off",
	"clientrenegotiation": "off", "noresumptiononrenegotiation": "on", "allownodhekex": "off", "antireplay": "on", "ktls": "off", "ktlstxzerocopysendfile": "off",
	"ignoreunexpectedeof": "on", "certcompression": "off", "rxcertificatecompression": "off", "txcertificatecompression": "off", "prefernodhekex": "off",
}

// options looks at the words of Options.
func (p *tlsParameters) options(call *conf.Call, value string, bad func() error) error {
	for _, word := range strings.Split(value, ",") {
		if strings.EqualFold(strings.TrimLeft(word, "+-"), "SessionTicket") {
			p.tickets = !strings.HasPrefix(word, "-")
			continue
		}
		is, ok := sslOptions[strings.ToLower(strings.TrimLeft(word, "+-"))]
		if !ok {
			return bad()
		}
		want := "on"
		if strings.HasPrefix(word, "-") {
			want = "off"
		}
		if is != want {
			call.Warnf(1, "the option \"%s\" is not supported, ignored", word)
		}
	}
	return nil
}

// forget drops what was needed to build only.
func (t *serverTLS) forget() {
	c := *t.conf
	t.conf = &sslConf{verify: c.verify, depth: c.depth, buffer: c.buffer, reject: c.reject, ocsp: c.ocsp}
}
