package proxy

import (
	"strconv"

	"weir/http"
)

// proxyVariables are those of proxy_pass.
func proxyVariables() []http.Var {
	return []http.Var{
		{Name: "proxy_host", Changeable: true, Doc: "Name and port of the server in proxy_pass.", Get: func(r *http.Request, _ string) http.Value {
			if x := ofLocation(r); x != nil {
				return http.Value{B: x.dest.host}
			}
			return http.Value{Missing: true}
		}},
		{Name: "proxy_port", Changeable: true, Doc: "Port of the server in proxy_pass, or the scheme's.", Get: func(r *http.Request, _ string) http.Value {
			if x := ofLocation(r); x != nil {
				return http.Value{B: x.dest.port}
			}
			return http.Value{Missing: true}
		}},
		{Name: "proxy_internal_body_length", Doc: "For `Content-Length` of the request to the peer.", Get: func(r *http.Request, _ string) http.Value {
			n := int64(-1)
			if x := ofLocation(r); x != nil {
				switch p := x.proto.(type) {
				case *http1:
					n = p.length
				case *http2:
					n = p.length
				}
			}
			if n >= 0 {
				return http.Value{B: strconv.AppendInt(r.Alloc(20)[:0], n, 10)}
			}
			return http.Value{Missing: true}
		}},
		{Name: "proxy_internal_chunked", Doc: "For `Transfer-Encoding` of the request to the peer.", Get: func(r *http.Request, _ string) http.Value {
			if x := ofLocation(r); x != nil {
				if p, ok := x.proto.(*http1); ok && p.sendsChunks {
					return http.Value{B: []byte("chunked")}
				}
			}
			return http.Value{Missing: true}
		}},
	}
}

// ofLocation is the exchange of the location where the request is now, if it is one of proxy_pass; nil if there is none.
func ofLocation(r *http.Request) *exchange {
	if here, ok := http.Load[exchangeHere](r); ok && here.h.pass.prefix == "proxy_" {
		return here.exchange
	}
	return nil
}
