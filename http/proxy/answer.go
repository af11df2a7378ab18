package proxy

import (
	"bytes"
	"slices"

	"weir/http"
	"weir/http/field"
	"weir/logs"
	"weir/upstream"
)

// answer passes a response on to the client.
func (x *exchange) answer() http.Verdict {
	r := x.r
	x.attempt.Header(x.peer, r.Task.Now(), upstream.Timing{Header: x.cur().header, Last: x.since()})
	if s := x.sticky; s != nil && s.Sessions != nil && s.Header {
		x.learn(x.peer)
	}
	if x.reply.status >= 300 && x.intercepted() {
		x.keepIntercepted()
		x.finish()
		return http.Verdict(x.reply.status)
	}
	x.answering = x.h.pass.duplex
	if x.reply.redirect != nil {
		return x.accelRedirect()
	}
	x.judgeResponse()
	x.copyHead()
	if !x.buffering && !x.reply.upgrade {
		r.SetLimitRate(0)
	}
	if v := r.SendHead(); v != http.Next && !(v == http.Done && r.HeaderOnly && !r.Out.Cut && x.buffering && x.storable()) {
		if v == http.Done && !r.IsHead() {
			x.noBody()
		}
		x.finish()
		return v
	}
	if x.reply.upgrade {
		x.freeCache()
	} else {
		x.beginCacheFile()
		x.beginStore()
	}
	if r.HeaderOnly && !x.saved.on {
		x.finish()
		return http.Done
	}
	var v http.Verdict
	switch {
	case x.reply.upgrade:
		v = x.tunnel()
	case x.buffering:
		v = x.pipe()
	default:
		v = x.pass()
	}
	x.finish()
	return v
}

// noBody looks at what came behind a head that has no body: it counts, and it is too much.
func (x *exchange) noBody() {
	x.r.Doing = "reading upstream"
	x.cur().length = int64(x.end - x.at)
	_, _ = x.unframe(x.buf[x.at:x.end])
	x.at = x.end
}

// intercepted says that error_page answers in place of the response (proxy_intercept_errors).
func (x *exchange) intercepted() bool {
	if x.conf.Intercept404 && x.reply.status == 404 {
		return true
	}
	if !x.conf.InterceptErrors {
		return false
	}
	if !slices.Contains(x.r.Loc.Core.ErrorPages, x.reply.status) {
		return false
	}
	if x.reply.status == 401 {
		for i := range x.fields {
			if x.fields[i].ID == field.WWWAuthenticate {
				x.r.Out.Fields = append(x.r.Out.Fields, x.fields[i])
			}
		}
	}
	return true
}

// accelRedirect sends the request to where X-Accel-Redirect says. Only what describes the content goes
// with it.
func (x *exchange) accelRedirect() http.Verdict {
	r := x.r
	x.finish()
	for i := range x.fields {
		f := &x.fields[i]
		if x.isDropped(i) {
			continue
		}
		switch f.ID {
		case field.ContentType:
			x.copyType(f.Value)
		case field.SetCookie, field.ContentDisposition, field.CacheControl, field.Expires, field.AcceptRanges:
			x.copyField(f)
		}
	}
	uri := x.reply.redirect
	if len(uri) > 0 && uri[0] == '@' {
		return r.JumpTo(uri)
	}
	path, args, ok := http.SafeURI(r, uri)
	if !ok {
		r.Logf(logs.Error, "unsafe URI \"%s\" was detected", path)
		return http.StatusNotFound
	}
	if r.Method != http.HEAD {
		r.Method, r.MethodName = http.GET, methodGet
	}
	return r.InternalRedirect(path, args)
}

var methodGet = []byte("GET")

func (x *exchange) isDropped(i int) bool { return x.reply.dropped != nil && x.reply.dropped[i] }

// copyHead makes the head of the client's response of that of the peer's.
func (x *exchange) copyHead() {
	o, y := &x.r.Out, &x.reply
	o.Status, o.Reason = y.status, y.line
	o.ContentLength = y.length
	o.LastModified = -1
	o.CharsetAsked = y.charset
	o.NoModified = !x.storable()
	names := namesFields(x.fields)
	for i := range x.fields {
		f := &x.fields[i]
		if !x.isDropped(i) && !x.h.hidden.has(f) && !hopByHop(f.ID) && !odd(f) && !(names && named(x.fields, f)) {
			x.copyField(f)
		}
	}
	if x.conf.ForceRanges {
		o.AllowRanges, o.SingleRange = true, !x.servingWhole()
	}
	x.passedOver()
	x.addCacheStatus()
}

// passedOver leaves Server and Date out when the peer's are passed and it sent none.
func (x *exchange) passedOver() {
	o := &x.r.Out
	server := http.Field{ID: field.Server}
	if !x.h.hidden.has(&server) {
		o.Server = []byte{}
	}
	date := http.Field{ID: field.Date}
	if !x.h.hidden.has(&date) {
		o.Date = []byte{}
	}
}

// copyField passes one field on.
func (x *exchange) copyField(f *http.Field) {
	r, o := x.r, &x.r.Out
	switch f.ID {
	case field.ContentType:
		x.copyType(f.Value)
		return
	case field.LastModified:
		o.LastModified = x.reply.modified
	case field.AcceptRanges:
		if x.conf.ForceRanges {
			return
		}
		if x.serving() || x.storable() {
			o.AllowRanges, o.SingleRange = true, !x.servingWhole()
			return
		}
	case field.Upgrade:
		if r.Version >= http.HTTP20 {
			return
		}
	case field.Location:
		x.copyLocation(f)
		return
	case field.Refresh:
		value, _ := x.proto.rewrite(&x.call, f)
		o.AddField(f.ID, f.Name, value)
		return
	case field.SetCookie:
		if value, changed := x.proto.rewrite(&x.call, f); changed {
			o.AddField(f.ID, f.Name, value)
			return
		}
	}
	o.Fields = append(o.Fields, *f)
}

// copyLocation passes Location on, rewritten. A rewritten one that has become relative is made absolute
// as weir's own are; one that was relative stays so.
func (x *exchange) copyLocation(f *http.Field) {
	r, o := x.r, &x.r.Out
	value, changed := x.proto.rewrite(&x.call, f)
	if changed && len(value) > 0 && value[0] == '/' && r.Loc.Core.AbsoluteRedirect {
		o.Location = value
		return
	}
	o.AddField(f.ID, f.Name, value)
}

// copyType passes Content-Type on. A charset is set apart, for those who change it or go by the type.
func (x *exchange) copyType(value []byte) {
	o := &x.r.Out
	o.ContentType, o.Charset, o.TypeAsSent = value, nil, nil
	rest := value
	for {
		i := bytes.IndexByte(rest, ';')
		if i < 0 {
			return
		}
		before := len(value) - len(rest) + i
		rest = bytes.TrimLeft(rest[i+1:], " ")
		const mark = "charset="
		if len(rest) < len(mark) || !field.EqualFold(rest[:len(mark)], mark) {
			continue
		}
		name := bytes.TrimPrefix(rest[len(mark):], []byte(`"`))
		o.ContentType, o.Charset = value[:before], bytes.TrimSuffix(name, []byte(`"`))
		o.TypeAsSent = value
		return
	}
}
