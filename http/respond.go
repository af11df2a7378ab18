package http

import (
	"bytes"

	"weir/http/url"
)

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
	if r.Rewrite.Quote {
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
			out = url.AppendEscaped(out, p.Ref.Get(r).B, url.EscapeArgs)
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

// isCapture reports whether a variable is one of $1 to $9.
func isCapture(name string) bool { return len(name) == 1 && '1' <= name[0] && name[0] <= '9' }
