package content

import (
	"weir/disk"
	"weir/http"
	"weir/logs"
)

// An outgoing is a response body on its way: what a request needs beyond its arena, which cannot hold
// pointers. They are reused.
type outgoing struct {
	pieces [1]http.Piece
	file   file
	shared *shared
}

// CloseWith closes the file when the request has ended (http.Closer).
func (o *outgoing) CloseWith(*http.Request) {
	o.file.close()
	o.giveBack()
}

func (s *shared) outgoing() *outgoing {
	o := s.pool.Get().(*outgoing)
	o.shared, o.file.fd = s, -1
	return o
}

func (o *outgoing) giveBack() {
	s := o.shared
	*o = outgoing{}
	s.pool.Put(o)
}

// sendBody sends memory as the whole body. When it returns, the memory is not needed any more.
func (s *shared) sendBody(r *http.Request, body []byte) http.Verdict {
	if len(body) == 0 {
		return r.SendAll(nil)
	}
	o := s.outgoing()
	o.pieces[0] = http.Mem(body)
	v := r.SendAll(o.pieces[:])
	o.giveBack()
	return v
}

// sendLarge sends a file by its descriptor, which is closed when the request ends.
func (s *shared) sendLarge(r *http.Request, f file) http.Verdict {
	o := s.outgoing()
	o.file = f
	r.OnEnd(o)
	o.pieces[0] = http.File(f.fd, 0, f.info.Size)
	return r.SendAll(o.pieces[:])
}

// maxRead is the size up to which a file that is not in memory is sent by way of a buffer: one call for
// head and body together.
const maxRead = 32 << 10

// sendFile sends a file that was opened. If it is asked for often, it stays in memory.
func (s *shared) sendFile(r *http.Request, p disk.Path, f file) http.Verdict {
	if s.memory.wants(p.Text(), &f.info, r.Loop().Wall().UnixNano()) {
		if h := s.remember(r, p, &f); h != nil {
			f.close()
			return s.sendBody(r, h.body)
		}
	}
	if f.info.Size > maxRead {
		return s.sendLarge(r, f)
	}
	defer f.close()
	return s.sendSmall(r, p, &f)
}

// sendSmall sends a file by way of a buffer.
func (s *shared) sendSmall(r *http.Request, p disk.Path, f *file) http.Verdict {
	size := int(f.info.Size)
	if size == 0 {
		return r.SendAll(nil)
	}
	buf := r.Loop().Take(size)
	defer func() { r.Loop().Give(buf) }()
	if !read(r, p, f.fd, buf[:size]) {
		return http.StatusInternal
	}
	return s.sendBody(r, buf[:size])
}

// remember reads a file and puts it into memory, unless it was changed meanwhile.
func (s *shared) remember(r *http.Request, p disk.Path, f *file) *hotFile {
	body := make([]byte, f.info.Size)
	var after disk.Info
	if !read(r, p, f.fd, body) || disk.StatFD(f.fd, &after) != nil || after != f.info {
		return nil
	}
	return s.memory.put(p.Text(), &f.info, body)
}

// read fills b from the beginning of a file: with what the kernel has in memory, or else apart from the
// loop. The head is on its way by then, so a failure can only be logged.
func read(r *http.Request, p disk.Path, fd int, b []byte) bool {
	n, err := disk.ReadFull(r.Task, fd, b)
	switch {
	case err != nil:
		r.LogErr(logs.Crit, err, "pread() \""+string(p.Text())+"\" failed")
	case n < len(b):
		r.Logf(logs.Alert, "pread() read only %d of %d from \"%s\"", n, len(b), p.Text())
	}
	return err == nil && n == len(b)
}
