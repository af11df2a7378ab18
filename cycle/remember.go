package cycle

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"math"
	"os"
	"sync"

	"weir/logs"
)

// A Memory is a file by which a process remembers what one before it has found out: the health of peers. It is a master's, in memory, and
// outlives workers that die. Any goroutine.
type Memory struct {
	file *os.File
	mu   sync.Mutex
	due  chan struct{} // a snapshot is wanted

	taking sync.Mutex // held while one is taken and written: a later one must not be overwritten
}

// NewMemory remembers by a file.
func NewMemory(file *os.File) *Memory { return &Memory{file: file, due: make(chan struct{}, 1)} }

// mostRemembered is how much a process believes of what it finds.
const mostRemembered = 64 << 20

// memoryHead is the length of a snapshot and its checksum, before the snapshot.
const memoryHead = 8

// read returns the snapshot that was kept last; nothing if there is none, or it was not written whole.
func (m *Memory) read() []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	var head [memoryHead]byte
	if _, err := m.file.ReadAt(head[:], 0); err != nil {
		return nil
	}
	n := binary.NativeEndian.Uint32(head[:])
	if n > mostRemembered {
		return nil
	}
	b := make([]byte, n)
	if _, err := m.file.ReadAt(b, memoryHead); err != nil && err != io.EOF || crc32.ChecksumIEEE(b) != binary.NativeEndian.Uint32(head[4:]) {
		return nil
	}
	return b
}

// write keeps a snapshot in place of the one before.
func (m *Memory) write(snapshot []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(snapshot) > min(mostRemembered, math.MaxInt32) {
		return nil
	}
	b := make([]byte, memoryHead, memoryHead+len(snapshot))
	binary.NativeEndian.PutUint32(b, uint32(len(snapshot)))
	binary.NativeEndian.PutUint32(b[4:], crc32.ChecksumIEEE(snapshot))
	_, err := m.file.WriteAt(append(b, snapshot...), 0)
	return err
}

// changed asks for a snapshot. It does not wait for it.
func (m *Memory) changed() {
	select {
	case m.due <- struct{}{}:
	default: // one is wanted already, and will have this too
	}
}

// remember keeps snapshots of the live cycle, whenever one is wanted, until the server ends.
func (rt *Runtime) remember() {
	for {
		select {
		case <-rt.Memory.due:
		case <-rt.done:
			return
		}
		rt.keep()
	}
}

// keep keeps a snapshot of the live cycle. Any goroutine but a loop's.
func (rt *Runtime) keep() {
	rt.Memory.taking.Lock()
	defer rt.Memory.taking.Unlock()
	c := rt.current.Load()
	var b []byte
	for _, f := range c.fronts {
		b = f.appendSnapshot(b)
	}
	if err := rt.Memory.write(b); err != nil {
		c.toLog(logs.Alert, "the health of peers could not be kept: "+err.Error())
	}
}

// changed is told of what is new in the snapshot. What somebody is to be answered for must be kept before (now).
func (rt *Runtime) changed(now bool) {
	if now {
		rt.keep()
		return
	}
	rt.Memory.changed()
}
