package http

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"strconv"

	"weir/disk"
	"weir/http/field"
	"weir/logs"
)

// requestVariables are those that tell of the request.
func requestVariables() []Var {
	return []Var{
		{Name: "host", Doc: "Host of the request: from the request line, from `Host`, or the server's first name.", Get: hostVar},
		{Name: "request", Doc: "The request line as it was sent.", Get: func(r *Request, _ string) Value { return r.maybe(r.Line) }},
		{Name: "request_method", Doc: "Method of the request that the client made.", Get: func(r *Request, _ string) Value {
			return r.maybe(r.Main().MethodName)
		}},
		{Name: "request_uri", Doc: "The request target as it was sent, with arguments.", Get: func(r *Request, _ string) Value { return r.maybe(r.Target) }},
		{Name: "uri", Doc: "The current URI, decoded and normalised.", Get: func(r *Request, _ string) Value { return r.maybe(r.URI) }},
		{Name: "document_uri", Doc: "The same as `$uri`.", Get: func(r *Request, _ string) Value { return r.maybe(r.URI) }},
		{
			Name: "args", Doc: "Arguments of the request line.", Get: func(r *Request, _ string) Value { return r.maybe(r.Args) },
			Set: func(r *Request, v []byte) { r.Args = v; r.Plain = false },
		},
		{Name: "query_string", Doc: "The same as `$args`.", Get: func(r *Request, _ string) Value { return r.maybe(r.Args) }},
		{Name: "is_args", Doc: "\"?\" when the request has arguments, else empty.", Get: func(r *Request, _ string) Value {
			if len(r.Args) == 0 {
				return Value{}
			}
			return Value{B: []byte("?")}
		}},
		{Name: "is_request_port", Doc: "\":\" when the Host has a port, else empty.", Get: func(r *Request, _ string) Value {
			if len(r.HostPort) == 0 {
				return Value{}
			}
			return Value{B: []byte(":")}
		}},
		{Name: "request_port", Doc: "Port of the Host, if it has one.", Get: func(r *Request, _ string) Value { return r.val(r.HostPort) }},
		{Name: "arg_", Doc: "The argument of this name.", Get: argVar},
		{Name: "http_", Doc: "The request header field of this name, in lower case with underscores for dashes.", Get: func(r *Request, name string) Value {
			return r.fieldVar(r.In, name)
		}},
		{Name: "cookie_", Doc: "The cookie of this name.", Get: cookieVar},
		{Name: "content_type", Doc: "`Content-Type` of the request.", Get: headerVar(field.ContentType)},
		{Name: "content_length", Doc: "`Content-Length` of the request, or the length of a chunked body that was read.", Get: contentLengthVar},
		{Name: "scheme", Doc: "`http` or `https`.", Get: func(r *Request, _ string) Value { return r.str(r.Client.Scheme()) }},
		{Name: "https", Doc: "`on` when the request came over TLS, else empty.", Get: https},
		{Name: "server_protocol", Doc: "Protocol of the request.", Get: protocolVar},
		{Name: "remote_user", Doc: "User name of Basic authentication.", Get: remoteUserVar},
		{Name: "document_root", Doc: "`root` or `alias` that holds for the request.", Get: func(r *Request, _ string) Value { return r.val(r.DocumentRoot()) }},
		{Name: "realpath_root", Doc: "`root` or `alias` with symbolic links resolved.", Get: realpathVar},
		{Name: "request_filename", Doc: "Path of the file that the URI maps to.", Get: func(r *Request, _ string) Value { return r.val(r.FilePath()) }},
		{Name: "request_body", Doc: "The request body, when it was read into memory.", Get: bodyVar},
		{Name: "request_body_file", Doc: "The file that the request body was saved in.", Get: func(r *Request, _ string) Value {
			if r.Body.File == nil {
				return Value{Missing: true}
			}
			return r.str(r.Body.File.Path)
		}},
		{Name: "request_length", Doc: "Length of the request: line, header and body.", Get: func(r *Request, _ string) Value {
			return r.num(int64(r.HeadSize) + r.Body.Received)
		}},
		{Name: "request_id", Doc: "An identifier of the request: 16 random bytes in hexadecimal.", Get: requestIDVar},
		{Name: "request_completion", Doc: "`OK` when the request was answered in full, else empty.", Get: func(r *Request, _ string) Value {
			if r.Out.Ended && !r.Out.Cut {
				return Value{B: []byte("OK")}
			}
			return Value{}
		}},
		{Name: "pipe", Doc: "`p` when the request was pipelined, `.` otherwise.", Get: func(r *Request, _ string) Value {
			if r.Pipelined {
				return Value{B: []byte("p")}
			}
			return Value{B: []byte(".")}
		}},
		{Name: "proxy_add_x_forwarded_for", Doc: "`X-Forwarded-For` of the request with the client's address appended.", Get: forwardedVar},
		{
			Name: "limit_rate", Doc: "The limit of the response's rate; can be set.", Get: func(r *Request, _ string) Value { return r.num(r.LimitRate()) },
			Set: func(r *Request, v []byte) {
				if n, err := parseSizeBytes(v); err == nil {
					r.SetLimitRate(n)
				}
			},
		},
	}
}

// String names a version as in a request line.
func (v Version) String() string {
	switch v {
	case HTTP09:
		return "HTTP/0.9"
	case HTTP10:
		return "HTTP/1.0"
	case HTTP11:
		return "HTTP/1.1"
	case HTTP20:
		return "HTTP/2.0"
	case HTTP30:
		return "HTTP/3.0"
	}
	return "HTTP/" + strconv.Itoa(int(v/1000)) + "." + strconv.Itoa(int(v%1000))
}

// protocolVar is the version as sent: HTTP/0.9 sends none, and newer ones do not send it as text.
func protocolVar(r *Request, _ string) Value {
	if r.Version >= HTTP20 {
		return r.str(r.Version.String())
	}
	return r.maybe(r.Protocol)
}

func hostVar(r *Request, _ string) Value {
	if len(r.HostName) > 0 {
		return r.val(r.HostName)
	}
	return r.str(r.Server.Name)
}

func headerVar(id field.ID) func(*Request, string) Value {
	return func(r *Request, _ string) Value {
		var v []byte
		n := 0
		for i := range r.In {
			if r.In[i].ID != id {
				continue
			}
			if n++; n == 1 {
				v = r.In[i].Value
				continue
			}
			v = r.Concat(v, []byte(joiner(id)), r.In[i].Value)
		}
		return Value{B: v, Missing: n == 0}
	}
}

// fieldVar joins all fields of a name; the name has underscores for dashes.
func (r *Request) fieldVar(fields Fields, name string) Value {
	var first []byte
	n := 0
	for i := range fields {
		if !varNameEqual(fields[i].Name, name) {
			continue
		}
		if n++; n == 1 {
			first = fields[i].Value
			continue
		}
		first = r.Concat(first, []byte(joiner(fields[i].ID)), fields[i].Value)
	}
	return Value{B: first, Missing: n == 0}
}

// joiner is what stands between several fields of one name in a variable.
func joiner(id field.ID) string {
	if id == field.Cookie {
		return "; "
	}
	return ", "
}

func varNameEqual(field []byte, name string) bool {
	if len(field) != len(name) {
		return false
	}
	for i, c := range field {
		switch {
		case 'A' <= c && c <= 'Z':
			c |= 0x20
		case c == '-':
			c = '_'
		}
		if c != name[i] {
			return false
		}
	}
	return true
}

func argVar(r *Request, name string) Value {
	v, ok := r.Arg(name)
	return Value{B: v, Missing: !ok}
}

// Arg returns the first argument of this name; names are compared without regard to case.
func (r *Request) Arg(name string) ([]byte, bool) {
	for rest := r.Args; len(rest) > 0; {
		var pair []byte
		pair, rest, _ = bytes.Cut(rest, []byte("&"))
		if len(pair) > len(name) && pair[len(name)] == '=' && field.EqualFold(pair[:len(name)], name) {
			return pair[len(name)+1:], true
		}
	}
	return nil, false
}

func cookieVar(r *Request, name string) Value {
	v, _, ok := r.Cookie(name)
	return Value{B: v, Missing: !ok}
}

// Cookie returns the first cookie of a name, which has no regard to case, and the whole value of the field that it stands in.
func (r *Request) Cookie(name string) (value, line []byte, ok bool) {
	for line := range r.In.All(field.Cookie) {
		for rest := line; len(rest) > 0; {
			var pair []byte
			pair, rest, _ = bytes.Cut(rest, []byte(";"))
			pair = bytes.TrimLeft(pair, " ")
			key, value, ok := bytes.Cut(pair, []byte("="))
			if ok && field.EqualFold(bytes.TrimRight(key, " "), name) {
				return bytes.TrimLeft(value, " "), line, true
			}
		}
	}
	return nil, nil, false
}

func realpathVar(r *Request, _ string) Value {
	root := string(r.DocumentRoot())
	path, err := disk.RealPath(r.Task, root)
	if err != nil {
		r.LogErr(logs.Crit, err, "realpath() \""+root+"\" failed")
		return Value{Missing: true}
	}
	return r.str(path)
}

func contentLengthVar(r *Request, _ string) Value {
	b := &r.Body
	switch {
	case !b.Chunked:
		return r.maybe(r.In.Get(field.ContentLength))
	case b.state == bodyRead || b.Length == 0:
		return r.num(b.Size)
	case b.state == bodyStreamed:
		return r.num(b.Decoded)
	}
	return Value{Missing: true}
}

func bodyVar(r *Request, _ string) Value {
	b := &r.Body
	switch {
	case b.state != bodyRead || b.File != nil && b.Mem == nil:
		return Value{Missing: true}
	case len(b.Mem) == 0:
		return Value{Missing: !b.Chunked && !r.In.Has(field.ContentLength)}
	}
	return r.val(b.Mem)
}

func requestIDVar(r *Request, _ string) Value {
	if r.id == nil {
		var raw [16]byte
		_, _ = rand.Read(raw[:])
		r.id = r.Alloc(32)
		hex.Encode(r.id, raw[:])
	}
	return r.val(r.id)
}

func forwardedVar(r *Request, _ string) Value {
	v := r.fieldVar(r.In, "x_forwarded_for")
	if v.Missing { // an empty field stays one, before the comma
		return r.val(r.remoteAddr())
	}
	return r.val(r.Concat(v.B, []byte(", "), r.remoteAddr()))
}

func remoteUserVar(r *Request, _ string) Value {
	user, _, ok := r.BasicAuth()
	return Value{B: user, Missing: !ok}
}

func https(r *Request, _ string) Value {
	if r.Client.TLS == nil {
		return Value{}
	}
	return Value{B: []byte("on")}
}
