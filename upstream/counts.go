package upstream

import (
	"slices"
	"time"

	"weir/loop"
)

// counts is what has been counted of a peer, for those who look at the server. It is part of its state: a reload keeps it. Guarded by
// the group's mutex, which whoever counts has for other reasons.
type counts struct {
	picks    uint64
	failures uint64
	unavail  uint64    // times that it was put aside
	selected loop.Time // when it was chosen last; 0: never

	codes    []codeCount // responses by status, the first seen first
	sent     int64       // bytes
	received int64
	times    Times

	checks       uint64
	checksFailed uint64
	unhealthy    uint64 // times that a check has found it unhealthy
	lastPassed   bool

	since loop.Time     // from when on it cannot be used; 0: it can
	lost  time.Duration // before that
}

// A codeCount is how many responses had one status.
type codeCount struct {
	code int
	n    uint64
}

// TimeBounds are the upper bounds of the classes of response times, in milliseconds; a last class has the rest.
var TimeBounds = [14]int64{5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000}

// Times is how long responses took, by classes.
type Times struct {
	Count, Sum uint64 // Sum: milliseconds
	Classes    [len(TimeBounds) + 1]uint64
}

func (t *Times) add(d time.Duration) {
	ms := int64(d / time.Millisecond)
	at := 0
	for at < len(TimeBounds) && ms > TimeBounds[at] {
		at++
	}
	t.Count++
	t.Sum += uint64(ms)
	t.Classes[at]++
}

// took takes in what came of one exchange.
func (c *counts) took(t *Timing) {
	c.sent += t.Sent
	c.received += t.Received
	if t.Header < 0 || t.Status < 100 {
		return
	}
	c.times.add(t.Last)
	for i := range c.codes {
		if c.codes[i].code == t.Status {
			c.codes[i].n++
			return
		}
	}
	c.codes = append(c.codes, codeCount{t.Status, 1})
}

// unusable reports whether the peer has failed too often or has a check against it. That its time aside is over makes no difference: it
// has yet to answer.
func (p *Peer) unusable() bool {
	return p.st.blocked > 0 || p.MaxFails > 0 && p.st.fails >= p.MaxFails
}

// clock notes when the peer became unusable, or usable again.
func (p *Peer) clock(now loop.Time) {
	st := p.st
	switch bad := p.unusable(); {
	case bad && st.since == 0:
		st.since = now
	case !bad && st.since != 0:
		st.lost += now.Sub(st.since)
		st.since = 0
	}
}

// PeerState is what a peer is good for.
type PeerState string

// The words are those of NGINX Plus.
const (
	PeerUp        PeerState = "up"
	PeerDown      PeerState = "down"
	PeerDraining  PeerState = "draining"
	PeerUnavail   PeerState = "unavail"
	PeerChecking  PeerState = "checking"
	PeerUnhealthy PeerState = "unhealthy"
)

// PeerStatus is a snapshot of a peer, for the status pages.
type PeerStatus struct {
	*Peer
	State    PeerState
	Conns    int    // exchanges under way
	Fails    int    // failures counted against MaxFails
	Aside    bool   // put aside for the time being
	Picks    uint64 // times chosen
	Failures uint64 // failures since the start
	Unavail  uint64 // times put aside

	Health       Health // what active checks think of it, the worst of them
	Checks       uint64 // checks made
	ChecksFailed uint64 // those of them that failed
	Unhealthy    uint64 // times that a check has found it unhealthy
	LastPassed   bool   // the last check was

	Codes          map[int]uint64 // responses by status
	Sent, Received int64          // bytes
	Times          Times
	Selected       loop.Time     // when it was chosen last; 0: never
	DownSince      loop.Time     // from when on it has not been usable; 0: it is
	Downtime       time.Duration // for how long it was not, up to now

	// Averages.
	Header   time.Duration
	Response time.Duration
}

func (p *Peer) status(now loop.Time) PeerStatus {
	st := p.st
	s := PeerStatus{
		Peer: p, State: p.word(), Conns: st.conns, Fails: st.fails, Aside: p.aside(second(now)),
		Picks: st.picks, Failures: st.failures, Unavail: st.unavail,
		Health: st.health(), Checks: st.checks, ChecksFailed: st.checksFailed, Unhealthy: st.unhealthy, LastPassed: st.lastPassed,
		Sent: st.sent, Received: st.received, Times: st.times,
		Selected: st.selected, DownSince: st.since, Downtime: st.lost,
		Header:   time.Duration(st.header) * time.Millisecond,
		Response: time.Duration(st.response) * time.Millisecond,
	}
	if st.since != 0 {
		s.Downtime += max(now.Sub(st.since), 0)
	}
	if len(st.codes) > 0 {
		s.Codes = make(map[int]uint64, len(st.codes))
		for _, c := range st.codes {
			s.Codes[c.code] = c.n
		}
	}
	return s
}

// word is the state of the peer.
func (p *Peer) word() PeerState {
	switch {
	case p.Down:
		return PeerDown
	case p.st.health() == Unhealthy:
		return PeerUnhealthy
	case p.st.blocked > 0:
		return PeerChecking
	case p.unusable():
		return PeerUnavail
	case p.Drain:
		return PeerDraining
	}
	return PeerUp
}

// Zombies is how many peers are gone that have exchanges under way. Any goroutine.
func (g *Group) Zombies() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lineage.bury()
	return len(g.lineage.zombies)
}

// bury forgets the peers that are gone and have nothing left to do.
func (l *lineage) bury() {
	l.zombies = slices.DeleteFunc(l.zombies, func(st *state) bool { return st.conns == 0 })
}

// ResetCounts begins to count anew, all that has to do with the group's peers and its queue. Any goroutine.
func (g *Group) ResetCounts(now loop.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, p := range g.Peers() {
		st := p.st
		st.counts = counts{lastPassed: st.lastPassed, selected: st.selected, since: st.since}
		if st.since != 0 {
			st.since = now
		}
	}
	g.queue.overflows = 0
}
