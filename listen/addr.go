package listen

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"weir/conf"
	"weir/loop"
)

// addrError says what is wrong with an address, in nginx's words.
type addrError struct{ what, addr string }

func (e *addrError) Error() string {
	return fmt.Sprintf("%s in \"%s\" of the \"listen\" directive", e.what, e.addr)
}

// The things that can be wrong.
const (
	badHost    = "invalid host"
	badPort    = "invalid port"
	badRange   = "invalid port range"
	badIPv6    = "invalid IPv6 address"
	noHost     = "no host"
	noPath     = "no path in the unix domain socket"
	longPath   = "too long path in the unix domain socket"
	unknownHow = "host not found"
)

const maxUnixPath = 108 // sun_path of unix(7), with its final NUL

// ports is a range of ports, ends included.
type ports struct{ first, last uint16 }

// ParseAddr reads the address of a listen directive: a port, a host, both, or unix:path. Several
// Specs come of a range of ports and of a host with several addresses. A nil lookup asks the
// operating system. The error is nginx's sentence.
func ParseAddr(s string, lookup conf.Lookup) ([]Spec, error) {
	if scheme := "unix:"; len(s) >= len(scheme) && strings.EqualFold(s[:len(scheme)], scheme) {
		return parseUnix(s, s[len(scheme):])
	}
	host, p, bad := splitAddr(s)
	if bad != "" {
		return nil, &addrError{bad, s}
	}
	addrs, bad := resolve(host, lookup)
	if bad != "" {
		return nil, &addrError{bad, s}
	}
	var specs []Spec
	for port := int(p.first); port <= int(p.last); port++ {
		for _, a := range addrs {
			specs = append(specs, newSpec(loop.Addr{Net: netip.AddrPortFrom(a, uint16(port))}))
		}
	}
	return specs, nil
}

func parseUnix(s, path string) ([]Spec, error) {
	switch {
	case path == "":
		return nil, &addrError{noPath, s}
	case len(path) >= maxUnixPath:
		return nil, &addrError{longPath, s}
	}
	return []Spec{newSpec(loop.Addr{Unix: path})}, nil
}

// splitAddr cuts an address into its host, brackets included, and its ports. bad says what is wrong.
func splitAddr(s string) (host string, p ports, bad string) {
	p = ports{DefaultPort, DefaultPort}
	rest := ""
	colon := false
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 || strings.ContainsAny(s[end:], "/?") || end+1 < len(s) && s[end+1] != ':' {
			return "", p, badHost
		}
		host = s[:end+1]
		_, rest, colon = strings.Cut(s[end:], ":")
	} else {
		if strings.ContainsAny(s, "/?") {
			return "", p, badHost
		}
		if alone, bad, ok := parseAlone(s); ok {
			return "*", alone, bad
		}
		host, rest, colon = strings.Cut(s, ":")
	}
	if colon {
		if p, bad = parsePorts(rest); bad != "" {
			return "", p, bad
		}
	}
	if host == "" || host == "[]" {
		return "", p, noHost
	}
	return host, p, ""
}

// parseAlone reads a port or a range without a host. What is not made of numbers is a host.
func parseAlone(s string) (p ports, bad string, ok bool) {
	if strings.IndexByte(s, ':') >= 0 {
		return p, "", false
	}
	first, last, dash := strings.Cut(s, "-")
	if !isNumber(first) || dash && !isNumber(last) {
		return p, "", false
	}
	p, bad = parsePorts(s)
	return p, bad, true
}

// parsePorts reads a port or a range of ports.
func parsePorts(s string) (p ports, bad string) {
	first, last, dash := strings.Cut(s, "-")
	if !dash {
		last = first
	}
	from, ok := parsePort(first)
	to, ok2 := parsePort(last)
	switch {
	case !ok || !ok2:
		return p, badPort
	case to < from:
		return p, badRange
	}
	return ports{from, to}, ""
}

func parsePort(s string) (uint16, bool) {
	if !isNumber(s) {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 16)
	return uint16(n), err == nil && n > 0
}

func isNumber(s string) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return s != ""
}

// resolve finds the addresses of a host.
func resolve(host string, lookup conf.Lookup) (addrs []netip.Addr, bad string) {
	if host == "*" {
		return []netip.Addr{netip.IPv4Unspecified()}, ""
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		a, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
		if err != nil || !a.Is6() || a.Zone() != "" {
			return nil, badIPv6
		}
		return []netip.Addr{a}, ""
	}
	if a, ok := parseIPv4(host); ok {
		return []netip.Addr{a}, ""
	}
	if lookup == nil {
		lookup = conf.LookupHost
	}
	addrs, err := lookup(host)
	if err != nil || len(addrs) == 0 {
		return nil, unknownHow
	}
	return addrs, ""
}

// parseIPv4 reads four numbers with dots. As in nginx they may begin with zeros and are decimal then.
func parseIPv4(s string) (netip.Addr, bool) {
	var b [4]byte
	parts := strings.Split(s, ".")
	if len(parts) != len(b) {
		return netip.Addr{}, false
	}
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 8)
		if err != nil || !isNumber(part) {
			return netip.Addr{}, false
		}
		b[i] = byte(n)
	}
	return netip.AddrFrom4(b), true
}
