package core

import (
	"bytes"

	"weir/conf"
	"weir/http"
	"weir/http/field"
	"weir/logs"
	"weir/vars"
)

// gzipConf says which requests may be answered in gzip. The gzip, gunzip and gzip_static modules share it.
type gzipConf struct {
	version  http.Version
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

func gzipDirectives() []conf.Directive[coreConf] {
	return []conf.Directive[coreConf]{
		{
			Name: "gzip_vary", In: inLoc, Syntax: "on | off", Default: "off",
			Doc:     "Adds `Vary: Accept-Encoding` to what `gzip`, `gzip_static`, `gunzip`, `brotli`, `zstd` and their kin could have coded otherwise.",
			Example: "gzip_vary on;",
			Set:     conf.Flag(func(c *coreConf) *bool { return &c.GzipVary }),
		},
		{
			Name: "gzip_http_version", In: inLoc, Syntax: "1.0 | 1.1", Default: "1.1",
			Doc: "The lowest version of HTTP whose requests are answered in gzip.",
			Set: conf.Enum(func(c *coreConf) *http.Version { return &c.gzip.version }, map[string]http.Version{"1.0": http.HTTP10, "1.1": http.HTTP11}),
		},
		{
			Name: "gzip_proxied", In: inLoc, Syntax: "off | expired | no-cache | no-store | private | no_last_modified | no_etag | auth | any ...",
			Default: "off", Repeat: true,
			Doc: `Whether requests that came through a proxy, as their Via tells, are answered in gzip: **any** always, **off** never, the others by what
the response or the request says of caching.`,
			Example: "gzip_proxied no-cache no-store private expired auth;",
			Set: conf.Bits(func(c *coreConf) *gzipProxied { return &c.gzip.proxied }, map[string]gzipProxied{
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

func addGzipDisable(c *coreConf, call *conf.Call) error {
	for i := range call.Len() {
		if call.Arg(i) == "msie6" {
			c.gzip.msie6 = true
			continue
		}
		p, err := http.Env(call).Vars.Pattern(call.Arg(i), true)
		if err != nil {
			return call.Errorf(i, "%v", err)
		}
		c.gzip.disabled = append(c.gzip.disabled, p)
	}
	return nil
}

// ok reports whether the request may be answered in gzip: the client takes it, and the gzip_… directives that gzip, gunzip and
// gzip_static share allow it (http.CoreConf).
func (g *gzipConf) ok(r *http.Request) bool {
	switch {
	case r.IsSub(), field.AcceptsCoding(r.In.Get(field.AcceptEncoding), "gzip") == 0:
		return false
	case g.msie6 && oldMSIE(r.In.Get(field.UserAgent)), r.Version < g.version:
		return false
	case r.In.Has(field.Via) && !g.proxiedOK(r):
		return false
	}
	if ua := r.In.Find(field.UserAgent); ua != nil {
		for _, p := range g.disabled {
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
func (g *gzipConf) proxiedOK(r *http.Request) bool {
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
		return g.proxied&proxiedExpired != 0 && expired(r, f.Value)
	}
	if o.Fields.Has(field.CacheControl) {
		return g.proxied&proxiedNoCache != 0 && hasDirective(o, "no-cache") ||
			g.proxied&proxiedNoStore != 0 && hasDirective(o, "no-store") ||
			g.proxied&proxiedPrivate != 0 && hasDirective(o, "private")
	}
	return (g.proxied&proxiedNoLastModified == 0 || !o.Fields.Has(field.LastModified)) &&
		(g.proxied&proxiedNoETag == 0 || !o.Fields.Has(field.ETag))
}

// expired reports whether an Expires lies before the date of the response.
func expired(r *http.Request, expires []byte) bool {
	at, ok := field.ParseDate(expires)
	now := r.Loop().Wall().Unix()
	if d := r.Out.Fields.Get(field.Date); d != nil && ok {
		now, ok = field.ParseDate(d)
	}
	return ok && at < now
}

// hasDirective looks for a word in Cache-Control, as nginx does: it stands between commas, or behind a semicolon.
func hasDirective(o *http.Response, word string) bool {
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
