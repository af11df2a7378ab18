package upstream

import (
	"math/rand/v2"
	"strings"
	"sync"

	"weir/conf"
	"weir/loop"
)

// Options are what groups need to know of the world.
type Options struct {
	Loops int             // loops that will share the groups; 0 counts as 1
	Draw  func(n int) int // chance, 0 <= result < n; nil: math/rand
}

// Set is the groups of one live configuration.
type Set struct {
	groups []*Group
	bySpec map[*Spec]*Group
	byName map[string][]*Group // in lower case; several implicit ones differ in port
}

// Build makes all groups that were declared or referred to. What is wrong goes
// to diags; those groups are left out.
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

// Group gives the group of a spec.
func (s *Set) Group(spec *Spec) *Group { return s.bySpec[spec] }

// Groups are all groups, in order of the configuration.
func (s *Set) Groups() []*Group { return s.groups }

// Find gives the group for a host that a request worked out (proxy_pass with
// variables), or nil: then the name has to be resolved. noPort says that the
// port was not written; a declared group fits only then. Any goroutine.
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

// Inherit hands the state of old's groups to the groups of the same names, and
// retires those that are gone. To be called when s takes the place of old.
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
		return "implicit " + addressName(g.primary.peers[0].Addr) + " " + name
	}
	return name
}

// Build makes the group of one spec.
func Build(spec *Spec, o Options) (*Group, error) {
	g := &Group{Name: spec.Name, Spec: spec, mu: new(sync.Mutex)}
	if !spec.Implicit && spec.Keepalive.Max > 0 {
		g.pool = newPool(spec.Keepalive, o.Loops)
	}
	for i := range spec.Servers {
		g.addServer(&spec.Servers[i])
	}
	if len(g.primary.peers) == 0 {
		return nil, &conf.Error{Node: spec.Node, Arg: -1, Text: "no servers in upstream " + quote(spec.Name)}
	}
	g.primary.single = len(g.primary.peers) == 1 && len(g.backup.peers) == 0
	g.method = newBalancer(g, o)
	return g, nil
}

// Fixed makes a group of addresses that a request found by itself: the peers of
// a name resolved while it waits. It lives as long as that request. Any
// goroutine.
func Fixed(name string, addrs []loop.Addr) *Group {
	g := &Group{Name: name, Spec: &Spec{Name: name, Implicit: true}, mu: new(sync.Mutex), method: roundRobin{}}
	g.addServer(&ServerSpec{Text: name, Addrs: addrs, Weight: 1, MaxFails: 1, FailTimeout: defaultFailTimeout})
	g.primary.single = len(addrs) == 1
	return g
}

func (g *Group) addServer(s *ServerSpec) {
	t := &g.primary
	if s.Backup {
		t = &g.backup
	}
	for _, addr := range s.Addrs {
		p := &Peer{
			Name: addressName(addr), Server: s.Text, Addr: addr,
			Weight: s.Weight, MaxFails: s.MaxFails, FailTimeout: s.FailTimeout, MaxConns: s.MaxConns,
			Down: s.Down || s.Drain, Backup: s.Backup,
			timeout: second(loop.Time(s.FailTimeout)),
			st:      newState(s.Weight),
		}
		if g.pool != nil {
			p.lane = g.pool.lane(addr)
		}
		t.add(p)
	}
}

func newBalancer(g *Group, o Options) balancer {
	switch g.Spec.Method {
	case MethodLeastConn:
		return leastConn{}
	case MethodIPHash:
		return ipHash{}
	case MethodHash:
		return hashed{}
	case MethodConsistent:
		return newKetama(&g.primary)
	case MethodRandom:
		draw := o.Draw
		if draw == nil {
			draw = rand.IntN
		}
		return &random{two: g.Spec.Two, draw: draw}
	case MethodLeastTime:
		return &leastTime{lastByte: g.Spec.LastByte, inflight: g.Spec.Inflight}
	}
	return roundRobin{}
}
