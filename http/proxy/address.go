package proxy

import (
	"weir/conf"
	"weir/http"
	"weir/logs"
	"weir/upstream"
)

// An address is where fastcgi_pass and its kin lead: known at load, or text to be worked out for each request.
// Unlike proxy_pass they take no URI.
type address struct {
	text   *http.Text // with variables
	url    string     // as written, without variables
	at     upstream.Target
	spec   *upstream.Spec
	scheme string // that may stand before it: "uwsgi://"; or that of securely
	tls    bool
	host   string
}

// setAddress reads the argument of a pass directive.
func setAddress(to **address, scheme string, call *conf.Call) error {
	text, err := http.CompileText(call, 0, call.Arg(0))
	if err != nil {
		return err
	}
	url, ok := text.Const()
	if !ok {
		*to = &address{scheme: scheme, text: text}
		return nil
	}
	return setLiteralAddress(to, scheme, call, url)
}

// setLiteralAddress is setAddress for an address without variables.
func setLiteralAddress(to **address, scheme string, call *conf.Call, url string) (err error) {
	a := &address{scheme: scheme}
	url, a.tls = cutScheme(scheme, url)
	a.url = url
	if a.at, _, err = upstream.ParseTarget(url, 0, false); err != nil {
		return call.Errorf(0, "%v in upstream \"%s\"", err, url)
	}
	if a.spec, err = http.Env(call).Upstreams().Refer(call, 0, a.at); err != nil {
		return err
	}
	a.host = a.at.Host
	*to = a
	return nil
}

// declareAddress makes the group of an address known that no upstream block has.
func declareAddress(scheme string) func(*conf.Call) error {
	return func(call *conf.Call) error {
		url, _ := cutScheme(scheme, call.Arg(0))
		return declareGroup(call, url, 0, false)
	}
}

// securely is what stands in place of a scheme where TLS is wanted.
func securely(scheme string) string {
	if scheme == grpcPrefix {
		return grpcsPrefix
	}
	return "s" + scheme
}

// cutScheme takes the scheme off an address, which may have one.
func cutScheme(scheme, url string) (rest string, tls bool) {
	switch {
	case scheme == "":
	case hasPrefixFold(url, securely(scheme)):
		return url[len(scheme)+1:], true
	case hasPrefixFold(url, scheme):
		return url[len(scheme):], false
	}
	return url, false
}

// fill says where requests go.
func (a *address) fill(s *passSpec) {
	if a.text != nil {
		s.find, s.tls = a.find, a.scheme != ""
		return
	}
	s.target, s.tls = a.spec, a.tls
	s.dest.secured(a.tls, a.host, securely(a.scheme))
}

// find works out where a request goes. Any other verdict than Next is its answer.
func (a *address) find(r *http.Request, set *upstream.Set) (destination, http.Verdict) {
	url, tls := cutScheme(a.scheme, string(r.Text(a.text)))
	at, _, p, v := findDestination(r, set, url, 0, false)
	p.secured(tls, at.Host, securely(a.scheme))
	return p, v
}

// findDestination finds the group of an address that a request worked out, or makes one for this request; a name is left to be looked up when the
// request is ready (exchange.resolve). Without a port of its own the address has the usual one, if there is one (not 0); uri says that a URI
// may follow it. Any other verdict than Next is the request's answer.
func findDestination(r *http.Request, set *upstream.Set, text string, port uint16, uri bool) (at upstream.Target, rest string, p destination, v http.Verdict) {
	at, rest, err := upstream.ParseTarget(text, port, uri)
	if err != nil {
		r.Logf(logs.Error, "%v in upstream \"%s\"", err, text)
		return at, rest, p, http.StatusInternal
	}
	if p.group = set.Find([]byte(at.Host), at.Port, !at.HasPort); p.group != nil {
		return at, rest, p, http.Next
	}
	p.made, p.unresolved = true, at
	return at, rest, p, http.Next
}
