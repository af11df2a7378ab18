package logs

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"weir/conf"
)

// debugPeers reads debug_connection lines. The name "two" has two addresses, others have none.
func debugPeers(t *testing.T, words ...string) (*DebugPeers, *conf.Diagnostics) {
	t.Helper()
	lookup := func(host string) ([]netip.Addr, error) {
		if host != "two" {
			return nil, errors.New("no such host")
		}
		return []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}, nil
	}
	module := conf.Define("test", "", []conf.Directive[DebugPeers]{{
		Name: "debug_connection", In: conf.Main, Syntax: "<address:string>", Repeat: true,
		Set: func(d *DebugPeers, call *conf.Call) error { return d.Add(call, lookup) },
	}})
	text := ""
	for _, w := range words {
		text += "debug_connection \"" + w + "\";\n"
	}
	path := filepath.Join(t.TempDir(), "nginx.conf")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	table := conf.NewTable(module)
	tree, d := conf.Load(path, conf.LoadOptions{})
	table.Check(tree, d)
	scopes := table.NewScopes(tree, nil, d)
	return conf.Settings[DebugPeers](scopes, module, tree.Main), d
}

func TestDebugPeers(t *testing.T) {
	tests := []struct {
		words  string
		has    string
		hasNot string
	}{
		{"", "", "127.0.0.1 ::1 unix:"},
		{"127.0.0.1", "127.0.0.1", "127.0.0.2 ::1 unix: ::ffff:127.0.0.1"},
		{"10.0.0.0/8", "10.0.0.0 10.255.255.255", "11.0.0.0"},
		{"10.1.2.3/8", "10.0.0.0", "11.0.0.0"},
		{"0.0.0.0/0", "1.2.3.4", "::1 unix:"},
		{"::1", "::1", "::2 0.0.0.1"},
		{"fe80::/10", "fe80::1%eth0 febf::1", "::1"},
		{"fe80::1%eth0", "fe80::1 fe80::1%eth1", "fe80::2"},
		{"::/0", "::1 ::ffff:1.2.3.4", "1.2.3.4"},
		{"unix:", "unix:", "127.0.0.1"},
		{"two", "192.0.2.1 2001:db8::1", "192.0.2.2"},
		{"unix: 127.0.0.1 ::1", "unix: 127.0.0.1 ::1", "127.0.0.2"},
	}
	addr := func(s string) netip.Addr {
		a, _ := netip.ParseAddr(s) // not valid: a unix socket
		return a
	}
	for _, tt := range tests {
		d, diags := debugPeers(t, strings.Fields(tt.words)...)
		if diags.Failed() {
			t.Errorf("%s: %v", tt.words, diags.List())
		}
		for _, s := range strings.Fields(tt.has) {
			if !d.Has(addr(s)) {
				t.Errorf("%s: not %s", tt.words, s)
			}
		}
		for _, s := range strings.Fields(tt.hasNot) {
			if d.Has(addr(s)) {
				t.Errorf("%s: has %s", tt.words, s)
			}
		}
	}
	if (*DebugPeers)(nil).Has(addr("127.0.0.1")) {
		t.Error("nobody is somebody")
	}
}

func TestDebugPeersSentences(t *testing.T) {
	for _, word := range []string{
		"10.0.0.0/99", "::1/129", "10.0.0.0/", "10.0.0.0/-1", "unix:/x", "127.0.0.1:80", "[::1]", "", "nosuch.invalid", "all", "fe80::1%lo/64",
	} {
		_, d := debugPeers(t, word)
		want := "host not found in debug_connection \"" + word + "\""
		if l := d.List(); len(l) != 1 || l[0].Level != "emerg" || l[0].Text != want {
			t.Errorf("%s: %v", word, l)
		}
	}
	_, d := debugPeers(t, "10.1.2.3/8")
	if l := d.List(); len(l) != 1 || l[0].Level != "warn" || l[0].Text != "low address bits of 10.1.2.3/8 are meaningless" {
		t.Error(l)
	}
}

func TestVerboseWritesEverythingEverywhere(t *testing.T) {
	a, b := new(memory), new(memory)
	l := NewLogger(Options{Now: fixed, PID: 1}, Target{Alert, a}, Target{Debug, b})
	l.Log(Debug, 1, []byte("one"))
	v := l.Verbose()
	v.Log(Debug, 2, []byte("two"))
	v.Log(Error, 2, []byte("three"))
	two := []string{"2026/11/04 14:31:05 [debug] 1#1: *2 two\n", "2026/11/04 14:31:05 [error] 1#1: *2 three\n"}
	if !slices.Equal(a.lines, two) {
		t.Errorf("%q", a.lines)
	}
	if !slices.Equal(b.lines[1:], two) {
		t.Errorf("%q", b.lines)
	}
	if v.Verbose() != v {
		t.Error("there is more to be said")
	}
	if (*Logger)(nil).Verbose() != nil {
		t.Error("nothing says something")
	}
}

func TestMemory(t *testing.T) {
	m := NewMemory(8)
	for _, line := range []string{"abc\n", "defg\n", "0123456789\n"} {
		if err := m.WriteLevel(Debug, []byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	// 20 bytes in all: the last eight stand round the corner at the fourth
	if got := string(m.buf); got != "789\n3456" {
		t.Errorf("%q", got)
	}
}
