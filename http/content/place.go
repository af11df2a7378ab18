package content

import (
	"strconv"

	"golang.org/x/sys/unix"

	"weir/disk"
	"weir/http"
	"weir/http/field"
	"weir/http/url"
	"weir/logs"
)

var etagName = []byte("ETag")

// aliasURI, kept of a request, says that try_files made the URI the rest of a path whose beginning is the alias of a location by
// regular expression.
type aliasURI struct{}

// pathOf maps the URI of the request to the path of a file.
func pathOf(r *http.Request) (disk.Path, http.Verdict) {
	if v := aliasFits(r); v != http.Next {
		return nil, v
	}
	name := r.FilePath()
	if _, ok := http.Load[aliasURI](r); ok {
		name = r.Concat(name, r.URI)
	}
	return fullPath(r, name), http.Next
}

// aliasFits refuses a URI that was rewritten inside a location with alias: no one knows any more which
// part of it the location matched.
func aliasFits(r *http.Request) http.Verdict {
	if !r.Loc.Core.Alias || !r.Rewrite.Moved {
		return http.Next
	}
	r.Logf(logs.Alert, "\"alias\" cannot be used in location \"%s\" where URI was rewritten", r.Loc.Name)
	return http.StatusInternal
}

// fullPath makes an absolute path for the kernel.
func fullPath(r *http.Request, parts ...[]byte) disk.Path {
	n := len(r.App.Prefix) + 1
	for _, p := range parts {
		n += len(p)
	}
	b := r.Alloc(n)[:0]
	for _, p := range parts {
		if len(b) == 0 && len(p) > 0 && p[0] != '/' {
			b = append(b, r.App.Prefix...)
		}
		b = append(b, p...)
	}
	return disk.PathOf(b)
}

// notOpened answers for a file that could not be opened.
func notOpened(r *http.Request, p disk.Path, bad disk.Failure) http.Verdict {
	status := http.StatusInternal
	switch {
	case bad.Is(unix.ENOENT, unix.ENOTDIR, unix.ENAMETOOLONG):
		status = http.StatusNotFound
	case bad.Is(unix.EACCES, unix.ELOOP, unix.EMLINK):
		status = http.StatusForbidden
	}
	return r.NotFound(bad.Op, p.Text(), bad.Err, status)
}

// addSlash sends the client from a folder's name to the same with a slash.
func addSlash(r *http.Request) http.Verdict {
	r.Out.DropField(field.Location)
	to := url.AppendEscaped(r.Alloc(3*len(r.URI) + len(r.Args) + 2)[:0], r.URI, url.EscapeURI)
	to = append(to, '/')
	if len(r.Args) > 0 {
		to = append(append(to, '?'), r.Args...)
	}
	r.Out.Location = to
	return 301
}

// appendETag appends the entity tag of a file: its time and its size.
func appendETag(b []byte, i *disk.Info) []byte {
	b = append(b, '"')
	b = strconv.AppendInt(b, i.Mtime.Sec, 16)
	b = append(b, '-')
	b = strconv.AppendInt(b, i.Size, 16)
	return append(b, '"')
}
