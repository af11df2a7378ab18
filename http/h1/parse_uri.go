package h1

import "bytes"

// NormalizeURI splits a request target, "/path?args#fragment", into its decoded and normalised path,
// its arguments as they are, and the extension of the path: what follows the last dot of its last
// segment. A target without a path, "?args", has the path "/".
//
// The path is decoded once: %2F counts as a slash and %2E as a dot, while a decoded "%", "#" or "?" is
// an ordinary byte. Dot segments are taken out and, with mergeSlashes, runs of slashes become one. A
// path that leaves the root, %00, and control bytes are FaultRequest.
//
// A target that needs no change is returned as it is, without a copy. Otherwise path and extension are
// appended to dst, for which len(raw)+1 bytes are enough.
func NormalizeURI(dst, raw []byte, mergeSlashes bool) (uri, args, exten []byte, err error) {
	if len(raw) == 0 || raw[0] != '/' && raw[0] != '?' {
		return nil, nil, nil, FaultRequest
	}
	end, query, ext := len(raw), -1, 0
	simple := raw[0] == '/'
	for i := 1; i < len(raw); i++ {
		switch uriClass[raw[i]] {
		case uriSlash:
			simple = simple && (query >= 0 || raw[i-1] != '/')
			if query < 0 {
				ext = 0
			}
		case uriDot:
			simple = simple && (query >= 0 || raw[i-1] != '/')
			if query < 0 {
				ext = i + 1
			}
		case uriPercent:
			simple = simple && query >= 0
		case uriHash:
			simple = false
		case uriQuery:
			if query < 0 {
				query, end = i, i
			}
		case uriEnd:
			return nil, nil, nil, FaultRequest
		}
	}
	if !simple {
		return normalize(dst, raw, mergeSlashes)
	}
	if query >= 0 {
		args = raw[query+1:]
	}
	if ext > 0 {
		exten = raw[ext:end:end]
	}
	return raw[:end:end], args, exten, nil
}

// What the path decoded so far ends with.
const (
	afterByte   = iota // anything else
	afterSlash         // "/"
	afterDot           // "/."
	afterDotDot        // "/.."
)

// normalize does NormalizeURI for a target that is not known to be simple.
func normalize(dst, raw []byte, mergeSlashes bool) (uri, args, exten []byte, err error) {
	n := pathNormalizer{out: dst, base: len(dst), merge: mergeSlashes}
	if raw[0] == '?' {
		n.out = append(n.out, '/')
	}
	i := 0
	for i < len(raw) {
		c := raw[i]
		i++
		switch c {
		case '%':
			if c = unhex(raw[i:]); c == 0 {
				return nil, nil, nil, FaultRequest
			}
			i += 2
			if c == '%' || c == '#' || c == '?' {
				n.plain(c)
				continue
			}
		case '?':
			args = raw[i:]
			if cut := bytes.IndexByte(args, '#'); cut >= 0 {
				args = args[:cut:cut]
			}
			i = len(raw)
			continue
		case '#':
			i = len(raw)
			continue
		}
		if !n.add(c) {
			return nil, nil, nil, FaultRequest
		}
	}
	if !n.endSegment() {
		return nil, nil, nil, FaultRequest
	}
	if n.ext > 0 {
		exten = n.out[n.ext:len(n.out):len(n.out)]
	}
	return n.out[n.base:len(n.out):len(n.out)], args, exten, nil
}

type pathNormalizer struct {
	out   []byte
	base  int // where the path begins in out
	ext   int // where the extension begins in out, 0 if there is none
	after uint8
	merge bool
}

// plain appends a byte that has no meaning.
func (n *pathNormalizer) plain(c byte) {
	n.out = append(n.out, c)
	n.after = afterByte
}

// add appends a decoded byte. It reports false when the path leaves the root.
func (n *pathNormalizer) add(c byte) bool {
	switch c {
	case '/':
		switch n.after {
		case afterSlash:
			if !n.merge {
				n.out = append(n.out, '/')
			}
		case afterByte:
			n.out = append(n.out, '/')
		default:
			if !n.endSegment() {
				return false
			}
		}
		n.ext = 0
		n.after = afterSlash
	case '.':
		n.out = append(n.out, '.')
		switch n.after {
		case afterSlash:
			n.after = afterDot
		case afterDot:
			n.after = afterDotDot
		case afterDotDot:
			n.after = afterByte
		default:
			n.ext = len(n.out)
		}
	default:
		n.plain(c)
	}
	return true
}

// endSegment takes off a dot segment that the path ends with.
func (n *pathNormalizer) endSegment() bool {
	switch n.after {
	case afterDot:
		n.out = n.out[:len(n.out)-1]
	case afterDotDot:
		path := n.out[n.base : len(n.out)-len("/..")]
		up := bytes.LastIndexByte(path, '/')
		if up < 0 {
			return false
		}
		n.out = n.out[:n.base+up+1]
	}
	return true
}

// unhex decodes two hex digits; 0 stands for anything wrong, and for %00.
func unhex(b []byte) byte {
	if len(b) < 2 {
		return 0
	}
	hi, lo := hexValue[b[0]], hexValue[b[1]]
	if hi == 0 || lo == 0 {
		return 0
	}
	return (hi-1)<<4 | (lo - 1)
}
