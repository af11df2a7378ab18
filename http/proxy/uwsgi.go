package proxy

import (
	"encoding/binary"
	"slices"

	"weir/conf"
	"weir/http"
)

// uwsgiConf are the uwsgi_* directives of one block.
type uwsgiConf struct {
	upstreamConf
	pass                 *address
	params               []paramConf
	modifier1, modifier2 int
	text                 string // uwsgi_string
}

func uwsgiUpstreamConf(c *uwsgiConf) *upstreamConf { return &c.upstreamConf }

// Uwsgi is nginx's http uwsgi module.
var Uwsgi = http.Define(http.Spec[uwsgiConf]{
	Name: "http_uwsgi",
	Doc:  "Passes requests to a server that speaks the uwsgi protocol.",
	Directives: slices.Concat(
		uwsgiDirectives(),
		optionDirectives("uwsgi_", uwsgiUpstreamConf, cgiFaults(), "send_lowat"),
		sslDirectives("uwsgi_", uwsgiUpstreamConf),
	),
	Install: installUwsgi,
})

func uwsgiDirectives() []conf.Directive[uwsgiConf] {
	return []conf.Directive[uwsgiConf]{
		{
			Name: "uwsgi_pass", In: inPassCGI, Syntax: "<address:text>", Inherit: conf.IntoNameless,
			Doc:     "Passes requests to the server at *address*: a name or an IP address with a port, a group of \"upstream\", or a unix socket; **uwsgi://** may stand before it, or **suwsgi://** for TLS.",
			Example: "location / { uwsgi_param REQUEST_URI $request_uri; uwsgi_pass unix:/run/app.sock; }",
			Set:     func(c *uwsgiConf, call *conf.Call) error { return setAddress(&c.pass, "uwsgi://", call) },
			Declare: declareAddress("uwsgi://"),
		},
		paramDirective("uwsgi_", func(c *uwsgiConf) *[]paramConf { return &c.params }),
		{
			Name: "uwsgi_modifier1", In: inLoc, Syntax: "<number:0-255>", Default: "0",
			Doc: "The field modifier1 of the packet: which plugin of the server answers.",
			Set: conf.Int(func(c *uwsgiConf) *int { return &c.modifier1 }),
		},
		{
			Name: "uwsgi_modifier2", In: inLoc, Syntax: "<number:0-255>", Default: "0",
			Doc: "The field modifier2 of the packet.",
			Set: conf.Int(func(c *uwsgiConf) *int { return &c.modifier2 }),
		},
		{
			Name: "uwsgi_string", In: inLoc, Syntax: "<text:string>",
			Doc: "Bytes that are added to the parameters as they are, for packets of another kind.",
			Set: conf.String(func(c *uwsgiConf) *string { return &c.text }),
		},
	}
}

// inPassCGI is where fastcgi_pass and its kin may stand.
const inPassCGI = conf.Location | conf.LocationIf

func installUwsgi(c *uwsgiConf, in *http.Install) error {
	z, err := checkSizes(in, &c.upstreamConf, "uwsgi_")
	if err != nil || c.pass == nil || in.Loc.Nameless && in.HasHandler() {
		return err
	}
	l := &uwsgiLoc{uwsgiConf: c}
	if l.list, l.listCached, err = newParams(in, "uwsgi_", c.params, &c.upstreamConf); err != nil {
		return err
	}
	s := passSpec{
		prefix: "uwsgi_", schema: "uwsgi://", url: c.pass.url, protocol: l.protocol,
		hidden: cgiHidden()[1:], sendsBody: c.PassBody,
	}
	c.pass.fill(&s)
	return s.install(in, &c.upstreamConf, z)
}

// cgiHidden are the fields that clients do not get to see of a response in the way of CGI; uwsgi passes the first on.
func cgiHidden() []string {
	return []string{"Status", "X-Accel-Expires", "X-Accel-Redirect", "X-Accel-Limit-Rate", "X-Accel-Buffering", "X-Accel-Charset"}
}

// uwsgiLoc is a location with uwsgi_pass.
type uwsgiLoc struct {
	*uwsgiConf
	list *params
	// listCached are those of requests whose responses may be stored.
	listCached *params
}

// uwsgi speaks the uwsgi protocol with the peer (protocol).
type uwsgi struct {
	cgiResponse
	loc *uwsgiLoc
}

func (l *uwsgiLoc) protocol(old protocol) protocol {
	p := reuse[uwsgi](old)
	p.loc, p.cgiResponse.protocol = l, "uwsgi"
	return p
}

// createRequest implements protocol: a packet of 4 bytes and the parameters, with lengths of 2 bytes each.
func (p *uwsgi) createRequest(c *call) http.Verdict {
	const largest = 65535
	l := p.loc
	b := append(c.head[:0], byte(l.modifier1), 0, 0, byte(l.modifier2))
	b = append(choose(c, l.list, l.listCached).append(b, c.r, &uwsgiCoding), l.text...)
	n := len(b) - 4
	if n > largest {
		return tooBig(c.r, "uwsgi request", n)
	}
	binary.LittleEndian.PutUint16(b[1:], uint16(n))
	c.head = b
	return http.Next
}

// uwsgiCoding writes lengths of 16 bits; the packet as a whole cannot be larger.
var uwsgiCoding = paramCoding{
	protocol: "uwsgi",
	begin:    func(b []byte, n int) []byte { return binary.LittleEndian.AppendUint16(b, uint16(n)) },
	middle:   func(b []byte) []byte { return append(b, 0, 0) },
	end: func(b []byte, _, value int) []byte {
		binary.LittleEndian.PutUint16(b[value-2:], uint16(len(b)-value))
		return b
	},
}

// forget implements protocol.
func (p *uwsgi) forget() { p.loc = nil }
