package certs

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// JA4 is the fingerprint of a client over TCP by what it offers (FoxIO's JA4): such as "t13d1516h2_8daaf6152771_e5627efa2ab1". Clients that
// shuffle their offers have one and the same.
func JA4(hello *tls.ClientHelloInfo) string {
	const serverName, alpn = 0, 16
	ciphers := slices.Sorted(slices.Values(ungreased(hello.CipherSuites)))
	extensions := ungreased(hello.Extensions)
	name := byte('i')
	if slices.Contains(extensions, serverName) {
		name = 'd'
	}
	head := fmt.Sprintf("t%s%c%02d%02d%s", ja4Version(hello.SupportedVersions), name, min(len(ciphers), 99), min(len(extensions), 99), ja4Protocol(hello.SupportedProtos))
	extensions = slices.DeleteFunc(extensions, func(x uint16) bool { return x == serverName || x == alpn })
	slices.Sort(extensions)
	text := numbers(extensions)
	if s := ungreased(hello.SignatureSchemes); len(s) > 0 && text != "" {
		text += "_" + numbers(s)
	}
	return head + "_" + shortSum(numbers(ciphers)) + "_" + shortSum(text)
}

// ungreased leaves out the numbers that clients strew in to see whether servers bear the unknown (RFC 8701).
func ungreased[T ~uint16](all []T) []T {
	return slices.DeleteFunc(slices.Clone(all), func(x T) bool { return x&0x0f0f == 0x0a0a && x>>8 == x&0xff })
}

func ja4Version(all []uint16) string {
	all = ungreased(all)
	if len(all) == 0 {
		return "00"
	}
	switch slices.Max(all) {
	case tls.VersionTLS13:
		return "13"
	case tls.VersionTLS12:
		return "12"
	case tls.VersionTLS11:
		return "11"
	case tls.VersionTLS10:
		return "10"
	case 0x0300:
		return "s3"
	}
	return "00"
}

// ja4Protocol is the first and the last letter of the first protocol; of its hexadecimal digits where these are no letters.
func ja4Protocol(all []string) string {
	if len(all) == 0 || all[0] == "" {
		return "00"
	}
	p := all[0]
	letter := func(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' }
	if !letter(p[0]) || !letter(p[len(p)-1]) {
		p = hex.EncodeToString([]byte(p))
	}
	return p[:1] + p[len(p)-1:]
}

// numbers are four hexadecimal digits each, with commas between them.
func numbers[T ~uint16](all []T) string {
	var b strings.Builder
	for i, x := range all {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%04x", uint16(x))
	}
	return b.String()
}

// shortSum is the beginning of a checksum; zeros for nothing.
func shortSum(text string) string {
	if text == "" {
		return "000000000000"
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:6])
}
