package http

import (
	"bytes"

	"weir/http/field"
)

// A Response is what a request is answered with, up to its body. Handlers fill it, filters change
// it, the wire writes it in nginx's order: Server, Date, Content-Type, Content-Length, Last-Modified,
// Location, framing, Connection, Keep-Alive, then Fields as they were added.
type Response struct {
	Status        int
	Reason        []byte // status line after "HTTP/1.1 ", when a peer gave one; nil: nginx's words
	ContentType   []byte
	Charset       []byte // appended as "; charset=" unless nil
	CharsetAsked  []byte // what the charset filter makes of it, whatever its directives say (X-Accel-Charset)
	TypeAsSent    []byte // ContentType and Charset as a peer wrote them in one, nil otherwise
	ContentLength int64  // -1: not known
	LastModified  int64  // seconds since 1970; -1: not known
	Location      []byte // made absolute when it begins with "/" and absolute_redirect is on
	EmptyLocation bool   // an empty Location is sent all the same
	Server        []byte // nil: weir's own; empty: none, or a peer's among Fields
	Date          []byte // likewise
	Fields        Fields // everything else
	Trailers      Fields // sent after a chunked body

	AllowRanges bool // a single body of known length: ranges may be cut from it
	SingleRange bool // only one range can be served
	// Begin is where the body begins in what it is a range of, once the status is 206; Gap is how many bytes of the whole are left out before
	// the next ones that a handler sends, which those who cut ranges must count.
	Begin, Gap int64
	NoModified bool // not_modified must leave this response alone
	Chunked    bool // the wire chose chunked framing
	// CodingVaries says that another client may get the body in another coding: gzip_vary adds Vary.
	CodingVaries bool
	// Whole is the file that is the whole body, as long as it is known to be one and nothing else.
	Whole FileID
	// ExpectTrailers asks for framing that can carry trailers.
	ExpectTrailers bool
	Cut            bool // the body was cut short: the connection must not be kept
	Sent           bool // the head is on its way
	Ended          bool // the last piece was given to the wire
	BodyBytes      int64
	TotalBytes     int64 // bytes given to the client, head included
	HeadBytes      int64
}

// A FileID tells one state of a file from any other: who has the same FileID has the same bytes. The zero FileID is none.
type FileID struct {
	Dev, Inode, Size  int64
	Modified, Changed int64 // nanoseconds since 1970
}

// A HeadFilter changes the head of a response, and may join the body's way with r.FilterBody. A
// verdict of 400 and above replaces the response.
type HeadFilter func(*Request) Verdict

// A BodyFilter changes pieces of a body and passes them on with r.PassBody(i+1, …).
type BodyFilter interface {
	Body(r *Request, i int, p []Piece, f Flags) error
}

// FilterBody lets b see the body of this response, behind those that joined before.
func (r *Request) FilterBody(b BodyFilter) { r.bodyChain = append(r.bodyChain, b) }

// Filtered reports whether something will see the body of this response, and may change it.
func (r *Request) Filtered() bool { return len(r.bodyChain) > 0 }

// AddField adds a field to the response. Name and value must live as long as the request.
func (o *Response) AddField(id field.ID, name, value []byte) {
	o.Fields = append(o.Fields, Field{ID: id, Name: name, Value: value})
}

// SetField gives the first field with this id a value and drops the others, or adds it.
func (o *Response) SetField(id field.ID, name, value []byte) {
	kept := o.Fields[:0]
	found := false
	for _, f := range o.Fields {
		if f.ID == id {
			if found {
				continue
			}
			found, f.Value = true, value
		}
		kept = append(kept, f)
	}
	o.Fields = kept
	if !found {
		o.AddField(id, name, value)
	}
}

// DropField removes every field with this id.
func (o *Response) DropField(id field.ID) {
	kept := o.Fields[:0]
	for _, f := range o.Fields {
		if f.ID != id {
			kept = append(kept, f)
		}
	}
	o.Fields = kept
}

// Clear forgets the response so far, for another one in its place.
func (o *Response) Clear() {
	*o = Response{Fields: o.Fields[:0], Trailers: o.Trailers[:0], ContentLength: -1, LastModified: -1}
}

// WeakenETag makes the ETag a weak one, for a body that is not what the tag was made for byte by byte. One that is no tag is dropped.
func (r *Request) WeakenETag() {
	f := r.Out.Fields.Find(field.ETag)
	switch {
	case f == nil, len(f.Value) > 2 && f.Value[0] == 'W' && f.Value[1] == '/':
	case len(f.Value) == 0 || f.Value[0] != '"':
		r.Out.DropField(field.ETag)
	default:
		f.Value = r.Concat([]byte("W/"), f.Value)
	}
}

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

// Reason is what nginx writes after a status, "" if it has no words for it. Some are older than the
// RFCs' words: clients and scripts know them.
func Reason(status int) string {
	switch status {
	case 100:
		return "Continue"
	case 101:
		return "Switching Protocols"
	case 103:
		return "Early Hints"
	case 200:
		return "OK"
	case 201:
		return "Created"
	case 202:
		return "Accepted"
	case 204:
		return "No Content"
	case 206:
		return "Partial Content"
	case 301:
		return "Moved Permanently"
	case 302:
		return "Moved Temporarily"
	case 303:
		return "See Other"
	case 304:
		return "Not Modified"
	case 307:
		return "Temporary Redirect"
	case 308:
		return "Permanent Redirect"
	}
	if status >= 400 && status < 400+len(errorReasons) {
		return errorReasons[status-400]
	}
	if status >= 500 && status < 500+len(failureReasons) {
		return failureReasons[status-500]
	}
	return ""
}

var errorReasons = [30]string{
	"Bad Request", "Unauthorized", "Payment Required", "Forbidden", "Not Found", "Not Allowed",
	"Not Acceptable", "Proxy Authentication Required", "Request Time-out", "Conflict", "Gone",
	"Length Required", "Precondition Failed", "Request Entity Too Large", "Request-URI Too Large",
	"Unsupported Media Type", "Requested Range Not Satisfiable",
	21: "Misdirected Request", 29: "Too Many Requests",
}

var failureReasons = [8]string{
	"Internal Server Error", "Not Implemented", "Bad Gateway", "Service Temporarily Unavailable",
	"Gateway Time-out", "HTTP Version Not Supported", 7: "Insufficient Storage",
}
