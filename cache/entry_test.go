package cache

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"weir/logs"
	"weir/loop"
	"weir/zone"
)

func testCache(t *testing.T, c Conf) *Cache {
	t.Helper()
	if c.Dir == "" {
		c.Dir = t.TempDir()
	}
	z, err := zone.NewRegistry(nil).Begin().Declare("one", 1<<20, "cache")
	if err != nil {
		t.Fatal(err)
	}
	one, err := New(c, z)
	if err != nil {
		t.Fatal(err)
	}
	one.Begin((*logs.Logger)(nil))
	one.cold = false
	return one
}

// put writes the file of a key.
func (c *Cache) put(t *testing.T, text, body string) Stat {
	t.Helper()
	return c.putHead(t, text, "HTTP/1.1 200 OK\r\n\r\n", body)
}

func (c *Cache) putHead(t *testing.T, text, head, body string) Stat {
	t.Helper()
	path := c.Path(SumOf([]byte(text)))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".0000000001", fileOf(Header{ValidSec: 1 << 40}, text, head, body), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".0000000001", path); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s, err := c.StatOf(int(f.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// a model is what a cache of a few keys must do, without an index and without files.
type model struct {
	exists, updating bool
	errorCode        int
	until            int64
	uses, holds      int
	lockTime         int64
	holder           *client // who has the lock
	alive            bool
	used             int64
}

// a client is a request of the driver.
type client struct {
	hold  Hold
	text  string
	state int // 0: idle, 1: holds the entry
}

// TestEntries has many requests acquire, lock, store, give up and purge entries at random, beside the model; the manager drops what
// nobody asks for.
func TestEntries(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { drive(t, rand.New(rand.NewPCG(seed, 7))) })
	}
}

func drive(t *testing.T, r *rand.Rand) {
	c := testCache(t, Conf{Inactive: 50 * time.Second, Memory: 4 << 10, Manager: Pace{Files: 1000, Threshold: time.Hour}})
	now := int64(1000)
	keys := map[string]*model{}
	clients := make([]*client, 12)
	for i := range clients {
		clients[i] = &client{}
	}
	for step := range 4000 {
		x := clients[r.IntN(len(clients))]
		if x.state == 0 {
			x.text = fmt.Sprint("key", r.IntN(6))
		}
		m := keys[x.text]
		if m == nil {
			m = &model{}
			keys[x.text] = m
		}
		sum := SumOf([]byte(x.text))
		fail := func(format string, a ...any) {
			t.Helper()
			t.Fatalf("step %d, %s, %+v: %s", step, x.text, *m, fmt.Sprintf(format, a...))
		}
		switch what := r.IntN(12); {
		case what < 5 && x.state == 0:
			want := Known
			if !m.alive || m.errorCode != 0 && m.until < now {
				want = Missing
			} else if !m.exists && m.errorCode == 0 && m.uses+1 < 1 {
				want = Scarce
			}
			if !m.alive {
				*m = model{alive: true}
			}
			m.uses++
			m.holds++
			m.used = now
			if want == Missing {
				m.errorCode, m.exists = 0, false
			}
			if got := c.Acquire(&x.hold, sum, 1, now); got != want {
				fail("found %d, wanted %d", got, want)
			}
			if x.hold.Exists != m.exists || x.hold.Error != m.errorCode {
				fail("exists %t, error %d", x.hold.Exists, x.hold.Error)
			}
			x.state = 1
		case what < 7 && x.state == 1 && !x.hold.Updating:
			want := !m.updating || m.lockTime <= now
			if got := x.hold.Lock(loop.Time(now), 5); got != want {
				fail("lock: %t", got)
			}
			if want {
				m.updating, m.holder, m.lockTime = true, x, now+5
			}
		case what < 8 && x.state == 1 && !x.hold.Updating:
			if got := x.hold.Expired(); got != m.updating {
				fail("expired says %t", got)
			}
			if !m.updating {
				m.updating, m.holder = true, x
			}
		case what < 10 && x.state == 1 && x.hold.Updating:
			stat := c.put(t, x.text, "body")
			if !x.hold.Update(stat, 400, NewItem(fileOf(Header{}, x.text, "HTTP/1.1 200 OK\r\n\r\n", "body"), []byte(x.text), CRC([]byte(x.text)))) {
				c.Remove(sum)
				m.exists = false
			} else {
				m.exists = true
			}
			m.holds--
			m.errorCode, m.updating, m.holder = 0, false, nil
			x.state = 0
		case x.state == 1:
			status, until := 0, int64(0)
			if r.IntN(3) == 0 {
				status, until = 502, now+3
			}
			mine := x.hold.Updating
			lock := x.hold.lockTime
			x.hold.Free(status, until)
			m.holds--
			if mine && m.lockTime == lock {
				m.updating, m.holder = false, nil
			}
			if status != 0 {
				m.errorCode, m.until = status, until
			} else if !m.exists && m.holds == 0 && m.errorCode == 0 {
				*m = model{}
			}
			x.state = 0
		case what == 10:
			now += int64(r.IntN(4))
		case what == 11 && r.IntN(4) == 0:
			if r.IntN(2) == 0 {
				now += 60
			}
			c.manage(func() time.Time { return time.Unix(now, 0) })
			for _, m := range keys {
				if m.alive && m.holds == 0 && m.used+50 <= now {
					*m = model{}
				} else if m.alive && m.used+50 <= now {
					m.used = now
				}
			}
		}
		check(t, c, keys, step)
	}
}

// check holds the index against the model.
func check(t *testing.T, c *Cache, keys map[string]*model, step int) {
	t.Helper()
	var blocks int64
	for text, m := range keys {
		sum := SumOf([]byte(text))
		n := c.find(&sum)
		if (n != 0) != m.alive {
			t.Fatalf("step %d: %s is %d in the index; %+v", step, text, n, *m)
		}
		if n == 0 {
			if c.memory.items[sum] != nil {
				t.Fatalf("step %d: %s is in memory alone", step, text)
			}
			continue
		}
		d := c.at(n)
		if d.exists != m.exists || int(d.count) != m.holds || d.updating != m.updating || int(d.errorCode) != m.errorCode {
			t.Fatalf("step %d: %s is %+v; wanted %+v", step, text, *d, *m)
		}
		if d.exists {
			blocks += int64(d.blocks)
			if _, err := os.Stat(c.Path(sum)); err != nil {
				t.Fatalf("step %d: %s: %v", step, text, err)
			}
		}
	}
	if c.size != blocks {
		t.Fatalf("step %d: the size is %d; wanted %d", step, c.size, blocks)
	}
	if c.memory.bodies.used > c.memory.bodies.most {
		t.Fatalf("step %d: memory has %d of %d", step, c.memory.bodies.used, c.memory.bodies.most)
	}
}

// TestPurge purges an entry that is being fetched: what comes of that is not stored.
func TestPurge(t *testing.T) {
	c := testCache(t, Conf{Inactive: time.Minute, Manager: Pace{Files: 10, Threshold: time.Hour}})
	text := []byte("/a/1")
	sum := SumOf(text)
	var h Hold
	c.Acquire(&h, sum, 1, 0)
	c.Purge(text, sum)
	if h.Update(c.put(t, "/a/1", "x"), 400, nil) {
		t.Error("an answer from before the purge was stored")
	}
	c.Remove(sum)
	for _, k := range []string{"/a/1", "/a/2", "/b/1"} {
		c.Acquire(&h, SumOf([]byte(k)), 1, 0)
		if !h.Update(c.put(t, k, "x"), 400, nil) {
			t.Errorf("%s was not stored", k)
		}
	}
	c.PurgePrefix([]byte("/a/"))
	if c.Acquire(&h, SumOf([]byte("/a/2")), 1, 0); !h.Exists || !h.Purged([]byte("/a/2"), nil) {
		t.Error("/a/2 is there still")
	}
	c.Remove(SumOf([]byte("/a/2")))
	h.Free(0, 0)
	for n, done := uint32(1), false; !done; {
		n, done = c.purgeSome(n, time.Now)
	}
	c.forgetPurges(c.generation)
	left, _ := filepath.Glob(c.Dir + "/*")
	want := SumOf([]byte("/b/1"))
	if len(left) != 1 || left[0] != c.Path(want) || len(c.purges) != 0 {
		t.Errorf("left are %v", left)
	}
}

// TestLoader takes in a folder, removes what does not belong there, and keeps to max_size.
func TestLoader(t *testing.T) {
	c := testCache(t, Conf{
		Levels: [3]int{1, 2}, Inactive: time.Minute, Loader: Pace{Files: 3, Threshold: time.Hour},
		Manager: Pace{Files: 100, Threshold: time.Hour}, MaxSize: 5 * usualBlock,
	})
	for i := range 20 {
		c.put(t, fmt.Sprint(i), "body")
	}
	for _, name := range []string{"odd", "0123456789abcdef0123456789abcdeX"} {
		if err := os.WriteFile(filepath.Join(c.Dir, name), make([]byte, 400), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	temp := filepath.Join(c.Dir, "0123456789abcdef0123456789abcdef.0000000001")
	if err := os.WriteFile(temp, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w := walker{}
	w.enter(c.Dir)
	turns := 1
	for ; !c.loadSome(&w, time.Now); turns++ {
	}
	if c.count != 20 || c.size != 20 || turns < 7 {
		t.Errorf("%d entries, %d blocks, %d turns", c.count, c.size, turns)
	}
	if _, err := os.Stat(filepath.Join(c.Dir, "odd")); err == nil {
		t.Error("what does not belong there is there still")
	}
	if _, err := os.Stat(temp); err != nil {
		t.Error("a temporary file was removed")
	}
	c.manage(time.Now)
	if c.size != 4 || c.count != 4 {
		t.Errorf("%d entries, %d blocks are left", c.count, c.size)
	}
}

// TestScan puts what is asked for twice into memory, and lets nothing that is asked for once push it out.
func TestScan(t *testing.T) {
	c := testCache(t, Conf{Inactive: time.Minute, Memory: 64 << 10})
	ask := func(text string) *Item {
		var h Hold
		c.Acquire(&h, SumOf([]byte(text)), 1, 0)
		defer h.Free(0, 0)
		if h.Item == nil {
			i := NewItem(fileOf(Header{}, text, "HTTP/1.1 200 OK\r\n\r\n", string(make([]byte, 2000))), []byte(text), CRC([]byte(text)))
			i.Uniq = 1
			h.Learn(1, 400, 1)
			h.Admit(i)
		}
		return h.Item
	}
	c.cold = true
	ask("hot")
	ask("hot")
	i := c.memory.items[SumOf([]byte("hot"))]
	if i == nil {
		t.Fatal("what was asked for twice is not in memory")
	}
	for n := range 1000 {
		ask(fmt.Sprint(n))
	}
	if c.memory.items[SumOf([]byte("hot"))] != i {
		t.Error("a crawler has pushed it out")
	}
}

// TestStoredTwice has two requests store an entry at the same time, and the index told of them in the other order: the file that is there comes
// into memory all the same.
func TestStoredTwice(t *testing.T) {
	c := testCache(t, Conf{Inactive: time.Minute, Memory: 64 << 10})
	var a, b, reader Hold
	sum := SumOf([]byte("k"))
	c.Acquire(&a, sum, 1, 0)
	c.Acquire(&b, sum, 1, 0)
	first := c.put(t, "k", "one")
	second := c.put(t, "k", "two")
	b.Update(second, 400, nil)
	a.Update(first, 400, nil)
	c.Acquire(&reader, sum, 1, 0)
	i := NewItem(fileOf(Header{}, "k", "HTTP/1.1 200 OK\r\n\r\n", "two"), []byte("k"), CRC([]byte("k")))
	i.Stat = second
	reader.Admit(i)
	reader.Free(0, 0)
	if c.Acquire(&reader, sum, 1, 0); reader.Item != i {
		t.Error("it is not in memory")
	}
	// What was opened before another one was stored does not come in.
	c.Acquire(&a, sum, 1, 0)
	third := c.put(t, "k", "three")
	a.Update(third, 400, nil)
	reader.Admit(i)
	reader.Free(0, 0)
	if c.Acquire(&reader, sum, 1, 0); reader.Item != nil {
		t.Error("an old file is in memory")
	}
}

// TestWanted lets everything in that was asked for twice as long as there is room, and then one of several.
func TestWanted(t *testing.T) {
	c := testCache(t, Conf{Inactive: time.Minute, Memory: 64 << 10})
	c.memory.files.most = 1
	ask := func(text string, size int64) bool {
		var h Hold
		c.Acquire(&h, SumOf([]byte(text)), 1, 0)
		defer h.Free(502, 10)
		return h.Wanted(size)
	}
	for _, size := range []int64{1000, LargeItem + 1} {
		text := fmt.Sprint(size)
		if ask(text, size) || !ask(text, size) {
			t.Errorf("%d bytes: the second time counts", size)
		}
	}
	c.memory.bodies.used, c.memory.files.used = c.memory.bodies.most, 1
	for _, size := range []int64{1000, LargeItem + 1} {
		n := 0
		for range 8 * oneOf {
			if ask(fmt.Sprint(size), size) {
				n++
			}
		}
		if n != 8 {
			t.Errorf("%d bytes: %d of %d were let in", size, n, 8*oneOf)
		}
	}
	c.memory.bodies.used, c.memory.files.used = 0, 0
	c.memory.resize(0, 0)
	if ask("1000", 1000) {
		t.Error("there is no memory")
	}
}

// TestDropWhileStored has the manager drop entries while others store them anew: what the index knows is counted, and what it counts is known.
func TestDropWhileStored(t *testing.T) {
	c := testCache(t, Conf{Manager: Pace{Files: 1000, Threshold: time.Hour}}) // nothing is kept for any time
	stop := make(chan struct{})
	var wait sync.WaitGroup
	for n := range 3 {
		wait.Go(func() {
			for step := range 800 {
				var h Hold
				text := fmt.Sprint((n + step) % 2)
				c.Acquire(&h, SumOf([]byte(text)), 1, 0)
				if h.Lock(0, time.Hour) {
					_ = os.WriteFile(c.Path(SumOf([]byte(text))), []byte(text), 0o600)
					h.Update(Stat{Uniq: uint64(step), Blocks: 1}, 400, nil)
				} else {
					h.Free(0, 0)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				c.manage(time.Now)
			}
		}
	}()
	wait.Wait()
	close(stop)
	<-done
	var blocks int64
	for n := c.newest; n != 0; n = c.at(n).older {
		if d := c.at(n); d.exists {
			blocks += int64(d.blocks)
		}
	}
	if c.size != blocks {
		t.Errorf("the size is %d, of what there is %d", c.size, blocks)
	}
}
