package http

import (
	"bytes"

	"weir/http/field"
	"weir/http/url"
	"weir/logs"
	"weir/vars"
)

// locate finds the location of the URI; the server itself holds what is in no location.
func (r *Request) locate() (loc *Location, redirect bool, err error) {
	if r.debug {
		r.Server.Locations.Passed(r.URI, func(name string) { r.Debugf("test location: \"%s\"", name) })
	}
	found, err := r.Server.Locations.Find(r.URI, r.tryLocation)
	if err != nil {
		return nil, false, err
	}
	if !found.OK {
		return r.Server.Root, false, nil
	}
	return found.Loc, found.AutoRedirect, nil
}

// matchLocation asks a location's regular expression, keeping its captures.
func (r *Request) matchLocation(loc *Location, uri []byte) (bool, error) {
	if r.debug {
		r.Debugf("test location: ~ \"%s\"", loc.Name)
	}
	return r.MatchPattern(loc.Pattern, loc.Slots, uri)
}

// MatchPattern matches text, remembering captures for $1 and named groups.
func (r *Request) MatchPattern(p *vars.Pattern, slots []int, text []byte) (bool, error) {
	found, ok, err := p.Find(r.CaptureBuf(), text)
	if err != nil || !ok {
		return false, err
	}
	r.SetCaptures(found, text)
	for i, slot := range slots {
		if slot < 0 {
			continue
		}
		v, took := r.Capture(i)
		if took {
			r.slots[slot] = Value{B: v}
		} else {
			r.slots[slot] = Value{Missing: true}
		}
	}
	return true, nil
}

// tooManyURIChanges counts a change of the URI, and says that there were too many.
func (r *Request) tooManyURIChanges() bool {
	r.Redirects++
	return r.Redirects > MaxRedirects
}

func (r *Request) countRedirect() bool {
	if r.tooManyURIChanges() {
		r.Logf(logs.Error, "rewrite or internal redirection cycle while processing \"%s\"", r.URI)
		return false
	}
	return true
}

// InternalRedirect sends the request to another URI of the same server. The caller returns the
// verdict at once.
func (r *Request) InternalRedirect(uri, args []byte) Verdict {
	if r.tooManyURIChanges() {
		r.Logf(logs.Error, "rewrite or internal redirection cycle while internally redirecting to \"%s\"", uri)
		return StatusInternal
	}
	if r.debug {
		r.Debugf("internal redirect: \"%s?%s\"", uri, args)
	}
	r.setURI(uri, args)
	r.Internal = true
	r.dropPlace()
	r.setLocation(r.Server.Root)
	return Redirected
}

// JumpTo sends the request to a named location of the same server.
func (r *Request) JumpTo(name []byte) Verdict {
	if r.tooManyURIChanges() {
		r.Logf(logs.Error, "rewrite or internal redirection cycle while redirect to named location \"%s\"", name)
		return StatusInternal
	}
	if len(r.URI) == 0 {
		r.Logf(logs.Error, "empty URI in redirect to named location \"%s\"", name)
		return StatusInternal
	}
	loc, ok := r.Server.Locations.Named(name)
	if !ok {
		r.Logf(logs.Error, "could not find named location \"%s\"", name)
		return StatusInternal
	}
	if r.debug {
		r.Debugf("using location: %s \"%s?%s\"", name, r.URI, r.Args)
	}
	r.Internal = true
	r.dropPlace()
	r.jump = loc
	return Jumped
}

// setURI replaces the URI; it is no longer the target as sent.
func (r *Request) setURI(uri, args []byte) {
	r.URI, r.Args = uri, args
	r.Plain, r.Rewrite.Moved = false, false
	r.SetExten()
}

// SetURI replaces the URI for a rewrite: the location will be looked for anew.
func (r *Request) SetURI(uri []byte) {
	r.URI = uri
	r.Plain = false
	r.SetExten()
}

// SetExten finds the extension of the URI's last segment.
func (r *Request) SetExten() {
	r.Exten = nil
	for i := len(r.URI) - 1; i > 0; i-- {
		switch r.URI[i] {
		case '.':
			if r.URI[i-1] != '/' {
				r.Exten = r.URI[i+1:]
			}
			return
		case '/':
			return
		}
	}
}

// addSlash redirects /dir to /dir/, for a location that only answers below it.
func (r *Request) addSlash(loc *Location) Verdict {
	r.Out.DropField(field.Location)
	to := url.AppendEscaped(r.Alloc(3*len(loc.Name) + len(r.Args) + 1)[:0], []byte(loc.Name), url.EscapeURI)
	if len(r.Args) > 0 {
		to = append(append(to, '?'), r.Args...)
	}
	r.Out.Location = to
	return 301
}

// EnterIf makes an if block's location the place of the request and runs the block's own rewrite
// directives.
func (r *Request) EnterIf(loc *Location) Verdict {
	r.enter(loc)
	steps := loc.Rewrite
	if len(steps) == 0 {
		steps = loc.ServerRewrite
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
