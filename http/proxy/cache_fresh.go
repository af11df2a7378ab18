package proxy

import (
	"bytes"
	"math"
	"strconv"

	"weir/http"
	"weir/http/field"
)

// fresh is what a response says of how long it may be answered from a cache. Times are seconds since 1970.
type fresh struct {
	validSec    int64 // 0: not told
	updatingSec int64
	errorSec    int64
	noCache     bool // it must not be stored
	expired     bool // it is too old already
	accel       bool // X-Accel-Expires was there
	never       bool // it must not be stored, whatever else it says
	vary        []byte
}

// accelExpires takes X-Accel-Expires in: seconds, or with "@" a time.
func (c *fresh) accelExpires(value []byte, now int64) {
	c.accel = true
	at, absolute := bytes.CutPrefix(value, []byte("@"))
	n, err := strconv.ParseInt(string(at), 10, 64)
	switch {
	case err != nil || len(at) == 0 || at[0] < '0' || at[0] > '9':
		return
	case !absolute && n == 0:
		c.never = true
		return
	case !absolute:
		n += now
	}
	c.validSec, c.noCache, c.expired = n, false, false
}

// expires takes Expires in.
func (c *fresh) expires(value []byte, now int64) {
	if c.validSec != 0 {
		return
	}
	at, ok := field.ParseDate(value)
	if !ok || at < now {
		c.expired = true
		return
	}
	c.validSec = at
}

// cacheControl takes a Cache-Control in. Like nginx it does not take the directives apart, but looks for words.
func (c *fresh) cacheControl(value []byte, now int64) {
	if !(c.validSec != 0 && c.accel) {
		if indexFold(value, "no-cache") >= 0 || indexFold(value, "no-store") >= 0 || indexFold(value, "private") >= 0 {
			c.noCache = true
			return
		}
		age, ok := deltaAfter(value, "s-maxage=")
		if !ok {
			age, ok = deltaAfter(value, "max-age=")
		}
		if ok {
			switch {
			case age < 0:
				c.never = true
				return
			case age == 0:
				c.noCache = true
				return
			}
			if c.validSec = now + age; c.validSec < 0 {
				c.validSec = math.MaxInt64
			}
			c.expired = false
		}
	}
	if n, ok := deltaAfter(value, "stale-while-revalidate="); ok {
		if n < 0 {
			c.never = true
			return
		}
		c.updatingSec, c.errorSec = n, n
	}
	if n, ok := deltaAfter(value, "stale-if-error="); ok {
		if n < 0 {
			c.never = true
			return
		}
		c.errorSec = n
	}
}

// deltaAfter reads the seconds behind a word: -1 when they are none. ok is false when there is no such word.
func deltaAfter(value []byte, word string) (n int64, ok bool) {
	at := indexFold(value, word)
	if at < 0 {
		return 0, false
	}
	for _, ch := range value[at+len(word):] {
		switch {
		case ch == ',' || ch == ';' || ch == ' ':
			return n, true
		case ch < '0' || ch > '9':
			return -1, true
		case n > (math.MaxInt64-int64(ch-'0'))/10:
			return math.MaxInt64, true
		}
		n = n*10 + int64(ch-'0')
	}
	return n, true
}

// obeyCaching takes in what a field says of storing the response.
func (x *exchange) obeyCaching(f *http.Field) {
	c, ignore := x.cache, x.conf.Ignore
	now := x.wallNow()
	switch f.ID {
	case field.XAccelExpires:
		if ignore&ignoreAccelExpires == 0 {
			c.accelExpires(f.Value, now)
		}
	case field.Expires:
		if ignore&ignoreExpires == 0 {
			c.fresh.expires(f.Value, now)
		}
	case field.CacheControl:
		if ignore&ignoreCacheControl == 0 {
			c.cacheControl(f.Value, now)
		}
	case field.SetCookie:
		c.never = c.never || ignore&ignoreSetCookie == 0
	case field.Vary:
		if ignore&ignoreVary == 0 && c.store && !c.never {
			x.addVary(f.Value)
		}
	}
}

// addVary takes a Vary in.
func (x *exchange) addVary(value []byte) {
	const longest = 128
	c := x.cache
	if string(value) == "*" {
		c.never = true
		return
	}
	if len(c.vary) > 0 {
		value = x.r.Concat(c.vary, []byte(", "), value)
	}
	if len(value) > longest {
		c.never = true
	}
	c.vary = value
}
