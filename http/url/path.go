// Package url has the parts of a request's address: targets, paths and their escapes, hosts. It knows no request.
package url

import "bytes"

// A Shape is what one look at a target finds: "/path?args", or "?args". Its offsets count from the target's beginning.
type Shape struct {
	// Complex says that the path must be normalised: it has "%", "//" or "/.", or is missing, or there is a fragment.
	Complex  bool
	Escaped  bool // the path has "%"
	Fragment bool // there is a fragment, which belongs to clients alone
	Args     int  // where the arguments begin, 0 if there are none
	Ext      int  // where the extension of the path begins, 0 if there is none
}

// Scan finds the shape of a target. It is not ok if the target is no path, or has spaces or control bytes.
func Scan(target []byte) (s Shape, ok bool) {
	if len(target) == 0 || target[0] != '/' && target[0] != '?' {
		return s, false
	}
	if target[0] == '?' {
		s.Complex, s.Args = true, 1
	}
	for i := 1; i < len(target); i++ {
		switch c := Classes[target[i]]; {
		case c == Plain:
		case c == End:
			return s, false
		case c == Hash:
			s.Complex, s.Fragment = true, true
		case s.Args > 0:
		case c == Slash:
			s.Complex = s.Complex || target[i-1] == '/'
			s.Ext = 0
		case c == Dot:
			s.Complex = s.Complex || target[i-1] == '/'
			s.Ext = i + 1
		case c == Percent:
			s.Complex, s.Escaped = true, true
		case c == Query:
			s.Args = i + 1
		}
	}
	return s, true
}

// Split splits a target of this shape into its decoded and normalised path, its arguments as they are, and the
// extension of the path: what follows the last dot of its last segment. A target without a path has the path "/".
//
// The path is decoded once: %2F counts as a slash and %2E as a dot, while a decoded "%", "#" or "?" is an ordinary
// byte. Dot segments are taken out and, with mergeSlashes, runs of slashes become one. It is not ok if the path leaves
// the root, or has %00 or a "%" without two digits.
//
// A target that is not Complex is returned as it is, without a copy. Otherwise path and extension are appended to dst,
// for which len(target)+1 bytes are enough.
func (s Shape) Split(dst, target []byte, mergeSlashes bool) (path, args, ext []byte, ok bool) {
	if s.Complex {
		return normalize(dst, target, mergeSlashes)
	}
	end := len(target)
	if s.Args > 0 {
		end = s.Args - 1
		args = target[s.Args:]
	}
	if s.Ext > 0 {
		ext = target[s.Ext:end:end]
	}
	return target[:end:end], args, ext, true
}

// What the path decoded so far ends with.
const (
	afterByte   = iota // anything else
	afterSlash         // "/"
	afterDot           // "/."
	afterDotDot        // "/.."
)

// normalize does Split for a complex target.
func normalize(dst, raw []byte, mergeSlashes bool) (path, args, ext []byte, ok bool) {
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
			if c = escaped(raw[i:]); c == 0 {
				return nil, nil, nil, false
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
			return nil, nil, nil, false
		}
	}
	if !n.endSegment() {
		return nil, nil, nil, false
	}
	if n.ext > 0 {
		ext = n.out[n.ext:len(n.out):len(n.out)]
	}
	return n.out[n.base:len(n.out):len(n.out)], args, ext, true
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

// escaped decodes two hex digits; 0 stands for anything wrong, and for %00.
func escaped(b []byte) byte {
	if len(b) < 2 {
		return 0
	}
	hi, lo := Unhex(b[0]), Unhex(b[1])
	if hi < 0 || lo < 0 {
		return 0
	}
	return byte(hi<<4 | lo)
}

// Climbs reports whether a decoded path must not be followed: it has ".." as a segment, or a NUL.
func Climbs(path []byte) bool {
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
