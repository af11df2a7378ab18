package proxy

import (
	"slices"

	"weir/http"
)

// Faults is a set of reasons to ask another peer: what proxy_next_upstream names, and what nginx keeps
// to itself.
type Faults uint16

const (
	// faultError: the connection could not be made, or broke before the response's head was read.
	faultError Faults = 1 << iota
	faultTimeout
	faultInvalidHeader
	fault500
	fault502
	fault503
	fault504
	fault403
	fault404
	fault429
	// faultNonIdempotent is set with another one when the request must not be sent twice.
	faultNonIdempotent
	faultUpdating // of use to caches only
	faultNoLive   // no peer is left; never configured, so it ends the search
	faultOff
)

// A faultWord is a word of proxy_next_upstream and its kin.
type faultWord struct {
	name  string
	fault Faults
}

// httpFaults are the words of proxy_next_upstream.
func httpFaults() []faultWord {
	return []faultWord{
		{"error", faultError},
		{"timeout", faultTimeout},
		{"invalid_header", faultInvalidHeader},
		{"http_500", fault500},
		{"http_502", fault502},
		{"http_503", fault503},
		{"http_504", fault504},
		{"http_403", fault403},
		{"http_404", fault404},
		{"http_429", fault429},
		{"non_idempotent", faultNonIdempotent},
		{"updating", faultUpdating},
		{"off", faultOff},
	}
}

// cgiFaults are those of FastCGI, uwsgi and SCGI, which are no gateways.
func cgiFaults() []faultWord {
	return slices.DeleteFunc(httpFaults(), func(w faultWord) bool { return w.fault&(fault502|fault504) != 0 })
}

// statusFault is the fault of a response with this status, 0 if it is none.
func statusFault(status int) Faults {
	switch status {
	case 500:
		return fault500
	case 502:
		return fault502
	case 503:
		return fault503
	case 504:
		return fault504
	case 403:
		return fault403
	case 404:
		return fault404
	case 429:
		return fault429
	}
	return 0
}

// status is what the client is told when a fault is the last word.
func (f Faults) status() http.Verdict {
	switch f {
	case faultTimeout, fault504:
		return http.StatusGatewayTimeout
	case fault500:
		return http.StatusInternal
	case fault503:
		return http.StatusUnavailable
	case fault403:
		return http.StatusForbidden
	case fault404:
		return http.StatusNotFound
	case fault429:
		return 429
	}
	return http.StatusBadGateway
}

// twice are the methods that a peer may not be asked twice for, once the request was sent: their
// effect would be twofold (RFC 9110, section 9.2.2, for those that nginx holds back).
const twice = http.POST | http.LOCK | http.PATCH

// A chance is what decides, beside the fault itself, whether another peer is asked.
type chance struct {
	allowed Faults // proxy_next_upstream
	tries   int    // peers left
	sent    bool   // the request was sent, at least in part
	stream  bool   // its body cannot be sent again
	late    bool   // proxy_next_upstream_timeout is over
	method  http.Method
}

// again reports whether another peer is asked after a fault; least is how many tries must be left,
// 0 or 1.
func (c *chance) again(f Faults, least int) bool {
	if c.allowed&faultOff != 0 {
		return false
	}
	if c.sent && c.method&twice != 0 {
		f |= faultNonIdempotent
	}
	return c.tries > least && c.allowed&f == f && !(c.sent && c.stream) && !c.late
}
