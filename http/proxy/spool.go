package proxy

import (
	"weir/http"
	"weir/logs"
)

// spool writes data at the end of the temporary file of the body, which it makes for the first (ends).
func (x *exchange) spool(data []byte) error {
	r := x.r
	if x.file == nil {
		f, err := r.CreateTemp(x.conf.TempPath, false, false)
		if err != nil {
			r.LogErr(logs.Crit, err, "open() \""+x.conf.TempPath.Dir+"\" failed")
			return errFraming
		}
		r.Logf(logs.Warn, "an upstream response is buffered to a temporary file %s", f.Path)
		x.file = f
	}
	if err := x.file.Append(r.Task, data); err != nil {
		r.LogErr(logs.Crit, err, "pwrite() \""+x.file.Path+"\" failed")
		return errFraming
	}
	return nil
}

// spooled is a piece of what spool has written (ends).
func (x *exchange) spooled(off, n int64) http.Piece { return http.File(x.file.FD(), off, n) }
