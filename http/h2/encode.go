package h2

import (
	"strconv"
	"unsafe"

	"golang.org/x/net/http2/hpack"

	"weir/http"
	"weir/http/field"
)

// Response heads are written without a table of their own: every field is a literal, with the name from the static table where it is
// there (RFC 7541, section 6.2.2). A connection then has nothing to remember, and an idle one costs nothing. What stands in every
// head (who the server is, the date) is encoded once a second.

// heads are the encoded fields that responses of one loop share.
type heads struct {
	date   encodedDate
	last   [64]encodedDate // Last-Modified, by its second
	server []byte          // as it was encoded
	sign   string          // its value
}

// An encodedDate is a value of one second, encoded.
type encodedDate struct {
	second int64
	n      int
	value  [32]byte
}

func (d *encodedDate) get(second int64) []byte {
	if d.second != second || d.n == 0 {
		d.second = second
		var text [32]byte
		d.n = len(appendString(d.value[:0], field.AppendDate(text[:0], second)))
	}
	return d.value[:d.n]
}

// appendInt appends a number with a prefix of some bits, the others of the first byte being those of first (RFC 7541, section 5.1).
func appendInt(b []byte, first byte, bits uint, n int) []byte {
	most := 1<<bits - 1
	if n < most {
		return append(b, first|byte(n))
	}
	b = append(b, first|byte(most))
	for n -= most; n >= 0x80; n >>= 7 {
		b = append(b, byte(n)|0x80)
	}
	return append(b, byte(n))
}

// appendString appends a string, compressed when that makes it shorter (RFC 7541, section 5.2).
func appendString(b, s []byte) []byte {
	text := unsafe.String(unsafe.SliceData(s), len(s)) // it is looked at and not kept
	if n := int(hpack.HuffmanEncodeLength(text)); n < len(s) {
		return hpack.AppendHuffmanString(appendInt(b, 0x80, 7, n), text)
	}
	return append(appendInt(b, 0, 7, len(s)), s...)
}

// appendIndexed appends a field whose name is in the static table, without having it added to the client's table.
func appendIndexed(b []byte, name int, value []byte) []byte {
	return appendString(appendInt(b, 0, 4, name), value)
}

// appendStatus appends :status.
func appendStatus(b []byte, status int) []byte {
	switch status {
	case 200:
		return append(b, 0x88)
	case 204:
		return append(b, 0x89)
	case 206:
		return append(b, 0x8a)
	case 304:
		return append(b, 0x8b)
	case 400:
		return append(b, 0x8c)
	case 404:
		return append(b, 0x8d)
	case 500:
		return append(b, 0x8e)
	}
	return append(b, 0x08, 3, byte('0'+status/100%10), byte('0'+status/10%10), byte('0'+status%10))
}

// appendField appends a field of any name, which is written in lower case. CR, LF and NUL in the value are written as spaces: they
// would make another field of it where it is written as HTTP/1.
func appendField(b []byte, f *http.Field) []byte {
	if i := staticName(f.ID); i > 0 {
		b = appendInt(b, 0, 4, i)
	} else {
		b = appendName(b, f.Name)
	}
	if field.CheckValue(f.Value) {
		return appendString(b, f.Value)
	}
	clean := append([]byte(nil), f.Value...)
	for i, c := range clean {
		if c == 0 || c == '\r' || c == '\n' {
			clean[i] = ' '
		}
	}
	return appendString(b, clean)
}

// appendName appends a literal field up to its name.
func appendName(b, name []byte) []byte {
	var room [64]byte
	lower := append(room[:0], name...)
	for i, c := range lower {
		if c >= 'A' && c <= 'Z' {
			lower[i] = c | 0x20
		}
	}
	return appendString(append(b, 0), lower)
}

// fieldRoom is how many bytes appendField takes at most.
func fieldRoom(f *http.Field) int { return len(f.Name) + len(f.Value) + 12 }

// hopByHop reports whether a field is about the connection, of which HTTP/2 does not speak in fields (RFC 9113, section 8.2.2).
func hopByHop(id field.ID) bool {
	switch id {
	case field.Connection, field.KeepAlive, field.ProxyConnection, field.TransferEncoding, field.Upgrade:
		return true
	}
	return false
}

// Places of names in the static table.
const (
	nameContentLength = 28
	nameContentType   = 31
	nameDate          = 33
	nameLastModified  = 44
	nameLocation      = 46
	nameServer        = 54
)

// staticName is the place of a field's name in the static table, 0 if it is not there.
func staticName(id field.ID) int {
	switch id {
	case field.AcceptRanges:
		return 18
	case field.AccessControlAllowOrigin:
		return 20
	case field.Age:
		return 21
	case field.Allow:
		return 22
	case field.CacheControl:
		return 24
	case field.ContentDisposition:
		return 25
	case field.ContentEncoding:
		return 26
	case field.ContentLanguage:
		return 27
	case field.ContentLength:
		return nameContentLength
	case field.ContentLocation:
		return 29
	case field.ContentRange:
		return 30
	case field.ContentType:
		return nameContentType
	case field.Date:
		return nameDate
	case field.ETag:
		return 34
	case field.Expires:
		return 36
	case field.LastModified:
		return nameLastModified
	case field.Link:
		return 45
	case field.Location:
		return nameLocation
	case field.ProxyAuthenticate:
		return 48
	case field.Refresh:
		return 52
	case field.RetryAfter:
		return 53
	case field.Server:
		return nameServer
	case field.SetCookie:
		return 55
	case field.StrictTransportSecurity:
		return 56
	case field.Vary:
		return 59
	case field.Via:
		return 60
	case field.WWWAuthenticate:
		return 61
	}
	return 0
}

// appendHead appends the fields of r.Out in nginx's order.
func (s *stream) appendHead(b []byte, r *http.Request) []byte {
	o := &r.Out
	h := &s.pool.heads
	status := o.Status
	switch {
	case s.tunnel:
		status = 200
	case s.connect && status < 300: // nothing but a tunnel was asked for
		status = 501
	}
	b = appendStatus(b, status)
	switch {
	case o.Server == nil:
		b = append(b, h.signature(r.Loc.Core.Signature)...)
	case len(o.Server) > 0:
		b = appendIndexed(b, nameServer, o.Server)
	}
	switch {
	case o.Date == nil:
		b = append(appendInt(b, 0, 4, nameDate), h.date.get(r.Loop().Wall().Unix())...)
	case len(o.Date) > 0:
		b = appendIndexed(b, nameDate, o.Date)
	}
	if o.HasType() {
		b = appendIndexed(b, nameContentType, o.AppendType(s.scratch[:0]))
	}
	if o.ContentLength >= 0 && !s.tunnel {
		b = appendIndexed(b, nameContentLength, strconv.AppendInt(s.scratch[:0], o.ContentLength, 10))
	}
	if o.LastModified >= 0 && !o.Fields.Has(field.LastModified) {
		b = append(appendInt(b, 0, 4, nameLastModified), h.last[uint64(o.LastModified)%uint64(len(h.last))].get(o.LastModified)...)
	}
	if len(o.Location) > 0 {
		b = appendIndexed(b, nameLocation, o.Location)
	}
	if o.CodingVaries {
		b = append(b, varyCoding...)
	}
	return s.appendFields(b, o.Fields)
}

// varyCoding is the field "Vary: Accept-Encoding": the name by its place in the static table, the value as it is.
const varyCoding = "\x0f\x2c\x0fAccept-Encoding"

// appendFields appends those that may be sent.
func (s *stream) appendFields(b []byte, fields http.Fields) []byte {
	for i := range fields {
		f := &fields[i]
		if hopByHop(f.ID) || s.tunnel && f.Is("Sec-WebSocket-Accept") {
			continue
		}
		b = appendField(b, f)
	}
	return b
}

// signature is the field Server with this value.
func (h *heads) signature(sign string) []byte {
	if len(h.server) == 0 || h.sign != sign {
		h.sign = sign
		h.server = appendIndexed(h.server[:0], nameServer, []byte(sign))
	}
	return h.server
}

// headRoom is how many bytes appendHead takes at most.
func headRoom(o *http.Response, signature int) int {
	n := 256 + signature + len(o.Server) + len(o.Date) + len(o.ContentType) + len(o.Charset) + len(o.TypeAsSent) + len(o.Location)
	return n + fieldsRoom(o.Fields)
}

func fieldsRoom(fields http.Fields) (n int) {
	for i := range fields {
		n += fieldRoom(&fields[i])
	}
	return n
}
