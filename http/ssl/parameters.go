package ssl

import (
	"crypto/tls"
	"errors"
	"strings"

	"weir/certs"
	"weir/conf"
)

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
	return nil
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
