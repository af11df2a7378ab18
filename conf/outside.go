package conf

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"syscall"
)

// An Outside is the world as a configuration sees it while it is read: files and names. What is nil is the operating
// system's. Loading asks nothing else of the world, so that who has the answers (Record) can load it again elsewhere
// (Recorded.Outside), without rights and without a doubt that it is the same configuration.
type Outside struct {
	Read   func(path string) ([]byte, error)
	Glob   func(pattern string) ([]string, error) // sorted paths
	Lookup Lookup
}

// A Lookup finds the addresses of a name while a configuration is read. It may wait.
type Lookup func(host string) ([]netip.Addr, error)

func (o Outside) withDefaults() Outside {
	if o.Read == nil {
		o.Read = os.ReadFile
	}
	if o.Glob == nil {
		o.Glob = globFiles
	}
	if o.Lookup == nil {
		o.Lookup = LookupHost
	}
	return o
}

// LookupHost finds the addresses of a name by the system's ways (hosts file, resolv.conf). As nginx, which asks with
// AI_ADDRCONFIG, it leaves out the family that the machine has no address of, loopback not counted. It may wait.
func LookupHost(host string) ([]netip.Addr, error) {
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

// families tells which kinds of address the machine has.
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

// Recorded is what loading a configuration was told by the outside. It can be sent to another process.
type Recorded struct {
	Files map[string]RecordedFile
	Globs map[string][]string
	Names map[string]RecordedName
}

// A RecordedFile is a file that was read, or why it could not be.
type RecordedFile struct {
	Text  []byte
	Errno int
}

// A RecordedName is a name that was looked up; without addresses it was not found, for the reason of Err.
type RecordedName struct {
	Addrs []netip.Addr
	Err   string
}

// Record returns an Outside that asks o and keeps what it says in r. Any goroutine.
func (o Outside) Record(r *Recorded) Outside {
	o = o.withDefaults()
	*r = Recorded{Files: map[string]RecordedFile{}, Globs: map[string][]string{}, Names: map[string]RecordedName{}}
	var mu sync.Mutex
	return Outside{
		Read: func(path string) ([]byte, error) {
			text, err := o.Read(path)
			f := RecordedFile{Text: text}
			if err != nil {
				f = RecordedFile{Errno: int(errnoOf(err))}
			}
			mu.Lock()
			r.Files[path] = f
			mu.Unlock()
			return text, err
		},
		Glob: func(pattern string) ([]string, error) {
			names, err := o.Glob(pattern)
			mu.Lock()
			r.Globs[pattern] = names
			mu.Unlock()
			return names, err
		},
		Lookup: func(host string) ([]netip.Addr, error) {
			addrs, err := o.Lookup(host)
			n := RecordedName{Addrs: addrs}
			if err != nil {
				n = RecordedName{Err: err.Error()}
			}
			mu.Lock()
			r.Names[host] = n
			mu.Unlock()
			return addrs, err
		},
	}
}

// errUnasked is the answer to what was not asked when the recording was made: the two loads are not of one mind.
var errUnasked = errors.New("it was not asked for when the configuration was first read")

// Outside returns the world as it was recorded, and as nothing else.
func (r *Recorded) Outside() Outside {
	return Outside{
		Read: func(path string) ([]byte, error) {
			f, ok := r.Files[path]
			switch {
			case !ok:
				return nil, errUnasked
			case f.Errno != 0:
				return nil, syscall.Errno(f.Errno)
			}
			return f.Text, nil
		},
		Glob: func(pattern string) ([]string, error) {
			names, ok := r.Globs[pattern]
			if !ok {
				return nil, errUnasked
			}
			return names, nil
		},
		Lookup: func(host string) ([]netip.Addr, error) {
			n, ok := r.Names[host]
			switch {
			case !ok:
				return nil, errUnasked
			case n.Err != "":
				return nil, errors.New(n.Err)
			}
			return n.Addrs, nil
		},
	}
}

func errnoOf(err error) syscall.Errno {
	var no syscall.Errno
	if !errors.As(err, &no) {
		return syscall.EIO
	}
	return no
}
