package logs

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// SyslogOptions are what a Syslog needs of its surroundings. The zero value is the real world.
type SyslogOptions struct {
	Now      Clock
	Hostname string
}

// A Syslog sends lines to a syslog server, each in a datagram, in the form of RFC 3164:
//
//	<190>Nov 24 14:31:05 host nginx: message
//
// It never waits: a line that the socket does not take at once is dropped and counted. A lost server
// is connected to anew at once. While loops serve, one of them sends (syslog_loop.go).
//
// Any goroutine.
type Syslog struct {
	set    SyslogConf
	addr   unix.Sockaddr
	family int
	middle string // what stands between date and message
	stamps stamps

	mu   sync.Mutex // guards fd, buf
	fd   int
	buf  []byte
	lost atomic.Uint64
	// reported is the second of the last error that Write returned.
	reported int64
	carried  carried
	closed   func() // NewSyslog's files forget it; nil: none do
}

// NewSyslog makes a Syslog; it connects with the first line.
func NewSyslog(set SyslogConf, o SyslogOptions) *Syslog {
	s := &Syslog{set: set, fd: -1}
	s.stamps.init(o.Now)
	host := o.Hostname
	if host == "" {
		host, _ = os.Hostname()
	}
	if !set.NoHostname {
		s.middle = " " + strings.ToLower(host)
	}
	s.middle += " " + set.Tag + ": "
	s.family, s.addr = sockaddr(set)
	return s
}

func sockaddr(set SyslogConf) (family int, addr unix.Sockaddr) {
	switch {
	case set.Unix != "":
		return unix.AF_UNIX, &unix.SockaddrUnix{Name: set.Unix}
	case set.Addr.Addr().Is4():
		return unix.AF_INET, &unix.SockaddrInet4{Port: int(set.Addr.Port()), Addr: set.Addr.Addr().As4()}
	default:
		return unix.AF_INET6, &unix.SockaddrInet6{Port: int(set.Addr.Port()), Addr: set.Addr.Addr().As16()}
	}
}

// Settings are what the Syslog was made with.
func (s *Syslog) Settings() SyslogConf { return s.set }

// Lost is the number of lines that were dropped.
func (s *Syslog) Lost() uint64 { return s.lost.Load() }

// Write sends a line of an access log, with the configured severity. A newline at its end is left
// out. The error, if any, is for the error log; there is one a minute at most.
func (s *Syslog) Write(line []byte) error { return s.WriteLevel(s.set.Severity, line) }

// WriteLevel sends a line of an error log: its level is the severity.
func (s *Syslog) WriteLevel(v Level, line []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	packet := s.packet(v, line)
	if s.carried.loop != nil {
		return s.queueLine(packet)
	}
	return s.sendAgain(packet)
}

// sendAgain sends a datagram, a second time if the connection was broken. It is called with mu held.
func (s *Syslog) sendAgain(packet []byte) error {
	call, err := s.send(packet)
	if err == nil {
		return nil
	}
	// A broken connection shows with the line after the one that broke it; a new one may do.
	if call != "send()" || err == unix.EAGAIN {
		s.lost.Add(1)
	} else if _, again := s.send(packet); again != nil {
		s.lost.Add(1)
	}
	return s.report(call, err)
}

// report makes the error to return, once a minute. It is called with mu held.
func (s *Syslog) report(call string, err error) error {
	now := s.stamps.now().Unix()
	if s.reported != 0 && now-s.reported < 60 {
		return nil
	}
	s.reported = now
	return &syslogError{CallError{Call: call, Err: err}, s.set.Server}
}

// packet makes the datagram of a line. It is called with mu held.
func (s *Syslog) packet(v Level, line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
	}
	b := append(s.buf[:0], '<')
	b = strconv.AppendInt(b, int64(s.set.Facility*8+severity(v)), 10)
	b = append(b, '>')
	b = append(b, s.stamps.get().syslog[:]...)
	b = append(b, s.middle...)
	b = append(b, line...)
	s.buf = b
	return b
}

// severity is the code of a level in syslog.
func severity(v Level) int { return min(max(int(v)-1, 0), 7) }

// send sends a datagram, and gives a broken connection up. It is called with mu held.
func (s *Syslog) send(packet []byte) (call string, err error) {
	if s.fd < 0 {
		if call, err = s.connect(); err != nil {
			return call, err
		}
	}
	if err = s.sendOnce(packet); err != nil && err != unix.EAGAIN {
		s.disconnect()
	}
	return "send()", err
}

func (s *Syslog) sendOnce(packet []byte) error {
	for {
		err := unix.Send(s.fd, packet, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		if err != unix.EINTR {
			return err
		}
	}
}

func (s *Syslog) connect() (call string, err error) {
	fd, err := datagramSocket(s.family)
	if err != nil {
		return "socket()", err
	}
	if err := unix.Connect(fd, s.addr); err != nil {
		unix.Close(fd)
		return "connect()", err
	}
	s.fd = fd
	return "", nil
}

func (s *Syslog) disconnect() {
	if s.fd >= 0 {
		unix.Close(s.fd)
		s.fd = -1
	}
}

// Close sends what is queued, and closes the socket.
func (s *Syslog) Close() {
	if s.closed != nil {
		s.closed()
	}
	s.sendOn(nil)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.disconnect()
}

// syslogError is a failed call on the way to a syslog server.
type syslogError struct {
	CallError
	server string
}

func (e *syslogError) Error() string {
	return e.CallError.Error() + " while logging to syslog, server: " + e.server
}
