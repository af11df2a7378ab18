package proxy

import (
	"net/netip"

	"weir/http"
	"weir/logs"
	"weir/loop"
	"weir/upstream"
	"weir/upstream/resolver"
)

// resolve makes the group of an address that the request worked out, for this request alone. A name is looked up; the request waits for that,
// unless its client goes away.
func (x *exchange) resolve() http.Verdict {
	r, at := x.r, &x.dest.unresolved
	switch {
	case at.Unix:
		x.dest.group = upstream.Fixed(at.Host, []loop.Addr{{Unix: at.Host}})
		return http.Next
	case at.Port == 0:
		r.Logf(logs.Error, "no port in upstream \"%s\"", at.Host)
		return http.StatusInternal
	case at.IP.IsValid():
		x.dest.group = upstream.Fixed(at.Host, []loop.Addr{{Net: netip.AddrPortFrom(at.IP, at.Port)}})
		return http.Next
	case x.h.names.Resolver == nil:
		r.Logf(logs.Error, "no resolver defined to resolve %s", at.Host)
		return http.StatusBadGateway
	}
	w := resolver.Wait{Timeout: x.h.names.Timeout}
	if !x.stays() {
		w.Watch = r.Wire.Source()
	}
	a, err := x.h.names.Resolver.Lookup(r.Task, at.Host, w)
	switch err {
	case nil:
	case loop.ErrStopped:
		return http.Abort
	case loop.ErrWatched:
		if r.Version < http.HTTP20 {
			x.logGone("")
		}
		return http.StatusClientClosed
	default:
		r.Logf(logs.Error, "%s could not be resolved %v", at.Host, err)
		return http.StatusBadGateway
	}
	addrs := make([]loop.Addr, len(a.Addrs))
	for i, ip := range a.Addrs {
		addrs[i] = loop.Addr{Net: netip.AddrPortFrom(ip, at.Port)}
		if r.Debugs() {
			r.Debugf("name was resolved to %s", addrs[i])
		}
	}
	x.dest.group = upstream.Fixed(at.Host, addrs)
	return http.Next
}
