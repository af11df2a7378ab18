package core

import (
	"crypto/rand"
	"encoding/hex"

	"weir/conf"
	"weir/disk"
	"weir/http"
	"weir/http/field"
	"weir/logs"
)

// requestVariables are those that tell of the request.
func requestVariables() []http.Var {
	return []http.Var{
		{Name: "host", Doc: "Host of the request: from the request line, from `Host`, or the server's first name.", Get: hostVar},
		{Name: "request", Doc: "The request line as it was sent.", Get: func(r *http.Request, _ string) http.Value { return maybe(r.Line) }},
		{Name: "request_method", Doc: "Method of the request that the client made.", Get: func(r *http.Request, _ string) http.Value {
			return maybe(r.Main().MethodName)
		}},
		{Name: "request_uri", Doc: "The request target as it was sent, with arguments.", Get: func(r *http.Request, _ string) http.Value { return maybe(r.Target) }},
		{Name: "uri", Doc: "The current URI, decoded and normalised.", Get: func(r *http.Request, _ string) http.Value { return maybe(r.URI) }},
		{Name: "document_uri", Doc: "The same as `$uri`.", Get: func(r *http.Request, _ string) http.Value { return maybe(r.URI) }},
		{
			Name: "args", Doc: "Arguments of the request line.", Get: func(r *http.Request, _ string) http.Value { return maybe(r.Args) },
			Set: func(r *http.Request, v []byte) { r.Args = v; r.Plain = false },
		},
		{Name: "query_string", Doc: "The same as `$args`.", Get: func(r *http.Request, _ string) http.Value { return maybe(r.Args) }},
		{Name: "is_args", Doc: "\"?\" when the request has arguments, else empty.", Get: func(r *http.Request, _ string) http.Value {
			if len(r.Args) == 0 {
				return http.Value{}
			}
			return http.Value{B: []byte("?")}
		}},
		{Name: "is_request_port", Doc: "\":\" when the Host has a port, else empty.", Get: func(r *http.Request, _ string) http.Value {
			if len(r.HostPort) == 0 {
				return http.Value{}
			}
			return http.Value{B: []byte(":")}
		}},
		{Name: "request_port", Doc: "Port of the Host, if it has one.", Get: func(r *http.Request, _ string) http.Value { return val(r.HostPort) }},
		{Name: "arg_", Doc: "The argument of this name.", Get: argVar},
		{Name: "http_", Doc: "The request header field of this name, in lower case with underscores for dashes.", Get: func(r *http.Request, name string) http.Value {
			return r.FieldValue(r.In, name)
		}},
		{Name: "cookie_", Doc: "The cookie of this name.", Get: cookieVar},
		{Name: "content_type", Doc: "`Content-Type` of the request.", Get: func(r *http.Request, _ string) http.Value {
			return r.FieldValue(r.In, "content_type")
		}},
		{Name: "content_length", Doc: "`Content-Length` of the request, or the length of a chunked body that was read.", Get: contentLengthVar},
		{Name: "scheme", Doc: "`http` or `https`.", Get: func(r *http.Request, _ string) http.Value { return text(r, r.Client.Scheme()) }},
		{Name: "https", Doc: "`on` when the request came over TLS, else empty.", Get: https},
		{Name: "server_protocol", Doc: "Protocol of the request.", Get: protocolVar},
		{Name: "remote_user", Doc: "User name of Basic authentication.", Get: remoteUserVar},
		{Name: "document_root", Doc: "`root` or `alias` that holds for the request.", Get: func(r *http.Request, _ string) http.Value { return val(r.DocumentRoot()) }},
		{Name: "realpath_root", Doc: "`root` or `alias` with symbolic links resolved.", Get: realpathVar},
		{Name: "request_filename", Doc: "Path of the file that the URI maps to.", Get: func(r *http.Request, _ string) http.Value { return val(r.FilePath()) }},
		{Name: "request_body", Doc: "The request body, when it was read into memory.", Get: bodyVar},
		{Name: "request_body_file", Doc: "The file that the request body was saved in.", Get: func(r *http.Request, _ string) http.Value {
			if r.Body.File == nil {
				return http.Value{Missing: true}
			}
			return text(r, r.Body.File.Path)
		}},
		{Name: "request_length", Doc: "Length of the request: line, header and body.", Get: func(r *http.Request, _ string) http.Value {
			return r.Number(int64(r.HeadSize) + r.Body.Received)
		}},
		{Name: "request_id", Doc: "An identifier of the request: 16 random bytes in hexadecimal.", Get: requestIDVar},
		{Name: "request_completion", Doc: "`OK` when the request was answered in full, else empty.", Get: func(r *http.Request, _ string) http.Value {
			if r.Out.Ended && !r.Out.Cut {
				return http.Value{B: []byte("OK")}
			}
			return http.Value{}
		}},
		{Name: "pipe", Doc: "`p` when the request was pipelined, `.` otherwise.", Get: func(r *http.Request, _ string) http.Value {
			if r.Pipelined {
				return http.Value{B: []byte("p")}
			}
			return http.Value{B: []byte(".")}
		}},
		{Name: "proxy_add_x_forwarded_for", Doc: "`X-Forwarded-For` of the request with the client's address appended.", Get: forwardedVar},
		{
			Name: "limit_rate", Doc: "The limit of the response's rate; can be set.", Get: func(r *http.Request, _ string) http.Value { return r.Number(r.LimitRate()) },
			Set: func(r *http.Request, v []byte) {
				if n, err := conf.ParseSize(string(v)); err == nil {
					r.SetLimitRate(n)
				}
			},
		},
	}
}

// protocolVar is the version as sent: HTTP/0.9 sends none, and newer ones do not send it as text.
func protocolVar(r *http.Request, _ string) http.Value {
	if r.Version >= http.HTTP20 {
		return text(r, r.Version.String())
	}
	return maybe(r.Protocol)
}

func hostVar(r *http.Request, _ string) http.Value {
	if len(r.HostName) > 0 {
		return val(r.HostName)
	}
	return text(r, r.Server.Name)
}

func argVar(r *http.Request, name string) http.Value {
	v, ok := r.Arg(name)
	return http.Value{B: v, Missing: !ok}
}

func cookieVar(r *http.Request, name string) http.Value {
	v, _, ok := r.Cookie(name)
	return http.Value{B: v, Missing: !ok}
}

func realpathVar(r *http.Request, _ string) http.Value {
	root := string(r.DocumentRoot())
	path, err := disk.RealPath(r.Task, root)
	if err != nil {
		r.LogErr(logs.Crit, err, "realpath() \""+root+"\" failed")
		return http.Value{Missing: true}
	}
	return text(r, path)
}

func contentLengthVar(r *http.Request, _ string) http.Value {
	if !r.Body.Chunked {
		return maybe(r.In.Get(field.ContentLength))
	}
	if n, ok := r.Body.Total(); ok {
		return r.Number(n)
	}
	return http.Value{Missing: true}
}

func bodyVar(r *http.Request, _ string) http.Value {
	b := &r.Body
	switch {
	case !b.Whole() || b.File != nil && b.Mem == nil:
		return http.Value{Missing: true}
	case len(b.Mem) == 0:
		return http.Value{Missing: !b.Chunked && !r.In.Has(field.ContentLength)}
	}
	return val(b.Mem)
}

func requestIDVar(r *http.Request, _ string) http.Value {
	if r.ID == nil {
		var raw [16]byte
		_, _ = rand.Read(raw[:])
		r.ID = r.Main().Alloc(32) // subrequests have it too
		hex.Encode(r.ID, raw[:])
	}
	return val(r.ID)
}

func forwardedVar(r *http.Request, _ string) http.Value {
	v := r.FieldValue(r.In, "x_forwarded_for")
	if v.Missing { // an empty field stays one, before the comma
		return val(remoteAddr(r))
	}
	return val(r.Concat(v.B, []byte(", "), remoteAddr(r)))
}

func remoteUserVar(r *http.Request, _ string) http.Value {
	user, _, ok := r.BasicAuth()
	return http.Value{B: user, Missing: !ok}
}

func https(r *http.Request, _ string) http.Value {
	if r.Client.TLS == nil {
		return http.Value{}
	}
	return http.Value{B: []byte("on")}
}
