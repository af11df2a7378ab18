package upstream

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"weir/conf"
	"weir/load"
	"weir/logs"
	"weir/loop"
)

// Options are what groups need to know of the world.
type Options struct {
	Loops int             // loops that will share the groups; 0 counts as 1
	Draw  func(n int) int // chance, 0 <= result < n; nil: math/rand

	// What groups need that look names up while serving.
	Resolver func(*conf.Block) *ResolverConf      // what holds in a block; nil: nothing
	Run      func(name string, f func(*load.Job)) // load.Env.Run
	Log      *logs.Logger                         // of the main block
}

func (o *Options) resolver(b *conf.Block) ResolverConf {
	if o.Resolver == nil || b == nil {
		return ResolverConf{}
	}
	return *o.Resolver(b)
}

// Set is the groups of one live configuration.
type Set struct {
	groups []*Group
	bySpec map[*Spec]*Group
	byName map[string][]*Group // in lower case; several implicit ones differ in port
}

// Build makes all groups that were declared or referred to. What is wrong goes to diags; those groups are left out.
func (d *Declared) Build(o Options, diags *conf.Diagnostics) *Set {
	s := &Set{bySpec: map[*Spec]*Group{}, byName: map[string][]*Group{}}
	for _, spec := range d.specs {
		g, err := Build(spec, o)
		if err != nil {
			diags.Err(err)
			continue
		}
		s.groups = append(s.groups, g)
		s.bySpec[spec] = g
		name := strings.ToLower(g.Name)
		s.byName[name] = append(s.byName[name], g)
	}
	return s
}

// Group returns the group of a spec.
func (s *Set) Group(spec *Spec) *Group { return s.bySpec[spec] }

// Groups are all groups, in order of the configuration.
func (s *Set) Groups() []*Group { return s.groups }

// Find returns the group for a host that a request worked out (proxy_pass with variables), or nil: then the name has to be resolved. noPort says that
// the port was not written; a declared group fits only then. Any goroutine.
func (s *Set) Find(host []byte, port uint16, noPort bool) *Group {
	var lower [256]byte
	for _, g := range s.byName[string(appendLower(lower[:0], host))] {
		if p := g.Spec.Port; p == port || p == 0 && noPort {
			return g
		}
	}
	return nil
}

func appendLower(dst, s []byte) []byte {
	for _, b := range s {
		if b >= 'A' && b <= 'Z' {
			b += 'a' - 'A'
		}
		dst = append(dst, b)
	}
	return dst
}

// Inherit hands the state of old's groups to the groups of the same names, and retires those that are gone. To be called when s takes the place of
// old.
func (s *Set) Inherit(old *Set) {
	if old == nil {
		return
	}
	left := map[string]*Group{}
	for _, g := range old.groups {
		left[g.id()] = g
	}
	for _, g := range s.groups {
		if from := left[g.id()]; from != nil {
			g.Inherit(from)
			delete(left, g.id())
		}
	}
	for _, g := range left {
		g.Retire()
	}
}

// id is what makes two groups the same over a reload.
func (g *Group) id() string {
	name := strings.ToLower(g.Name)
	if g.Spec.Implicit {
		return fmt.Sprintf("implicit %s:%d", name, g.Spec.Port)
	}
	return name
}

// Build makes the group of one spec.
func Build(spec *Spec, o Options) (*Group, error) {
	g := &Group{Name: spec.Name, Spec: spec, mu: new(sync.Mutex), lineage: new(lineage), queue: &queue{}, draw: o.Draw}
	if g.draw == nil {
		g.draw = rand.IntN
	}
	if !spec.Implicit && spec.Keepalive.Max > 0 {
		g.pool = newPool(spec.Keepalive, o.Loops)
	}
	if spec.StateFile == "" && !slices.ContainsFunc(spec.Servers, func(s ServerSpec) bool { return !s.Backup }) {
		return nil, &conf.Error{Node: spec.Node, Arg: -1, Text: "no servers in upstream " + quote(spec.Name)}
	}
	g.begin()
	if err := g.follow(&o); err != nil {
		return nil, err
	}
	return g, nil
}

// begin makes the peers of the servers that are known. Before the group is used.
func (g *Group) begin() {
	g.lineage.live = g
	g.members = g.Spec.members()
	g.nextID = len(g.members)
	g.peers.Store(g.newPeerSet(nil, false))
}

// Only makes a group of one peer of g, at another port if port is not 0: for who asks that peer and no other. Connections are kept as k says, not at
// all if their life is 0. Any goroutine.
func (g *Group) Only(p *Peer, port uint16, k Keepalive) *Group {
	addr := p.Addr
	if port != 0 && addr.Unix == "" {
		addr.Net = netip.AddrPortFrom(addr.Net.Addr(), port)
	}
	spec := &Spec{Name: g.Name, Implicit: true, Servers: []ServerSpec{{Text: p.Server, Addrs: []loop.Addr{addr}, Weight: 1}}}
	only := &Group{Name: g.Name, Spec: spec, mu: new(sync.Mutex), lineage: new(lineage), queue: &queue{}}
	if k.Life > 0 {
		only.pool = newPool(k, 1)
	}
	only.begin()
	return only
}

// Fixed makes a group of addresses that a request found by itself: the peers of a name resolved while it waits. It lives as long as that request. Any
// goroutine.
func Fixed(name string, addrs []loop.Addr) *Group {
	spec := &Spec{Name: name, Implicit: true, Servers: []ServerSpec{
		{Text: name, Addrs: addrs, Weight: 1, MaxFails: 1, FailTimeout: defaultFailTimeout},
	}}
	g := &Group{Name: name, Spec: spec, mu: new(sync.Mutex), lineage: new(lineage), queue: &queue{}}
	g.begin()
	return g
}
