package ssl

import (
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"weir/certs"
	"weir/http"
	"weir/http/url"
)

// sslVariables tell of the client's handshake and certificate. Without TLS all of them are empty.
func sslVariables() []http.Var {
	state := func(f func(*certs.State) string) func(*http.Request, string) http.Value {
		return func(r *http.Request, _ string) http.Value {
			s := clientTLS(r)
			if s == nil || s.hello != nil {
				return http.Value{Missing: true}
			}
			return notEmpty(r, f(s.State()))
		}
	}
	offered := func(f func(*offer) string) func(*http.Request, string) http.Value {
		return func(r *http.Request, _ string) http.Value {
			if s := clientTLS(r); s != nil && s.offer != nil {
				return notEmpty(r, f(s.offer))
			}
			return http.Value{Missing: true}
		}
	}
	client := func(f func(*http.Request, *x509.Certificate) string) func(*http.Request, string) http.Value {
		return func(r *http.Request, _ string) http.Value {
			if c := clientCertificate(r); c != nil {
				return notEmpty(r, f(r, c))
			}
			return http.Value{Missing: true}
		}
	}
	none := func(*http.Request, string) http.Value { return http.Value{Missing: true} }
	all := []http.Var{
		{Name: "ssl_protocol", Doc: "Protocol of the connection: `TLSv1.3`.", Get: state(func(s *certs.State) string { return certs.VersionText(s.Version) })},
		{Name: "ssl_cipher", Doc: "Cipher suite of the connection, as OpenSSL names it.", Get: state(func(s *certs.State) string { return certs.CipherText(s.Cipher) })},
		{Name: "ssl_ciphers", Doc: "Cipher suites that the client offers.", Get: offered(func(o *offer) string { return colons(o.ciphers, certs.CipherText) })},
		{Name: "ssl_curve", Doc: "Group of the key exchange: `X25519`.", Get: state(func(s *certs.State) string {
			if s.Group == 0 {
				return ""
			}
			return certs.CurveText(s.Group)
		})},
		{Name: "ssl_curves", Doc: "Groups that the client offers.", Get: offered(func(o *offer) string { return colons(o.curves, certs.CurveText) })},
		{Name: "ssl_sigalg", Doc: "Always empty: the library does not tell how it has signed.", Get: none},
		{Name: "ssl_sigalgs", Doc: "Signature algorithms that the client offers, as numbers.", Get: offered(func(o *offer) string {
			return colons(o.signatures, func(s tls.SignatureScheme) string { return fmt.Sprintf("0x%04x", uint16(s)) })
		})},
		{Name: "ssl_ja4", Doc: "Fingerprint of the client by what it offers in the handshake, JA4: `t13d1516h2_8daaf6152771_e5627efa2ab1`. An extra of weir's.", Get: offered(func(o *offer) string { return o.ja4 })},
		{Name: "ssl_session_id", Doc: "A number that the connection's session is known by.", Get: state(func(s *certs.State) string { return s.ID })},
		{Name: "ssl_session_reused", Doc: "`r` if the session was resumed, else `.`.", Get: state(func(s *certs.State) string {
			if s.Resumed {
				return "r"
			}
			return "."
		})},
		{Name: "ssl_early_data", Doc: "Always empty: requests are taken once the handshake is over.", Get: none},
		{Name: "ssl_server_name", Doc: "Server name that the client asks for in the handshake.", Get: func(r *http.Request, _ string) http.Value {
			if s := clientTLS(r); s != nil {
				return notEmpty(r, s.asked)
			}
			return http.Value{Missing: true}
		}},
		{Name: "ssl_alpn_protocol", Doc: "Protocol that was agreed upon in the handshake: `h2`.", Get: state(func(s *certs.State) string { return s.Protocol })},
		{Name: "ssl_ech_status", Doc: "Always empty: Encrypted ClientHello is not spoken.", Get: none},
		{Name: "ssl_ech_outer_server_name", Doc: "Always empty: Encrypted ClientHello is not spoken.", Get: none},
		{Name: "ssl_client_cert", Doc: "Client's certificate in PEM, each line but the first with a tab before it; for proxy_set_header of old. Better is `$ssl_client_escaped_cert`.", Get: client(func(_ *http.Request, c *x509.Certificate) string {
			return strings.ReplaceAll(strings.TrimSuffix(pemOf(c), "\n"), "\n", "\n\t")
		})},
		{Name: "ssl_client_raw_cert", Doc: "Client's certificate in PEM.", Get: client(func(_ *http.Request, c *x509.Certificate) string { return pemOf(c) })},
		{Name: "ssl_client_escaped_cert", Doc: "Client's certificate in PEM, escaped as in URIs.", Get: client(func(_ *http.Request, c *x509.Certificate) string {
			return string(url.AppendEscaped(nil, []byte(pemOf(c)), url.EscapeComponent))
		})},
		{Name: "ssl_client_s_dn", Doc: "Name of the client's certificate, as in RFC 2253.", Get: client(func(_ *http.Request, c *x509.Certificate) string { return certs.NameText(c.RawSubject) })},
		{Name: "ssl_client_i_dn", Doc: "Name of who has signed the client's certificate, as in RFC 2253.", Get: client(func(_ *http.Request, c *x509.Certificate) string { return certs.NameText(c.RawIssuer) })},
		{Name: "ssl_client_s_dn_legacy", Doc: "Name of the client's certificate, with slashes.", Get: client(func(_ *http.Request, c *x509.Certificate) string { return certs.LegacyNameText(c.RawSubject) })},
		{Name: "ssl_client_i_dn_legacy", Doc: "Name of who has signed the client's certificate, with slashes.", Get: client(func(_ *http.Request, c *x509.Certificate) string { return certs.LegacyNameText(c.RawIssuer) })},
		{Name: "ssl_client_serial", Doc: "Serial number of the client's certificate.", Get: client(func(_ *http.Request, c *x509.Certificate) string { return certs.SerialText(c.SerialNumber) })},
		{Name: "ssl_client_fingerprint", Doc: "SHA-1 fingerprint of the client's certificate.", Get: client(func(_ *http.Request, c *x509.Certificate) string {
			sum := sha1.Sum(c.Raw)
			return hex.EncodeToString(sum[:])
		})},
		{Name: "ssl_client_verify", Doc: "`SUCCESS`, `FAILED:` and why, or `NONE` if there is no client certificate.", Get: clientVerify},
		{Name: "ssl_client_v_start", Doc: "When the client's certificate begins to be valid.", Get: client(func(_ *http.Request, c *x509.Certificate) string { return certs.TimeText(c.NotBefore) })},
		{Name: "ssl_client_v_end", Doc: "When the client's certificate expires.", Get: client(func(_ *http.Request, c *x509.Certificate) string { return certs.TimeText(c.NotAfter) })},
		{Name: "ssl_client_v_remain", Doc: "Days until the client's certificate expires.", Get: client(func(_ *http.Request, c *x509.Certificate) string {
			return strconv.Itoa(max(0, int(time.Until(c.NotAfter)/(24*time.Hour))))
		})},
		{Name: "ssl_client_sigalg", Doc: "Always empty: the library does not tell how the client has signed.", Get: none},
	}
	for i := range all {
		all[i].Changeable = true
	}
	return all
}

// clientTLS is what is known of the client's connection over TLS, nil if it is none.
func clientTLS(r *http.Request) *TLS {
	s, _ := r.Client.TLS.(*TLS)
	return s
}

// text is the value of a text, in memory of the exchange.
func text(r *http.Request, s string) http.Value {
	return http.Value{B: append(r.Alloc(len(s))[:0], s...)}
}

// notEmpty is the value of a text; missing if it is empty.
func notEmpty(r *http.Request, s string) http.Value {
	if s == "" {
		return http.Value{Missing: true}
	}
	return text(r, s)
}

// clientCertificate is the certificate that the client has shown; nil: none.
func clientCertificate(r *http.Request) *x509.Certificate {
	s := clientTLS(r)
	if s == nil || s.hello != nil {
		return nil
	}
	if sent := s.State().Peer; len(sent) > 0 {
		return sent[0]
	}
	return nil
}

func clientVerify(r *http.Request, _ string) http.Value {
	s := clientTLS(r)
	switch {
	case s == nil:
		return http.Value{Missing: true}
	case clientCertificate(r) == nil:
		return text(r, "NONE")
	case s.asker == nil: // nobody has looked
		return text(r, "FAILED:certificate not trusted")
	case s.bad != nil:
		return text(r, "FAILED:"+s.bad.Error())
	case s.status != "":
		return text(r, "FAILED:"+s.status)
	}
	return text(r, "SUCCESS")
}

func pemOf(c *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
}

// An offer is what a client has offered in its handshake.
type offer struct {
	ciphers    []uint16
	curves     []tls.CurveID
	signatures []tls.SignatureScheme
	ja4        string
}

func newOffer(info *tls.ClientHelloInfo) *offer {
	return &offer{slices.Clone(info.CipherSuites), slices.Clone(info.SupportedCurves), slices.Clone(info.SignatureSchemes), certs.JA4(info)}
}

// offersUsed reports whether a variable of the configuration tells of offers.
func (s *sslBuilder) offersUsed() bool {
	return slices.ContainsFunc([]string{"ssl_ciphers", "ssl_curves", "ssl_sigalgs", "ssl_ja4"}, s.b.Vars.Used)
}

// colons puts colons between the names of things.
func colons[T any](all []T, name func(T) string) string {
	var b strings.Builder
	for i, x := range all {
		if i > 0 {
			b.WriteByte(':')
		}
		b.WriteString(name(x))
	}
	return b.String()
}
