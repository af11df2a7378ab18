package certs

import (
	"crypto/tls"
	"math/rand/v2"
	"testing"
)

// TestJA4 has the example of the specification, and what it says of odd offers. The sums of the latter are of the texts beside them.
func TestJA4(t *testing.T) {
	chrome := tls.ClientHelloInfo{
		CipherSuites: []uint16{
			0x2a2a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014, 0x009c, 0x009d, 0x002f, 0x0035,
		},
		Extensions: []uint16{
			0x8a8a, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469, 0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012, 0x002b, 0xff01, 0x000b, 0x000a, 0x0015, 0xeaea,
		},
		SignatureSchemes:  []tls.SignatureScheme{0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601},
		SupportedProtos:   []string{"h2", "http/1.1"},
		SupportedVersions: []uint16{0x7a7a, 0x0304, 0x0303},
		ServerName:        "example.com",
	}
	shuffled := chrome
	shuffled.CipherSuites = append([]uint16(nil), chrome.CipherSuites...)
	shuffled.Extensions = append([]uint16(nil), chrome.Extensions...)
	rand.Shuffle(len(shuffled.CipherSuites), func(i, j int) {
		c := shuffled.CipherSuites
		c[i], c[j] = c[j], c[i]
	})
	rand.Shuffle(len(shuffled.Extensions), func(i, j int) {
		x := shuffled.Extensions
		x[i], x[j] = x[j], x[i]
	})
	tests := []struct {
		name  string
		hello tls.ClientHelloInfo
		want  string
	}{
		{"of the specification", chrome, "t13d1516h2_8daaf6152771_e5627efa2ab1"},
		{"shuffled", shuffled, "t13d1516h2_8daaf6152771_e5627efa2ab1"},
		{"nothing", tls.ClientHelloInfo{}, "t00i000000_000000000000_000000000000"},
		{"old", tls.ClientHelloInfo{CipherSuites: []uint16{0x002f}, SupportedVersions: []uint16{0x0301}}, "t10i010000_" + shortSum("002f") + "_000000000000"},
		{"no signatures", tls.ClientHelloInfo{CipherSuites: []uint16{5, 4}, Extensions: []uint16{0x0b, 0x0a}, SupportedVersions: []uint16{0x0303}}, "t12i020200_" + shortSum("0004,0005") + "_" + shortSum("000a,000b")},
		{"one letter", tls.ClientHelloInfo{SupportedProtos: []string{"x"}, SupportedVersions: []uint16{0x0302}}, "t11i0000xx_000000000000_000000000000"},
		{"no letters", tls.ClientHelloInfo{SupportedProtos: []string{"\xab-\xcd"}, SupportedVersions: []uint16{0x0304}}, "t13i0000ad_000000000000_000000000000"},
		{"http/1.1", tls.ClientHelloInfo{SupportedProtos: []string{"http/1.1"}, SupportedVersions: []uint16{0x0304}}, "t13i0000h1_000000000000_000000000000"},
		{"very many", tls.ClientHelloInfo{CipherSuites: make([]uint16, 120), SupportedVersions: []uint16{0x0304}}, "t13i990000_" + shortSum(numbers(make([]uint16, 120))) + "_000000000000"},
	}
	for _, tt := range tests {
		if got := JA4(&tt.hello); got != tt.want {
			t.Errorf("%s: %s; want %s", tt.name, got, tt.want)
		}
	}
}
