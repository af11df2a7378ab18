package proxy

import (
	"weir/cache"
	"weir/http"
	"weir/logs"
	"weir/loop"
)

// With proxy_cache_lock, those who wait for a response that another request fetches get it while it arrives: they read the file that is being
// written. Who fetches it writes more often then, and does not wait for any of them.

// publish lets others have what is stored while it arrives.
func (x *exchange) publish() {
	c, s := x.cache, &x.saved
	if !c.conf.Lock || !s.on {
		return
	}
	length := x.reply.length
	if x.r.IsHead() && !x.asGet {
		length = 0
	}
	c.flight = c.hold.Publish(c.entry, s.buf[:s.head], length)
}

// tellFlight writes what has come, for those who read along. The end of the body is written with the rest of the file.
func (x *exchange) tellFlight() {
	c, s := x.cache, &x.saved
	if c == nil || c.flight == nil || x.bodyEnd || s.on && s.n == 0 {
		return
	}
	if s.on && s.flush(x) {
		c.flight.Grow(s.file.FD(), s.size)
	} else {
		x.endFlight(false)
	}
}

// endFlight ends what publish has begun; the entry is still held.
func (x *exchange) endFlight(ok bool) {
	c := x.cache
	if c == nil || c.flight == nil || c.reading {
		return
	}
	if ok {
		c.flight.Grow(x.saved.file.FD(), x.saved.size)
	}
	c.flight.End(ok)
	c.flight = nil
}

// join takes part in the fetch of another request, when that is of the response that is asked for.
func (x *exchange) join() bool {
	c := x.cache
	f, lockEnd := c.hold.Join(c.text)
	if f == nil {
		return false
	}
	if len(f.Header.Vary) > 0 && x.variant(f.Header.Vary) != f.Header.Variant {
		f.Leave()
		c.hold.Refuse()
		return false
	}
	c.flight, c.reading, c.lockEnd = f, true, lockEnd
	return true
}

// leave ends what join has begun.
func (c *caching) leave() {
	if c.reading {
		c.flight.Leave()
		c.flight, c.reading = nil, false
	}
}

// readAlong answers with a response while another request fetches it. ok is false when nothing of it is to be had: the caller goes on as if it
// had not been there.
func (x *exchange) readAlong() (v http.Verdict, ok bool) {
	c, r := x.cache, x.r
	defer c.leave()
	x.freeCache()
	p, err := x.awaitFlight(0, earliest(c.waitUntil, c.lockEnd))
	switch err {
	case nil:
	case loop.ErrTimeout: // who fetches it takes too long
		if c.unlocked = r.Task.Now() >= c.waitUntil; c.unlocked {
			r.Log(logs.Info, "cache lock timeout")
		}
		return http.Next, false
	default:
		return http.StatusClientClosed, true
	}
	if p.Failed || !x.loadFlight() { // nothing was sent of it yet: ask for oneself
		return http.Next, false
	}
	if x.reply.redirect != nil {
		return x.accelRedirect(), true
	}
	x.copyHead()
	if v := r.SendHead(); v != http.Next {
		return v, true
	}
	return x.followFlight(p), true
}

// loadFlight makes the head of the flight the response's.
func (x *exchange) loadFlight() bool {
	c, f := x.cache, x.cache.flight
	c.serving, c.status = true, cacheHit
	c.entry, c.path = f.Header, c.zone.Path(c.key)
	r := x.r
	r.Loop().Give(x.buf)
	x.buf = r.Loop().Take(max(len(f.Head), 1))
	copy(x.buf, f.Head)
	x.call.restart()
	x.proto.restart(&x.call)
	x.end = len(f.Head)
	if x.proto.parseHead(&x.call) != headDone || !x.readFields() || !x.proto.startBody(&x.call) {
		r.Logf(logs.Crit, "cache file \"%s\" %s", c.path, cache.InvalidHeader)
		c.serving, c.status = false, cacheMiss
		return false
	}
	x.judgeResponse()
	return true
}

// awaitFlight waits for more than have bytes of the body, or for its end; loop.ErrTimeout when the deadline comes first, unless it is 0.
func (x *exchange) awaitFlight(have int64, deadline loop.Time) (p cache.Progress, err error) {
	c, r := x.cache, x.r
	for {
		if p = c.flight.Progress(have, &c.signal); p.Size > have || p.Over {
			return p, nil
		}
		w := loop.Wait{Signal: &c.signal, B: r.Wire.Source(), BWant: loop.Hup, Deadline: deadline}
		err = r.Task.Poll(&w)
		c.flight.Forget(&c.signal)
		if err == nil && w.BGot&loop.Hup != 0 && r.Wire.Gone() {
			err = errGone
		}
		if err != nil {
			return p, err
		}
	}
}

// followFlight sends the body as far as it is there, and what comes.
func (x *exchange) followFlight(p cache.Progress) http.Verdict {
	c, r := x.cache, x.r
	r.Doing = "sending to client"
	for sent := int64(0); ; {
		x.pieces = x.pieces[:0]
		if n := p.Size - sent; n > 0 {
			x.pieces = append(x.pieces, http.File(p.FD, c.flight.Body+sent, n))
			sent = p.Size
		}
		if p.Over && !p.Failed {
			return r.SendAll(x.pieces)
		}
		if r.Send(x.pieces, http.Flush) != nil || r.Drain() != nil || r.Out.Ended {
			return http.Done
		}
		if p.Over {
			r.Log(logs.Error, "the request that was fetching the response has failed")
			r.KeepAlive, r.Out.Cut = false, true
			return http.Done
		}
		var err error
		if p, err = x.awaitFlight(sent, 0); err != nil {
			x.failWire(err)
			return http.StatusClientClosed
		}
	}
}
