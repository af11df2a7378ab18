package http

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"weir/conf"
	"weir/http/route"
	"weir/listen"
	"weir/logs"
	"weir/vars"
	"weir/zone"
)

// App is the http block of one cycle, ready to serve.
type App struct {
	Prefix    string // -p, with its final slash
	Signature string // "weir/1.2.3"
	Hostname  string
	Temp      *TempNumbers
	Files     *logs.Files
	Debug     *logs.DebugPeers // whose connections are logged at level debug
	Vars      *vars.Table[*Request]
	Servers   []*Server
	Listens   []*Listening
	subs      sync.Pool // of *subrequest
	slots     int
}

// A Listening is an address to be listened on, and what answers there.
type Listening struct {
	Spec listen.Spec
	Port *Port
}

// World is what a build needs of its surroundings, and what outlives it.
type World struct {
	Prefix     string
	ConfPrefix string
	Signature  string
	Files      *logs.Files
	Temp       *TempNumbers
	Zones      *zone.Set
	// TempPrefix is where temporary folders are that the configuration does not name.
	TempPrefix string
	// AccessLogPath is where requests are logged when no access_log is written.
	AccessLogPath string
	Modules       []*Module
	// Logger makes the error log that holds in a block.
	Logger func(s *conf.Scopes, b *conf.Block) *logs.Logger
}

// Builder makes an App of a configuration that was checked against the table.
type Builder struct {
	World
	Tree   *conf.Tree
	Diags  *conf.Diagnostics
	Scopes *conf.Scopes
	Vars   *vars.Table[*Request]
	App    *App

	shared    map[any]any
	tempPaths []*TempPath
	releases  []func()
	atEnd     []func() error
	inside    *route.Locations[*Location] // what will hold the locations inside the one being built
	raw       bool                        // NeedRawSockets

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

// NewBuilder prepares a build; its Vars already know the variables of every module.
func NewBuilder(w World, tree *conf.Tree, d *conf.Diagnostics) *Builder {
	b := &Builder{
		World: w, Tree: tree, Diags: d,
		Vars:   newVars(),
		shared: map[any]any{},
	}
	if b.Zones == nil {
		b.Zones = (*zone.Registry)(nil).Begin()
	}
	for _, m := range w.Modules {
		for _, v := range m.Vars {
			if err := b.Vars.Add(v); err != nil {
				panic(err) // two modules claim one name: a mistake of the program, seen by any test
			}
		}
	}
	b.App = &App{Prefix: w.Prefix, Signature: w.Signature, Temp: w.Temp, Files: w.Files, Vars: b.Vars}
	b.App.Hostname = strings.ToLower(tree.Facts().Hostname)
	return b
}

// Env returns the build that a directive is read for.
func Env(call *conf.Call) *Builder { return call.Env.(*Builder) }

// ErrorAt makes an error at argument arg of a directive, or at its name (-1).
func ErrorAt(n *conf.Node, arg int, format string, a ...any) error {
	return &conf.Error{Node: n, Arg: arg, Text: fmt.Sprintf(format, a...)}
}

// Shared returns the one value of this build under key, made at first use. Packages below http reach
// it through an interface of their own.
func (b *Builder) Shared(key any, make func() any) any {
	v, ok := b.shared[key]
	if !ok {
		v = make()
		b.shared[key] = v
	}
	return v
}

// Of returns the one T of a build: the registry of a module (log formats, zones).
func Of[T any](b *Builder) *T {
	return b.Shared((*T)(nil), func() any { return new(T) }).(*T)
}

// AtEnd has f run when all locations are built: for what may be named before it is defined.
func (b *Builder) AtEnd(f func() error) { b.atEnd = append(b.atEnd, f) }

// Release has f run when the cycle is not used any more: what its log files and sockets are closed by.
func (b *Builder) Release(f func()) { b.releases = append(b.releases, f) }

// Close runs what Release was given. It may be called when no request of the cycle is left.
func (b *Builder) Close() { b.Releases()() }

// Releases is Close as a function that does not hold on to the builder.
func (b *Builder) Releases() func() {
	all := b.releases
	b.releases = nil
	return func() {
		for _, f := range all {
			f()
		}
	}
}

// NeedRawSockets says that whoever serves the configuration must keep the right to addresses that are not the machine's.
func (b *Builder) NeedRawSockets() { b.raw = true }

// RawSockets reports whether a directive needs that right.
func (b *Builder) RawSockets() bool { return b.raw }

func (b *Builder) addTempPath(p *TempPath) { b.tempPaths = append(b.tempPaths, p) }

// TempPaths returns the folders of temporary files that this configuration uses.
func (b *Builder) TempPaths() []*TempPath { return b.tempPaths }

// Build makes the App of an http block. Errors go to the diagnostics.
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
	for _, f := range b.atEnd {
		if err := f(); err != nil {
			b.Diags.Err(err)
		}
	}
	for _, err := range b.Vars.Finish() {
		b.Diags.Err(err)
	}
	b.App.slots = b.Vars.Slots()
	return b.App
}

// Forget drops what was needed to build only: while the App serves, the configuration's tree should not
// take up memory.
func (b *Builder) Forget() {
	b.Tree, b.Diags, b.Scopes, b.Logger, b.Modules = nil, nil, nil, nil, nil
	b.Upstreams().Forget()
	b.shared, b.atEnd, b.idle, b.installs, b.core = nil, nil, nil, nil, conf.View{}
	b.Vars.Forget()
	for _, s := range b.App.Servers {
		s.Core.forget()
	}
}

func (b *Builder) buildServer(block *conf.Block) *Server {
	s := b.servers.one()
	s.Core = conf.Settings[ServerCore](b.Scopes, ServerModule.Conf, block)
	if len(s.Core.Names) > 0 {
		s.Name = s.Core.Names[0].Text
		if s.Core.Names[0].Pattern != nil {
			s.Name = "~" + s.Name
		} else {
			s.Name = strings.TrimPrefix(s.Name, ".")
		}
	}
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
	if loc.Core.Types == nil {
		loc.Core.Types = Of[sharedTypes](b).get()
	}
	loc.ErrorLog = b.Logger(b.Scopes, block)
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

// CaptureSlots gives the named groups of a pattern their variables: one slot a group, -1 for unnamed
// ones.
func (b *Builder) CaptureSlots(p *vars.Pattern) ([]int, error) {
	names := p.Names()
	if !slices.ContainsFunc(names, func(name string) bool { return name != "" }) {
		return nil, nil
	}
	slots := make([]int, len(names))
	for i, name := range names {
		slots[i] = -1
		if i == 0 || name == "" {
			continue
		}
		slot, err := b.Vars.Define(name)
		if err != nil {
			return nil, err
		}
		slots[i] = slot
	}
	return slots, nil
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

// CompileText compiles a word of a directive as text with variables.
func CompileText(call *conf.Call, arg int, s string) (*Text, error) {
	t, err := Env(call).Vars.Compile(s)
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
