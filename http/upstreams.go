package http

import "weir/upstream"

// groups are the groups of servers of one build, once they are built.
type groups struct{ set *upstream.Set }

// Upstreams returns the groups of the configuration being read.
func (b *Builder) Upstreams() *upstream.Declared { return upstream.In(b.Env) }

// Groups returns the groups, built. It is for functions given to AtEnd, when everything was declared, and for the cycle, which lets
// them inherit the state of the groups before them.
func (b *Builder) Groups() *upstream.Set {
	g := Of[groups](b)
	if g.set == nil {
		g.set = b.Upstreams().Build(upstream.Options{Loops: b.Loops}, b.Diags)
	}
	return g.set
}
