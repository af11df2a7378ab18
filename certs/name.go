package certs

import (
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"math/big"
	"slices"
	"strings"
)

// attributes are the short names of OpenSSL for the parts of a name.
var attributes = map[string]string{
	"2.5.4.3": "CN", "2.5.4.4": "SN", "2.5.4.5": "serialNumber", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.9": "street",
	"2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.12": "title", "2.5.4.13": "description", "2.5.4.15": "businessCategory", "2.5.4.17": "postalCode",
	"2.5.4.20": "telephoneNumber", "2.5.4.41": "name", "2.5.4.42": "GN", "2.5.4.43": "initials", "2.5.4.44": "generationQualifier",
	"2.5.4.45": "x500UniqueIdentifier", "2.5.4.46": "dnQualifier", "2.5.4.65": "pseudonym", "2.5.4.97": "organizationIdentifier",
	"0.9.2342.19200300.100.1.1": "UID", "0.9.2342.19200300.100.1.25": "DC", "1.2.840.113549.1.9.1": "emailAddress", "1.2.840.113549.1.9.2": "unstructuredName",
	"1.3.6.1.4.1.311.60.2.1.1": "jurisdictionL", "1.3.6.1.4.1.311.60.2.1.2": "jurisdictionST", "1.3.6.1.4.1.311.60.2.1.3": "jurisdictionC",
}

type attribute struct {
	Type  asn1.ObjectIdentifier
	Value asn1.RawValue
}

// relative names are sets of attributes.
type relativeNameSET []attribute

// parseName takes a name apart; nil if it is none.
func parseName(der []byte) (parts []relativeNameSET) {
	if _, err := asn1.Unmarshal(der, &parts); err != nil {
		return nil
	}
	return parts
}

// text is a value as UTF-8; ok is false for what is no text.
func (a *attribute) text() (s string, ok bool) {
	b := a.Value.Bytes
	if a.Value.Class != asn1.ClassUniversal {
		return "", false
	}
	switch a.Value.Tag {
	case asn1.TagUTF8String, asn1.TagPrintableString, asn1.TagIA5String, asn1.TagNumericString:
		return string(b), true
	case asn1.TagT61String:
		var w strings.Builder
		for _, c := range b {
			w.WriteRune(rune(c))
		}
		return w.String(), true
	case asn1.TagBMPString:
		var w strings.Builder
		for i := 0; i+1 < len(b); i += 2 {
			w.WriteRune(rune(b[i])<<8 | rune(b[i+1]))
		}
		return w.String(), true
	}
	return "", false
}

// NameText is a name, in DER, as RFC 2253 writes it: "CN=x,O=y".
func NameText(der []byte) string {
	parts := parseName(der)
	slices.Reverse(parts)
	var w strings.Builder
	for i, set := range parts {
		if i > 0 {
			w.WriteByte(',')
		}
		for j := range set {
			if j > 0 {
				w.WriteByte('+')
			}
			a := &set[len(set)-1-j]
			name, known := attributes[a.Type.String()]
			if !known {
				name = a.Type.String()
			}
			w.WriteString(name)
			w.WriteByte('=')
			if s, ok := a.text(); ok && known {
				escapeName(&w, s)
			} else {
				fmt.Fprintf(&w, "#%s", strings.ToUpper(hex.EncodeToString(a.Value.FullBytes)))
			}
		}
	}
	return w.String()
}

func escapeName(w *strings.Builder, s string) {
	for i := range len(s) {
		c := s[i]
		switch {
		case strings.IndexByte(`,+"\<>;`, c) >= 0, c == '#' && i == 0, c == ' ' && (i == 0 || i == len(s)-1):
			w.WriteByte('\\')
			w.WriteByte(c)
		case c < 0x20 || c >= 0x7f:
			fmt.Fprintf(w, "\\%02X", c)
		default:
			w.WriteByte(c)
		}
	}
}

// LegacyNameText is a name, in DER, as old versions of OpenSSL write it: "/O=y/CN=x".
func LegacyNameText(der []byte) string {
	var w strings.Builder
	for _, set := range parseName(der) {
		for i := range set {
			name, known := attributes[set[i].Type.String()]
			if !known {
				name = set[i].Type.String()
			}
			w.WriteString("/" + name + "=")
			for _, c := range set[i].Value.Bytes {
				if c < ' ' || c > '~' {
					fmt.Fprintf(&w, "\\x%02X", c)
				} else {
					w.WriteByte(c)
				}
			}
		}
	}
	return w.String()
}

// SerialText is a serial number as OpenSSL prints it.
func SerialText(n *big.Int) string {
	digits := strings.ToUpper(new(big.Int).Abs(n).Text(16))
	if len(digits)%2 == 1 {
		digits = "0" + digits
	}
	if n.Sign() < 0 {
		return "-" + digits
	}
	return digits
}
