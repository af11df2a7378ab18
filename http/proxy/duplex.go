package proxy

import (
	"weir/http"
	"weir/logs"
	"weir/loop"
)

// What a protocol that speaks both ways at once sends while its response is read: the rest of the request.

// sendOn sends what there is and the peer takes. A peer that takes no more may still have an answer: it is read on. errBody says that
// the client's body cannot be read on.
func (x *exchange) sendOn() error {
	s := &x.request
	if !x.answering || s.failed || x.bodySent && !s.pending() {
		s.blocked, s.starved, s.held = false, false, false
		return nil
	}
	before := x.cur().sent
	err := s.push(x)
	if !s.starved || x.cur().sent != before {
		s.waiting = 0
	}
	switch {
	case err == nil, err == loop.ErrAgain && !s.starved:
	case err == loop.ErrAgain:
		if s.waiting != 0 && x.now() >= s.waiting.Add(x.r.Loc.Core.BodyTimeout) {
			x.r.Log(logs.Info, "client timed out (110: Connection timed out)")
			s.verdict = http.StatusRequestTimeout
			return errBody
		}
	case err == errBody:
		return err
	default:
		s.failed, s.starved, s.blocked, s.held = true, false, false, false
		x.bodySent = false // the connection is not kept
	}
	return nil
}
