package proxy

import (
	"weir/cache"
	"weir/http"
	"weir/logs"
	"weir/loop"
)

// fromCache answers with what open has found, as far as that is an answer. Otherwise a peer is asked.
func (x *exchange) fromCache(o opened) (v http.Verdict, done bool) {
	c, r := x.cache, x.r
	old := (c.conf.stale(faultUpdating) || c.mayUpdate) && !r.Background()
	switch {
	case o == openFailed:
		x.freeCache()
		return http.StatusInternal, true
	case o == openHit:
		c.status = cacheHit
	case o == openStale && old && c.conf.Background:
		c.status, c.background = cacheStale, true
	case o == openUpdating && old:
		c.status = cacheUpdating
	case o == openStale, o == openUpdating:
		c.expire(r)
		return http.Next, false
	case o == openError:
		c.status = cacheHit
		status := c.hold.Error
		x.freeCache()
		return http.Verdict(status), true
	default:
		c.store = o != openScarce
		return http.Next, false
	}
	v, ok := x.sendCached()
	if !ok {
		c.status, c.background, c.serving = cacheMiss, false, false
		c.fresh = fresh{}
		return http.Next, false
	}
	return v, true
}

// expire makes ready to fetch an entry anew that is too old. What it would take to answer with it is kept.
func (c *caching) expire(r *http.Request) {
	c.status = cacheExpired
	c.entry.ETag, c.entry.Vary = r.Copy(c.entry.ETag), r.Copy(c.entry.Vary) // their memory is used for the head, if it comes to that
	c.entry.ValidSec, c.entry.UpdatingSec, c.entry.ErrorSec = 0, 0, 0
	c.fresh = fresh{}
}

// sendCached answers with the entry. ok is false, and it was logged, when it cannot.
func (x *exchange) sendCached() (v http.Verdict, ok bool) {
	if !x.loadCached() {
		return http.Next, false
	}
	return x.answerCached(), true
}

// loadCached makes the head of the entry the response's. It reports false, and has logged why, when it has no valid head.
func (x *exchange) loadCached() bool {
	c, r := x.cache, x.r
	c.serving = true
	x.useStored()
	x.call.restart()
	x.proto.restart(&x.call)
	if p, ok := x.proto.(*http2); ok {
		p.begin()
	}
	x.end = int(c.entry.BodyStart) - int(c.entry.HeaderStart)
	c.fresh = fresh{validSec: c.validSec, updatingSec: c.updatingSec, errorSec: c.errorSec}
	fault := cache.Fault("")
	body := c.bodySize()
	switch {
	case x.proto.parseHead(&x.call) != headDone, !x.readFields(), !x.proto.startBody(&x.call):
		fault = cache.InvalidHeader
	case x.reply.length >= 0 && x.reply.length != body && !(r.IsHead() && body == 0) && x.reply.status != 304:
		fault = cache.WrongLength
	default:
		x.judgeResponse()
		return true
	}
	r.Logf(logs.Crit, "cache file \"%s\" %s", c.path, fault)
	c.serving = false
	r.Loop().Give(x.buf)
	x.buf = nil
	return false
}

// answerCached sends the entry, whose head was loaded.
func (x *exchange) answerCached() (v http.Verdict) {
	c, r := x.cache, x.r
	if x.reply.redirect != nil {
		x.freeCache()
		return x.accelRedirect()
	}
	x.copyHead()
	if !c.background {
		x.freeCache()
	}
	if r.Debugs() {
		r.Debugf("http file cache send: %s", c.path)
	}
	r.Out.Whole = c.identity()
	if v = r.SendHead(); v == http.Next {
		x.pieces = x.pieces[:0]
		switch body := c.bodySize(); {
		case body == 0:
		case c.item != nil && c.item.FD() >= 0:
			x.pieces = append(x.pieces, http.File(c.item.FD(), int64(c.entry.BodyStart), body))
		case c.item != nil:
			x.pieces = append(x.pieces, http.Mem(c.item.Body))
		case c.inBuffer:
			x.pieces = append(x.pieces, http.Mem(x.buf[c.entry.BodyStart:c.file.Size]))
		default:
			x.pieces = append(x.pieces, http.File(c.file.FD, int64(c.entry.BodyStart), body))
		}
		v = r.SendAll(x.pieces)
	}
	if c.background {
		x.update()
	}
	return v
}

// update fetches an entry anew that the client has got already. The hold on it, by which others know that it is being fetched, goes to who
// fetches it.
//
// As in nginx, a connection that carries no other request is closed when that is done: scripts take the end of the one for that of the other.
func (x *exchange) update() {
	r, hold, serve, over := x.r, &cache.Hold{}, x.h.serve, &loop.Signal{}
	x.cache.hold.MoveTo(hold)
	done := func() {
		hold.Free(0, 0)
		over.Fire()
	}
	r.Detach(http.DetachOptions{Done: done}, func(q *http.Request) { serve(q) })
	if !r.KeepAlive && !r.IsSub() && r.Version < http.HTTP20 {
		_ = r.Task.Poll(&loop.Wait{Signal: over, B: r.Wire.Source(), BWant: loop.Hup})
	}
}
