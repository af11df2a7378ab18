package upstream

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"weir/conf"
	"weir/loop"
)

const start = loop.Time(100 * time.Second)

// build makes a group of a block; it must be right.
func build(t testing.TB, block string) *Group {
	t.Helper()
	d, diags := parseGroup(block)
	if diags.Failed() {
		t.Fatal(diags.List())
	}
	return d.Build(Options{}, diags).Groups()[0]
}

// TestInheritUnfound has a name found at load, and not at the reload: what was found serves on.
func TestInheritUnfound(t *testing.T) {
	build := func(find conf.Lookup) *Set {
		d, diags, o := loadConf("resolver 127.0.0.1; upstream u { server a; }", find)
		set := d.Build(o, diags)
		if diags.Failed() {
			t.Fatal(diags.List())
		}
		return set
	}
	old := build(letters)
	set := build(func(string) ([]netip.Addr, error) { return nil, errNoSuchHost })
	set.Inherit(old)
	var a Attempt
	set.Groups()[0].Begin(&a, Ask{})
	if p, err := a.Next(0); err != nil || p.Name != "10.0.0.1:80" {
		t.Errorf("%v, %v", p, err)
	}
}

// blocks has a group for each method.
func blocks(servers string) map[string]string {
	m := map[string]string{"round robin": servers}
	for _, method := range []string{
		"least_conn", "ip_hash", "hash $uri", "hash $uri consistent", "random", "random two",
		"least_time header", "least_time last_byte inflight",
	} {
		m[method] = method + ";" + servers
	}
	return m
}

func manyServers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "server 10.0.%d.%d;\n", i/256, i%256)
	}
	return b.String()
}

func someone() Ask {
	return Ask{Key: []byte("/index.html"), Client: netip.MustParseAddr("192.0.2.7"), Now: start}
}

// TestEveryPeerOnce: an attempt meets no peer twice, and misses none.
func TestEveryPeerOnce(t *testing.T) {
	for _, n := range []int{2, 63, 64, 65, 128, 129, 200} {
		for name, block := range blocks(manyServers(n)) {
			g := build(t, block)
			var a Attempt
			g.Begin(&a, someone())
			met := map[*Peer]bool{}
			for {
				p, err := a.Next(start)
				if err != nil {
					break
				}
				if met[p] {
					t.Fatalf("%s: %d peers: %s twice", name, n, p.Name)
				}
				met[p] = true
				a.Done(p, start, NotCounted, Timing{})
			}
			if len(met) != n || a.Tries() != 0 {
				t.Errorf("%s: %d of %d peers, %d tries left", name, len(met), n, a.Tries())
			}
		}
	}
}

// TestRegain: a kept connection that broke is no reason to give up a group's only peer.
func TestRegain(t *testing.T) {
	g := build(t, "server a;")
	var a Attempt
	g.Begin(&a, someone())
	p, _ := a.Next(start)
	a.Done(p, start, Failed, Timing{Header: -1})
	if a.Tries() != 0 {
		t.Error("tries left:", a.Tries())
	}
	a.Regain()
	if again, err := a.Next(start); a.Tries() != 1 || err != nil || again != p {
		t.Error(a.Tries(), again, err)
	}
}

func TestNoAllocation(t *testing.T) {
	for name, block := range blocks(manyServers(64)) {
		t.Run(name, func(t *testing.T) {
			g := build(t, block)
			ask := someone()
			a := new(Attempt)
			n := testing.AllocsPerRun(200, func() {
				g.Begin(a, ask)
				for range 3 {
					p, err := a.Next(start)
					if err != nil {
						t.Fatal(err)
					}
					a.Header(p, start, Timing{})
					a.Done(p, start, NotCounted, Timing{})
				}
			})
			if n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

// TestManyGoroutines is for the race detector: exchanges on all sides while the configuration is reloaded. In the end nobody may be left connected.
func TestManyGoroutines(t *testing.T) {
	const servers = "server a max_fails=3; server b weight=2; server c max_conns=2; server d;"
	for name, block := range blocks(servers) {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			g := build(t, block)
			current := func() *Group { mu.Lock(); defer mu.Unlock(); return g }
			var all sync.WaitGroup
			for i := range 4 {
				all.Go(func() {
					chance := rand.New(rand.NewPCG(1, uint64(i)))
					var a Attempt
					for n := range 500 {
						now := start.Add(time.Duration(n) * 50 * time.Millisecond)
						current().Begin(&a, someone())
						p, err := a.Next(now)
						if err != nil {
							continue
						}
						if chance.IntN(2) == 0 {
							a.Header(p, now, Timing{Header: time.Millisecond})
						}
						a.Done(p, now, Outcome(chance.IntN(3)), Timing{Header: time.Millisecond, Last: time.Second})
					}
				})
			}
			for range 20 {
				next := build(t, block)
				old := current()
				next.Inherit(old)
				mu.Lock()
				g = next
				mu.Unlock()
			}
			all.Wait()
			for _, s := range current().Status(nil, start) {
				if s.Conns != 0 || s.st.inflight.n != 0 {
					t.Errorf("%s: %d exchanges, %d waiting", s.Name, s.Conns, s.st.inflight.n)
				}
			}
		})
	}
}

func TestFind(t *testing.T) {
	d, diags := parseConf("upstream App { server a; } upstream other { server b; }")
	set := d.Build(Options{}, diags)
	for _, tt := range []struct {
		host   string
		port   uint16
		noPort bool
		want   string
	}{
		{"app", 80, true, "App"},
		{"APP", 80, false, ""},
		{"other", 443, true, "other"},
		{"nowhere", 80, true, ""},
		{strings.Repeat("x", 300), 80, true, ""},
	} {
		got := ""
		if g := set.Find([]byte(tt.host), tt.port, tt.noPort); g != nil {
			got = g.Name
		}
		if got != tt.want {
			t.Errorf("%s:%d %v: %q, want %q", tt.host, tt.port, tt.noPort, got, tt.want)
		}
	}
}

func BenchmarkAttempt(b *testing.B) {
	for _, n := range []int{1, 4, 64} {
		for name, block := range blocks(manyServers(n)) {
			b.Run(fmt.Sprintf("%s/%d", strings.ReplaceAll(name, " ", "_"), n), func(b *testing.B) {
				g := build(b, block)
				ask := someone()
				a := new(Attempt)
				b.ReportAllocs()
				for b.Loop() {
					g.Begin(a, ask)
					p, _ := a.Next(start)
					a.Done(p, start, OK, Timing{})
				}
			})
		}
	}
}
