package http

import (
	"bytes"

	"weir/conf"
	"weir/http/field"
	"weir/logs"
	"weir/vars"
)

// GzipRules say which requests may be answered in gzip. The gzip, gunzip and gzip_static modules share them.
type GzipRules struct {
	vary     bool
	version  Version
	proxied  gzipProxied
	disabled []*vars.Pattern // User-Agents
	msie6    bool            // and MSIE before 7
}

// gzipProxied says of which requests with Via the answers may be in gzip (gzip_proxied).
type gzipProxied uint16

const (
	proxiedOff gzipProxied = 1 << iota
	proxiedExpired
	proxiedNoCache
	proxiedNoStore
	proxiedPrivate
	proxiedNoLastModified
	proxiedNoETag
	proxiedAuth
	proxiedAny
)

// Varies says that gzip_vary is on.
func (g *GzipRules) Varies() bool { return g.vary }

func gzipDirectives() []conf.Directive[Core] {
	return []conf.Directive[Core]{
		{
			Name: "gzip_vary", In: inLoc, Syntax: "on | off", Default: "off",
			Doc:     "Adds `Vary: Accept-Encoding` to what `gzip`, `gzip_static`, `gunzip`, `brotli`, `zstd` and their kin could have coded otherwise.",
			Example: "gzip_vary on;",
			Set:     conf.Flag(func(c *Core) *bool { return &c.Gzip.vary }),
		},
		{
			Name: "gzip_http_version", In: inLoc, Syntax: "1.0 | 1.1", Default: "1.1",
			Doc: "The lowest version of HTTP whose requests are answered in gzip.",
			Set: conf.Enum(func(c *Core) *Version { return &c.Gzip.version }, map[string]Version{"1.0": HTTP10, "1.1": HTTP11}),
		},
		{
			Name: "gzip_proxied", In: inLoc, Syntax: "off | expired | no-cache | no-store | private | no_last_modified | no_etag | auth | any ...",
			Default: "off", Repeat: true,
			Doc: `Whether requests that came through a proxy, as their Via tells, are answered in gzip: **any** always, **off** never, the others by what
the response or the request says of caching.`,
			Example: "gzip_proxied no-cache no-store private expired auth;",
			Set: conf.Bits(func(c *Core) *gzipProxied { return &c.Gzip.proxied }, map[string]gzipProxied{
				"off": proxiedOff, "expired": proxiedExpired, "no-cache": proxiedNoCache, "no-store": proxiedNoStore, "private": proxiedPrivate,
				"no_last_modified": proxiedNoLastModified, "no_etag": proxiedNoETag, "auth": proxiedAuth, "any": proxiedAny,
			}),
		},
		{
			Name: "gzip_disable", In: inLoc, Syntax: "<regex> ...", Repeat: true,
			Doc:     "Browsers that get no gzip, by regular expressions for User-Agent in which case does not matter; `msie6` stands for MSIE before 7.",
			Example: "gzip_disable msie6;",
			Set:     addGzipDisable,
		},
	}
}

func addGzipDisable(c *Core, call *conf.Call) error {
	for i := range call.Len() {
		if call.Arg(i) == "msie6" {
			c.Gzip.msie6 = true
			continue
		}
		p, err := Env(call).Vars.Pattern(call.Arg(i), true)
		if err != nil {
			return call.Errorf(i, "%v", err)
		}
		c.Gzip.disabled = append(c.Gzip.disabled, p)
	}
	return nil
}

// GzipOK reports whether the request may be answered in gzip: the client takes it, and the gzip_… directives that gzip, gunzip and
// gzip_static share allow it.
func (r *Request) GzipOK() bool {
	rules := &r.Loc.Core.Gzip
	switch {
	case r.IsSub(), AcceptsCoding(r.In.Get(field.AcceptEncoding), "gzip") == 0:
		return false
	case rules.msie6 && oldMSIE(r.In.Get(field.UserAgent)), r.Version < rules.version:
		return false
	case r.In.Has(field.Via) && !rules.proxiedOK(r):
		return false
	}
	if ua := r.In.Find(field.UserAgent); ua != nil {
		for _, p := range rules.disabled {
			ok, err := p.Match(ua.Value)
			if err != nil {
				r.Log(logs.Alert, err.Error())
			}
			if ok || err != nil {
				return false
			}
		}
	}
	return true
}

// proxiedOK is gzip_proxied.
func (g *GzipRules) proxiedOK(r *Request) bool {
	o := &r.Out
	switch {
	case g.proxied&proxiedOff != 0:
		return false
	case g.proxied&proxiedAny != 0:
		return true
	case g.proxied&proxiedAuth != 0 && r.In.Has(field.Authorization):
		return true
	}
	if f := o.Fields.Find(field.Expires); f != nil {
		return g.proxied&proxiedExpired != 0 && r.expired(f.Value)
	}
	if o.Fields.Has(field.CacheControl) {
		return g.proxied&proxiedNoCache != 0 && o.hasDirective("no-cache") ||
			g.proxied&proxiedNoStore != 0 && o.hasDirective("no-store") ||
			g.proxied&proxiedPrivate != 0 && o.hasDirective("private")
	}
	return (g.proxied&proxiedNoLastModified == 0 || !o.Fields.Has(field.LastModified)) &&
		(g.proxied&proxiedNoETag == 0 || !o.Fields.Has(field.ETag))
}

// expired reports whether an Expires lies before the date of the response.
func (r *Request) expired(expires []byte) bool {
	at, ok := field.ParseDate(expires)
	now := r.Loop().Wall().Unix()
	if d := r.Out.Fields.Get(field.Date); d != nil && ok {
		now, ok = field.ParseDate(d)
	}
	return ok && at < now
}

// hasDirective looks for a word in Cache-Control, as nginx does: it stands between commas, or behind a semicolon.
func (o *Response) hasDirective(word string) bool {
	for v := range o.Fields.All(field.CacheControl) {
		for len(v) >= len(word) {
			if field.EqualFold(v[:len(word)], word) {
				after := bytes.TrimLeft(v[len(word):], " ")
				if len(after) == 0 || after[0] == ',' {
					return true
				}
			}
			i := bytes.IndexAny(v, ",;")
			if i < 0 {
				break
			}
			v = bytes.TrimLeft(v[i+1:], " ")
		}
	}
	return false
}

// AcceptsCoding is the weight, in thousandths, that an Accept-Encoding gives to a coding by its name in lower case: 0 if the client does
// not take it. It is read as nginx reads it for gzip: the coding must be named ("*" is not enough), and of what it says the first
// counts; a weight that is none is 0.
func AcceptsCoding(value []byte, coding string) int {
	for i := 0; i+len(coding) <= len(value); i++ {
		if !field.EqualFold(value[i:i+len(coding)], coding) {
			continue
		}
		if i == 0 || value[i-1] == ',' || value[i-1] == ' ' {
			return codingWeight(value[i+len(coding):])
		}
		i += len(coding) - 1
	}
	return 0
}

// codingWeight reads what follows a coding: "; q=0.5".
func codingWeight(s []byte) int {
	const most = 1000
	s = bytes.TrimLeft(s, " ")
	if len(s) == 0 || s[0] == ',' {
		return most
	}
	if s[0] != ';' {
		return 0
	}
	s = bytes.TrimLeft(s[1:], " ")
	if len(s) == 0 {
		return most
	}
	if s[0]|0x20 != 'q' || len(s) < 3 || s[1] != '=' {
		return 0
	}
	s = s[2:]
	if end := bytes.IndexAny(s, ", "); end >= 0 {
		s = s[:end]
	}
	return quality(s)
}

// quality reads "0", "1" and fractions between them of up to three digits (RFC 9110, section 12.4.2).
func quality(s []byte) int {
	if len(s) == 0 || s[0] != '0' && s[0] != '1' || len(s) > 5 {
		return 0
	}
	q := int(s[0]-'0') * 1000
	if len(s) == 1 {
		return q
	}
	if s[1] != '.' {
		return 0
	}
	unit := 100
	for _, c := range s[2:] {
		if c < '0' || c > '9' {
			return 0
		}
		q += int(c-'0') * unit
		unit /= 10
	}
	if q > 1000 {
		return 0
	}
	return q
}

// WeakenETag makes the ETag a weak one, for a body that is not what the tag was made for byte by byte. One that is no tag is dropped.
func (r *Request) WeakenETag() {
	f := r.Out.Fields.Find(field.ETag)
	switch {
	case f == nil, len(f.Value) > 2 && f.Value[0] == 'W' && f.Value[1] == '/':
	case len(f.Value) == 0 || f.Value[0] != '"':
		r.Out.DropField(field.ETag)
	default:
		f.Value = r.Concat([]byte("W/"), f.Value)
	}
}
