// Package h2 is HTTP/2 on the wire (RFC 9113): many requests share one connection of a client.
//
// A conn without a request is parked on its loop, as one of HTTP/1 is: it has no task and no buffer, and keeps of the client's
// compression table what it must. Otherwise it has a task and a work: the task reads frames, and writes what streams have to send.
//
//	socket ─→ input ─→ block ─→ stream ─→ http.Request, in a task of its own
//	            └──→ data ──→ its body
//	socket ←─ work.out ←─ schedule ←─ the queues of streams
//
// Streams do not write to the socket. What they send waits in their queues until the connection has room: then the most urgent
// goes first, in frames, as the windows allow.
package h2

import "weir/http"

// A Shared is what all connections of a process have in common.
type Shared struct {
	pools   []pool                // by loop
	Quit    func() bool           // the server shuts down: no more requests are taken
	Pending func(loop, delta int) // counts what is at work, for a graceful stop
}

// NewShared makes what connections on these many loops share.
func NewShared(loops int) *Shared {
	return &Shared{pools: make([]pool, loops), Quit: func() bool { return false }, Pending: func(int, int) {}}
}

// Preface is what connections begin with (http.Speaker).
func (s *Shared) Preface() string { return preface }

// Enabled reports whether an address with this default server speaks HTTP/2 (http.Speaker).
func (s *Shared) Enabled(server *http.Server) bool { return confOf(server.Root).enable }

var (
	_ http.Speaker = (*Shared)(nil)
	_ http.Session = (*conn)(nil)
)
