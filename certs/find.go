package certs

import (
	"context"
	"net"
	"net/http"
	"net/netip"
)

// Find finds the addresses of a responder's host. It waits: not on a loop.
type Find func(ctx context.Context, host string) ([]netip.Addr, error)

// A FindError says that a host has no addresses: a whole sentence, as nginx has it.
type FindError struct{ Text string }

func (e *FindError) Error() string { return e.Text }

// client is who asks responders, whose hosts are found by find; nil: by the system. It asks nobody else: it follows no redirects, and knows
// of no proxies.
func client(find Find) *http.Client {
	t := &http.Transport{DisableKeepAlives: true}
	if find != nil {
		t.DialContext = find.dial
	}
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func (find Find) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	var d net.Dialer
	if _, err := netip.ParseAddr(host); err == nil {
		return d.DialContext(ctx, network, address)
	}
	addrs, err := find(ctx, host)
	if err != nil {
		return nil, err
	}
	var c net.Conn
	for _, a := range addrs {
		if c, err = d.DialContext(ctx, network, net.JoinHostPort(a.String(), port)); err == nil {
			return c, nil
		}
	}
	return nil, err
}
