package http

import (
	"weir/disk"
	"weir/logs"
)

// TypeOf returns the media type of an extension.
func (c *CoreConf) TypeOf(exten []byte) []byte {
	if t, ok := c.Types[string(exten)]; ok {
		return t
	}
	if len(exten) > 0 && len(exten) <= 32 {
		var low [32]byte
		if t, ok := c.Types[string(appendLower(low[:0], exten))]; ok {
			return t
		}
	}
	return c.DefaultType
}

func appendLower(dst, b []byte) []byte {
	for _, c := range b {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		dst = append(dst, c)
	}
	return dst
}

// SetContentType sets the type of the response by the extension of the URI.
func (r *Request) SetContentType() {
	if r.Out.ContentType == nil {
		r.Out.ContentType = r.Loc.Core.TypeOf(r.Exten)
	}
}

// FilePath maps the URI to the path of a file, by root or alias. The path has no final NUL.
func (r *Request) FilePath() []byte { return r.FilePathOf(r.URI) }

// FilePathOf maps another URI to a path, as the location of the request maps its own.
func (r *Request) FilePathOf(uri []byte) []byte {
	core := r.Loc.Core
	root := r.Text(core.Root)
	if !core.Alias {
		return r.Concat(root, uri)
	}
	if core.AliasWhole {
		return r.Copy(root)
	}
	return r.Concat(root, uri[min(core.Aliased, len(uri)):])
}

// AliasPart is how much of a URI the alias that holds for the request stands for: so many bytes, or all of
// it.
func (c *CoreConf) AliasPart(uri []byte) (n int, whole bool) {
	if c.AliasWhole {
		return len(uri), true
	}
	return min(c.Aliased, len(uri)), false
}

// DocumentRoot is the root or alias that holds for the request.
func (r *Request) DocumentRoot() []byte { return r.absolute(r.Text(r.Loc.Core.Root)) }

func (r *Request) absolute(path []byte) []byte {
	if len(path) > 0 && path[0] == '/' {
		return path
	}
	return r.Concat([]byte(r.App.Prefix), path)
}

// Lower returns b in lower case: b itself when it is, else a copy that lives as long as the request.
func (r *Request) Lower(b []byte) []byte {
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			return appendLower(append(r.Alloc(len(b))[:0], b[:i]...), b[i:])
		}
	}
	return b
}

// NotFound answers 404, or 403 for what may not be read, and logs why a file could not be opened.
func (r *Request) NotFound(op string, path []byte, err error, status int) Verdict {
	level := logs.Error
	if status == StatusInternal {
		level = logs.Crit
	}
	if status != StatusNotFound || r.Loc.Core.LogNotFound {
		r.LogErr(level, err, op+" \""+string(path)+"\" failed")
	}
	return Verdict(status)
}

// CreateTemp makes a temporary file in p, which lives as long as the request. keep leaves it its name and place after that; named is for one
// that is to be moved. For the request's task.
func (r *Request) CreateTemp(p *disk.TempPath, keep, named bool) (*disk.TempFile, error) {
	f, err := r.App.Temp.Create(r.Task, p, keep, named)
	if err == nil {
		r.OnEnd(tempCloser{f})
	}
	return f, err
}

type tempCloser struct{ file *disk.TempFile }

// CloseWith closes the file (Closer).
func (c tempCloser) CloseWith(r *Request) { c.file.Close(r.Task) }
