package http

import (
	"sync"
	"sync/atomic"
	"time"

	"weir/disk"
	"weir/load"
	"weir/logs"
	"weir/loop"
	"weir/vars"
)

// App is the http block of one cycle, ready to serve.
type App struct {
	Prefix      string // -p, with its final slash
	Signature   string // "weir/1.2.3"
	Hostname    string
	Temp        *disk.TempNumbers
	Counters    *Counters        // nil: nothing is counted
	Past        *Past            // of the server
	Backgrounds *Backgrounds     // the process's requests without a client
	Debug       *logs.DebugPeers // whose connections are logged at level debug
	Vars        *vars.Table[*Request]
	Servers     []*Server
	Slots       int        // values of variables that each request has
	Life        *load.Life // its cycle is used as long as this is held

	subs sync.Pool // of *subrequest
}

// Past is what a server has been through. There is one for a process, and it outlives cycles. Any goroutine.
type Past struct {
	history atomic.Pointer[History]
}

// A History is that at one time.
type History struct {
	Generation int       // configurations that have been in force
	Loaded     time.Time // when the present one was read
	Respawned  int       // worker processes that had to be replaced
}

// Read returns what is known.
func (p *Past) Read() History {
	if h := p.history.Load(); h != nil {
		return *h
	}
	return History{}
}

// Set says what has happened.
func (p *Past) Set(h History) { p.history.Store(&h) }

// Counters count connections and requests, for stub_status and the variables $connections_…. There is one for a process, and it outlives
// cycles. Every loop counts for itself; who reads adds up what all of them have. A nil *Counters counts nothing.
type Counters struct {
	engine *loop.Engine
	lanes  []lane // by loop
}

// A lane is what one loop counts. It writes alone, so that the numbers stay in its cache.
type lane struct {
	begun   atomic.Int64             // requests whose head is complete, or refused
	ended   atomic.Int64             // those of them that are over
	reading atomic.Int64             // connections that are in the middle of a head
	beside  atomic.Int64             // requests beyond the first of their connection
	tls     [handshakes]atomic.Int64 // loops do not share a line
}

// A Handshake is how one of TLS has ended.
type Handshake uint8

const (
	HandshakeNew Handshake = iota
	HandshakeResumed
	HandshakeFailed
	HandshakeTimeout
	handshakes = iota
)

// Handshake counts one. Loop only.
func (c *Counters) Handshake(l *loop.Loop, h Handshake) {
	if c != nil && c.lanes != nil {
		c.lanes[l.ID()].tls[h].Add(1)
	}
}

// Handshakes returns how many have ended so. Any goroutine.
func (c *Counters) Handshakes(h Handshake) (n int64) {
	if c == nil {
		return 0
	}
	for i := range c.lanes {
		n += c.lanes[i].tls[h].Load()
	}
	return n
}

// Begin makes room for the loops of an engine. Before the engine runs.
func (c *Counters) Begin(e *loop.Engine) { c.engine, c.lanes = e, make([]lane, len(e.Loops)) }

// Reading counts a connection whose head is read (+1), or is not any more (-1). Loop only.
func (c *Counters) Reading(l *loop.Loop, delta int64) {
	if c != nil && c.lanes != nil {
		c.lanes[l.ID()].reading.Add(delta)
	}
}

// Beside counts a request that its connection carries beside others (+1), or has carried (-1). Loop only.
func (c *Counters) Beside(l *loop.Loop, delta int64) {
	if c != nil && c.lanes != nil {
		c.lanes[l.ID()].beside.Add(delta)
	}
}

// Counts is what the counters say at one moment.
type Counts struct {
	Accepted, Handled, Requests       int64 // since the server began
	Active, Reading, Writing, Waiting int64 // connections
}

// Read adds up what all loops have counted. Any goroutine.
func (c *Counters) Read() (n Counts) {
	if c == nil || c.engine == nil {
		return n
	}
	n.Accepted, n.Handled, n.Active = c.engine.Clients()
	var beside int64
	for i := range c.lanes {
		k := &c.lanes[i]
		ended := k.ended.Load() // before begun: a request that comes to its end meanwhile counts as at work
		begun := k.begun.Load()
		n.Requests += begun
		n.Writing += begun - ended
		n.Reading += k.reading.Load()
		beside += k.beside.Load()
	}
	n.Requests += n.Reading
	n.Waiting = max(0, n.Active-n.Reading-n.Writing+beside)
	return n
}

// count counts a client's request that has begun.
func (r *Request) count() {
	if r.counted || r.IsSub() || r.App == nil {
		return
	}
	if c := r.App.Counters; c != nil && c.lanes != nil {
		r.counted = true
		c.lanes[r.Task.Loop().ID()].begun.Add(1)
	}
}

// uncount counts one that is over.
func (r *Request) uncount() {
	if r.counted {
		r.counted = false
		r.App.Counters.lanes[r.Task.Loop().ID()].ended.Add(1)
	}
}
