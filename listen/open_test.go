package listen

import (
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/logs"
	"weir/loop"

	"golang.org/x/sys/unix"
)

func spec(t *testing.T, words string) Spec {
	t.Helper()
	specs, err := parseWords(strings.Fields(words), noLookup)
	if err != nil {
		t.Fatal(err)
	}
	return specs[0]
}

// free is a Spec of an address that nobody has.
func free(t *testing.T, params string) Spec {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return spec(t, l.Addr().String()+" "+params)
}

func mustOpen(t *testing.T, s Spec) int {
	t.Helper()
	fd, err := open(s, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

func option(t *testing.T, fd, level, name int) int {
	t.Helper()
	v, err := unix.GetsockoptInt(fd, level, name)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func dial(t *testing.T, network, addr string) {
	t.Helper()
	c, err := net.DialTimeout(network, addr, 2*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

func TestConfigureAlerts(t *testing.T) {
	fd := mustOpen(t, spec(t, "unix:"+filepath.Join(t.TempDir(), "a")))
	bad := free(t, "so_keepalive=99999:1:1")
	var told []string
	Configure(fd, bad, func(err error) { told = append(told, err.Error()) })
	if len(told) == 0 || !strings.HasPrefix(told[0], "setsockopt(TCP_KEEPIDLE, 99999) "+bad.String()+" failed (") {
		t.Errorf("%q", told)
	}
}

func TestIPv6Only(t *testing.T) {
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skip(err)
	}
	port := l.Addr().(*net.TCPAddr).AddrPort().Port()
	l.Close()
	s := Spec{Addr: loop.Addr{Net: netip.AddrPortFrom(netip.IPv6Unspecified(), port)}, Backlog: 5, FastOpen: -1}
	fd := mustOpen(t, s)
	if option(t, fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY) != 1 {
		t.Error("an IPv6 socket takes IPv4")
	}
	unix.Close(fd)
	s.BothStacks = true
	fd = mustOpen(t, s)
	if option(t, fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY) != 0 {
		t.Error("ipv6only=off does nothing")
	}
	if got, err := Inherited(fd); err != nil || got.String() != s.String() {
		t.Errorf("%v, %v", got, err)
	}
}

func TestOpenInUse(t *testing.T) {
	s := free(t, "")
	mustOpen(t, s)
	_, err := open(s, true, nil)
	want := "bind() to " + s.String() + " failed (98: Address already in use)"
	if errText(err) != want || !InUse(err) {
		t.Errorf("%v; want %s", err, want)
	}
	_, err = open(spec(t, "192.0.2.1:80"), true, nil)
	if errText(err) != "bind() to 192.0.2.1:80 failed (99: Cannot assign requested address)" || InUse(err) {
		t.Error(err)
	}
	_, err = open(spec(t, "unix:/nonexistent/a"), true, nil)
	if errText(err) != "bind() to unix:/nonexistent/a failed (2: No such file or directory)" {
		t.Error(err)
	}
}

func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.sock")
	s := spec(t, "unix:"+path)
	fd, err := open(s, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	dial(t, "unix", path)
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o666 {
		t.Errorf("%v %v", st.Mode(), err)
	}
	if got, err := Inherited(fd); err != nil || got.Addr != s.Addr {
		t.Errorf("%v %v", got, err)
	}
	if _, err := open(s, true, nil); !InUse(err) {
		t.Errorf("a living socket is taken over: %v", err)
	}
	unix.Close(fd) // as a killed server leaves it
	fd = mustOpen(t, s)
	dial(t, "unix", path)
	unix.Close(fd)
	if err := Remove(s); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Error("the file stays")
	}
	if err := Remove(spec(t, "80")); err != nil {
		t.Error(err)
	}
}

func TestOpenKeepsOrdinaryFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte("text"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := open(spec(t, "unix:"+path), true, nil); !InUse(err) {
		t.Error(err)
	}
	if b, _ := os.ReadFile(path); string(b) != "text" {
		t.Error("the file is gone")
	}
}

func TestOpenAllTriesAgain(t *testing.T) {
	taken, other := free(t, ""), free(t, "")
	holder := mustOpen(t, taken)
	var slept time.Duration
	var said []string
	o := Opener{
		Sleep: func(d time.Duration) {
			if slept += d; slept == time.Second { // the second time
				unix.Close(holder)
			}
		},
		Log: func(v logs.Level, msg string) { said = append(said, v.String()+": "+msg) },
	}
	fds, err := o.OpenAll([]Spec{taken, other})
	if err != nil {
		t.Fatal(err)
	}
	defer CloseAll(fds)
	dial(t, "tcp", taken.String())
	dial(t, "tcp", other.String())
	bind := "emerg: bind() to " + taken.String() + " failed (98: Address already in use)"
	again := "notice: try again to bind() after 500ms"
	want := []string{bind, again, bind, again}
	if strings.Join(said, "\n") != strings.Join(want, "\n") {
		t.Errorf("%q", said)
	}
}

func TestOpenAllGivesUp(t *testing.T) {
	taken, other := free(t, ""), free(t, "")
	mustOpen(t, taken)
	tries := 0
	o := Opener{Sleep: func(time.Duration) { tries++ }}
	_, err := o.OpenAll([]Spec{other, taken})
	if err != ErrBind || tries != 5 || err.Error() != "still could not bind()" {
		t.Errorf("%v after %d", err, tries)
	}
	mustOpen(t, other) // it was closed again
	_, err = o.OpenAll([]Spec{spec(t, "192.0.2.1:80")})
	if err == nil || err == ErrBind || tries != 5 {
		t.Errorf("%v: such an address is not worth a second try", err)
	}
}

func TestInheritedError(t *testing.T) {
	_, err := Inherited(-1)
	if err == nil || !strings.Contains(err.Error(), "(9: Bad file descriptor)") {
		t.Error(err)
	}
}

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	stale, fresh := filepath.Join(dir, "stale"), filepath.Join(dir, "fresh")
	fd, err := open(spec(t, "unix:"+stale), true, nil)
	if err != nil {
		t.Fatal(err)
	}
	unix.Close(fd)
	taken, idle := free(t, ""), free(t, "")
	mustOpen(t, taken)
	specs := []Spec{taken, idle, spec(t, "unix:"+stale), spec(t, "unix:"+fresh)}
	if err := (Opener{}).Check(specs); err != nil {
		t.Error(err)
	}
	mustOpen(t, idle)
	if _, err := os.Stat(stale); err != nil {
		t.Error("a test removed a socket")
	}
	if _, err := os.Stat(fresh); !os.IsNotExist(err) {
		t.Error("a test left a socket")
	}
	var said string
	o := Opener{Log: func(v logs.Level, msg string) { said = v.String() + ": " + msg }}
	if err := o.Check([]Spec{spec(t, "192.0.2.1:80")}); err == nil || said != "emerg: "+err.Error() {
		t.Errorf("%v, %q", err, said)
	}
}

func TestOpenAllAlerts(t *testing.T) {
	var said []string
	o := Opener{Log: func(v logs.Level, msg string) { said = append(said, v.String()+": "+msg) }}
	fds, err := o.OpenAll([]Spec{free(t, "so_keepalive=99999:1:1")})
	if err != nil {
		t.Fatal(err)
	}
	CloseAll(fds)
	if len(said) != 1 || !strings.HasPrefix(said[0], "alert: setsockopt(TCP_KEEPIDLE, 99999)") {
		t.Errorf("%q", said)
	}
}
