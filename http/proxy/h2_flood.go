package proxy

import (
	"time"

	"weir/loop"
)

// A http2Flood holds what a peer asks for against what it gives: each frame that costs work and brings nothing (PING, SETTINGS, empty
// DATA and CONTINUATION, windows, frames of streams that are gone) takes of a budget, to which bodies, responses and time add.
type http2Flood struct {
	budget int
	at     loop.Time
}

const (
	floodMost    = 3000
	floodRate    = 100 // a second
	earnSent     = 2   // a frame of a request's body, which windows may follow
	earnResponse = 8
)

func (f *http2Flood) start(now loop.Time) { f.budget, f.at = floodMost, now }

func (f *http2Flood) earn(n int) { f.budget = min(f.budget+n, floodMost) }

// spend reports whether one more such frame may come.
func (f *http2Flood) spend(now loop.Time) bool {
	if f.budget--; f.budget >= 0 {
		return true
	}
	f.earn(int(now.Sub(f.at) * floodRate / time.Second))
	f.at = now
	return f.budget >= 0
}
