package http

import (
	"weir/conf"
	"weir/listen"
	"weir/vars"
)

// The text and variable types of http.
type (
	Text  = vars.Text[*Request]
	Var   = vars.Var[*Request]
	Value = vars.Value
)

// A Spec says everything about a module: its directives, its variables, and what it adds to a
// location that it is configured for. C holds the module's settings of one location.
type Spec[C any] struct {
	Name       string // nginx's name without ngx_ and _module: "http_limit_req"
	Doc        string
	Directives []conf.Directive[C]
	Variables  []Var

	// Install adds the module's steps, handler, filters and log writers to one location (or to a
	// server, as the location that holds before one is found). It runs at load for every location,
	// in the order of cycle/modules.go. A module that is not configured there should add nothing.
	Install func(c *C, in *Install) error

	// Listen prepares an address for the servers that answer there, whose settings it may ask for. It runs at load for every
	// address when all servers are built.
	Listen func(b *Builder, at *listen.Entry[*Server], of func(*Server) *C)
}

// A Module is a Spec ready for the list in cycle/modules.go.
type Module struct {
	Conf *conf.Module
	Vars []Var
	// Install is that of the spec, for settings of its type; nil if it has none.
	Install func(settings any, in *Install) error
	// Listen is that of the spec; nil if it has none.
	Listen func(*Builder, *listen.Entry[*Server])
}

// Define makes a module of its spec.
func Define[C any](s Spec[C]) *Module {
	m := &Module{Conf: conf.Define(s.Name, s.Doc, s.Directives), Vars: s.Variables}
	if s.Install != nil {
		m.Install = func(settings any, in *Install) error { return s.Install(settings.(*C), in) }
	}
	if s.Listen != nil {
		m.Listen = func(b *Builder, at *listen.Entry[*Server]) {
			s.Listen(b, at, func(server *Server) *C { return conf.Settings[C](b.Scopes, m.Conf, server.Block) })
		}
	}
	return m
}

// Install is a location being equipped, at load. It is of use during the call of a module's Install
// only: the next module gets the same one.
type Install struct {
	Builder *Builder
	Loc     *Location
	Block   *conf.Block
	Module  *Module

	// What was installed so far, for who builds the location.
	Steps [phases][]Step
	Heads []HeadFilter
	Logs  []func(*Request)
	Slash bool
}

// Configured reports whether a directive of the module is in force here.
func (in *Install) Configured() bool { return in.Builder.Scopes.Has(in.Module.Conf, in.Block) }

// Step adds a step to a phase.
func (in *Install) Step(p Phase, s Step) {
	in.Steps[p] = append(in.Steps[p], s)
}

// Handler makes s the one that answers here; content steps are not asked.
func (in *Install) Handler(s Step) { in.Loc.Handler = s }

// HasHandler reports whether a handler was installed.
func (in *Install) HasHandler() bool { return in.Loc.Handler != nil }

// Head adds a filter of response heads.
func (in *Install) Head(f HeadFilter) { in.Heads = append(in.Heads, f) }

// Log adds a writer for the end of the exchange.
func (in *Install) Log(f func(*Request)) { in.Logs = append(in.Logs, f) }

// Keep keeps settings with the location, for a module's variables: see Kept.
func (in *Install) Keep(settings any) { in.Loc.kept = append(in.Loc.kept, settings) }

// SlashRedirect says that a request for this prefix location without its final slash is redirected
// to it, as proxy_pass and its kin do.
func (in *Install) SlashRedirect() { in.Slash = true }

// InServer reports whether the place is a server block (or an if in it) and not a location.
func (in *Install) InServer() bool { return in.Block.Context&(conf.Server|conf.ServerIf) != 0 }
