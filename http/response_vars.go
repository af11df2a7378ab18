package http

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strconv"
	"time"

	"weir/conf"
	"weir/http/field"
)

// responseVariables are those that tell of the response, and of time.
func responseVariables() []Var {
	return []Var{
		{Name: "status", Doc: "Status of the response.", Get: statusVar},
		{Name: "body_bytes_sent", Doc: "Bytes of the response's body sent to the client.", Get: func(r *Request, _ string) Value {
			return r.num(max(r.Out.TotalBytes-r.Out.HeadBytes, 0))
		}},
		{Name: "bytes_sent", Doc: "Bytes sent to the client.", Get: func(r *Request, _ string) Value { return r.num(r.Out.TotalBytes) }},
		{Name: "request_time", Doc: "Time since the first bytes of the request were read, seconds to the millisecond.", Get: func(r *Request, _ string) Value {
			return r.millis(r.Task.Now().Sub(r.StartedAt).Milliseconds())
		}},
		{Name: "msec", Doc: "Current time in seconds to the millisecond.", Get: func(r *Request, _ string) Value {
			return r.millis(r.Loop().Wall().UnixMilli())
		}},
		{Name: "time_iso8601", Doc: "Local time, ISO 8601.", Get: func(r *Request, _ string) Value {
			return r.val(r.Loop().Wall().AppendFormat(r.Alloc(32)[:0], "2006-01-02T15:04:05-07:00"))
		}},
		{Name: "time_local", Doc: "Local time in the Common Log Format.", Get: func(r *Request, _ string) Value {
			return r.val(r.Loop().Wall().AppendFormat(r.Alloc(32)[:0], "02/Jan/2006:15:04:05 -0700"))
		}},
		{Name: "sent_http_", Doc: "The response header field of this name.", Get: sentVar},
		{Name: "sent_trailer_", Doc: "The trailer field of the response of this name.", Get: func(r *Request, name string) Value {
			return r.fieldVar(r.Out.Trailers, name)
		}},
	}
}

func statusVar(r *Request, _ string) Value {
	status := r.Out.Status
	if r.errStatus != 0 {
		status = r.errStatus
	}
	switch {
	case status == 0 && r.Version == HTTP09:
		return Value{B: []byte("009")}
	case status == 0:
		return Value{B: []byte("000")}
	case status < 100:
		return r.str(fmt.Sprintf("%03d", status))
	}
	return r.num(int64(status))
}

// sentVar finds a field of the response, also those that have a place of their own.
func sentVar(r *Request, name string) Value {
	o := &r.Out
	switch name {
	case "content_type":
		if len(o.ContentType) == 0 {
			return Value{Missing: true}
		}
		if len(o.Charset) > 0 {
			return r.val(o.AppendType(r.Alloc(len(o.ContentType) + len(o.TypeAsSent) + len(o.Charset) + 10)[:0]))
		}
		return r.val(o.ContentType)
	case "content_length":
		if o.ContentLength < 0 {
			return Value{Missing: true}
		}
		return r.num(o.ContentLength)
	case "last_modified":
		if o.LastModified < 0 {
			return Value{Missing: true}
		}
		return r.val(field.AppendDate(r.Alloc(32)[:0], o.LastModified))
	case "location":
		if len(o.Location) > 0 {
			return r.val(o.Location)
		}
	case "connection":
		switch {
		case o.Status == 101:
			return Value{B: []byte("upgrade")}
		case r.KeepAlive:
			return Value{B: []byte("keep-alive")}
		}
		return Value{B: []byte("close")}
	case "keep_alive":
		if h := r.Loc.Core.KeepaliveHeader; r.KeepAlive && h > 0 {
			return r.val(strconv.AppendInt(append(r.Alloc(40)[:0], "timeout="...), int64(h/time.Second), 10))
		}
		return Value{Missing: true}
	case "transfer_encoding":
		if o.Chunked {
			return Value{B: []byte("chunked")}
		}
		return Value{Missing: true}
	}
	return r.fieldVar(o.Fields, name)
}

// BasicAuth returns user name and password of an Authorization: Basic field.
func (r *Request) BasicAuth() (user, password []byte, ok bool) {
	const scheme = "Basic "
	v := r.In.Get(field.Authorization)
	if r.Method == CONNECT {
		v = r.In.Get(field.ProxyAuthorization)
	}
	if len(v) < len(scheme) || !field.EqualFold(v[:len(scheme)], scheme) {
		return nil, nil, false
	}
	v = bytes.TrimLeft(v[len(scheme):], " ")
	v, _, _ = bytes.Cut(v, []byte("=")) // what is missing at the end is not missed
	buf := r.Alloc(base64.RawStdEncoding.DecodedLen(len(v)))
	n, err := base64.RawStdEncoding.Decode(buf, v)
	if err != nil {
		return nil, nil, false
	}
	user, password, ok = bytes.Cut(buf[:n], []byte(":"))
	if !ok || len(user) == 0 {
		return nil, nil, false
	}
	return user, password, true
}

func parseSizeBytes(v []byte) (int64, error) { return conf.ParseSize(string(v)) }
