package build

import (
	"weir/http"
	"weir/http/core"
)

// equipment is what the modules have installed in the location being built. It is used again for the
// next one: what a location keeps of it is cut to size.
type equipment struct {
	install http.Install
	joined  []http.Step // the phases that become one
}

// equip takes equipment for a location; give returns it. They nest, since an if is built in the
// middle of the location around it.
func (b *Builder) equip(loc *http.Location) *equipment {
	var e *equipment
	if n := len(b.idle); n > 0 {
		e, b.idle = b.idle[n-1], b.idle[:n-1]
	} else {
		e = &equipment{}
	}
	e.install.Builder, e.install.Loc = b.Builder, loc
	return e
}

func (b *Builder) give(e *equipment) {
	in := &e.install
	for p := range in.Steps {
		in.Steps[p] = in.Steps[p][:0]
	}
	*in = http.Install{Steps: in.Steps, Heads: in.Heads[:0], Logs: in.Logs[:0]}
	e.joined = e.joined[:0]
	b.idle = append(b.idle, e)
}

// finish gives the location what was installed. The phases between rewrite and content become one list;
// the access phase is one step of it, which combines the verdicts of its modules.
func (e *equipment) finish(b *Builder, l *http.Location) {
	in, s := &e.install, &b.slabs
	l.PostRead = s.steps.keep(in.Steps[http.PostRead])
	l.ServerRewrite = s.steps.keep(in.Steps[http.ServerRewrite])
	l.Rewrite = s.steps.keep(in.Steps[http.Rewrite])
	l.Content = s.steps.keep(in.Steps[http.Content])
	steps := append(e.joined, in.Steps[http.PreAccess]...)
	if access := core.AccessPhase(s.steps.keep(in.Steps[http.Access]), l.Core.SatisfyAny); access != nil {
		steps = append(steps, access)
	}
	e.joined = append(steps, in.Steps[http.PreContent]...)
	l.Steps = s.steps.keep(e.joined)
	l.Heads = s.heads.keep(in.Heads)
	l.Logs = s.logs.keep(in.Logs)
}

// A slab is memory for many short lists that live as long as the configuration.
type slab[T any] []T

// keep returns a copy of the list, nil when it is empty.
func (s *slab[T]) keep(list []T) []T {
	if len(list) == 0 {
		return nil
	}
	if cap(*s)-len(*s) < len(list) {
		*s = make([]T, 0, max(256, len(list)))
	}
	from := len(*s)
	*s = append(*s, list...)
	return (*s)[from:len(*s):len(*s)]
}

// one returns a place for one T, zero.
func (s *slab[T]) one() *T {
	if len(*s) == cap(*s) {
		*s = make([]T, 0, 64)
	}
	*s = (*s)[:len(*s)+1]
	return &(*s)[len(*s)-1]
}
