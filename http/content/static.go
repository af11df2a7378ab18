package content

import (
	"weir/disk"
	"weir/http"
	"weir/http/field"
	"weir/logs"
)

// Static is nginx's static module: it answers with files.
var Static = http.Define(http.Spec[staticConf]{
	Name:       "http_static",
	Doc:        "Answers with files, and says how files are opened.",
	Directives: accessDirectives(),
	Install: func(a *staticConf, in *http.Install) error {
		if a.serve == nil {
			a.serve = static{openerOf(a, in.Builder)}.serve
		}
		in.Step(http.Content, a.serve)
		return nil
	},
})

// static serves the files of one location.
type static struct{ *opener }

// serve answers with the file that the URI names.
func (s static) serve(r *http.Request) http.Verdict {
	if r.Method&(http.GET|http.HEAD|http.POST) == 0 {
		return http.StatusNotAllowed
	}
	if n := len(r.URI); n > 0 && r.URI[n-1] == '/' {
		return http.Next
	}
	p, v := pathOf(r)
	if v != http.Next {
		return v
	}
	if r.Debugs() {
		r.Debugf("http filename: \"%s\"", p.Text())
	}
	if h := s.hot(p); h != nil {
		return s.fromMemory(r, h)
	}
	f, bad := s.open(r, p)
	if bad.Failed() {
		return notOpened(r, p, bad)
	}
	return s.answer(r, p, f)
}

// hot returns the file when it is in memory and the disk says that it is unchanged. Where something else
// decides which file may be seen, and when, memory is asked later.
func (s static) hot(p disk.Path) *hotFile {
	if s.shelf != nil || s.symlinks != disk.LinksAllowed {
		return nil
	}
	h := s.memory.get(p.Text())
	if h == nil {
		return nil
	}
	var i disk.Info
	if disk.StatBlocking(p, &i) != nil || i != h.info {
		s.memory.drop(h)
		return nil
	}
	return h
}

// fromMemory answers with a file that is in memory.
func (s static) fromMemory(r *http.Request, h *hotFile) http.Verdict {
	if r.Debugs() {
		r.Debugf("http static: %d bytes in memory", len(h.body))
	}
	if v := s.begin(r, &h.info, h.etag, nil); v != http.Next {
		return v
	}
	return s.sendBody(r, h.body)
}

// answer answers with a file that was opened, and sees to it that it is closed.
func (s static) answer(r *http.Request, p disk.Path, f file) http.Verdict {
	if !f.info.IsRegular() {
		defer f.close()
		if f.info.IsDir() {
			return addSlash(r)
		}
		r.Logf(logs.Crit, "\"%s\" is not a regular file", p.Text())
		return http.StatusNotFound
	}
	if h := s.memory.match(p.Text(), &f.info); h != nil {
		f.close()
		return s.fromMemory(r, h)
	}
	if r.Debugs() {
		r.Debugf("http static fd: %d", f.fd)
	}
	v := s.begin(r, &f.info, appendETag(r.Alloc(40)[:0], &f.info), nil)
	if v != http.Next {
		f.close()
		return v
	}
	return s.sendFile(r, p, f)
}

// begin sends the head for a file, which is compressed if it has a coding.
func (s static) begin(r *http.Request, i *disk.Info, etag, coding []byte) http.Verdict {
	if r.Method == http.POST {
		return http.StatusNotAllowed
	}
	if v := r.DiscardBody(); v != http.Next {
		return v
	}
	r.Doing = "sending response to client"
	o := &r.Out
	o.Status = 200
	o.ContentLength = i.Size
	o.LastModified = i.Mtime.Sec
	if r.Loc.Core.ETag {
		o.AddField(field.ETag, etagName, etag)
	}
	r.SetContentType()
	if coding != nil {
		o.AddField(field.ContentEncoding, field.ContentEncoding.Bytes(), coding)
	}
	o.AllowRanges = true
	o.Whole = idOf(i)
	return r.SendHead()
}

// idOf tells this state of a file from any other.
func idOf(i *disk.Info) http.FileID {
	return http.FileID{Dev: int64(i.Dev), Inode: int64(i.Ino), Size: i.Size, Modified: i.Mtime.Nano(), Changed: i.Ctime.Nano()}
}
