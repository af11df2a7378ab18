package content

import (
	"io"
	"path/filepath"

	"golang.org/x/sys/unix"

	"weir/disk"
	"weir/http"
	"weir/http/field"
	"weir/logs"
)

// put stores the body as a file: in a temporary file first, which takes the place of another when it is complete.
func (c *davConf) put(r *http.Request) http.Verdict {
	if isFolder(r.URI) {
		r.Log(logs.Error, "cannot PUT to a collection")
		return statusConflict
	}
	if r.In.Has(field.ContentRange) {
		r.Log(logs.Error, "PUT with range is unsupported")
		return http.StatusNotImplemented
	}
	path, v := davPath(r)
	if v != http.Next {
		return v
	}
	f, err := r.CreateTemp(r.Loc.Core.BodyTemp, false, true)
	if err != nil {
		r.LogErr(logs.Crit, err, "open() \""+r.Loc.Core.BodyTemp.Dir+"\" failed")
		return http.StatusInternal
	}
	if v := receive(r, f); v != http.Next {
		return v
	}
	have, missing := disk.Stat(r.Task, disk.PathOf([]byte(path)), disk.Links{})
	var parent disk.Failure
	if missing.Failed() && !c.full {
		_, parent = disk.Stat(r.Task, disk.PathOf([]byte(filepath.Dir(path))), disk.Links{})
	}
	status := 201
	switch {
	case !missing.Failed() && have.IsDir():
		r.LogErr(logs.Error, unix.EISDIR, "\""+path+"\" could not be created")
		return statusConflict
	case !missing.Failed():
		status = 204
	case parent.Failed():
		r.LogErr(logs.Crit, parent.Err, "rename() \""+f.Path+"\" to \""+path+"\" failed")
		return http.StatusInternal
	}
	modified := int64(-1)
	if r.In.Has(field.Date) {
		if at, ok := field.ParseDate(r.In.Get(field.Date)); ok {
			modified = at
		}
	}
	if bad := f.MoveTo(r.Task, path, c.access, modified, r.App.Temp); bad.Failed() {
		r.LogErr(logs.Crit, bad.Err, bad.Op+" failed")
		if bad.Is(unix.ENOSPC, unix.EDQUOT) {
			return http.StatusInsufficientSpace
		}
		return http.StatusInternal
	}
	return done(r, status, status == 201)
}

// receive writes the body to a file.
func receive(r *http.Request, f *disk.TempFile) http.Verdict {
	if !r.BodyWaiting() {
		return receiveRead(r, f)
	}
	r.StreamBody()
	buf := r.Loop().Take(64 << 10)
	defer func() { r.Loop().Give(buf) }()
	for {
		n, err := r.Wire.ReadBody(r, buf)
		if n > 0 {
			if v := keep(r, f, buf[:n]); v != http.Next {
				r.BodyDone()
				r.KeepAlive = false
				return v
			}
		}
		switch err {
		case nil:
		case io.EOF:
			r.BodyDone()
			return http.Next
		default:
			return r.BodyFailed(err)
		}
	}
}

// receiveRead does so with a body that was read before, as mirror has it.
func receiveRead(r *http.Request, f *disk.TempFile) http.Verdict {
	for _, p := range r.BodyPieces(nil) {
		buf := p.B
		if p.Len > 0 {
			buf = make([]byte, 64<<10)
		}
		for at := int64(0); at < p.Size(); {
			b := buf
			if p.Len > 0 {
				n, err := disk.ReadAt(r.Task, p.FD, buf[:min(int64(len(buf)), p.Len-at)], p.Off+at)
				if err != nil || n == 0 {
					r.LogErr(logs.Crit, err, "pread() failed")
					return http.StatusInternal
				}
				b = buf[:n]
			}
			if v := keep(r, f, b); v != http.Next {
				return v
			}
			at += int64(len(b))
		}
	}
	return http.Next
}

func keep(r *http.Request, f *disk.TempFile, b []byte) http.Verdict {
	err := f.Append(r.Task, b)
	if err == nil {
		return http.Next
	}
	r.LogErr(logs.Crit, err, "pwrite() \""+f.Path+"\" failed")
	if bad := (disk.Failure{Err: err}); bad.Is(unix.ENOSPC, unix.EDQUOT) {
		return http.StatusInsufficientSpace
	}
	return http.StatusInternal
}
