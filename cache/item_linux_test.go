package cache

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"weir/loop"
	"weir/loop/looptest"
)

// TestItems has requests take entries into memory, serve them, and let go of them at random, while files are stored, replaced by somebody else, removed
// and purged. What memory says is in place is what the file has; the files of a cache that nobody has any more are closed.
func TestItems(t *testing.T) {
	for _, checked := range []bool{true, false} {
		for seed := range uint64(3) {
			t.Run(fmt.Sprint(checked, seed), func(t *testing.T) {
				looptest.Run(t, func(k *loop.Task, _ *loop.Conn, _ net.Conn) {
					d := newItemDriver(t, k, checked, seed)
					for range 3000 {
						d.step()
					}
					d.end()
				})
			})
		}
	}
}

// An itemDriver is the test's requests, and what the files of its keys have.
type itemDriver struct {
	t     *testing.T
	k     *loop.Task
	r     *rand.Rand
	c     *Cache
	now   map[string]string // by key: the body that its file has; "": there is none
	busy  []*itemUser
	made  int
	hits  int
	stale int
}

// An itemUser is a request that sends an item.
type itemUser struct {
	hold Hold
	item *Item
	body string
}

func newItemDriver(t *testing.T, k *loop.Task, checked bool, seed uint64) *itemDriver {
	c := testCache(t, Conf{Inactive: time.Hour, Memory: 16 << 10, Checked: checked, Manager: Pace{Files: 1000, Threshold: time.Hour}})
	c.memory.files.most = 3
	return &itemDriver{t: t, k: k, r: rand.New(rand.NewPCG(seed, 11)), c: c, now: map[string]string{}}
}

func (d *itemDriver) step() {
	r := d.r
	key := fmt.Sprint("key", r.IntN(12))
	switch what := r.IntN(20); {
	case what < 10:
		d.ask(key)
	case what < 15 && len(d.busy) > 0:
		i := r.IntN(len(d.busy))
		d.over(d.busy[i])
		d.busy = append(d.busy[:i], d.busy[i+1:]...)
	case what < 16:
		d.store(key)
	case what < 17 && d.c.Checked: // by somebody else
		d.put(key, d.body())
	case what < 18 && d.c.Checked:
		_ = os.Remove(d.c.Path(SumOf([]byte(key))))
		d.now[key] = ""
	case what < 19:
		d.c.Purge([]byte(key), SumOf([]byte(key)))
		d.now[key] = ""
	}
	if d.r.IntN(50) == 0 {
		d.c.closeRemoved()
		for _, i := range d.c.memory.files.all() {
			if d.c.Checked && !i.inPlace() {
				d.t.Errorf("%s is open still", i.Key)
			}
			i.Release()
		}
	}
	d.k.Await(func() {}) // another turn
}

// body makes a body that no other file has, a small or a large one. Each has another length: here files are not left alone for long before they come
// into memory, and one may have the number and the times of the one before.
func (d *itemDriver) body() string {
	d.made++
	size := 10 + d.made%1000
	if d.r.IntN(2) == 0 {
		size += LargeItem
	}
	return strings.Repeat(".", size) + fmt.Sprintf("%08d", d.made)
}

func (d *itemDriver) put(key, body string) Stat {
	d.now[key] = body
	return d.c.put(d.t, key, body)
}

func (d *itemDriver) store(key string) {
	var h Hold
	sum := SumOf([]byte(key))
	d.c.Acquire(&h, sum, 1, 0)
	if h.Lock(d.k.Now(), time.Hour) {
		h.Update(d.put(key, d.body()), 400, nil)
	} else {
		h.Free(0, 0)
	}
}

// ask looks for an entry, in memory and then on disk, as a request does.
func (d *itemDriver) ask(key string) {
	u := &itemUser{}
	sum, want := SumOf([]byte(key)), d.now[key]
	d.c.Acquire(&u.hold, sum, 1, 0)
	if i := u.hold.TakeItem(); i != nil {
		if d.c.Current(d.k, sum, i) {
			d.hits++
			d.serve(u, i, want)
			return
		}
		d.stale++
		i.Release()
	}
	if u.hold.Exists && want != "" {
		d.read(u, key, want)
	}
	u.hold.Free(0, 0)
}

func (d *itemDriver) read(u *itemUser, key, want string) {
	buf := make([]byte, 1024)
	f, n, bad := d.c.Open(d.k, SumOf([]byte(key)), buf, 0)
	if bad.Failed() {
		d.t.Fatalf("%s: %v", key, bad.Err)
	}
	defer f.Close()
	var h Header
	text := []byte(key)
	if fault := h.Parse(buf[:n], text, CRC(text), len(buf)); fault != "" {
		d.t.Fatalf("%s: %s", key, fault)
	}
	if !u.hold.Wanted(f.Size) {
		return
	}
	if d.c.Checked {
		f.Changed -= int64(time.Second) // it has lain there for long
	}
	i := d.c.ReadItem(d.k, &f, buf[:n], int(h.BodyStart), text, CRC(text))
	if i == nil {
		return
	}
	if d.c.Checked {
		i.Changed += int64(time.Second)
	}
	u.hold.Admit(i)
	d.busy = append(d.busy, &itemUser{item: i, body: want})
}

func (d *itemDriver) serve(u *itemUser, i *Item, want string) {
	u.hold.Free(0, 0)
	u.item, u.body = i, want
	d.busy = append(d.busy, u)
	d.look(u)
}

// look holds the item of a request against what there was when it was taken.
func (d *itemDriver) look(u *itemUser) {
	got := u.item.Body
	if fd := u.item.FD(); fd >= 0 {
		got = make([]byte, u.item.BodySize())
		n, err := unix.Pread(fd, got, int64(u.item.Header.BodyStart))
		if err != nil || n != len(got) {
			d.t.Fatalf("%s: %d of %d bytes, %v", u.item.Key, n, len(got), err)
		}
	}
	if !bytes.Equal(got, []byte(u.body)) {
		d.t.Fatalf("%s: %d bytes that end with %q; wanted %d, %q", u.item.Key, len(got), tail(string(got)), len(u.body), tail(u.body))
	}
}

func tail(s string) string { return s[max(len(s)-8, 0):] }

func (d *itemDriver) over(u *itemUser) {
	d.look(u)
	u.item.Release()
}

// end lets go of everything: no file may be left open.
func (d *itemDriver) end() {
	for _, u := range d.busy {
		d.over(u)
	}
	if d.hits < 100 || d.c.Checked != (d.stale > 10) {
		d.t.Errorf("%d hits, %d of them old", d.hits, d.stale)
	}
	if n := d.c.memory.files.used; n > 3 {
		d.t.Errorf("memory has %d files", n)
	}
	d.c.mu.Lock()
	d.c.memory.resize(0, 0)
	d.c.mu.Unlock()
	for range 1000 { // they are closed apart
		if openFiles(d.c.Dir) == 0 {
			return
		}
		if d.k.Sleep(time.Millisecond) != nil {
			break
		}
	}
	d.t.Errorf("%d files are open still", openFiles(d.c.Dir))
}

// openFiles is how many files below a folder are open.
func openFiles(dir string) (n int) {
	all, _ := os.ReadDir("/proc/self/fd")
	for _, e := range all {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && strings.HasPrefix(to, dir+"/") {
			n++
		}
	}
	return n
}
