package master

import (
	"net"
	"strings"
	"testing"

	"weir/cycle"
	"weir/listen"
	"weir/logs"
	"weir/loop"
)

// TestDatagramsInherited hands sockets for datagrams to a new binary: it knows each by its loop, opens what is missing for a loop more, and
// closes what one loop less has no use for.
func TestDatagramsInherited(t *testing.T) {
	free, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.LocalAddr().(*net.UDPAddr).AddrPort()
	free.Close()
	quiet := func(v logs.Level, text string) {
		if v < logs.Notice {
			t.Error(text)
		}
	}
	one := listen.Spec{Addr: loop.Addr{Net: addr}}
	outline := func(loops int) *loaded {
		return &loaded{outline: &cycle.Outline{Specs: one.ForLoops(loops)}, sockets: map[string]*socket{}}
	}
	first := outline(3)
	if err := first.open(nil, nil, quiet); err != nil {
		t.Fatal(err)
	}
	numbers := func(l *loaded) (s string) {
		for i, k := range l.all() {
			if k.spec.Loop != i || !k.spec.Datagrams {
				t.Errorf("socket %d is %+v", i, k.spec)
			}
			s += "."
		}
		return s
	}
	if got := numbers(first); got != "..." {
		t.Fatalf("%d sockets", len(got))
	}
	for _, loops := range []int{2, 4} {
		h := &Inherited{}
		for _, s := range first.all() {
			fd, err := duplicate(s.fd)
			if err != nil {
				t.Fatal(err)
			}
			h.fds = append(h.fds, fd)
		}
		before := append([]int(nil), h.fds...)
		next := outline(loops)
		if err := next.open(nil, h.sockets(quiet), quiet); err != nil {
			t.Fatal(err)
		}
		h.closeUnused(next.sockets)
		if got := numbers(next); got != strings.Repeat(".", loops) {
			t.Errorf("%d sockets; want %d", len(got), loops)
		}
		for i, s := range next.all() {
			if i < len(before) && s.fd != before[i] {
				t.Errorf("loop %d has descriptor %d; inherited was %d", i, s.fd, before[i])
			}
			s.close(false)
		}
		if len(h.unused) != 0 || len(next.opened) != max(loops-3, 0) {
			t.Errorf("%d are left over, %d were opened", len(h.unused), len(next.opened))
		}
	}
	for _, s := range first.all() {
		s.close(false)
	}
}
