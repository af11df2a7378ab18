package proxy

import (
	"golang.org/x/sys/unix"

	"weir/cache"
	"weir/disk"
	"weir/http/field"
	"weir/logs"
	"weir/loop"
)

// open looks for the entry, and waits for another request that fetches it, as proxy_cache_lock says.
func (x *exchange) open() opened {
	c, r := x.cache, x.r
	for {
		o := x.openOnce()
		switch o {
		case openVariant:
			continue
		case openLocked:
		default:
			return o
		}
		if c.unlocked || c.conf.LockWait == 0 {
			return openScarce
		}
		if c.waitUntil == 0 {
			c.waitUntil = r.Task.After(c.conf.LockWait)
		}
		switch err := c.hold.Wait(r.Task, c.waitUntil); err {
		case nil:
			if x.join() {
				return openFlight
			}
		case loop.ErrTimeout:
			r.Log(logs.Info, "cache lock timeout")
			c.unlocked = true
		default:
			return openFailed
		}
	}
}

// wallNow is the time in seconds since 1970.
func (x *exchange) wallNow() int64 { return x.r.Loop().Wall().Unix() }

// openOnce looks for the entry of the key.
func (x *exchange) openOnce() opened {
	c := x.cache
	now := x.wallNow()
	found := c.zone.Acquire(&c.hold, c.key, c.conf.MinUses, now)
	if found == cache.Full {
		x.r.Task.Await(func() { c.zone.MakeRoom(now) })
		if found = c.zone.Acquire(&c.hold, c.key, c.conf.MinUses, now); found == cache.Full {
			x.r.Log(logs.Alert, c.zone.NoRoom())
			return openFailed
		}
	}
	look, missing := c.hold.Exists, openMiss
	switch found {
	case cache.Scarce:
		return openScarce
	case cache.Known:
		if c.hold.Error != 0 {
			return openError
		}
	default:
		look = c.zone.Cold()
		if c.conf.MinUses > 1 {
			missing = openScarce
		}
	}
	if look {
		if o, there := x.openEntry(); there {
			return o
		}
	}
	if missing == openMiss && c.conf.Lock && !c.hold.Lock(x.r.Task.Now(), c.conf.LockAge) {
		return openLocked
	}
	return missing
}

// openEntry reads the beginning of the entry, from memory or its file. there is false when there is no file.
func (x *exchange) openEntry() (o opened, there bool) {
	c, r := x.cache, x.r
	if x.takeItem() {
		c.entry, c.path = c.item.Header, c.item.Path
		if string(c.item.Key) != string(c.text) {
			r.Logf(logs.Crit, "cache file \"%s\" %s", c.path, cache.Collision)
			return openMiss, true
		}
		if x.isPurged(c.item.Head) {
			return 0, false
		}
		return x.judge(), true
	}
	size := int(x.conf.BufferSize)
	if c.buf != nil {
		r.Loop().Give(c.buf)
	}
	c.buf = r.Loop().Take(size)
	c.file.Close()
	var n int
	var bad disk.Failure
	c.file, n, bad = c.zone.Open(r.Task, c.key, c.buf[:size], c.hold.BodyStart)
	c.path = c.file.Path
	switch {
	case bad.Is(unix.ENOENT, unix.ENOTDIR):
		return 0, false
	case bad.Failed():
		r.LogErr(logs.Crit, bad.Err, bad.Op+" \""+c.path+"\" failed")
		return openFailed, true
	}
	c.inBuffer = int64(n) == c.file.Size
	fault := c.entry.Parse(c.buf[:n], c.text, c.crc, size)
	if fault == "" && !c.entry.Fits(c.file.Size-int64(c.entry.BodyStart)) {
		fault = cache.WrongLength
	}
	if fault != "" {
		level := logs.Crit
		if fault == cache.OtherVersion {
			level = logs.Info
		}
		r.Logf(level, "cache file \"%s\" %s", c.path, fault)
		c.entry = cache.Header{}
		return openMiss, true
	}
	if x.isPurged(c.buf[c.entry.HeaderStart:c.entry.BodyStart]) {
		return 0, false
	}
	if c.hold.Wanted(c.file.Size) {
		c.item = c.zone.ReadItem(r.Task, &c.file, c.buf[:n], int(c.entry.BodyStart), c.text, c.crc)
	}
	return x.judge(), true
}

// takeItem takes what memory has of the entry. It reports false when that is nothing, or not what the file has.
func (x *exchange) takeItem() bool {
	c := x.cache
	c.dropItem()
	if c.item = c.hold.TakeItem(); c.item == nil {
		return false
	}
	if !c.zone.Current(x.r.Task, c.key, c.item) {
		c.dropItem()
		return false
	}
	c.fromMemory = true
	return true
}

// isPurged reports whether the entry was purged by what stands for several; then its file is removed.
func (x *exchange) isPurged(head []byte) bool {
	c := x.cache
	if !c.hold.Purged(c.text, head) {
		return false
	}
	c.dropItem()
	x.r.Task.Await(func() { c.zone.Remove(c.key) })
	return true
}

// judge says what may be done with an entry whose header was read.
func (x *exchange) judge() opened {
	c, r := x.cache, x.r
	if len(c.entry.Vary) > 0 && x.variant(c.entry.Vary) != c.entry.Variant {
		if c.second {
			c.dropItem()
			r.Logf(logs.Crit, "cache file \"%s\" %s", c.path, cache.WrongVariant)
			return openMiss
		}
		c.learn() // it tells by what the response varies
		c.dropItem()
		c.zone.Varies()
		c.hold.Release(false)
		c.second, c.key = true, x.variant(c.entry.Vary)
		return openVariant
	}
	c.learn()
	now := x.wallNow()
	c.validSec = c.entry.ValidSec
	if c.entry.ValidSec >= now {
		return openHit
	}
	c.mayUpdate = c.entry.ValidSec+c.entry.UpdatingSec >= now
	c.mayFail = c.entry.ValidSec+c.entry.ErrorSec >= now
	if c.hold.Expired() {
		return openUpdating
	}
	return openStale
}

// learn tells the index, and memory, of what was read from the file.
func (c *caching) learn() {
	if c.fromMemory {
		return
	}
	c.hold.Learn(c.file.Uniq, int(c.entry.BodyStart), c.file.Blocks)
	if c.item != nil {
		c.hold.Admit(c.item)
	}
}

// variant is the key of the variant that a request asks for, of a response that varies by these fields.
func (x *exchange) variant(vary []byte) cache.Sum {
	l := x.r.Loop()
	buf := l.Take(1024)
	b := append(buf[:0], x.cache.main[:]...)
	for i := 0; i < len(vary); {
		for i < len(vary) && (vary[i] == ' ' || vary[i] == ',') {
			i++
		}
		from := i
		for i < len(vary) && vary[i] != ' ' && vary[i] != ',' {
			i++
		}
		if from == i {
			break
		}
		at := len(b)
		for _, ch := range vary[from:i] {
			b = append(b, lower(ch))
		}
		name := b[at:len(b):len(b)]
		b = append(x.appendVaried(append(b, ':'), name), "\r\n"...)
	}
	sum := cache.SumOf(b)
	l.Give(buf)
	return sum
}

// appendVaried appends the values that the client has sent for a field. Where they are lists of words, spaces do not matter.
func (x *exchange) appendVaried(b, name []byte) []byte {
	words := false
	switch string(name) {
	case "accept-charset", "accept-encoding", "accept-language":
		words = true
	}
	several := false
	for i := range x.r.In {
		f := &x.r.In[i]
		if !field.EqualFold(f.Name, string(name)) {
			continue
		}
		if !words {
			if several {
				b = append(b, ',')
			}
			b, several = append(b, f.Value...), true
			continue
		}
		for v := f.Value; len(v) > 0; {
			n := 0
			for n < len(v) && v[n] != ' ' && v[n] != ',' {
				n++
			}
			if n > 0 {
				if several {
					b = append(b, ',')
				}
				b, several = append(b, v[:n]...), true
			}
			v = v[min(n+1, len(v)):]
		}
	}
	return b
}
