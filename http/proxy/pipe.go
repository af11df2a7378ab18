package proxy

import (
	"time"

	"weir/conf"
	"weir/http"
	"weir/loop"
)

// A pipe carries a response's body from the peer to the client with buffering on: it reads as fast as
// the peer sends, whatever the client takes. What the client does not take waits in the wire's queue,
// as far as proxy_buffers go, and then in a temporary file:
//
//	peer ─→ raw ─→ memory ────────────────→ wire's queue ─→ client
//	            └→ file ─→ piece of file ─┘
//
// While there is anything in the file, all goes through it, so that the order is kept. As in nginx,
// bytes stay in raw until they fill one of proxy_buffers or may be the end of the body: a peer that
// writes little by little costs the client's side nothing.
type pipe struct {
	x   *exchange
	raw []byte // what is being read into
	at  int    // raw[at:end] was read and not passed on
	end int
	own bool // raw is to be given away, or back

	alone  bool // the client was lost, and the body is read for its own sake
	filing bool // the client is behind: what comes goes to the file
	file   *http.TempFile
	given  int64 // bytes of file that the wire was given

	rate  int64     // proxy_limit_rate, bytes a second; 0: no limit
	began loop.Time // of the limit
	read  int64
	later loop.Time // the peer is not read from before; 0: it may be

	heard loop.Time // when the peer last sent something
	wrote loop.Time // when the client last took something
}

// pipe passes the body on with buffering.
func (x *exchange) pipe() http.Verdict {
	x.r.Doing = "reading upstream"
	now := x.r.Task.Now()
	p := pipe{x: x, raw: x.buf, at: x.at, end: x.end, began: now, heard: now, wrote: now}
	p.read = int64(x.end - x.at)
	x.cur().length = p.read
	x.at = x.end
	x.pieces = x.pieces[:0]
	if x.bodyEnd {
		_ = p.use()
		return x.last()
	}
	if text := x.conf.LimitRate; text != nil {
		p.rate, _ = conf.ParseSize(string(x.r.Text(text)))
	}
	v := p.run()
	if p.own {
		x.r.Loop().Give(p.raw)
	}
	return v
}

// run moves bytes until the peer has sent all of them.
func (p *pipe) run() http.Verdict {
	x := p.x
	for {
		more, err := p.fill()
		if err == nil && len(x.pieces) > 0 && !x.bodyEnd {
			err = p.pass()
		}
		switch {
		case err == errClient:
			return p.lost()
		case err != nil:
			return p.broken(err)
		case x.bodyEnd:
			return p.finish()
		}
		at, err := p.drain()
		if err != nil {
			return p.lost()
		}
		if more {
			continue
		}
		if v := p.wait(at); v != http.Next {
			return v
		}
	}
}

// broken passes on what was read before the peer's connection ended, well or not.
func (p *pipe) broken(err error) http.Verdict {
	if err != errFraming && p.use() != nil {
		err = errFraming
	}
	p.giveFile()
	return p.x.broken("readv()", err)
}

// finish sends the last pieces, which may have to go behind what is in the file.
func (p *pipe) finish() http.Verdict {
	if p.filing && p.given < p.file.Size {
		if len(p.x.pieces) > 0 && p.spill() != nil {
			return p.x.cut()
		}
		p.giveFile()
	}
	return p.x.last()
}

// fill reads what the peer has sent, as far as there is room, and makes pieces of it when there is
// enough. more says that there may be more to be read at once.
func (p *pipe) fill() (more bool, err error) {
	x := p.x
	c := x.link.Conn
	x.pieces = x.pieces[:0]
	if p.ripe() {
		return true, p.use()
	}
	if !c.Readable() {
		return false, nil
	}
	want := p.room()
	if want <= 0 {
		return false, nil
	}
	x.r.Doing = "reading upstream"
	if p.end == len(p.raw) { // also when the head alone has filled what it was read into
		size := max(x.conf.Buffers.Size, min(x.proto.want(), chunkSize))
		p.raw, p.at, p.end, p.own = x.r.Loop().Take(int(size)), 0, 0, true
	}
	n, err := c.TryRead(p.raw[p.end:min(len(p.raw), p.end+want)])
	if err != nil {
		if err == loop.ErrAgain {
			err = nil
		}
		return false, err
	}
	x.debugRecv(n, len(p.raw)-p.end)
	p.end += n
	p.got(n)
	if p.ripe() {
		err = p.use()
	}
	return c.Readable() && p.later == 0, err
}

// ripe says that what was read is worth passing on.
func (p *pipe) ripe() bool {
	n := int64(p.end - p.at)
	return n > 0 && (p.end == len(p.raw) || n >= p.x.conf.Buffers.Size || n >= p.x.proto.want())
}

// use makes pieces of what was read. A large buffer with little in it is not left to a client that is
// behind.
func (p *pipe) use() error {
	data, own := p.raw[p.at:p.end], p.raw
	if !p.own {
		own = nil
	} else if n := len(data); n < len(own)/4 && p.x.r.Wire.Queued() > 0 {
		small := p.x.r.Loop().Take(n)
		copy(small, data)
		p.x.r.Loop().Give(own)
		data, own = small[:n], small
	}
	p.raw, p.at, p.end, p.own = nil, 0, 0, false
	return p.x.take(data, own)
}

// got counts n bytes of the peer and sees to proxy_limit_rate.
func (p *pipe) got(n int) {
	t := p.x.cur()
	t.received += int64(n)
	t.length += int64(n)
	p.read += int64(n)
	p.heard = p.x.r.Task.Now()
	if p.rate > 0 {
		if d := time.Duration(int64(n)*1000/p.rate) * time.Millisecond; d > 0 {
			p.later = p.heard.Add(d)
		}
	}
}

// room is how many bytes may be read now: none when the client is behind and neither memory nor the
// file may take more, or when proxy_limit_rate forbids it.
func (p *pipe) room() int {
	x := p.x
	n := int64(chunkSize)
	if p.rate > 0 {
		if n = min(n, p.allowance()); n <= 0 {
			return 0
		}
	}
	if p.alone {
		return int(n)
	}
	z := &x.h.sizes
	if !p.filing {
		free := z.memory - x.r.Wire.Queued()
		switch {
		case free > 0:
			return int(min(n, free))
		case z.temp == 0, p.file != nil && p.file.Size >= z.temp:
			return 0
		}
		p.filing = true
	}
	if p.file != nil {
		n = min(n, z.temp-p.file.Size)
	}
	return int(n)
}

// allowance is how many bytes proxy_limit_rate allows now.
func (p *pipe) allowance() int64 {
	now := p.x.r.Task.Now()
	if p.later > now {
		return 0
	}
	p.later = 0
	n := p.rate*(int64(now.Sub(p.began)/time.Second)+1) - p.read
	if n <= 0 {
		p.later = now.Add(time.Duration(-n*1000/p.rate+1) * time.Millisecond)
	}
	return n
}

// pass sends the pieces on: to the wire, or to the file when the client is behind.
func (p *pipe) pass() error {
	if p.filing {
		return p.spill()
	}
	return p.send()
}

// send gives the pieces to the wire and notices whether the client took anything.
func (p *pipe) send() error {
	x := p.x
	queued := x.r.Wire.Queued()
	for i := range x.pieces {
		queued += x.pieces[i].Size()
	}
	err := x.r.Send(x.pieces, http.Flush)
	x.pieces = x.pieces[:0]
	if x.r.Wire.Queued() < queued {
		p.wrote = x.r.Task.Now()
	}
	if err != nil {
		return errClient
	}
	return nil
}

// drain has the wire write what the client takes, and gives it of the file when it has nothing else.
func (p *pipe) drain() (at loop.Time, err error) {
	x := p.x
	r := x.r
	queued := r.Wire.Queued()
	if queued > 0 {
		if at, err = r.Wire.Push(r); err != nil {
			return 0, err
		}
		if r.Wire.Queued() < queued {
			p.wrote = r.Task.Now()
		}
	}
	if !p.filing || r.Wire.Queued() > 0 {
		return at, nil
	}
	if p.file == nil || p.given == p.file.Size {
		p.filing = false
		return 0, nil
	}
	x.pieces = x.pieces[:0]
	p.giveFile()
	if err := p.send(); err != nil {
		return 0, err
	}
	return p.drain()
}

// wait waits for the peer, if there is room for what it sends, and for the client, if it has something
// to take.
func (p *pipe) wait(at loop.Time) http.Verdict {
	x := p.x
	opt := x.conf
	var peer, client loop.Ready
	var peerEnd, clientEnd loop.Time
	if p.room() > 0 {
		peer, peerEnd = loop.In, p.heard.Add(opt.ReadTimeout)
	}
	if x.r.Wire.Queued() > 0 && at == 0 {
		client, clientEnd = loop.Out, p.wrote.Add(x.r.Loc.Core.SendTimeout)
	}
	err := x.wait(peer, client, earliest(peerEnd, clientEnd, at, p.later))
	switch err {
	case nil:
		return http.Next
	case errGone:
		return x.lostClient(errGone)
	case loop.ErrTimeout:
	default:
		return x.lostClient(err)
	}
	now := x.r.Task.Now()
	switch {
	case clientEnd != 0 && now >= clientEnd:
		x.tellSlowClient()
		if x.store.on {
			x.failWire(loop.ErrTimeout)
			return p.lost()
		}
		return x.lostClient(loop.ErrTimeout)
	case peerEnd != 0 && now >= peerEnd:
		x.pieces = x.pieces[:0]
		p.giveFile()
		return x.slowPeer()
	}
	return http.Next
}

// earliest is the first of some moments, 0 standing for never.
func earliest(at ...loop.Time) (first loop.Time) {
	for _, t := range at {
		if t != 0 && (first == 0 || t < first) {
			first = t
		}
	}
	return first
}
