package cycle

import (
	"weir/conf"
	"weir/http"
	"weir/http/build"
	"weir/listen"
	"weir/load"
	"weir/loop"
	"weir/upstream"
)

// A front is what one of the blocks that serve (http) makes of a configuration: addresses, and who answers there. A cycle has one for
// each such block; nothing around them asks which there are.
type front interface {
	// block is the name of the block.
	block() string
	// check adds errors for names that nothing defines, when every directive was read.
	check()
	// build builds the block, when every directive is right. Errors go to the diagnostics.
	build(c *Cycle, block *conf.Block)
	// finish is called when all fronts are built and everything was found that is named before it is defined.
	finish()
	// listens are the addresses that it answers on.
	listens() []listen.Spec
	// answer makes the front the one that answers on a socket of its i-th address.
	answer(i int, s *socket)
	// accept returns what takes connections from a socket that the front answers on.
	accept(rt *Runtime, s *socket) func(*loop.Conn)
	// remember has f called when there is something new in the snapshot, which must be kept before f returns if that is now.
	remember(f func(now bool))
	// appendSnapshot appends what another process is to know when this one dies: what checks think of peers.
	appendSnapshot(dst []byte) []byte
	// restore takes in such a snapshot.
	restore(snapshot []byte)
	// inherit takes over the state of a front of the cycle before, if it is of the same block: the health, counters and
	// kept connections of peers.
	inherit(old front)
}

// newFronts begins the fronts of the blocks that a configuration has.
func newFronts(env *load.Env, p *Process) (fronts []front) {
	builder := build.New(env, httpModules(), p.Temp) // also without its block: a directive asks it for variables
	builder.App.Counters, builder.App.Backgrounds, builder.App.Past = p.Counters, p.Backgrounds, p.Past
	if n := env.Tree.Main.First("http"); n != nil && n.Block != nil {
		fronts = append(fronts, &httpFront{builder: builder})
	}
	return fronts
}

// httpFront is the http block.
type httpFront struct {
	builder *build.Builder // nil once it is built
	app     *http.App
	at      []build.Listening
	groups  *upstream.Set
}

func (f *httpFront) block() string { return "http" }

func (f *httpFront) check() { f.builder.CheckNames() }

func (f *httpFront) build(c *Cycle, block *conf.Block) {
	f.builder.App.Debug = &c.Events.DebugConnection
	f.app = f.builder.Build(block)
	f.at = f.builder.Listens
}

func (f *httpFront) finish() {
	f.builder.End()
	f.groups = f.builder.Groups()
	f.builder.Forget()
	f.builder = nil
}

func (f *httpFront) listens() []listen.Spec {
	specs := make([]listen.Spec, len(f.at))
	for i, l := range f.at {
		specs[i] = l.Spec
	}
	return specs
}

func (f *httpFront) answer(i int, s *socket) {
	if s.http == nil {
		s.http = &http.Socket{Text: s.spec.String(), Unix: s.spec.Addr.Unix != ""}
	}
	s.http.SetPort(f.at[i].Port)
}

func (f *httpFront) accept(rt *Runtime, s *socket) func(*loop.Conn) { return rt.front.Accept(s.http) }

func (f *httpFront) remember(changed func(now bool)) { f.groups.OnChange(changed) }

func (f *httpFront) appendSnapshot(dst []byte) []byte { return f.groups.AppendSnapshot(dst) }

func (f *httpFront) restore(snapshot []byte) { f.groups.Restore(snapshot) }

func (f *httpFront) inherit(old front) {
	if old, ok := old.(*httpFront); ok {
		f.groups.Inherit(old.groups)
	}
}

var _ front = (*httpFront)(nil)

// Healthy reports whether active checks find a peer of a group well, by its address, as far as they know; one that there is not is well. For
// pages that show it. Any goroutine.
func (c *Cycle) Healthy(group, addr string) bool {
	for _, f := range c.fronts {
		f, ok := f.(*httpFront)
		if !ok {
			continue
		}
		for _, g := range f.groups.Groups() {
			if g.Name != group {
				continue
			}
			for _, p := range g.Status(nil, 0) {
				if p.Name == addr && p.Health != upstream.Healthy {
					return false
				}
			}
		}
	}
	return true
}
