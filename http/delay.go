package http

import (
	"time"

	"weir/logs"
	"weir/loop"
)

// Delay makes a request wait, for as long as its client does. Anything but Next is a verdict to return:
// the client has gone, or the server stops.
func (r *Request) Delay(d time.Duration) Verdict {
	w := loop.Wait{A: r.Wire.Source(), AWant: loop.Hup, Deadline: r.Task.After(d)}
	switch err := r.Task.Poll(&w); err {
	case nil:
		r.Log(logs.Info, "client prematurely closed connection")
		return StatusClientClosed
	case loop.ErrTimeout:
		return Next
	}
	return Abort
}
