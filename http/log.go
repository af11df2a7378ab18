package http

import (
	"fmt"

	"weir/http/field"
	"weir/logs"
)

// Log writes a line to the request's error log in nginx's form: what happened, while doing what, for
// whom.
func (r *Request) Log(level logs.Level, text string) {
	l := r.Logger()
	if l == nil || !l.Enabled(level) {
		return
	}
	b := append(make([]byte, 0, 512), text...)
	l.Log(level, r.Client.Serial, r.appendContext(b))
}

// Logf is Log with a format.
func (r *Request) Logf(level logs.Level, format string, a ...any) {
	l := r.Logger()
	if l == nil || !l.Enabled(level) {
		return
	}
	b := fmt.Appendf(make([]byte, 0, 512), format, a...)
	l.Log(level, r.Client.Serial, r.appendContext(b))
}

// LogErr is Log with the error that caused it: "text (2: No such file or directory)".
func (r *Request) LogErr(level logs.Level, err error, text string) {
	l := r.Logger()
	if l == nil || !l.Enabled(level) {
		return
	}
	b := append(make([]byte, 0, 512), text...)
	if err != nil {
		b = append(b, ' ')
		b = logs.AppendErrno(b, err)
	}
	l.Log(level, r.Client.Serial, r.appendContext(b))
}

// appendContext adds " while …, client: …, server: …, request: …" in nginx's order.
func (r *Request) appendContext(b []byte) []byte {
	if r.Doing != "" {
		b = append(append(b, " while "...), r.Doing...)
	}
	if g := r.background; g != nil && g.about != nil {
		return append(b, g.about...)
	}
	b = append(b, ", client: "...)
	if r.From.IsValid() {
		b = r.From.Addr().AppendTo(b)
	} else {
		b = r.Client.AppendPeer(b)
	}
	b = append(append(b, ", server: "...), r.Server.Name...)
	if len(r.Line) > 0 {
		b = append(append(append(b, ", request: \""...), r.Line...), '"')
	}
	if r.IsSub() {
		b = append(append(append(b, ", subrequest: \""...), r.URI...), '"')
	}
	if len(r.upstream) > 0 {
		b = append(append(append(b, ", upstream: \""...), r.upstream...), '"')
	}
	if host := r.In.Get(field.Host); host != nil {
		b = append(append(append(b, ", host: \""...), host...), '"')
	}
	if ref := r.In.Get(field.Referer); ref != nil {
		b = append(append(append(b, ", referrer: \""...), ref...), '"')
	}
	return b
}

// Logger returns the error log that holds for the request now.
func (r *Request) Logger() *logs.Logger {
	loc := r.Loc
	if loc == nil {
		loc = r.Server.Root
	}
	if r.Client.Debug {
		return loc.ErrorLog.Verbose()
	}
	return loc.ErrorLog
}

// The debug log tells an operator which way a request went. Where nginx has a line for the same thing that
// people look for, it is nginx's.
//
// Every place that has something to tell asks Debugs first, so that without a debug log it costs one branch:
//
//	if r.Debugs() {
//		r.Debugf("http uri: \"%s\"", r.URI)
//	}

// Debugs reports whether what happens to the request is to be told: its connection is one that
// debug_connection names, or the error_log of where it is has level debug.
func (r *Request) Debugs() bool { return r.debug }

// Debugf writes a line of level debug. As in nginx nothing follows it: for whom it is, the number of the
// connection says. It allocates.
func (r *Request) Debugf(format string, a ...any) {
	r.Logger().Logf(logs.Debug, r.Client.Serial, format, a...)
}

// Debugs reports whether debug lines are wanted of all that are in the location.
func (l *Location) Debugs() bool { return l.debugs }

// setLocation makes loc the place whose settings hold.
func (r *Request) setLocation(loc *Location) {
	r.Loc = loc
	r.debug = loc.debugs || r.Client.Debug
}

// debugVerdict logs what a request comes to.
func (r *Request) debugVerdict(v Verdict) {
	switch v {
	case Redirected, Jumped, Next:
		return
	case Done:
		v = 0
	}
	r.Debugf("http finalize request: %d, \"%s?%s\"", int(v), r.URI, r.Args)
}

// debugPlace logs which location was found.
func (r *Request) debugPlace(loc *Location) {
	mark := ""
	switch {
	case loc.Nameless:
		mark = "*"
	case loc.Exact:
		mark = "="
	}
	r.Debugf("using configuration \"%s%s\"", mark, loc.Name)
}

// debugText evaluates a text with variables and logs what each part of it is.
func (r *Request) debugText(dst []byte, x *Text) []byte {
	for _, p := range x.Parts() {
		if p.Ref == nil {
			r.Debugf("http script copy: \"%s\"", p.Lit)
			dst = append(dst, p.Lit...)
			continue
		}
		v := p.Ref.Get(r).B
		r.Debugf("http script var: \"%s\"", v)
		dst = append(dst, v...)
	}
	return dst
}
