package cycle

import (
	"slices"
	"time"

	"weir/conf"
	"weir/disk"
	"weir/load"
)

// Watched are the files that are to be read anew when they change, in groups of which all are.
type Watched struct {
	Groups [][]string
	Since  time.Time // when they were read
}

// Watched returns the files that the cycle wants to be looked at.
func (c *Cycle) Watched() Watched {
	w := Watched{Since: c.began}
	for _, x := range c.env.Watches() {
		w.Groups = append(w.Groups, x.Files)
	}
	return w
}

// Watch looks at files until stop is closed. changed gets what a group that has changed has now, as recorded. It returns at once.
func (w Watched) Watch(stop <-chan struct{}, changed func(conf.Recorded)) {
	if len(w.Groups) == 0 {
		return
	}
	go disk.NewWatcher(w.Groups, w.Since).Run(stop, func(n int) {
		var world conf.Recorded
		read := conf.Outside{}.Record(&world).Read
		for _, f := range w.Groups[n] {
			_, _ = read(f)
		}
		changed(world)
	})
}

// FilesChanged takes what a group of watched files has now. An error was logged. Any goroutine but a loop's.
func (rt *Runtime) FilesChanged(world conf.Recorded) error {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	isNew := func(w load.Watch) bool {
		return !slices.ContainsFunc(w.Files, func(f string) bool { _, ok := world.Files[f]; return !ok })
	}
	var bad error
	for _, w := range rt.current.Load().env.Watches() {
		if isNew(w) {
			if err := w.Changed(world.Outside().Read); err != nil {
				bad = err
			}
		}
	}
	return bad
}

// watch looks at the files of a cycle, in place of those of the one before. Under rt.mu, or before the server runs.
func (rt *Runtime) watch(c *Cycle) {
	if rt.Replica { // its master does
		return
	}
	rt.unwatch()
	stop := make(chan struct{})
	rt.unwatch = func() { close(stop) }
	c.Watched().Watch(stop, func(world conf.Recorded) { _ = rt.FilesChanged(world) })
}
