package http

import (
	"fmt"
	"strings"

	"weir/conf"
	"weir/disk"
	"weir/listen"
	"weir/load"
	"weir/logs"
	"weir/upstream"
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

// Log adds a writer for the end of the request.
func (in *Install) Log(f func(*Request)) { in.Logs = append(in.Logs, f) }

// Keep keeps settings with the location, for a module's variables: see Kept.
func (in *Install) Keep(settings any) { in.Loc.kept = append(in.Loc.kept, settings) }

// SlashRedirect says that a request for this prefix location without its final slash is redirected
// to it, as proxy_pass and its kin do.
func (in *Install) SlashRedirect() { in.Slash = true }

// InServer reports whether the place is a server block (or an if in it) and not a location.
func (in *Install) InServer() bool { return in.Block.Context&(conf.Server|conf.ServerIf) != 0 }

// Builder is what modules find in the load of an http block: the environment, the variables, and what is made of the block (by
// http/build). At load only.
type Builder struct {
	*load.Env
	Vars *vars.Table[*Request]
	App  *App
	// Nameless builds the location of an if or limit_except block: it answers as the location around it would, with settings of its own.
	Nameless func(around *Location, block *conf.Block) *Location
}

// NewBuilder begins the load of an http block. Its variables are those of no module yet.
func NewBuilder(env *load.Env, temp *disk.TempNumbers) *Builder {
	b := &Builder{Env: env, Vars: newVars()}
	b.App = &App{
		Prefix: env.Prefix, Signature: env.Signature, Hostname: strings.ToLower(env.Tree.Facts().Hostname),
		Temp: temp, Vars: b.Vars, Life: env.Life,
	}
	load.Put(env, b)
	return b
}

// newVars makes an empty table of variables for requests.
func newVars() *vars.Table[*Request] {
	return vars.NewTable(vars.Hooks[*Request]{
		Slots:   func(r *Request) []vars.Value { return r.slots },
		Capture: (*Request).Capture,
		Uninitialized: func(r *Request, name string) {
			if r.Loc != nil && r.Loc.QuietVars {
				return
			}
			r.Logf(logs.Warn, "using uninitialized \"%s\" variable", name)
		},
		Cycle: func(r *Request, name string) {
			r.Logf(logs.Error, "cycle while evaluating variable \"%s\"", name)
		},
	})
}

// Env returns the build that a directive is read for.
func Env(call *conf.Call) *Builder { return load.The[Builder](load.Of(call)) }

// ErrorAt makes an error at argument arg of a directive, or at its name (-1).
func ErrorAt(n *conf.Node, arg int, format string, a ...any) error {
	return &conf.Error{Node: n, Arg: arg, Text: fmt.Sprintf(format, a...)}
}

// Of returns the one T of a build: the registry of a module (log formats, zones).
func Of[T any](b *Builder) *T { return load.The[T](b.Env) }

// groups are the groups of servers of one build, once they are built.
type groups struct{ set *upstream.Set }

// Upstreams returns the groups of the configuration being read.
func (b *Builder) Upstreams() *upstream.Declared { return upstream.In(b.Env) }

// Resolver is what resolver and resolver_timeout say in a block.
func (b *Builder) Resolver(block *conf.Block) *upstream.ResolverConf {
	return conf.Settings[upstream.ResolverConf](b.Scopes, upstream.ResolverModule, block)
}

// Groups returns the groups, built. It is for functions given to AtEnd, when everything was declared, and for the cycle, which lets
// them inherit the state of the groups before them.
func (b *Builder) Groups() *upstream.Set {
	g := Of[groups](b)
	if g.set == nil {
		g.set = b.Upstreams().Build(upstream.Options{
			Loops: b.Loops, Resolver: b.Resolver, Run: b.Run, Log: b.ErrorLog(b.Tree.Main),
		}, b.Diags)
	}
	return g.set
}

// CompileText compiles a word of a directive as text with variables.
func CompileText(call *conf.Call, arg int, s string) (*Text, error) {
	t, err := Env(call).Vars.CompileAt(call.Spot(arg), s)
	if err != nil {
		return nil, call.Errorf(arg, "%v", err)
	}
	return t, nil
}

// TextSlot is a slot for one text with variables.
func TextSlot[C any](f func(*C) **Text) func(*C, *conf.Call) error {
	return func(c *C, call *conf.Call) (err error) {
		*f(c), err = CompileText(call, 0, call.Arg(0))
		return err
	}
}

// TextsSlot is a slot for a list of texts with variables.
func TextsSlot[C any](f func(*C) *[]*Text) func(*C, *conf.Call) error {
	return func(c *C, call *conf.Call) error {
		for i := range call.Len() {
			t, err := CompileText(call, i, call.Arg(i))
			if err != nil {
				return err
			}
			*f(c) = append(*f(c), t)
		}
		return nil
	}
}

// DeclareCaptures gives the named groups of a regular expression their variables: for the Declare of directives that have one. That it is none is
// for Set to tell.
func DeclareCaptures(call *conf.Call, arg int, source string, fold bool) error {
	p, err := Env(call).Vars.Pattern(source, fold)
	if err != nil {
		return nil
	}
	if _, err = Env(call).Vars.DefineGroups(p); err != nil {
		return call.Errorf(arg, "%v", err)
	}
	return nil
}
