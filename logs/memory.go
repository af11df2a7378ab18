package logs

import (
	"sync"

	"weir/conf"
)

// A Memory keeps the last lines that were written to it, for a debugger or a core file: "error_log memory:32m
// debug;" costs no disk. It is a ring: a line may go on at its beginning. It grows to its size as lines come.
type Memory struct {
	size int
	mu   sync.Mutex
	buf  []byte
	at   int // where the next byte goes, once buf has its size
}

// NewMemory makes a ring of this many bytes.
func NewMemory(size int64) *Memory { return &Memory{size: int(size)} }

// WriteLevel adds a line (Sink).
func (m *Memory) WriteLevel(_ Level, line []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if room := m.size - len(m.buf); room > 0 {
		n := min(room, len(line))
		m.buf = append(m.buf, line[:n]...)
		line = line[n:]
	}
	for len(line) > 0 {
		n := copy(m.buf[m.at:], line)
		line = line[n:]
		if m.at += n; m.at == len(m.buf) {
			m.at = 0
		}
	}
	return nil
}

// MemoryPrefix begins an error_log that is kept in memory.
const MemoryPrefix = "memory:"

// parseMemory reads what follows the prefix. A longest line must fit in, with room to spare.
func parseMemory(call *conf.Call, word string) (int64, error) {
	size, err := conf.ParseSize(word)
	if err != nil || size <= MaxLine {
		return 0, call.Errorf(0, "invalid buffer size \"%s\"", word)
	}
	return size, nil
}
