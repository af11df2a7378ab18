package ssl

import (
	"context"
	"fmt"
	"net/netip"

	"weir/certs"
	"weir/loop"
	"weir/upstream"
	"weir/upstream/resolver"
)

// finder finds hosts with the resolver of a server; without one the system is to be asked. The resolver works on the loop that on gives, for
// who must not be on it.
func finder(on func() *loop.Loop, names *upstream.ResolverConf) certs.Find {
	if names.Resolver == nil {
		return nil
	}
	type answer struct {
		addrs []netip.Addr
		err   error
	}
	return func(ctx context.Context, host string) ([]netip.Addr, error) {
		got := make(chan answer, 1)
		l := on()
		l.Post(func() {
			l.Go(func(t *loop.Task) {
				a, err := names.Resolver.Lookup(t, host, resolver.Wait{Timeout: names.Timeout})
				got <- answer{a.Addrs, err}
			})
		})
		select {
		case a := <-got:
			if a.err != nil {
				return nil, &certs.FindError{Text: fmt.Sprintf("%s could not be resolved %v", host, a.err)}
			}
			return a.addrs, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
