package upstream

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/loop"
)

// reference is what is known of a server by rules as simple as they can be put.
type reference struct {
	down, drain, backup bool
	maxFails, maxConns  int
	timeout             int64 // seconds

	conns, fails      int
	accessed, checked int64
	bad               map[string]bool // checks that it has failed
	streak            map[string]int
}

func (r *reference) usable(sec int64, tied bool) bool {
	aside := r.maxFails > 0 && r.fails >= r.maxFails && sec-r.checked <= r.timeout
	return !r.down && (tied || !r.drain) && len(r.bad) == 0 && !aside && (r.maxConns == 0 || r.conns < r.maxConns)
}

// driver asks a group at random, and holds its choices against the reference.
type driver struct {
	t       *testing.T
	rnd     *rand.Rand
	now     loop.Time
	g       *Group
	servers map[string]*reference
	checks  []Check
	log     []string
	open    []*driven
}

type driven struct {
	a     Attempt
	p     *Peer
	r     *reference // of p
	tried map[string]bool
}

// TestDriver is the reference against groups with every method: who is chosen may be, whoever a client is tied to is chosen if it may be,
// and nobody is chosen only when nobody may be.
func TestDriver(t *testing.T) {
	seeds := uint64(30)
	if testing.Short() {
		seeds = 10
	}
	for seed := range seeds {
		d := &driver{t: t, rnd: rand.New(rand.NewPCG(seed, 7)), now: loop.Time(time.Hour), servers: map[string]*reference{}}
		d.checks = []Check{{Key: "web", Fails: 1 + d.rnd.IntN(2), Passes: 1 + d.rnd.IntN(2)}, {Key: "deep", Fails: 1, Passes: 1}}
		d.reload()
		for step := range 400 {
			if t.Failed() {
				t.Fatalf("seed %d, step %d\n%s", seed, step, strings.Join(d.log, "\n"))
			}
			d.step()
		}
	}
}

func (d *driver) step() {
	switch n := d.rnd.IntN(20); {
	case n < 3:
		d.now = d.now.Add(time.Duration(d.rnd.IntN(6000)) * time.Millisecond)
	case n < 6:
		d.judge()
	case n == 6:
		d.reload()
	case n < 10 && len(d.open) > 0:
		x := d.open[0]
		d.open = d.open[1:]
		d.done(x, OK)
	default:
		d.ask()
	}
}

// reload gives the group other settings; servers keep what is known of them.
func (d *driver) reload() {
	var b strings.Builder
	methods := []string{"", "least_conn;", "ip_hash;", "hash $key;", "hash $key consistent;", "random;", "random two;", "least_time header;"}
	m := d.rnd.IntN(len(methods))
	fmt.Fprintln(&b, methods[m])
	next := map[string]*reference{}
	for i := range 2 + d.rnd.IntN(5) {
		name := string(rune('a' + i))
		r := d.servers[name]
		backup := i > 1 && (m == 0 || m == 1 || m == 7) && d.rnd.IntN(3) == 0
		if r == nil || r.backup != backup {
			r = &reference{backup: backup, accessed: longAgo, checked: longAgo, bad: map[string]bool{}, streak: map[string]int{}}
		}
		next[name] = r
		r.down, r.drain = d.rnd.IntN(8) == 0 && i > 0, d.rnd.IntN(8) == 0
		r.maxFails, r.maxConns, r.timeout = d.rnd.IntN(3), d.rnd.IntN(3), int64(1+d.rnd.IntN(5))
		fmt.Fprintf(&b, "server %s route=%s max_fails=%d max_conns=%d fail_timeout=%d weight=%d", name, name, r.maxFails, r.maxConns, r.timeout, 1+d.rnd.IntN(3))
		for word, is := range map[string]bool{" down": r.down, " drain": r.drain, " backup": r.backup} {
			if is {
				b.WriteString(word)
			}
		}
		if (m == 0 || m == 1 || m == 7) && d.rnd.IntN(2) == 0 {
			b.WriteString(" slow_start=10s")
		}
		b.WriteString(";\n")
	}
	d.servers = next
	d.logf("reload\n%s", b.String())
	declared, diags := parseGroup(b.String() + "sticky route $arg_x;")
	set := declared.Build(Options{Draw: d.rnd.IntN}, diags)
	if diags.Failed() {
		d.t.Fatal(diags.List()[0].Text)
	}
	g := set.Groups()[0]
	for _, c := range d.checks {
		g.AddCheck(c)
	}
	g.Inherit(d.g)
	d.g = g
}

func (d *driver) judge() {
	peers := d.g.Peers()
	p, c := peers[d.rnd.IntN(len(peers))], d.checks[d.rnd.IntN(len(d.checks))]
	r, passed := d.servers[p.Server], d.rnd.IntN(2) == 0
	wants := false
	if passed != r.bad[c.Key] {
		r.streak[c.Key] = 0
	} else {
		need := c.Fails
		if passed {
			need = c.Passes
		}
		if r.streak[c.Key]++; r.streak[c.Key] >= need {
			wants = true
			r.streak[c.Key] = 0
			if delete(r.bad, c.Key); !passed {
				r.bad[c.Key] = true
			} else if len(r.bad) == 0 {
				r.fails = 0
			}
		}
	}
	h, changed := d.g.Judge(p, c.Key, passed, d.now)
	d.logf("judge %s of %s, passed %v: %v, %v", c.Key, p.Server, passed, h, changed)
	if changed != wants || (h == Unhealthy) != r.bad[c.Key] {
		d.t.Errorf("%s is %v, changed %v; want changed %v", p.Server, h, changed, wants)
	}
}

// ask has one request look for a peer, up to three times, and leaves it open, or reports how it went.
func (d *driver) ask() {
	x := &driven{tried: map[string]bool{}}
	sid := ""
	if d.rnd.IntN(2) == 0 {
		sid = string(rune('a' + d.rnd.IntN(7)))
	}
	d.g.Begin(&x.a, Ask{Key: []byte{byte(d.rnd.IntN(256))}, SID: []byte(sid), Now: d.now})
	backups := false
	for range 3 {
		p, err := x.a.Next(d.now)
		sec := second(d.now)
		if err != nil {
			for name, r := range d.servers {
				if (!x.tried[name] || d.single()) && (!backups || r.backup) && r.usable(sec, d.single() && sid == name) {
					d.t.Errorf("nobody is chosen, but %s may be", name)
				}
			}
			d.logf("ask sid=%s: none", sid)
			return
		}
		r := d.servers[p.Server]
		d.logf("ask sid=%s: %s", sid, p.Server)
		single := d.single()
		if !single && x.tried[p.Server] {
			d.t.Errorf("%s is chosen again", p.Server)
		}
		if !r.usable(sec, sid == p.Server) {
			d.t.Errorf("%s is chosen, but may not be", p.Server)
		}
		if r.backup && !backups {
			backups = true
			for name, other := range d.servers {
				if !other.backup && !x.tried[name] && other.usable(sec, false) {
					d.t.Errorf("the backup %s is chosen, but %s may be", p.Server, name)
				}
			}
		}
		if tied := d.servers[sid]; tied != nil && tied.backup == r.backup && sid != p.Server && !x.tried[sid] && tied.usable(sec, true) {
			d.t.Errorf("%s is chosen, but the client is tied to %s", p.Server, sid)
		}
		x.tried[p.Server], x.p, x.r = true, p, r
		r.conns++
		if sec-r.checked > r.timeout && !single {
			r.checked = sec
		}
		switch d.rnd.IntN(3) {
		case 0:
			d.open = append(d.open, x)
			return
		case 1:
			d.done(x, OK)
			return
		}
		d.done(x, Failed)
		if x.a.Tries() == 0 {
			return
		}
	}
}

// single reports whether the group has one server only: rules of passive health do not hold there.
func (d *driver) single() bool { return len(d.g.Peers()) == 1 }

func (d *driver) done(x *driven, o Outcome) {
	d.logf("done %s: %v", x.p.Server, o)
	x.a.Done(x.p, d.now, o, Timing{})
	r := x.r // of a server that may be gone
	r.conns--
	sec := second(d.now)
	switch {
	case o == Failed:
		r.fails++
		r.accessed, r.checked = sec, sec
	case r.accessed < r.checked:
		r.fails = 0
	}
}

func (d *driver) logf(format string, a ...any) { d.log = append(d.log, fmt.Sprintf(format, a...)) }

// TestStorm has many ask a group at once while checks, reloads and look-ups change it: for the race detector. In the end nobody is busy.
func TestStorm(t *testing.T) {
	build := func(n int) *Group {
		declared, diags := parseGroup("server many max_conns=3 slow_start=1s route=x; server b max_fails=2; server c backup; queue 4; sticky route $arg_x;" +
			strings.Repeat(" server d weight=2;", n%2))
		g := declared.Build(Options{}, diags).Groups()[0]
		if diags.Failed() {
			t.Error(diags.List()[0].Text)
		}
		g.AddCheck(Check{Key: "web", Fails: 1, Passes: 1, Mandatory: n%3 == 0})
		return g
	}
	var mu sync.Mutex
	current := build(0)
	now := func() *Group { mu.Lock(); defer mu.Unlock(); return current }
	var askers, others sync.WaitGroup
	stop := make(chan bool)
	for i := range 4 {
		askers.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(i), 3))
			for n := range 600 {
				var a Attempt
				at := loop.Time(time.Hour).Add(time.Duration(n) * time.Millisecond)
				now().Begin(&a, Ask{Now: at, SID: []byte("x")})
				for range 3 {
					p, err := a.Next(at)
					if err != nil {
						break
					}
					a.Done(p, at, Outcome(rnd.IntN(2)), Timing{})
				}
			}
		})
	}
	others.Go(func() {
		for n := range 300 {
			select {
			case <-stop:
				return
			default:
			}
			g := now()
			for i, p := range g.Peers() {
				g.Judge(p, "web", (n+i)%3 > 0, loop.Time(n))
			}
			switch n % 4 {
			case 0:
				g.Replace(0, []Found{{Addr: p4(1 + n%3)}, {Addr: p4(4)}})
			case 1:
				next := build(n)
				next.Inherit(g)
				mu.Lock()
				current = next
				mu.Unlock()
			}
			g.Status(nil, loop.Time(n))
		}
	})
	askers.Wait()
	close(stop)
	others.Wait()
	for _, s := range now().Status(nil, 0) {
		if s.Conns != 0 {
			t.Errorf("%s: %d exchanges under way", s.Name, s.Conns)
		}
	}
}

func p4(n int) loop.Addr {
	ips, _ := letters(string(rune('a' + n)))
	t, _, _ := ParseTarget("x:80", 80, false)
	return t.address(ips[0])
}
