package logs

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func noLookup(host string) ([]netip.Addr, error) {
	if host == "known" {
		return []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")}, nil
	}
	return nil, errors.New("no such host")
}

func TestParseSyslog(t *testing.T) {
	base := SyslogConf{Facility: 23, Severity: Info, Tag: "nginx"}
	with := func(f func(*SyslogConf)) SyslogConf {
		s := base
		f(&s)
		return s
	}
	tests := []struct {
		params string
		want   SyslogConf
	}{
		{"server=127.0.0.1", with(func(s *SyslogConf) {
			s.Server, s.Addr = "127.0.0.1", netip.MustParseAddrPort("127.0.0.1:514")
		})},
		{"server=known:5140,facility=user,severity=alert,tag=my_tag1,nohostname", SyslogConf{
			Server: "known:5140", Addr: netip.MustParseAddrPort("192.0.2.1:5140"),
			Facility: 1, Severity: Alert, Tag: "my_tag1", NoHostname: true,
		}},
		{"tag=,server=[::1]:12", with(func(s *SyslogConf) {
			s.Server, s.Addr, s.Tag = "[::1]:12", netip.MustParseAddrPort("[::1]:12"), ""
		})},
		{"nohostname,server=unix:/dev/log,nohostname", with(func(s *SyslogConf) {
			s.Server, s.Unix, s.NoHostname = "unix:/dev/log", "/dev/log", true
		})},
	}
	for _, tt := range tests {
		got, err := ParseSyslog(tt.params, noLookup)
		if err != nil || got != tt.want {
			t.Errorf("%s: %+v, %v; want %+v", tt.params, got, err, tt.want)
		}
	}
}

// syslogErrors are what nginx 1.31.5 says; TestOracle checks them again where nginx is installed.
var syslogErrors = []struct{ params, want string }{
	{"", `unknown syslog parameter ""`},
	{"x", `unknown syslog parameter "x"`},
	{"server", `unknown syslog parameter "server"`},
	{"server=127.0.0.1,", `unknown syslog parameter ""`},
	{"server=127.0.0.1,nohostnamex", `unknown syslog parameter "nohostnamex"`},
	{"server=", `no host in syslog server ""`},
	{"server=:514", `no host in syslog server ":514"`},
	{"server=*:514", `host not found in syslog server "*:514"`},
	{"server=nosuch.invalid", `host not found in syslog server "nosuch.invalid"`},
	{"server=300.1.1.1", `host not found in syslog server "300.1.1.1"`},
	{"server=127.0.0.1:x", `invalid port in syslog server "127.0.0.1:x"`},
	{"server=127.0.0.1:", `invalid port in syslog server "127.0.0.1:"`},
	{"server=127.0.0.1:0", `invalid port in syslog server "127.0.0.1:0"`},
	{"server=127.0.0.1:99999", `invalid port in syslog server "127.0.0.1:99999"`},
	{"server=127.0.0.1:51-52", `invalid port in syslog server "127.0.0.1:51-52"`},
	{"server=[::1", `invalid host in syslog server "[::1"`},
	{"server=[::1]514", `invalid host in syslog server "[::1]514"`},
	{"server=[zz]:514", `invalid IPv6 address in syslog server "[zz]:514"`},
	{"server=unix:", `no path in the unix domain socket in syslog server "unix:"`},
	{"server=127.0.0.1,server=127.0.0.1", `duplicate syslog "server"`},
	{"server=127.0.0.1,facility=user,facility=user", `duplicate syslog "facility"`},
	{"server=127.0.0.1,severity=info,severity=info", `duplicate syslog "severity"`},
	{"server=127.0.0.1,tag=a,tag=b", `duplicate syslog "tag"`},
	{"facility=user", `no syslog server specified`},
	{"server=127.0.0.1,facility=LOCAL7", `unknown syslog facility "LOCAL7"`},
	{"server=127.0.0.1,facility=syslog", `unknown syslog facility "syslog"`},
	{"server=127.0.0.1,severity=warning", `unknown syslog severity "warning"`},
	{"server=127.0.0.1,severity=debug_http", `unknown syslog severity "debug_http"`},
	{"server=127.0.0.1,tag=a-b", `syslog "tag" only allows alphanumeric characters and underscore`},
	{"server=127.0.0.1,tag=" + strings.Repeat("a", 33), `syslog tag length exceeds 32`},
	{"server=unix:" + strings.Repeat("a", 108), `too long path in the unix domain socket in syslog server "unix:` + strings.Repeat("a", 108) + `"`},
}

func TestParseSyslogErrors(t *testing.T) {
	for _, tt := range syslogErrors {
		_, err := ParseSyslog(tt.params, noLookup)
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v; want %s", tt.params, err, tt.want)
		}
	}
}

// receiver is a syslog server.
type receiver struct {
	t    *testing.T
	conn net.PacketConn
}

func receive(t *testing.T, network, address string) *receiver {
	t.Helper()
	conn, err := net.ListenPacket(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &receiver{t, conn}
}

func (r *receiver) next() string {
	r.t.Helper()
	b := make([]byte, 8192)
	_ = r.conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	n, _, err := r.conn.ReadFrom(b)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(b[:n])
}

func dialSyslog(t *testing.T, params string) *Syslog {
	t.Helper()
	set, err := ParseSyslog(params, noLookup)
	if err != nil {
		t.Fatal(err)
	}
	s := NewSyslog(set, SyslogOptions{Now: fixed, Hostname: "Host"})
	t.Cleanup(s.Close)
	return s
}

func TestSyslogUDP(t *testing.T) {
	r := receive(t, "udp", "127.0.0.1:0")
	at := "server=" + r.conn.LocalAddr().String()
	tests := []struct {
		params string
		level  Level
		want   string
	}{
		{"", Info, "<190>Nov  4 14:31:05 host nginx: line"},
		{"", Error, "<187>Nov  4 14:31:05 host nginx: line"},
		{",facility=kern,tag=t_1", Emerg, "<0>Nov  4 14:31:05 host t_1: line"},
		{",facility=user,nohostname", Debug, "<15>Nov  4 14:31:05 nginx: line"},
	}
	for _, tt := range tests {
		s := dialSyslog(t, at+tt.params)
		if err := s.WriteLevel(tt.level, []byte("line\n")); err != nil {
			t.Fatal(err)
		}
		if got := r.next(); got != tt.want {
			t.Errorf("%q; want %q", got, tt.want)
		}
	}
	s := dialSyslog(t, at+",severity=warn")
	if err := s.Write([]byte("GET /")); err != nil {
		t.Fatal(err)
	}
	if got := r.next(); got != "<188>Nov  4 14:31:05 host nginx: GET /" {
		t.Errorf("%q", got)
	}
}

func TestSyslogAsErrorLog(t *testing.T) {
	r := receive(t, "udp", "127.0.0.1:0")
	s := dialSyslog(t, "server="+r.conn.LocalAddr().String())
	l := NewLogger(Options{Now: fixed, PID: 9}, Target{Error, s})
	l.Log(Crit, 3, []byte("message"))
	if got := r.next(); got != "<186>Nov  4 14:31:05 host nginx: 2026/11/04 14:31:05 [crit] 9#9: *3 message" {
		t.Errorf("%q", got)
	}
}

func TestSyslogUnixReconnects(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	s := dialSyslog(t, "server=unix:"+path)
	now := fixed()
	s.stamps.now = func() time.Time { return now }
	err := s.Write([]byte("lost"))
	want := "connect() failed (2: No such file or directory) while logging to syslog, server: unix:" + path
	if err == nil || err.Error() != want {
		t.Fatalf("%v; want %s", err, want)
	}
	if err := s.Write([]byte("lost")); err != nil {
		t.Errorf("a second error in a minute: %v", err)
	}
	if s.Lost() != 2 {
		t.Errorf("%d lost", s.Lost())
	}
	r := receive(t, "unixgram", path)
	for _, line := range []string{"one", "two"} {
		_ = s.Write([]byte(line))
		if got := r.next(); !strings.HasSuffix(got, "nginx: "+line) {
			t.Errorf("%q", got)
		}
	}
	r.conn.Close() // the server restarts
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	r = receive(t, "unixgram", path)
	now = now.Add(time.Minute)
	err = s.Write([]byte("three"))
	want = "send() failed (111: Connection refused) while logging to syslog, server: unix:" + path
	if err == nil || err.Error() != want {
		t.Errorf("%v; want %s", err, want)
	}
	if got := r.next(); !strings.HasSuffix(got, "nginx: three") {
		t.Errorf("%q", got)
	}
	if s.Lost() != 2 {
		t.Errorf("%d lost; want 2", s.Lost())
	}
}

// TestSyslogNeverWaits fills the queue of a server that does not read.
func TestSyslogNeverWaits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	receive(t, "unixgram", path)
	s := dialSyslog(t, "server=unix:"+path)
	start := time.Now()
	for range 5000 {
		_ = s.Write([]byte(strings.Repeat("x", 500)))
	}
	if s.Lost() == 0 {
		t.Error("nothing was dropped")
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Errorf("5000 lines took %v", d)
	}
}

func TestSyslogAllocatesNothing(t *testing.T) {
	r := receive(t, "udp", "127.0.0.1:0")
	s := dialSyslog(t, "server="+r.conn.LocalAddr().String())
	line := []byte("GET / HTTP/1.1")
	if n := testing.AllocsPerRun(100, func() { _ = s.Write(line) }); n != 0 {
		t.Errorf("Write allocates %v times; want 0", n)
	}
}

func FuzzParseSyslog(f *testing.F) {
	for _, tt := range syslogErrors {
		f.Add(tt.params)
	}
	f.Add("server=127.0.0.1:5140,facility=user,severity=alert,tag=my_tag1,nohostname")
	f.Fuzz(func(t *testing.T, params string) {
		s, err := ParseSyslog(params, noLookup)
		if err == nil && s.Unix == "" && !s.Addr.IsValid() {
			t.Errorf("%q gives no address", params)
		}
	})
}
