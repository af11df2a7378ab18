package content

import (
	"bytes"
	"hash/maphash"
	"sync"

	"weir/conf"
	"weir/disk"
	"weir/http"
)

// An opener opens and looks up files for the locations that share settings.
type opener struct {
	*staticConf
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
func openerOf(a *staticConf, b *http.Builder) *opener {
	if a.opener != nil {
		return a.opener
	}
	all := http.Of[shared](b)
	if all.memory == nil {
		all.memory = &memory{seed: maphash.MakeSeed()}
		all.shelves = map[conf.Pos]*shelf{}
		all.pool.New = func() any { return new(outgoing) }
	}
	o := &opener{staticConf: a, shared: all}
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
	info disk.Info
	fd   int      // -1: none, or only looked up
	kept *onShelf // whose descriptor fd is; nil: the opener's own
}

// open opens a file for reading.
func (o *opener) open(r *http.Request, p disk.Path) (file, disk.Failure) {
	if o.shelf != nil {
		return o.shelf.open(r, o, p)
	}
	return o.openNow(r, p)
}

// stat looks a file up.
func (o *opener) stat(r *http.Request, p disk.Path) (disk.Info, disk.Failure) {
	if o.shelf != nil {
		return o.shelf.stat(r, o, p)
	}
	return o.statNow(r, p)
}

// openNow opens a file, whatever the shelf has.
func (o *opener) openNow(r *http.Request, p disk.Path) (f file, bad disk.Failure) {
	f.fd, f.info, bad = disk.Open(r.Task, p, o.rulesFor(r, p))
	return f, bad
}

// statNow looks a file up, whatever the shelf has. Only a path that is in our memory is surely in the kernel's, too.
func (o *opener) statNow(r *http.Request, p disk.Path) (i disk.Info, bad disk.Failure) {
	if o.symlinks == disk.LinksAllowed && o.memory.get(p.Text()) != nil {
		if err := disk.StatBlocking(p, &i); err != nil {
			return i, disk.Failure{Op: "stat()", Err: err}
		}
		return i, disk.Failure{}
	}
	return disk.Stat(r.Task, p, o.rulesFor(r, p))
}

// rulesFor are the rules that a path is opened under. What from= names is trusted, if the path goes on
// after it with a slash; a path that is just that is trusted as a whole.
func (o *opener) rulesFor(r *http.Request, p disk.Path) disk.Links {
	if o.symlinks == disk.LinksAllowed {
		return disk.Links{}
	}
	by := disk.Links{Mode: o.symlinks}
	from := r.Text(o.from)
	rest, ok := bytes.CutPrefix(p.Text(), from)
	switch {
	case len(from) == 0 || !ok:
	case len(rest) == 0:
		return disk.Links{}
	case rest[0] == '/':
		by.Trusted = len(from)
	case from[len(from)-1] == '/':
		by.Trusted = len(from) - 1
	}
	return by
}
