package client

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"weir/conf"
)

// A session is a subject that is no request: what stream will ask of.
type session struct {
	addr   netip.Addr
	logged []string
}

func (s *session) ClientAddr() netip.Addr    { return s.addr }
func (s *session) Debugs() bool              { return true }
func (s *session) Debugf(f string, a ...any) { s.logged = append(s.logged, fmt.Sprintf(f, a...)) }
func (s *session) from(a netip.AddrPort)     { s.addr = a.Addr() }
func (s *session) behind(t *Trusted, list string, recursive bool) bool {
	return t.Has(s.addr) && t.Last([]byte(list), recursive, s.from)
}

var _ Subject = (*session)(nil)

// sessionConf are the settings of a block of sessions.
type sessionConf struct{ from Trusted }

// settings reads directives as the block of a front that is not http has them.
func settings[C any](t *testing.T, directives []conf.Directive[C], text string) (*C, string) {
	t.Helper()
	if text != "" {
		text += ";"
	}
	tree, d := conf.Parse("test", "stream { "+text+" }")
	module := conf.Define("test", "", directives)
	table := conf.NewTable(module, conf.Define("core", "", []conf.Directive[struct{}]{
		{Name: "stream", In: conf.Main, Syntax: "{ ... }", Opens: conf.Stream},
	}))
	table.Check(tree, d)
	c := conf.Settings[C](table.NewScopes(tree, nil, d), module, tree.Main.First("stream").Block)
	var said []string
	for _, g := range d.List() {
		said = append(said, g.Text)
	}
	return c, strings.Join(said, "; ")
}

// TestAsk asks rules about sessions.
func TestAsk(t *testing.T) {
	c, said := settings(t, RuleDirectives(conf.Stream, "Closes"), "deny 192.0.2.1; allow 192.0.2.0/24; allow 10.0.0.0/8; deny all")
	if said != "" || c.Empty() {
		t.Fatalf("%q, %v", said, c)
	}
	for addr, want := range map[string]string{
		"192.0.2.1": "access: rule found: true, denies: true",
		"192.0.2.2": "access: rule found: true, denies: false",
		"::1":       "access: rule found: true, denies: true",
	} {
		s := &session{addr: netip.MustParseAddr(addr)}
		if c.Ask(s); !slices.Equal(s.logged, []string{want}) {
			t.Errorf("%s: %q", addr, s.logged)
		}
	}
	s := &session{addr: netip.MustParseAddr("10.1.2.3")}
	if n := testing.AllocsPerRun(100, func() { c.find(s.ClientAddr()) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestTrusted asks proxies who a session comes from: the last line of a case's lists is asked first.
func TestTrusted(t *testing.T) {
	tests := []struct{ trusted, peer, lists, want, deep string }{
		{"10.0.0.0/8", "10.0.0.1", "192.0.2.1", "192.0.2.1", "192.0.2.1"},
		{"10.0.0.0/8", "11.0.0.1", "192.0.2.1", "11.0.0.1", "11.0.0.1"},
		{"10.0.0.0/8", "10.0.0.1", "192.0.2.1, 10.0.0.2 ,10.0.0.3, ", "10.0.0.3", "192.0.2.1"},
		{"10.0.0.0/8", "10.0.0.1", "192.0.2.1|10.0.0.2", "10.0.0.2", "192.0.2.1"},
		{"10.0.0.0/8", "10.0.0.1", "192.0.2.1|,, 10.0.0.2", "10.0.0.2", "10.0.0.2"}, // a list that begins with nothing ends there
		{"10.0.0.0/8", "10.0.0.1", "192.0.2.1, unknown, 10.0.0.2", "10.0.0.2", "10.0.0.2"},
		{"10.0.0.0/8", "10.0.0.1", "unknown", "10.0.0.1", "10.0.0.1"},
		{"10.0.0.0/8", "10.0.0.1", "", "10.0.0.1", "10.0.0.1"},
		{"10.0.0.0/8", "::ffff:10.0.0.1", "[2001:db8::1]:443", "2001:db8::1", "2001:db8::1"},
		{"fe80::/10", "fe80::1%eth0", "192.0.2.1", "192.0.2.1", "192.0.2.1"},
		{"unix:", "unix", "192.0.2.1", "192.0.2.1", "192.0.2.1"},
		{"unix:", "127.0.0.1", "192.0.2.1", "127.0.0.1", "127.0.0.1"},
		{"127.0.0.1", "unix", "192.0.2.1", "invalid IP", "invalid IP"},
	}
	directives := []conf.Directive[sessionConf]{TrustedDirective(conf.Stream, func(c *sessionConf) *Trusted { return &c.from })}
	for _, tt := range tests {
		c, said := settings(t, directives, "set_real_ip_from "+tt.trusted)
		if said != "" {
			t.Error(said)
		}
		for _, recursive := range []bool{false, true} {
			s := &session{}
			if tt.peer != "unix" {
				s.addr = netip.MustParseAddr(tt.peer)
			}
			lists := strings.Split(tt.lists, "|")
			for i := len(lists) - 1; i >= 0 && s.behind(&c.from, lists[i], recursive); i-- {
			}
			want := tt.want
			if recursive {
				want = tt.deep
			}
			if got := s.addr.String(); got != want {
				t.Errorf("%q of %s, recursive %t: %s, want %s", tt.lists, tt.peer, recursive, got, want)
			}
		}
	}
	if _, said := settings(t, directives, "set_real_ip_from 10.0.0.0/33"); said != `invalid parameter "10.0.0.0/33"` {
		t.Error(said)
	}
}
