package proxy

import (
	"slices"
	"strconv"

	"weir/conf"
	"weir/http"
)

// scgiConf are the scgi_* directives of one block.
type scgiConf struct {
	upstreamConf
	pass   *address
	params []paramConf
}

// SCGI is nginx's http scgi module.
var SCGI = http.Define(http.Spec[scgiConf]{
	Name: "http_scgi",
	Doc:  "Passes requests to a server that speaks SCGI.",
	Directives: slices.Concat(
		scgiDirectives(),
		optionDirectives("scgi_", func(c *scgiConf) *upstreamConf { return &c.upstreamConf }, cgiFaults(), "send_lowat"),
	),
	Install: installSCGI,
})

func scgiDirectives() []conf.Directive[scgiConf] {
	return []conf.Directive[scgiConf]{
		{
			Name: "scgi_pass", In: inPassCGI, Syntax: "<address:text>", Inherit: conf.IntoNameless,
			Doc:     "Passes requests to the server at *address*: a name or an IP address with a port, a group of \"upstream\", or a unix socket.",
			Example: "location / { scgi_param REQUEST_URI $request_uri; scgi_pass 127.0.0.1:4000; }",
			Set:     func(c *scgiConf, call *conf.Call) error { return setAddress(&c.pass, "", call) },
			Declare: declareAddress(""),
		},
		paramDirective("scgi_", func(c *scgiConf) *[]paramConf { return &c.params }),
	}
}

func installSCGI(c *scgiConf, in *http.Install) error {
	z, err := checkSizes(in, &c.upstreamConf, "scgi_")
	if err != nil || c.pass == nil || in.Loc.Nameless && in.HasHandler() {
		return err
	}
	l := &scgiLoc{scgiConf: c}
	if l.list, l.listCached, err = newParams(in, "scgi_", c.params, &c.upstreamConf); err != nil {
		return err
	}
	s := passSpec{
		prefix: "scgi_", schema: "scgi://", url: c.pass.url, protocol: l.protocol,
		hidden: cgiHidden(), sendsBody: c.PassBody,
	}
	c.pass.fill(&s)
	return s.install(in, &c.upstreamConf, z)
}

// scgiLoc is a location with scgi_pass.
type scgiLoc struct {
	*scgiConf
	list *params
	// listCached are those of requests whose responses may be stored.
	listCached *params
}

// scgi speaks SCGI with the peer (protocol).
type scgi struct {
	cgiResponse
	loc *scgiLoc
}

func (l *scgiLoc) protocol(old protocol) protocol {
	p := reuse[scgi](old)
	p.loc, p.cgiResponse.protocol = l, "scgi"
	return p
}

// createRequest implements protocol: a netstring of names and values, CONTENT_LENGTH first, each ended by NUL.
func (p *scgi) createRequest(c *call) http.Verdict {
	var length int64
	if body := &c.r.Body; body.Chunked {
		length = body.Size
	} else {
		length = max(body.Length, 0)
	}
	const room = 20 // for the length, in front
	var digits [room]byte
	b := append(append(c.head[:0], digits[:]...), "CONTENT_LENGTH\x00"...)
	b = append(strconv.AppendInt(b, length, 10), 0)
	b = choose(c, p.loc.list, p.loc.listCached).append(b, c.r, &scgiCoding)
	size := append(strconv.AppendInt(digits[:0], int64(len(b)-room), 10), ':')
	b = b[:copy(b, size)+copy(b[len(size):], b[room:])]
	c.head = append(b, ',')
	return http.Next
}

var scgiCoding = paramCoding{
	protocol: "scgi",
	begin:    func(b []byte, _ int) []byte { return b },
	middle:   func(b []byte) []byte { return append(b, 0) },
	end:      func(b []byte, _, _ int) []byte { return append(b, 0) },
}

// forget implements protocol.
func (p *scgi) forget() { p.loc = nil }
