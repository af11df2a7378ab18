package http

import (
	"weir/conf"
	"weir/http/route"
)

// A Location is a place of the configuration that can hold a request: a location block, a server
// block (before a location is found), an if block, a limit_except block. It is ready to run: every
// decision that the configuration allows was taken at load.
type Location struct {
	Name   string // as written, without modifiers
	Server *Server
	Core   *Core // settings of the core module
	Block  *conf.Block

	Exact bool
	Regex bool // entered by a regular expression
	Named bool
	// Nameless marks if and limit_except blocks.
	Nameless bool

	postRead      []Step
	serverRewrite []Step
	rewrite       []Step
	phased        [phases][]Step // as installed; flattened into steps
	steps         []Step         // preaccess, access, precontent
	content       []Step
	handler       Step
	heads         []HeadFilter
	logs          []func(*Request)
	slashRedirect bool
}

// flatten joins the phases between rewrite and content into one list.
func (l *Location) flatten() {
	for p := PreAccess; p < Content; p++ {
		l.steps = append(l.steps, l.phased[p]...)
	}
	l.phased = [phases][]Step{}
}

// A Server is one server block.
type Server struct {
	Name      string // the first server_name: $server_name
	Core      *ServerCore
	Root      *Location // what holds outside of every location
	Locations *route.Locations[*Location]
	Named     map[string]*Location
	Block     *conf.Block
}

// find returns the location of a URI; redirect says that the location is the URI plus a slash.
func (s *Server) find(uri []byte) (loc *Location, redirect bool) {
	if s.Locations == nil {
		return s.Root, false
	}
	return s.Locations.Find(uri)
}
