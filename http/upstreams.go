package http

import "weir/upstream"

// upstreams are the groups of servers of one build.
type upstreams struct {
	declared *upstream.Declared
	set      *upstream.Set
	options  upstream.Options
}

// Upstreams gives the groups of the configuration being read (upstream.Env).
func (b *Builder) Upstreams() *upstream.Declared {
	u := Of[upstreams](b)
	if u.declared == nil {
		u.declared = upstream.NewDeclared(b.Tree.Lookup)
	}
	return u.declared
}

// SetUpstreamOptions says how groups are built; it must come before Build.
func (b *Builder) SetUpstreamOptions(o upstream.Options) { Of[upstreams](b).options = o }

// Groups gives the groups, built. It is for functions given to AtEnd, when everything was declared,
// and for the cycle, which lets them inherit the state of the groups before them.
func (b *Builder) Groups() *upstream.Set {
	u := Of[upstreams](b)
	if u.set == nil {
		u.set = b.Upstreams().Build(u.options, b.Diags)
	}
	return u.set
}
