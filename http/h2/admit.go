package h2

import (
	"crypto/rand"
	"encoding/base64"

	"golang.org/x/sys/unix"

	"weir/http"
	"weir/http/field"
	"weir/http/url"
	"weir/logs"
)

// statusAbandoned stands for a request that cannot be answered.
const statusAbandoned = -1

// A head is the pseudo-fields of a request while its fields are admitted, one after the other.
type head struct {
	scheme, path, authority, protocol []byte
	cookies                           int // bytes of the values of all cookie fields, with what joins them
	done                              bool
}

// admit makes the head that has come a checked request. A status other than 0 is what the request is refused with; why was logged.
func (s *stream) admit() int {
	r, c := &s.req, s.conn
	port := c.client.Socket.Port()
	r.Reset()
	r.Task, r.Wire, r.Client = s.task, s, &s.client
	r.StartedAt = s.began
	r.Out.ContentLength, r.Out.LastModified = -1, -1
	r.Bind(port)
	r.Version, r.Protocol = http.HTTP20, protocol
	r.Doing = "reading client request headers"
	r.HeadSize = s.headBytes
	r.URI = noURI
	if s.lateHead {
		s.late = true
		r.LogErr(logs.Info, unix.ETIMEDOUT, "client timed out")
		r.Abandon(int(http.StatusRequestTimeout))
		return statusAbandoned
	}
	var h head
	for _, x := range s.spans {
		at := s.text[x.at:]
		f := http.Field{Name: at[:x.name:x.name], Value: at[x.name : x.name+x.value : x.name+x.value]}
		if status := s.admitField(&h, port, &f); status != 0 {
			return status
		}
	}
	if s.tooMany {
		r.LogFault(http.FaultTooManyFields)
		return http.FaultTooManyFields.Status()
	}
	if status := s.admitWhole(&h, port); status != 0 {
		return status
	}
	c.payload += int64(s.headBytes)
	if p := r.In.Get(field.Priority); p != nil && !s.rank.told {
		s.rank.told = true
		s.rank.priority.parse(p)
	}
	r.Doing = ""
	if r.Debugs() {
		r.Debugf("http2 http request line: \"%s\"", r.Line)
	}
	return 0
}

var (
	protocol   = []byte("HTTP/2.0")
	noURI      = []byte{}
	methodGET  = []byte("GET")
	upgradeTo  = []byte("upgrade")
	websocket  = []byte("websocket")
	cookieName = []byte("cookie")
	hostName   = []byte("host")
)

// bad logs what makes the request malformed. It is answered, as nginx does, and its stream ends with an error all the same
// (RFC 9113, section 8.1.1).
func (s *stream) bad(format string, a ...any) int {
	s.malformed = true
	s.req.Logf(logs.Info, format, a...)
	return 400
}

// admitField takes the next field.
func (s *stream) admitField(h *head, port *http.Port, f *http.Field) int {
	r := &s.req
	pseudo := f.Name[0] == ':'
	name := f.Name
	if pseudo {
		name = name[1:]
	}
	flags, ok := field.CheckName(name)
	if !ok && len(name) > 0 || hasUpper(name) {
		return s.bad("client sent invalid header name: \"%s\"", f.Name)
	}
	if !field.CheckValue(f.Value) {
		return s.bad("client sent header \"%s\" with invalid value: \"%s\"", f.Name, f.Value)
	}
	if pseudo {
		return s.admitPseudo(h, port, name, f.Value)
	}
	if status := s.endPseudo(h); status != 0 {
		return status
	}
	f.Flags = flags
	core := r.Server.Core
	if core.IgnoreInvalid && !f.Valid(core.Underscores) {
		r.Logf(logs.Info, "client sent invalid header: \"%s\"", f.Name)
		return 0
	}
	f.ID = field.Lookup(f.Name)
	if f.ID == field.Cookie {
		h.cookies += len(f.Value) + 2
		return 0
	}
	if fault := r.AdmitField(port, f); fault != nil {
		return fault.Status()
	}
	return 0
}

func hasUpper(name []byte) bool {
	for _, c := range name {
		if c >= 'A' && c <= 'Z' {
			return true
		}
	}
	return false
}

// admitPseudo takes a pseudo-field (RFC 9113, section 8.3.1). They come before all others, each once.
func (s *stream) admitPseudo(h *head, port *http.Port, name, value []byte) int {
	r := &s.req
	if h.done {
		return s.bad("client sent out of order pseudo-headers")
	}
	place := &h.path
	switch string(name) {
	case "path":
	case "method":
		place = &r.MethodName
	case "scheme":
		place = &h.scheme
	case "authority":
		if h.authority != nil {
			return s.bad("client sent duplicate \":authority\" header")
		}
		h.authority = value
		switch err := r.AdmitHost(port, value); err {
		case nil:
		case http.FaultMisdirected:
			r.LogFault(http.FaultMisdirected)
			return 421
		default:
			return s.bad("client sent invalid \":authority\" header")
		}
		return 0
	case "protocol":
		place = &h.protocol
	default:
		return s.bad("client sent unknown pseudo-header \":%s\"", name)
	}
	if len(*place) > 0 {
		return s.bad("client sent duplicate :%s header", name)
	}
	if len(value) == 0 {
		return s.bad("client sent empty :%s header", name)
	}
	*place = value
	switch string(name) {
	case "path":
		return s.admitPath(value)
	case "method":
		if r.AdmitMethod(value) != nil {
			return s.bad("client sent invalid method: \"%s\"", value)
		}
	case "scheme":
		if !validScheme(value) {
			return s.bad("client sent invalid :scheme header: \"%s\"", value)
		}
		r.Schema = value
	}
	return 0
}

func (s *stream) admitPath(path []byte) int {
	r := &s.req
	shape, ok := url.Scan(path)
	if !ok || path[0] != '/' {
		return s.bad("client sent invalid :path header: \"%s\"", path)
	}
	r.Plain = true
	if err := r.SetTarget(path, shape); err != nil {
		return s.bad("client sent invalid request")
	}
	return 0
}

// validScheme reports whether b is a scheme (RFC 3986, section 3.1).
func validScheme(b []byte) bool {
	for i, c := range b {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (i == 0 || !(c >= '0' && c <= '9' || c == '+' || c == '-' || c == '.')) {
			return false
		}
	}
	return true
}

// endPseudo makes the request line, when all pseudo-fields have come.
func (s *stream) endPseudo(h *head) int {
	if h.done {
		return 0
	}
	r := &s.req
	switch {
	case len(r.MethodName) == 0:
		return s.bad("client sent no :method header")
	case len(h.scheme) == 0:
		return s.bad("client sent no :scheme header")
	case len(h.path) == 0:
		return s.bad("client sent no :path header")
	}
	h.done = true
	r.Line = r.Concat(r.MethodName, space, h.path, space, protocol)
	return 0
}

var space = []byte(" ")

// admitWhole checks what can be checked when all fields are there.
func (s *stream) admitWhole(h *head, port *http.Port) int {
	r := &s.req
	if at := &s.client; !port.SpeaksHTTP2(at) && !confOf(r.Server.Root).enable {
		r.Log(logs.Info, "client attempted to request the server name for which the negotiated protocol is disabled")
		return 421
	}
	if status := s.endPseudo(h); status != 0 {
		return status
	}
	if h.cookies > 0 {
		s.joinCookies(h.cookies - 2)
	}
	if status := s.admitConnection(); status != 0 {
		return status
	}
	if r.HostName == nil {
		return s.bad("client sent neither \":authority\" nor \"Host\" header")
	}
	if h.authority != nil {
		host := r.In.Get(field.Host)
		if host != nil && string(host) != string(h.authority) {
			return s.bad("client sent \":authority\" and \"Host\" headers with different values")
		}
		if host == nil { // for $http_host
			r.In = append(r.In, http.Field{ID: field.Host, Name: hostName, Value: h.authority})
		}
	}
	if h.protocol != nil {
		return s.admitTunnel(h)
	}
	return s.admitBody()
}

// admitConnection refuses fields about the connection, of which HTTP/2 does not speak in fields (RFC 9113, section 8.2.2).
func (s *stream) admitConnection() int {
	in := s.req.In
	for _, id := range [...]field.ID{field.Connection, field.KeepAlive, field.TransferEncoding, field.Upgrade, field.ProxyConnection} {
		if in.Has(id) {
			return s.bad("client sent \"%s\" header", id)
		}
	}
	if n := in.Count(field.TE); n > 1 || n == 1 && !field.EqualFold(in.Get(field.TE), "trailers") {
		return s.bad("client sent invalid \"TE\" header")
	}
	return 0
}

// joinCookies makes one field of the cookies, which may come in pieces to be compressed well (RFC 9113, section 8.2.3).
func (s *stream) joinCookies(n int) {
	r := &s.req
	value := r.Alloc(n)[:0]
	for _, x := range s.spans {
		at := s.text[x.at:]
		if string(at[:x.name]) != string(cookieName) {
			continue
		}
		if len(value) > 0 {
			value = append(value, "; "...)
		}
		value = append(value, at[x.name:x.name+x.value]...)
	}
	r.In = append(r.In, http.Field{ID: field.Cookie, Name: cookieName, Value: value})
}

// admitBody finds out whether there is a body, and how long it is.
func (s *stream) admitBody() int {
	r := &s.req
	if r.AdmitLength() != nil {
		return s.bad("client sent invalid \"Content-Length\" header")
	}
	switch {
	case r.In.Has(field.ContentLength):
		s.length = r.Body.Length
		if s.length > 0 && s.inClosed {
			return s.bad("client prematurely closed stream")
		}
	case !s.inClosed:
		r.Body.Length, r.Body.Chunked = -1, true
	default:
		s.length = 0
	}
	return 0
}

// admitTunnel takes an extended CONNECT for WebSocket (RFC 8441) for what it stands for in HTTP/1.1, which handlers and peers know.
func (s *stream) admitTunnel(h *head) int {
	r := &s.req
	if r.Method != http.CONNECT {
		return s.bad("client sent unknown pseudo-header \":protocol\"")
	}
	if string(h.protocol) != string(websocket) {
		r.Logf(logs.Info, "client sent unknown protocol \"%s\"", h.protocol)
		return 501
	}
	s.connect, s.length = true, -1
	r.Method, r.MethodName = http.GET, methodGET
	var nonce [16]byte
	_, _ = rand.Read(nonce[:])
	r.In = append(r.In,
		http.Field{ID: field.Upgrade, Name: field.Upgrade.Bytes(), Value: websocket},
		http.Field{ID: field.Connection, Name: field.Connection.Bytes(), Value: upgradeTo},
		http.Field{ID: field.SecWebSocketKey, Name: field.SecWebSocketKey.Bytes(), Value: base64.StdEncoding.AppendEncode(r.Alloc(24)[:0], nonce[:])})
	return 0
}
