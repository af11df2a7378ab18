package http

import (
	"bytes"
	"time"

	"weir/conf"
	"weir/http/field"
)

// Browsers is the set of keepalive_disable.
type Browsers uint8

const (
	BrowserNone Browsers = 1 << iota
	BrowserMSIE6
	BrowserSafari
)

func keepaliveDirectives() []conf.Directive[Core] {
	return []conf.Directive[Core]{
		{
			Name: "keepalive_timeout", In: inLoc, Syntax: "<time> [<header:seconds>]", Default: "75s",
			Doc:     "How long an idle client connection stays open; 0 closes it after each response. The second value is sent as `Keep-Alive: timeout=`.",
			Example: "keepalive_timeout 65s 60s;",
			Set:     setKeepaliveTimeout,
		},
		{
			Name: "keepalive_min_timeout", In: inLoc, Syntax: "<time>", Default: "0",
			Doc: "How long an idle connection stays open at least when connections must be reused or the worker shuts down.",
			Set: conf.Time(func(c *Core) *time.Duration { return &c.KeepaliveMin }),
		},
		{
			Name: "keepalive_requests", In: inLoc, Syntax: "<number>", Default: "1000",
			Doc: "How many requests one connection may carry.",
			Set: conf.Int(func(c *Core) *int { return &c.KeepaliveRequests }),
		},
		{
			Name: "keepalive_time", In: inLoc, Syntax: "<time>", Default: "1h",
			Doc: "How long a connection may carry requests in all; after it the next response closes it.",
			Set: conf.Time(func(c *Core) *time.Duration { return &c.KeepaliveTime }),
		},
		{
			Name: "keepalive_disable", In: inLoc, Syntax: "none | msie6 | safari ...2", Default: "msie6", Repeat: true,
			Doc: "Browsers whose connections are not kept: old MSIE after a POST, Safari on macOS.",
			Set: conf.Bits(func(c *Core) *Browsers { return &c.KeepaliveDisable },
				map[string]Browsers{"none": BrowserNone, "msie6": BrowserMSIE6, "safari": BrowserSafari}),
		},
	}
}

func setKeepaliveTimeout(c *Core, call *conf.Call) error {
	d, err := conf.ParseTime(call.Arg(0))
	if err != nil {
		return call.Errorf(-1, "\"%s\" directive invalid value", call.Node.Name())
	}
	c.KeepaliveTimeout, c.KeepaliveHeader = d, 0
	header := keepaliveHeader(call)
	if header == "" {
		return nil
	}
	h, err := conf.ParseSeconds(header)
	if err != nil {
		return call.Errorf(-1, "\"%s\" directive invalid value", call.Node.Name())
	}
	c.KeepaliveHeader = h
	return nil
}

// keepaliveHeader is the second value of a keepalive_timeout. One that has none takes it from those around.
func keepaliveHeader(call *conf.Call) string {
	if call.Len() > 1 || call.IsDefault() {
		return call.Arg(1)
	}
	for b := call.Node.In.Parent; b != nil; b = b.Parent {
		for _, n := range b.All(call.Name()) {
			if len(n.Words) > 2 {
				return n.Words[2].Text
			}
		}
	}
	return ""
}

// keepaliveDisabled reports whether the client is one of the browsers whose connections are not kept.
func (r *Request) keepaliveDisabled(set Browsers) bool {
	ua := r.In.Get(field.UserAgent)
	if len(ua) == 0 {
		return false
	}
	if set&BrowserMSIE6 != 0 && r.Method == POST && oldMSIE(ua) {
		return true
	}
	return set&BrowserSafari != 0 && bytes.Contains(ua, []byte("Safari/")) && bytes.Contains(ua, []byte("Mac OS X")) &&
		!isChrome(ua) && !otherBrowser(ua)
}

// oldMSIE reports whether a User-Agent is MSIE before 7, and not Opera in disguise.
func oldMSIE(ua []byte) bool {
	_, after, _ := bytes.Cut(ua, []byte("MSIE "))
	if !isMSIE(ua) || after[1] != '.' {
		return false
	}
	switch after[0] {
	case '4', '5':
		return true
	case '6':
		return !bytes.Contains(after, []byte("SV1"))
	}
	return false
}

// IsMSIE reports whether the client says that it is MSIE, and not Opera.
func (r *Request) IsMSIE() bool { return isMSIE(r.In.Get(field.UserAgent)) }

// isMSIE reports whether a User-Agent is any MSIE that is not Opera.
func isMSIE(ua []byte) bool {
	_, after, ok := bytes.Cut(ua, []byte("MSIE "))
	return ok && len(after) > 2 && !bytes.Contains(ua, []byte("Opera"))
}

// isPadded reports whether a User-Agent is of those that show pages of their own in place of short ones.
func isPadded(ua []byte) bool { return len(ua) > 0 && (isMSIE(ua) || isChrome(ua)) }

// isChrome reports whether a User-Agent is Chrome or one that says so.
func isChrome(ua []byte) bool { return bytes.Contains(ua, []byte("Chrome/")) && !otherBrowser(ua) }

// otherBrowser reports whether a User-Agent names one that is looked for before Chrome and Safari.
func otherBrowser(ua []byte) bool {
	return isMSIE(ua) || bytes.Contains(ua, []byte("Opera")) || bytes.Contains(ua, []byte("Gecko/"))
}
