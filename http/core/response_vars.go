package core

import (
	"fmt"
	"strconv"
	"time"

	"weir/http"
	"weir/http/field"
)

// responseVariables are those that tell of the response, and of time.
func responseVariables() []http.Var {
	return []http.Var{
		{Name: "status", Doc: "Status of the response.", Get: statusVar},
		{Name: "body_bytes_sent", Doc: "Bytes of the response's body sent to the client.", Get: func(r *http.Request, _ string) http.Value {
			return r.Number(max(r.Out.TotalBytes-r.Out.HeadBytes, 0))
		}},
		{Name: "bytes_sent", Doc: "Bytes sent to the client.", Get: func(r *http.Request, _ string) http.Value { return r.Number(r.Out.TotalBytes) }},
		{Name: "request_time", Doc: "Time since the first bytes of the request were read, seconds to the millisecond.", Get: func(r *http.Request, _ string) http.Value {
			return millis(r, r.Task.Now().Sub(r.StartedAt).Milliseconds())
		}},
		{Name: "msec", Doc: "Current time in seconds to the millisecond.", Get: func(r *http.Request, _ string) http.Value {
			return millis(r, r.Loop().Wall().UnixMilli())
		}},
		{Name: "time_iso8601", Doc: "Local time, ISO 8601.", Get: func(r *http.Request, _ string) http.Value {
			return val(r.Loop().Wall().AppendFormat(r.Alloc(32)[:0], "2006-01-02T15:04:05-07:00"))
		}},
		{Name: "time_local", Doc: "Local time in the Common Log Format.", Get: func(r *http.Request, _ string) http.Value {
			return val(r.Loop().Wall().AppendFormat(r.Alloc(32)[:0], "02/Jan/2006:15:04:05 -0700"))
		}},
		{Name: "sent_http_", Doc: "The response header field of this name.", Get: sentVar},
		{Name: "sent_trailer_", Doc: "The trailer field of the response of this name.", Get: func(r *http.Request, name string) http.Value {
			return r.FieldValue(r.Out.Trailers, name)
		}},
	}
}

func statusVar(r *http.Request, _ string) http.Value {
	status := r.Out.Status
	if r.ErrStatus != 0 {
		status = r.ErrStatus
	}
	switch {
	case status == 0 && r.Version == http.HTTP09:
		return http.Value{B: []byte("009")}
	case status == 0:
		return http.Value{B: []byte("000")}
	case status < 100:
		return text(r, fmt.Sprintf("%03d", status))
	}
	return r.Number(int64(status))
}

// sentVar finds a field of the response, also those that have a place of their own.
func sentVar(r *http.Request, name string) http.Value {
	o := &r.Out
	switch name {
	case "content_type":
		if len(o.ContentType) == 0 {
			return http.Value{Missing: true}
		}
		if len(o.Charset) > 0 {
			return val(o.AppendType(r.Alloc(len(o.ContentType) + len(o.TypeAsSent) + len(o.Charset) + 10)[:0]))
		}
		return val(o.ContentType)
	case "content_length":
		if o.ContentLength < 0 {
			return http.Value{Missing: true}
		}
		return r.Number(o.ContentLength)
	case "last_modified":
		if o.LastModified < 0 {
			return http.Value{Missing: true}
		}
		return val(field.AppendDate(r.Alloc(32)[:0], o.LastModified))
	case "location":
		if len(o.Location) > 0 {
			return val(o.Location)
		}
	case "connection":
		switch {
		case o.Status == 101:
			return http.Value{B: []byte("upgrade")}
		case r.KeepAlive:
			return http.Value{B: []byte("keep-alive")}
		}
		return http.Value{B: []byte("close")}
	case "keep_alive":
		if h := r.Loc.Core.KeepaliveHeader; r.KeepAlive && h > 0 {
			return val(strconv.AppendInt(append(r.Alloc(40)[:0], "timeout="...), int64(h/time.Second), 10))
		}
		return http.Value{Missing: true}
	case "transfer_encoding":
		if o.Chunked {
			return http.Value{B: []byte("chunked")}
		}
		return http.Value{Missing: true}
	}
	return r.FieldValue(o.Fields, name)
}
