package upstream

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"testing"

	"weir/loop"
)

// TestReplaceStorm has exchanges of several goroutines go on while the peers of their group change, and while the group is replaced by a reload:
// nothing is counted twice or lost.
func TestReplaceStorm(t *testing.T) {
	for _, method := range []string{"", "least_conn;", "hash $uri;", "hash $uri consistent;", "random two;", "least_time header inflight;", "ip_hash;"} {
		build := func() *Group {
			d, diags, o := loadConf("resolver 127.0.0.1; upstream u { zone u 64k; "+method+" server x.test resolve; server a; }", letters)
			set := d.Build(o, diags)
			if diags.Failed() {
				t.Fatal(diags.List())
			}
			return set.Groups()[0]
		}
		var mu sync.Mutex
		live := build()
		current := func() *Group {
			mu.Lock()
			defer mu.Unlock()
			return live
		}
		var all sync.WaitGroup
		exchanges(&all, 4, current, Timing{})
		all.Go(func() {
			r := rand.New(rand.NewPCG(1, 2))
			for i := range 40 {
				var found []Found
				most := 6
				if i%8 == 7 {
					most = 70 // more than fit into a word of marks
				}
				for n := range r.IntN(most) {
					if r.IntN(2) == 0 {
						found = append(found, Found{Addr: loop.Addr{Net: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 9, 0, byte(n)}), 80)}, Weight: 1 + n%3})
					}
				}
				current().Replace(0, found)
				if i%10 == 9 {
					next := build()
					old := current()
					next.Inherit(old)
					mu.Lock()
					live = next
					mu.Unlock()
					if old.Replace(0, found[:0]) {
						t.Errorf("%q: a group that another has inherited from has changed", method)
					}
				}
			}
		})
		all.Wait()
		for _, s := range live.Status(nil, 0) {
			if s.Conns != 0 {
				t.Errorf("%q: %s has %d exchanges under way", method, s.Name, s.Conns)
			}
		}
	}
}

// exchanges has so many sides send exchanges to whatever group is the live one, and end them in every way.
func exchanges(all *sync.WaitGroup, sides int, current func() *Group, took Timing) {
	for w := range sides {
		all.Go(func() {
			var a Attempt
			for i := range 300 {
				current().Begin(&a, Ask{Key: []byte{byte(i)}, Now: loop.Time(i)})
				for range 3 {
					p, err := a.Next(loop.Time(i))
					if err != nil {
						break
					}
					if a.Done(p, loop.Time(i), Outcome((i+w)%3), took); a.Tries() == 0 {
						break
					}
				}
			}
		})
	}
}

// Replace says where the i-th server directive leads to now, be it a name or not.
func (g *Group) Replace(i int, found []Found) bool {
	server := &g.Spec.Servers[i]
	g.mu.Lock()
	at := slices.IndexFunc(g.members, func(m *member) bool { return m.named && m.server == server })
	if at < 0 {
		name := &member{id: -1, server: server, named: true}
		for _, m := range g.members {
			if m.server == server {
				m.parent = name
			}
		}
		g.members = append(g.members, name)
		at = len(g.members) - 1
	}
	name := g.members[at]
	g.mu.Unlock()
	return g.replace(name, found)
}
