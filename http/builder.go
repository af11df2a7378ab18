package http

import (
	"fmt"
	"strings"
	"sync"

	"weir/conf"
	"weir/disk"
	"weir/http/route"
	"weir/listen"
	"weir/load"
	"weir/logs"
	"weir/vars"
)

// App is the http block of one cycle, ready to serve.
type App struct {
	Prefix    string // -p, with its final slash
	Signature string // "weir/1.2.3"
	Hostname  string
	Temp      *disk.TempNumbers
	Counters  *Counters // nil: nothing is counted
	Files     *logs.Files
	Debug     *logs.DebugPeers // whose connections are logged at level debug
	Vars      *vars.Table[*Request]
	Servers   []*Server
	Listens   []*Listening
	subs      sync.Pool // of *subrequest
	slots     int
	life      *load.Life // its cycle is used as long as this is held
}

// A Listening is an address to be listened on, and what answers there.
type Listening struct {
	Spec listen.Spec
	Port *Port
}

// Builder makes an App of a configuration that was checked against the table.
type Builder struct {
	*load.Env
	Modules []*Module
	Vars    *vars.Table[*Request]
	App     *App

	inside *route.Locations[*Location] // what will hold the locations inside the one being built

	core     conf.View
	installs []installing

	// Where what lives as long as the App is allocated.
	servers   slab[Server]
	locations slab[Location]
	steps     slab[Step]
	heads     slab[HeadFilter]
	logs      slab[func(*Request)]
	idle      []*equipment
}

// installing is a module that adds to locations.
type installing struct {
	*Module
	view conf.View
}

// NewBuilder prepares the build of an http block in a load; its Vars already know the variables of every module.
func NewBuilder(env *load.Env, modules []*Module, temp *disk.TempNumbers) *Builder {
	b := &Builder{Env: env, Modules: modules, Vars: newVars()}
	for _, m := range modules {
		for _, v := range m.Vars {
			if err := b.Vars.Add(v); err != nil {
				panic(err) // two modules claim one name: a mistake of the program, seen by any test
			}
		}
	}
	b.App = &App{
		Prefix: env.Prefix, Signature: env.Signature, Hostname: strings.ToLower(env.Tree.Facts().Hostname),
		Temp: temp, Files: env.Files, Vars: b.Vars, life: env.Life,
	}
	load.Put(env, b)
	return b
}

// Env returns the build that a directive is read for.
func Env(call *conf.Call) *Builder { return load.The[Builder](load.Of(call)) }

// ErrorAt makes an error at argument arg of a directive, or at its name (-1).
func ErrorAt(n *conf.Node, arg int, format string, a ...any) error {
	return &conf.Error{Node: n, Arg: arg, Text: fmt.Sprintf(format, a...)}
}

// Of returns the one T of a build: the registry of a module (log formats, zones).
func Of[T any](b *Builder) *T { return load.The[T](b.Env) }

// Build makes the App of an http block. Errors go to the diagnostics. What may name things that are defined later is left to
// Env.Finish; End comes after it.
func (b *Builder) Build(http *conf.Block) *App {
	b.core = b.Scopes.View(CoreModule.Conf)
	for _, m := range b.Modules {
		if m.install != nil {
			b.installs = append(b.installs, installing{m, b.Scopes.View(m.Conf)})
		}
	}
	for _, node := range http.All("server") {
		b.App.Servers = append(b.App.Servers, b.buildServer(node.Block))
	}
	b.buildPorts()
	return b.App
}

// End completes the App when Env.Finish has run.
func (b *Builder) End() {
	b.CheckNames()
	b.App.slots = b.Vars.Slots()
}

// Forget drops what was needed to build only: while the App serves, the configuration's tree should not
// take up memory.
func (b *Builder) Forget() {
	b.Upstreams().Forget()
	b.Modules, b.idle, b.installs, b.core = nil, nil, nil, conf.View{}
	b.Vars.Forget()
	for _, s := range b.App.Servers {
		s.Core.forget()
		s.Block = nil
	}
}

func (b *Builder) buildServer(block *conf.Block) *Server {
	s := b.servers.one()
	s.Core = conf.Settings[ServerCore](b.Scopes, ServerModule.Conf, block)
	if s.Core.LargeSize < s.Core.connPool {
		b.Diags.Err(ErrorAt(block.Node, -1, "the \"large_client_header_buffers\" size must be equal to or greater than \"connection_pool_size\""))
	}
	if len(s.Core.Names) > 0 {
		s.Name = s.Core.Names[0].Text
		if s.Core.Names[0].Pattern != nil {
			s.Name = "~" + s.Name
		} else {
			s.Name = strings.TrimPrefix(s.Name, ".")
		}
	}
	if err := s.Core.checkBuffers(block); err != nil {
		b.Diags.Err(err)
	}
	s.Block = block
	s.Root = b.locations.one()
	s.Root.Server = s
	b.buildLocation(s.Root, block)
	tree := route.NewLocations[*Location]()
	b.addLocations(s, block, tree)
	tree.Finish()
	s.Locations = tree
	return s
}

// buildLocation runs every module's Install for a location.
func (b *Builder) buildLocation(loc *Location, block *conf.Block) {
	loc.Core = b.core.Any(block).(*Core)
	b.Folder(loc.Core.BodyTemp.Dir)
	if loc.Core.Types == nil {
		loc.Core.Types = Of[sharedTypes](b).get()
	}
	loc.ErrorLog = b.ErrorLog(block)
	loc.debugs = loc.ErrorLog.Enabled(logs.Debug)
	e := b.equip(loc)
	in := &e.install
	in.Block = block
	for i := range b.installs {
		m := &b.installs[i]
		in.Module = m.Module
		if err := m.install(m.view.Any(block), in); err != nil {
			b.Diags.Err(err)
		}
	}
	e.finish(b, loc)
	b.give(e)
	b.buildExcept(loc)
	if loc.slashRedirect && b.inside != nil && !loc.Nameless {
		b.inside.AutoRedirect()
	}
}

// Nameless builds the location of an if or limit_except block: it answers as the location around it
// would, with settings of its own.
func (b *Builder) Nameless(around *Location, block *conf.Block) *Location {
	loc := b.locations.one()
	*loc = Location{Name: around.Name, Server: around.Server, Pattern: around.Pattern, Named: around.Named, Nameless: true}
	b.buildLocation(loc, block)
	return loc
}

type sharedTypes struct{ types *Types }

func (s *sharedTypes) get() *Types {
	if s.types == nil {
		s.types = defaultTypes()
	}
	return s.types
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

// MatchPattern matches text, remembering captures for $1 and named groups.
func (r *Request) MatchPattern(p *vars.Pattern, slots []int, text []byte) (bool, error) {
	found, ok, err := p.Find(r.CaptureBuf(), text)
	if err != nil || !ok {
		return false, err
	}
	r.SetCaptures(found, text)
	for i, slot := range slots {
		if slot < 0 {
			continue
		}
		v, took := r.Capture(i)
		if took {
			r.slots[slot] = Value{B: v}
		} else {
			r.slots[slot] = Value{Missing: true}
		}
	}
	return true, nil
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
