package http

import (
	"bytes"
	"encoding/base64"
	"strconv"

	"weir/http/field"
	"weir/http/url"
)

// String names a version as in a request line.
func (v Version) String() string {
	switch v {
	case HTTP09:
		return "HTTP/0.9"
	case HTTP10:
		return "HTTP/1.0"
	case HTTP11:
		return "HTTP/1.1"
	case HTTP20:
		return "HTTP/2.0"
	case HTTP30:
		return "HTTP/3.0"
	}
	return "HTTP/" + strconv.Itoa(int(v/1000)) + "." + strconv.Itoa(int(v%1000))
}

// FieldValue joins the values of all fields of a name, which has underscores for dashes, as the variables $http_… do.
func (r *Request) FieldValue(fields Fields, name string) Value {
	var first []byte
	n := 0
	for i := range fields {
		if !varNameEqual(fields[i].Name, name) {
			continue
		}
		if n++; n == 1 {
			first = fields[i].Value
			continue
		}
		first = r.Concat(first, []byte(joiner(fields[i].ID)), fields[i].Value)
	}
	return Value{B: first, Missing: n == 0}
}

// joiner is what stands between several fields of one name in a variable.
func joiner(id field.ID) string {
	if id == field.Cookie {
		return "; "
	}
	return ", "
}

func varNameEqual(field []byte, name string) bool {
	if len(field) != len(name) {
		return false
	}
	for i, c := range field {
		switch {
		case 'A' <= c && c <= 'Z':
			c |= 0x20
		case c == '-':
			c = '_'
		}
		if c != name[i] {
			return false
		}
	}
	return true
}

// Number makes a value of a number, in memory of the request.
func (r *Request) Number(n int64) Value { return Value{B: strconv.AppendInt(r.Alloc(20)[:0], n, 10)} }

// Arg returns the first argument of this name; names are compared without regard to case.
func (r *Request) Arg(name string) ([]byte, bool) {
	for rest := r.Args; len(rest) > 0; {
		var pair []byte
		pair, rest, _ = bytes.Cut(rest, []byte("&"))
		if len(pair) > len(name) && pair[len(name)] == '=' && field.EqualFold(pair[:len(name)], name) {
			return pair[len(name)+1:], true
		}
	}
	return nil, false
}

// Cookie returns the first cookie of a name, which has no regard to case, and the whole value of the field that it stands in.
func (r *Request) Cookie(name string) (value, line []byte, ok bool) {
	for line := range r.In.All(field.Cookie) {
		for rest := line; len(rest) > 0; {
			var pair []byte
			pair, rest, _ = bytes.Cut(rest, []byte(";"))
			pair = bytes.TrimLeft(pair, " ")
			key, value, ok := bytes.Cut(pair, []byte("="))
			if ok && field.EqualFold(bytes.TrimRight(key, " "), name) {
				return bytes.TrimLeft(value, " "), line, true
			}
		}
	}
	return nil, nil, false
}

// BasicAuth returns user name and password of an Authorization: Basic field.
func (r *Request) BasicAuth() (user, password []byte, ok bool) {
	const scheme = "Basic "
	v := r.In.Get(field.Authorization)
	if r.Method == CONNECT {
		v = r.In.Get(field.ProxyAuthorization)
	}
	if len(v) < len(scheme) || !field.EqualFold(v[:len(scheme)], scheme) {
		return nil, nil, false
	}
	v = bytes.TrimLeft(v[len(scheme):], " ")
	v, _, _ = bytes.Cut(v, []byte("=")) // what is missing at the end is not missed
	buf := r.Alloc(base64.RawStdEncoding.DecodedLen(len(v)))
	n, err := base64.RawStdEncoding.Decode(buf, v)
	if err != nil {
		return nil, nil, false
	}
	user, password, ok = bytes.Cut(buf[:n], []byte(":"))
	if !ok || len(user) == 0 {
		return nil, nil, false
	}
	return user, password, true
}

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
