package cache

import (
	"sync"

	"golang.org/x/sys/unix"

	"weir/loop"
)

// A Flight is a response on its way into the cache. Requests that would wait for its end read the file as far as it is written, while it grows.
// One request publishes it and adds to it, any number join it, on whatever loops they are.
type Flight struct {
	Header Header // what the file will say, but for Length; ETag and Vary are memory of its own
	Head   []byte // of the response, as the file has it
	Body   int64  // where the body begins in the file
	Length int64  // of the body; -1: not known

	began uint32 // generation of purges

	mu      sync.Mutex
	fd      int // -1: there is nothing yet
	size    int64
	over    bool
	failed  bool
	readers int // and the writer
	waiting []*loop.Signal
}

// Publish lets requests that wait for the entry read it while it is fetched. begin is what the file begins with.
func (h *Hold) Publish(header Header, begin []byte, length int64) *Flight {
	if h.n == 0 || !h.Updating {
		return nil
	}
	all := append([]byte(nil), begin...)
	f := &Flight{Header: header, Body: int64(len(all)), Length: length, fd: -1, readers: 1, began: h.began}
	f.Head = all[header.HeaderStart:]
	f.Header.ETag, f.Header.Vary = append([]byte(nil), header.ETag...), append([]byte(nil), header.Vary...)
	c := h.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flights[h.n] = f
	c.wake(h.n)
	return f
}

// wake wakes those who wait for the end of a lock.
func (c *state) wake(n uint32) {
	for _, w := range c.waiters[n] {
		w.hold.waits = false
		w.hold.signal.Fire()
	}
	delete(c.waiters, n)
}

// Join returns the flight of the entry that is held, nil if there is none that may be answered: what was purged since it began may not. Who
// joins leaves. When the lock of who fetches is over, before anything of the body has come, it is time to fetch the response oneself.
func (h *Hold) Join(key []byte) (f *Flight, lockEnd loop.Time) {
	c := h.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	f = c.flights[h.n]
	if f == nil || h.refused || max(c.at(h.n).generation, h.floor) > f.began || c.purgedBy(key, f.Head, f.began) > 0 {
		h.refused = f != nil
		return nil, 0
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failed || f.readers == 0 { // it is over, and its file is closed
		h.refused = true
		return nil, 0
	}
	f.readers++
	return f, loop.Time(c.at(h.n).lockTime)
}

// Refuse has Wait wait for the end of the lock: the flight is of no use.
func (h *Hold) Refuse() { h.refused = true }

// Grow says that the file, of which fd is a descriptor, has so many bytes of the body. The descriptor stays the caller's.
func (f *Flight) Grow(fd int, size int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.fd < 0 {
		d, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			return // those who wait go on waiting, and find the whole in the cache
		}
		f.fd = d
	}
	f.size = size
	f.fire()
}

// End ends the flight: everything is in the file, or it will not be, or nobody can read it (see Grow). For who has published it, before the entry is
// updated or freed.
func (f *Flight) End(ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.over, f.failed = true, !ok || f.fd < 0
	f.fire()
	f.leave()
}

func (f *Flight) fire() {
	for i, s := range f.waiting {
		s.Fire()
		f.waiting[i] = nil
	}
	f.waiting = f.waiting[:0]
}

// Leave is the end of Join.
func (f *Flight) Leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.leave()
}

func (f *Flight) leave() {
	if f.readers--; f.readers == 0 && f.fd >= 0 {
		_ = unix.Close(f.fd)
		f.fd = -1
	}
}

// A Progress is how far a flight is.
type Progress struct {
	FD     int // of the file; -1: there is nothing of it
	Size   int64
	Over   bool
	Failed bool
}

// Progress says how far the flight is. When nothing has come since there were have bytes, s is fired by what does.
func (f *Flight) Progress(have int64, s *loop.Signal) Progress {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.size == have && !f.over {
		f.waiting = append(f.waiting, s)
	}
	return Progress{f.fd, f.size, f.over, f.failed}
}

// Forget takes back that s waits.
func (f *Flight) Forget(s *loop.Signal) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, w := range f.waiting {
		if w == s {
			f.waiting[i] = f.waiting[len(f.waiting)-1]
			f.waiting[len(f.waiting)-1] = nil
			f.waiting = f.waiting[:len(f.waiting)-1]
			return
		}
	}
}
