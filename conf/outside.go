package conf

import (
	"context"
	"net"
	"net/netip"
	"os"
	"os/user"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// An Outside is the world as a configuration sees it while it is read. What is nil is the operating system's. Loading asks
// nothing else of the world, so that who has the answers (Record) can load it again elsewhere (Recorded.Outside), without
// rights and without a doubt that it is the same configuration.
type Outside struct {
	Read func(path string) ([]byte, error)
	// Open opens a file that is too large to be read as a whole, such as a database of addresses. Nobody closes it: it is closed when
	// nobody refers to it.
	Open   func(path string) (*os.File, error)
	Glob   func(pattern string) ([]string, error) // sorted paths
	Lookup Lookup
	User   func(name string) (User, error)
	Group  func(name string) (gid int, err error)
	Facts  func() Facts
}

// Facts are what a configuration means something else with: who reads it, and on what machine.
type Facts struct {
	Root       bool // the process that opens addresses may become another user
	Processors int
	Hostname   string
}

// A User is an entry of the system's list of users.
type User struct {
	UID, GID int
	Groups   []int // of all kinds, GID among them or not
}

// A Lookup finds the addresses of a name while a configuration is read. It may wait.
type Lookup func(host string) ([]netip.Addr, error)

func (o Outside) withDefaults() Outside {
	if o.Read == nil {
		o.Read = os.ReadFile
	}
	if o.Open == nil {
		o.Open = os.Open
	}
	if o.Glob == nil {
		o.Glob = globFiles
	}
	if o.Lookup == nil {
		o.Lookup = LookupHost
	}
	if o.User == nil {
		o.User = lookupUser
	}
	if o.Group == nil {
		o.Group = lookupGroup
	}
	if o.Facts == nil {
		o.Facts = facts
	}
	return o
}

func facts() Facts {
	f := Facts{Root: os.Geteuid() == 0, Processors: runtime.NumCPU()}
	f.Hostname, _ = os.Hostname()
	return f
}

func lookupUser(name string) (found User, err error) {
	u, err := user.Lookup(name)
	if err != nil {
		return found, err
	}
	found.UID, _ = strconv.Atoi(u.Uid)
	found.GID, _ = strconv.Atoi(u.Gid)
	groups, _ := u.GroupIds() // a user without further groups is no error
	for _, g := range groups {
		if gid, err := strconv.Atoi(g); err == nil {
			found.Groups = append(found.Groups, gid)
		}
	}
	return found, nil
}

func lookupGroup(name string) (gid int, err error) {
	g, err := user.LookupGroup(name)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(g.Gid)
}

// LookupHost finds the addresses of a name by the system's ways (hosts file, resolv.conf). As nginx, which asks with
// AI_ADDRCONFIG, it leaves out the family that the machine has no address of, loopback not counted. It may wait.
func LookupHost(host string) ([]netip.Addr, error) {
	if a, ok := parseNumbers(host); ok {
		return []netip.Addr{a}, nil
	}
	r := net.Resolver{PreferGo: true}
	found, err := r.LookupNetIP(context.Background(), "ip", host)
	if err != nil {
		return nil, err
	}
	has4, has6 := families()
	addrs := make([]netip.Addr, 0, len(found))
	for _, a := range found {
		a = a.Unmap()
		if (has4 == has6 || a.Is4() == has4) && !slices.Contains(addrs, a) {
			addrs = append(addrs, a)
		}
	}
	if len(addrs) == 0 {
		return nil, &net.DNSError{Err: "no usable address", Name: host, IsNotFound: true}
	}
	return addrs, nil
}

// parseNumbers reads an IPv4 address in the old forms of inet_aton(3), which the C library takes for addresses, too: one to four
// numbers, decimal, octal (0…) or hexadecimal (0x…), of which the last fills what is left.
func parseNumbers(host string) (netip.Addr, bool) {
	parts := strings.Split(host, ".")
	if len(parts) > 4 {
		return netip.Addr{}, false
	}
	all := uint64(0)
	for i, part := range parts {
		bits := 8
		if i == len(parts)-1 {
			bits = 8 * (5 - len(parts))
		}
		n, err := strconv.ParseUint(part, 0, bits)
		if err != nil || part[0] < '0' || part[0] > '9' || strings.ContainsAny(part, "_bBoO") {
			return netip.Addr{}, false
		}
		all = all<<bits | n
	}
	return netip.AddrFrom4([4]byte{byte(all >> 24), byte(all >> 16), byte(all >> 8), byte(all)}), true
}

// families reports which kinds of address the machine has.
func families() (has4, has6 bool) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return true, true
	}
	for _, a := range addrs {
		n, ok := a.(*net.IPNet)
		if !ok || n.IP.IsLoopback() {
			continue
		}
		if n.IP.To4() != nil {
			has4 = true
		} else {
			has6 = true
		}
	}
	return has4, has6
}
