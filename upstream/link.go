package upstream

import (
	"weir/loop"
)

// Link is one connection to a peer, from the dial to the close: in the hands of one exchange, or idle in a pool. It is the handler of its parked
// connection, so that keeping and taking it allocates nothing.
//
// While an exchange has it, a link belongs to that exchange's task.
type Link struct {
	Conn     *loop.Conn
	Requests int // exchanges it has carried, the present one included
	// Session is what the protocol spoken on the connection must know of it from one exchange to the next.
	Session any

	// Secure is how the connection is secured: only who wants just that gets it when it was kept. It is set once.
	Secure Secure

	born loop.Time
	pool *Pool
	lane *lane

	// Of an idle link; guarded by pool.mu.
	idle         bool
	tag          uint64
	deadline     loop.Time
	on           *loop.Loop
	newer, older *Link // all idle links of the pool, by the time they came
	prev, next   *Link // idle links of one lane and one loop
}

// Secure is what two connections to a peer must have in common for one to do for the other: its zero value is one without TLS, on which
// requests follow each other.
type Secure struct {
	Settings [32]byte // of TLS: a hash of them
	Names    string   // asked for, verified, and of the certificate shown
	Protocol string   // spoken on it, where that is another than what the address alone tells: "h2"
}

// NewLink makes a link of a connection just made to p; its first exchange is counted. Loop only.
func (g *Group) NewLink(c *loop.Conn, p *Peer, now loop.Time) *Link {
	return &Link{Conn: c, Requests: 1, born: now, pool: g.pool, lane: p.lane}
}

// Take gives an idle connection to p, newest first, one of l's own before one of another loop; nil when there is none. It is one without TLS: see
// TakeSecure. With a pool that is "local", only links kept under the same tag fit. The link counts one exchange more. Loop only: l is the loop that
// the caller runs on.
func (g *Group) Take(l *loop.Loop, p *Peer, tag uint64) *Link {
	return g.TakeSecure(l, p, tag, &Secure{})
}

// TakeSecure is Take of a connection that is secured in one way.
func (g *Group) TakeSecure(l *loop.Loop, p *Peer, tag uint64, s *Secure) *Link {
	if g.pool == nil {
		return nil
	}
	for {
		k := g.pool.take(l, p.lane, tag, s)
		if k == nil {
			return nil
		}
		c := l.Adopt(k.Conn)
		if c == nil { // no room for another connection here
			k.drop(l)
			return nil
		}
		k.Conn = c
		if !k.quiet() {
			// Data or an end arrived, and its wake-up has not run yet.
			c.Close()
			continue
		}
		k.Requests++
		return k
	}
}

// Keep parks the link until somebody takes it. It reports false when the link may not be kept: the group keeps none, the link has served
// keepalive_requests or lived keepalive_time, or the peer has already sent something or closed. The link is then still the caller's, to close.
// Whether the exchange left the connection in a state to be kept at all is for the caller to know.
//
// Loop only: on the loop of the connection, as the last thing done with it.
func (k *Link) Keep(tag uint64) bool {
	if k.pool == nil || k.lane == nil {
		return false
	}
	l := k.Conn.Loop()
	now := l.Now()
	wait, ok := k.pool.admits(k, now)
	if !ok || !k.quiet() {
		return false
	}
	k.tag, k.on, k.deadline = tag, l, now.Add(wait)
	k.Conn.Handler = k
	k.Conn.Park(k.deadline, true)
	// It may be taken by another loop as soon as the pool has it: so the pool gets it last.
	k.pool.put(k)
	return true
}

// quiet reports whether the connection is silent, as an idle one has to be. What a layer reads for itself, such as a session ticket of
// TLS, is no sound, nor is what a Shared is told between two exchanges.
func (k *Link) quiet() bool {
	if k.Conn.Hup() || k.Conn.Unsent() > 0 {
		return false
	}
	if !k.Conn.Readable() {
		return true
	}
	if s, ok := k.Session.(Shared); ok {
		return s.Heard() && !k.Conn.Hup()
	}
	var b [1]byte
	_, err := k.Conn.TryRead(b[:])
	return err == loop.ErrAgain
}

// Wake ends an idle link: its time is over, the peer closed it or spoke out of turn, or weir needs the descriptor. A link that was taken by another
// loop in the meantime is that loop's affair.
func (k *Link) Wake(_ *loop.Task, c *loop.Conn, why loop.Woke) {
	if !k.pool.remove(k, c) {
		return
	}
	if why == loop.WokeReady && k.quiet() {
		c.Park(k.deadline, true)
		k.pool.put(k)
		return
	}
	c.Close()
}
