package proxy

import (
	"strconv"
	"strings"

	"weir/conf"
	"weir/http"
	"weir/logs"
	"weir/upstream"
)

// A target is where proxy_pass leads: known at load, or text to be worked out for each request.
type target struct {
	text *http.Text // with variables
	url  string     // as written, without variables
	at   upstream.Target
	spec *upstream.Spec
	host string // for Host: without the port when it is the scheme's
	uri  string // what follows the address; "" if nothing does
	// location is the prefix that uri stands for.
	location string
	tls      bool
}

// scheme takes the scheme off a URL.
func scheme(url string) (rest string, port uint16, tls, ok bool) {
	switch {
	case hasPrefixFold(url, httpPrefix):
		return url[len(httpPrefix):], httpPort, false, true
	case hasPrefixFold(url, httpsPrefix):
		return url[len(httpsPrefix):], httpsPort, true, true
	}
	return "", 0, false, false
}

const (
	httpPrefix  = "http://"
	httpsPrefix = "https://"
	httpPort    = 80
	httpsPort   = 443
)

func setPass(c *proxyConf, call *conf.Call) error {
	url := call.Arg(0)
	text, err := http.CompileText(call, 0, url)
	if err != nil {
		return err
	}
	if _, ok := text.Const(); !ok {
		c.pass = &target{text: text}
		return nil
	}
	address, port, tls, ok := scheme(url)
	if !ok {
		return badPrefix(call, url)
	}
	t := &target{url: url, tls: tls}
	rest := ""
	if t.at, rest, err = upstream.ParseTarget(address, port, true); err != nil {
		return call.Errorf(0, "%v in upstream \"%s\"", err, address)
	}
	if t.spec, err = http.Env(call).Upstreams().Refer(call, 0, t.at); err != nil {
		return err
	}
	t.host, t.uri = hostHeader(&t.at, port), rest
	if t.location, err = passLocation(call, t.uri); err != nil {
		return err
	}
	c.pass = t
	return nil
}

// declarePass makes the group of a URL known that no upstream block has.
func declarePass(call *conf.Call) error {
	if address, port, _, ok := scheme(call.Arg(0)); ok {
		return declareGroup(call, address, port, true)
	}
	return nil
}

// declareGroup makes the group of an address known that no upstream block has. What is wrong with the address is for Set to tell.
func declareGroup(call *conf.Call, address string, port uint16, uri bool) error {
	if strings.Contains(address, "$") {
		return nil
	}
	return declareLiteralGroup(call, address, port, uri)
}

// declareLiteralGroup is declareGroup for an address without variables.
func declareLiteralGroup(call *conf.Call, address string, port uint16, uri bool) error {
	at, _, err := upstream.ParseTarget(address, port, uri)
	if err != nil {
		return nil
	}
	_, err = http.Env(call).Upstreams().Refer(call, 0, at)
	return err
}

// badPrefix is the error for a URL without its scheme.
func badPrefix(call *conf.Call, url string) error {
	e := call.Errorf(-1, "invalid URL prefix")
	if _, _, err := upstream.ParseTarget(url, httpPort, true); err == nil && !strings.Contains(url, "://") {
		e = e.Hintf("did you mean \"%s\"?", httpPrefix+url)
	}
	return e
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// passLocation is the prefix of the location that a proxy_pass stands in, "" where there is none to
// be replaced: an URI is an error there.
func passLocation(call *conf.Call, uri string) (string, error) {
	node := call.Block().Node
	if name, ok := locationPrefix(node); ok && call.Block().Context&conf.Nameless == 0 {
		return name, nil
	}
	if uri != "" {
		return "", call.Errorf(-1, "\"proxy_pass\" cannot have URI part in location given by regular expression, "+
			"or inside named location, or inside \"if\" statement, or inside \"limit_except\" block")
	}
	return "", nil
}

// locationPrefix is the prefix or exact name of a location block; not ok for others.
func locationPrefix(node *conf.Node) (string, bool) {
	if node == nil || node.Name() != "location" || len(node.Args()) == 0 {
		return "", false
	}
	args := node.Args()
	name := args[len(args)-1].Text
	if len(args) == 2 {
		return name, args[0].Text == "=" || args[0].Text == "^~"
	}
	switch {
	case strings.HasPrefix(name, "~"), strings.HasPrefix(name, "@"):
		return "", false
	case strings.HasPrefix(name, "="):
		name = name[1:]
	case strings.HasPrefix(name, "^~"):
		name = name[2:]
	}
	return name, true
}

// hostHeader is what Host says of a target: its port only if it is not the scheme's.
func hostHeader(t *upstream.Target, port uint16) string {
	switch {
	case t.Unix:
		return "localhost"
	case !t.HasPort || t.Port == port:
		return t.Host
	}
	return t.Host + ":" + strconv.Itoa(int(t.Port))
}

// keyStart is what the usual key of the cache begins with.
func keyStart(t *upstream.Target, host string, tls bool) []byte {
	if t.Unix {
		host = "unix:" + t.Host + ":"
	}
	if tls {
		return []byte(httpsPrefix + host)
	}
	return []byte(httpPrefix + host)
}

// fill says where requests go.
func (t *target) fill(s *passSpec) {
	if t.text != nil {
		s.find, s.tls = t.find, true
		return
	}
	s.tls = t.tls
	s.target, s.dest = t.spec, destination{host: []byte(t.host), uri: []byte(t.uri), start: keyStart(&t.at, t.host, t.tls)}
	s.dest.secured(t.tls, t.at.Host, httpsPrefix)
	if !t.at.Unix {
		s.dest.port = strconv.AppendUint(nil, uint64(t.at.Port), 10)
	}
}

// secured says that a destination is spoken to over TLS, if it is.
func (p *destination) secured(tls bool, name, schema string) {
	if tls {
		p.tls, p.name, p.schema = true, name, schema
	}
}

// find works out where a request goes. Any other verdict than Next is its answer.
func (t *target) find(r *http.Request, set *upstream.Set) (p destination, v http.Verdict) {
	url := string(r.Text(t.text))
	address, port, tls, ok := scheme(url)
	if !ok || address == "" {
		r.Logf(logs.Error, "invalid URL prefix in \"%s\"", url)
		return p, http.StatusInternal
	}
	at, uri, p, v := findDestination(r, set, address, port, true)
	if v != http.Next {
		return p, v
	}
	if strings.HasPrefix(uri, "?") {
		uri = "/" + uri
	}
	host := hostHeader(&at, port)
	p.host, p.uri, p.start = []byte(host), []byte(uri), keyStart(&at, host, tls)
	p.secured(tls, at.Host, httpsPrefix)
	if !at.Unix {
		p.port = strconv.AppendUint(nil, uint64(at.Port), 10)
	}
	return p, http.Next
}
