package proxy

import (
	"math"

	"weir/cache"
	"weir/http"
	"weir/http/field"
	"weir/logs"
	"weir/loop"
)

// cacheStatus is $upstream_cache_status.
type cacheStatus uint8

const (
	cacheNone cacheStatus = iota
	cacheMiss
	cacheBypass
	cacheExpired
	cacheStale
	cacheUpdating
	cacheRevalidated
	cacheHit
)

var cacheStatuses = [...]string{"", "MISS", "BYPASS", "EXPIRED", "STALE", "UPDATING", "REVALIDATED", "HIT"}

// caching is what one exchange has to do with a cache.
type caching struct {
	zone   *cache.Cache
	conf   *cacheConf
	status cacheStatus
	store  bool // the response is to be stored, as far as is known
	text   []byte
	crc    uint32
	main   cache.Sum // of text
	key    cache.Sum // the same, or that of a variant
	second bool      // it is that of a variant
	hold   cache.Hold

	// What is in the cache.
	entry       cache.Header
	path        string // of its file
	file        cache.File
	item        *cache.Item // in memory; released by dropItem
	fromMemory  bool        // it was there already
	buf         []byte      // beginning of the file; the exchange's when its head is parsed
	inBuffer    bool        // all of the file is there
	serving     bool        // it is what the client gets
	mayUpdate   bool        // the response allows itself to be answered while it is fetched anew
	mayFail     bool        // or when that fails
	waitUntil   loop.Time
	unlocked    bool // it has waited long enough
	errorStatus int  // what is answered from now on in place of it
	errorUntil  int64
	background  bool // it is fetched anew when the client has got this one
	flight      *cache.Flight
	reading     bool  // the flight is another request's, and this one reads along
	written     int64 // bytes of the file that was made of the response; 0: none was
	signal      loop.Signal
	lockEnd     loop.Time // of who fetches it

	// What the response says of itself.
	fresh
}

// opened is what has come of looking for an entry.
type opened uint8

const (
	openHit      opened = iota
	openStale           // it is too old, and this request is the first to see that
	openUpdating        // it is too old, and another request fetches it anew
	openMiss
	openScarce  // it is not stored: it is not asked for often enough, or another request does
	openError   // it is a status
	openLocked  // another request fetches it
	openFlight  // another request fetches it, and this one reads along
	openVariant // it is an entry of another key
	openFailed
)

// lookUp looks for the response in the cache, if there is one here. done says that v is the request's answer.
func (x *exchange) lookUp() (v http.Verdict, done bool) {
	r, conf := x.r, &x.conf.Cache
	purge := len(conf.Purge) > 0 && anyTrue(r, conf.Purge)
	if r.Method&(conf.Methods|http.GET|http.HEAD) == 0 && !purge {
		return http.Next, false
	}
	zone := conf.Zone
	if zone == nil {
		name := r.Text(conf.Name)
		if len(name) == 0 || string(name) == "off" {
			return http.Next, false
		}
		if zone = conf.All[string(name)]; zone == nil {
			r.Logf(logs.Error, "cache \"%s\" not found", name)
			return http.StatusInternal, true
		}
	}
	x.asGet = r.IsHead() && !conf.KeepHead && x.h.pass.prefix == "proxy_"
	c := x.beginCaching(zone, conf)
	if purge {
		return x.purge(), true
	}
	start := cache.HeaderStart(len(c.text))
	if int64(start+256) > x.conf.BufferSize {
		r.Logf(logs.Error, "%sbuffer_size %d is not enough for cache key, it should be increased to at least %d",
			x.h.pass.prefix, x.conf.BufferSize, (start+256+1023)/1024*1024)
		x.dropCaching()
		return http.Next, false
	}
	c.store = true
	if anyTrue(r, conf.Bypass) {
		c.status = cacheBypass
		x.tellCaching()
		return http.Next, false
	}
	c.status = cacheMiss
	o := x.open()
	for o == openFlight {
		var ok bool
		if v, ok = x.readAlong(); ok {
			return v, true
		}
		c.fresh = fresh{}
		o = x.open()
	}
	v, done = x.fromCache(o)
	if !done {
		x.tellCaching()
	}
	return v, done
}

// anyTrue reports whether one of some texts is neither empty nor "0".
func anyTrue(r *http.Request, texts []*http.Text) bool {
	for _, t := range texts {
		if v := r.Text(t); len(v) > 0 && string(v) != "0" {
			return true
		}
	}
	return false
}

// beginCaching makes ready to look for the response, and to store it.
func (x *exchange) beginCaching(zone *cache.Cache, conf *cacheConf) *caching {
	c := x.idleCache
	if c == nil {
		c = &caching{}
	}
	x.cache, x.idleCache = c, nil
	c.zone, c.conf = zone, conf
	c.file.FD = -1
	if conf.Key != nil {
		c.text = x.r.Text(conf.Key)
	} else if x.h.pass.key != nil {
		c.text = x.h.pass.key(&x.call)
	}
	if x.r.Debugs() {
		x.r.Debugf("http cache key: \"%s\"", c.text)
	}
	c.crc = cache.CRC(c.text)
	c.main = cache.SumOf(c.text)
	c.key = c.main
	return c
}

// tellCaching tells the protocol whether the response may be stored: then it is asked for whole, under the cache's own conditions.
func (x *exchange) tellCaching() {
	c := x.cache
	if c.store && x.beyondRange() {
		c.store = false
	}
	x.caching = c.store
	x.headRoom = cache.HeaderStart(len(c.text))
}

// beyondRange reports whether the request asks for a range that begins too far behind for the whole to be fetched.
func (x *exchange) beyondRange() bool {
	most := x.cache.conf.RangeMost
	f := x.r.In.Find(field.Range)
	if most == 0 || f == nil {
		return false
	}
	if most == 1 {
		return true
	}
	const unit = "bytes="
	v := f.Value
	if len(v) < len(unit)+1 || !field.EqualFold(v[:len(unit)], unit) {
		return false
	}
	for v = v[len(unit):]; len(v) > 0 && v[0] == ' '; {
		v = v[1:]
	}
	if len(v) > 0 && v[0] == '-' {
		return true
	}
	n := int64(0)
	for i := 0; i < len(v) && v[i] >= '0' && v[i] <= '9'; i++ {
		if n > (math.MaxInt64-9)/10 {
			return true
		}
		if n = n*10 + int64(v[i]-'0'); n >= most-1 {
			return true
		}
	}
	return false
}

// serving reports whether the response is that of the cache.
func (x *exchange) serving() bool { return x.cache != nil && x.cache.serving }

// servingWhole reports whether it is, and all of it is there.
func (x *exchange) servingWhole() bool { return x.serving() && !x.cache.reading }

// bodySize is the length of the entry's body.
func (c *caching) bodySize() int64 {
	if c.item != nil {
		return c.item.BodySize()
	}
	return c.file.Size - int64(c.entry.BodyStart)
}

// identity tells this body from any other, for those who keep what becomes of it.
func (c *caching) identity() http.FileID {
	s := &c.file.Stat
	if c.item != nil {
		s = &c.item.Stat
	}
	return http.FileID{Dev: int64(s.Dev), Inode: int64(s.Uniq), Size: c.bodySize(), Modified: s.Modified, Changed: s.Changed}
}

// useStored puts the head of the stored response where protocols read it.
func (x *exchange) useStored() {
	c := x.cache
	n := int(c.entry.BodyStart) - int(c.entry.HeaderStart)
	if c.item != nil {
		x.r.Loop().Give(x.buf)
		x.buf = x.r.Loop().Take(n)
		copy(x.buf, c.item.Head)
		return
	}
	x.buf, c.buf = c.buf, x.buf
	copy(x.buf, x.buf[c.entry.HeaderStart:c.entry.BodyStart])
}

// freeCache lets go of the entry.
func (x *exchange) freeCache() {
	if c := x.cache; c != nil && c.hold.Held() {
		x.endFlight(false)
		c.hold.Free(c.errorStatus, c.errorUntil)
	}
}

// dropItem lets go of what memory has of the entry.
func (c *caching) dropItem() {
	if c.item != nil {
		c.item.Release()
		c.item = nil
	}
	c.fromMemory = false
}

// outcomes are those that caches count.
var outcomes = [...]cache.Outcome{
	cacheMiss: cache.Miss, cacheBypass: cache.Bypass, cacheExpired: cache.Expired, cacheStale: cache.Stale,
	cacheUpdating: cache.Updating, cacheRevalidated: cache.Revalidated, cacheHit: cache.Hit,
}

// countCached counts what the request has got of the cache, when it is over.
func (x *exchange) countCached() {
	c := x.cache
	if c == nil || c.status == cacheNone {
		return
	}
	var n int64
	switch c.status {
	case cacheMiss, cacheBypass, cacheExpired:
		for i := range x.tries {
			n += x.tries[i].received
		}
	default:
		n = x.r.Out.BodyBytes
	}
	c.zone.Count(x.r.Loop().ID(), outcomes[c.status], n, c.written)
}

// dropCaching ends what the exchange has to do with a cache.
func (x *exchange) dropCaching() {
	c := x.cache
	if c == nil {
		return
	}
	c.leave()
	x.freeCache()
	c.dropItem()
	c.file.Close()
	x.r.Loop().Give(c.buf)
	*c = caching{}
	x.idleCache, x.cache = c, nil
	x.caching, x.headRoom = false, 0
}
