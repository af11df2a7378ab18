package resolver

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"weir/logs"
	"weir/loop"
)

func newResolver(log *sink, servers ...netip.AddrPort) *Resolver {
	r := New(Options{Servers: servers, Log: logs.NewLogger(logs.Options{}, logs.Target{Level: logs.Error, Sink: log})})
	r.resend = 100 * time.Millisecond
	return r
}

// zone answers as a well-behaved server does.
func zone(q *query) []byte {
	v4 := q.kind == typeA
	switch q.name {
	case "one.test":
		if v4 {
			return q.reply(0, rrA("", 60, "192.0.2.1"))
		}
	case "both.test":
		if v4 {
			return q.reply(0, rrA("", 60, "192.0.2.1"), rrA("", 60, "192.0.2.2"))
		}
		return q.reply(0, rrA("", 60, "2001:db8::1"))
	case "six.test":
		if !v4 {
			return q.reply(0, rrA("", 60, "2001:db8::6"))
		}
	case "none.test": // exists, without addresses
	case "alias.test":
		return q.reply(0, rrAlias("", 60, "one.test"))
	case "chain.test": // the whole way in one answer, in whatever order
		if v4 {
			return q.reply(0, rrA("c.test", 60, "192.0.2.3"), rrAlias("b.test", 60, "C.test"), rrAlias("", 60, "b.test"))
		}
		return q.reply(0, rrAlias("", 60, "b.test"), rrAlias("b.test", 60, "c.test"))
	case "self.test":
		return q.reply(0, rrAlias("", 60, "self.test"))
	case "circle.test":
		return q.reply(0, rrAlias("", 60, "round.test"))
	case "round.test":
		return q.reply(0, rrAlias("", 60, "circle.test"))
	case "inner.test": // a circle within one message
		return q.reply(0, rrAlias("", 60, "x.test"), rrAlias("x.test", 60, "inner.test"))
	case "down.test":
		return q.reply(2)
	case "refused.test":
		return q.reply(5)
	case "half.test": // as nginx: one failure is a failure
		if v4 {
			return q.reply(0, rrA("", 60, "192.0.2.1"))
		}
		return q.reply(2)
	case "txt.test":
		return q.reply(0, rr("", 16, 60, []byte("\x01x")))
	default:
		if n, ok := strings.CutPrefix(q.name, "long-chain"); ok { // each leads to the next
			var i int
			_, _ = fmt.Sscan(n, &i)
			return q.reply(0, rrAlias("", 60, fmt.Sprintf("long-chain%d", i+1)))
		}
		return q.reply(3)
	}
	return q.reply(0)
}

// TestLookup asks a well-behaved server for names of all kinds.
func TestLookup(t *testing.T) {
	log := &sink{}
	s := newNameServer(t, zone)
	e, _ := start(t, 1)
	r := newResolver(log, s.addr)
	for _, c := range []struct{ name, want string }{
		{"one.test", "192.0.2.1"},
		{"ONE.Test.", "192.0.2.1"},
		{"both.test", "192.0.2.1 192.0.2.2 2001:db8::1"},
		{"six.test", "2001:db8::6"},
		{"none.test", "(3: Host not found)"},
		{"nowhere.test", "(3: Host not found)"},
		{"alias.test", "192.0.2.1"},
		{"chain.test", "192.0.2.3"},
		{"self.test", "(3: Host not found)"},
		{"circle.test", "(3: Host not found)"},
		{"inner.test", "(3: Host not found)"},
		{"long-chain0", "(3: Host not found)"},
		{"down.test", "(2: Server failure)"},
		{"refused.test", "(5: Operation refused)"},
		{"half.test", "(2: Server failure)"},
		{"txt.test", "(3: Host not found)"},
		{"", "(3: Host not found)"},
		{"a..test", "(3: Host not found)"},
		{strings.Repeat("a", 64) + ".test", "(3: Host not found)"},
		{strings.Repeat("a.", 128) + "test", "(3: Host not found)"},
	} {
		if got := look(e.Loops[0], r, c.name, patience); got != c.want {
			t.Errorf("%q: %s; want %s", c.name, got, c.want)
		}
	}
	want := []string{
		"unexpected RR type 16 in DNS response", "no A or CNAME types in DNS response",
		"unexpected RR type 16 in DNS response", "no A or CNAME types in DNS response",
	}
	if got := log.take(); !slices.Equal(got, want) {
		t.Errorf("logged %q; want %q", got, want)
	}
	if r.asking != 0 {
		t.Errorf("%d questions under way", r.asking)
	}
	in(e.Loops[0], func(task *loop.Task) {
		if n := len(r.home(task.Loop()).open); n != 0 {
			t.Errorf("%d sockets open", n)
		}
	})
	if got := r.Stats().NotFound.Load(); got == 0 {
		t.Error("answers are not counted")
	}
}

// TestFamilies asks for one family only.
func TestFamilies(t *testing.T) {
	var mu sync.Mutex
	var kinds []uint16
	s := newNameServer(t, func(q *query) []byte {
		mu.Lock()
		defer mu.Unlock()
		kinds = append(kinds, q.kind)
		return zone(q)
	})
	e, _ := start(t, 1)
	for _, c := range []struct {
		o    Options
		want string
		kind uint16
	}{{Options{NoIPv6: true}, "192.0.2.1 192.0.2.2", typeA}, {Options{NoIPv4: true}, "2001:db8::1", typeAAAA}} {
		mu.Lock()
		kinds = nil
		mu.Unlock()
		c.o.Servers = []netip.AddrPort{s.addr}
		if got := look(e.Loops[0], New(c.o), "both.test", patience); got != c.want {
			t.Errorf("%+v: %s; want %s", c.o, got, c.want)
		}
		mu.Lock()
		if len(kinds) != 1 || kinds[0] != c.kind {
			t.Errorf("%+v: asked for types %v", c.o, kinds)
		}
		mu.Unlock()
	}
}

// TestKnown keeps answers for as long as they hold, and no longer.
func TestKnown(t *testing.T) {
	s := newNameServer(t, zone)
	e, clock := start(t, 1)
	l := e.Loops[0]
	asked := func(r *Resolver, name string) int {
		before := s.asked.Load()
		look(l, r, name, patience)
		return int(s.asked.Load() - before)
	}
	r := newResolver(&sink{}, s.addr)
	for i, c := range []struct {
		after time.Duration
		name  string
		want  int
	}{
		{0, "one.test", 2},
		{0, "one.test", 0},
		{0, "ONE.test", 0},
		{59 * time.Second, "one.test", 0},
		{3 * time.Second, "one.test", 2},
		{0, "down.test", 2}, // what is no answer is not kept
		{0, "down.test", 2},
		{0, "nowhere.test", 2},
		{0, "nowhere.test", 2},
		{0, "alias.test", 2}, // one.test is known
		{0, "alias.test", 0},
		{31 * time.Second, "nowhere.test", 2}, // what nobody asks for is dropped
	} {
		clock.Add(int64(c.after))
		if got := asked(r, c.name); got != c.want {
			t.Errorf("%d: %s was asked for with %d questions; want %d", i, c.name, got, c.want)
		}
	}
	if n := len(r.entries); n != 0 {
		t.Errorf("%d names are kept that nobody has asked for", n)
	}
	valid := newResolver(&sink{}, s.addr)
	valid.options.Valid = 5 * time.Second
	for _, c := range []struct {
		after time.Duration
		want  int
	}{{0, 2}, {4 * time.Second, 0}, {3 * time.Second, 2}} {
		clock.Add(int64(c.after))
		if got := asked(valid, "one.test"); got != c.want {
			t.Errorf("valid=5s: %d questions after %v; want %d", got, c.after, c.want)
		}
	}
}

// TestTurns begins with another address each time.
func TestTurns(t *testing.T) {
	s := newNameServer(t, zone)
	e, _ := start(t, 1)
	r := newResolver(&sink{}, s.addr)
	first := map[string]int{}
	for range 200 {
		got := strings.Fields(look(e.Loops[0], r, "both.test", patience))
		if len(got) != 3 {
			t.Fatalf("got %v", got)
		}
		first[got[0]]++
	}
	if len(first) != 3 {
		t.Errorf("the first address was %v", first)
	}
}

// TestOneQuestion has many tasks of all loops want one name: it is asked for once.
func TestOneQuestion(t *testing.T) {
	release := make(chan struct{})
	s := newNameServer(t, func(q *query) []byte { <-release; return zone(q) })
	e, _ := start(t, 3)
	r := newResolver(&sink{}, s.addr)
	r.resend = patience
	var all sync.WaitGroup
	for i := range 300 {
		all.Add(1)
		l := e.Loops[i%3]
		l.Post(func() {
			l.Go(func(task *loop.Task) {
				defer all.Done()
				if got := answerText(r.Lookup(task, "one.test", Wait{Timeout: patience})); got != "192.0.2.1" {
					t.Errorf("got %s", got)
				}
			})
		})
	}
	for _, l := range e.Loops { // all of them wait
		in(l, func(*loop.Task) {})
	}
	close(release)
	all.Wait()
	if n := s.asked.Load(); n != 2 {
		t.Errorf("%d questions were asked; want 2", n)
	}
}

// TestPorts sees that each question has a port and a number of its own, and that they share sockets when there are very many.
func TestPorts(t *testing.T) {
	var mu sync.Mutex
	ports, ids := map[string]bool{}, map[uint16]bool{}
	held := map[string]*query{}
	s := newNameServer(t, func(q *query) []byte {
		mu.Lock()
		defer mu.Unlock()
		ports[q.from], ids[q.id] = true, true
		if q.name[0] == 'b' { // all are answered when all have come
			if held[q.name] = q; len(held) == 160 {
				for _, q := range held {
					q.send(q.reply(0, rrA("", 60, "192.0.2.1")))
				}
			}
			return nil
		}
		return q.reply(0, rrA("", 60, "192.0.2.1"))
	})
	e, _ := start(t, 1)
	r := newResolver(&sink{}, s.addr)
	r.options.NoIPv6 = true
	for i := range 40 {
		look(e.Loops[0], r, fmt.Sprintf("a%d.test", i), patience)
	}
	mu.Lock()
	if len(ports) < 35 || len(ids) < 35 {
		t.Errorf("40 questions came from %d ports with %d numbers", len(ports), len(ids))
	}
	clear(ports)
	mu.Unlock()
	var all sync.WaitGroup
	all.Add(160)
	e.Loops[0].Post(func() {
		for i := range 160 {
			e.Loops[0].Go(func(task *loop.Task) {
				defer all.Done()
				if got := answerText(r.Lookup(task, fmt.Sprintf("b%d.test", i), Wait{Timeout: patience})); got != "192.0.2.1" {
					t.Errorf("b%d.test: %s", i, got)
				}
			})
		}
	})
	all.Wait()
	mu.Lock()
	defer mu.Unlock()
	if len(ports) > mostSockets {
		t.Errorf("160 questions at once took %d ports", len(ports))
	}
}

// TestServers asks the next server when one is silent, cannot be reached, or says nothing of use.
func TestServers(t *testing.T) {
	closed, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := closed.LocalAddr().(*net.UDPAddr).AddrPort()
	closed.Close()
	silent := newNameServer(t, func(*query) []byte { return nil })
	garbled := newNameServer(t, func(q *query) []byte { return q.raw[:7] })
	format := newNameServer(t, func(q *query) []byte { return q.reply(1) })
	good := newNameServer(t, zone)
	e, _ := start(t, 1)
	log := &sink{}
	for name, bad := range map[string]netip.AddrPort{"silent": silent.addr, "dead": dead, "garbled": garbled.addr, "format": format.addr} {
		r := newResolver(log, bad, good.addr)
		if name == "dead" {
			r.resend = patience // it is not waited for
		}
		if got := look(e.Loops[0], r, "one.test", patience); got != "192.0.2.1" {
			t.Errorf("%s: %s", name, got)
		}
	}
	all := strings.Join(log.take(), "\n")
	for _, want := range []string{
		"recv() failed (111: Connection refused) while resolving, resolver: " + dead.String(),
		"short DNS response",
		"DNS error (1: Format error), query id:",
		", name:\"one.test\"",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("not logged: %s\n%s", want, all)
		}
	}
	for _, bad := range []netip.AddrPort{silent.addr, dead, garbled.addr} {
		r := newResolver(&sink{}, bad)
		if got := look(e.Loops[0], r, "one.test", 250*time.Millisecond); got != "(110: Operation timed out)" {
			t.Errorf("%s alone: %s", bad, got)
		}
	}
	// Servers take turns.
	other := newNameServer(t, zone)
	r := newResolver(&sink{}, good.addr, other.addr)
	before := good.asked.Load()
	for i := range 6 {
		look(e.Loops[0], r, fmt.Sprintf("nowhere%d.test", i), patience)
	}
	if a, b := good.asked.Load()-before, other.asked.Load(); a != 6 || b != 6 {
		t.Errorf("the servers were asked %d and %d times; want 6 and 6", a, b)
	}
}

// TestLies sends wrong answers before the right one: none of them counts, and none is remembered.
func TestLies(t *testing.T) {
	const evil = "203.0.113.66"
	elsewhere, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer elsewhere.Close()
	s := newNameServer(t, func(q *query) []byte {
		if q.kind != typeA {
			return zone(q)
		}
		lie := q.reply(0, rrA("", 9999, evil))
		wrongID := slices.Clone(lie)
		wrongID[1]++
		q.send(wrongID)
		otherName := *q
		otherName.raw = slices.Clone(q.raw)
		otherName.raw[headSize+1] = 'x'
		q.send(otherName.reply(0, rrA("", 9999, evil)))
		otherKind := slices.Clone(lie)
		otherKind[len(q.raw)-3] = typeAAAA
		q.send(otherKind)
		question := slices.Clone(lie)
		question[2] = 1 // no answer, but a question
		q.send(question)
		for n := range len(lie) {
			q.send(lie[:n])
		}
		q.send(q.reply(0, rr("", typeA, 9999, []byte{203, 0, 113, 66, 0})))
		q.send(q.reply(0, rrA("", 9999, "2001:db8::66")))
		q.send(q.reply(0, rr("", typeCNAME, 9, []byte{0xc0, 0xff})))
		if to, err := net.ResolveUDPAddr("udp", q.from); err == nil {
			_, _ = elsewhere.WriteTo(lie, to) // from another port
		}
		// What is said of other names besides is passed over.
		return q.reply(0, rrA("bank.test", 9999, evil), rrA("", 60, "192.0.2.1"), rrA("b.one.test", 9999, evil), rrAlias("bank.test", 9, "evil.test"))
	})
	log := &sink{}
	e, _ := start(t, 1)
	r := newResolver(log, s.addr)
	r.resend = patience
	for range 2 {
		if got := look(e.Loops[0], r, "one.test", patience); got != "192.0.2.1" {
			t.Errorf("got %s", got)
		}
	}
	if got := look(e.Loops[0], r, "bank.test", patience); strings.Contains(got, evil) {
		t.Errorf("poisoned: %s", got)
	}
	all := strings.Join(log.take(), "\n")
	for _, want := range []string{"wrong ident ", "unexpected DNS response for xne.test", "invalid UDP DNS response ", "short DNS response", "invalid A record in DNS response", "unexpected AAAA record in DNS response", "name is out of DNS response"} {
		if !strings.Contains(all, want) {
			t.Errorf("not logged: %s\n%s", want, all)
		}
	}
}

// TestGuesses floods a question with wrong numbers, which makes it go over TCP.
func TestGuesses(t *testing.T) {
	s := newNameServer(t, func(q *query) []byte {
		if q.tcp {
			return q.reply(0, rrA("", 60, "192.0.2.1"))
		}
		for range 3 * mostWrong {
			b := q.reply(0, rrA("", 60, "203.0.113.66"))
			b[0]++
			q.send(b)
		}
		return nil
	})
	e, _ := start(t, 1)
	r := newResolver(&sink{}, s.addr)
	r.resend, r.options.NoIPv6 = patience, true
	if got := look(e.Loops[0], r, "one.test", patience); got != "192.0.2.1" {
		t.Errorf("got %s", got)
	}
}

// TestTruncated goes to TCP for what does not fit, and to the next server when that is no good.
func TestTruncated(t *testing.T) {
	many := func(q *query) []byte {
		if !q.tcp {
			return q.reply(0x200, rrA("", 60, "203.0.113.66"))
		}
		if q.kind != typeA {
			return q.reply(0)
		}
		var all [][]byte
		for i := range 500 {
			all = append(all, rrA("", 60, netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}).String()))
		}
		return q.reply(0, all...)
	}
	broken := func(q *query) []byte {
		switch {
		case !q.tcp:
			return q.reply(0x200)
		case q.kind == typeA:
			return q.reply(0x200) // truncated again
		}
		return []byte{1}
	}
	e, _ := start(t, 1)
	good := newNameServer(t, many)
	bad := newNameServer(t, broken)
	for _, servers := range [][]netip.AddrPort{{good.addr}, {bad.addr, good.addr}} {
		log := &sink{}
		if got := strings.Fields(look(e.Loops[0], newResolver(log, servers...), "many.test", patience)); len(got) != 500 {
			t.Errorf("%d addresses; want 500: %.80q", len(got), got)
		}
		if len(servers) == 2 && !strings.Contains(strings.Join(log.take(), "\n"), "invalid TCP DNS response ") {
			t.Error("the bad answer was not logged")
		}
	}
}

// TestHangUp ends the wait of one whose client has gone; others get their answer.
func TestHangUp(t *testing.T) {
	release := make(chan struct{})
	s := newNameServer(t, func(q *query) []byte { <-release; return zone(q) })
	e, _ := start(t, 1)
	l := e.Loops[0]
	r := newResolver(&sink{}, s.addr)
	r.resend = patience
	fd, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	_ = syscall.SetNonblock(fd[0], true)
	var began atomic.Int32
	gone := make(chan error, 1)
	l.Post(func() {
		l.Go(func(task *loop.Task) {
			c, err := l.Register(fd[0], netip.AddrPort{})
			if err != nil {
				t.Error(err)
				return
			}
			began.Add(1)
			_, err = r.Lookup(task, "one.test", Wait{Timeout: patience, Watch: &c.Source})
			c.Close()
			gone <- err
		})
	})
	stays := make(chan string, 1)
	l.Post(func() {
		l.Go(func(task *loop.Task) { stays <- answerText(r.Lookup(task, "one.test", Wait{Timeout: patience})) })
	})
	in(l, func(*loop.Task) {})
	syscall.Close(fd[1])
	if err := <-gone; err != loop.ErrWatched {
		t.Errorf("the client hung up: %v; want ErrWatched", err)
	}
	close(release)
	if got := <-stays; got != "192.0.2.1" {
		t.Errorf("the other got %s", got)
	}
}

// TestBounded sees that what is kept is bounded, whatever is asked for.
func TestBounded(t *testing.T) {
	e, _ := start(t, 1)
	r := newResolver(&sink{}, netip.MustParseAddrPort("127.0.0.1:9"))
	in(e.Loops[0], func(task *loop.Task) {
		for i := range 2000 {
			ent := &entry{key: key{name: fmt.Sprint(i)}}
			r.entries[ent.key] = ent
			q := &question{r: r, entry: ent, ttl: 1 << 30, parts: []part{{kind: typeA, records: records{addrs: make([]netip.Addr, 100)}}}}
			r.asking++
			r.known(q, second(task.Now()))
		}
	})
	if r.room > mostRoom || len(r.entries) > mostRoom/101 || len(r.entries) < mostRoom/110 {
		t.Errorf("%d entries with %d of room are kept", len(r.entries), r.room)
	}
}

// TestStop ends searches with the loops.
func TestStop(t *testing.T) {
	s := newNameServer(t, func(*query) []byte { return nil })
	e, _ := start(t, 2)
	r := newResolver(&sink{}, s.addr)
	ended := make(chan error, 20)
	for i := range 20 {
		l := e.Loops[i%2]
		l.Post(func() {
			l.Go(func(task *loop.Task) {
				_, err := r.Lookup(task, fmt.Sprintf("%d.test", i/2), Wait{})
				ended <- err
			})
		})
	}
	for _, l := range e.Loops {
		in(l, func(*loop.Task) {})
	}
	e.Stop()
	for range 20 {
		if err := <-ended; err != loop.ErrStopped {
			t.Errorf("%v; want ErrStopped", err)
		}
	}
}
