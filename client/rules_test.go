package client

import (
	"net/netip"
	"strings"
	"testing"

	"weir/conf"
)

// TestRules asks configurations of allow and deny about clients; "unix" is one of a unix socket.
func TestRules(t *testing.T) {
	tests := []struct{ rules, client, want string }{
		{"allow all", "127.0.0.1", "allow"},
		{"deny all", "::1", "deny"},
		{"deny all", "unix", "deny"},
		{"deny 127.0.0.1; allow all", "127.0.0.1", "deny"},
		{"deny 127.0.0.1; allow all", "127.0.0.2", "allow"},
		{"deny 127.0.0.1; allow all", "unix", "allow"},
		{"allow 10.1.2.3/8; deny all", "10.200.0.1", "allow"},
		{"allow 10.0.0.0/8", "11.0.0.1", ""},
		{"deny unix:", "127.0.0.1", ""},
		{"deny unix:", "unix", "deny"},
		{"allow unix:; deny all", "unix", "allow"},
		{"deny ::/0", "127.0.0.1", ""},
		{"deny 2001:db8::/32", "2001:db8::1", "deny"},
		{"deny fe80::/10", "fe80::1%eth0", "deny"},
		// an IPv4 client of an IPv6 socket
		{"deny 127.0.0.1; allow ::/0", "::ffff:127.0.0.1", "deny"},
		{"allow 127.0.0.2; deny ::/0", "::ffff:127.0.0.1", ""},
		{"deny ::ffff:127.0.0.1", "::ffff:127.0.0.1", "deny"},
		{"", "127.0.0.1", ""},
	}
	for _, tt := range tests {
		c := readRules(t, tt.rules)
		var from netip.Addr
		if tt.client != "unix" {
			from = netip.MustParseAddr(tt.client)
		}
		got := ""
		if deny, ok := c.find(from); ok {
			got = map[bool]string{true: "deny", false: "allow"}[deny]
		}
		if got != tt.want {
			t.Errorf("%q of %s: %q, want %q", tt.rules, tt.client, got, tt.want)
		}
	}
}

func readRules(t *testing.T, text string) *AccessConf {
	t.Helper()
	c, said := settings(t, RuleDirectives(conf.Stream, "Closes connections of clients with this address"), text)
	want := ""
	if strings.Contains(text, "10.1.2.3/8") {
		want = "low address bits of 10.1.2.3/8 are meaningless"
	}
	if said != want {
		t.Errorf("%q says %q, want %q", text, said, want)
	}
	return c
}
