package upstream

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"weir/loop"
)

// editable builds a group of these directives that has a zone and a resolver.
func editable(t testing.TB, body string) (*Set, *Group) {
	t.Helper()
	d, diags, o := loadConf("resolver 127.0.0.1; upstream u { zone u 64k; "+body+" }", letters)
	d.specs[0].StateFile = "none" // it may be without servers
	set := d.Build(o, diags)
	if diags.Failed() {
		t.Fatal(diags.List())
	}
	g := set.Groups()[0]
	g.Spec.StateFile, g.resolves = "", true
	return set, g
}

// unnumbered are servers without what another start gives anew.
func unnumbered(all []Listed) []Listed {
	next := slices.Clone(all)
	for i := range next {
		next[i].ID = 0
		next[i].Text, next[i].Addrs = "", nil // 10.0.0.1 may be 10.0.0.1:80 now; Server has the address
	}
	return next
}

// TestEdit changes a group at random, and holds it against a list of what its servers should be; the file, the memory for another process
// and the peers must say the same all the time.
func TestEdit(t *testing.T) {
	for seed := range uint64(4) {
		rnd := rand.New(rand.NewPCG(seed, 3))
		set, g := editable(t, "least_conn; server a; server many weight=2;")
		g.Spec.StateFile = filepath.Join(t.TempDir(), "state")
		want := g.Servers()
		next := len(want)
		for range 60 {
			switch n := rnd.IntN(4); {
			case n < 2:
				text := []string{"10.0.0.9", "10.0.0.8:81", "[::1]:8080", "unix:/a b", "x.test:8080"}[rnd.IntN(5)]
				s, err := NewServer(text, "")
				if err != nil {
					t.Fatal(err)
				}
				s.Weight, s.MaxConns, s.MaxFails = 1+rnd.IntN(3), rnd.IntN(3), rnd.IntN(3)
				s.FailTimeout, s.SlowStart = time.Duration(rnd.IntN(20))*time.Second, time.Duration(rnd.IntN(3))*1500*time.Millisecond
				s.Backup, s.Down, s.Drain = rnd.IntN(3) == 0, rnd.IntN(3) == 0, rnd.IntN(3) == 0
				s.Route = []string{"", "r1", `a b;"c"\n'#$d`, "{}"}[rnd.IntN(4)]
				l, err := g.AddServer(s)
				if err != nil || l.ID != next {
					t.Fatalf("%+v, %v; want number %d", l, err, next)
				}
				next++
				want = append(want, l)
			case len(want) == 0:
			case n == 2:
				i := rnd.IntN(len(want))
				if _, err := g.RemoveServer(want[i].ID); err != nil {
					t.Fatal(err)
				}
				if _, err := g.RemoveServer(want[i].ID); err != ErrNoServer {
					t.Fatalf("removed twice: %v", err)
				}
				want = slices.Delete(want, i, i+1)
			default:
				w := &want[rnd.IntN(len(want))]
				w.Weight, w.Down, w.Route = 1+rnd.IntN(5), !w.Down, fmt.Sprint("r", rnd.IntN(9))
				if _, err := g.ChangeServer(w.ID, &Change{Weight: &w.Weight, Down: &w.Down, Route: &w.Route}); err != nil {
					t.Fatal(err)
				}
			}
			if got := g.Servers(); !slices.EqualFunc(got, want, func(a, b Listed) bool { return reflect.DeepEqual(a, b) }) {
				t.Fatalf("seed %d:\n%+v\nwant\n%+v", seed, got, want)
			}
		}
		checkPeers(t, g, want)
		checkFile(t, g, want)
		checkMemory(t, set, want)
	}
}

func checkPeers(t *testing.T, g *Group, want []Listed) {
	t.Helper()
	peers := map[int]*Peer{}
	for _, p := range g.Peers() {
		peers[p.ID] = p
	}
	for _, w := range want {
		p := peers[w.ID]
		if w.Follow != nil {
			continue
		}
		if delete(peers, w.ID); p == nil || p.Name != w.Server || p.Weight != w.Weight || p.Down != w.Down || p.Backup != w.Backup || p.MaxConns != w.MaxConns {
			t.Errorf("peer %+v of %+v", p, w)
		}
	}
	if len(peers) > 0 {
		t.Errorf("peers without a server: %v", peers)
	}
}

// checkFile reads the state file as a configuration would.
func checkFile(t *testing.T, g *Group, want []Listed) {
	t.Helper()
	b, err := os.ReadFile(g.Spec.StateFile)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) == 0 && len(want) == 0 {
		return // a group needs a directive
	}
	_, again := editable(t, "least_conn; "+string(b))
	got, wanted := unnumbered(again.Servers()), unnumbered(want)
	if !reflect.DeepEqual(got, wanted) {
		t.Errorf("the file\n%sis read as\n%+v\nwant\n%+v", b, got, wanted)
	}
}

// checkMemory restores the group in another process.
func checkMemory(t *testing.T, set *Set, want []Listed) {
	t.Helper()
	snapshot := set.AppendSnapshot(nil)
	later, g := editable(t, "least_conn; server a; server many weight=2;")
	later.Restore(snapshot)
	got := g.Servers()
	for i := range want {
		w := &want[i]
		if len(w.Addrs) > 1 { // "many"
			w.Addrs = got[i].Addrs
		}
	}
	if !slices.EqualFunc(got, want, func(a, b Listed) bool { return reflect.DeepEqual(a, b) }) {
		t.Errorf("restored\n%+v\nwant\n%+v", got, want)
	}
	other, g := editable(t, "least_conn; server b;")
	other.Restore(snapshot)
	if all := g.Servers(); len(all) != 1 || all[0].Server != "10.0.0.2:80" {
		t.Errorf("a group of another configuration has become %+v", all)
	}
}

// TestEditNames changes servers that are looked up.
func TestEditNames(t *testing.T) {
	_, g := editable(t, "server x.test resolve; server a;")
	g.Replace(0, []Found{{Addr: p4(1)}, {Addr: p4(2), Weight: 5}})
	on, three := true, 3
	addr := p4(9)
	for _, tt := range []struct {
		id   int
		c    Change
		want error
	}{
		{0, Change{Down: &on}, nil},
		{2, Change{Addr: &addr}, ErrBound},
		{0, Change{Addr: &addr}, ErrBound},
		{3, Change{Weight: &three}, ErrWeightBound},
		{2, Change{Weight: &three}, nil},
		{1, Change{Addr: &addr}, nil},
	} {
		if _, err := g.ChangeServer(tt.id, &tt.c); err != tt.want {
			t.Errorf("server %d: %v; want %v", tt.id, err, tt.want)
		}
	}
	if _, err := g.RemoveServer(2); err != ErrBound {
		t.Errorf("removed what a name has led to: %v", err)
	}
	for _, p := range g.Peers() {
		if p.Down != (p.Server == "x.test:80" || p.Server == "x.test") || p.ID == 2 && p.Weight != 3 || p.ID == 3 && p.Weight != 5 || p.ID == 1 && p.Addr != addr {
			t.Errorf("%+v", p)
		}
	}
	left, err := g.RemoveServer(0)
	if err != nil || len(left) != 1 || left[0].ID != 1 {
		t.Errorf("%+v, %v", left, err)
	}
	if _, err := g.AddServer(ServerSpec{Follow: &Follow{Host: "y.test"}, Weight: 1}); err != nil {
		t.Error(err)
	}
	g.resolves = false
	if _, err := g.AddServer(ServerSpec{Follow: &Follow{Host: "y.test"}, Weight: 1}); err != ErrNoResolver {
		t.Error(err)
	}
}

// TestEditUnwritable changes nothing when the file cannot be written.
func TestEditUnwritable(t *testing.T) {
	_, g := editable(t, "server a;")
	g.Spec.StateFile = filepath.Join(t.TempDir(), "nothing", "state")
	s, _ := NewServer("10.0.0.9", "")
	var e *StateError
	if _, err := g.AddServer(s); !errors.As(err, &e) {
		t.Errorf("added: %v", err)
	}
	if _, err := g.RemoveServer(0); !errors.As(err, &e) {
		t.Errorf("removed: %v", err)
	}
	if all := g.Servers(); len(all) != 1 {
		t.Errorf("%+v", all)
	}
}

// TestEditStorm changes a group from several sides while exchanges choose among its peers and reloads replace it: nobody is lost, and nothing
// counted twice.
func TestEditStorm(t *testing.T) {
	for _, method := range []string{"", "least_conn;", "hash $uri;", "hash $uri consistent;", "random two;", "least_time header inflight;", "ip_hash;"} {
		_, live := editable(t, method+" server a; server b;")
		var mu sync.Mutex
		current := func() *Group {
			mu.Lock()
			defer mu.Unlock()
			return live
		}
		var all sync.WaitGroup
		exchanges(&all, 3, current, Timing{Status: 200, Sent: 1})
		for w := range 2 {
			all.Go(func() {
				rnd := rand.New(rand.NewPCG(uint64(w), 2))
				down := true
				for i := range 60 {
					s, _ := NewServer(fmt.Sprintf("10.9.%d.%d", w, i), "")
					g := current() // a reload may take its place any time
					l, err := g.AddServer(s)
					if err != nil && err != errGone {
						t.Error(err)
					}
					if _, err := g.ChangeServer(l.ID, &Change{Down: &down}); err != nil && err != errGone && err != ErrNoServer {
						t.Error(err)
					}
					if rnd.IntN(2) == 0 {
						if _, err := g.RemoveServer(l.ID); err != nil && err != errGone && err != ErrNoServer {
							t.Error(err)
						}
					}
				}
			})
		}
		all.Go(func() {
			for i := range 10 {
				_, next := editable(t, method+" server a; server b;")
				old := current()
				next.Inherit(old)
				mu.Lock()
				live = next
				mu.Unlock()
				old.Status(nil, loop.Time(i))
				old.Zombies()
			}
		})
		all.Wait()
		for _, s := range live.Status(nil, 0) {
			if s.Conns != 0 {
				t.Errorf("%q: %s has %d exchanges under way", method, s.Name, s.Conns)
			}
		}
		if n := live.Zombies(); n != 0 {
			t.Errorf("%q: %d zombies", method, n)
		}
	}
}
