package ssl

import (
	"net/netip"
	"os"
	"strings"
	"time"

	"weir/certs"
	"weir/http"
)

// An UpstreamName is how one request's server is to be asked for and verified.
type UpstreamName struct {
	Asked, Verified string
	Cert, Key       string // absolute; "": the http.Client has what there is
}

// Fixed are the names for a host, if they are the same for all requests.
func (u *Upstream) Fixed(host string) (n UpstreamName, ok bool) {
	if u.name != nil {
		if host, ok = u.name.Const(); !ok {
			return n, false
		}
	}
	return u.named(host), u.cert == nil
}

// Of works out the names for a request, whose URL leads to host.
func (u *Upstream) Of(r *http.Request, host string) UpstreamName {
	if u.name != nil {
		host = string(r.Text(u.name))
	}
	n := u.named(host)
	if u.cert != nil {
		if cert := r.Text(u.cert); len(cert) > 0 {
			n.Cert, n.Key = u.path(string(cert)), u.path(string(r.Text(u.key)))
		}
	}
	return n
}

// named are the names for a host.
func (u *Upstream) named(host string) (n UpstreamName) {
	n.Verified = withoutPort(host)
	if u.serverName && !isAddress(n.Verified) {
		n.Asked = n.Verified
	}
	if !u.serverName && !u.Verifies() {
		n.Verified = ""
	}
	return n
}

func (u *Upstream) path(name string) string {
	if certs.IsAbsolute(name) {
		return name
	}
	return u.prefix + name
}

// Pair loads the certificate that variables have named.
func (u *Upstream) Pair(r *http.Request, n *UpstreamName) (p *certs.Pair, err error) {
	if p = u.cache.Get(n.Cert, n.Key, time.Now()); p != nil {
		return p, nil
	}
	r.Task.Await(func() { p, err = certs.LoadPair(os.ReadFile, n.Cert, n.Key, u.passwords) })
	if err == nil {
		u.cache.Put(n.Cert, n.Key, p, time.Now())
	}
	return p, err
}

// withoutPort cuts a port off a name; an IPv6 address keeps its brackets.
func withoutPort(name string) string {
	from := 0
	if strings.HasPrefix(name, "[") {
		from = max(strings.IndexByte(name, ']'), 0)
	}
	if i := strings.IndexByte(name[from:], ':'); i >= 0 {
		return name[:from+i]
	}
	return name
}

// isAddress reports whether a name is none that can be asked for.
func isAddress(name string) bool {
	a, err := netip.ParseAddr(name)
	return name == "" || name[0] == '[' || err == nil && a.Is4()
}
