package proxy

import (
	"weir/disk"
	"weir/http"
	"weir/logs"
)

// A spool is what of a response's body has gone to the disk because the client is slow. It is in a file of its own, or in that of a
// response which is saved anyway.
type spool struct {
	file  *disk.TempFile
	own   bool
	size  int64 // bytes of the body given to it
	shift int64 // what the next ones' place in the file differs from that
}

// spool writes data at the end of the temporary file of the body, which it makes for the first (ends).
func (x *exchange) spool(data []byte) error {
	s := &x.spooling
	if x.saved.on {
		return x.spoolSaved(data)
	}
	r := x.r
	if s.file == nil {
		f, err := r.CreateTemp(x.conf.TempPath, false, false)
		if err != nil {
			r.LogErr(logs.Crit, err, "open() \""+x.conf.TempPath.Dir+"\" failed")
			return errFraming
		}
		r.Logf(logs.Warn, "an upstream response is buffered to a temporary file %s", f.Path)
		s.file, s.own = f, true
	}
	if !s.own { // the file that took the body in until now takes no more
		return errFraming
	}
	if err := s.file.Append(r.Task, data); err != nil {
		r.LogErr(logs.Crit, err, "pwrite() \""+s.file.Path+"\" failed")
		return errFraming
	}
	s.size += int64(len(data))
	return nil
}

// spoolSaved is spool for a response that is saved: keep has taken data in.
func (x *exchange) spoolSaved(data []byte) error {
	s, saved := &x.spooling, &x.saved
	if !saved.flush(x) {
		return errFraming
	}
	s.file = saved.file
	s.shift = int64(saved.head) + saved.size - int64(len(data)) - s.size
	s.size += int64(len(data))
	return nil
}

// spooled is a piece of what spool has written (ends).
func (x *exchange) spooled(off, n int64) http.Piece {
	return http.File(x.spooling.file.FD(), off+x.spooling.shift, n)
}
