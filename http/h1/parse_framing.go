package h1

import (
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

// BodyFraming reports how the body of a request ends, by nginx's rules, which leave no two readings: one
// Content-Length of digits, or in HTTP/1.1 one Transfer-Encoding that is "chunked" and nothing else.
// length is that of BodyLength, else 0. A body of length 0 is BodyLength as well.
//
// Faults: http.FaultDuplicate, http.FaultLength, FaultCoding10, FaultBothLengths, FaultCoding (501).
func BodyFraming(f http.Fields, v http.Version) (kind BodyKind, length int64, err error) {
	size, coding, err := framingFields(f)
	if err != nil {
		return BodyNone, 0, err
	}
	if size != nil {
		var ok bool
		if length, ok = field.ParseLength(size.Value); !ok {
			return BodyNone, 0, http.FaultLength
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

// framingFields finds the two fields that frame a body, each of which may be there once.
func framingFields(f http.Fields) (size, coding *http.Field, err error) {
	for i := range f {
		switch f[i].ID {
		case field.ContentLength:
			if size != nil {
				return nil, nil, http.FaultDuplicate
			}
			size = &f[i]
		case field.TransferEncoding:
			if coding != nil {
				return nil, nil, http.FaultDuplicate
			}
			coding = &f[i]
		}
	}
	return size, coding, nil
}

// AppendFraming appends what nginx logs after "client " about a fault of BodyFraming in these fields.
func AppendFraming(dst []byte, f http.Fields, fault *http.Fault) []byte {
	switch {
	case fault == http.FaultDuplicate:
		for first := range f {
			id := f[first].ID
			if id != field.ContentLength && id != field.TransferEncoding {
				continue
			}
			if again := f[first+1:].Find(id); again != nil {
				return field.AppendDuplicate(dst, again, &f[first])
			}
		}
	case fault == FaultCoding:
		dst = append(dst, fault.Text()...)
		return append(append(append(dst, `: "`...), f.Get(field.TransferEncoding)...), '"')
	}
	return append(dst, fault.Text()...)
}
