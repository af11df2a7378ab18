package cache

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"weir/logs"
	"weir/zone"
)

// open makes another cache of the folder, as the next start does.
func openAgain(t testing.TB, c Conf, size int64) *Cache {
	t.Helper()
	z, err := zone.NewRegistry(nil).Begin().Declare("one", size, "cache")
	if err != nil {
		t.Fatal(err)
	}
	one, err := New(c, z)
	if err != nil {
		t.Fatal(err)
	}
	one.Begin((*logs.Logger)(nil))
	return one
}

// fill makes files of a cache, and has the index know them.
func fill(t *testing.T, c *Cache, many int) {
	t.Helper()
	for n := range many {
		text := fmt.Sprint("key", n)
		s := c.put(t, text, "body")
		if !c.add1(SumOf([]byte(text)), s) {
			t.Fatal("no room")
		}
		c.at(c.find(ptr(SumOf([]byte(text))))).expire = int64(1000 + n%7)
	}
}

func ptr(s Sum) *Sum { return &s }

// settle makes the times of all folders older.
func settle(t *testing.T, dir string) {
	t.Helper()
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = os.Chtimes(path, time.Time{}, time.Unix(1e9, 0))
		}
		return err
	})
}

// TestSaved saves an index and loads it; what it tells is the same. When something has changed in the folder, or in the file, it is not used.
func TestSaved(t *testing.T) {
	for _, levels := range [...][3]int{{}, {1}, {1, 2}} {
		conf := Conf{Dir: t.TempDir(), Levels: levels, Inactive: time.Hour}
		c := testCache(t, conf)
		c.measure()
		fill(t, c, leastSaved+20)
		c.mu.Lock()
		c.drop(c.find(ptr(SumOf([]byte("key3")))))
		c.mu.Unlock()
		if err := os.WriteFile(c.savedPath(), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		settle(t, conf.Dir)
		if err := c.save(); err != nil {
			t.Fatal(err)
		}
		again := openAgain(t, conf, 1<<20)
		again.measure()
		if err := again.loadSaved(); err != nil {
			t.Fatal(err)
		}
		if again.count != c.count || again.size != c.size {
			t.Errorf("%v: %d entries of %d blocks, saved were %d of %d", levels, again.count, again.size, c.count, c.size)
		}
		for n := range leastSaved + 20 {
			sum := SumOf([]byte(fmt.Sprint("key", n)))
			a, b := c.find(&sum), again.find(&sum)
			if (a == 0) != (b == 0) {
				t.Fatalf("%v: key %d is at %d and at %d", levels, n, a, b)
			}
			if a == 0 {
				continue
			}
			x, y := *c.at(a), *again.at(b)
			x.chain, x.newer, x.older, y.chain, y.newer, y.older = 0, 0, 0, 0, 0, 0
			if x != y {
				t.Fatalf("%v: key %d: %+v, saved was %+v", levels, n, y, x)
			}
		}
		last := int64(0)
		for at := again.oldest; at != 0; at = again.at(at).newer {
			if e := again.at(at).expire; e < last {
				t.Fatalf("%v: the order is wrong", levels)
			} else {
				last = e
			}
		}
		stale := func(what string) {
			t.Helper()
			again := openAgain(t, conf, 1<<20)
			again.measure()
			if err := again.loadSaved(); err == nil || again.count > 0 {
				t.Errorf("%v: %s: %v, %d entries", levels, what, err, again.count)
			}
		}
		whole, _ := os.ReadFile(c.savedPath())
		for _, at := range [...]int{0, 9, 17, 25, 33, 37, savedHead, savedHead + 500, len(whole) - 1} {
			b := append([]byte(nil), whole...)
			b[at] ^= 4
			_ = os.WriteFile(c.savedPath(), b, 0o600)
			stale(fmt.Sprint("byte ", at))
		}
		for _, n := range [...]int{0, 8, savedHead - 1, savedHead, len(whole) - savedEntry, len(whole) - 1} {
			_ = os.WriteFile(c.savedPath(), whole[:n], 0o600)
			stale(fmt.Sprint("cut at ", n))
		}
		_ = os.WriteFile(c.savedPath(), whole, 0o600)
		c.put(t, "another", "body")
		stale("another file")
		// The folder is read then, but for the file itself.
		w := walker{}
		again = openAgain(t, conf, 1<<20)
		again.Loader = Pace{Files: 1 << 20, Threshold: time.Hour}
		w.enter(conf.Dir)
		if !again.loadSome(&w, time.Now) || again.count != leastSaved+20 {
			t.Errorf("%v: %d files", levels, again.count)
		}
		if _, err := os.Stat(c.savedPath()); err != nil {
			t.Error(err)
		}
	}
}

// TestSavedShortly keeps an index from being saved while folders change: their times would not tell of a change right after it.
func TestSavedShortly(t *testing.T) {
	c := testCache(t, Conf{Inactive: time.Hour})
	fill(t, c, leastSaved)
	if err := os.Chtimes(c.Dir, time.Time{}, time.Now().Add(time.Minute)); err != nil { // the test may be slow
		t.Fatal(err)
	}
	if err := c.save(); err != errStale {
		t.Errorf("saved right after a change: %v", err)
	}
}

// BenchmarkSaved loads a saved index of a million entries. It tells how much memory one takes, and how long the collector needs with them.
func BenchmarkSaved(b *testing.B) {
	many := 1 << 20
	conf := Conf{Dir: b.TempDir(), Inactive: time.Hour}
	size := int64(many+100) * 129
	c := openAgain(b, conf, size)
	c.cold = false
	for n := range many {
		sum := key(n)
		at := c.index.add(&sum)
		d := c.at(at)
		d.exists, d.blocks, d.expire = true, 1, int64(n%3000)
	}
	_ = os.WriteFile(c.savedPath(), nil, 0o600)
	_ = os.Chtimes(conf.Dir, time.Time{}, time.Unix(1e9, 0))
	if err := c.save(); err != nil {
		b.Fatal(err)
	}
	c = nil
	for b.Loop() {
		runtime.GC()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		again := openAgain(b, conf, size)
		again.block = usualBlock
		began := time.Now()
		if err := again.loadSaved(); err != nil || again.count != many {
			b.Fatal(err, again.count)
		}
		b.ReportMetric(float64(time.Since(began).Milliseconds()), "ms/load")
		runtime.GC()
		runtime.ReadMemStats(&after)
		began = time.Now()
		runtime.GC()
		b.ReportMetric(float64(time.Since(began).Microseconds()), "µs/GC")
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(many), "B/entry")
		runtime.KeepAlive(again)
	}
}
