package certs

import (
	"crypto/tls"
	"fmt"
	"strings"
)

// Protocols is a set of versions of TLS, as ssl_protocols and its kin have it.
type Protocols uint8

// The protocols of nginx. Those before TLS 1.0 are known by name only.
const (
	SSLv2 Protocols = 1 << iota
	SSLv3
	TLSv1
	TLSv11
	TLSv12
	TLSv13
)

// ProtocolNames are the words of ssl_protocols.
var ProtocolNames = map[string]Protocols{
	"SSLv2": SSLv2, "SSLv3": SSLv3, "TLSv1": TLSv1, "TLSv1.1": TLSv11, "TLSv1.2": TLSv12, "TLSv1.3": TLSv13,
}

// Range is the lowest and the highest version of the set. crypto/tls has no gaps: what lies under one is left out, and warning says
// so. ok is false when nothing is left.
func (p Protocols) Range() (lowest, highest uint16, warning string, ok bool) {
	for i, version := range []uint16{tls.VersionTLS13, tls.VersionTLS12, tls.VersionTLS11, tls.VersionTLS10} {
		bit := TLSv13 >> i
		switch {
		case p&bit == 0:
		case highest == 0:
			lowest, highest = version, version
		case lowest == version+1:
			lowest = version
		default:
			warning = "protocols under a gap in the list are not spoken"
		}
	}
	return lowest, highest, warning, highest != 0
}

// VersionText is a version as OpenSSL names it.
func VersionText(version uint16) string {
	switch version {
	case tls.VersionTLS10:
		return "TLSv1"
	case tls.VersionTLS11:
		return "TLSv1.1"
	case tls.VersionTLS12:
		return "TLSv1.2"
	case tls.VersionTLS13:
		return "TLSv1.3"
	}
	return "unknown"
}

// curves are the groups of crypto/tls by the names that OpenSSL has for them, the usual one first.
var curves = []struct {
	id    tls.CurveID
	names string
}{
	{tls.X25519MLKEM768, "X25519MLKEM768"},
	{tls.SecP256r1MLKEM768, "SecP256r1MLKEM768"},
	{tls.SecP384r1MLKEM1024, "SecP384r1MLKEM1024"},
	{tls.X25519, "X25519"},
	{tls.CurveP256, "prime256v1 P-256 secp256r1"},
	{tls.CurveP384, "secp384r1 P-384"},
	{tls.CurveP521, "secp521r1 P-521"},
}

// knownGroups are groups of OpenSSL that crypto/tls has not.
const knownGroups = " X448 ffdhe2048 ffdhe3072 ffdhe4096 ffdhe6144 ffdhe8192 MLKEM512 MLKEM768 MLKEM1024 X448MLKEM1024 " +
	"brainpoolP256r1 brainpoolP384r1 brainpoolP512r1 brainpoolP256r1tls13 brainpoolP384r1tls13 brainpoolP512r1tls13 " +
	"secp224r1 P-224 secp256k1 prime192v1 P-192 sect163k1 sect163r1 sect163r2 sect193r1 sect193r2 sect233k1 sect233r1 sect239k1 sect283k1 sect283r1 " +
	"sect409k1 sect409r1 sect571k1 sect571r1 secp160k1 secp160r1 secp160r2 secp192k1 secp224k1 "

// ParseCurves reads a list of ssl_ecdh_curve: nil for "auto". missing are those that have no counterpart here. The order counts for
// nothing: crypto/tls has its own.
func ParseCurves(list string) (ids []tls.CurveID, missing []string, err error) {
	if list == "auto" {
		return nil, nil, nil
	}
	fail := func(name string) error {
		return fmt.Errorf("SSL_CTX_set1_curves_list(\"%s\") failed (SSL: error:0A080106:SSL routines::passed invalid argument:group '%s' cannot be set)", list, name)
	}
	for _, word := range strings.FieldsFunc(list, func(r rune) bool { return r == ':' || r == '/' }) {
		name := strings.TrimLeft(word, "?*")
		id := curveNamed(name)
		switch {
		case id != 0:
			ids = append(ids, id)
		case name == "DEFAULT":
			ids = append(ids, tls.X25519MLKEM768, tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521)
		case strings.Contains(strings.ToLower(knownGroups), " "+strings.ToLower(name)+" "):
			missing = append(missing, name)
		case word[0] != '?':
			return nil, nil, fail(name)
		}
	}
	if len(ids) == 0 {
		return nil, missing, fail(list)
	}
	return ids, missing, nil
}

func curveNamed(name string) tls.CurveID {
	for _, c := range curves {
		for _, n := range strings.Fields(c.names) {
			if strings.EqualFold(n, name) {
				return c.id
			}
		}
	}
	return 0
}

// CurveText is a group as OpenSSL names it, or its number.
func CurveText(id tls.CurveID) string {
	for _, c := range curves {
		if c.id == id {
			name, _, _ := strings.Cut(c.names, " ")
			return name
		}
	}
	if name, ok := otherGroups[id]; ok {
		return name
	}
	return fmt.Sprintf("0x%04x", uint16(id))
}

// otherGroups are groups that clients offer and crypto/tls has not.
var otherGroups = map[tls.CurveID]string{
	21: "secp224r1", 22: "secp256k1", 26: "brainpoolP256r1", 27: "brainpoolP384r1", 28: "brainpoolP512r1", 30: "X448",
	256: "ffdhe2048", 257: "ffdhe3072", 258: "ffdhe4096", 259: "ffdhe6144", 260: "ffdhe8192",
}
