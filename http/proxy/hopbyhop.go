package proxy

import (
	"bytes"

	"weir/http"
	"weir/http/field"
)

// hopByHop are the fields of a response that concern the connection to the peer alone; what replaces them is the
// wire's own affair. Upgrade is none: nginx passes it on.
func hopByHop(id field.ID) bool {
	switch id {
	case field.ContentLength, field.TransferEncoding, field.Connection, field.KeepAlive, field.ProxyConnection:
		return true
	}
	return false
}

// namesFields reports whether some Connection names more than what everybody knows: other fields, which then
// concern that connection alone (RFC 9110, section 7.6.1).
func namesFields(all http.Fields) bool {
	for i := range all {
		if all[i].ID != field.Connection {
			continue
		}
		for rest := all[i].Value; len(rest) > 0; {
			var option []byte
			option, rest = nextOption(rest)
			if len(option) > 0 && !field.EqualFold(option, "close") && !field.EqualFold(option, "keep-alive") && !field.EqualFold(option, "upgrade") {
				return true
			}
		}
	}
	return false
}

// named reports whether a Connection among all names the field f. Upgrade is passed on, or not, by other rules.
func named(all http.Fields, f *http.Field) bool {
	if f.ID == field.Upgrade {
		return false
	}
	for i := range all {
		if all[i].ID != field.Connection {
			continue
		}
		for rest := all[i].Value; len(rest) > 0; {
			var option []byte
			if option, rest = nextOption(rest); bytes.EqualFold(option, f.Name) {
				return true
			}
		}
	}
	return false
}

// nextOption cuts the first of a list of options off.
func nextOption(list []byte) (option, rest []byte) {
	option, rest, _ = bytes.Cut(list, []byte(","))
	return bytes.Trim(option, " \t"), rest
}

// odd reports whether a name is none: it has bytes that a name cannot have (RFC 9110, section 5.6.2).
func odd(f *http.Field) bool {
	if f.Flags&field.Invalid == 0 {
		return false
	}
	for _, c := range f.Name {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9'
		if !letter && bytes.IndexByte([]byte("!#$%&'*+-.^_`|~"), c) < 0 {
			return true
		}
	}
	return len(f.Name) == 0
}
