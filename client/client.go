// Package client has what addresses say of clients, for whatever serves: who may come in (allow, deny), and which proxies are believed
// when they say who a client is (realip, geo).
package client

import "net/netip"

// A Subject is what comes from a client. All its methods are for its own task.
type Subject interface {
	ClientAddr() netip.Addr // not valid for a unix socket
	Debugs() bool
	Debugf(format string, a ...any)
}
