package upstream

import (
	"math"
	"time"

	"weir/loop"
)

// Peer is one address of one server of a group. All its fields are settled when the group is built; any goroutine may read them at any time.
type Peer struct {
	ID     int       // among all that its group has had
	Name   string    // the address as $upstream_addr shows it: "127.0.0.1:80", "unix:/path"
	Server string    // the text of the server directive, as written
	Addr   loop.Addr // where to connect

	Weight      int           // at least 1
	MaxFails    int           // 0: never put aside
	FailTimeout time.Duration // whole seconds
	SlowStart   time.Duration // it comes back with its whole weight after so long; 0: at once
	MaxConns    int           // exchanges at one time; 0: no limit
	Down        bool          // marked "down"
	Drain       bool          // gets only requests that are tied to it
	SID         string        // how clients that are tied to it know it
	Backup      bool          // used when no primary peer can be

	index   int   // place in its tier
	timeout int64 // FailTimeout in seconds
	lane    *lane // kept connections to Addr; nil when the group keeps none
	st      *state
}

// state is what a peer remembers. It is apart from Peer because it outlives it: after a reload the new peer of the same server goes on with it.
// Guarded by the group's mutex.
type state struct {
	conns     int // exchanges under way
	current   int // smooth round robin: credit
	effective int // smooth round robin: weight, lowered by failures

	fails    int
	accessed int64 // second of the last failure
	checked  int64 // second from which fail_timeout is counted

	// Moving averages of least_time, milliseconds; 0: nothing known.
	header   int64
	response int64
	inflight inflight

	// Of active health checks.
	verdicts []verdict
	blocked  int // verdicts by which it may not be used

	// Of slow_start.
	slow    bool
	held    bool // it takes no part in the present choice
	started loop.Time
	credit  int // thousandths of a choice that it has earned

	counts
}

// Identity is equal for two peers when they are the same, with other settings: one has taken the place of the other. Any goroutine.
func (p *Peer) Identity() any { return p.st }

// longAgo is a second that lies further back than any fail_timeout. A peer never used must look so, though a monotonic clock may start at nought.
const longAgo = math.MinInt64 / 4

func newState(weight int) *state {
	return &state{effective: weight, accessed: longAgo, checked: longAgo}
}

// second is nginx's clock: health is compared in whole seconds, so that fail_timeout=1s lasts between one and two.
func second(now loop.Time) int64 { return int64(now) / int64(time.Second) }

// milli is the clock of least_time.
func milli(now loop.Time) int64 { return int64(now) / int64(time.Millisecond) }

// aside reports whether the peer has failed too often of late. One probe gets through when fail_timeout is over; touch then starts the next period.
func (p *Peer) aside(sec int64) bool {
	return p.MaxFails > 0 && p.st.fails >= p.MaxFails && sec-p.st.checked <= p.timeout
}

func (p *Peer) full() bool { return p.MaxConns > 0 && p.st.conns >= p.MaxConns }

// usable reports whether the peer may be given an exchange in this second.
func (p *Peer) usable(sec int64) bool { return !p.Drain && !p.st.held && p.usableTied(sec) }

// usableTied is usable for an exchange that is tied to the peer.
func (p *Peer) usableTied(sec int64) bool {
	return !p.Down && p.st.blocked == 0 && !p.aside(sec) && !p.full()
}

// touch notes that the peer was chosen. Once per fail_timeout it moves checked forward: that is both "one probe" and the mark by which a later
// success knows that it came after the last failure.
func (p *Peer) touch(sec int64) {
	if sec-p.st.checked > p.timeout {
		p.st.checked = sec
	}
}

// failed counts one failure and reports whether the peer is put aside by it.
func (p *Peer) failed(now loop.Time) bool {
	st, sec := p.st, second(now)
	st.fails++
	st.failures++
	st.accessed, st.checked = sec, sec
	if p.MaxFails == 0 {
		return false
	}
	if st.fails == p.MaxFails {
		st.unavail++
	}
	st.effective = max(st.effective-p.Weight/p.MaxFails, 0)
	p.clock(now)
	return st.fails >= p.MaxFails
}

// succeeded forgets the failures if this use began after the last of them. It begins slowly if it was put aside for them.
func (p *Peer) succeeded(now loop.Time) {
	if p.st.accessed >= p.st.checked {
		return
	}
	if p.MaxFails > 0 && p.st.fails >= p.MaxFails {
		p.start(now)
	}
	p.st.fails = 0
	p.clock(now)
}
