package content

import (
	"container/list"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"weir/disk"
	"weir/http"
	"weir/loop"
)

// A shelf is the cache of one open_file_cache: files that are kept open, and what is known of files,
// for all loops.
type shelf struct {
	max      int
	inactive time.Duration

	mu     sync.Mutex
	files  map[string]*list.Element
	recent list.List // of *onShelf, the one used last in front
	closed bool
}

// onShelf is one file of a shelf. All of it is under the shelf's lock.
type onShelf struct {
	path    string
	rules   disk.Links // of disable_symlinks, that the path was opened under
	info    disk.Info
	bad     disk.Failure
	fd      int // -1: only looked up, or not used often enough to be kept open
	checked loop.Time
	used    loop.Time
	uses    int
	holders int // who use fd: requests, and the shelf itself
	shelf   *shelf
}

// known is what a shelf has of a path, copied out.
type known struct {
	file  file // with a descriptor it is held, and must be let go
	bad   disk.Failure
	fresh bool // looked at no longer ago than open_file_cache_valid
}

func newShelf(c cacheSize) *shelf {
	return &shelf{max: c.max, inactive: c.inactive, files: map[string]*list.Element{}}
}

// open is opener.open through the shelf.
func (s *shelf) open(r *http.Request, o *opener, p disk.Path) (file, disk.Failure) {
	by := o.rulesFor(r, p)
	k := s.find(p, by, r.Task.Now(), o.valid)
	if k.fresh && (k.bad.Failed() || k.file.fd >= 0 || k.file.info.IsDir()) {
		return k.file, k.bad
	}
	if k.file.fd >= 0 {
		if i, bad := o.statNow(r, p); !bad.Failed() && i.SameFile(&k.file.info) {
			s.refresh(k.file.kept, &i, r.Task.Now())
			k.file.info = i
			return k.file, disk.Failure{}
		}
		k.file.close()
	}
	f, bad := o.openNow(r, p)
	return s.keep(o, p, by, f, bad, r.Task.Now()), bad
}

// stat is opener.stat through the shelf.
func (s *shelf) stat(r *http.Request, o *opener, p disk.Path) (disk.Info, disk.Failure) {
	by := o.rulesFor(r, p)
	k := s.find(p, by, r.Task.Now(), o.valid)
	k.file.close()
	if k.fresh {
		return k.file.info, k.bad
	}
	i, bad := o.statNow(r, p)
	s.keep(o, p, by, file{info: i, fd: -1}, bad, r.Task.Now())
	return i, bad
}

// find counts a use of a path and returns what is known of it.
func (s *shelf) find(p disk.Path, by disk.Links, now loop.Time, valid time.Duration) (k known) {
	k.file.fd = -1
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire(now)
	e := s.files[string(p.Text())]
	if e == nil {
		return k
	}
	f := e.Value.(*onShelf)
	if f.rules != by {
		return k
	}
	f.uses++
	f.used = now
	s.recent.MoveToFront(e)
	k.fresh = now.Sub(f.checked) < valid
	k.bad = f.bad
	k.file.info = f.info
	if f.fd >= 0 {
		f.holders++
		k.file.fd, k.file.kept = f.fd, f
	}
	return k
}

// refresh records that a file was looked at again and is still the same.
func (s *shelf) refresh(f *onShelf, i *disk.Info, now loop.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.info, f.checked, f.bad = *i, now, disk.Failure{}
}

// keep puts on the shelf what was found out about a path. The file it returns may share the shelf's
// descriptor.
func (s *shelf) keep(o *opener, p disk.Path, by disk.Links, f file, bad disk.Failure, now loop.Time) file {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return f
	}
	k := &onShelf{path: string(p.Text()), rules: by, info: f.info, bad: bad, fd: -1, checked: now, used: now, uses: 1, shelf: s}
	if e := s.files[k.path]; e != nil {
		old := e.Value.(*onShelf)
		if old.rules == by {
			k.uses = old.uses
		}
		if f.fd < 0 && !bad.Failed() && old.fd >= 0 && old.rules == by && old.info.SameFile(&f.info) {
			old.info, old.checked, old.bad = f.info, now, bad
			return f
		}
		s.remove(e)
	}
	if bad.Failed() && !o.errors {
		return f
	}
	if f.fd >= 0 && k.uses >= o.minUses && f.info.IsRegular() {
		k.fd, k.holders = f.fd, 2
		f.kept = k
	}
	if len(s.files) >= s.max {
		s.remove(s.recent.Back())
	}
	s.files[k.path] = s.recent.PushFront(k)
	return f
}

// expire removes up to two files that nobody used for long; each use of the shelf pays for it a little.
func (s *shelf) expire(now loop.Time) {
	for range 2 {
		e := s.recent.Back()
		if e == nil || now.Sub(e.Value.(*onShelf).used) <= s.inactive {
			return
		}
		s.remove(e)
	}
}

// remove takes a file from the shelf. Its descriptor lives on while requests use it.
func (s *shelf) remove(e *list.Element) {
	f := s.recent.Remove(e).(*onShelf)
	delete(s.files, f.path)
	if f.fd >= 0 {
		f.release()
	}
}

// release takes one holder away, and closes the descriptor after the last one.
func (f *onShelf) release() {
	if f.holders--; f.holders == 0 {
		_ = unix.Close(f.fd)
	}
}

// close empties the shelf when its cycle ends.
func (s *shelf) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for e := s.recent.Back(); e != nil; e = s.recent.Back() {
		s.remove(e)
	}
}

// close lets go of the file's descriptor: it is closed when it is nobody's any more.
func (f *file) close() {
	switch {
	case f.fd < 0:
	case f.kept != nil:
		f.kept.shelf.mu.Lock()
		f.kept.release()
		f.kept.shelf.mu.Unlock()
	default:
		_ = unix.Close(f.fd)
	}
}
