package ssl

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"strings"

	"weir/certs"
	"weir/conf"
	"weir/http"
	"weir/logs"
)

// UpstreamConf is what proxy_ssl_* and its kin say: how servers are spoken to over TLS.
type UpstreamConf struct {
	Protocols    certs.Protocols
	Ciphers      *conf.Call // nil: OpenSSL's defaults
	Cert, Key    sslName
	Cache        *certs.PairCache
	Passwords    *conf.Call
	Name         *http.Text // nil: the host of the URL
	ServerName   bool
	SessionReuse bool
	Verify       bool
	Depth        int
	Trusted, CRL *conf.Call
	Commands     []*conf.Call
}

// Upstream is how a location speaks TLS to its servers, ready to run. Any goroutine.
type Upstream struct {
	*certs.Client
	name       *http.Text
	serverName bool
	cert, key  *http.Text // named by variables; nil: the http.Client has what there is
	passwords  []string
	cache      *certs.PairCache
	prefix     string
}

// upstreamSSLs are those of a load: what is alike is one.
type upstreamSSLs struct {
	pairs   map[[3]string]*certs.Pair
	clients map[string]*certs.Client
}

// UpstreamDirectives are the directives of UpstreamConf, without their prefix, "proxy_" or "uwsgi_".
func UpstreamDirectives[C any](prefix string, of func(*C) *UpstreamConf) []conf.Directive[C] {
	keep := func(f func(*UpstreamConf) **conf.Call) func(*C, *conf.Call) error {
		return func(c *C, call *conf.Call) error { *f(of(c)) = call; return nil }
	}
	name := func(f func(*UpstreamConf) *sslName) func(*C, *conf.Call) error {
		return func(c *C, call *conf.Call) error {
			text, err := http.CompileText(call, 0, call.Arg(0))
			*f(of(c)) = sslName{text, call}
			return err
		}
	}
	return []conf.Directive[C]{
		{
			Name: "ssl_certificate", Syntax: "<file:text>",
			Doc:     "A file with the certificate that is shown to servers that ask for one, in PEM, and behind it those that lead to its authority. It may be named by variables; an empty name is no certificate. \"data:\" before it stands for the text of a certificate itself.",
			Example: "ssl_certificate /etc/weir/client.crt;",
			Set:     name(func(s *UpstreamConf) *sslName { return &s.Cert }),
		},
		{
			Name: "ssl_certificate_key", Syntax: "<file:text>",
			Doc: "A file with the private key of that certificate. It may be encrypted: see `" + prefix + "ssl_password_file`.",
			Set: name(func(s *UpstreamConf) *sslName { return &s.Key }),
		},
		{
			Name: "ssl_certificate_cache", Syntax: "! 1-3 off | max=<number> [inactive=<time>] [valid=<time>]", Default: "off",
			Doc:     "How many certificates and keys that are named by variables are kept, for how long when nobody asks for them, and after what time their files are looked at again.",
			Example: "ssl_certificate_cache max=1000 inactive=20s valid=1m;",
			Set: func(c *C, call *conf.Call) error {
				var s sslConf
				err := setCertificateCache(&s, call)
				of(c).Cache = s.cache
				return err
			},
		},
		{
			Name: "ssl_password_file", Syntax: "<file>",
			Doc: "A file with the passwords of encrypted keys, one a line. They are tried one after the other.",
			Set: keep(func(s *UpstreamConf) **conf.Call { return &s.Passwords }),
		},
		{
			Name: "ssl_protocols", Syntax: "SSLv2 | SSLv3 | TLSv1 | TLSv1.1 | TLSv1.2 | TLSv1.3 ...", Default: "TLSv1.2 TLSv1.3", Repeat: true,
			Doc: "The protocols that are spoken with servers. SSL is not, whoever asks for it. The list may have no gap: what stands under one is left out.",
			Set: conf.Bits(func(c *C) *certs.Protocols { return &of(c).Protocols }, certs.ProtocolNames),
		},
		{
			Name: "ssl_ciphers", Syntax: "<list:string>", Default: "DEFAULT",
			Doc: "The cipher suites below TLS 1.3, in OpenSSL's notation. What is named and not to be had is warned of. The order counts for nothing.",
			Set: func(c *C, call *conf.Call) error {
				if !call.IsDefault() {
					of(c).Ciphers = call
				}
				return nil
			},
		},
		{
			Name: "ssl_name", Syntax: "<name:text>", Default: "$proxy_host",
			Doc: "The name that the server's certificate must have, and that is asked for: that of the URL, if none is given; a port behind it is left out.",
			Set: func(c *C, call *conf.Call) error {
				if call.IsDefault() {
					return nil
				}
				return http.TextSlot(func(c *C) **http.Text { return &of(c).Name })(c, call)
			},
		},
		{
			Name: "ssl_server_name", Syntax: "on | off", Default: "off",
			Doc: "Whether the server is told in the handshake which name is asked for (SNI).",
			Set: conf.Flag(func(c *C) *bool { return &of(c).ServerName }),
		},
		{
			Name: "ssl_session_reuse", Syntax: "on | off", Default: "on",
			Doc: "Whether sessions are resumed, which makes handshakes cheaper.",
			Set: conf.Flag(func(c *C) *bool { return &of(c).SessionReuse }),
		},
		{
			Name: "ssl_verify", Syntax: "on | off", Default: "off",
			Doc: "Whether the server must show a certificate of its name that leads to an authority of `" + prefix + "ssl_trusted_certificate`.",
			Set: conf.Flag(func(c *C) *bool { return &of(c).Verify }),
		},
		{
			Name: "ssl_verify_depth", Syntax: "<number>", Default: "1",
			Doc: "How many certificates may stand between that of a server and the authority.",
			Set: conf.Int(func(c *C) *int { return &of(c).Depth }),
		},
		{
			Name: "ssl_trusted_certificate", Syntax: "<file>",
			Doc:     "A file with the certificates of authorities that those of servers are verified with.",
			Example: "ssl_trusted_certificate /etc/ssl/certs/ca-certificates.crt;",
			Set:     keep(func(s *UpstreamConf) **conf.Call { return &s.Trusted }),
		},
		{
			Name: "ssl_crl", Syntax: "<file>",
			Doc: "A file with lists of certificates that were revoked. Every authority of a chain must have one.",
			Set: keep(func(s *UpstreamConf) **conf.Call { return &s.CRL }),
		},
		{
			Name: "ssl_conf_command", Syntax: "<name:string> <value:string>", Repeat: true,
			Doc: "A command of OpenSSL's for connections to servers: see `ssl_conf_command`. Those that name a certificate or a key work here as well.",
			Set: func(c *C, call *conf.Call) error { of(c).Commands = append(of(c).Commands, call); return nil },
		},
	}
}

// Forget drops what is needed to build only.
func (s *UpstreamConf) Forget() { *s = UpstreamConf{} }

// BuildUpstream makes what a location needs that speaks TLS to its servers. prefix is that of its directives.
func BuildUpstream(b *http.Builder, s *UpstreamConf, prefix string) (*Upstream, error) {
	all := http.Of[upstreamSSLs](b)
	if all.pairs == nil {
		all.pairs, all.clients = map[[3]string]*certs.Pair{}, map[string]*certs.Client{}
	}
	u := &Upstream{name: s.Name, serverName: s.ServerName, cache: s.Cache, prefix: b.Tree.ConfPrefix}
	cert, key, err := s.pair(u, prefix, b.Tree.Outside().Read)
	if err != nil {
		return nil, err
	}
	id := s.identity(cert, key)
	if u.Client = all.clients[id]; u.Client != nil {
		return u, nil
	}
	c := certs.ClientConf{Sessions: s.SessionReuse, More: id}
	read := b.Tree.Outside().Read
	if cert != "" {
		names := [3]string{cert, key, fileOf(s.Passwords)}
		if c.Pair = all.pairs[names]; c.Pair == nil {
			if c.Pair, err = certs.LoadPair(read, cert, key, u.passwords); err != nil {
				return nil, unplaced(s.blame(), 0, err)
			}
			all.pairs[names] = c.Pair
		}
	}
	if c.Config, err = s.parameters(prefix); err != nil {
		return nil, err
	}
	if c.Trust, err = s.trust(prefix, read); err != nil {
		return nil, err
	}
	if c.Trust != nil && s.CRL != nil {
		crl, _ := read(fileOf(s.CRL))
		c.More += string(crl)
	}
	u.Client = certs.NewClient(c)
	all.clients[id] = u.Client
	return u, nil
}

func fileOf(call *conf.Call) string {
	if call == nil {
		return ""
	}
	return confPath(call, call.Arg(0))
}

// blame is the directive that a certificate or a key comes from.
func (s *UpstreamConf) blame() *conf.Call {
	if s.Cert.call != nil {
		return s.Cert.call
	}
	return s.Commands[0]
}

// identity is all that makes a Client, as text.
func (s *UpstreamConf) identity(cert, key string) string {
	w := fmt.Sprintf("%d %t %t %d %q %q %q %q %q", s.Protocols, s.SessionReuse, s.Verify, s.Depth, cert, key, fileOf(s.Passwords), fileOf(s.Trusted), fileOf(s.CRL))
	if s.Ciphers != nil {
		w += fmt.Sprintf(" %q", s.Ciphers.Arg(0))
	}
	for _, call := range s.Commands {
		w += fmt.Sprintf(" %q=%q", call.Arg(0), call.Arg(1))
	}
	return w
}

// pair says which certificate and key are loaded now, and has u know of those that variables name.
func (s *UpstreamConf) pair(u *Upstream, prefix string, read certs.Read) (cert, key string, err error) {
	if s.Passwords != nil {
		b, err := read(fileOf(s.Passwords))
		if err != nil {
			return "", "", s.Passwords.Errorf(0, "open() \"%s\" failed %s", fileOf(s.Passwords), logs.AppendErrno(nil, err))
		}
		u.passwords = certs.ParsePasswords(b)
	}
	for _, call := range s.Commands {
		switch strings.ToLower(call.Arg(0)) {
		case "certificate":
			cert = confPath(call, call.Arg(1))
		case "privatekey":
			key = confPath(call, call.Arg(1))
		}
	}
	if s.Cert.text == nil || s.Cert.text.Source() == "" {
		return cert, key, nil
	}
	if s.Key.text == nil {
		return "", "", unplaced(s.Cert.call, 0, fmt.Errorf("no \"%sssl_certificate_key\" is defined for certificate \"%s\"", prefix, s.Cert.text.Source()))
	}
	_, plain := s.Cert.text.Const()
	_, plainKey := s.Key.text.Const()
	if !plain || !plainKey {
		u.cert, u.key = s.Cert.text, s.Key.text
		return cert, key, nil
	}
	if cert == "" {
		cert, key = fileOf(s.Cert.call), fileOf(s.Key.call)
	}
	return cert, key, nil
}

// parameters takes protocols, ciphers and commands.
func (s *UpstreamConf) parameters(prefix string) (*tls.Config, error) {
	defaults, _, err := certs.ParseCiphers("DEFAULT")
	if err != nil {
		return nil, err
	}
	p := tlsParameters{protocols: s.Protocols, ciphers: defaults}
	if s.Ciphers != nil {
		if err := p.setCiphers(s.Ciphers, 0, s.Ciphers.Arg(0)); err != nil {
			return nil, err
		}
	}
	for _, call := range s.Commands {
		switch strings.ToLower(call.Arg(0)) {
		case "certificate", "privatekey":
			continue
		}
		if err := p.command(call); err != nil {
			return nil, err
		}
	}
	c := &tls.Config{CipherSuites: p.ciphers, CurvePreferences: p.curves}
	var ok bool
	if c.MinVersion, c.MaxVersion, _, ok = p.protocols.Range(); !ok {
		return nil, fmt.Errorf("\"%sssl_protocols\" has no protocol that is supported: those of TLS are", prefix)
	}
	return c, nil
}

// trust takes whom to believe; nil: anybody.
func (s *UpstreamConf) trust(prefix string, read certs.Read) (*certs.Trust, error) {
	if !s.Verify {
		return nil, nil
	}
	if s.Trusted == nil {
		return nil, (&conf.Error{Arg: -1, Text: "no " + prefix + "ssl_trusted_certificate for " + prefix + "ssl_verify"}).Unplaced()
	}
	t := certs.NewTrust(s.Depth, x509.ExtKeyUsageServerAuth)
	if err := t.Load(read, fileOf(s.Trusted), false); err != nil {
		return nil, unplaced(s.Trusted, 0, err)
	}
	if s.CRL != nil {
		if err := t.LoadCRL(read, fileOf(s.CRL)); err != nil {
			return nil, unplaced(s.CRL, 0, err)
		}
	}
	return t, nil
}
