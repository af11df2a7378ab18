package http

import "bytes"

// HasType reports whether the response has a Content-Type.
func (o *Response) HasType() bool { return len(o.ContentType) > 0 }

// AppendType appends the value of Content-Type: the type with its charset, or, as long as nobody has
// changed either, what a peer wrote.
func (o *Response) AppendType(dst []byte) []byte {
	if len(o.Charset) == 0 {
		return append(dst, o.ContentType...)
	}
	if sent := o.TypeAsSent; sent != nil && bytes.HasPrefix(sent, o.ContentType) &&
		bytes.HasSuffix(bytes.TrimSuffix(sent, []byte(`"`)), o.Charset) {
		return append(dst, sent...)
	}
	dst = append(append(dst, o.ContentType...), "; charset="...)
	return append(dst, o.Charset...)
}
