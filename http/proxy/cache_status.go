package proxy

import (
	"strconv"

	"weir/conf"
	"weir/http"
	"weir/http/field"
)

// Cache-Status (RFC 9211): what the cache has had to do with a response, for who looks into it.

func cacheStatusDirective[C any](prefix string, at func(*C) *cacheConf) conf.Directive[C] {
	return conf.Directive[C]{
		Name: "cache_status", Syntax: "off | on | <name:string>", Default: "off",
		Doc: `Adds Cache-Status to responses (RFC 9211), by which the cache tells what it has done: **hit**, with the seconds for which the
response is fresh still (**ttl**), or why a peer was asked (**fwd**), with the status of its answer, and whether that is stored. *name* is what the
cache calls itself; **on** is weir. What caches on the way have added stays before it.

nginx has no such directive.`,
		Example: "cache_status on;",
		Set: func(c *C, call *conf.Call) error {
			name := call.Arg(0)
			switch name {
			case "off":
				name = ""
			case "on":
				name = "weir"
			}
			for _, ch := range name {
				if ch < ' ' || ch > '~' || ch == '"' || ch == '\\' {
					return call.Errorf(0, "invalid value \"%s\"", name)
				}
			}
			if name != "" && !isToken(name) {
				name = `"` + name + `"`
			}
			at(c).Status = name
			return nil
		},
	}
}

// isToken reports whether a name can stand in a field without quotes (RFC 9651, section 3.3.4).
func isToken(name string) bool {
	for i, ch := range []byte(name) {
		letter := 'a' <= ch|0x20 && ch|0x20 <= 'z'
		if !letter && (i == 0 || (ch < '0' || ch > '9') && ch != '-' && ch != '_' && ch != '.') {
			return false
		}
	}
	return true
}

// addCacheStatus adds Cache-Status to the client's response, where that is asked for.
func (x *exchange) addCacheStatus() {
	conf := &x.conf.Cache
	if conf.Status == "" || !conf.On {
		return
	}
	b := append(x.r.Alloc(len(conf.Status) + 96)[:0], conf.Status...)
	x.r.Out.AddField(cacheStatusID, cacheStatusName, x.appendCacheStatus(b))
}

var (
	cacheStatusName = []byte("Cache-Status")
	cacheStatusID   = field.Lookup(cacheStatusName)
)

func (x *exchange) appendCacheStatus(b []byte) []byte {
	c := x.cache
	if c == nil {
		if x.r.Method&(x.conf.Cache.Methods|http.GET|http.HEAD) == 0 {
			return append(b, "; fwd=method"...)
		}
		return append(b, "; fwd=bypass"...)
	}
	switch c.status {
	case cacheBypass:
		b = append(b, "; fwd=bypass"...)
	case cacheExpired, cacheRevalidated:
		b = append(b, "; fwd=stale"...)
	case cacheHit, cacheStale, cacheUpdating:
		if c.reading {
			return append(b, "; fwd=uri-miss; collapsed"...)
		}
		if len(x.tries) == 0 {
			b = append(b, "; hit; ttl="...)
			return strconv.AppendInt(b, c.entry.ValidSec-x.wallNow(), 10)
		}
		b = append(b, "; fwd=stale"...)
	default:
		if c.second {
			b = append(b, "; fwd=vary-miss"...)
		} else {
			b = append(b, "; fwd=uri-miss"...)
		}
	}
	if n := len(x.tries); n > 0 && x.tries[n-1].status > 0 {
		b = strconv.AppendInt(append(b, "; fwd-status="...), int64(x.tries[n-1].status), 10)
	}
	if !c.serving && c.store && x.buffering && (c.validSec != 0 || c.conf.valid(x.reply.status) > 0) {
		b = append(b, "; stored"...)
	}
	return b
}
