package http

import "bytes"

// SafeURI splits a URI that a peer or a client gave for an internal redirect into path and arguments
// and decodes %XX in the path. It is not ok when the path is empty, leaves its folder by "..", or has
// a NUL (nginx: unsafe URI was detected).
func SafeURI(r *Request, uri []byte) (path, args []byte, ok bool) {
	path, args, _ = bytes.Cut(uri, []byte("?"))
	if len(path) == 0 || climbs(path) {
		return nil, nil, false
	}
	if bytes.IndexByte(path, '%') >= 0 {
		path = appendUnescaped(r.Alloc(len(path))[:0], path)
		if climbs(path) {
			return nil, nil, false
		}
	}
	return path, args, true
}

// climbs says that a path has ".." as a segment, or a NUL.
func climbs(path []byte) bool {
	if bytes.IndexByte(path, 0) >= 0 {
		return true
	}
	for len(path) > 0 {
		segment, rest, _ := bytes.Cut(path, []byte("/"))
		if string(segment) == ".." {
			return true
		}
		path = rest
	}
	return false
}

// appendUnescaped appends b with %XX decoded; a "%" without two digits stays.
func appendUnescaped(dst, b []byte) []byte {
	for i := 0; i < len(b); i++ {
		if b[i] == '%' && i+2 < len(b) {
			hi, lo := unhex(b[i+1]), unhex(b[i+2])
			if hi >= 0 && lo >= 0 {
				dst = append(dst, byte(hi<<4|lo))
				i += 2
				continue
			}
		}
		dst = append(dst, b[i])
	}
	return dst
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}
