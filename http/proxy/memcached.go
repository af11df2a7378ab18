package proxy

import (
	"bytes"
	"slices"
	"strconv"

	"weir/conf"
	"weir/http"
	"weir/http/field"
	"weir/logs"
)

// memcachedConf are the memcached_* directives of one block.
type memcachedConf struct {
	upstreamConf
	pass     *address
	gzipFlag int
}

// Memcached is nginx's http memcached module.
var Memcached = http.Define(http.Spec[memcachedConf]{
	Name:       "http_memcached",
	Doc:        "Answers with what memcached has under a key.",
	Directives: memcachedDirectives(),
	Install:    installMemcached,
})

func memcachedDirectives() []conf.Directive[memcachedConf] {
	own := []conf.Directive[memcachedConf]{
		{
			Name: "memcached_pass", In: inPassCGI, Syntax: "<address>", Inherit: conf.IntoNameless,
			Doc: `Answers requests with what the memcached server at *address* has under the key in ` + "`$memcached_key`" + `, which must be set.

*address* is a name or an IP address with a port, a group of "upstream", or a unix socket. A key that is not found is a 404: for example, error_page may lead to the application that makes the page.`,
			Example: "location / { set $memcached_key $uri; memcached_pass 127.0.0.1:11211; error_page 404 502 504 = @app; }",
			Set:     setMemcachedPass,
			Declare: func(call *conf.Call) error { return declareLiteralGroup(call, call.Arg(0), 0, false) },
		},
		{
			Name: "memcached_gzip_flag", In: inLoc, Syntax: "<flag:number>", Default: "0",
			Doc: "Bits of an item's flags, one of which says that it is compressed: its response has `Content-Encoding: gzip` then.",
			Set: conf.Int(func(c *memcachedConf) *int { return &c.gzipFlag }),
		},
	}
	has := []string{
		"memcached_bind", "memcached_socket_keepalive", "memcached_connect_timeout", "memcached_send_timeout",
		"memcached_read_timeout", "memcached_buffer_size", "memcached_next_upstream", "memcached_next_upstream_tries",
		"memcached_next_upstream_timeout",
	}
	faults := []faultWord{
		{"error", faultError}, {"timeout", faultTimeout}, {"invalid_response", faultInvalidHeader}, {"not_found", fault404}, {"off", faultOff},
	}
	shared := optionDirectives("memcached_", func(c *memcachedConf) *upstreamConf { return &c.upstreamConf }, faults)
	return append(own, slices.DeleteFunc(shared, func(d conf.Directive[memcachedConf]) bool { return !slices.Contains(has, d.Name) })...)
}

// setMemcachedPass takes the address as it is: as in nginx, there are no variables in it.
func setMemcachedPass(c *memcachedConf, call *conf.Call) error {
	return setLiteralAddress(&c.pass, "", call, call.Arg(0))
}

func installMemcached(c *memcachedConf, in *http.Install) error {
	if c.pass == nil || in.Loc.Nameless && in.HasHandler() {
		return nil
	}
	key, err := in.Builder.Vars.Compile("$memcached_key")
	if err != nil {
		return err
	}
	c.InterceptErrors, c.Intercept404, c.ForceRanges = true, true, true
	l := &memcachedLoc{memcachedConf: c, key: key}
	s := passSpec{prefix: "memcached_", schema: "memcached://", url: c.pass.url, protocol: l.protocol, fetches: true}
	c.pass.fill(&s)
	return s.install(in, &c.upstreamConf, sizes{})
}

// memcachedLoc is a location with memcached_pass.
type memcachedLoc struct {
	*memcachedConf
	key *http.Text
}

// memcached asks a memcached server for one item (protocol).
type memcached struct {
	loc     *memcachedLoc
	key     []byte // as it was sent
	left    int64  // of the item
	trailer []byte // what must come behind it
}

func (l *memcachedLoc) protocol(old protocol) protocol {
	p := reuse[memcached](old)
	p.loc, p.key = l, nil
	return p
}

// createRequest implements protocol.
func (p *memcached) createRequest(c *call) http.Verdict {
	key := c.r.Text(p.loc.key)
	if len(key) == 0 {
		c.r.Log(logs.Error, "the \"$memcached_key\" variable is not set")
		return http.StatusInternal
	}
	const get = "get "
	b := appendKey(append(c.head[:0], get...), key)
	p.key = b[len(get):]
	if c.r.Debugs() {
		c.r.Debugf("http memcached request: \"%s\"", p.key)
	}
	c.head = append(b, "\r\n"...)
	return http.Next
}

// appendKey appends a key with %XX for what cannot stand in one.
func appendKey(b, key []byte) []byte {
	const hex = "0123456789ABCDEF"
	for _, c := range key {
		if c <= ' ' || c == '%' {
			b = append(b, '%', hex[c>>4], hex[c&15])
		} else {
			b = append(b, c)
		}
	}
	return b
}

// restart implements protocol.
func (p *memcached) restart(*call) { p.left, p.trailer = 0, nil }

// frame implements protocol: there is no body.
func (*memcached) frame(_ *call, _ []byte, n int64, last bool) frame { return frame{n: n, end: last} }

// parseHead implements protocol: one line.
func (p *memcached) parseHead(c *call) headState {
	line, _, found := bytes.Cut(c.buf[:c.end], []byte("\n"))
	if !found {
		return headMore
	}
	c.at = len(line) + 1
	line, found = bytes.CutSuffix(line, []byte("\r"))
	if c.r.Debugs() {
		c.r.Debugf("memcached: \"%s\"", line)
	}
	switch {
	case !found:
	case string(line) == "END":
		c.r.Logf(logs.Info, "key: \"%s\" was not found by memcached", p.key)
		c.reply.status, c.reply.length = 404, 0
		return headDone
	case bytes.HasPrefix(line, []byte("VALUE ")):
		return p.parseValue(c, line)
	}
	return p.invalid(c, line)
}

func (*memcached) invalid(c *call, line []byte) headState {
	c.r.Logf(logs.Error, "memcached sent invalid response: \"%s\"", line)
	return headBad
}

// parseValue reads VALUE key flags length.
func (p *memcached) parseValue(c *call, line []byte) headState {
	bad := func(what string) headState {
		c.r.Logf(logs.Error, "memcached sent invalid %s in response \"%s\" for key \"%s\"", what, line, p.key)
		return headBad
	}
	rest, ok := bytes.CutPrefix(line[len("VALUE "):], p.key)
	if !ok {
		return bad("key")
	}
	if rest, ok = bytes.CutPrefix(rest, []byte(" ")); !ok {
		return p.invalid(c, line)
	}
	flags, length, ok := bytes.Cut(rest, []byte(" "))
	if !ok {
		return p.invalid(c, line)
	}
	gzip := false
	if p.loc.gzipFlag != 0 {
		n, err := parseDigits(flags)
		if err != nil {
			return bad("flags")
		}
		gzip = n&int64(p.loc.gzipFlag) != 0
	}
	n, err := parseDigits(length)
	if err != nil {
		return bad("length")
	}
	if gzip {
		c.fields = append(c.fields, http.Field{ID: field.ContentEncoding, Name: nameContentEncoding, Value: valueGzip})
	}
	c.reply.status, c.reply.length = 200, n
	return headDone
}

var (
	nameContentEncoding = []byte("Content-Encoding")
	valueGzip           = []byte("gzip")
	memcachedEnd        = []byte("\r\nEND\r\n")
)

// parseDigits reads a number that is nothing but digits.
func parseDigits(b []byte) (int64, error) {
	n, err := strconv.ParseUint(string(b), 10, 63)
	return int64(n), err
}

// startBody implements protocol.
func (p *memcached) startBody(c *call) bool {
	switch {
	case c.reply.status == 404:
		c.bodyEnd, c.keepalive = true, true
	case c.r.IsHead():
		c.bodyEnd = true
	default:
		p.left, p.trailer = c.reply.length, memcachedEnd
	}
	return true
}

// appendHead implements protocol: there is no cache of such responses.
func (*memcached) appendHead(dst []byte, _ *call) []byte { return dst }

// want implements protocol.
func (p *memcached) want() int64 { return p.left + int64(len(p.trailer)) }

// body implements protocol: the item, and what marks its end.
func (p *memcached) body(c *call, raw []byte) (data []byte, used int, err error) {
	if c.bodyEnd {
		c.keepalive = false
		return nil, len(raw), nil
	}
	if n := min(int64(len(raw)), p.left); n > 0 {
		p.left -= n
		return raw[:n], int(n), nil
	}
	if !bytes.HasPrefix(p.trailer, raw) {
		c.r.Log(logs.Error, "memcached sent invalid trailer")
		c.bodyEnd, c.keepalive, p.trailer = true, false, nil
		return nil, len(raw), nil
	}
	p.trailer = p.trailer[len(raw):]
	if len(p.trailer) == 0 {
		c.bodyEnd, c.keepalive = true, true
	}
	return nil, len(raw), nil
}

// rewrite implements protocol.
func (*memcached) rewrite(_ *call, f *http.Field) ([]byte, bool) { return f.Value, false }

// forget implements protocol.
func (p *memcached) forget() { p.loc = nil }
