package certs

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"testing"
)

func TestMatchesHost(t *testing.T) {
	tests := []struct {
		common, names string
		host          string
		want          bool
	}{
		{"", "a.test", "a.test", true},
		{"", "a.test", "A.Test", true},
		{"", "a.test", "b.test", false},
		{"", "a.test", "", false},
		{"", "*.a.test", "x.a.test", true},
		{"", "*.a.test", "a.test", false},
		{"", "*.a.test", ".a.test", false},
		{"", "*.a.test", "x.y.a.test", false},
		{"", "*.test", "a.test", false}, // too much
		{"", "*", "a", false},
		{"", "x.*.a.test", "x.y.a.test", false},
		{"", "f*.a.test", "foo.a.test", true},
		{"", "f*.a.test", "f.a.test", false},
		{"", "f*.a.test", "goo.a.test", false},
		{"", "*o.a.test", "foo.a.test", true},
		{"", "f*o.a.test", "foo.a.test", false},
		{"", "xn--*.a.test", "xn--b.a.test", false},
		{"", "*.a.test", "xn--b.a.test", true},
		{"", "f*.a.test", "xn--b.a.test", false},
		{"common.test", "", "common.test", true},
		{"*.common.test", "", "x.common.test", true},
		{"common.test", "a.test", "common.test", false},
		{"", "10.0.0.1", "10.0.0.1", true}, // a name that looks like an address
	}
	for _, tt := range tests {
		c := &x509.Certificate{}
		if tt.names != "" {
			c.DNSNames = []string{"other.test", tt.names}
		}
		var err error
		if c.RawSubject, err = asn1.Marshal(pkix.Name{CommonName: tt.common}.ToRDNSequence()); err != nil {
			t.Fatal(err)
		}
		if got := MatchesHost(c, tt.host); got != tt.want {
			t.Errorf("%q, %q for %q: %t", tt.common, tt.names, tt.host, got)
		}
	}
}
