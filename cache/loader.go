package cache

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"weir/disk"
	"weir/load"
	"weir/logs"
)

// Load reads the folder into the index, until the job is to end. It is the cache loader. Until it has come to an end, requests look
// for files that the index does not know.
func (c *Cache) Load(j *load.Job) {
	if !c.beginLoading() {
		return
	}
	w := walker{}
	saved := false
	j.Task().Await(func() {
		c.measure()
		if saved = c.loadSaved() == nil; !saved {
			w.enter(c.Dir)
		}
	})
	for !saved {
		var done bool
		j.Task().Await(func() { done = c.loadSome(&w, time.Now) })
		if done {
			break
		}
		if j.Sleep(c.Loader.Sleep) != nil {
			w.close()
			c.endLoading(false)
			return
		}
	}
	c.endLoading(true)
	c.mu.Lock()
	size, block := c.size, c.block
	c.mu.Unlock()
	c.log.Logf(logs.Notice, 0, "http file cache: %s %.3fM, bsize: %d", c.Dir, float64(size*block)/(1<<20), block)
}

func (c *Cache) beginLoading() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.cold || c.loading {
		return false
	}
	c.loading = true
	return true
}

func (c *Cache) endLoading(all bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.loading = false
	c.cold = !all
	if c.count > 0 { // who knows what they are
		c.Varies()
	}
}

// Cold reports whether there may be files that the index does not know.
func (c *Cache) Cold() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cold
}

// loadSome takes in files, as many as the pace allows. It touches the disk.
func (c *Cache) loadSome(w *walker, now func() time.Time) (done bool) {
	began := now()
	for n := 0; n < c.Loader.Files; {
		path, e := w.next()
		if e == nil {
			return true
		}
		if w.special(e) || !c.addFile(path, e) {
			c.unlink(path)
		}
		if n++; now().Sub(began) >= c.Loader.Threshold {
			break
		}
	}
	return false
}

// addFile takes a file in. It reports false for one that has no business in the folder.
func (c *Cache) addFile(path string, e os.DirEntry) bool {
	if e.Name() == savedName {
		return true
	}
	key, ok := keyOf(path)
	if len(path) < 2*len(key) {
		return false
	}
	// A temporary file ends with a dot and ten digits: somebody may be writing it.
	if len(path) >= 2*len(key)+11 && path[len(path)-11] == '.' {
		return true
	}
	info, err := e.Info()
	if err != nil {
		return true // it is gone
	}
	if info.Size() < HeaderSize {
		c.log.Logf(logs.Crit, 0, "cache file \"%s\" is too small", path)
		return false
	}
	if !ok {
		return false
	}
	uniq := uint64(0)
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		uniq = uint64(st.Ino)
	}
	s := c.stat(uniq, info.Size())
	return c.add1(key, s)
}

// add1 makes the entry of a file.
func (c *Cache) add1(key Sum, s Stat) bool {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.find(&key)
	if n != 0 {
		c.touch(n)
	} else {
		if n = c.index.add(&key); n == 0 {
			c.setWatermark()
			if now.Sub(c.fullAt) >= time.Second {
				c.fullAt = now
				c.log.Logf(logs.Alert, 0, "could not allocate node%s", c.inZone())
			}
			return false
		}
		d := c.at(n)
		d.uses, d.exists, d.uniq, d.blocks = 1, true, s.Uniq, s.Blocks
		c.size += int64(s.Blocks)
	}
	c.at(n).expire = now.Unix() + int64(c.Inactive/time.Second)
	return true
}

// inZone is how log lines tell the zone.
func (c *Cache) inZone() string { return " in cache keys zone \"" + c.Name + "\"" }

// NoRoom is the sentence for a zone that is full although MakeRoom was called.
func (c *Cache) NoRoom() string { return "could not allocate node" + c.inZone() }

// A walker goes through a folder and those in it, file by file. It touches the disk.
type walker struct {
	dirs []*dir // the innermost is the last
}

type dir struct {
	f    *os.File
	path string
	some []os.DirEntry
}

func (w *walker) enter(path string) {
	if f, err := disk.OpenFolderBlocking(path); err == nil {
		w.dirs = append(w.dirs, &dir{f: f, path: path})
	}
}

// next is the next file; e is nil when there is none. Folders of temporary files are left alone.
func (w *walker) next() (path string, e os.DirEntry) {
	for len(w.dirs) > 0 {
		d := w.dirs[len(w.dirs)-1]
		if len(d.some) == 0 {
			d.some, _ = d.f.ReadDir(256)
		}
		if len(d.some) == 0 {
			_ = d.f.Close()
			w.dirs = w.dirs[:len(w.dirs)-1]
			continue
		}
		e = d.some[0]
		d.some = d.some[1:]
		path = filepath.Join(d.path, e.Name())
		if !e.IsDir() {
			return path, e
		}
		if !strings.HasSuffix(path, "/temp") {
			w.enter(path)
		}
	}
	return "", nil
}

// special reports whether it is no file: nginx removes such things.
func (w *walker) special(e os.DirEntry) bool {
	return !e.Type().IsRegular() && e.Type()&os.ModeSymlink == 0
}

func (w *walker) close() {
	for _, d := range w.dirs {
		_ = d.f.Close()
	}
	w.dirs = nil
}
