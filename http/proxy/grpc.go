package proxy

import (
	"slices"
	"strings"

	"weir/conf"
	"weir/http"
	"weir/upstream"
)

// grpcConf are the grpc_* directives of one block.
type grpcConf struct {
	upstreamConf
	pass    *address
	headers []setHeader
}

// GRPC is nginx's http grpc module.
var GRPC = http.Define(http.Spec[grpcConf]{
	Name:       "http_grpc",
	Doc:        "Passes requests to a gRPC server, over HTTP/2.",
	Directives: append(grpcDirectives(), sslDirectives("grpc_", grpcUpstreamConf)...),
	Install:    installGRPC,
})

const (
	grpcPrefix  = "grpc://"
	grpcsPrefix = "grpcs://"

	alpnHTTP2 = "h2"
)

func grpcUpstreamConf(c *grpcConf) *upstreamConf { return &c.upstreamConf }

func grpcDirectives() []conf.Directive[grpcConf] {
	own := []conf.Directive[grpcConf]{
		{
			Name: "grpc_pass", In: inPassCGI, Syntax: "<address:text>", Inherit: conf.IntoNameless,
			Doc: `Passes requests to the gRPC server at *address*: a name or an IP address with a port, a group of "upstream", or a unix socket; **grpc://** may stand before it, or **grpcs://** for TLS.

Both sides may speak at the same time: the body of the request is passed on as it comes, the response and its trailers likewise. Clients of gRPC need HTTP/2 ("http2 on").`,
			Example: "location /helloworld.Greeter { grpc_pass grpc://127.0.0.1:50051; }",
			Set:     func(c *grpcConf, call *conf.Call) error { return setAddress(&c.pass, grpcPrefix, call) },
		},
		{
			Name: "grpc_set_header", In: inLoc, Syntax: "<field:string> <value:text>", Repeat: true,
			Doc:     "Sets a field of requests to the server. The client's field of that name is not passed; with an empty value, none is. Fields of outer blocks hold only where a block sets none itself.",
			Example: "grpc_set_header X-Real-IP $remote_addr;",
			Set: func(c *grpcConf, call *conf.Call) error {
				return appendSetHeader(&c.headers, call)
			},
		},
	}
	has := []string{
		"bind", "socket_keepalive", "socket_rcvbuf", "socket_sndbuf", "connect_timeout", "send_timeout", "read_timeout",
		"intercept_errors", "buffer_size", "next_upstream", "next_upstream_tries", "next_upstream_timeout",
		"pass_header", "hide_header", "ignore_headers",
	}
	faults := slices.DeleteFunc(httpFaults(), func(w faultWord) bool { return w.fault == faultUpdating })
	shared := optionDirectives("grpc_", grpcUpstreamConf, faults)
	return append(own, slices.DeleteFunc(shared, func(d conf.Directive[grpcConf]) bool {
		return !slices.Contains(has, strings.TrimPrefix(d.Name, "grpc_"))
	})...)
}

// installGRPC equips a location with grpc_pass.
func installGRPC(c *grpcConf, in *http.Install) error {
	if c.pass == nil || in.Loc.Nameless && in.HasHandler() {
		return nil
	}
	c.PassHeaders, c.PassBody, c.PassTrailers = true, true, true
	s := passSpec{
		prefix: "grpc_", schema: grpcPrefix, url: c.pass.url, protocol: newGRPCLoc(&c.upstreamConf, c.headers).protocol,
		hidden: []string{"Date", "Server", "X-Accel-Expires", "X-Accel-Redirect", "X-Accel-Limit-Rate", "X-Accel-Buffering", "X-Accel-Charset"},
		alpn:   alpnHTTP2, sendsBody: true, sendsChunks: true, duplex: true,
	}
	c.pass.fill(&s)
	if c.pass.text != nil {
		s.find = c.pass.findGRPC
	}
	s.dest.host = []byte(hostHeader(&c.pass.at, 0))
	return s.install(in, &c.upstreamConf, sizes{})
}

// findGRPC works out where a request goes. Any other verdict than Next is its answer.
func (a *address) findGRPC(r *http.Request, set *upstream.Set) (destination, http.Verdict) {
	url, tls := cutScheme(a.scheme, string(r.Text(a.text)))
	at, _, p, v := findDestination(r, set, url, 0, false)
	p.host = []byte(hostHeader(&at, 0))
	p.secured(tls, at.Host, grpcsPrefix)
	return p, v
}
