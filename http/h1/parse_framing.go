package h1

import (
	"math"

	"weir/http"
	"weir/http/field"
)

// BodyKind is how the end of a body is found.
type BodyKind uint8

const (
	BodyNone     BodyKind = iota // a request without a body
	BodyLength                   // Content-Length
	BodyChunked                  // Transfer-Encoding: chunked
	BodyUntilEnd                 // a response that ends with its connection
)

// BodyFraming tells how the body of a request ends, by nginx's rules, which leave no two readings: one
// Content-Length of digits, or in HTTP/1.1 one Transfer-Encoding that is "chunked" and nothing else.
// length is that of BodyLength, else 0. A body of length 0 is BodyLength as well.
//
// Faults: FaultDuplicate, FaultLength, FaultCoding10, FaultBothLengths, FaultCoding (501).
func BodyFraming(f http.Fields, v http.Version) (kind BodyKind, length int64, err error) {
	size, coding, err := framingFields(f)
	if err != nil {
		return BodyNone, 0, err
	}
	if size != nil {
		var ok bool
		if length, ok = parseLength(size.Value); !ok {
			return BodyNone, 0, FaultLength
		}
		kind = BodyLength
	}
	if coding == nil {
		return kind, length, nil
	}
	switch {
	case v < http.HTTP11:
		return BodyNone, 0, FaultCoding10
	case !field.EqualFold(coding.Value, "chunked"):
		return BodyNone, 0, FaultCoding
	case size != nil:
		return BodyNone, 0, FaultBothLengths
	}
	return BodyChunked, 0, nil
}

// ResponseFraming tells how the body of an upstream server's response ends, by nginx's rules. Whether
// there is a body at all (HEAD, 1xx, 204, 304) is for the caller to know. With a fault the response is
// a 502.
//
// Faults: FaultDuplicate, FaultLength, FaultBothLengths, FaultCoding.
func ResponseFraming(f http.Fields) (kind BodyKind, length int64, err error) {
	size, coding, err := framingFields(f)
	switch {
	case err != nil:
		return BodyNone, 0, err
	case size != nil && coding != nil:
		return BodyNone, 0, FaultBothLengths
	case size != nil:
		n, ok := parseLength(size.Value)
		if !ok {
			return BodyNone, 0, FaultLength
		}
		return BodyLength, n, nil
	case coding != nil:
		if !field.EqualFold(coding.Value, "chunked") {
			return BodyNone, 0, FaultCoding
		}
		return BodyChunked, 0, nil
	}
	return BodyUntilEnd, 0, nil
}

// framingFields finds the two fields that frame a body, each of which may be there once.
func framingFields(f http.Fields) (size, coding *http.Field, err error) {
	for i := range f {
		switch f[i].ID {
		case field.ContentLength:
			if size != nil {
				return nil, nil, FaultDuplicate
			}
			size = &f[i]
		case field.TransferEncoding:
			if coding != nil {
				return nil, nil, FaultDuplicate
			}
			coding = &f[i]
		}
	}
	return size, coding, nil
}

// parseLength reads digits and nothing but digits.
func parseLength(b []byte) (n int64, ok bool) {
	if len(b) == 0 {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		d := int64(c - '0')
		if n > (math.MaxInt64-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, true
}

// Unique reports whether a client may send a field once only. A second one is answered with 400; for
// Host the log has a sentence of its own.
func Unique(id field.ID) bool {
	switch id {
	case field.Host, field.ContentLength, field.TransferEncoding, field.ContentRange,
		field.IfModifiedSince, field.IfUnmodifiedSince, field.IfMatch, field.IfNoneMatch,
		field.IfRange, field.Expect, field.Authorization, field.ProxyAuthorization:
		return true
	}
	return false
}

// Duplicate finds a field of a request that was sent twice though it may be sent once, and the one
// before it. nginx answers it with 400. Both are nil if there is none.
func Duplicate(f http.Fields) (again, first *http.Field) {
	var seen [4]uint64
	for i := range f {
		id := f[i].ID
		if !Unique(id) {
			continue
		}
		if bit := uint64(1) << (id & 63); seen[id>>6]&bit == 0 {
			seen[id>>6] |= bit
			continue
		}
		return &f[i], f.Find(id)
	}
	return nil, nil
}

// AppendDuplicate appends what nginx logs after "client " or "upstream " about a field sent twice.
func AppendDuplicate(dst []byte, again, first *http.Field) []byte {
	if again.ID == field.Host {
		dst = append(dst, "sent duplicate host header"...)
	} else {
		dst = append(dst, "sent duplicate header line"...)
	}
	dst = append(dst, `: "`...)
	dst = append(append(append(dst, again.Name...), ": "...), again.Value...)
	dst = append(dst, `", previous value: "`...)
	dst = append(append(append(dst, first.Name...), ": "...), first.Value...)
	return append(dst, '"')
}

// AppendFraming appends what nginx logs after "client " or "upstream " about a fault of BodyFraming or
// ResponseFraming in these fields.
func AppendFraming(dst []byte, f http.Fields, fault Fault, peer bool) []byte {
	size, coding := f.Find(field.ContentLength), f.Find(field.TransferEncoding)
	switch {
	case fault == FaultDuplicate:
		for first := range f {
			id := f[first].ID
			if id != field.ContentLength && id != field.TransferEncoding {
				continue
			}
			if again := f[first+1:].Find(id); again != nil {
				return AppendDuplicate(dst, again, &f[first])
			}
		}
	case fault == FaultCoding && coding != nil:
		dst = append(dst, fault.Text()...)
		return append(append(append(dst, `: "`...), coding.Value...), '"')
	case fault == FaultLength && peer && size != nil:
		dst = append(dst, fault.Text()...)
		dst = append(append(append(dst, `: "`...), size.Name...), ": "...)
		return append(append(dst, size.Value...), '"')
	}
	return append(dst, fault.Text()...)
}

// HasToken reports whether a field's value mentions a token anywhere, whatever its case: nginx looks
// for "close" and "keep-alive" in Connection in this way.
func HasToken(value []byte, lower string) bool {
	for i := 0; i+len(lower) <= len(value); i++ {
		if value[i]|0x20 == lower[0] && field.EqualFold(value[i:i+len(lower)], lower) {
			return true
		}
	}
	return false
}
