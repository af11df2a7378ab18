package http

import (
	"weir/http/field"
	"weir/logs"
)

// Allowed is the verdict of an access module that lets the request pass; see accessPhase.
const Allowed Verdict = -4

// accessPhase makes one step of the access phase: it combines the verdicts of the location's access
// modules as satisfy says. nil when there are none.
//
// Subrequests pass: the client's request has been let in.
//
// An access module answers Next when the request is no concern of its, Allowed when it may pass, or a
// status.
func accessPhase(steps []Step, mode SatisfyMode) Step {
	switch {
	case len(steps) == 0:
		return nil
	case mode == SatisfyAny:
		return func(r *Request) Verdict {
			if r.sub != nil {
				return Next
			}
			return r.satisfyAny(steps)
		}
	}
	return func(r *Request) Verdict {
		if r.sub != nil {
			return Next
		}
		return r.satisfyAll(steps)
	}
}

// satisfyAll lets a request pass that nobody refuses.
func (r *Request) satisfyAll(steps []Step) Verdict {
	for _, s := range steps {
		if v := s(r); v != Next && v != Allowed {
			return r.refuseAccess(v)
		}
	}
	return Next
}

// satisfyAny lets a request pass as soon as one module allows it, or when all have nothing to say. Of
// several refusals the one that asks for a password is the answer, for it is the one that the client
// can do something about.
func (r *Request) satisfyAny(steps []Step) Verdict {
	refused := Next
	for _, s := range steps {
		switch v := s(r); v {
		case Next:
		case Allowed:
			r.Out.DropField(field.WWWAuthenticate)
			r.Out.DropField(field.ProxyAuthenticate)
			return Next
		case StatusForbidden, statusUnauthorized, statusProxyAuth:
			if refused == Next || refused == StatusForbidden {
				refused = v
			}
		default:
			return v
		}
	}
	if refused == StatusForbidden { // whoever refused has not logged it: another module might have allowed it
		r.Log(logs.Error, "access forbidden by rule")
	}
	return r.refuseAccess(refused)
}

const (
	statusUnauthorized = 401
	statusProxyAuth    = 407
)

// refuseAccess is the end of the access phase; auth_delay holds back the news of a wrong password.
func (r *Request) refuseAccess(v Verdict) Verdict {
	if delay := r.Loc.Core.AuthDelay; delay > 0 && (v == statusUnauthorized || v == statusProxyAuth) {
		r.Log(logs.Info, "delaying unauthorized request")
		if gone := r.Delay(delay); gone != Next {
			return gone
		}
	}
	return v
}
