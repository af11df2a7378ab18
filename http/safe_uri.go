package http

import (
	"bytes"

	"weir/http/url"
)

// SafeURI splits a URI that a peer or a client gave for an internal redirect into path and arguments
// and decodes %XX in the path. It is not ok when the path is empty, leaves its folder by "..", or has
// a NUL (nginx: unsafe URI was detected); path is then what was unsafe, for the log.
func SafeURI(r *Request, uri []byte) (path, args []byte, ok bool) {
	path, args, _ = bytes.Cut(uri, []byte("?"))
	if len(path) == 0 || url.Climbs(path) {
		return path, args, false
	}
	if bytes.IndexByte(path, '%') >= 0 {
		path = url.Unescape(r.Copy(path))
		if url.Climbs(path) {
			return path, args, false
		}
	}
	return path, args, true
}
