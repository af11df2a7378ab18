package http

import (
	"time"

	"weir/conf"
	"weir/disk"
	"weir/http/route"
	"weir/logs"
	"weir/vars"
)

// A Location is a place of the configuration that can hold a request: a location block, a server
// block (before a location is found), an if block, a limit_except block. It is ready to run: every
// decision that the configuration allows was taken at load.
type Location struct {
	Name   string // as written, without modifiers
	Server *Server
	Core   *CoreConf

	Pattern  *vars.Pattern // of a location by regular expression
	Slots    []int         // variables of its named groups
	Named    bool
	Exact    bool // "location ="
	ErrorLog *logs.Logger
	// QuietVars keeps the warning about variables that were never set out of the log.
	QuietVars bool
	// Nameless marks if and limit_except blocks.
	Nameless bool
	// HTTP2 is what the wire of that name has to know of the place; nil where there is no such wire.
	HTTP2 any

	// What the modules have installed.
	PostRead      []Step
	ServerRewrite []Step
	Rewrite       []Step
	Steps         []Step // preaccess, access, precontent
	Content       []Step
	Handler       Step
	Heads         []HeadFilter
	Logs          []func(*Request)
	// Special answers with a status: by error_page, or with a page of weir's own.
	Special func(*Request, int) Verdict

	// limit_except: other methods than these are held by another location. 0: all are held here.
	Methods Method
	Except  *Location

	debugs bool  // ErrorLog takes lines of level debug
	kept   []any // see Install.Keep
}

// A Server is one server block.
type Server struct {
	Name      string // the first server_name: $server_name
	Names     []ServerName
	Core      *ServerConf
	Root      *Location // what holds outside of every location
	Locations *route.Locations[*Location]
	TLS       any         // what http/ssl has to know of the server; nil: it listens nowhere with TLS
	Tunnels   bool        // it takes CONNECT
	Block     *conf.Block // nil once all is built
}

// Log gives the location its error log. At load.
func (l *Location) Log(to *logs.Logger) { l.ErrorLog, l.debugs = to, to.Enabled(logs.Debug) }

// Kept returns what a module keeps for this location by Install.Keep; ok is false if there is no such T. Any goroutine.
func Kept[T any](l *Location) (kept T, ok bool) {
	for _, k := range l.kept {
		if kept, ok = k.(T); ok {
			return kept, true
		}
	}
	return kept, false
}

// CoreConf is what the core module (http/core) says of a location, as far as those who serve requests there need it.
type CoreConf struct {
	Internal bool

	// Files.
	Root        *Text
	Alias       bool              // Root came from alias
	Aliased     int               // bytes of a URI that alias replaces
	AliasWhole  bool              // it replaces all of it
	Types       map[string][]byte // media types by extension in lower case
	DefaultType []byte

	// The request's body.
	MaxBody       int64
	BodyBuffer    int64
	BodyTimeout   time.Duration
	BodyTemp      *disk.TempPath
	BodyInFile    bool // saved in a file, however small it is
	BodyKept      bool // in one that stays
	Lingering     LingerMode
	LingeringTime time.Duration
	LingeringIdle time.Duration
	ResetTimedOut bool

	// The response.
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
	Signature        string // what weir calls itself in Server and on its pages
	SubBuffer        int64
	EarlyHints       []*Text
	GzipVary         bool
	GzipOK           func(*Request) bool // whether a request may be answered in gzip: the client takes it, and gzip_… allow it

	// Connections that are kept.
	KeepaliveTimeout  time.Duration
	KeepaliveHeader   time.Duration
	KeepaliveMin      time.Duration
	KeepaliveRequests int
	KeepaliveTime     time.Duration
	NoKeepalive       func(*Request) bool // of clients whose connections are not kept; nil: all are

	// Redirects and refusals.
	ErrorPages       []int // statuses that error_page answers
	PostAction       string
	AbsoluteRedirect bool
	NameInRedirect   bool
	PortInRedirect   bool
	LogNotFound      bool
	LogSubrequest    bool
	SatisfyAny       bool
	AuthDelay        time.Duration
}

// LingerMode is lingering_close.
type LingerMode uint8

const (
	LingerOff LingerMode = iota
	LingerOn
	LingerAlways
)

// ModifiedMode is if_modified_since.
type ModifiedMode uint8

const (
	ModifiedOff ModifiedMode = iota
	ModifiedExact
	ModifiedBefore
)

// ServerConf is what the core module says of a server, as far as those who read the heads of requests need it: before a location, or
// even the server, is known.
type ServerConf struct {
	HeaderTimeout time.Duration
	HeaderBuffer  int64
	LargeCount    int
	LargeSize     int64
	MaxHeaders    int
	IgnoreInvalid bool
	MergeSlashes  bool
	Underscores   bool
}
