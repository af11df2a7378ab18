package proxy

import (
	"errors"

	"weir/cache"
	"weir/http"
	"weir/http/field"
	"weir/logs"
)

// judgeResponse decides, before the head of a peer's response goes out, whether it may be stored as far as its fields go.
func (x *exchange) judgeResponse() {
	if c := x.cache; c != nil && (c.noCache || c.expired || c.never) {
		c.store = false
	}
}

// storable reports whether the response may be stored, so that it is read to its end whoever wants it.
func (x *exchange) storable() bool { return x.cache != nil && x.cache.store }

// beginCacheFile has the body stored in the cache, if that is to be. The head is on its way to the client.
func (x *exchange) beginCacheFile() {
	c, r := x.cache, x.r
	if c == nil {
		return
	}
	c.file.Close()
	if !x.buffering {
		c.store = false
	}
	if x.buffering && anyTrue(r, c.conf.Skip) {
		c.store = false
	} else if c.status == cacheBypass && c.store && x.acquireAnew() != nil {
		c.store = false
	}
	if c.store && !x.setEntry() {
		c.store = false
	}
	if !c.store {
		x.freeCache()
		x.caching = false
		return
	}
	x.saved.begin(x, x.appendEntry)
	x.publish()
}

// errFull says that the zone is full.
var errFull = errors.New("no room in the zone")

// acquireAnew takes hold of the entry of the key.
func (x *exchange) acquireAnew() error {
	c, now := x.cache, x.wallNow()
	if c.zone.Acquire(&c.hold, c.key, c.conf.MinUses, now) != cache.Full {
		return nil
	}
	x.r.Task.Await(func() { c.zone.MakeRoom(now) })
	if c.zone.Acquire(&c.hold, c.key, c.conf.MinUses, now) != cache.Full {
		return nil
	}
	x.r.Log(logs.Alert, c.zone.NoRoom())
	return errFull
}

// setEntry makes the header of the entry of the response. It reports false when the response is not to be stored.
func (x *exchange) setEntry() bool {
	c, now := x.cache, x.wallNow()
	valid := c.validSec
	if valid == 0 {
		if n := c.conf.valid(x.reply.status); n > 0 {
			valid = now + n
		}
	}
	if valid == 0 {
		return false
	}
	h := cache.Header{
		ValidSec: valid, UpdatingSec: c.updatingSec, ErrorSec: c.errorSec, LastModified: -1, Date: now, CRC: c.crc,
		HeaderStart: uint16(x.headRoom), Vary: c.vary,
	}
	if x.reply.status == 200 || x.reply.status == 206 {
		h.LastModified = x.reply.modified
		if f := x.fields.Find(field.ETag); f != nil {
			h.ETag = f.Value
		}
	}
	if len(h.Vary) > 0 {
		h.Variant = x.variant(h.Vary)
		c.zone.Varies()
	}
	c.entry = h
	return x.mainVariant()
}

// mainVariant goes back to the key of all variants when the response is not of the variant that was asked for.
func (x *exchange) mainVariant() bool {
	c := x.cache
	if !c.second || len(c.entry.Vary) > 0 && c.entry.Variant == c.key {
		return true
	}
	c.hold.Release(true)
	c.key, c.second = c.main, false
	return x.acquireAnew() == nil
}

// appendEntry appends what the file has before the body.
func (x *exchange) appendEntry(dst []byte) []byte {
	c := x.cache
	at := len(dst)
	dst = c.entry.Append(dst)
	dst = cache.AppendKey(dst, c.text)
	dst = x.proto.appendHead(dst, &x.call)
	c.entry.BodyStart = uint16(len(dst) - at)
	return dst
}

// finishCacheFile puts the complete file where it belongs.
func (x *exchange) finishCacheFile() {
	c, r, s := x.cache, x.r, &x.saved
	if n := x.reply.length; n >= 0 && n != s.size && !r.IsHead() {
		x.freeCache()
		return
	}
	c.entry.Length = cache.LengthCheck(s.size)
	var item *cache.Item
	if s.file == nil && c.zone.TakesNew(int64(s.n)) {
		item = x.newItem()
	}
	path := c.zone.Path(c.key)
	if r.Debugs() {
		r.Debugf("http file cache update: \"%s\"", path)
	}
	var stat cache.Stat
	var err error
	begin := c.entry.Append(nil)
	r.Task.Await(func() {
		if err = s.finish(x, begin); err != nil {
			return
		}
		x.endFlight(true) // it is whole, whatever becomes of the file
		if bad := s.file.MoveBlocking(path, 0o600, -1, r.App.Temp); bad.Failed() {
			err = &logs.CallError{Call: bad.Op, Err: bad.Err}
			return
		}
		stat, err = c.zone.StatOf(s.file.FD())
		if x.spooling.file != s.file { // the client is not served from it
			s.file.CloseBlocking()
		}
	})
	s.on = false
	if err != nil {
		s.tell(x, err)
		x.freeCache()
		return
	}
	c.written = int64(c.entry.BodyStart) + s.size
	if item != nil {
		item.Stat, item.Path = stat, path
	}
	if !c.hold.Update(stat, int(c.entry.BodyStart), item) {
		r.Task.Await(func() { c.zone.Remove(c.key) })
	}
}

// newItem makes what memory keeps of the response, which lies whole in the buffer of the file.
func (x *exchange) newItem() *cache.Item {
	c, s := x.cache, &x.saved
	all := append(make([]byte, 0, s.n), s.buf[:s.n]...)
	return cache.NewItem(all, c.text, c.crc)
}

// tempName is where the temporary file of the entry is made.
func (x *exchange) tempName() (name func(uint64) string, parents bool) {
	if c := x.cache; c != nil && x.caching && !c.zone.UseTempPath {
		path := c.zone.Path(c.key)
		return func(n uint64) string { return path + "." + tenDigits(n) }, true
	}
	p := x.conf.TempPath
	return p.Name, p.Levels[0] > 0
}

// tenDigits is a number as the names of temporary files have it.
func tenDigits(n uint64) string {
	var b [10]byte
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
	return string(b[:])
}

// keepFault remembers that the peers have failed, as an answer for those who ask in the next time.
func (x *exchange) keepFault(status http.Verdict) {
	c := x.cache
	if c == nil || !c.store || status != http.StatusBadGateway && status != http.StatusGatewayTimeout {
		return
	}
	if n := c.conf.valid(int(status)); n > 0 {
		c.errorStatus, c.errorUntil = int(status), x.wallNow()+n
	}
}

// keepIntercepted remembers a status that error_page answers in place of the response.
func (x *exchange) keepIntercepted() {
	c := x.cache
	if c == nil {
		return
	}
	if x.judgeResponse(); !c.store {
		return
	}
	until := c.validSec
	if until == 0 {
		if n := c.conf.valid(x.reply.status); n > 0 {
			until = x.wallNow() + n
		}
	}
	if until != 0 {
		c.errorStatus, c.errorUntil = x.reply.status, until
	}
}

// staleInstead answers with an old entry in place of a fault, if that is allowed.
func (x *exchange) staleInstead(f Faults, responded bool) (http.Verdict, bool) {
	c := x.cache
	if c == nil || c.status != cacheExpired || !c.conf.stale(f) && (responded || !c.mayFail) {
		return http.Next, false
	}
	x.finishPeer()
	c.status = cacheStale
	v, ok := x.sendCached()
	if !ok {
		x.finish()
		return http.StatusInternal, true
	}
	return v, true
}

// revalidated answers with an old entry that a peer has said to be good still, and writes down for how long it is good now.
func (x *exchange) revalidated() (http.Verdict, bool) {
	c, r := x.cache, x.r
	if c == nil || x.reply.status != 304 || c.status != cacheExpired || !c.conf.Revalidate {
		return http.Next, false
	}
	if r.Debugs() {
		r.Debugf("http upstream not modified")
	}
	x.finishPeer()
	c.status = cacheRevalidated
	now, h, said := x.wallNow(), c.entry, c.fresh
	if !x.loadCached() {
		x.finish()
		return http.StatusInternal, true
	}
	if said.validSec == 0 {
		said = c.fresh
	}
	if said.validSec == 0 {
		if n := c.conf.valid(x.reply.status); n > 0 {
			said.validSec = now + n
		}
	}
	if said.validSec != 0 {
		h.ValidSec, h.UpdatingSec, h.ErrorSec, h.Date = said.validSec, said.updatingSec, said.errorSec, now
		stat := c.file.Stat
		if c.item != nil {
			stat = c.item.Stat
		}
		var err error
		r.Task.Await(func() { err = c.zone.Rewrite(c.key, stat, &h) })
		if err != nil {
			r.Log(logs.Crit, err.Error())
		}
	}
	return x.answerCached(), true
}
