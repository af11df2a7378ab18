package url

// Unescape decodes %XX in place. Of an escape that is none it leaves out the "%", and a first digit with what follows
// it, as nginx does.
func Unescape(b []byte) []byte { return unescape(b, false) }

// UnescapeRedirect decodes, in place, what a location may hold as it is: printable bytes above "%", up to a "?". It is
// how nginx's rewrite undoes the escaping of captures. What is no escape goes as in Unescape.
func UnescapeRedirect(b []byte) []byte { return unescape(b, true) }

func unescape(b []byte, redirect bool) []byte {
	out := b[:0]
	for i := 0; i < len(b); i++ {
		if redirect && b[i] == '?' {
			return append(out, b[i:]...)
		}
		if b[i] != '%' {
			out = append(out, b[i])
			continue
		}
		if i++; i == len(b) {
			break
		}
		hi := Unhex(b[i])
		if hi < 0 {
			out = append(out, b[i])
			continue
		}
		if i++; i == len(b) {
			break
		}
		lo := Unhex(b[i])
		switch c := byte(hi<<4 | lo); {
		case lo < 0:
		case !redirect, c > '%' && c < 0x7f && c != '?':
			out = append(out, c)
		case c == '?':
			return append(append(out, c), b[i+1:]...)
		default:
			out = append(out, '%', b[i-1], b[i])
		}
	}
	return out
}

// EscapeSet says which bytes AppendEscaped writes as %XX, besides controls and bytes above 0x7e.
type EscapeSet string

const (
	// EscapeURI is for a path: what would end it or be decoded again.
	EscapeURI EscapeSet = " \"#%<>?\\^`{|}"
	// EscapeArgs is for a value among arguments.
	EscapeArgs EscapeSet = " \"#%&+;<>?\\^`{|}"
	// EscapeRedirect is for a location that may hold anything already escaped.
	EscapeRedirect EscapeSet = " \"%<>\\^`{|}"
	// EscapeRefresh is for the target of a refresh in HTML: what would end the attribute. The "~" in place of a "}" is nginx's.
	EscapeRefresh EscapeSet = " \"'<>\\^`{|~"
	// EscapeComponent leaves only unreserved characters (RFC 3986, section 2.3).
	EscapeComponent EscapeSet = "component"
)

// AppendEscaped appends b with the bytes of a set written as %XX.
func AppendEscaped(dst, b []byte, set EscapeSet) []byte {
	const digits = "0123456789ABCDEF"
	for _, c := range b {
		if c > 0x20 && c < 0x7f && !set.has(c) {
			dst = append(dst, c)
			continue
		}
		dst = append(dst, '%', digits[c>>4], digits[c&15])
	}
	return dst
}

func (s EscapeSet) has(c byte) bool {
	if s == EscapeComponent {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' ||
			c == '-' || c == '.' || c == '_' || c == '~')
	}
	for i := range len(s) {
		if s[i] == c {
			return true
		}
	}
	return false
}
