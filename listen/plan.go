// Package listen has what stands at the door: the addresses of listen directives, and the sockets
// that are opened on them.
//
// A listen directive becomes one Spec for each address and port it means. A Plan gathers the Specs
// of all servers, finds what contradicts itself, and says which sockets are needed. An Opener opens
// them; Diff says what a reload has to do.
package listen

import (
	"fmt"

	"weir/loop"
)

// A Plan gathers what the servers of one configuration listen on. S stands for a server.
type Plan[S comparable] struct {
	entries []*Entry[S]
	byAddr  map[loop.Addr]*Entry[S]
}

// An Entry is one address and the servers that answer there.
type Entry[S comparable] struct {
	// Spec is the address with the socket parameters of the listen that has any.
	Spec    Spec
	Servers []S // in the order of the configuration
	// Default answers requests whose name none of Servers has: the default_server, or the first.
	Default S

	explicit bool // Default was asked for
	agreed   protocols
	said     bool // agreed was compared with a further listen
	changed  bool // a further listen had other protocols
}

// Add adds one listen of a server; all those of a server come one after the other. The error is nginx's sentence, and so is the
// warning, "" if there is none.
func (p *Plan[S]) Add(s Spec, server S) (warning string, err error) {
	e := p.byAddr[s.Addr]
	if e == nil {
		if p.byAddr == nil {
			p.byAddr = make(map[loop.Addr]*Entry[S])
		}
		e = &Entry[S]{Spec: s, Default: server}
		e.explicit = s.Default
		e.Servers = append(e.Servers, server)
		p.byAddr[s.Addr] = e
		p.entries = append(p.entries, e)
		return "", nil
	}
	if e.Servers[len(e.Servers)-1] == server {
		return "", fmt.Errorf("a duplicate listen %s", s)
	}
	before, firstSet := e.Spec.protocols(), e.Spec.Set
	if s.Set {
		if e.Spec.Set {
			return "", fmt.Errorf("duplicate listen options for %s", s)
		}
		e.Spec = s
	}
	if s.Default {
		if e.explicit {
			return "", fmt.Errorf("a duplicate default server for %s", s)
		}
		e.explicit, e.Default = true, server
	}
	if e.redefines(before, s, firstSet) {
		warning = fmt.Sprintf("protocol options redefined for %s", s)
	}
	e.Spec.setProtocols(before | s.protocols())
	e.Servers = append(e.Servers, server)
	return warning, nil
}

// redefines reports whether a further listen of the address has other protocols in a way that nginx warns of: they count for all
// servers of the address, whoever names them.
func (e *Entry[S]) redefines(before protocols, s Spec, firstSet bool) (warn bool) {
	now := s.protocols()
	switch {
	case now&^before != 0: // some are added
		warn = firstSet && !s.Set || e.changed || before&^now != 0
		e.agreed, e.changed = before, true
	case before&^now != 0: // some are left out
		warn = s.Set || e.said && now != e.agreed
		e.agreed, e.changed = now, true
	default:
		warn = s.Set && e.changed || e.said && now != e.agreed
		e.agreed = now
	}
	e.said = true
	return warn
}

// A Socket is a socket to be opened, and the addresses that it answers for.
type Socket[S comparable] struct {
	Spec Spec
	// Entry is the address of the socket itself.
	Entry *Entry[S]
	// Inside are further addresses that the socket of all addresses covers: 127.0.0.1:80 beside
	// *:80, without parameters of its own. Which one a connection came to, its local address tells.
	Inside []*Entry[S]
}

// Sockets are the sockets that are needed, in the order of the configuration.
func (p *Plan[S]) Sockets() []*Socket[S] {
	wild := make(map[family]*Socket[S])
	for _, e := range p.entries {
		if e.Spec.Wildcard() {
			wild[e.Spec.family()] = &Socket[S]{Spec: e.Spec, Entry: e}
		}
	}
	var sockets []*Socket[S]
	for _, e := range p.entries {
		var w *Socket[S]
		if !e.Spec.isUnix() {
			w = wild[e.Spec.family()]
		}
		switch {
		case w == nil || e.Spec.Bind && w.Entry != e:
			sockets = append(sockets, &Socket[S]{Spec: e.Spec, Entry: e})
		case w.Entry == e:
			sockets = append(sockets, w)
		default:
			w.Inside = append(w.Inside, e)
		}
	}
	return sockets
}
