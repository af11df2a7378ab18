// Package filter has the modules that change a response on its way out: not_modified, headers, range.
package filter

import (
	"bytes"

	"weir/http"
	"weir/http/field"
)

// NotModified is nginx's not_modified filter: conditional requests (RFC 9110, section 13), as far as a
// response of status 200 can answer them.
var NotModified = http.Define(http.Spec[struct{}]{
	Name: "http_not_modified_filter",
	Doc:  "Answers conditional requests: 304 when the client's copy is good, 412 when its condition fails.",
	Install: func(_ *struct{}, in *http.Install) error {
		in.Head(notModified)
		return nil
	},
})

func notModified(r *http.Request) http.Verdict {
	o := &r.Out
	if o.Status != 200 || o.NoModified || r.IsSub() {
		return http.Next
	}
	if f := r.In.Find(field.IfUnmodifiedSince); f != nil && !unmodified(o, f.Value) {
		return failed(r)
	}
	if f := r.In.Find(field.IfMatch); f != nil && !matches(o, f.Value, false) {
		return failed(r)
	}
	since, none := r.In.Find(field.IfModifiedSince), r.In.Find(field.IfNoneMatch)
	if since == nil && none == nil {
		return http.Next
	}
	if since != nil && modified(r, since.Value) {
		return http.Next
	}
	if none != nil && !matches(o, none.Value, true) {
		return http.Next
	}
	o.Status, o.Reason = 304, nil
	o.ContentType, o.Charset = nil, nil
	o.ContentLength = -1
	o.AllowRanges = false
	o.DropField(field.ContentEncoding)
	o.DropField(field.AcceptRanges)
	return http.Next
}

// failed answers 412 in place of the response. The connection is closed after that, as nginx does with
// what a filter finds, although the head says that it is kept.
func failed(r *http.Request) http.Verdict {
	r.Out.Cut = true
	return 412
}

// unmodified holds the response against If-Unmodified-Since.
func unmodified(o *http.Response, value []byte) bool {
	if o.LastModified < 0 {
		return false
	}
	t, ok := field.ParseDate(value)
	return ok && t >= o.LastModified
}

// modified holds the response against If-Modified-Since, in the way if_modified_since says.
func modified(r *http.Request, value []byte) bool {
	mode := r.Loc.Core.IfModifiedSince
	if r.Out.LastModified < 0 || mode == http.ModifiedOff {
		return true
	}
	t, ok := field.ParseDate(value)
	if ok && t == r.Out.LastModified {
		return false
	}
	return !ok || mode == http.ModifiedExact || t < r.Out.LastModified
}

// matches reports whether the response's ETag is in a list of If-Match or If-None-Match. Weak
// comparison takes no heed of "W/".
func matches(o *http.Response, list []byte, weak bool) bool {
	if len(list) == 1 && list[0] == '*' {
		return true
	}
	f := o.Fields.Find(field.ETag)
	if f == nil {
		return false
	}
	etag := f.Value
	if weak {
		etag = strong(etag)
	}
	for len(list) > 0 {
		rest := list
		if weak {
			rest = strong(rest)
		}
		if bytes.HasPrefix(rest, etag) {
			after := bytes.TrimLeft(rest[len(etag):], " \t")
			if len(after) == 0 || after[0] == ',' {
				return true
			}
		}
		i := bytes.IndexByte(list, ',')
		if i < 0 {
			return false
		}
		list = bytes.TrimLeft(list[i:], ", \t")
	}
	return false
}

// strong takes the "W/" off a tag.
func strong(tag []byte) []byte { return bytes.TrimPrefix(tag, []byte("W/")) }
