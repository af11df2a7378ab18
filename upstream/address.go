package upstream

import (
	"errors"
	"net/netip"
	"strings"

	"weir/loop"
)

// Target is where a server directive or a proxy_pass points, before any name is looked up.
type Target struct {
	Text    string     // as written, without the URI
	Host    string     // "10.0.0.1", "[::1]", "example.com", the path of a unix socket
	Port    uint16     // 0 for a unix socket
	HasPort bool       // the port was written
	IP      netip.Addr // when Host is an address
	Unix    bool
}

// Errors of ParseTarget are nginx's words; to the user they appear as `invalid port in upstream "x"`.
var (
	errNoHost     = errors.New("no host")
	errHost       = errors.New("invalid host")
	errPort       = errors.New("invalid port")
	errIPv6       = errors.New("invalid IPv6 address")
	errNoPath     = errors.New("no path in the unix domain socket")
	errLongPath   = errors.New("too long path in the unix domain socket")
	errNoSuchHost = errors.New("host not found")
)

// longestPath is what fits into sockaddr_un with the NUL that ends it.
const longestPath = 107

// ParseTarget reads an address as nginx does: host[:port], [IPv6][:port] or unix:path. With uri, a URI may follow (after ":" for a unix socket) and
// is returned; without it, a URI is an error.
func ParseTarget(s string, port uint16, uri bool) (t Target, rest string, err error) {
	switch {
	case len(s) >= 5 && strings.EqualFold(s[:5], "unix:"):
		return parseUnix(s, uri)
	case strings.HasPrefix(s, "["):
		return parseInet6(s, port, uri)
	}
	return parseInet(s, port, uri)
}

func parseUnix(s string, uri bool) (t Target, rest string, err error) {
	path := s[5:]
	if i := strings.IndexByte(path, ':'); uri && i >= 0 {
		path, rest = path[:i], path[i+1:]
	}
	if path == "" {
		return t, "", errNoPath
	}
	if len(path) > longestPath {
		return t, "", errLongPath
	}
	return Target{Text: s[:5+len(path)], Host: path, Unix: true}, rest, nil
}

func parseInet6(s string, port uint16, uri bool) (t Target, rest string, err error) {
	end := strings.IndexByte(s, ']')
	if end < 0 {
		return t, "", errHost
	}
	tail := s[end+1:]
	if i := strings.IndexByte(tail, '/'); i >= 0 {
		if !uri {
			return t, "", errHost
		}
		tail, rest = tail[:i], tail[i:]
	}
	t = Target{Text: s[:len(s)-len(rest)], Host: s[:end+1], Port: port}
	if tail != "" {
		if tail[0] != ':' {
			return t, "", errHost
		}
		if t.Port, err = parsePort(tail[1:]); err != nil {
			return t, "", err
		}
		t.HasPort = true
	}
	if end == 1 {
		return t, "", errNoHost
	}
	ip, err := netip.ParseAddr(s[1:end])
	if err != nil || !ip.Is6() || ip.Zone() != "" {
		return t, "", errIPv6
	}
	t.IP = ip
	return t, rest, nil
}

func parseInet(s string, port uint16, uri bool) (t Target, rest string, err error) {
	host := s
	if i := strings.IndexAny(s, "/?"); i >= 0 {
		if !uri {
			return t, "", errHost
		}
		host, rest = s[:i], s[i:]
	}
	t = Target{Text: host, Port: port}
	if i := strings.IndexByte(host, ':'); i >= 0 {
		if t.Port, err = parsePort(host[i+1:]); err != nil {
			return t, "", err
		}
		t.HasPort = true
		host = host[:i]
	}
	if host == "" {
		return t, "", errNoHost
	}
	t.Host = host
	t.IP, _ = parseIPv4(host)
	return t, rest, nil
}

func parsePort(s string) (uint16, error) {
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' || n > 65535 {
			return 0, errPort
		}
		n = n*10 + int(s[i]-'0')
	}
	if n < 1 || n > 65535 {
		return 0, errPort
	}
	return uint16(n), nil
}

// parseIPv4 reads four decimal octets; unlike netip, leading zeros are allowed.
func parseIPv4(s string) (netip.Addr, bool) {
	var octets [4]byte
	parts := strings.Split(s, ".")
	if len(parts) != 4 {
		return netip.Addr{}, false
	}
	for i, part := range parts {
		n := 0
		for j := range len(part) {
			if part[j] < '0' || part[j] > '9' {
				return netip.Addr{}, false
			}
			if n = n*10 + int(part[j]-'0'); n > 255 {
				return netip.Addr{}, false
			}
		}
		if part == "" {
			return netip.Addr{}, false
		}
		octets[i] = byte(n)
	}
	return netip.AddrFrom4(octets), true
}

// address is the socket address of a target for one IP.
func (t *Target) address(ip netip.Addr) loop.Addr {
	if t.Unix {
		return loop.Addr{Unix: t.Host}
	}
	return loop.Addr{Net: netip.AddrPortFrom(ip, t.Port)}
}

// addressName is how $upstream_addr and the logs show an address.
func addressName(a loop.Addr) string {
	if a.Unix != "" {
		return "unix:" + a.Unix
	}
	return a.Net.String()
}
