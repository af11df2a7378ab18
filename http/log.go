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
	if r.sub != nil {
		b = append(append(append(b, ", subrequest: \""...), r.URI...), '"')
	}
	if len(r.extra.Upstream) > 0 {
		b = append(append(append(b, ", upstream: \""...), r.extra.Upstream...), '"')
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
