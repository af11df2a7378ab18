package h1

import (
	"weir/http/field"
)

// Classes of bytes in the name of a field. The first two are field.Flags.
const (
	nameUnderscore = uint8(field.Underscore)
	nameInvalid    = uint8(field.Invalid) // taken by nginx, but marked
	nameColon      = uint8(0x40)
	nameStop       = uint8(0x80) // control bytes, space, DEL
)

// Classes of bytes in a request target.
const (
	uriPlain uint8 = iota
	uriSlash
	uriDot
	uriPercent
	uriHash
	uriQuery
	uriEnd // space, CR, LF, other control bytes, DEL
)

// The tables are made when the program starts and never change.
var (
	nameClass   = makeNameClass()
	uriClass    = makeURIClass()
	methodClass = makeMethodClass()
	hostClass   = makeHostClass()
	hexValue    = makeHexValue()
)

func isLetter(c int) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' && c < 0x80 }

func isDigit(c int) bool { return c >= '0' && c <= '9' }

func makeNameClass() (t [256]uint8) {
	for c := range t {
		switch {
		case isLetter(c) || isDigit(c) || c == '-':
		case c == '_':
			t[c] = nameUnderscore
		case c == ':':
			t[c] = nameColon
		case c <= ' ' || c == 0x7f:
			t[c] = nameStop
		default:
			t[c] = nameInvalid
		}
	}
	return t
}

func makeURIClass() (t [256]uint8) {
	for c := range t {
		if c <= ' ' || c == 0x7f {
			t[c] = uriEnd
		}
	}
	t['/'], t['.'], t['%'], t['#'], t['?'] = uriSlash, uriDot, uriPercent, uriHash, uriQuery
	return t
}

func makeMethodClass() (t [256]bool) {
	for c := 'A'; c <= 'Z'; c++ {
		t[c] = true
	}
	t['_'], t['-'] = true, true
	return t
}

// Classes of bytes in a host.
const (
	hostBad   uint8 = iota
	hostPlain       // nginx takes it in Host
	hostName        // and in the request line: letters, digits, "-"
	hostUpper       // likewise, but it is made lower case
	hostDot
	hostPercent // only in a name, not in an IP literal
	hostColon
)

func makeHostClass() (t [256]uint8) {
	for c := range t {
		if isLetter(c) || isDigit(c) {
			t[c] = hostName
		}
		if c >= 'A' && c <= 'Z' {
			t[c] = hostUpper
		}
	}
	for _, c := range "_~!$&'()*+,;=" {
		t[c] = hostPlain
	}
	t['-'], t['.'], t['%'], t[':'] = hostName, hostDot, hostPercent, hostColon
	return t
}

// hexValue is the value of a hex digit plus one, 0 for anything else.
func makeHexValue() (t [256]uint8) {
	for c := range uint8(10) {
		t['0'+c] = c + 1
	}
	for c := range uint8(6) {
		t['a'+c], t['A'+c] = c+11, c+11
	}
	return t
}
