package field

import (
	"encoding/binary"
	"math"
	"math/bits"
	"strings"
)

// Classes of bytes in the name of a field. Underscore, Invalid and NoToken are classes as well.
const (
	NameColon = uint8(0x40)
	NameStop  = uint8(0x80) // control bytes, space, DEL: never part of a name
)

// NameClasses has the class of each byte of a name; it is made when the program starts and never changes.
var NameClasses = makeNameClasses()

func makeNameClasses() (t [256]uint8) {
	for c := range t {
		switch {
		case c|0x20 >= 'a' && c|0x20 <= 'z' && c < 0x80, c >= '0' && c <= '9', c == '-':
		case c == '_':
			t[c] = uint8(Underscore)
		case c == ':':
			t[c] = NameColon
		case c <= ' ' || c == 0x7f:
			t[c] = NameStop
		case strings.IndexByte("!#$%&'*+.^`|~", byte(c)) >= 0:
			t[c] = uint8(Invalid)
		default:
			t[c] = uint8(Invalid | NoToken)
		}
	}
	return t
}

// CheckName says what is unusual about a name. It is not ok if no field can have it: it is empty, or has a colon, a
// space or a control byte.
func CheckName(name []byte) (flags Flags, ok bool) {
	class := uint8(0)
	for _, c := range name {
		class |= NameClasses[c]
	}
	return Flags(class) & (Underscore | Invalid | NoToken), class < NameColon && len(name) > 0
}

// CheckValue reports whether a value has no bytes that it may not have (RFC 9110, section 5.5): control bytes, other
// than tabs, and DEL.
func CheckValue(value []byte) bool {
	for i := NextControl(value, 0); i < len(value); i = NextControl(value, i+1) {
		if value[i] != '\t' {
			return false
		}
	}
	return true
}

// ParseLength reads digits and nothing but digits.
func ParseLength(b []byte) (n int64, ok bool) {
	if len(b) == 0 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		d := int64(c - '0')
		if n > (math.MaxInt64-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, true
}

// HasToken reports whether a field's value mentions a token anywhere, whatever its case: nginx looks
// for "close" and "keep-alive" in Connection in this way.
func HasToken(value []byte, lower string) bool {
	for i := 0; i+len(lower) <= len(value); i++ {
		if value[i]|0x20 == lower[0] && EqualFold(value[i:i+len(lower)], lower) {
			return true
		}
	}
	return false
}

// Once reports whether a client may send a field once only: a second one is answered with 400.
func (id ID) Once() bool {
	switch id {
	case Host, ContentLength, TransferEncoding, ContentRange, IfModifiedSince, IfUnmodifiedSince, IfMatch, IfNoneMatch,
		IfRange, Expect, Authorization, ProxyAuthorization:
		return true
	}
	return false
}

// AppendDuplicate appends what nginx logs after "client " or "upstream " about a field sent twice.
func AppendDuplicate(dst []byte, again, first *Field) []byte {
	if again.ID == Host {
		dst = append(dst, "sent duplicate host header"...)
	} else {
		dst = append(dst, "sent duplicate header line"...)
	}
	dst = append(dst, `: "`...)
	dst = append(append(append(dst, again.Name...), ": "...), again.Value...)
	dst = append(dst, `", previous value: "`...)
	dst = append(append(append(dst, first.Name...), ": "...), first.Value...)
	return append(dst, '"')
}

const (
	swarOnes = 0x0101010101010101
	swarHigh = 0x8080808080808080
)

// NextControl is the offset at or after i of the first control byte: below 32, or DEL. It is len(b) if there is none.
func NextControl(b []byte, i int) int {
	for i+8 <= len(b) {
		x := binary.LittleEndian.Uint64(b[i:])
		del := x ^ 0x7f*swarOnes
		// A borrow can only come from a byte that is itself found, so the lowest mark is right.
		if m := ((x-32*swarOnes)&^x | (del-swarOnes)&^del) & swarHigh; m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
		i += 8
	}
	for i < len(b) && b[i] >= 32 && b[i] != 0x7f {
		i++
	}
	return i
}
