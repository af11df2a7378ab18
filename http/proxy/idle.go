package proxy

import (
	"weir/http"
	"weir/loop"
)

// modules are what the locations of each module share in a build, by the prefix of the module's directives.
type modules struct{ byPrefix map[string]*shared }

func (m *modules) of(prefix string) *shared {
	if m.byPrefix == nil {
		m.byPrefix = map[string]*shared{}
	}
	s := m.byPrefix[prefix]
	if s == nil {
		s = &shared{}
		m.byPrefix[prefix] = s
	}
	return s
}

// shared is what all locations of one module have in common: idle exchanges of each loop, with their protocols.
type shared struct {
	hidden *nameSet // where nothing else is said
	byLoop [maxLoops]*idle
}

// maxLoops is how many loops have idle exchanges; those of others are left to the collector.
const maxLoops = 512

// idle are the idle exchanges of one loop.
type idle struct{ free loop.Spares[*exchange] }

const (
	// maxIdle is how many idle exchanges a loop keeps.
	maxIdle = 256
	// exchangeSize is what one takes, with what it keeps, as a rule.
	exchangeSize = 4 << 10
)

func (s *shared) of(l *loop.Loop) *idle {
	id := l.ID()
	if id >= maxLoops {
		return nil
	}
	if s.byLoop[id] == nil {
		s.byLoop[id] = &idle{loop.Spares[*exchange]{Most: maxIdle, Size: exchangeSize}}
	}
	return s.byLoop[id]
}

// hiddenBy are the fields that clients do not get to see: usual ones, unless the settings say otherwise.
func (s *shared) hiddenBy(c *upstreamConf, usual []string) nameSet {
	if len(c.Hide)+len(c.Pass) > 0 {
		return hiddenNames(usual, c.Hide, c.Pass)
	}
	if s.hidden == nil {
		hidden := hiddenNames(usual, nil, nil)
		s.hidden = &hidden
	}
	return *s.hidden
}

// take gives an exchange to a request, for as long as it lasts.
func (h *handler) take(r *http.Request) *exchange {
	var x *exchange
	if p := h.shared.of(r.Loop()); p != nil {
		x, _ = p.free.Take()
	}
	if x == nil {
		x = &exchange{}
	}
	x.h, x.conf = h, h.conf
	x.proto = h.pass.protocol(x.proto)
	x.buffering = h.conf.Buffering
	x.begin(r)
	r.OnEnd(x)
	return x
}

// give takes an exchange back. Its slices and its protocol are kept, so that the next one allocates nothing.
func (h *handler) give(x *exchange) {
	const largestHead = 16 << 10
	l := x.r.Loop()
	p := h.shared.of(l)
	if p == nil {
		return
	}
	clear(x.tries)
	clear(x.pieces)
	clear(x.fields)
	clear(x.trailers)
	proto, tries, pieces, fields, trailers := x.proto, x.tries[:0], x.pieces[:0], x.fields[:0], x.trailers[:0]
	head, attempt, idle := x.head[:0], x.attempt, x.idleCache
	if cap(head) > largestHead {
		head = nil
	}
	proto.forget()
	*x = exchange{}
	x.proto, x.tries, x.pieces, x.fields, x.trailers, x.head, x.attempt = proto, tries, pieces, fields, trailers, head, attempt
	x.idleCache = idle
	p.free.Give(l, x)
}
