package logs

import (
	"bytes"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
)

// Buffer says how lines are gathered before they are written: the parameters of access_log.
type Buffer struct {
	Size  int           // buffer=; 0 means DefaultBuffer
	Flush time.Duration // flush=; 0 means that time is no reason to write
	Gzip  int           // gzip=, 1 to 9; 0 means none

	// After calls the flush after a time; nil means RealTimer.
	After Timer
	// Report is told of failed writes that no caller of Write hears of; may be nil. Any goroutine.
	Report func(error)
}

// DefaultBuffer is the size of the buffer when only gzip is asked for.
const DefaultBuffer = 64 << 10

// A Buffered gathers the lines of a File. A full buffer is written before the line that does not fit,
// in one write; lines stay whole. With gzip each write is a gzip member of its own, so that the file
// can be read at any time. Reopening the file writes the buffer to the old one first.
//
// Any goroutine.
type Buffered struct {
	file *File
	o    Buffer

	mu    sync.Mutex // guards buf, stop and armed; before out
	buf   []byte
	armed bool
	stop  func()

	out   sync.Mutex // held while writing: keeps buffers in order
	spare []byte
	zip   *gzip.Writer
	zbuf  bytes.Buffer
}

// NewBuffered puts a buffer before a file. The caller's Release of the file passes to Close.
func NewBuffered(f *File, o Buffer) *Buffered {
	if o.Size <= 0 {
		o.Size = DefaultBuffer
	}
	if o.After == nil {
		o.After = RealTimer
	}
	b := &Buffered{file: f, o: o, buf: make([]byte, 0, min(o.Size, firstBuffer))}
	if o.Gzip > 0 {
		b.zip, _ = gzip.NewWriterLevel(&b.zbuf, min(o.Gzip, gzip.BestCompression))
	}
	f.addBuffer(b)
	return b
}

// firstBuffer is what a buffer has at the beginning, if its size is larger: it grows with what is written.
const firstBuffer = 64 << 10

// File is the file behind the buffer.
func (b *Buffered) File() *File { return b.file }

// WriteLevel is Write.
func (b *Buffered) WriteLevel(_ Level, line []byte) error { return b.Write(line) }

// Write adds a line, newline included. The line is borrowed. The error is that of File.Write, of
// this line or of those before it.
func (b *Buffered) Write(line []byte) error {
	b.mu.Lock()
	var err error
	if len(line) > b.o.Size-len(b.buf) {
		err = b.writeOut(line)
		if len(line) > b.o.Size {
			return err
		}
		b.mu.Lock()
		if len(line) > b.o.Size-len(b.buf) { // others were quicker
			b.mu.Unlock()
			return b.Write(line)
		}
	}
	if len(b.buf) == 0 && b.o.Flush > 0 && !b.armed {
		b.armed = true
		b.stop = b.o.After(b.o.Flush, b.onTimer)
	}
	b.buf = append(b.buf, line...)
	b.mu.Unlock()
	return err
}

// writeOut writes the buffer, and line behind it if it is larger than any buffer. It is called with
// mu held and gives it up once its place in the order is safe.
func (b *Buffered) writeOut(line []byte) error {
	if b.armed {
		b.armed = false
		b.stop()
	}
	b.out.Lock()
	defer b.out.Unlock()
	full := b.swap()
	b.mu.Unlock()

	err := b.emit(full)
	if len(line) > b.o.Size {
		if err2 := b.emit(line); err == nil {
			err = err2
		}
	}
	return err
}

// swap takes the buffer and leaves the other one in its place. It is called with both locks held;
// what it returns may be used as long as out is.
func (b *Buffered) swap() []byte {
	full := b.buf
	if len(full) == 0 {
		return nil
	}
	b.buf, b.spare = b.spare[:0], full
	return full
}

// emit writes p to the file. It is called with out held.
func (b *Buffered) emit(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	if b.zip == nil {
		return b.file.Write(p)
	}
	b.zbuf.Reset()
	b.zip.Reset(&b.zbuf)
	b.zip.OS, b.zip.ModTime = gzipUnix, time.Unix(0, 0)
	_, _ = b.zip.Write(p) // into memory: cannot fail
	_ = b.zip.Close()
	return b.file.Write(b.zbuf.Bytes())
}

const gzipUnix = 3 // RFC 1952, section 2.3.1: what zlib writes here

// onTimer is the end of the flush time.
func (b *Buffered) onTimer() {
	b.mu.Lock()
	if !b.armed { // written out in the meantime
		b.mu.Unlock()
		return
	}
	b.armed = false
	little := len(b.buf) < cap(b.buf)/4
	b.report(b.writeOut(nil))
	if little { // the next ones grow as they are filled
		b.out.Lock()
		b.spare, b.zbuf = nil, bytes.Buffer{}
		b.out.Unlock()
	}
}

func (b *Buffered) report(err error) {
	if err != nil && b.o.Report != nil {
		b.o.Report(err)
	}
}

// Flush writes what is buffered. Any goroutine.
func (b *Buffered) Flush() {
	b.mu.Lock()
	b.report(b.writeOut(nil))
}

// Close writes what is buffered and gives up the file. Nobody may write any more.
func (b *Buffered) Close() {
	b.Flush()
	b.file.dropBuffer(b)
	b.file.Release()
}
