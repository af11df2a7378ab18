package upstream

import (
	"errors"
	"net/netip"
	"time"

	"weir/loop"
)

// ErrNoLive says that no peer can be used now. nginx answers 502, logs "no live upstreams while connecting to upstream" and shows the group's name in
// $upstream_addr.
var ErrNoLive = errors.New("no live upstreams")

// Ask is what a balancing method wants to know about a request.
type Ask struct {
	Key    []byte     // evaluated key of "hash"; borrowed until the attempt's last Next
	Client netip.Addr // of "ip_hash"; the zero Addr for a client on a unix socket
	SID    []byte     // the peer that the client is tied to, borrowed likewise; empty: none
	Now    loop.Time
}

// Outcome says how a peer did.
type Outcome uint8

const (
	OK         Outcome = iota // answered, whatever the status; also: the client went away
	Failed                    // unsuccessful in the sense of proxy_next_upstream: counts against max_fails
	NotCounted                // passed on for its 403 or 404: the peer is well, its time does not count
)

// Timing is how long a peer took, from the choice of the peer on, and what went to and fro.
type Timing struct {
	Header time.Duration // to the response header; negative: none came
	Last   time.Duration // to the last byte

	Status         int   // of the response
	Sent, Received int64 // bytes
}

// Attempt is the search of one exchange for a peer that answers. It is embedded by value in the exchange and reused; groups of up to 64 peers need no
// allocation. It belongs to one task.
type Attempt struct {
	group *Group
	set   *peerSet // who the group's peers were when the attempt began
	tier  *tier
	ask   Ask
	tries int
	asked bool // a peer was chosen before

	tried uint64   // peers 0–63 of the tier that were chosen already
	more  []uint64 // the others

	misses   int // hashing methods, random: choices that could not be used
	hash     uint32
	rehash   uint32
	inflight bool // least_time: the peer's inflight time counts this exchange
}

// Begin starts an attempt, which chooses among the peers that the group has now. The attempt's former content is dropped.
func (g *Group) Begin(a *Attempt, ask Ask) {
	set := g.peers.Load()
	*a = Attempt{
		group: g,
		set:   set,
		tier:  &set.primary,
		ask:   ask,
		tries: set.primary.tries + set.backup.tries,
		more:  a.more[:0],
	}
	a.clear()
	set.method.begin(a)
}

// clear makes every peer of the group untried.
func (a *Attempt) clear() {
	a.tried = 0
	n := max(len(a.set.primary.peers), len(a.set.backup.peers))
	if n <= 64 {
		return
	}
	words := (n - 1) / 64
	if cap(a.more) < words {
		a.more = make([]uint64, words)
	}
	a.more = a.more[:words]
	clear(a.more)
}

func (a *Attempt) wasTried(i int) bool {
	if i < 64 {
		return a.tried&(1<<uint(i)) != 0
	}
	return a.more[i/64-1]&(1<<uint(i%64)) != 0
}

// open reports whether this attempt may use the peer in this second.
func (a *Attempt) open(p *Peer, sec int64) bool {
	return !a.wasTried(p.index) && p.usable(sec)
}

// tied returns the peer of the tier that the client is tied to, if this attempt may use it in this second.
func (a *Attempt) tied(sec int64) *Peer {
	if len(a.ask.SID) == 0 {
		return nil
	}
	for _, p := range a.tier.peers {
		if p.SID == string(a.ask.SID) {
			if a.wasTried(p.index) || !p.usableTied(sec) {
				return nil
			}
			return p
		}
	}
	return nil
}

// choose marks a balancer's choice as tried.
func (a *Attempt) choose(p *Peer, sec int64) *Peer {
	if p.index < 64 {
		a.tried |= 1 << uint(p.index)
	} else {
		a.more[p.index/64-1] |= 1 << uint(p.index%64)
	}
	p.touch(sec)
	return p
}

// Next chooses the next peer, one that this attempt has not had yet. When no primary peer can be used it turns to the backups, for good. The peer
// counts one exchange more until Done is called for it.
func (a *Attempt) Next(now loop.Time) (*Peer, error) {
	g, s := a.group, a.set
	g.mu.Lock()
	p := a.pick(now)
	if p == nil && a.tier == &s.primary && len(s.backup.peers) > 0 {
		a.tier = &s.backup
		a.clear()
		p = a.pick(now)
	}
	if p != nil {
		p.st.conns++
		p.st.picks++
		p.st.selected = now
		a.asked = true
	}
	g.mu.Unlock()
	if p == nil {
		return nil, ErrNoLive
	}
	return p, nil
}

// pick chooses from the tier. Peers that begin slowly are left out in most of their turns, unless there is no other.
func (a *Attempt) pick(now loop.Time) *Peer {
	held := a.set.slow && a.tier.holdBack(now)
	p := a.set.method.pick(a, now)
	if held {
		a.tier.letAll()
		if p == nil {
			p = a.set.method.pick(a, now)
		}
	}
	return p
}

// Header reports that p's response header came after t.Header. Only least_time with inflight listens; others lose nothing by the call.
func (a *Attempt) Header(p *Peer, now loop.Time, t Timing) {
	if !a.inflight {
		return
	}
	g := a.group
	g.mu.Lock()
	a.set.method.header(a, p, now, t)
	g.mu.Unlock()
}

// Done reports how p did, once for each Next. It reports whether p is put aside now: nginx then logs [warn] "upstream server temporarily disabled".
func (a *Attempt) Done(p *Peer, now loop.Time, o Outcome, t Timing) (disabled bool) {
	g := a.group
	g.mu.Lock()
	a.set.method.done(a, p, now, o, t)
	p.st.took(&t)
	p.st.conns--
	switch {
	case a.tier.single:
		// There is no other to go to, so its failures are not held against it.
		p.st.fails = 0
		if o == Failed {
			p.st.failures++
		}
		a.tries = 0
	case o == Failed:
		disabled = p.failed(now)
		a.tries--
	default:
		p.succeeded(now)
		a.tries--
	}
	g.queue.wake()
	g.mu.Unlock()
	a.tries = max(a.tries, 0)
	return disabled
}

// Tries reports how many peers are left to try, the limit included. At 0 the exchange has to answer with what it has.
func (a *Attempt) Tries() int { return a.tries }

// Limit lowers Tries to n (proxy_next_upstream_tries); 0 is no limit.
func (a *Attempt) Limit(n int) {
	if n > 0 && a.tries > n {
		a.tries = n
	}
}

// Regain gives back the try that Done took: the connection was a kept one and broke without an answer, which says nothing about the peer's address.
// So even the only peer of a group is asked again, on a fresh connection.
func (a *Attempt) Regain() { a.tries++ }

// Group returns the group that is being tried.
func (a *Attempt) Group() *Group { return a.group }
