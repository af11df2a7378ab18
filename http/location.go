package http

import (
	"weir/conf"
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
