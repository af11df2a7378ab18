package listen

import (
	"net/netip"
	"strings"

	"weir/logs"
	"weir/loop"

	"golang.org/x/sys/unix"
)

// open makes a socket of a Spec, bound and listening, non-blocking and closed on exec. The error is nginx's sentence, without what to do
// about it. With replace, a socket file that no process listens on any more is replaced: nginx would ask for it to be removed by hand. alert
// is told of options that could not be set.
func open(s Spec, replace bool, alert func(error)) (fd int, err error) {
	fd, err = newSocket(s)
	if err != nil {
		return -1, failed("socket()", s, err)
	}
	if err := setUp(fd, s, replace); err != nil {
		unix.Close(fd)
		return -1, err
	}
	Configure(fd, s, alert)
	return fd, nil
}

func newSocket(s Spec) (int, error) {
	domain := unix.AF_INET
	switch {
	case s.isUnix():
		domain = unix.AF_UNIX
	case s.isIPv6():
		domain = unix.AF_INET6
	}
	switch {
	case s.Datagrams:
		return newDescriptor(domain, unix.SOCK_DGRAM, 0)
	case s.Multipath:
		return newDescriptor(domain, unix.SOCK_STREAM, protoMultipath)
	}
	return newDescriptor(domain, unix.SOCK_STREAM, 0)
}

// setUp does what must be done before and at bind, and listens.
func setUp(fd int, s Spec, replace bool) error {
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return failed("setsockopt(SO_REUSEADDR)", s, err)
	}
	if (s.ReusePort || s.Datagrams) && !s.isUnix() {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
			return failed("setsockopt(SO_REUSEPORT)", s, err)
		}
	}
	if s.isIPv6() {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, flag(!s.BothStacks)); err != nil {
			return failed("setsockopt(IPV6_V6ONLY)", s, err)
		}
	}
	if err := bind(fd, s, replace); err != nil {
		return failed("bind() to", s, err)
	}
	if s.isUnix() {
		if err := unix.Chmod(s.Addr.Unix, 0o666); err != nil {
			return &logs.CallError{Call: "chmod()", On: "\"" + s.Addr.Unix + "\"", Err: err}
		}
	}
	if s.Datagrams {
		return nil
	}
	return doListen(fd, s)
}

func bind(fd int, s Spec, replace bool) error {
	err := unix.Bind(fd, sockaddr(s))
	if err == unix.EADDRINUSE && replace && s.isUnix() && isStale(s.Addr.Unix) && unix.Unlink(s.Addr.Unix) == nil {
		err = unix.Bind(fd, sockaddr(s))
	}
	return err
}

// isStale reports whether path is a socket that nobody listens on: what a killed server leaves.
func isStale(path string) bool {
	fd, err := newDescriptor(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if unix.Lstat(path, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFSOCK {
		return false
	}
	return unix.Connect(fd, &unix.SockaddrUnix{Name: unixPath(path)}) == unix.ECONNREFUSED
}

func doListen(fd int, s Spec) error {
	if err := unix.Listen(fd, min(s.Backlog, maxBacklog)); err != nil {
		return &logs.CallError{Call: "listen() to", On: s.String() + ", backlog " + itoa(s.Backlog), Err: err}
	}
	return nil
}

const maxBacklog = 1<<31 - 1 // listen(2) takes an int of C

func sockaddr(s Spec) unix.Sockaddr {
	addr, port := s.Addr.Net.Addr(), int(s.Addr.Net.Port())
	switch {
	case s.isUnix():
		return &unix.SockaddrUnix{Name: unixPath(s.Addr.Unix)}
	case addr.Is4():
		return &unix.SockaddrInet4{Port: port, Addr: addr.As4()}
	}
	return &unix.SockaddrInet6{Port: port, Addr: addr.As16()}
}

// unixPath is a path as package unix takes it for one: a name that begins with "@" would be Linux's abstract kind, which nginx
// does not know.
func unixPath(path string) string {
	if strings.HasPrefix(path, "@") {
		return "./" + path
	}
	return path
}

func failed(call string, s Spec, err error) error {
	return &logs.CallError{Call: call, On: s.String(), Err: err}
}

// CloseAll closes descriptors; those below 0 are none.
func CloseAll(fds []int) {
	for _, fd := range fds {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

// Remove removes the file of a Unix domain socket, when the process ends and has not handed the
// socket on. For other addresses it does nothing.
func Remove(s Spec) error {
	if !s.isUnix() {
		return nil
	}
	if err := unix.Unlink(s.Addr.Unix); err != nil {
		return &logs.CallError{Call: "unlink()", On: s.String(), Err: err}
	}
	return nil
}

// Inherited describes a listening socket that another process opened. Which loop's it is, if it is one for datagrams, is for the caller to
// find out.
func Inherited(fd int) (Spec, error) {
	s, err := inheritedAddress(fd)
	if err != nil {
		return s, err
	}
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return s, &logs.CallError{Call: "getsockopt(SO_TYPE)", On: s.String(), Err: err}
	}
	s.Datagrams = kind == unix.SOCK_DGRAM
	return s, nil
}

func inheritedAddress(fd int) (Spec, error) {
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return Spec{}, &logs.CallError{Call: "getsockname()", On: "of the inherited socket #" + itoa(fd), Err: err}
	}
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return newSpec(loop.Addr{Net: netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))}), nil
	case *unix.SockaddrInet6:
		return newSpec(loop.Addr{Net: netip.AddrPortFrom(netip.AddrFrom16(sa.Addr), uint16(sa.Port))}), nil
	case *unix.SockaddrUnix:
		return newSpec(loop.Addr{Unix: sa.Name}), nil
	}
	return Spec{}, &logs.CallError{Call: "getsockname()", On: "of the inherited socket #" + itoa(fd), Err: unix.EAFNOSUPPORT}
}
