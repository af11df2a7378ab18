// Package core is nginx's http core module: what every location and server has, the variables of requests and responses, the pages of
// statuses.
package core

import (
	"slices"
	"time"

	"weir/conf"
	"weir/http"
)

// where a directive of the core may stand.
const (
	inHTTP    = conf.HTTP
	inServer  = conf.HTTP | conf.Server
	inLoc     = conf.HTTP | conf.Server | conf.Location
	inLocIf   = inLoc | conf.LocationIf
	onlyLoc   = conf.Location
	onlyServe = conf.Server
)

// coreConf holds the settings of nginx's http core module for one location.
type coreConf struct {
	http.CoreConf
	bodyFile   bodyFile
	bodySingle bool // only checked

	tokens           tokenMode
	gzip             gzipConf
	keepaliveDisable browsers
	except           *conf.Block // of limit_except
	methods          http.Method // that it names

	errorPages  []errorPage
	recursive   bool
	msiePadding bool
	msieRefresh bool

	special func(*http.Request, int) http.Verdict // once a location has asked for it
}

// Module is nginx's http core module, as far as it is set per location.
var Module = http.Define(http.Spec[coreConf]{
	Name: "http_core",
	Doc:  "What all requests have: connections, bodies, responses, error pages.",
	Directives: slices.Concat(
		locationDirectives(),
		fileDirectives(),
		bodyDirectives(),
		sendDirectives(),
		gzipDirectives(),
		keepaliveDirectives(),
		errorDirectives(),
	),
	Variables: slices.Concat(requestVariables(), connectionVariables(), responseVariables()),
	Install:   installCore,
})

// installCore gives a location its settings. It is the first of all modules: the others find them there.
func installCore(c *coreConf, in *http.Install) error {
	in.Loc.Core = &c.CoreConf
	in.Builder.Folder(c.BodyTemp.Dir)
	if c.special == nil {
		c.complete(in.Builder)
	}
	in.Loc.Special = c.special
	buildExcept(c, in)
	return nil
}

// complete makes of the settings what is made of them once, however many locations have them.
func (c *coreConf) complete(b *http.Builder) {
	if c.Types == nil {
		c.Types = http.Of[sharedTypes](b).get()
	}
	if c.Signature = b.App.Signature; c.tokens == tokensOff {
		c.Signature = "weir"
	}
	if c.keepaliveDisable&^browserNone != 0 {
		c.NoKeepalive = c.keepaliveDisabled
	}
	c.BodyInFile, c.BodyKept = c.bodyFile != bodyInMemory, c.bodyFile == bodyKept
	c.GzipOK = c.gzip.ok
	c.special = c.answer
}

func locationDirectives() []conf.Directive[coreConf] {
	return []conf.Directive[coreConf]{
		limitExceptDirective(),
		{
			Name: "post_action", In: inLocIf, Syntax: "<uri:string>",
			Doc: `Sends the request on, once it is answered, to a path or a named location ("@name") of the same server: for what is to be done besides, such
as to count. Nobody gets to see that answer, but its status is the one in the access log, and it is the log of that place that the line is
written to. Variables such as ` + "`$body_bytes_sent` and `$request_completion`" + ` tell of the answer that the client has got.

nginx does not document it.`,
			Example: "post_action @counted;",
			Set:     conf.String(func(c *coreConf) *string { return &c.PostAction }),
		},
		{
			Name: "internal", In: onlyLoc, Syntax: "", Inherit: conf.Never,
			Doc:     "Keeps the location for internal requests: redirects, `error_page`, `try_files`, `X-Accel-Redirect`. Others get 404.",
			Example: "location /errors/ { internal; }",
			Set:     func(c *coreConf, _ *conf.Call) error { c.Internal = true; return nil },
		},
		{
			Name: "satisfy", In: inLoc, Syntax: "all | any", Default: "all",
			Doc: "Whether a request must pass all access modules of the location or any one of them.",
			Set: conf.Enum(func(c *coreConf) *bool { return &c.SatisfyAny }, map[string]bool{"all": false, "any": true}),
		},
		{
			Name: "auth_delay", In: inLoc, Syntax: "<time>", Default: "0s",
			Doc: "Delays responses of status 401, against timing attacks on passwords and tokens.",
			Set: conf.Time(func(c *coreConf) *time.Duration { return &c.AuthDelay }),
		},
	}
}
