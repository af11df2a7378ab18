package http

import (
	"slices"
	"time"

	"weir/conf"
	"weir/disk"
	"weir/logs"
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

// Core holds the settings of nginx's http core module for one location.
type Core struct {
	Internal bool
	except   *limitExcept

	// files.go
	Root        *Text
	Alias       bool // Root came from alias
	aliased     int  // bytes of a URI that alias replaces
	aliasWhole  bool // it replaces all of it
	Types       *Types
	DefaultType []byte

	// core_body.go
	MaxBody       int64
	BodyBuffer    int64
	BodyTimeout   time.Duration
	BodyTemp      *disk.TempPath
	BodyInFile    BodyFileMode
	BodySingle    bool
	Lingering     LingerMode
	LingeringTime time.Duration
	LingeringIdle time.Duration
	ResetTimedOut bool

	// core_send.go
	Sendfile         bool
	SendfileMaxChunk int64
	TCPNoPush        bool
	TCPNoDelay       bool
	SendTimeout      time.Duration
	PostponeOutput   int64
	LimitRate        *Text
	LimitRateAfter   *Text
	ChunkedEncoding  bool
	ETag             bool
	IfModifiedSince  ModifiedMode
	MaxRanges        int
	ServerTokens     TokenMode
	SubBuffer        int64
	EarlyHints       []*Text

	Gzip GzipRules // core_gzip.go

	// core_keepalive.go
	KeepaliveTimeout  time.Duration
	KeepaliveHeader   time.Duration
	KeepaliveMin      time.Duration
	KeepaliveRequests int
	KeepaliveTime     time.Duration
	KeepaliveDisable  Browsers

	// core_errors.go
	ErrorPages       []ErrorPage
	Recursive        bool
	AbsoluteRedirect bool
	NameInRedirect   bool
	PortInRedirect   bool
	MSIEPadding      bool
	MSIERefresh      bool
	LogNotFound      bool
	LogSubrequest    bool
	Satisfy          SatisfyMode
	AuthDelay        time.Duration
	PostAction       string
	ignored          int64
}

// CoreModule is nginx's http core module, as far as it is set per location.
var CoreModule = Define(Spec[Core]{
	Name: "http_core",
	Doc:  "The exchange itself: connections, requests, bodies, responses, error pages.",
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
})

func locationDirectives() []conf.Directive[Core] {
	return []conf.Directive[Core]{
		limitExceptDirective(),
		postActionDirective(),
		{
			Name: "internal", In: onlyLoc, Syntax: "", Inherit: conf.Never,
			Doc:     "Keeps the location for internal requests: redirects, `error_page`, `try_files`, `X-Accel-Redirect`. Others get 404.",
			Example: "location /errors/ { internal; }",
			Set:     func(c *Core, _ *conf.Call) error { c.Internal = true; return nil },
		},
		{
			Name: "satisfy", In: inLoc, Syntax: "all | any", Default: "all",
			Doc: "Whether a request must pass all access modules of the location or any one of them.",
			Set: conf.Enum(func(c *Core) *SatisfyMode { return &c.Satisfy }, map[string]SatisfyMode{"all": SatisfyAll, "any": SatisfyAny}),
		},
		{
			Name: "auth_delay", In: inLoc, Syntax: "<time>", Default: "0s",
			Doc: "Delays responses of status 401, against timing attacks on passwords and tokens.",
			Set: conf.Time(func(c *Core) *time.Duration { return &c.AuthDelay }),
		},
	}
}

// SatisfyMode says how the verdicts of access modules are combined.
type SatisfyMode uint8

const (
	SatisfyAll SatisfyMode = iota
	SatisfyAny
)

// Logger returns the error log that holds for the request now.
func (r *Request) Logger() *logs.Logger {
	loc := r.Loc
	if loc == nil {
		loc = r.Server.Root
	}
	if r.Client.Debug {
		return loc.ErrorLog.Verbose()
	}
	return loc.ErrorLog
}
