// Package build makes the servers and locations of an http block, at load. What serves knows nothing of it.
package build

import (
	"strings"

	"weir/conf"
	"weir/disk"
	"weir/http"
	"weir/http/core"
	"weir/http/route"
	"weir/listen"
	"weir/load"
)

// A Listening is an address to be listened on, and what answers there.
type Listening struct {
	Spec listen.Spec
	Port *http.Port
}

// Builder makes an http.App of a configuration that was checked against the table.
type Builder struct {
	*http.Builder
	Listens []Listening // once it is built

	modules  []*http.Module
	confs    map[*http.Server]*core.ServerConf // what the configuration says of addresses and names
	inside   *route.Locations[*http.Location]  // what will hold the locations inside the one being built
	installs []installing

	// Where what lives as long as the App is allocated.
	slabs struct {
		servers   slab[http.Server]
		locations slab[http.Location]
		steps     slab[http.Step]
		heads     slab[http.HeadFilter]
		logs      slab[func(*http.Request)]
	}
	idle []*equipment
}

// installing is a module that adds to locations.
type installing struct {
	*http.Module
	view conf.View
}

// New prepares the build of an http block in a load; its Vars already know the variables of every module.
func New(env *load.Env, modules []*http.Module, temp *disk.TempNumbers) *Builder {
	b := &Builder{Builder: http.NewBuilder(env, temp), modules: modules, confs: map[*http.Server]*core.ServerConf{}}
	b.Nameless = b.nameless
	for _, m := range modules {
		for _, v := range m.Vars {
			if err := b.Vars.Add(v); err != nil {
				panic(err) // two modules claim one name: a mistake of the program, seen by any test
			}
		}
	}
	return b
}

// Build makes the App of an http block, and its Listens. Errors go to the diagnostics. What may name things that are defined later is
// left to Env.Finish; End comes after it.
func (b *Builder) Build(block *conf.Block) *http.App {
	for _, m := range b.modules {
		if m.Install != nil {
			b.installs = append(b.installs, installing{m, b.Scopes.View(m.Conf)})
		}
	}
	for _, node := range block.All("server") {
		b.buildServer(node.Block)
	}
	b.buildPorts()
	return b.App
}

// End completes the App when Env.Finish has run.
func (b *Builder) End() {
	b.CheckNames()
	b.App.Slots = b.Vars.Slots()
}

// Forget drops what was needed to build only: while the App serves, the configuration's tree should not
// take up memory.
func (b *Builder) Forget() {
	b.Upstreams().Forget()
	b.Vars.Forget()
	for s, c := range b.confs {
		c.Forget()
		s.Block = nil
	}
	b.modules, b.confs, b.idle, b.installs = nil, nil, nil, nil
}

func (b *Builder) buildServer(block *conf.Block) {
	s := b.slabs.servers.one()
	c := conf.Settings[core.ServerConf](b.Scopes, core.ServerModule.Conf, block)
	b.confs[s] = c
	b.App.Servers = append(b.App.Servers, s)
	s.Core = &c.ServerConf
	for _, n := range c.Names {
		s.Names = append(s.Names, n.ServerName)
	}
	if len(c.Names) > 0 {
		s.Name = c.Names[0].Text
		if c.Names[0].Pattern != nil {
			s.Name = "~" + s.Name
		} else {
			s.Name = strings.TrimPrefix(s.Name, ".")
		}
	}
	s.Block = block
	s.Root = b.slabs.locations.one()
	s.Root.Server = s
	b.buildLocation(s.Root, block)
	tree := route.NewLocations[*http.Location]()
	b.addLocations(s, block, tree)
	tree.Finish()
	s.Locations = tree
}

// buildLocation runs every module's Install for a location.
func (b *Builder) buildLocation(loc *http.Location, block *conf.Block) {
	loc.Log(b.ErrorLog(block))
	e := b.equip(loc)
	in := &e.install
	in.Block = block
	for i := range b.installs {
		m := &b.installs[i]
		in.Module = m.Module
		if err := m.Install(m.view.Any(block), in); err != nil {
			b.Diags.Err(err)
		}
	}
	e.finish(b, loc)
	if in.Slash && b.inside != nil && !loc.Nameless {
		b.inside.AutoRedirect()
	}
	b.give(e)
}

// nameless is Nameless of http.Builder.
func (b *Builder) nameless(around *http.Location, block *conf.Block) *http.Location {
	loc := b.slabs.locations.one()
	*loc = http.Location{Name: around.Name, Server: around.Server, Pattern: around.Pattern, Named: around.Named, Nameless: true}
	b.buildLocation(loc, block)
	return loc
}
