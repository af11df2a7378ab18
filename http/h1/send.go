package h1

import (
	"strconv"
	"time"

	"weir/http"
	"weir/http/field"
	"weir/loop"
)

// dateCache is the text of one second.
type dateCache struct {
	sec  int64
	text [29]byte
}

func (d *dateCache) get(now int64) []byte {
	if d.sec != now || d.text[0] == 0 {
		d.sec = now
		field.AppendDate(d.text[:0], now)
	}
	return d.text[:]
}

// SendHead serialises the head of r.Out and queues it (http.Wire).
func (x *work) SendHead(r *http.Request) error {
	o := &r.Out
	x.chunked = false
	if r.Version == http.HTTP09 {
		r.KeepAlive = false
		return nil
	}
	x.frame(r)
	b := AppendStatusLine(x.head[:0], o.Status, o.Reason)
	b = appendIdentity(b, r, x.pool.date.get(x.c.Loop().Wall().Unix()))
	b = x.pool.appendEntity(b, o)
	if len(o.Location) > 0 {
		b = append(append(append(b, "Location: "...), o.Location...), "\r\n"...)
	}
	b = x.appendConnection(b, r)
	if o.CodingVaries {
		b = append(b, "Vary: Accept-Encoding\r\n"...)
	}
	for i := range o.Fields {
		b = AppendField(b, o.Fields[i].Name, o.Fields[i].Value)
	}
	b = append(b, "\r\n"...)
	if r.Debugs() {
		x.debugHead(b)
	}
	x.head = b
	o.HeadBytes += int64(len(b))
	x.out.Add(http.Mem(b))
	return nil
}

// frame decides how the end of the body is marked.
func (x *work) frame(r *http.Request) {
	o := &r.Out
	if o.Status == 204 && o.Reason == nil {
		o.ContentType, o.LastModified, o.ContentLength = nil, -1, -1
	}
	bodyless := o.Status == 304 || o.Status == 204 || o.Status < 200 || r.IsHead() || r.Method == http.CONNECT && o.Status < 300
	if !bodyless && (o.ContentLength < 0 || len(o.Trailers) > 0 || o.ExpectTrailers) {
		switch {
		case r.Version >= http.HTTP11 && r.Loc.Core.ChunkedEncoding:
			x.chunked = true
			o.ContentLength = -1
		case o.ContentLength < 0:
			r.KeepAlive = false
		}
	}
	o.Chunked = x.chunked
	if x.conn.shared.Quit() {
		r.KeepAlive = false
	}
}

// appendIdentity appends Server and Date: weir's own, unless those of a peer are passed on, which then
// stand among the fields.
func appendIdentity(b []byte, r *http.Request, date []byte) []byte {
	o := &r.Out
	switch {
	case o.Server == nil:
		b = append(append(append(b, "Server: "...), r.Loc.Core.Signature...), "\r\n"...)
	case len(o.Server) > 0:
		b = AppendField(b, serverName, o.Server)
	}
	if o.Date != nil {
		date = o.Date
	}
	if len(date) > 0 {
		b = append(append(append(b, "Date: "...), date...), "\r\n"...)
	}
	return b
}

var serverName = []byte("Server")

// appendEntity appends the fields that describe the body.
func (p *pool) appendEntity(b []byte, o *http.Response) []byte {
	if o.HasType() {
		b = append(o.AppendType(append(b, "Content-Type: "...)), "\r\n"...)
	}
	if o.ContentLength >= 0 {
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, o.ContentLength, 10)
		b = append(b, "\r\n"...)
	}
	if o.LastModified >= 0 && !o.Fields.Has(field.LastModified) { // a peer's stands among the fields
		b = append(b, "Last-Modified: "...)
		b = append(b, p.last[uint64(o.LastModified)%uint64(len(p.last))].get(o.LastModified)...)
		b = append(b, "\r\n"...)
	}
	return b
}

// appendConnection appends what concerns the connection itself.
func (x *work) appendConnection(b []byte, r *http.Request) []byte {
	if x.chunked {
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	}
	switch {
	case r.Out.Status == 101:
		return append(b, "Connection: upgrade\r\n"...)
	case !r.KeepAlive:
		return append(b, "Connection: close\r\n"...)
	}
	b = append(b, "Connection: keep-alive\r\n"...)
	if h := r.Loc.Core.KeepaliveHeader; h > 0 {
		b = append(b, "Keep-Alive: timeout="...)
		b = strconv.AppendInt(b, int64(h/time.Second), 10)
		b = append(b, "\r\n"...)
	}
	return b
}

// SendEarly sends an interim response at once (http.Wire).
func (x *work) SendEarly(r *http.Request, status int, fields http.Fields) error {
	if r.Version < http.HTTP11 || r.Out.Sent {
		return nil
	}
	b := AppendStatusLine(r.Alloc(256)[:0], status, []byte(strconv.Itoa(status)+" "+http.Reason(status)))
	for i := range fields {
		b = AppendField(b, fields[i].Name, fields[i].Value)
	}
	b = append(b, "\r\n"...)
	x.out.Add(http.Mem(r.Copy(b)))
	_, err := x.Push(r)
	return err
}

// Send queues pieces of the body in their framing and writes what the client takes (http.Wire).
func (x *work) Send(r *http.Request, p []http.Piece, f http.Flags) error {
	if x.err != nil {
		x.refuse(p)
		return x.err
	}
	if r.HeaderOnly {
		x.refuse(p)
	} else if x.chunked {
		x.addChunk(r, p, f)
	} else {
		for i := range p {
			x.out.Add(p[i])
		}
	}
	if f == 0 && x.out.Queued() < r.Loc.Core.PostponeOutput {
		return nil
	}
	_, err := x.Push(r)
	return err
}

// refuse gives back the buffers of pieces that cannot be sent.
func (x *work) refuse(p []http.Piece) {
	for i := range p {
		if p[i].Own != nil {
			x.c.Loop().Give(p[i].Own)
		}
	}
}

// addChunk queues pieces as one chunk, and the end of the body after the last.
func (x *work) addChunk(r *http.Request, p []http.Piece, f http.Flags) {
	var size int64
	for i := range p {
		size += p[i].Size()
	}
	if size > 0 {
		x.out.Add(x.small(func(b []byte) []byte { return AppendChunkHead(b, size) }))
		for i := range p {
			x.out.Add(p[i])
		}
	}
	switch {
	case f&http.Last == 0:
		if size > 0 {
			x.out.Add(http.Mem(crlf))
		}
	case len(r.Out.Trailers) > 0:
		b := r.Alloc(64)[:0]
		if size > 0 {
			b = append(b, "\r\n"...)
		}
		b = append(b, "0\r\n"...)
		for i := range r.Out.Trailers {
			b = AppendField(b, r.Out.Trailers[i].Name, r.Out.Trailers[i].Value)
		}
		x.out.Add(http.Mem(append(b, "\r\n"...)))
	case size > 0:
		x.out.Add(http.Mem(lastAfterData))
	default:
		x.out.Add(http.Mem(lastChunk))
	}
}

// small makes a piece of a few bytes: in the scratch memory while it has room, which it has
// again when the queue is empty, else in a buffer of its own.
func (x *work) small(write func([]byte) []byte) http.Piece {
	const most = 20
	if x.out.Queued() == 0 {
		x.used = 0
	}
	if x.used+most <= len(x.scratch) {
		b := write(x.scratch[x.used : x.used : x.used+most])
		x.used += len(b)
		return http.Mem(b)
	}
	own := x.c.Loop().Take(512)
	return http.Piece{B: write(own[:0]), Own: own}
}

// Queued is the number of bytes not yet written (http.Wire).
func (x *work) Queued() int64 { return x.out.Queued() }

// Push writes what the client takes now (http.Wire).
func (x *work) Push(r *http.Request) (at loop.Time, err error) {
	if x.err != nil {
		return 0, x.err
	}
	limit := int64(1) << 62
	if r.Limited() {
		if limit, at = r.Allowance(x.out.Sent); at != 0 && x.out.Queued() > 0 {
			return at, nil
		}
	}
	core := r.Loc.Core
	chunk := core.SendfileMaxChunk
	if chunk == 0 {
		chunk = 1 << 30
	}
	before := x.out.Sent
	err = x.out.Write(x.t, manner{Limit: limit, Chunk: chunk, Sendfile: core.Sendfile, NoPush: core.TCPNoPush})
	if r.Debugs() && (x.out.Sent != before || x.out.Queued() > 0) {
		r.Debugf("writev: %d of %d", x.out.Sent-before, x.out.Sent-before+x.out.Queued())
	}
	if err == loop.ErrAgain {
		return 0, nil
	}
	if err != nil {
		x.fail(err)
		return 0, err
	}
	if x.out.Queued() > 0 && r.Limited() {
		_, at = r.Allowance(x.out.Sent)
	}
	return at, nil
}

// fail records that the client's connection is of no more use.
func (x *work) fail(err error) {
	if x.err == nil {
		x.err = err
	}
	x.out.Drop()
}

// Drain waits until nothing is queued (http.Wire).
func (x *work) Drain(r *http.Request) error {
	for {
		at, err := x.Push(r)
		if err != nil {
			return err
		}
		if x.out.Queued() == 0 {
			return nil
		}
		if at != 0 {
			w := loop.Wait{A: &x.c.Source, AWant: loop.Hup, Deadline: at} // who has left is not waited for
			err := x.t.Poll(&w)
			if err == nil {
				err = http.ErrLeft
			}
			if err != loop.ErrTimeout {
				x.fail(err)
				return err
			}
			continue
		}
		if x.c.Writable() { // it has had its chunk: the others come first
			if err := x.t.Sleep(0); err != nil {
				x.fail(err)
				return err
			}
			continue
		}
		w := loop.Wait{A: &x.c.Source, AWant: loop.Out, Deadline: x.t.After(r.Loc.Core.SendTimeout)}
		if err := x.t.Poll(&w); err != nil {
			x.fail(err)
			return err
		}
	}
}

// Source is the client's connection, which the request has to itself (http.Wire).
func (x *work) Source() *loop.Source { return &x.c.Source }

// Gone says that the client has closed its side (http.Wire).
func (x *work) Gone() bool { return x.err != nil || x.c.Hup() }

// Fail gives the client up (http.Wire).
func (x *work) Fail(err error) { x.fail(err) }

// Tunnel ends HTTP on the connection, which is the tunnel from now on (http.Wire).
func (x *work) Tunnel(r *http.Request) (client loop.End, left []byte) {
	x.tunnel = true
	r.KeepAlive = false
	if r.Loc.Core.TCPNoDelay {
		x.setNoDelay()
	}
	left = x.buf[x.r:x.w]
	x.r = x.w
	return x.c, left
}

// Count adds bytes that a tunnel has written to the client (http.Wire).
func (x *work) Count(n int64) { x.out.Sent += n }

var _ http.Wire = (*work)(nil)

var (
	crlf          = []byte("\r\n")
	lastChunk     = []byte("0\r\n\r\n")
	lastAfterData = []byte("\r\n0\r\n\r\n")
)
