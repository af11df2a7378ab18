package proxy

import (
	"weir/http"
	"weir/logs"
	"weir/loop"
	"weir/upstream"
)

// choose chooses a peer, and waits for one if the group has a queue.
func (x *exchange) choose() (*upstream.Peer, error) {
	if !x.attempt.Busy() {
		if p, err := x.attempt.Next(x.start); err == nil {
			return p, nil
		}
	}
	w := &upstream.Waiter{}
	if !x.attempt.Enqueue(w, x.start) {
		return nil, upstream.ErrNoLive
	}
	var client *loop.Source
	if !x.stays() {
		client = x.r.Wire.Source()
	}
	p, err := x.attempt.Await(x.r.Task, w, client)
	x.cur().queue = x.since()
	x.start = x.r.Task.Now()
	return p, err
}

// noPeer says what comes of it that there is no peer to be asked.
func (x *exchange) noPeer(err error) (Faults, http.Verdict) {
	switch err {
	case loop.ErrWatched:
		_ = x.clientGone()
		return 0, http.StatusClientClosed
	case loop.ErrStopped:
		return 0, http.Abort
	}
	g := x.attempt.Group()
	x.cur().peer = g.Name
	x.setUpstream(g.Name, false)
	x.r.Log(logs.Error, "no live upstreams")
	return faultNoLive, http.Next
}
