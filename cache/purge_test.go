package cache

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"
)

func TestHasTag(t *testing.T) {
	head := []byte("HTTP/1.1 200 OK\r\nSurrogate-Key: a b,c\r\nX: d\r\ncache-tag:e\t f\r\n\r\n")
	fields := []string{"surrogate-key", "Cache-Tag"}
	for tag, want := range map[string]bool{"a": true, "b": true, "c": true, "d": false, "e": true, "f": true, "": false, "ab": false, "A": false} {
		if got := hasTag(head, fields, []byte(tag)); got != want {
			t.Errorf("%q: %t", tag, got)
		}
	}
}

// A page is an entry as the model of TestPurges has it.
type page struct {
	stored  bool
	fetch   *Hold
	purged  bool // since the fetch began
	swept   bool // the index was gone through meanwhile: the response need not be stored
	updated int
}

// TestPurges stores, asks for and purges at random: by key, by what keys begin with, by tag, while entries are fetched and while what was purged is
// dropped. What was purged is not found, and all else is.
func TestPurges(t *testing.T) {
	for seed := range uint64(6) {
		r := rand.New(rand.NewPCG(seed, 9))
		c := testCache(t, Conf{Inactive: time.Hour, Memory: 16 << 10, Manager: Pace{Files: 7, Threshold: time.Hour}})
		pages := map[string]*page{}
		var keys []string
		for n := range 12 {
			k := fmt.Sprintf("/%c/%d", 'a'+n%3, n)
			keys = append(keys, k)
			pages[k] = &page{}
		}
		tags := func(k string) []string { return []string{"t" + k[3:], "dir" + k[1:2]} }
		head := func(k string) string {
			return "HTTP/1.1 200 OK\r\nCache-Tag: " + strings.Join(tags(k), ", ") + "\r\n\r\n"
		}
		fields := []string{"Cache-Tag"}
		sweep := uint32(1)
		drop := func(names func(k string) bool) {
			for k, p := range pages {
				if names(k) {
					p.stored, p.purged = false, true
				}
			}
		}
		for step := range 3000 {
			k := keys[r.IntN(len(keys))]
			p, sum := pages[k], SumOf([]byte(k))
			switch what := r.IntN(10); {
			case what < 3: // asked for
				var h Hold
				c.Acquire(&h, sum, 1, 1)
				found := h.Exists
				if found {
					var b []byte
					if h.Item != nil {
						b = h.Item.Head
					} else if _, file, ok := readKey(c.Path(sum), make([]byte, 4096)); ok {
						b = file
					} else {
						t.Fatalf("seed %d, step %d: %s has no file", seed, step, k)
					}
					if h.Purged([]byte(k), b) {
						found = false
						c.Remove(sum)
					}
				}
				h.Free(0, 0)
				if found != p.stored {
					t.Fatalf("seed %d, step %d: %s is there: %t", seed, step, k, found)
				}
			case what < 5 && p.fetch == nil:
				p.fetch, p.purged, p.swept = &Hold{}, false, false
				c.Acquire(p.fetch, sum, 1, 1)
				p.fetch.Lock(0, time.Hour)
			case what < 7 && p.fetch != nil:
				s := c.putHead(t, k, head(k), "body")
				item := NewItem(fileOf(Header{}, k, head(k), "body"), []byte(k), CRC([]byte(k)))
				item.Stat = s
				ok := p.fetch.Update(s, 400, item)
				p.fetch = nil
				if !ok {
					c.Remove(sum)
					if !p.purged && !p.swept {
						t.Fatalf("seed %d, step %d: %s was not stored", seed, step, k)
					}
					p.stored = false
					break
				}
				p.stored = !p.purged // else it is found to be purged when it is asked for
				p.updated++
			case what == 7 && r.IntN(3) == 0:
				switch r.IntN(4) {
				case 0, 1:
					c.Purge([]byte(k), sum)
					drop(func(other string) bool { return other == k })
				case 2:
					c.PurgePrefix([]byte(k[:3]))
					drop(func(other string) bool { return strings.HasPrefix(other, k[:3]) })
				case 3:
					tag := tags(k)[r.IntN(2)]
					c.PurgeTag(fields, []byte(tag))
					drop(func(other string) bool {
						return strings.Contains(head(other), " "+tag+",") || strings.Contains(head(other), " "+tag+"\r")
					})
				}
			case what == 8:
				next, done := c.purgeSome(sweep, time.Now)
				for _, p := range pages {
					p.swept = true
				}
				if sweep = next; done {
					sweep = 1
				}
			case what == 9 && r.IntN(4) == 0: // gone through as a whole, and forgotten
				until := c.purgesUpTo()
				for n, done := uint32(1), false; !done; {
					n, done = c.purgeSome(n, time.Now)
				}
				for _, p := range pages {
					p.swept = true
				}
				c.forgetPurges(until)
				sweep = 1
			}
		}
		for k, p := range pages {
			_, err := os.Stat(c.Path(SumOf([]byte(k))))
			if p.stored && err != nil {
				t.Errorf("seed %d: %s: %v", seed, k, err)
			}
			if p.updated == 0 {
				t.Errorf("seed %d: %s was never stored", seed, k)
			}
		}
	}
}

// TestPurgeVariants purges a key of which only variants are there: they are not answered when the key itself is stored anew, and what is fetched
// after the purge is.
func TestPurgeVariants(t *testing.T) {
	text, head := []byte("/k"), []byte("HTTP/1.1 200 OK\r\nVary: X\r\n\r\n")
	main, variant := SumOf(text), SumOf([]byte("variant"))
	c := testCache(t, Conf{Inactive: time.Hour})
	store := func(sum Sum) {
		t.Helper()
		var h Hold
		c.Acquire(&h, sum, 1, 0)
		if !h.Update(Stat{Uniq: 1, Blocks: 1}, 400, nil) {
			t.Fatal("not stored")
		}
	}
	answered := func() bool {
		var h Hold
		c.Acquire(&h, main, 1, 0)
		if !h.Exists {
			t.Fatal("the key is not there")
		}
		h.Release(false)
		c.Acquire(&h, variant, 1, 0)
		defer h.Free(0, 0)
		return h.Exists && !h.Purged(text, head)
	}
	c.Varies()
	store(main)
	store(variant)
	if !answered() {
		t.Error("nothing was purged yet")
	}
	c.mu.Lock()
	c.index.remove(c.find(&main)) // as the manager does
	c.mu.Unlock()
	var h Hold
	c.Acquire(&h, variant, 1, 0)
	h.Lock(0, time.Hour)
	h.Publish(Header{HeaderStart: 1, BodyStart: 2}, []byte("xx"), -1)
	if c.Purge(text, main) {
		t.Error("the key was there")
	}
	h.Update(Stat{Uniq: 2, Blocks: 1}, 400, nil) // what was asked for before
	store(main)
	if answered() {
		t.Error("a variant from before the purge is answered")
	}
	store(variant)
	if !answered() {
		t.Error("a variant from after the purge is not answered")
	}
	c.Acquire(&h, SumOf([]byte("other")), 1, 0)
	h.Free(0, 0)
	if c.Purge([]byte("other"), SumOf([]byte("other"))) {
		t.Error("the other key was there")
	}
}

// TestFlightOver has a request come between the end of a fetch that nobody has read along and the moment at which the index is told: the file that
// was written is closed already.
func TestFlightOver(t *testing.T) {
	c := testCache(t, Conf{Inactive: time.Hour})
	var a, b Hold
	sum := SumOf([]byte("k"))
	c.Acquire(&a, sum, 1, 0)
	a.Lock(0, time.Hour)
	f := a.Publish(Header{HeaderStart: 1, BodyStart: 2}, []byte("xx"), 1)
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	f.Grow(int(file.Fd()), 1)
	f.End(true)
	c.Acquire(&b, sum, 1, 0)
	if f, _ := b.Join([]byte("k")); f != nil {
		t.Errorf("joined what is over: %+v", f.Progress(0, nil))
	}
	a.Update(Stat{Uniq: 1, Blocks: 1}, 400, nil)
	b.Free(0, 0)
}

// TestFlightUnread ends a flight of which nobody could be given the file: it is none for those who read along.
func TestFlightUnread(t *testing.T) {
	c := testCache(t, Conf{Inactive: time.Hour})
	var a, b Hold
	sum := SumOf([]byte("k"))
	c.Acquire(&a, sum, 1, 0)
	a.Lock(0, time.Hour)
	f := a.Publish(Header{HeaderStart: 1, BodyStart: 2}, []byte("xx"), 1)
	c.Acquire(&b, sum, 1, 0)
	if got, _ := b.Join([]byte("k")); got != f {
		t.Fatal("not joined")
	}
	f.Grow(-1, 1) // no descriptor is left
	f.End(true)
	if p := f.Progress(0, nil); !p.Failed {
		t.Errorf("%+v", p)
	}
	f.Leave()
	a.Update(Stat{Uniq: 1, Blocks: 1}, 400, nil)
	b.Free(0, 0)
}
