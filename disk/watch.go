package disk

import (
	"maps"
	"time"
)

// A Watcher looks whether files have changed, in groups of which all files are to be read when one has. It waits for disks: not on a loop.
type Watcher struct {
	groups [][]string
	infos  map[string]Info // as the files were at the last look; the zero one where there was none
	moving map[int]bool    // groups with a file that had changed at the last look
}

// NewWatcher takes the files as they are. Those that were changed after since, when they were read, count as changed.
func NewWatcher(groups [][]string, since time.Time) *Watcher {
	w := &Watcher{groups: groups, infos: map[string]Info{}, moving: map[int]bool{}}
	for n, g := range groups {
		for _, f := range g {
			i := infoOf(f)
			w.infos[f] = i
			if i.Ctime.Nano() > since.UnixNano() {
				w.moving[n] = true
			}
		}
	}
	return w
}

func infoOf(path string) (i Info) {
	if StatBlocking(PathOf([]byte(path)), &i) != nil {
		return Info{}
	}
	return i
}

// Look returns the numbers of the groups that have changed, once they have not for the time between two looks: a certificate and its key
// are not replaced at once. again says that there are some that still do so.
func (w *Watcher) Look() (changed []int, again bool) {
	now := map[string]Info{} // of files that have changed; one may be in several groups
	for n, g := range w.groups {
		moves := false
		for _, f := range g {
			if i := infoOf(f); i != w.infos[f] {
				now[f], moves = i, true
			}
		}
		switch {
		case moves:
			w.moving[n] = true
		case w.moving[n]:
			delete(w.moving, n)
			changed = append(changed, n)
		}
	}
	maps.Copy(w.infos, now)
	return changed, len(w.moving) > 0
}

// Run looks again and again until stop is closed, and reports which groups have changed: often where there are few files.
func (w *Watcher) Run(stop <-chan struct{}, changed func(group int)) {
	const restless = time.Second
	files := len(w.infos)
	pause := time.NewTimer(restless)
	defer pause.Stop()
	for {
		select {
		case <-stop:
			return
		case <-pause.C:
		}
		all, again := w.Look()
		for _, g := range all {
			changed(g)
		}
		next := restless * time.Duration(1+files/200)
		if again {
			next = restless
		}
		pause.Reset(next)
	}
}
