// Package proxy asks elsewhere: a location with proxy_pass, or a directive like it, sends its requests to another
// server and the client what that answers.
//
// A handler is such a location, ready to run: made at load, shared by all loops. An exchange is one
// request on its way to a peer and back, straight-line code in the request's task:
//
//	createRequest            the request's head
//	ask ─┐                   one peer: take a kept connection or dial, send, read the head
//	     └─ again?           another peer, if the fault and proxy_next_upstream allow it
//	answer                   what the client gets to see of the head
//	pipe, pass or tunnel     the body: buffered, part by part, or both ways after a 101
//
// What the peers are spoken to in is the protocol's affair, which sees bytes and fields and nothing else: the
// interface protocol, in protocol.go. http1.go has the one of proxy_pass.
package proxy

import (
	"slices"

	"weir/conf"
	"weir/http"
)

// proxyConf are the proxy_* directives of one block.
type proxyConf struct {
	upstreamConf
	pass     *target
	version  http.Version
	method   *http.Text
	setBody  *http.Text
	headers  []setHeader
	redirect redirects
	domains  rewrites
	paths    rewrites
	flags    []cookieFlags
	flagsOff bool
}

// setHeader is one proxy_set_header.
type setHeader struct {
	name  string
	value *http.Text
}

func upstreamConfOf(c *proxyConf) *upstreamConf { return &c.upstreamConf }

// Proxy is nginx's http proxy module.
var Proxy = http.Define(http.Spec[proxyConf]{
	Name: "http_proxy",
	Doc:  "Passes requests to another server.",
	Directives: slices.Concat(
		requestDirectives(),
		replyDirectives(),
		optionDirectives("proxy_", upstreamConfOf, httpFaults()),
		sslDirectives("proxy_", upstreamConfOf),
	),
	Variables: proxyVariables(),
	Install:   install,
})

// install equips a location with proxy_pass.
func install(c *proxyConf, in *http.Install) error {
	z, err := checkSizes(in, &c.upstreamConf, "proxy_")
	if err != nil || c.pass == nil || in.Loc.Nameless && in.HasHandler() {
		return err
	}
	l := newHTTP1Loc(c)
	var cached []setHeader
	if c.Cache.On {
		if cached, err = conditionHeaders(in, c); err != nil {
			return err
		}
		l.headCached = newCachedPlan(c, cached)
	}
	s := passSpec{
		prefix: "proxy_", schema: httpPrefix, url: c.pass.url, protocol: l.protocol, hidden: httpHidden(), key: l.key,
		sendsBody: c.PassBody && c.setBody == nil, sendsChunks: c.version >= http.HTTP11,
	}
	if c.version == http.HTTP20 {
		s.protocol, s.alpn, s.duplex = newProxyHTTP2Loc(l, cached).protocol, alpnHTTP2, true
	}
	c.pass.fill(&s)
	return s.install(in, &c.upstreamConf, z)
}

// httpHidden are the fields that clients do not get to see of a response in HTTP.
func httpHidden() []string {
	return []string{
		"Date", "Server", "X-Pad", "X-Accel-Expires", "X-Accel-Redirect", "X-Accel-Limit-Rate",
		"X-Accel-Buffering", "X-Accel-Charset",
	}
}

const inPass = conf.Location | conf.LocationIf | conf.LimitExcept

func requestDirectives() []conf.Directive[proxyConf] {
	return []conf.Directive[proxyConf]{
		{
			Name: "proxy_pass", In: inPass, Syntax: "<URL:text>", Inherit: conf.IntoNameless,
			Doc: `Passes requests to the server at *URL*: an address, a name, a group of "upstream", or a unix socket.

With a URI behind the address, the part of the request's URI that the location matched is replaced by it; without one, the URI is passed as it came.
A *URL* with variables is worked out for each request, and its URI, if it has one, is passed as it is.`,
			Example: "location /app/ { proxy_pass http://127.0.0.1:8080/; }",
			Set:     setPass,
			Declare: declarePass,
		},
		{
			Name: "proxy_method", In: inLoc, Syntax: "<method:text>",
			Doc: "The method of requests to the peer, in place of the client's.",
			Set: http.TextSlot(func(c *proxyConf) **http.Text { return &c.method }),
		},
		{
			Name: "proxy_set_body", In: inLoc, Syntax: "<value:text>",
			Doc: "The body of requests to the peer, in place of the client's.",
			Set: http.TextSlot(func(c *proxyConf) **http.Text { return &c.setBody }),
		},
		{
			Name: "proxy_set_header", In: inLoc, Syntax: "<field:string> <value:text>", Repeat: true,
			Doc:     "Sets a field of requests to the peer. The client's field of that name is not passed; with an empty value, none is. Fields of outer blocks hold only where a block sets none itself.",
			Example: "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
			Set:     addSetHeader,
		},
		{
			Name: "proxy_http_version", In: inLoc, Syntax: "1.0 | 1.1 | 2", Default: "1.1",
			Doc: `The HTTP version spoken with the peer. Kept connections need 1.1 or 2, upgrades 1.1.

Version 2 is spoken without asking first: in the clear the peer must know it beforehand, over TLS it is offered by ALPN.`,
			Example: "proxy_http_version 2;",
			Set:     setVersion,
		},
		conf.TableSize[proxyConf]("proxy_headers_hash_max_size", inLoc, "512"),
		conf.TableSize[proxyConf]("proxy_headers_hash_bucket_size", inLoc, "64"),
	}
}

func replyDirectives() []conf.Directive[proxyConf] {
	return []conf.Directive[proxyConf]{
		{
			Name: "proxy_pass_trailers", In: inLoc, Syntax: "on | off", Default: "off",
			Doc: "Whether trailer fields of a chunked response are passed on.",
			Set: conf.Flag(func(c *proxyConf) *bool { return &c.PassTrailers }),
		},
		{
			Name: "proxy_redirect", In: inLoc, Repeat: true, Syntax: "! 1-2 default | off | <from:text> <to:text> | ~<regex> <to:text>",
			Doc: `Changes the beginning of Location and Refresh in responses, so that redirects of the peer lead back here.

**default**, which holds where nothing is said, replaces the *URL* of proxy_pass by the prefix of the location.`,
			Example: "proxy_redirect http://localhost:8000/two/ /one/;",
			Set:     addRedirect,
			Declare: declareRedirect,
		},
		{
			Name: "proxy_cookie_domain", In: inLoc, Repeat: true, Syntax: "! 1-2 off | <domain:text> <to:text> | ~<regex> <to:text>",
			Doc:     "Replaces the domain attribute of Set-Cookie.",
			Example: "proxy_cookie_domain localhost example.org;",
			Set:     addCookieDomain,
		},
		{
			Name: "proxy_cookie_path", In: inLoc, Repeat: true, Syntax: "! 1-2 off | <path:text> <to:text> | ~<regex> <to:text>",
			Doc:     "Replaces the path attribute of Set-Cookie, or its beginning.",
			Example: "proxy_cookie_path /two/ /;",
			Set:     addCookiePath,
		},
		{
			Name: "proxy_cookie_flags", In: inLoc, Repeat: true, Syntax: "! 1-4 off | <cookie:text> [<flag:text> ...]",
			Doc:     "Sets or drops the attributes secure, httponly and samesite of the cookies of a name, or of those that a regular expression matches (~).",
			Example: "proxy_cookie_flags one httponly samesite=strict;",
			Set:     addCookieFlags,
		},
	}
}

func addSetHeader(c *proxyConf, call *conf.Call) error { return appendSetHeader(&c.headers, call) }

func appendSetHeader(headers *[]setHeader, call *conf.Call) error {
	value, err := http.CompileText(call, 1, call.Arg(1))
	if err != nil {
		return err
	}
	*headers = append(*headers, setHeader{call.Arg(0), value})
	return nil
}

func setVersion(c *proxyConf, call *conf.Call) error {
	switch call.Arg(0) {
	case "1.0":
		c.version = http.HTTP10
	case "1.1":
		c.version = http.HTTP11
	default:
		c.version = http.HTTP20
	}
	return nil
}
