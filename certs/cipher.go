package certs

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
)

// A cipherSuite is a cipher suite below TLS 1.3.
type cipherSuite struct {
	id    uint16 // 0: crypto/tls has it not
	name  string
	words string
	parts []string // the words
}

// SecureCiphers are what is spoken below TLS 1.3 where nothing was said: those with forward secrecy that encrypt and authenticate at
// once.
func SecureCiphers() []uint16 {
	return []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	}
}

// ParseCiphers reads a list in OpenSSL's notation ("HIGH:!aNULL:!MD5", "ECDHE+AESGCM", names). It returns what crypto/tls has of it,
// perhaps nothing, and the names in the list that it has not. The order counts for nothing: crypto/tls prefers what is fast on the
// machines of both sides. The error is nginx's sentence.
func ParseCiphers(list string) (ids []uint16, missing []string, err error) {
	l := cipherList{}
	for _, line := range strings.Split(strings.TrimSpace(otherCiphers), "\n") {
		_, line, _ = strings.Cut(line, " ")
		name, words, _ := strings.Cut(line, " ")
		l.all = append(l.all, cipherSuite{0, name, words, nil})
	}
	l.all = append(l.all, ciphers...)
	for i := range l.all {
		l.all[i].parts = strings.Fields(l.all[i].words)
	}
	l.state = make([]cipherState, len(l.all))
	words := strings.FieldsFunc(list, func(r rune) bool { return strings.ContainsRune(":, ;", r) })
	if len(words) > 0 && words[0] == "DEFAULT" {
		words = append([]string{"ALL", "!COMPLEMENTOFDEFAULT", "!eNULL"}, words[1:]...)
	}
	for _, w := range words {
		l.word(w)
	}
	chosen := 0
	for i, c := range l.all {
		if l.state[i] != cipherChosen {
			continue
		}
		chosen++
		switch {
		case c.id != 0:
			ids = append(ids, c.id)
		case slices.Contains(words, c.name):
			missing = append(missing, c.name)
		}
	}
	if chosen == 0 {
		return nil, nil, fmt.Errorf("SSL_CTX_set_cipher_list(\"%s\") failed (SSL: error:0A0000B9:SSL routines::no cipher match)", list)
	}
	return ids, missing, nil
}

type cipherState uint8

const (
	cipherOut cipherState = iota
	cipherChosen
	cipherKilled // for good
)

type cipherList struct {
	all   []cipherSuite
	state []cipherState
}

// word carries out one word of a list.
func (l *cipherList) word(w string) {
	if strings.HasPrefix(w, "@") { // @STRENGTH is about the order; @SECLEVEL would let in what crypto/tls keeps out
		return
	}
	to := cipherChosen
	switch w[0] {
	case '!':
		to = cipherKilled
	case '-':
		to = cipherOut
	case '+': // to the end
		return
	}
	parts := strings.Split(strings.TrimLeft(w, "!-"), "+")
	for i := range l.all {
		if l.state[i] == cipherKilled || !l.all[i].all(parts) {
			continue
		}
		if to == cipherChosen && parts[0] == "ALL" && l.all[i].is("eNULL") {
			continue
		}
		l.state[i] = to
	}
}

// all reports whether the cipher is all of these.
func (c *cipherSuite) all(parts []string) bool {
	for _, p := range parts {
		if p == "" || !c.is(p) {
			return false
		}
	}
	return true
}

// is reports whether the cipher is meant by an alias of OpenSSL, or is its name.
func (c *cipherSuite) is(alias string) bool {
	if alias == c.name || c.id != 0 && alias == tls.CipherSuiteName(c.id) {
		return true
	}
	f := c.parts
	protocol, kx, au, enc, bits, mac := f[0], f[1], f[2], f[3], f[len(f)-2], f[len(f)-1]
	switch alias {
	case "ALL":
		return true
	case "HIGH":
		return enc != "None"
	case "COMPLEMENTOFALL", "eNULL", "NULL":
		return enc == "None"
	case "COMPLEMENTOFDEFAULT":
		return au == "None" || au == "DSS" || enc == "None" || strings.HasPrefix(enc, "ARIA") || strings.HasPrefix(enc, "AESCCM") || enc == "Camellia"
	case "kRSA":
		return kx == "RSA"
	case "aRSA":
		return au == "RSA"
	case "RSA":
		return kx == "RSA" && au == "RSA"
	case "kDHE", "kEDH", "DH":
		return kx == "DH"
	case "DHE", "EDH":
		return kx == "DH" && au != "None"
	case "ADH":
		return kx == "DH" && au == "None"
	case "kECDHE", "kEECDH", "ECDH":
		return kx == "ECDH"
	case "ECDHE", "EECDH":
		return kx == "ECDH" && au != "None"
	case "AECDH":
		return kx == "ECDH" && au == "None"
	case "aNULL":
		return au == "None"
	case "aECDSA", "ECDSA":
		return au == "ECDSA"
	case "aDSS", "DSS":
		return au == "DSS"
	case "AES":
		return strings.HasPrefix(enc, "AES")
	case "AES128", "AES256":
		return strings.HasPrefix(enc, "AES") && bits == alias[3:]
	case "AESGCM", "AESCCM8":
		return enc == alias
	case "AESCCM":
		return strings.HasPrefix(enc, alias)
	case "ARIA", "ARIAGCM":
		return enc == "ARIAGCM"
	case "ARIA128", "ARIA256":
		return enc == "ARIAGCM" && bits == alias[4:]
	case "CAMELLIA":
		return enc == "Camellia"
	case "CAMELLIA128", "CAMELLIA256":
		return enc == "Camellia" && bits == alias[8:]
	case "CHACHA20":
		return enc == alias
	case "CBC":
		return mac != "AEAD" && enc != "None"
	case "MD5", "SHA256", "SHA384":
		return mac == alias
	case "SHA1", "SHA":
		return mac == "SHA1"
	case "TLSv1", "TLSv1.0":
		return protocol == "TLSv1"
	case "TLSv1.2", "SSLv3":
		return protocol == alias
	case "FIPS":
		return (enc == "AES" || enc == "AESGCM" || strings.HasPrefix(enc, "AESCCM")) && au != "None"
	case "SUITEB128":
		return au == "ECDSA" && enc == "AESGCM"
	case "SUITEB192":
		return au == "ECDSA" && enc == "AESGCM" && bits == "256"
	}
	return false
}

// CipherText is a cipher suite as OpenSSL names it, or its number.
func CipherText(id uint16) string {
	for i := range ciphers {
		if ciphers[i].id == id {
			return ciphers[i].name
		}
	}
	switch id {
	case tls.TLS_AES_128_GCM_SHA256, tls.TLS_AES_256_GCM_SHA384, tls.TLS_CHACHA20_POLY1305_SHA256:
		return tls.CipherSuiteName(id)
	}
	if _, rest, ok := strings.Cut(otherCiphers, fmt.Sprintf("\n%04X ", id)); ok {
		name, _, _ := strings.Cut(rest, " ")
		return name
	}
	return fmt.Sprintf("0x%04x", id)
}
