package listen

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
)

func noLookup(host string) ([]netip.Addr, error) {
	if host == "known" {
		return []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}, nil
	}
	return nil, errors.New("no such host")
}

var addrTests = []struct{ addr, want string }{
	{"80", "0.0.0.0:80"},
	{"00080", "0.0.0.0:80"},
	{"*", "0.0.0.0:80"},
	{"*:8080", "0.0.0.0:8080"},
	{"127.0.0.1", "127.0.0.1:80"},
	{"127.0.0.1:8080", "127.0.0.1:8080"},
	{"127.0.0.01:08080", "127.0.0.1:8080"},
	{"0.0.0.0", "0.0.0.0:80"},
	{"known", "192.0.2.1:80 [2001:db8::1]:80"},
	{"known:8000-8001", "192.0.2.1:8000 [2001:db8::1]:8000 192.0.2.1:8001 [2001:db8::1]:8001"},
	{"[::]", "[::]:80"},
	{"[::]:8080", "[::]:8080"},
	{"[::1]", "[::1]:80"},
	{"[0:0:0:1:0:0:0:2]", "[::1:0:0:0:2]:80"},
	{"[1:0:0:2:0:0:3:0]:1", "[1::2:0:0:3:0]:1"},
	{"[::ffff:1.2.3.4]:1", "[::ffff:1.2.3.4]:1"},
	{"[::1]:8000-8001", "[::1]:8000 [::1]:8001"},
	{"8000-8002", "0.0.0.0:8000 0.0.0.0:8001 0.0.0.0:8002"},
	{"8000-8000", "0.0.0.0:8000"},
	{"65535", "0.0.0.0:65535"},
	{"65534-65535", "0.0.0.0:65534 0.0.0.0:65535"},
	{"127.0.0.1:80-81", "127.0.0.1:80 127.0.0.1:81"},
	{"*:80-81", "0.0.0.0:80 0.0.0.0:81"},
	{"unix:/run/a.sock", "unix:/run/a.sock"},
	{"unix:a?b", "unix:a?b"},
	{"UNIX:/run/a.sock", "unix:/run/a.sock"},
}

func texts(specs []Spec) string {
	words := make([]string, len(specs))
	for i, s := range specs {
		words[i] = s.String()
	}
	return strings.Join(words, " ")
}

func TestParseAddr(t *testing.T) {
	for _, tt := range addrTests {
		specs, err := ParseAddr(tt.addr, noLookup)
		if err != nil || texts(specs) != tt.want {
			t.Errorf("%s: %s, %v; want %s", tt.addr, texts(specs), err, tt.want)
		}
		for _, s := range specs {
			if s.Backlog != DefaultBacklog || s.FastOpen != -1 || s.Set || s.Bind {
				t.Errorf("%s: %+v", tt.addr, s)
			}
		}
	}
}

// addrErrors are what nginx 1.31.5 says before `in "…" of the "listen" directive`; TestOracle asks
// again where nginx is installed.
var addrErrors = []struct{ addr, want string }{
	{"", "no host"},
	{":80", "no host"},
	{"[]", "no host"},
	{"[]:80", "no host"},
	{"[]:x", "invalid port"},
	{"0", "invalid port"},
	{"65536", "invalid port"},
	{"99999", "invalid port"},
	{"99999-80", "invalid port"},
	{"70000-80000", "invalid port"},
	{"65535-65536", "invalid port"},
	{"0-5", "invalid port"},
	{"8010-8000", "invalid port range"},
	{"*:80-70", "invalid port range"},
	{"[::1]:80-70", "invalid port range"},
	{"*:", "invalid port"},
	{"*:0", "invalid port"},
	{"*:x-70", "invalid port"},
	{"*:80-x", "invalid port"},
	{"*:80-99999", "invalid port"},
	{"*:80*", "invalid port"},
	{"127.0.0.1:", "invalid port"},
	{"127.0.0.1:x", "invalid port"},
	{"127.0.0.1:80x", "invalid port"},
	{"127.0.0.1:80-", "invalid port"},
	{"127.0.0.1:0-5", "invalid port"},
	{"localhost:80-81-82", "invalid port"},
	{"0000:0000", "invalid port"},
	{"::1", "invalid port"},
	{"fe80::1:80", "invalid port"},
	{"[::1]:", "invalid port"},
	{"[::1]:x", "invalid port"},
	{"[::1]:0", "invalid port"},
	{"[::1", "invalid host"},
	{"[::1]80", "invalid host"},
	{"[::1]/x", "invalid host"},
	{"[::1]:80/x", "invalid host"},
	{"127.0.0.1:80/foo", "invalid host"},
	{"127.0.0.1?x:80", "invalid host"},
	{"80-81/x", "invalid host"},
	{"x/y:z", "invalid host"},
	{"http://x", "invalid host"},
	{"[zz]:80", "invalid IPv6 address"},
	{"[/]:80", "invalid IPv6 address"},
	{"[::1%lo]:80", "invalid IPv6 address"},
	{"[127.0.0.1]:80", "invalid IPv6 address"},
	{"8000-", "host not found"},
	{"-1", "host not found"},
	{"1-x", "host not found"},
	{"0-x", "host not found"},
	{"80-90-100", "host not found"},
	{"+80", "host not found"},
	{"80 ", "host not found"},
	{"*80", "host not found"},
	{"**:80", "host not found"},
	{"300.1.1.1:80", "host not found"},
	{"1.2.3.4.5", "host not found"},
	{"127.0.0.1.:80", "host not found"},
	{"nosuch.invalid:80", "host not found"},
	{"$host", "host not found"},
	{"unix:", "no path in the unix domain socket"},
	{"unix:" + strings.Repeat("a", 108), "too long path in the unix domain socket"},
}

func TestParseAddrErrors(t *testing.T) {
	for _, tt := range addrErrors {
		_, err := ParseAddr(tt.addr, noLookup)
		want := tt.want + ` in "` + tt.addr + `" of the "listen" directive`
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v; want %s", tt.addr, err, want)
		}
	}
}

func FuzzParseAddr(f *testing.F) {
	for _, tt := range addrTests {
		f.Add(tt.addr)
	}
	for _, tt := range addrErrors {
		f.Add(tt.addr)
	}
	f.Fuzz(func(t *testing.T, addr string) {
		specs, err := ParseAddr(addr, noLookup)
		if err != nil {
			return
		}
		if len(specs) == 0 {
			t.Fatalf("%q means nothing", addr)
		}
		for _, s := range []Spec{specs[0], specs[len(specs)-1]} {
			again, err := ParseAddr(s.String(), noLookup)
			if err != nil || len(again) != 1 || again[0].Addr != s.Addr {
				t.Fatalf("%q is printed as %q, which means %v (%v)", addr, s, again, err)
			}
		}
	})
}
