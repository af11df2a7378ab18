package master

import (
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"weir/cycle"
	"weir/logs"
	"weir/zone"
)

// What workers leave to those after them lies in files without a name. The master makes them and keeps them open; it reads none.
//
//	health   what checks have found out of peers; all workers write it
//	zones    the tables of limit_req_zone and its kin, as their worker has mapped them. A worker that takes the place of a dead one goes
//	         on with its file; one that begins while another still serves gets a file of its own, and a look at the other's

// remembrance is the files that a process inherits, by the numbers of their descriptors in its environment; nil: there is none.
type remembrance struct {
	health *os.File
	zones  *os.File // its own from here on
	before *os.File // zones of a process that serves beside this one
}

// mark has a command inherit the files, and returns their numbers as the environment has them.
func (f remembrance) mark(extra *[]*os.File) string {
	var b []byte
	for _, file := range []*os.File{f.health, f.zones, f.before} {
		b = append(b, ':')
		if file != nil {
			b = strconv.AppendInt(b, int64(3+len(*extra)), 10)
			*extra = append(*extra, file)
		}
	}
	return string(b)
}

// findRemembrance is the other side of mark.
func findRemembrance(mark string) (f remembrance) {
	for i, to := range []**os.File{&f.health, &f.zones, &f.before} {
		words := strings.Split(mark, ":")
		if i+1 >= len(words) {
			break
		}
		if fd, err := strconv.Atoi(words[i+1]); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
			*to = os.NewFile(uintptr(fd), "memory")
		}
	}
	return f
}

// open makes of the files what a worker uses. Without them it begins with nothing.
func (f remembrance) open() (health *cycle.Memory, zones *zone.Registry, err error) {
	if f.health != nil {
		health = cycle.NewMemory(f.health)
	}
	if f.zones == nil {
		return health, zone.NewRegistry(nil), nil
	}
	m, err := zone.OpenMemory(f.zones, f.before)
	return health, zone.NewRegistry(m), err
}

// remember makes the file of what checks find out. An old binary's is copied: it still writes it.
func (m *Master) remember() {
	var err error
	if m.health, err = newMemory("weir health"); err != nil {
		m.log(logs.Warn, "a worker that dies leaves nothing to the next: %v", err)
		return
	}
	if old := m.Inherited.remembrance().health; old != nil {
		_, _ = io.Copy(io.NewOffsetWriter(m.health, 0), io.NewSectionReader(old, 0, 1<<40))
		_ = old.Close()
	}
	m.zones = m.Inherited.remembrance().zones
}

// remembranceFor returns what the next worker inherits.
func (m *Master) remembranceFor() (f remembrance) {
	f.health = m.health
	if m.zones != nil && !m.usesZones(m.zones) && m.zones != m.Inherited.remembrance().zones {
		f.zones = m.zones
		return f
	}
	var err error
	if f.zones, err = newZones(); err != nil {
		m.log(logs.Warn, "the zones of the next worker will end with it: %v", err)
		f.zones = nil
		return f
	}
	f.before = m.zones
	return f
}

// usesZones reports whether a living worker has this file.
func (m *Master) usesZones(f *os.File) bool {
	return slices.ContainsFunc(m.workers(), func(w *child) bool { return w.zones == f })
}

// serveBy makes a worker the one that serves; the next one will begin with its zones.
func (m *Master) serveBy(w *child) {
	m.worker = w
	if before := m.zones; before != w.zones {
		m.zones = w.zones
		m.dropZones(before)
	}
}

// dropZones closes a file that nobody needs any more.
func (m *Master) dropZones(f *os.File) {
	if f != nil && f != m.zones && !m.usesZones(f) {
		_ = f.Close()
	}
}
