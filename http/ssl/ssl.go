package ssl

import (
	"time"

	"weir/certs"
	"weir/conf"
	"weir/http"
	"weir/zone"
)

// sslConf holds the settings of nginx's http ssl module for a server.
type sslConf struct {
	certificates []sslName
	keys         []sslName
	cache        *certs.PairCache // ssl_certificate_cache; nil: off
	passwords    *conf.Call
	protocols    certs.Protocols
	ciphers      *conf.Call // nil: the secure ones
	curves       *conf.Call
	buffer       int64
	verify       verifyMode
	depth        int
	clientCA     *conf.Call
	trusted      *conf.Call
	crl          *conf.Call
	tickets      bool
	ticketKeys   []*conf.Call
	timeout      time.Duration
	sessions     sessionMode
	sessionZone  *zone.Zone
	ocsp         ocspMode
	ocspURL      *conf.Call
	ocspZone     *zone.Zone
	stapling     bool
	staplingFile *conf.Call
	staplingURL  string
	staplingSure bool // ssl_stapling_verify
	commands     []*conf.Call
	reject       bool
}

// An sslName is a path, or text with variables, of a certificate or a key.
type sslName struct {
	text *http.Text
	call *conf.Call
}

// verifyMode is ssl_verify_client.
type verifyMode uint8

const (
	verifyOff verifyMode = iota
	verifyOn
	verifyOptional
	verifyOptionalNoCA
)

// sessionMode is ssl_session_cache.
type sessionMode uint8

const (
	sessionsZone    sessionMode = iota // nothing is said but the name of a zone
	sessionsNone                       // only tickets that hold all that is needed
	sessionsOff                        // none are resumed
	sessionsBuiltin                    // kept by this server block, or in the zone if there is one
)

// ocspMode is ssl_ocsp.
type ocspMode uint8

const (
	ocspOff ocspMode = iota
	ocspOn
	ocspLeaf
)

// Module is nginx's http ssl module.
var Module = http.Define(http.Spec[sslConf]{
	Name:       "http_ssl",
	Doc:        "TLS for clients: certificates, protocols, client certificates, sessions.",
	Directives: sslDirectives(),
	Variables:  sslVariables(),
	Listen:     buildTLS,
})

const inServer = conf.HTTP | conf.Server

func sslDirectives() []conf.Directive[sslConf] {
	keep := func(f func(*sslConf) **conf.Call) func(*sslConf, *conf.Call) error {
		return func(c *sslConf, call *conf.Call) error { *f(c) = call; return nil }
	}
	return []conf.Directive[sslConf]{
		{
			Name: "ssl_certificate", In: inServer, Syntax: "<file:text>", Repeat: true,
			Doc: `A file with the certificate of the server, in PEM, and behind it those that lead to its authority. Several may stand, of different kinds
(RSA, ECDSA): a client gets one that it can verify. A file that changes is read anew, with its key, without a reload. It may be named by variables; "data:" before it stands for the text of a certificate itself.`,
			Example: "ssl_certificate /etc/letsencrypt/live/example.com/fullchain.pem;",
			Set:     func(c *sslConf, call *conf.Call) error { return addSSLName(&c.certificates, call) },
		},
		{
			Name: "ssl_certificate_key", In: inServer, Syntax: "<file:text>", Repeat: true,
			Doc: `A file with the private key of the certificate of the same place in the order. "data:" before it stands for the key itself. It may be
encrypted: see ` + "`ssl_password_file`.",
			Example: "ssl_certificate_key /etc/letsencrypt/live/example.com/privkey.pem;",
			Set:     func(c *sslConf, call *conf.Call) error { return addSSLName(&c.keys, call) },
		},
		{
			Name: "ssl_certificate_cache", In: inServer, Syntax: "! 1-3 off | max=<number> [inactive=<time>] [valid=<time>]", Default: "off",
			Doc:     "How many certificates and keys that are named by variables are kept, for how long when nobody asks for them, and after what time their files are looked at again.",
			Example: "ssl_certificate_cache max=1000 inactive=20s valid=1m;",
			Set:     setCertificateCache,
		},
		{
			Name: "ssl_password_file", In: inServer, Syntax: "<file>",
			Doc: "A file with the passwords of encrypted keys, one a line. They are tried one after the other.",
			Set: keep(func(c *sslConf) **conf.Call { return &c.passwords }),
		},
		{
			Name: "ssl_protocols", In: inServer, Syntax: "SSLv2 | SSLv3 | TLSv1 | TLSv1.1 | TLSv1.2 | TLSv1.3 ...", Default: "TLSv1.2 TLSv1.3", Repeat: true,
			Doc:     "The protocols that are spoken. SSL is not, whoever asks for it. The list may have no gap: what stands under one is left out.",
			Example: "ssl_protocols TLSv1.2 TLSv1.3;",
			Set:     conf.Bits(func(c *sslConf) *certs.Protocols { return &c.protocols }, certs.ProtocolNames),
		},
		{
			Name: "ssl_ciphers", In: inServer, Syntax: "<list:string>",
			Doc: `The cipher suites below TLS 1.3, in OpenSSL's notation. What is named and not to be had is warned of. Without the directive those are spoken that
have forward secrecy and authenticated encryption. The order counts for nothing: the best for both machines is taken.`,
			Example: "ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;",
			Set:     keep(func(c *sslConf) **conf.Call { return &c.ciphers }),
		},
		{
			Name: "ssl_prefer_server_ciphers", In: inServer, Syntax: "on | off", Default: "off", Support: conf.Ignored,
			Doc: "the best cipher suite for the machines of both sides is taken.",
		},
		{
			Name: "ssl_ecdh_curve", In: inServer, Syntax: "<list:string>", Default: "auto",
			Doc:     "The groups for the key exchange, with colons between them: X25519MLKEM768, X25519, prime256v1, secp384r1, secp521r1. Hybrids with other curves are there too (SecP256r1MLKEM768, SecP384r1MLKEM1024). **auto** is all of them.",
			Example: "ssl_ecdh_curve X25519MLKEM768:X25519:prime256v1;",
			Set:     keep(func(c *sslConf) **conf.Call { return &c.curves }),
		},
		{
			Name: "ssl_dhparam", In: inServer, Syntax: "<file>", Support: conf.Warned,
			Doc: "there is no key exchange by DHE; ECDHE, which every client of today knows, needs no parameters.",
		},
		{
			Name: "ssl_buffer_size", In: inServer, Syntax: "<size>", Default: "16k",
			Doc: "The most that goes into one record. With small ones the first bytes of an answer can be read earlier; large ones cost less.",
			Set: conf.Size(func(c *sslConf) *int64 { return &c.buffer }),
		},
		{
			Name: "ssl_verify_client", In: inServer, Syntax: "off | on | optional | optional_no_ca", Default: "off",
			Doc: `Whether clients are asked for a certificate. **on**: requests without a valid one are refused (400; 495 and 496 for error_page). **optional**:
one that is sent must be valid. **optional_no_ca**: its authority need not be known; whoever gets the request can look at $ssl_client_verify.`,
			Example: "ssl_verify_client on;",
			Set: conf.Enum(func(c *sslConf) *verifyMode { return &c.verify },
				map[string]verifyMode{"off": verifyOff, "on": verifyOn, "optional": verifyOptional, "optional_no_ca": verifyOptionalNoCA}),
		},
		{
			Name: "ssl_verify_depth", In: inServer, Syntax: "<number>", Default: "1",
			Doc: "How many certificates may stand between that of a client and the authority.",
			Set: conf.Int(func(c *sslConf) *int { return &c.depth }),
		},
		{
			Name: "ssl_client_certificate", In: inServer, Syntax: "<file>",
			Doc:     "A file with the certificates of authorities that client certificates are verified with. Clients are told their names.",
			Example: "ssl_client_certificate /etc/weir/clients-ca.pem;",
			Set:     keep(func(c *sslConf) **conf.Call { return &c.clientCA }),
		},
		{
			Name: "ssl_trusted_certificate", In: inServer, Syntax: "<file>",
			Doc: "A file with further authorities for client certificates and OCSP answers, of which clients are not told.",
			Set: keep(func(c *sslConf) **conf.Call { return &c.trusted }),
		},
		{
			Name: "ssl_crl", In: inServer, Syntax: "<file>",
			Doc: "A file with lists of certificates that were revoked. Every authority of a chain must have one.",
			Set: keep(func(c *sslConf) **conf.Call { return &c.crl }),
		},
		{
			Name: "ssl_session_cache", In: inServer, Repeat: true,
			Syntax: "! 1-2 off | none | builtin[:<size>] | shared:<name>:<size>", Default: "none",
			Doc: `Where sessions are kept for clients that come again. They come with a ticket in any case; with ` + "`ssl_session_tickets off`" + ` the ticket is only a number, and
the session is kept here. A reload keeps a shared cache. Clients without support for tickets cannot come back to a session.`,
			Example: "ssl_session_cache shared:SSL:10m;",
			Set:     setSessionCache,
		},
		{
			Name: "ssl_session_tickets", In: inServer, Syntax: "on | off", Default: "on",
			Doc: "Whether clients may resume sessions by tickets that hold all that is needed.",
			Set: conf.Flag(func(c *sslConf) *bool { return &c.tickets }),
		},
		{
			Name: "ssl_session_ticket_key", In: inServer, Syntax: "<file>", Repeat: true,
			Doc: `A file of 48 or 80 random bytes that tickets are encrypted with, for several machines that share sessions. With several the first encrypts, and all
decrypt. Without, keys are made at random and changed each day.`,
			Set: func(c *sslConf, call *conf.Call) error { c.ticketKeys = append(c.ticketKeys, call); return nil },
		},
		{
			Name: "ssl_session_timeout", In: inServer, Syntax: "<time:seconds>", Default: "5m",
			Doc: "For how long a session can be resumed.",
			Set: conf.Seconds(func(c *sslConf) *time.Duration { return &c.timeout }),
		},
		{
			Name: "ssl_ocsp", In: inServer, Syntax: "on | off | leaf", Default: "off",
			Doc: "Whether the authority is asked if a client's certificate is still valid: that of the client (**leaf**), or all of the chain.",
			Set: conf.Enum(func(c *sslConf) *ocspMode { return &c.ocsp }, map[string]ocspMode{"off": ocspOff, "on": ocspOn, "leaf": ocspLeaf}),
		},
		{
			Name: "ssl_ocsp_responder", In: inServer, Syntax: "<url:string>",
			Doc: "Who is asked in place of the one that a client's certificate names; http:// only.",
			Set: keep(func(c *sslConf) **conf.Call { return &c.ocspURL }),
		},
		{
			Name: "ssl_ocsp_cache", In: inServer, Syntax: "off | <zone:string>", Default: "off",
			Doc:     "Where the answers about client certificates are kept: shared:*name*:*size*.",
			Example: "ssl_ocsp_cache shared:OCSP:1m;",
			Set:     setOCSPCache,
		},
		{
			Name: "ssl_stapling", In: inServer, Syntax: "on | off", Default: "off",
			Doc: "Whether clients get the authority's word that the certificate is valid along with it. It is fetched in the background.",
			Set: conf.Flag(func(c *sslConf) *bool { return &c.stapling }),
		},
		{
			Name: "ssl_stapling_file", In: inServer, Syntax: "<file>",
			Doc: "A file with the authority's answer, in DER, in place of asking for it. When it changes it is read anew, without a reload; an answer that is about another certificate is not sent any more then.",
			Set: keep(func(c *sslConf) **conf.Call { return &c.staplingFile }),
		},
		{
			Name: "ssl_stapling_responder", In: inServer, Syntax: "<url:string>",
			Doc: "Who is asked in place of the one that the certificate names; http:// only.",
			Set: conf.String(func(c *sslConf) *string { return &c.staplingURL }),
		},
		{
			Name: "ssl_stapling_verify", In: inServer, Syntax: "on | off", Default: "off",
			Doc: "Whether the answer must be signed by an authority of `ssl_trusted_certificate`.",
			Set: conf.Flag(func(c *sslConf) *bool { return &c.staplingSure }),
		},
		{
			Name: "ssl_reject_handshake", In: inServer, Syntax: "on | off", Default: "off",
			Doc:     "Whether connections that come to this server are refused in the handshake: for a default server that no name leads to.",
			Example: "ssl_reject_handshake on;",
			Set:     conf.Flag(func(c *sslConf) *bool { return &c.reject }),
		},
		{
			Name: "ssl_early_data", In: inServer, Syntax: "on | off", Default: "off", Support: conf.Warned,
			Doc: "requests are taken once the handshake is over.",
		},
		{
			Name: "ssl_certificate_compression", In: inServer, Syntax: "on | off", Default: "off", Support: conf.Warned,
			Doc: "certificates are sent as they are.",
		},
		{
			Name: "ssl_ech_file", In: inServer, Syntax: "<file>", Repeat: true, Support: conf.Warned,
			Doc: "Encrypted ClientHello is not spoken.",
		},
		{
			Name: "ssl_conf_command", In: inServer, Syntax: "<name:string> <value:string>", Repeat: true,
			Doc: `A command of OpenSSL's. MinProtocol, MaxProtocol, Protocol, CipherString, Curves and Groups are carried out; Ciphersuites, Options and others that only
concern speed are accepted with a warning; what would leave a wish for more security unfulfilled is an error.`,
			Set: func(c *sslConf, call *conf.Call) error { c.commands = append(c.commands, call); return nil },
		},
	}
}
