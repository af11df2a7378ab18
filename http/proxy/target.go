package proxy

import (
	"strconv"
	"strings"

	"weir/conf"
	"weir/http"
	"weir/http/field"
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
}

const (
	httpPrefix  = "http://"
	httpsPrefix = "https://"
	httpPort    = 80
)

func setPass(c *proxyConf, call *conf.Call) error {
	url := call.Arg(0)
	text, err := http.CompileText(call, 0, url)
	if err != nil {
		return err
	}
	if hasPrefixFold(url, httpsPrefix) {
		return call.Errorf(0, "\"https://\" in \"proxy_pass\" is known but not supported yet")
	}
	if _, ok := text.Const(); !ok {
		c.pass = &target{text: text}
		warnOfHTTPS(call, url)
		return nil
	}
	if !hasPrefixFold(url, httpPrefix) {
		return badPrefix(call, url)
	}
	t := &target{url: url}
	rest := ""
	if t.at, rest, err = upstream.ParseTarget(url[len(httpPrefix):], httpPort, true); err != nil {
		return call.Errorf(0, "%v in upstream \"%s\"", err, url[len(httpPrefix):])
	}
	if t.spec, err = http.Env(call).Upstreams().Refer(call, 0, t.at); err != nil {
		return err
	}
	t.host, t.uri = hostHeader(&t.at, httpPort), rest
	if t.location, err = passLocation(call, t.uri); err != nil {
		return err
	}
	c.pass = t
	return nil
}

// declarePass makes the group of a URL known that no upstream block has.
func declarePass(call *conf.Call) error {
	if url := call.Arg(0); hasPrefixFold(url, httpPrefix) {
		return declareGroup(call, url[len(httpPrefix):], httpPort, true)
	}
	return nil
}

// declareGroup makes the group of an address known that no upstream block has. What is wrong with the address is for Set to tell.
func declareGroup(call *conf.Call, address string, port uint16, uri bool) error {
	if strings.Contains(address, "$") {
		return nil
	}
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
func keyStart(t *upstream.Target, host string) []byte {
	if t.Unix {
		host = "unix:" + t.Host + ":"
	}
	return []byte(httpPrefix + host)
}

// fill says where requests go.
func (t *target) fill(s *passSpec) {
	if t.text != nil {
		s.find = t.find
		return
	}
	s.target, s.place = t.spec, place{host: []byte(t.host), uri: []byte(t.uri), start: keyStart(&t.at, t.host)}
	if !t.at.Unix {
		s.place.port = strconv.AppendUint(nil, uint64(t.at.Port), 10)
	}
}

// find works out where a request goes. Any other verdict than Next is its answer.
func (t *target) find(r *http.Request, set *upstream.Set) (p place, v http.Verdict) {
	url := r.Text(t.text)
	if len(url) > len(httpsPrefix) && field.EqualFold(url[:len(httpsPrefix)], httpsPrefix) {
		r.Logf(logs.Error, "proxying over TLS is not supported yet: \"proxy_pass\" leads to \"%s\"", url)
		return p, http.StatusBadGateway
	}
	if len(url) <= len(httpPrefix) || !field.EqualFold(url[:len(httpPrefix)], httpPrefix) {
		r.Logf(logs.Error, "invalid URL prefix in \"%s\"", url)
		return p, http.StatusInternal
	}
	at, uri, p, v := findPlace(r, set, string(url[len(httpPrefix):]), httpPort, true)
	if v != http.Next {
		return p, v
	}
	if strings.HasPrefix(uri, "?") {
		uri = "/" + uri
	}
	host := hostHeader(&at, httpPort)
	p.host, p.uri, p.start = []byte(host), []byte(uri), keyStart(&at, host)
	if !at.Unix {
		p.port = strconv.AppendUint(nil, uint64(at.Port), 10)
	}
	return p, http.Next
}
