package core

import (
	"bytes"
	"time"

	"weir/conf"
	"weir/http"
	"weir/http/field"
)

// browsers is the set of keepalive_disable.
type browsers uint8

const (
	browserNone browsers = 1 << iota
	browserMSIE6
	browserSafari
)

func keepaliveDirectives() []conf.Directive[coreConf] {
	return []conf.Directive[coreConf]{
		{
			Name: "keepalive_timeout", In: inLoc, Syntax: "<time> [<header:seconds>]", Default: "75s",
			Doc:     "How long an idle client connection stays open; 0 closes it after each response. The second value is sent as `Keep-Alive: timeout=`.",
			Example: "keepalive_timeout 65s 60s;",
			Set:     setKeepaliveTimeout,
		},
		{
			Name: "keepalive_min_timeout", In: inLoc, Syntax: "<time>", Default: "0",
			Doc: "How long an idle connection stays open at least when connections must be reused or the worker shuts down.",
			Set: conf.Time(func(c *coreConf) *time.Duration { return &c.KeepaliveMin }),
		},
		{
			Name: "keepalive_requests", In: inLoc, Syntax: "<number>", Default: "1000",
			Doc: "How many requests one connection may carry.",
			Set: conf.Int(func(c *coreConf) *int { return &c.KeepaliveRequests }),
		},
		{
			Name: "keepalive_time", In: inLoc, Syntax: "<time>", Default: "1h",
			Doc: "How long a connection may carry requests in all; after it the next response closes it.",
			Set: conf.Time(func(c *coreConf) *time.Duration { return &c.KeepaliveTime }),
		},
		{
			Name: "keepalive_disable", In: inLoc, Syntax: "none | msie6 | safari ...2", Default: "msie6", Repeat: true,
			Doc: "Browsers whose connections are not kept: old MSIE after a POST, Safari on macOS.",
			Set: conf.Bits(func(c *coreConf) *browsers { return &c.keepaliveDisable },
				map[string]browsers{"none": browserNone, "msie6": browserMSIE6, "safari": browserSafari}),
		},
	}
}

func setKeepaliveTimeout(c *coreConf, call *conf.Call) error {
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
func (c *coreConf) keepaliveDisabled(r *http.Request) bool {
	set := c.keepaliveDisable
	ua := r.In.Get(field.UserAgent)
	if len(ua) == 0 {
		return false
	}
	if set&browserMSIE6 != 0 && r.Method == http.POST && oldMSIE(ua) {
		return true
	}
	return set&browserSafari != 0 && bytes.Contains(ua, []byte("Safari/")) && bytes.Contains(ua, []byte("Mac OS X")) &&
		!isChrome(ua) && !otherBrowser(ua)
}

// oldMSIE reports whether a User-Agent is MSIE before 7, and not Opera in disguise.
func oldMSIE(ua []byte) bool {
	_, after, _ := bytes.Cut(ua, []byte("MSIE "))
	if !field.IsMSIE(ua) || after[1] != '.' {
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

// isPadded reports whether a User-Agent is of those that show pages of their own in place of short ones.
func isPadded(ua []byte) bool { return len(ua) > 0 && (field.IsMSIE(ua) || isChrome(ua)) }

// isChrome reports whether a User-Agent is Chrome or one that says so.
func isChrome(ua []byte) bool { return bytes.Contains(ua, []byte("Chrome/")) && !otherBrowser(ua) }

// otherBrowser reports whether a User-Agent names one that is looked for before Chrome and Safari.
func otherBrowser(ua []byte) bool {
	return field.IsMSIE(ua) || bytes.Contains(ua, []byte("Opera")) || bytes.Contains(ua, []byte("Gecko/"))
}
