package http

// equipment is what the modules have installed in the location being built. It is used again for the
// next one: what a location keeps of it is cut to size.
type equipment struct {
	install Install
	steps   [phases][]Step
	joined  []Step // the phases that become one
	heads   []HeadFilter
	logs    []func(*Request)
}

// equip takes equipment for a location; give returns it. They nest, since an if is built in the
// middle of the location around it.
func (b *Builder) equip(loc *Location) *equipment {
	var e *equipment
	if n := len(b.idle); n > 0 {
		e, b.idle = b.idle[n-1], b.idle[:n-1]
	} else {
		e = &equipment{}
	}
	e.install = Install{Builder: b, Loc: loc, equipment: e}
	return e
}

func (b *Builder) give(e *equipment) {
	for p := range e.steps {
		e.steps[p] = e.steps[p][:0]
	}
	e.joined, e.heads, e.logs = e.joined[:0], e.heads[:0], e.logs[:0]
	b.idle = append(b.idle, e)
}

// finish gives the location what was installed. The phases between rewrite and content become one list;
// the access phase is one step of it, which combines the verdicts of its modules.
func (e *equipment) finish(b *Builder, l *Location) {
	l.postRead = b.steps.keep(e.steps[PostRead])
	l.serverRewrite = b.steps.keep(e.steps[ServerRewrite])
	l.rewrite = b.steps.keep(e.steps[Rewrite])
	l.content = b.steps.keep(e.steps[Content])
	steps := append(e.joined, e.steps[PreAccess]...)
	if s := accessPhase(b.steps.keep(e.steps[Access]), l.Core.Satisfy); s != nil {
		steps = append(steps, s)
	}
	e.joined = append(steps, e.steps[PreContent]...)
	l.steps = b.steps.keep(e.joined)
	l.heads = b.heads.keep(e.heads)
	l.logs = b.logs.keep(e.logs)
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
