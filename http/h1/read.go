package h1

import (
	"io"

	"golang.org/x/sys/unix"

	"weir/http"
	"weir/http/field"
	"weir/logs"
	"weir/loop"
)

// headResult is what came of waiting for a request.
type headResult uint8

const (
	headReady headResult = iota // a request is there
	headBad                     // there was one, and it was refused
	headIdle                    // nothing came yet
	headGone                    // the client went away
)

// begin reads the head of the next request into x.req.
func (x *exchange) begin() headResult {
	c := x.conn
	port := c.client.Socket.Port()
	r := &x.req
	server := port.DefaultServer(&c.client)
	core := server.Core
	c.debug = c.client.Debug || server.Root.Debugs()
	if x.buf == nil {
		x.buf = x.c.Loop().Take(int(core.HeaderBuffer))
	}
	pipelined := x.w > 0 && !x.preloaded
	x.preloaded = false
	if x.w == 0 {
		n, err := x.c.TryRead(x.buf)
		if c.debug && err != loop.ErrAgain {
			x.debugBegin(n)
		}
		switch err {
		case nil:
			x.w = n
		case loop.ErrAgain:
			return headIdle
		case io.EOF:
			c.logClosed()
			return headGone
		default:
			if c.first {
				c.logIdle("recv() failed " + string(logs.AppendErrno(nil, err)))
			}
			return headGone
		}
	}
	c.first = false
	c.until = x.c.Loop().Now()
	r.Reset()
	r.Task, r.Wire, r.Client = x.t, x, &c.client
	r.Pipelined = pipelined
	r.StartedAt = x.c.Loop().Now()
	r.Out.ContentLength, r.Out.LastModified = -1, -1
	c.client.Requests++
	r.Bind(port)
	x.out.Reset(x.c)
	x.body = bodyReader{done: true}
	x.parser.Reset(0)
	x.parser.MaxLine = int(max(core.LargeSize, core.HeaderBuffer))
	return x.readHead(port, core)
}

// readHead parses the request line and the fields, reading more as needed.
func (x *exchange) readHead(port *http.Port, core *http.ServerCore) headResult {
	r := &x.req
	deadline := r.StartedAt.Add(core.HeaderTimeout)
	r.Doing = "reading client request line"
	if r.Pipelined {
		r.Doing = "reading client pipelined request line"
	}
	for {
		done, err := x.parser.ParseLine(x.buf[:x.w])
		if err != nil {
			return x.refuseHead(err)
		}
		if done {
			break
		}
		if res := x.fill(port, core, deadline); res != headReady {
			return res
		}
	}
	if err := x.takeLine(port, core); err != nil {
		return x.refuseHead(err)
	}
	if r.Debugs() {
		x.debugLine()
	}
	if r.Version == http.HTTP09 {
		x.headDone()
		return x.admitted(port)
	}
	r.Doing = "reading client request headers"
	for {
		done, err := x.parser.ParseFields(x.buf[:x.w])
		if err == nil && done && !x.fits(core) {
			err = FaultFieldTooLong
		}
		if err != nil {
			return x.refuseFields(port, core, err)
		}
		if done {
			break
		}
		if res := x.fill(port, core, deadline); res != headReady {
			return res
		}
	}
	x.takeLineAgain(core)
	x.headDone()
	if res := x.takeFields(port); res != headReady {
		return res
	}
	if r.Debugs() {
		r.Debugf("http header done")
	}
	if res := x.settleFields(); res != headReady {
		return res
	}
	return x.admitted(port)
}

// refuseFields refuses a head for what is wrong in its fields; those before the fault count.
func (x *exchange) refuseFields(port *http.Port, core *http.ServerCore, err error) headResult {
	x.takeLineAgain(core)
	x.req.HeadSize = x.parser.SizeTo(x.parser.Len())
	if res := x.takeFields(port); res != headReady {
		return res
	}
	return x.refuseHead(err)
}

func (x *exchange) admitted(port *http.Port) headResult {
	r := &x.req
	r.Doing = ""
	if r.HostName == nil {
		r.ChooseServer(port)
	}
	return headReady
}

func (x *exchange) headDone() {
	x.r = x.parser.Used()
	x.headEnd = x.r
	x.req.HeadSize = x.parser.Size()
}

// fill reads more of the head, into a larger buffer when this one is full.
func (x *exchange) fill(port *http.Port, core *http.ServerCore, deadline loop.Time) headResult {
	if x.w == len(x.buf) && !x.enlarge(core) {
		if x.req.Line == nil {
			return x.refuseHead(FaultURITooLong)
		}
		return x.refuseFields(port, core, FaultTooLarge)
	}
	if !x.fits(core) {
		return x.refuseFields(port, core, FaultFieldTooLong)
	}
	n, err := x.c.Read(x.t, x.buf[x.w:], deadline)
	if x.req.Debugs() {
		x.req.Debugf("recv: fd:%d %d of %d", x.c.FD(), n, len(x.buf)-x.w)
	}
	if err == nil {
		x.w += n
		return headReady
	}
	return x.loseHead(port, core, err)
}

// loseHead ends a request whose head does not come: the client went away or took too long.
func (x *exchange) loseHead(port *http.Port, core *http.ServerCore, err error) headResult {
	r := &x.req
	if r.Line == nil {
		r.Line = r.Copy(x.parser.Line(x.buf[:x.w]))
	} else {
		x.takeLineAgain(core)
		r.HeadSize = x.parser.SizeTo(x.parser.Len())
		if res := x.takeFields(port); res != headReady {
			return res
		}
	}
	x.r = x.w
	status := 400
	switch err {
	case loop.ErrTimeout:
		status = 408
		r.LogErr(logs.Info, unix.ETIMEDOUT, "client timed out")
	case io.EOF:
		r.Log(logs.Info, "client prematurely closed connection")
	case loop.ErrStopped:
	default:
		r.LogErr(logs.Info, err, "recv() failed")
	}
	x.err = err
	r.Abandon(status)
	return headBad
}

// fits holds the head against the buffers that nginx would have for it: lines are not split, and a line
// that does not fit in the rest of a buffer takes one of large_client_header_buffers.
func (x *exchange) fits(core *http.ServerCore) bool {
	if x.w <= int(core.HeaderBuffer) {
		return true
	}
	begin, size, large := 0, int(core.HeaderBuffer), 0
	buf := x.buf[:x.w]
	at := 0
	for i := 0; i <= x.parser.Len(); i++ {
		next := x.parser.LineAt()
		if i < x.parser.Len() {
			next = cap(buf) - cap(x.parser.FieldText(buf, i))
		}
		if next-begin > size {
			large++
			begin, size = at, int(core.LargeSize)
		}
		at = next
	}
	if x.w-begin > size {
		large++
	}
	return large <= core.LargeCount
}

// enlarge moves the head to a larger buffer: as large as large_client_header_buffers allow in all.
func (x *exchange) enlarge(core *http.ServerCore) bool {
	most := int(core.HeaderBuffer) + core.LargeCount*int(core.LargeSize)
	size := len(x.buf) * 2
	if size < int(core.LargeSize) {
		size = int(core.LargeSize)
	}
	size = min(size, most)
	if size <= len(x.buf) {
		return false
	}
	bigger := x.c.Loop().Take(size)
	copy(bigger, x.buf[:x.w])
	x.c.Loop().Give(x.buf)
	x.buf = bigger
	if x.req.Line != nil {
		x.takeLineAgain(core) // a log line may be written before the head is whole
	}
	return true
}

// refuseHead answers a head that cannot be read.
func (x *exchange) refuseHead(err error) headResult {
	r := &x.req
	f, ok := err.(*http.Fault)
	if !ok {
		f = http.FaultRequest
	}
	if r.Line == nil {
		r.Line, r.Protocol = x.parser.Line(x.buf[:x.w]), x.parser.Protocol(x.buf[:x.w])
	}
	r.KeepAlive = false
	b := append(make([]byte, 0, 256), "client "...)
	r.Log(logs.Info, string(x.parser.AppendFault(b, x.buf[:x.w], f)))
	if f == FaultMethod09 {
		r.Version = http.HTTP09
	}
	if r.Version == 0 {
		r.Version = http.HTTP10
	}
	r.Refuse(f.Status())
	return headBad
}

// takeLine stores what the request line said.
func (x *exchange) takeLine(port *http.Port, core *http.ServerCore) error {
	r := &x.req
	p := &x.parser
	buf := x.buf[:x.w]
	x.takeLineAgain(core)
	r.HeadSize = p.Size()
	if p.Version >= http.HTTP20 {
		return FaultVersion
	}
	if err := r.SetTarget(r.Target, p.Shape()); err != nil {
		return err
	}
	if host := p.Authority(buf); host != nil && r.AdmitHost(port, host) != nil {
		return FaultLineHost
	}
	return nil
}

// takeLineAgain takes the parts of the request line from the buffer, which may have moved.
func (x *exchange) takeLineAgain(core *http.ServerCore) {
	r := &x.req
	p := &x.parser
	buf := x.buf[:x.w]
	moved := len(r.Line) > 0 && &r.Line[0] != &p.Line(buf)[0]
	r.Line = p.Line(buf)
	r.Method, r.Version, r.Protocol = p.Method, p.Version, p.Protocol(buf)
	r.MethodName = p.MethodName(buf)
	r.Target = p.Target(buf)
	r.Schema = p.Scheme(buf)
	r.Plain = p.AsSent()
	if moved {
		_ = r.SetTarget(r.Target, p.Shape())
	}
}

// takeFields stores the header fields that were read, in their order: with Host the request comes to its
// server, which rules over what follows.
func (x *exchange) takeFields(port *http.Port) headResult {
	r := &x.req
	r.In = r.In[:0]
	for i := range x.parser.Len() {
		f := x.parser.Field(x.buf[:x.w], i)
		if fault := r.AdmitField(port, &f); fault != nil {
			r.HeadSize = x.parser.SizeTo(i + 1)
			return x.refuseQuietly(fault.Status())
		}
	}
	return headReady
}

// refuseQuietly refuses a request whose fault was logged.
func (x *exchange) refuseQuietly(status int) headResult {
	x.req.KeepAlive = false
	x.req.Refuse(status)
	return headBad
}

// settleFields reads the framing of the body, Connection and Expect.
func (x *exchange) settleFields() headResult {
	r := &x.req
	if r.Version >= http.HTTP11 && !r.In.Has(field.Host) {
		return x.refuseHead(http.FaultNoHost)
	}
	kind, length, err := BodyFraming(r.In, r.Version)
	if f, bad := err.(*http.Fault); bad {
		r.Log(logs.Info, string(AppendFraming([]byte("client "), r.In, f, false)))
		return x.refuseQuietly(f.Status())
	}
	x.body = bodyReader{kind: kind, left: length, done: kind == BodyNone || kind == BodyLength && length == 0}
	switch kind {
	case BodyLength:
		r.Body.Length = length
	case BodyChunked:
		r.Body.Length, r.Body.Chunked = -1, true
	}
	r.AdmitExpect()
	x.body.expect = r.Body.Expect
	r.Linger = !x.body.done
	r.KeepAlive = x.wantsKeepAlive()
	return headReady
}

// wantsKeepAlive reads Connection; in HTTP/1.1 a connection is kept unless the client says otherwise.
func (x *exchange) wantsKeepAlive() bool {
	r := &x.req
	keep := r.Version >= http.HTTP11
	for i := range r.In {
		if r.In[i].ID != field.Connection {
			continue
		}
		switch {
		case field.HasToken(r.In[i].Value, "close"):
			return false
		case field.HasToken(r.In[i].Value, "keep-alive"):
			keep = true
		}
	}
	return keep
}
