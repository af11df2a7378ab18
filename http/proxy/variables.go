package proxy

import (
	"bytes"
	"strconv"
	"time"

	"weir/http"
	"weir/http/field"
)

// variables are those of nginx's proxy and upstream modules.
func variables() []http.Var {
	return []http.Var{
		{Name: "proxy_host", Doc: "Name and port of the server in proxy_pass.", Get: func(r *http.Request, _ string) http.Value {
			if x := ofLocation(r); x != nil {
				return http.Value{B: x.place.host}
			}
			return http.Value{Missing: true}
		}},
		{Name: "proxy_port", Doc: "Port of the server in proxy_pass, or the scheme's.", Get: func(r *http.Request, _ string) http.Value {
			if x := ofLocation(r); x != nil {
				return http.Value{B: x.place.port}
			}
			return http.Value{Missing: true}
		}},
		{Name: "proxy_internal_body_length", Doc: "For `Content-Length` of the request to the peer.", Get: func(r *http.Request, _ string) http.Value {
			if x := ofLocation(r); x != nil && x.length >= 0 {
				return http.Value{B: strconv.AppendInt(r.Alloc(20)[:0], x.length, 10)}
			}
			return http.Value{Missing: true}
		}},
		{Name: "proxy_internal_chunked", Doc: "For `Transfer-Encoding` of the request to the peer.", Get: func(r *http.Request, _ string) http.Value {
			if x := ofLocation(r); x != nil && x.chunked {
				return http.Value{B: []byte("chunked")}
			}
			return http.Value{Missing: true}
		}},
		{Name: "upstream_addr", Doc: "Addresses of the peers that were asked.", Get: overTries(func(b []byte, t *try) []byte { return append(b, t.peer...) })},
		{Name: "upstream_status", Doc: "Statuses of their responses.", Get: overTries(func(b []byte, t *try) []byte {
			if t.status == 0 {
				return append(b, '-')
			}
			return strconv.AppendInt(b, int64(t.status), 10)
		})},
		{Name: "upstream_connect_time", Doc: "Times of making a connection, seconds to the millisecond.", Get: overTries(func(b []byte, t *try) []byte { return appendTime(b, t.connect) })},
		{Name: "upstream_header_time", Doc: "Times to the head of the response.", Get: overTries(func(b []byte, t *try) []byte { return appendTime(b, t.header) })},
		{Name: "upstream_response_time", Doc: "Times to the end of the response.", Get: overTries(func(b []byte, t *try) []byte { return appendTime(b, t.response) })},
		{Name: "upstream_response_length", Doc: "Lengths of the responses' bodies, bytes.", Get: overTries(func(b []byte, t *try) []byte { return strconv.AppendInt(b, t.length, 10) })},
		{Name: "upstream_bytes_received", Doc: "Bytes received from the peers.", Get: overTries(func(b []byte, t *try) []byte { return strconv.AppendInt(b, t.received, 10) })},
		{Name: "upstream_bytes_sent", Doc: "Bytes sent to the peers.", Get: overTries(func(b []byte, t *try) []byte { return strconv.AppendInt(b, t.sent, 10) })},
		{Name: "upstream_http_", Doc: "The field of this name of the last peer's response.", Get: func(r *http.Request, name string) http.Value {
			return fieldValue(r, name, func(x *exchange) http.Fields { return x.fields })
		}},
		{Name: "upstream_trailer_", Doc: "The trailer field of this name of the last peer's response.", Get: func(r *http.Request, name string) http.Value {
			return fieldValue(r, name, func(x *exchange) http.Fields { return x.trailers })
		}},
		{Name: "upstream_cookie_", Doc: "The cookie of this name that the last peer's response set.", Get: cookieValue},
	}
}

// ofLocation is the exchange of the location where the request is now, or nil.
func ofLocation(r *http.Request) *exchange {
	x, _ := r.Ctx(http.CtxProxy).(*exchange)
	return x
}

// newest is the last exchange of a request, or nil.
func newest(r *http.Request) *exchange {
	if x, ok := http.Held[*httpExchange](r); ok {
		return &x.exchange
	}
	return nil
}

// overTries lists something of every peer that was asked: with commas between peers of one search, and
// colons where an internal redirect began another one.
func overTries(one func([]byte, *try) []byte) func(*http.Request, string) http.Value {
	return func(r *http.Request, _ string) http.Value {
		x := newest(r)
		if x == nil {
			return http.Value{Missing: true}
		}
		b, any := appendTries(r.Alloc(64)[:0], x, one)
		return http.Value{B: b, Missing: !any}
	}
}

func appendTries(b []byte, x *exchange, one func([]byte, *try) []byte) ([]byte, bool) {
	any := false
	if x.previous != nil {
		if b, any = appendTries(b, x.previous, one); any {
			b = append(b, " : "...)
		}
	}
	for i := range x.tries {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = one(b, &x.tries[i])
		any = true
	}
	return b, any
}

func appendTime(b []byte, d time.Duration) []byte {
	if d < 0 {
		return append(b, '-')
	}
	return http.AppendMillis(b, d.Milliseconds())
}

// fieldValue joins the values of all fields of a name, as $http_… does.
func fieldValue(r *http.Request, name string, of func(*exchange) http.Fields) http.Value {
	x := newest(r)
	if x == nil {
		return http.Value{Missing: true}
	}
	return r.FieldValue(of(x), name)
}

// cookieValue is the value of a cookie that the last peer set.
func cookieValue(r *http.Request, name string) http.Value {
	x := newest(r)
	if x == nil {
		return http.Value{Missing: true}
	}
	for i := range x.fields {
		f := &x.fields[i]
		if f.ID != field.SetCookie || len(f.Value) <= len(name) || !field.EqualFold(f.Value[:len(name)], name) {
			continue
		}
		rest := bytes.TrimLeft(f.Value[len(name):], " ")
		if len(rest) == 0 || rest[0] != '=' {
			continue
		}
		value, _, _ := bytes.Cut(bytes.TrimLeft(rest[1:], " "), []byte(";"))
		return http.Value{B: value}
	}
	return http.Value{Missing: true}
}
