package http

import (
	"errors"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"weir/http/field"
	"weir/logs"
	"weir/loop"
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

var errHeadSent = errors.New("header already sent")

// ErrRange says that several ranges were asked of a body that comes in parts.
var ErrRange = errors.New("range in overlapped buffers")

// ErrLeft says that the client has closed its side while its response was held back (limit_rate).
var ErrLeft = errors.New("client prematurely closed connection")

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

// AddField adds a field to the response. Name and value must live as long as the exchange.
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

// SendHead sends the head of the response through the filters to the wire. Next means that a body
// may follow; Done that the head was all (HEAD, 204, 304); a status that the handler must return it.
func (r *Request) SendHead() Verdict {
	if r.Out.Sent {
		r.Log(logs.Alert, "header already sent")
		return Done
	}
	if r.ErrStatus != 0 {
		r.Out.Status = r.ErrStatus
		r.Out.Reason = nil
	}
	filters := len(r.bodyChain)
	heads := r.Loc.Heads
	if r.sub != nil && r.sub.heads != nil {
		heads = r.sub.heads
	}
	for _, f := range heads {
		if v := f(r); v != Next { // something else is going to be the body
			r.Out.Whole = FileID{}
			clear(r.bodyChain[filters:])
			r.bodyChain = r.bodyChain[:filters]
			return v
		}
	}
	return r.writeHead()
}

func (r *Request) writeHead() Verdict {
	o := &r.Out
	if o.Status == 304 || o.Status == 204 {
		r.HeaderOnly = true
	}
	if r.IsHead() && o.Status != 101 { // behind a 101 it is not HTTP any more
		r.HeaderOnly = true
	}
	if o.Status != 200 && o.Status != 206 && o.Status != 304 {
		o.LastModified = -1
	}
	o.CodingVaries = o.CodingVaries && r.Loc.Core.GzipVary
	if r.Version != HTTP09 { // whose head is for the log only
		r.placeLocation()
	}
	o.Sent = true
	if err := r.Wire.SendHead(r); err != nil {
		r.fail(err)
		return Done
	}
	if r.HeaderOnly {
		o.Ended = true
		if err := r.Wire.Send(r, nil, Last); err != nil {
			r.fail(err)
		}
		return Done
	}
	return Next
}

// placeLocation makes a location of weir's own absolute, where absolute_redirect asks for it; any other
// goes as it is, before the fields added to the response.
func (r *Request) placeLocation() {
	o := &r.Out
	if len(o.Location) == 0 && !o.EmptyLocation {
		return
	}
	core := r.Loc.Core
	if len(o.Location) == 0 || o.Location[0] != '/' || !core.AbsoluteRedirect {
		o.Fields = slices.Insert(o.Fields, 0, Field{ID: field.Location, Name: field.Location.Bytes(), Value: o.Location})
		o.Location = nil
		return
	}
	host := r.HostName
	switch {
	case core.NameInRedirect:
		host = []byte(r.Server.Name)
	case len(host) == 0:
		host = r.Client.Local().Addr().AppendTo(r.Alloc(48)[:0])
	}
	b := r.Alloc(len("https://") + len(host) + 6 + len(o.Location))[:0]
	b = append(append(append(b, r.Client.Scheme()...), "://"...), host...)
	if port := r.Client.Local().Port(); core.PortInRedirect && port != 0 && port != r.Client.SchemePort() {
		b = strconv.AppendUint(append(b, ':'), uint64(port), 10)
	}
	o.Location = append(b, o.Location...)
}

// Send sends pieces of the body through the filters to the wire, without waiting for the client.
func (r *Request) Send(p []Piece, f Flags) error {
	if r.HeaderOnly {
		r.giveBack(p)
		return nil
	}
	return r.PassBody(0, p, f)
}

// PassBody hands pieces to the body filter at place i of the chain, or to the wire after the last.
func (r *Request) PassBody(i int, p []Piece, f Flags) error {
	if i < len(r.bodyChain) {
		return r.bodyChain[i].Body(r, i, p, f)
	}
	for k := range p {
		r.Out.BodyBytes += p[k].Size()
	}
	if f&Last != 0 {
		r.Out.Ended = true
	}
	err := r.Wire.Send(r, p, f)
	if err != nil {
		r.fail(err)
	}
	return err
}

// SendAll answers with these pieces and nothing more: it waits until the client has them.
func (r *Request) SendAll(p []Piece) Verdict {
	if r.Send(p, Last) == nil {
		_ = r.Drain()
	}
	return Done
}

// Drain waits until everything sent so far is with the client's kernel.
func (r *Request) Drain() error {
	err := r.Wire.Drain(r)
	if err != nil {
		r.fail(err)
	}
	return err
}

// giveBack returns the buffers of pieces that nobody will send.
func (r *Request) giveBack(p []Piece) {
	for i := range p {
		if p[i].Own != nil {
			r.Loop().Give(p[i].Own)
			p[i].Own = nil
		}
	}
}

// fail records that the client cannot be answered any more.
func (r *Request) fail(err error) {
	if r.Out.Cut {
		return
	}
	r.Out.Cut = true
	r.KeepAlive = false
	if errors.Is(err, loop.ErrStopped) || errors.Is(err, errHeadSent) || errors.Is(err, ErrGone) {
		return
	}
	if errors.Is(err, loop.ErrTimeout) {
		r.LogErr(logs.Info, unix.ETIMEDOUT, "client timed out")
		return
	}
	if errors.Is(err, ErrLeft) {
		r.Log(logs.Info, err.Error())
		return
	}
	if errors.Is(err, errTruncated) {
		r.Log(logs.Alert, err.Error())
		return
	}
	r.LogErr(logs.Info, err, "writev() failed")
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
