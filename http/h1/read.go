package h1

import (
	"io"
	"time"

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
func (x *work) begin() headResult {
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
	x.headEnd, x.large, x.unframed = 0, 0, false
	return x.readHead(port, core.HeaderTimeout)
}

// readHead parses the request line and the fields, reading more as needed.
func (x *work) readHead(port *http.Port, timeout time.Duration) headResult {
	r := &x.req
	deadline := r.StartedAt.Add(timeout)
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
		if res := x.fill(deadline); res != headReady {
			return res
		}
	}
	if err := x.takeLine(port); err != nil {
		return x.refuseHead(err)
	}
	if r.Debugs() {
		x.debugLine()
	}
	if r.Version == http.HTTP09 {
		x.headDone()
		if r.HostName == nil {
			r.ChooseServer(port)
		}
		r.Doing = ""
		return headReady
	}
	r.Doing = "reading client request headers"
	for {
		done, err := x.parser.ParseFields(x.buf[:x.w])
		if fault := x.takeFields(port); fault != nil {
			return x.refuseQuietly(fault.Status())
		}
		if err != nil {
			return x.refuseHead(err)
		}
		if done {
			break
		}
		if res := x.fill(deadline); res != headReady {
			return res
		}
	}
	x.headDone()
	if r.Debugs() {
		r.Debugf("http header done")
	}
	res := x.checkFields(port)
	if res == headReady {
		r.Doing = ""
	}
	return res
}

func (x *work) headDone() {
	x.r = x.parser.Used()
	x.headEnd = x.r
	x.req.HeadSize = x.parser.Size()
}

// fill reads more of the head, into another buffer when this one is full.
func (x *work) fill(deadline loop.Time) headResult {
	if x.w == len(x.buf) && !x.nextBuffer() {
		switch {
		case x.req.Line == nil:
			return x.refuseHead(FaultURITooLong)
		case x.parser.AtFirstField():
			return x.refuseHead(FaultTooLarge)
		}
		return x.refuseHead(FaultFieldTooLong)
	}
	n, err := x.waitHead(deadline)
	if x.req.Debugs() {
		x.req.Debugf("recv: fd:%d %d of %d", x.c.FD(), n, len(x.buf)-x.w)
	}
	if err == nil {
		x.w += n
		return headReady
	}
	return x.loseHead(err)
}

// waitHead reads more of a head. Meanwhile the connection is one that is being read (stub_status).
func (x *work) waitHead(deadline loop.Time) (int, error) {
	counters, l := x.req.App.Counters, x.c.Loop()
	counters.Reading(l, 1)
	defer counters.Reading(l, -1)
	return x.c.Read(x.t, x.buf[x.w:], deadline)
}

// nextBuffer goes on in one of large_client_header_buffers of the server in charge, which Host may have changed: a line
// that does not fit in the rest of a buffer moves to it, and those before stay where they are. It reports false when
// the line does not fit there either, or there are no more buffers.
func (x *work) nextBuffer() bool {
	core := x.req.Server.Core
	at := x.parser.LineAt()
	line := x.buf[at:x.w]
	if len(line) == 0 && x.req.Line == nil { // nothing but empty lines so far
		x.parser.Move(at)
		x.w = 0
		return true
	}
	if len(line) >= int(core.LargeSize) || x.large >= core.LargeCount {
		return false
	}
	x.large++
	x.old = append(x.old, x.buf)
	x.buf = x.c.Loop().Take(int(core.LargeSize))
	x.w = copy(x.buf, line)
	x.parser.Move(at)
	return true
}

// loseHead ends a request whose head does not come: the client went away or took too long.
func (x *work) loseHead(err error) headResult {
	r := &x.req
	if r.Line == nil {
		r.Line = r.Copy(x.parser.Line(x.buf[:x.w]))
		r.Protocol = x.parser.Protocol(x.buf[:x.w])
	} else {
		r.HeadSize = x.parser.SizeTo(x.parser.Len())
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

// refuseHead answers a head that cannot be read.
func (x *work) refuseHead(err error) headResult {
	r := &x.req
	f, ok := err.(*http.Fault)
	if !ok {
		f = http.FaultRequest
	}
	if r.Line == nil {
		r.Line, r.Protocol = x.parser.Line(x.buf[:x.w]), x.parser.Protocol(x.buf[:x.w])
		if f != FaultMethod09 {
			r.Method = x.parser.Method // behind HEAD there is no body, whatever is wrong with the rest
		}
	} else if x.headEnd == 0 {
		r.HeadSize = x.parser.SizeTo(x.parser.Len())
	}
	r.KeepAlive = false
	x.unframed = true
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
func (x *work) takeLine(port *http.Port) error {
	r := &x.req
	p := &x.parser
	buf := x.buf[:x.w]
	r.Line = p.Line(buf)
	r.Method, r.Version, r.Protocol = p.Method, p.Version, p.Protocol(buf)
	r.MethodName = p.MethodName(buf)
	r.Target = p.Target(buf)
	r.Schema = p.Scheme(buf)
	r.Plain = p.AsSent()
	r.HeadSize = p.Size()
	if p.Version >= http.HTTP20 {
		return FaultVersion
	}
	if err := r.SetTarget(r.Target, p.Shape()); err != nil {
		return err
	}
	host := p.Authority(buf)
	if host == nil {
		return nil
	}
	switch err := r.AdmitHost(port, host); err {
	case nil, http.FaultMisdirected:
		return err
	default:
		return FaultLineHost
	}
}

// takeFields stores the header fields that were read since it was last called, in their order: with Host the request
// comes to its server, which rules over what follows.
func (x *work) takeFields(port *http.Port) *http.Fault {
	r := &x.req
	for i := range x.parser.Len() {
		f := x.parser.Field(x.buf[:x.w], i)
		if fault := r.AdmitField(port, &f); fault != nil {
			r.HeadSize = x.parser.SizeTo(i + 1)
			return fault
		}
	}
	x.parser.Forget()
	return nil
}

// refuseQuietly refuses a request whose fault was logged.
func (x *work) refuseQuietly(status int) headResult {
	x.req.KeepAlive = false
	x.unframed = true
	x.req.Refuse(status)
	return headBad
}

// checkFields reads the framing of the body, Connection and Expect.
func (x *work) checkFields(port *http.Port) headResult {
	r := &x.req
	if r.HostName == nil {
		r.ChooseServer(port)
	}
	if r.Version >= http.HTTP11 && !r.In.Has(field.Host) {
		return x.refuseHead(http.FaultNoHost)
	}
	kind, length, err := BodyFraming(r.In, r.Version)
	if f, bad := err.(*http.Fault); bad {
		r.Log(logs.Info, string(AppendFraming([]byte("client "), r.In, f)))
		return x.refuseQuietly(f.Status())
	}
	x.body = bodyReader{kind: kind, left: length, done: kind == BodyNone || kind == BodyLength && length == 0}
	switch kind {
	case BodyLength:
		r.Body.Length = length
	case BodyChunked:
		r.Body.Length, r.Body.Chunked = -1, true
		x.body.chunks.Strict()
	}
	r.AdmitExpect()
	x.body.expect = r.Body.Expect
	r.KeepAlive = x.wantsKeepAlive()
	return headReady
}

// wantsKeepAlive reads Connection; in HTTP/1.1 a connection is kept unless the client says otherwise.
func (x *work) wantsKeepAlive() bool {
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
