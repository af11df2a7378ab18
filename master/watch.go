package master

import (
	"maps"
	"time"

	"weir/conf"
)

// watch has the files of the configuration in force looked at, in place of those of the one before: it is the master that has the rights to
// read keys.
func (m *Master) watch() {
	if m.watched == m.cur {
		return
	}
	if m.unwatch != nil {
		close(m.unwatch)
	}
	cur, stop := m.cur, make(chan struct{})
	m.watched, m.unwatch = cur, stop
	cur.outline.Watched.Watch(stop, func(world conf.Recorded) {
		m.post(func() { m.filesChanged(cur, world) })
	})
}

// filesChanged gives files that have changed to the worker. What it takes is what another worker will begin with; what it does not take is
// not: that one could not begin.
func (m *Master) filesChanged(of *loaded, world conf.Recorded) {
	switch {
	case of != m.cur || m.ending():
		return
	case m.worker == nil: // another one is being started
		time.AfterFunc(time.Second, func() { m.post(func() { m.filesChanged(of, world) }) })
		return
	}
	_ = m.worker.tell(&message{Kind: kindFiles, Files: &world}, nil, func(err error) {
		if err != nil || of != m.cur {
			return
		}
		files := maps.Clone(of.world.Files) // an order with the old ones may be on its way
		maps.Copy(files, world.Files)
		of.world.Files = files
	})
}
