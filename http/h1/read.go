package h1

import (
	"io"

	"weir/http"
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
	core := port.DefaultServer(x.c).Core
	if x.buf == nil {
		x.buf = x.c.Loop().Take(int(core.HeaderBuffer))
	}
	pipelined := x.w > 0
	if !pipelined {
		n, err := x.c.TryRead(x.buf)
		switch err {
		case nil:
			x.w = n
		case loop.ErrAgain:
			return headIdle
		case io.EOF:
			return headGone
		default:
			c.logIdle("recv() failed " + string(logs.AppendErrno(nil, err)))
			return headGone
		}
	}
	c.first = false
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
	x.parser.MaxFields = core.MaxHeaders
	return x.readHead(port, core)
}

// readHead parses the request line and the fields, reading more as needed.
func (x *exchange) readHead(port *http.Port, core *http.ServerCore) headResult {
	r := &x.req
	deadline := r.StartedAt.Add(core.HeaderTimeout)
	r.Doing = "reading client request line"
	for {
		done, err := x.parser.ParseLine(x.buf[:x.w])
		if err != nil {
			return x.refuseHead(err)
		}
		if done {
			break
		}
		if res := x.fill(core, deadline); res != headReady {
			return res
		}
	}
	if err := x.takeLine(core); err != nil {
		return x.refuseHead(err)
	}
	if r.Version == http.HTTP09 {
		x.headDone()
		return x.admitted(port)
	}
	r.Doing = "reading client request headers"
	for {
		done, err := x.parser.ParseFields(x.buf[:x.w])
		if err != nil {
			return x.refuseHead(err)
		}
		if done {
			break
		}
		if res := x.fill(core, deadline); res != headReady {
			return res
		}
	}
	if !x.fits(core) {
		return x.refuseHead(FaultFieldTooLong)
	}
	x.takeLineAgain(core)
	x.headDone()
	if res := x.takeFields(core); res != headReady {
		return res
	}
	return x.admitted(port)
}

func (x *exchange) admitted(port *http.Port) headResult {
	r := &x.req
	r.Doing = ""
	r.ChooseServer(port)
	return headReady
}

func (x *exchange) headDone() {
	x.r = x.parser.Used()
	x.headEnd = x.r
	x.req.HeadSize = x.parser.Size()
}

// fill reads more of the head, into a larger buffer when this one is full.
func (x *exchange) fill(core *http.ServerCore, deadline loop.Time) headResult {
	if x.w == len(x.buf) && !x.enlarge(core) {
		if x.req.Line == nil {
			return x.refuseHead(FaultURITooLong)
		}
		return x.refuseHead(FaultTooLarge)
	}
	if !x.fits(core) {
		return x.refuseHead(FaultFieldTooLong)
	}
	n, err := x.c.Read(x.t, x.buf[x.w:], deadline)
	if err == nil {
		x.w += n
		return headReady
	}
	r := &x.req
	if !x.parser.Begun() {
		return headGone // empty lines and nothing behind them
	}
	if r.Line == nil {
		r.Line = r.Copy(x.parser.Line(x.buf[:x.w]))
	}
	r.HeadSize = x.w
	x.r = x.w
	status := 400
	switch err {
	case loop.ErrTimeout:
		status = 408
		r.LogErr(logs.Info, nil, "client timed out")
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
	return true
}

// refuseHead answers a head that cannot be read.
func (x *exchange) refuseHead(err error) headResult {
	r := &x.req
	f, ok := err.(Fault)
	if !ok {
		f = FaultRequest
	}
	if r.Line == nil {
		r.Line = x.parser.Line(x.buf[:x.w])
	}
	r.HeadSize = x.w
	r.KeepAlive = false
	b := append(make([]byte, 0, 256), "client "...)
	r.Log(logs.Info, string(x.parser.AppendFault(b, x.buf[:x.w], f)))
	if r.Version == 0 {
		r.Version = http.HTTP10
	}
	r.Refuse(f.Status())
	return headBad
}

// takeLine stores what the request line said.
func (x *exchange) takeLine(core *http.ServerCore) error {
	r := &x.req
	p := &x.parser
	buf := x.buf[:x.w]
	x.takeLineAgain(core)
	if p.Version >= http.HTTP20 {
		return FaultVersion
	}
	if host := p.Authority(buf); host != nil {
		name, port, err := ValidateHost(r.Alloc(len(host))[:0], host)
		if err != nil {
			return FaultLineHost
		}
		r.HostName, r.HostPort = name, port
	}
	var err error
	var dst []byte
	if p.NeedsRoom() {
		dst = r.Alloc(len(r.Target) + 1)[:0]
	}
	r.URI, r.Args, r.Exten, err = p.URI(dst, buf, core.MergeSlashes)
	return err
}

// takeLineAgain takes the parts of the request line from the buffer, which may have moved.
func (x *exchange) takeLineAgain(core *http.ServerCore) {
	r := &x.req
	p := &x.parser
	buf := x.buf[:x.w]
	moved := len(r.Line) > 0 && &r.Line[0] != &p.Line(buf)[0]
	r.Line = p.Line(buf)
	r.Method, r.Version = p.Method, p.Version
	r.MethodName = p.MethodName(buf)
	r.Target = p.Target(buf)
	r.Schema = p.Scheme(buf)
	r.Plain = p.AsSent()
	r.Escaped = p.NeedsRoom()
	if moved && !p.NeedsRoom() {
		r.URI, r.Args, r.Exten, _ = p.URI(nil, buf, core.MergeSlashes)
	} else if moved {
		r.URI, r.Args, r.Exten, _ = p.URI(r.Alloc(len(r.Target) + 1)[:0], buf, core.MergeSlashes)
	}
}

// takeFields stores the header fields and settles what they say about the exchange itself.
func (x *exchange) takeFields(core *http.ServerCore) headResult {
	r := &x.req
	buf := x.buf[:x.w]
	all := x.parser.Fields(buf, r.In[:0])
	kept := all[:0]
	for i := range all {
		f := all[i]
		if core.IgnoreInvalid && !f.Valid(core.Underscores) {
			r.Log(logs.Info, "client sent invalid header line: \""+string(f.Name)+": "+string(f.Value)+"\"")
			continue
		}
		if Unique(f.ID) {
			if prev := kept.Find(f.ID); prev != nil {
				r.In = kept
				r.Log(logs.Info, string(AppendDuplicate([]byte("client "), &f, prev)))
				return x.refuseQuietly(400)
			}
		}
		kept = append(kept, f)
	}
	r.In = kept
	return x.settleFields()
}

// refuseQuietly refuses a request whose fault was logged.
func (x *exchange) refuseQuietly(status int) headResult {
	x.req.KeepAlive = false
	x.req.Refuse(status)
	return headBad
}

// settleFields reads Host, the framing of the body, Connection and Expect.
func (x *exchange) settleFields() headResult {
	r := &x.req
	host := r.In.Find(http.HdrHost)
	if host == nil && r.Version >= http.HTTP11 {
		return x.refuseHead(FaultNoHost)
	}
	if host != nil {
		name, port, err := ValidateHost(r.Alloc(len(host.Value))[:0], host.Value)
		if err != nil {
			return x.refuseHead(FaultHost)
		}
		if r.HostName == nil {
			r.HostName, r.HostPort = name, port
		}
	}
	kind, length, err := BodyFraming(r.In, r.Version)
	if f, bad := err.(Fault); bad {
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
	if expect := r.In.Get(http.HdrExpect); expect != nil {
		x.body.expect = http.EqualFold(expect, "100-continue")
		r.Body.Expect = x.body.expect
	}
	r.Linger = !x.body.done
	r.KeepAlive = x.wantsKeepAlive()
	return headReady
}

// wantsKeepAlive reads Connection; in HTTP/1.1 a connection is kept unless the client says otherwise.
func (x *exchange) wantsKeepAlive() bool {
	r := &x.req
	keep := r.Version >= http.HTTP11
	for i := range r.In {
		if r.In[i].ID != http.HdrConnection {
			continue
		}
		switch {
		case HasToken(r.In[i].Value, "close"):
			return false
		case HasToken(r.In[i].Value, "keep-alive"):
			keep = true
		}
	}
	return keep
}
