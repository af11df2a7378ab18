package proxy

import (
	"bytes"
	"strconv"
	"time"

	"weir/http"
	"weir/http/field"
	"weir/upstream"
	"weir/vars"
)

// Upstream has the variables of nginx's http upstream module: what became of the exchanges of a request, in whatever
// protocol.
var Upstream = http.Define(http.Spec[struct{}]{
	Name:      "http_upstream_variables",
	Doc:       "The variables of requests to other servers.",
	Variables: upstreamVariables(),
	Install:   func(_ *struct{}, in *http.Install) error { checkGroups(in.Builder); return nil },
})

func upstreamVariables() []http.Var {
	return []http.Var{
		{Name: "upstream_addr", Doc: "Addresses of the peers that were asked.", Get: overTries(func(b []byte, t *try) []byte { return append(b, t.peer...) })},
		{Name: "upstream_status", Doc: "Statuses of their responses.", Get: overTries(func(b []byte, t *try) []byte {
			if t.status == 0 {
				return append(b, '-')
			}
			return strconv.AppendInt(b, int64(t.status), 10)
		})},
		{Name: "upstream_queue_time", Doc: "Times that the request has waited for a peer (\"queue\"), seconds to the millisecond.", Get: overTries(func(b []byte, t *try) []byte { return appendTime(b, t.queue) })},
		{Name: "upstream_last_server_name", Doc: "Name of the server that was chosen last, as its directive has it, without a port.", Get: lastServerName},
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
		{Name: "upstream_cache_status", Doc: "What the cache has to do with the response: MISS, BYPASS, EXPIRED, STALE, UPDATING, REVALIDATED or HIT.", Get: func(r *http.Request, _ string) http.Value {
			if x := newest(r); x != nil && x.cache != nil && x.cache.status != cacheNone {
				return http.Value{B: []byte(cacheStatuses[x.cache.status])}
			}
			return http.Value{Missing: true}
		}},
		{Name: "upstream_cache_last_modified", Doc: "Last-Modified of a response that is stored and to be revalidated.", Get: func(r *http.Request, _ string) http.Value {
			if c := revalidating(r); c != nil && c.entry.LastModified != -1 {
				return http.Value{B: field.AppendDate(r.Alloc(32)[:0], c.entry.LastModified)}
			}
			return http.Value{Missing: true}
		}},
		{Name: "upstream_cache_etag", Doc: "ETag of a response that is stored and to be revalidated.", Get: func(r *http.Request, _ string) http.Value {
			if c := revalidating(r); c != nil && len(c.entry.ETag) > 0 {
				return http.Value{B: c.entry.ETag}
			}
			return http.Value{Missing: true}
		}},
		{Name: "upstream_cookie_", Doc: "The cookie of this name that the last peer's response set.", Get: cookieValue},
	}
}

// lastServerName is the name of the server that was chosen last.
func lastServerName(r *http.Request, _ string) http.Value {
	x := newest(r)
	if x == nil || len(x.tries) == 0 || x.cur().server == "" {
		return http.Value{Missing: true}
	}
	t, _, err := upstream.ParseTarget(x.cur().server, httpPort, false)
	if err != nil {
		return http.Value{B: []byte(x.cur().server)}
	}
	return http.Value{B: []byte(t.Host)}
}

// newest is the last exchange of a request, or nil.
func newest(r *http.Request) *exchange {
	x, _ := http.Load[*exchange](r)
	return x
}

// revalidating is what is known of a stored response that a peer is asked about, nil when there is none.
func revalidating(r *http.Request) *caching {
	x := newest(r)
	if x == nil || x.cache == nil || !x.conf.Cache.Revalidate || x.cache.status != cacheExpired {
		return nil
	}
	return x.cache
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
	return vars.AppendMillis(b, d.Milliseconds())
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
