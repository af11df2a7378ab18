package certs

import (
	"crypto/x509"
	"strings"
)

// MatchesHost reports whether a server's certificate is for a host: by its alternative names, or by its common names if it has none
// that are of hosts. An address is no host.
func MatchesHost(c *x509.Certificate, host string) bool {
	names := c.DNSNames
	if len(names) == 0 {
		const commonName = "2.5.4.3"
		for _, set := range parseName(c.RawSubject) {
			for i := range set {
				if s, ok := set[i].text(); ok && set[i].Type.String() == commonName {
					names = append(names, s)
				}
			}
		}
	}
	for _, n := range names {
		if matchesName(n, host) {
			return true
		}
	}
	return false
}

// matchesName compares a name, which may have a star in its first label, with a host.
func matchesName(name, host string) bool {
	if host == "" || name == "" {
		return false
	}
	if strings.EqualFold(name, host) {
		return true
	}
	label, rest, _ := strings.Cut(name, ".")
	before, behind, star := strings.Cut(label, "*")
	if !star || strings.Contains(behind+rest, "*") || !strings.Contains(rest, ".") || before != "" && behind != "" {
		return false
	}
	first, of, ok := strings.Cut(host, ".")
	if !ok || !strings.EqualFold(rest, of) || len(first) <= len(before)+len(behind) {
		return false
	}
	if label != "*" && (isIDNA(label) || isIDNA(first)) {
		return false
	}
	return strings.EqualFold(first[:len(before)], before) && strings.EqualFold(first[len(first)-len(behind):], behind)
}

func isIDNA(label string) bool { return len(label) >= 4 && strings.EqualFold(label[:4], "xn--") }
