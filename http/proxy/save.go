package proxy

import (
	"errors"

	"golang.org/x/sys/unix"

	"weir/disk"
	"weir/logs"
)

// A saving is the body of a response on its way to a file that stays: for proxy_store or proxy_cache. It is written whoever wants the
// response, and while it is, the client is served from it when it is slow.
type saving struct {
	on   bool
	file *disk.TempFile // nil: nothing was written yet
	buf  []byte         // a buffer of the loop's: buf[:n] is to be written
	n    int
	head int   // bytes of the file before the body
	size int64 // bytes of the body so far
}

// How much is gathered before it is written. What fits is written at once, when the response is complete.
const (
	leastSaved = 4 << 10
	mostSaved  = 64 << 10
)

// begin has the body saved. head appends what goes before it.
func (s *saving) begin(x *exchange, head func(dst []byte) []byte) {
	const guess = 32 << 10
	size := int64(guess)
	if n := x.reply.length; n >= 0 {
		size = n
	}
	if head != nil {
		size += int64(x.headRoom + x.at + fcgiHeader)
	}
	*s = saving{on: true, buf: x.r.Loop().Take(int(min(max(size, leastSaved), mostSaved)))}
	if head != nil {
		// The head of a response is not longer than a buffer for it.
		b := head(s.buf[:0])
		if len(b) > len(s.buf) {
			x.r.Loop().Give(s.buf)
			s.buf = x.r.Loop().Take(2 * len(b))
			copy(s.buf, b)
		}
		s.head, s.n = len(b), len(b)
	}
}

// add takes in a part of the body. If it cannot be written, the client gets its response all the same.
func (s *saving) add(x *exchange, data []byte) {
	if !s.on {
		return
	}
	s.size += int64(len(data))
	for len(data) > 0 {
		n := copy(s.buf[s.n:], data)
		s.n += n
		if data = data[n:]; len(data) > 0 && !s.flush(x) {
			return
		}
	}
}

// flush writes what was gathered. It reports false, and has logged why, when that has failed.
func (s *saving) flush(x *exchange) bool {
	var err error
	x.r.Task.Await(func() { err = s.write(x) })
	if err != nil {
		s.on = false
		s.tell(x, err)
		return false
	}
	return true
}

// write writes what was gathered; it makes the file first. It touches the disk.
func (s *saving) write(x *exchange) (err error) {
	if s.file == nil {
		name, parents := x.tempName()
		if s.file, err = x.r.App.Temp.CreateBlocking(name, parents, false, true); err != nil {
			s.file = nil
			return &logs.CallError{Call: "open()", On: "\"" + name(0) + "\"", Err: err}
		}
	}
	if err = s.file.AppendBlocking(s.buf[:s.n]); err != nil {
		return &logs.CallError{Call: "pwrite()", On: "\"" + s.file.Path + "\"", Err: err}
	}
	s.n = 0
	return nil
}

// finish writes all there is; the file begins with begin in place of what was there. It touches the disk.
func (s *saving) finish(x *exchange, begin []byte) error {
	if s.file == nil {
		copy(s.buf, begin)
		return s.write(x)
	}
	if err := s.write(x); err != nil || begin == nil {
		return err
	}
	return s.file.RewriteBlocking(begin)
}

// tell logs that the response is not saved.
func (s *saving) tell(x *exchange, err error) {
	if errors.Is(err, unix.ENOSPC) && x.cache != nil {
		if !x.cache.zone.FirstFull() {
			return
		}
	}
	x.r.Log(logs.Crit, err.Error())
}

// saveAll finishes the file of a body that is complete.
func (x *exchange) saveAll() {
	if !x.saved.on || x.short {
		return
	}
	if x.caching {
		x.finishCacheFile()
	} else {
		x.finishStore()
	}
	x.saved.on = false
}

// closeSaved gives back what saving has taken. A file that was not given its place is removed.
func (x *exchange) closeSaved() {
	s := &x.saved
	x.r.Loop().Give(s.buf)
	if s.file != nil {
		s.file.Close(x.r.Task)
	}
	*s = saving{}
}
