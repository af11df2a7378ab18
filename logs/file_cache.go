package logs

import (
	"container/list"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"weir/disk"
)

// CacheOptions are the parameters of open_log_file_cache.
type CacheOptions struct {
	Max      int           // how many files stay open; 0 keeps none open between lines
	Inactive time.Duration // a file without a line for longer is closed and forgotten; 0 means 10s
	Valid    time.Duration // how often it is checked that the path still names the file; 0 means 60s
	MinUses  int           // how many lines a file must have had to stay open; 0 means 1
	Now      Clock
}

// A FileCache writes lines to files whose paths are made of variables and only known with the line.
// Its files are not part of any Files: they are found moved or removed by being looked at, and are
// created anew then.
//
// Any goroutine but a loop's: it waits for the disk.
type FileCache struct {
	o  CacheOptions
	mu sync.Mutex
	by map[string]*list.Element
	// recent has the files, the last used first.
	recent *list.List
}

// A cachedFile is one open file. Its fields are guarded by FileCache.mu.
type cachedFile struct {
	path    string
	fd      int // -1: not open at the moment
	info    disk.Info
	users   int // writers that use fd now
	uses    int // lines since the path is in the cache
	checked time.Time
	used    time.Time
	gone    bool // out of the cache; the last writer closes fd
}

// NewFileCache makes an empty cache.
func NewFileCache(o CacheOptions) *FileCache {
	if o.Inactive == 0 {
		o.Inactive = 10 * time.Second
	}
	if o.Valid == 0 {
		o.Valid = time.Minute
	}
	if o.MinUses == 0 {
		o.MinUses = 1
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &FileCache{o: o, by: make(map[string]*list.Element), recent: list.New()}
}

// Write adds a line, newline included, to the file of a path. Both are borrowed. A *CallError with
// Call "open()" says that there is no such file and none can be made.
func (c *FileCache) Write(path, line []byte) error {
	f, err := c.take(path)
	if err != nil {
		return err
	}
	n, err := disk.Append(f.fd, line)
	c.give(f)
	switch {
	case err != nil:
		return callError("write() to", string(path), err)
	case n != len(line):
		return errIncomplete(string(path), n, len(line))
	}
	return nil
}

// take returns an open file for the path.
func (c *FileCache) take(path []byte) (*cachedFile, error) {
	now := c.o.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expire(now)
	uses := 1
	if el := c.by[string(path)]; el != nil {
		f := el.Value.(*cachedFile)
		f.uses++
		if f.fd >= 0 && f.fresh(now, c.o.Valid) {
			f.users++
			c.recent.MoveToFront(el)
			return f, nil
		}
		uses = f.uses
		c.drop(el)
	}
	f, err := openCached(string(path), now)
	if err != nil {
		return nil, err
	}
	f.users, f.uses = 1, uses
	if c.o.Max <= 0 {
		f.gone = true
		return f, nil
	}
	c.by[f.path] = c.recent.PushFront(f)
	if c.recent.Len() > c.o.Max {
		c.drop(c.recent.Back())
	}
	return f, nil
}

// give ends a use of f. A file that was not used often enough yet is remembered, but closed.
func (c *FileCache) give(f *cachedFile) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f.used = c.o.Now()
	if f.users--; f.users == 0 && (f.gone || f.uses < c.o.MinUses) {
		f.close()
	}
}

// expire drops files that were not used lately. It looks at the two that waited longest only, as
// every call does.
func (c *FileCache) expire(now time.Time) {
	for range 2 {
		el := c.recent.Back()
		if el == nil || now.Sub(el.Value.(*cachedFile).used) <= c.o.Inactive {
			return
		}
		c.drop(el)
	}
}

// drop takes a file out of the cache and closes it unless a writer has it.
func (c *FileCache) drop(el *list.Element) {
	f := el.Value.(*cachedFile)
	c.recent.Remove(el)
	delete(c.by, f.path)
	if f.gone = true; f.users == 0 {
		f.close()
	}
}

func (f *cachedFile) close() {
	if f.fd >= 0 {
		unix.Close(f.fd)
		f.fd = -1
	}
}

// Close closes all files.
func (c *FileCache) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.recent.Len() > 0 {
		c.drop(c.recent.Back())
	}
}

// Len is the number of files that are kept open.
func (c *FileCache) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.recent.Len()
}

func openCached(path string, now time.Time) (*cachedFile, error) {
	fd, err := disk.OpenAppend(path)
	if err != nil {
		return nil, callError("open()", path, err)
	}
	f := &cachedFile{path: path, fd: fd, checked: now, used: now}
	if err := disk.StatFD(fd, &f.info); err != nil {
		unix.Close(fd)
		return nil, callError("fstat()", path, err)
	}
	return f, nil
}

// fresh reports whether the path still names the open file, looking only once in a while.
func (f *cachedFile) fresh(now time.Time, valid time.Duration) bool {
	if now.Sub(f.checked) < valid {
		return true
	}
	f.checked = now
	var i disk.Info
	return disk.StatBlocking(disk.PathOf([]byte(f.path)), &i) == nil && i.SameFile(&f.info)
}
