package upstream

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"weir/disk"
	"weir/loop"
)

// The servers of a group that has a zone may be changed while it is used. Where the group has a state file, that is written first.

// What may be wrong with a change.
var (
	ErrNoServer    = errors.New("no such server")
	ErrBound       = errors.New("the server was found by its name")
	ErrWeightBound = errors.New("the weight was found by the name of the server")
	ErrNoResolver  = errors.New("no resolver defined to resolve")
	ErrNoBackup    = errors.New("the balancing method has no backups")
	ErrNoSlow      = errors.New("balancing method does not support parameter \"slow_start\"")
	errGone        = errors.New("the configuration has been replaced")
)

// A StateError is a state file that could not be written.
type StateError struct {
	Path string
	Err  error
}

func (e *StateError) Error() string {
	return "\"" + e.Path + "\" could not be written: " + e.Err.Error()
}

// Unwrap is Err.
func (e *StateError) Unwrap() error { return e.Err }

// Listed is one server of a group, as those see it who may change it.
type Listed struct {
	ID     int
	Server string // its address or name
	Parent int    // the number of the name that has led to it; -1: none has
	Host   string // that name
	ServerSpec
}

// Servers lists the servers of the group. Any goroutine.
func (g *Group) Servers() []Listed {
	g = g.live()
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.listed()
}

func (g *Group) listed() []Listed {
	var all []Listed
	for _, m := range g.members {
		l := Listed{ID: m.id, Server: m.address(), Parent: -1, ServerSpec: *m.server}
		if m.named {
			l.Server = m.server.Text
		}
		if m.parent != nil {
			l.Parent, l.Host = m.parent.id, m.server.Text
			l.Backup = l.Backup || m.Backup
			if m.Weight > 0 && l.Weight == 1 {
				l.ServerSpec.Weight = m.Found.Weight
			}
		}
		all = append(all, l)
	}
	return all
}

// address is that of a member that has one.
func (m *member) address() string { return addressName(m.Addr) }

// live is the group that has taken the place of this one, after reloads.
func (g *Group) live() *Group {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.lineage.live
}

// NewServer is a server as its directive would make it of an address and a service; the rest has the values of a directive that does
// not say them. A name is one that is looked up while serving. The error is of ParseTarget.
func NewServer(text, service string) (ServerSpec, error) {
	s := ServerSpec{Text: text, Weight: 1, MaxFails: 1, FailTimeout: defaultFailTimeout}
	t, _, err := ParseTarget(text, 80, false)
	switch {
	case err != nil:
		return s, err
	case t.Unix || t.IP.IsValid():
		s.Addrs = []loop.Addr{t.address(t.IP)}
	default:
		s.Follow = &Follow{Host: t.Host, Service: service, Port: t.Port}
	}
	return s, nil
}

// AddServer adds a server, as NewServer makes it. It may wait for a disk: not on a loop.
func (g *Group) AddServer(s ServerSpec) (l Listed, err error) {
	switch {
	case s.Follow != nil && !g.resolves:
		return l, ErrNoResolver
	case s.Backup && !g.Spec.backups:
		return l, ErrNoBackup
	case s.SlowStart > 0 && !g.Spec.slow:
		return l, ErrNoSlow
	}
	err = g.edit(func(g *Group) (int, error) {
		m := &member{id: g.nextID, server: &s, named: s.Follow != nil}
		if !m.named {
			m.Addr = s.Addrs[0]
		}
		g.nextID++
		g.members = append(g.members, m)
		return m.id, nil
	}, &l)
	return l, err
}

// A Change is what becomes of a server; what is nil stays.
type Change struct {
	Addr                       *loop.Addr
	Text                       string // of Addr
	Weight, MaxConns, MaxFails *int
	FailTimeout, SlowStart     *time.Duration
	Route                      *string
	Down, Drain                *bool
}

func set[T any](to, value *T) {
	if value != nil {
		*to = *value
	}
}

// Of returns the server as it is after the change, but for its address.
func (c *Change) Of(s *ServerSpec) *ServerSpec {
	next := *s
	set(&next.Weight, c.Weight)
	set(&next.MaxConns, c.MaxConns)
	set(&next.MaxFails, c.MaxFails)
	set(&next.FailTimeout, c.FailTimeout)
	set(&next.SlowStart, c.SlowStart)
	set(&next.Route, c.Route)
	set(&next.Down, c.Down)
	set(&next.Drain, c.Drain)
	return &next
}

// ChangeServer changes a server. What is changed of a name is changed of all that it has led to. It may wait for a disk: not on a loop.
func (g *Group) ChangeServer(id int, c *Change) (l Listed, err error) {
	if c.SlowStart != nil && *c.SlowStart > 0 && !g.Spec.slow {
		return l, ErrNoSlow
	}
	err = g.edit(func(g *Group) (int, error) {
		m := g.member(id)
		switch {
		case m == nil:
			return 0, ErrNoServer
		case c.Addr != nil && (m.named || m.parent != nil) && (m.named || *c.Addr != m.Addr):
			return 0, ErrBound
		case c.Weight != nil && m.parent != nil && m.Found.Weight > 0 && *c.Weight != m.Found.Weight:
			return 0, ErrWeightBound
		}
		next := c.Of(m.server)
		if c.Addr != nil && m.parent == nil {
			m.Addr = *c.Addr
			next.Text, next.Addrs = c.Text, []loop.Addr{m.Addr}
		}
		for _, child := range g.members {
			if child.parent == m {
				child.server = c.Of(child.server)
			}
		}
		m.server = next
		return id, nil
	}, &l)
	return l, err
}

// RemoveServer removes a server, and all that a name has led to; it returns the others. Requests that are with them are finished. It may
// wait for a disk: not on a loop.
func (g *Group) RemoveServer(id int) (left []Listed, err error) {
	err = g.edit(func(g *Group) (int, error) {
		m := g.member(id)
		switch {
		case m == nil:
			return 0, ErrNoServer
		case m.parent != nil:
			return 0, ErrBound
		}
		g.members = slices.DeleteFunc(g.members, func(x *member) bool { return x == m || x.parent == m })
		return -1, nil
	}, nil)
	if err != nil {
		return nil, err
	}
	return g.Servers(), nil
}

// member finds a member. With g.mu held.
func (g *Group) member(id int) *member {
	for _, m := range g.members {
		if m.id == id {
			return m
		}
	}
	return nil
}

// edit changes the members of the live group by f, which returns the number of the one that it is about, to be shown in l. A reload may
// put another group in its place meanwhile: then that one is changed.
func (g *Group) edit(f func(*Group) (int, error), l *Listed) error {
	for {
		live := g.live()
		if err := live.editThis(f, l); err != errGone || g.live() == live {
			return err
		}
	}
}

// editThis does so with this group. f is called twice: first for what is to be written, with copies, then for the group itself, whose
// names may have led elsewhere meanwhile.
func (g *Group) editThis(f func(*Group) (int, error), l *Listed) error {
	g.lineage.editing.Lock()
	defer g.lineage.editing.Unlock()
	g.mu.Lock()
	draft := &Group{Spec: g.Spec, members: copies(g.members), nextID: g.nextID}
	g.mu.Unlock()
	if _, err := f(draft); err != nil {
		return err
	}
	if path := g.Spec.StateFile; path != "" {
		if err := disk.ReplaceBlocking(path, appendServers(nil, draft.members)); err != nil {
			return &StateError{path, err}
		}
	}
	g.mu.Lock()
	if g.gone {
		g.mu.Unlock()
		return errGone
	}
	next := &Group{Spec: g.Spec, members: slices.Clone(g.members), nextID: g.nextID}
	id, err := f(next)
	if err == nil {
		g.nextID, g.edited = next.nextID, true
		g.put(next.members)
		if g.names != nil {
			g.names.Signal().Fire()
		}
		if l != nil {
			all := g.listed()
			*l = all[slices.IndexFunc(all, func(x Listed) bool { return x.ID == id })]
		}
	}
	tell := g.changed
	g.mu.Unlock()
	if tell != nil {
		tell(true)
	}
	return err
}

// copies are members that may be changed while the group goes on.
func copies(all []*member) []*member {
	of := map[*member]*member{}
	next := make([]*member, len(all))
	for i, m := range all {
		c := *m
		next[i], of[m] = &c, &c
	}
	for _, m := range next {
		if m.parent != nil {
			m.parent = of[m.parent]
		}
	}
	return next
}

// appendServers appends the directives of the members, but for what names have led to.
func appendServers(b []byte, all []*member) []byte {
	for _, m := range all {
		if m.parent == nil {
			b = m.appendDirective(b)
		}
	}
	return b
}

// appendDirective appends the server directive that would make the member.
func (m *member) appendDirective(b []byte) []byte {
	s := m.server
	b = append(b, "server"...)
	word := func(name, value string) { b = append(append(b, ' '), quoteWord(name+value)...) }
	number := func(name string, n, usual int) {
		if n != usual {
			word(name, strconv.Itoa(n))
		}
	}
	flag := func(name string, on bool) {
		if on {
			word(name, "")
		}
	}
	word("", m.text())
	number("weight=", s.Weight, 1)
	number("max_conns=", s.MaxConns, 0)
	number("max_fails=", s.MaxFails, 1)
	if s.FailTimeout != defaultFailTimeout {
		word("fail_timeout=", TimeText(s.FailTimeout))
	}
	if s.SlowStart != 0 {
		word("slow_start=", TimeText(s.SlowStart))
	}
	if s.Route != "" {
		word("route=", s.Route)
	}
	flag("backup", s.Backup)
	flag("down", s.Down)
	flag("drain", s.Drain)
	if f := s.Follow; f != nil && !f.Once {
		word("resolve", "")
		if f.Service != "" {
			word("service=", f.Service)
		}
	}
	return append(b, ";\n"...)
}

// text is the address of the server in its directive: as it was written, unless that was a name that had several.
func (m *member) text() string {
	t, _, err := ParseTarget(m.server.Text, 80, false)
	if m.named || err == nil && (t.Unix || t.IP.IsValid()) {
		return m.server.Text
	}
	return m.address()
}

// TimeText writes a time as directives have it.
func TimeText(d time.Duration) string {
	if d%time.Second == 0 {
		return strconv.FormatInt(int64(d/time.Second), 10) + "s"
	}
	return strconv.FormatInt(d.Milliseconds(), 10) + "ms"
}

// quoteWord writes a word of a configuration so that it is read back as it is.
func quoteWord(s string) string {
	if !strings.ContainsAny(s, " \t\r\n;{}\"'\\$#") {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\t", `\t`, "\r", `\r`, "\n", `\n`).Replace(s) + `"`
}
