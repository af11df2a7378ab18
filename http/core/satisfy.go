package core

import (
	"weir/http"
	"weir/http/field"
	"weir/logs"
)

// AccessPhase makes one step of the access phase: it combines the verdicts of the location's access
// modules as satisfy says. nil when there are none.
//
// Subrequests pass: the client's request has been let in.
//
// An access module answers Next when the request is no concern of its, Allowed when it may pass, or a
// status.
func AccessPhase(steps []http.Step, any bool) http.Step {
	switch {
	case len(steps) == 0:
		return nil
	case any:
		return func(r *http.Request) http.Verdict {
			if r.IsSub() {
				return http.Next
			}
			return satisfyAny(r, steps)
		}
	}
	return func(r *http.Request) http.Verdict {
		if r.IsSub() {
			return http.Next
		}
		return satisfyAll(r, steps)
	}
}

// satisfyAll lets a request pass that nobody refuses.
func satisfyAll(r *http.Request, steps []http.Step) http.Verdict {
	for _, s := range steps {
		if v := s(r); v != http.Next && v != http.Allowed {
			return refuseAccess(r, v)
		}
	}
	return http.Next
}

// satisfyAny lets a request pass as soon as one module allows it, or when all have nothing to say. Of
// several refusals the one that asks for a password is the answer, for it is the one that the client
// can do something about.
func satisfyAny(r *http.Request, steps []http.Step) http.Verdict {
	refused := http.Next
	for _, s := range steps {
		switch v := s(r); v {
		case http.Next:
		case http.Allowed:
			r.Out.DropField(field.WWWAuthenticate)
			r.Out.DropField(field.ProxyAuthenticate)
			return http.Next
		case http.StatusForbidden, statusUnauthorized, statusProxyAuth:
			if refused == http.Next || refused == http.StatusForbidden {
				refused = v
			}
		default:
			return v
		}
	}
	if refused == http.StatusForbidden { // whoever refused has not logged it: another module might have allowed it
		r.Log(logs.Error, "access forbidden by rule")
	}
	return refuseAccess(r, refused)
}

const (
	statusUnauthorized = 401
	statusProxyAuth    = 407
)

// refuseAccess is the end of the access phase; auth_delay holds back the news of a wrong password.
func refuseAccess(r *http.Request, v http.Verdict) http.Verdict {
	if delay := r.Loc.Core.AuthDelay; delay > 0 && (v == statusUnauthorized || v == statusProxyAuth) {
		r.Log(logs.Info, "delaying unauthorized request")
		if gone := r.Delay(delay); gone != http.Next {
			return gone
		}
	}
	return v
}
