package http

import "bytes"

// Respond answers with a status and a short text: a location for redirects, else the body. It is what
// return does.
func (r *Request) Respond(status int, text []byte) Verdict {
	if v := r.DiscardBody(); v != Next {
		return v
	}
	switch status {
	case 301, 302, 303, 307, 308:
		r.Out.Location = r.Copy(text)
		r.Out.EmptyLocation = len(text) == 0
		return Verdict(status)
	}
	o := &r.Out
	o.Status = status
	o.ContentLength = int64(len(text))
	r.SetContentType()
	if v := r.SendHead(); v != Next {
		return v
	}
	if len(text) == 0 {
		return r.SendAll(nil)
	}
	return r.SendAll([]Piece{Mem(r.Copy(text))})
}

// EnterIf makes an if block's location the place of the request and runs the block's own rewrite
// directives.
func (r *Request) EnterIf(loc *Location) Verdict {
	r.enter(loc)
	steps := loc.rewrite
	if len(steps) == 0 {
		steps = loc.serverRewrite
	}
	for _, s := range steps {
		if v := s(r); v != Next {
			return v
		}
	}
	return Next
}

// QuotedText evaluates a text of the rewrite phase: captures are escaped until a rewrite has matched.
func (r *Request) QuotedText(x *Text) []byte {
	if r.Quote {
		return r.EscapedText(x)
	}
	return r.Text(x)
}

// EscapedText evaluates a text for the arguments of a URI: captures of a target that came escaped are
// escaped again.
func (r *Request) EscapedText(x *Text) []byte {
	if !r.Escaped && !r.plusInPath() {
		return r.Text(x)
	}
	var out []byte
	for _, p := range x.Parts() {
		switch {
		case p.Ref == nil:
			out = append(out, p.Lit...)
		case isCapture(p.Ref.Name()):
			out = AppendEscaped(out, p.Ref.Get(r).B, EscapeArgs)
		default:
			out = append(out, p.Ref.Get(r).B...)
		}
	}
	return out
}

// plusInPath reports whether the path of the target had a "+".
func (r *Request) plusInPath() bool {
	i := bytes.IndexAny(r.Target, "+?#")
	return i >= 0 && r.Target[i] == '+'
}

// UnescapeRedirect decodes, in place, what a location may hold as it is: printable bytes above "%", up to
// a "?". It is how nginx's rewrite undoes the escaping of captures. Of an escape that is none, it leaves out
// the "%" and a first digit.
func UnescapeRedirect(b []byte) []byte {
	out := b[:0]
	for i := 0; i < len(b); i++ {
		if b[i] == '?' {
			return append(out, b[i:]...)
		}
		if b[i] != '%' {
			out = append(out, b[i])
			continue
		}
		if i++; i == len(b) {
			break
		}
		hi := unhex(b[i])
		if hi < 0 {
			out = append(out, b[i])
			continue
		}
		if i++; i == len(b) {
			break
		}
		lo := unhex(b[i])
		switch c := byte(hi<<4 | lo); {
		case lo < 0:
		case c == '?':
			return append(append(out, c), b[i+1:]...)
		case c > '%' && c < 0x7f:
			out = append(out, c)
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

// Escapes reports whether AppendEscaped would change b.
func (s EscapeSet) Escapes(b []byte) bool {
	for _, c := range b {
		if c <= 0x20 || c >= 0x7f || s.has(c) {
			return true
		}
	}
	return false
}

// isCapture reports whether a variable is one of $1 to $9.
func isCapture(name string) bool { return len(name) == 1 && '1' <= name[0] && name[0] <= '9' }
