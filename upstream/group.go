package upstream

import (
	"sync"
	"sync/atomic"

	"weir/load"
	"weir/loop"
)

// Group is one upstream: peers, and how one of them is chosen. Any goroutine.
type Group struct {
	Name string // as written; the value of $upstream_addr when no peer is live
	Spec *Spec  // what it was built from

	mu      *sync.Mutex // guards the state of every peer; shared with the group this one inherited from
	peers   atomic.Pointer[peerSet]
	pool    *Pool          // nil: connections are not kept
	members []*member      // what peers was made of; guarded by mu
	nextID  int            // of the next member; guarded by mu
	changed func(now bool) // a check thinks otherwise of a peer; nil: nobody listens; guarded by mu
	checks  []Check        // of the peers' health; guarded by mu
	queue   *queue         // who waits for a peer; shared likewise
	gone    bool           // another group has inherited from this one; guarded by mu
	draw    func(n int) int

	resolves bool      // names can be looked up while it serves
	names    *load.Job // which looks them up; nil: it has not begun; guarded by mu

	lineage *lineage // shared likewise
	edited  bool     // it is not as the configuration has it; guarded by mu
}

// lineage is what a group has in common with those before and after it, over reloads.
type lineage struct {
	editing sync.Mutex // held while a group and its file are changed. It comes before the group's mutex
	live    *Group     // the last of them; guarded by the group's mutex
	zombies []*state   // of peers that are gone while they were at work; likewise
}

// balancer is a balancing method. One value serves all exchanges of a set of peers; what belongs to one exchange is in its Attempt. Except begin,
// every method is called with the group's mutex held. A tier may be empty.
type balancer interface {
	// begin prepares an attempt before its first pick.
	begin(a *Attempt)
	// pick chooses from a.tier, or returns nil when none there can be used. It must mark its choice with a.choose.
	pick(a *Attempt, now loop.Time) *Peer
	// header reports the time to the response header, while the exchange lasts.
	header(a *Attempt, p *Peer, now loop.Time, t Timing)
	// done reports how the exchange went, before the health of the peer changes.
	done(a *Attempt, p *Peer, now loop.Time, o Outcome, t Timing)
}

// plain is embedded by methods whose choices do not depend on how exchanges went.
type plain struct{}

func (plain) begin(*Attempt)                            {}
func (plain) header(*Attempt, *Peer, loop.Time, Timing) {}

func (plain) done(_ *Attempt, p *Peer, _ loop.Time, o Outcome, t Timing) {
	if o == OK && t.Header >= 0 {
		average(&p.st.header, t.Header)
		average(&p.st.response, t.Last)
	}
}

// Pool returns the pool of kept connections, or nil. Groups that nobody declared (an address in proxy_pass) have none, as in nginx.
func (g *Group) Pool() *Pool { return g.pool }

// Peers returns all peers, primaries first. The slice is fresh.
func (g *Group) Peers() []*Peer { return g.peers.Load().all() }

// Status appends a snapshot of every peer to dst.
func (g *Group) Status(dst []PeerStatus, now loop.Time) []PeerStatus {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, p := range g.Peers() {
		dst = append(dst, p.status(now))
	}
	return dst
}

// Retire closes what the group keeps, when a reload has no successor for it. Exchanges under way end as usual; their connections are no longer kept.
func (g *Group) Retire() {
	if g.pool != nil {
		g.pool.Close()
	}
}
