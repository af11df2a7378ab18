package content

import (
	"bytes"
	"errors"
	"hash/maphash"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"weir/conf"
	"weir/http"
)

// An opener opens and looks up files for the locations that share settings.
type opener struct {
	*access
	*shared
	shelf *shelf // of open_file_cache; nil without one
}

// shared is what the openers of a cycle have in common.
type shared struct {
	memory  *memory
	shelves map[conf.Pos]*shelf
	pool    sync.Pool // of *outgoing
}

// openerOf returns the opener of a location. Index and try_files use the one of Static's settings: the
// directives are Static's.
func openerOf(a *access, b *http.Builder) *opener {
	if a.opener != nil {
		return a.opener
	}
	all := http.Of[shared](b)
	if all.memory == nil {
		all.memory = &memory{seed: maphash.MakeSeed()}
		all.shelves = map[conf.Pos]*shelf{}
		all.pool.New = func() any { return new(outgoing) }
	}
	o := &opener{access: a, shared: all}
	if c := a.cache; c.max > 0 {
		if all.shelves[c.at] == nil {
			s := newShelf(c)
			all.shelves[c.at] = s
			b.Release(s.close)
		}
		o.shelf = all.shelves[c.at]
	}
	a.opener = o
	return o
}

// A file is one that was opened, or only looked up.
type file struct {
	info info
	fd   int      // -1: none, or only looked up
	kept *onShelf // whose descriptor fd is; nil: the opener's own
}

// A failure is what went wrong with a file, and in which call.
type failure struct {
	op  string
	err error
}

func (f failure) failed() bool { return f.err != nil }

// is reports whether the failure is one of these errors.
func (f failure) is(all ...syscall.Errno) bool {
	for _, e := range all {
		if errors.Is(f.err, e) {
			return true
		}
	}
	return false
}

// open opens a file for reading.
func (o *opener) open(r *http.Request, p path) (file, failure) {
	if o.shelf != nil {
		return o.shelf.open(r, o, p)
	}
	return o.openNow(r, p)
}

// stat looks a file up.
func (o *opener) stat(r *http.Request, p path) (info, failure) {
	if o.shelf != nil {
		return o.shelf.stat(r, o, p)
	}
	return o.statNow(r, p)
}

// openNow opens a file, whatever the shelf has. Nonblocking, so that a FIFO does not hold us up.
func (o *opener) openNow(r *http.Request, p path) (f file, bad failure) {
	const flags = unix.O_RDONLY | unix.O_NONBLOCK
	if f.fd, bad = o.descriptor(r, p, flags); bad.failed() {
		return f, bad
	}
	if err := statFD(f.fd, &f.info); err != nil {
		_ = unix.Close(f.fd)
		return f, failure{"fstat()", err}
	}
	return f, failure{}
}

// statNow looks a file up, whatever the shelf has. Only a path that is in our memory is surely in the kernel's, too.
func (o *opener) statNow(r *http.Request, p path) (i info, bad failure) {
	if o.symlinks == linksAllowed && o.memory.get(p.text()) != nil {
		if err := statAt(unix.AT_FDCWD, p, 0, &i); err != nil {
			return i, failure{"stat()", err}
		}
		return i, failure{}
	}
	w := walk{path: p, rules: o.rulesFor(r, p), cached: true}
	if bad = w.look(&i); bad.is(unix.EAGAIN) {
		return waitLook(r, w)
	}
	return i, bad
}

func waitLook(r *http.Request, w walk) (i info, bad failure) {
	w.cached = false
	r.Task.Await(func() { bad = w.look(&i) })
	return i, bad
}

// descriptor opens a path with what the kernel has in memory, or, when that is not all, apart from the
// loop.
func (o *opener) descriptor(r *http.Request, p path, flags int) (int, failure) {
	w := walk{path: p, flags: flags, rules: o.rulesFor(r, p), cached: true}
	fd, bad := w.open()
	if !bad.is(unix.EAGAIN) {
		return fd, bad
	}
	return waitOpen(r, w)
}

func waitOpen(r *http.Request, w walk) (fd int, bad failure) {
	w.cached = false
	r.Task.Await(func() { fd, bad = w.open() })
	return fd, bad
}

// rulesFor are the rules that a path is opened under. What from= names is trusted, if the path goes on
// after it with a slash; a path that is just that is trusted as a whole.
func (o *opener) rulesFor(r *http.Request, p path) rules {
	if o.symlinks == linksAllowed {
		return rules{}
	}
	by := rules{mode: o.symlinks}
	from := r.Text(o.from)
	rest, ok := bytes.CutPrefix(p.text(), from)
	switch {
	case len(from) == 0 || !ok:
	case len(rest) == 0:
		return rules{}
	case rest[0] == '/':
		by.trusted = len(from)
	case from[len(from)-1] == '/':
		by.trusted = len(from) - 1
	}
	return by
}
