package cache

import (
	"encoding/hex"
	"time"

	"weir/load"
	"weir/logs"
)

// Manage drops what nobody has asked for, and the oldest when there is too much, until the job is to end. It is the cache manager.
func (c *Cache) Manage(j *load.Job) {
	saved, closed := time.Now(), time.Now()
	for {
		var next time.Duration
		j.Task().Await(func() {
			next = c.manage(time.Now)
			now := time.Now()
			if now.Sub(closed) >= idle {
				closed = now
				c.closeRemoved()
			}
			if now.Sub(saved) >= saveEvery {
				saved = now
				c.saveSome()
			}
		})
		if j.Sleep(next) != nil {
			j.Task().Await(func() {
				c.endPurges()
				c.saveLast()
			})
			return
		}
	}
}

// manage does one round, as long as the configured pace allows, and returns when the next one is due. It touches the disk.
func (c *Cache) manage(now func() time.Time) (next time.Duration) {
	p := c.Manager
	began, files := now(), 0
	tired := func() bool {
		files++
		return files >= p.Files || now().Sub(began) >= p.Threshold
	}
	wait, more := c.dropInactive(now, tired)
	if more {
		return p.Sleep
	}
	for c.tooMuch() {
		if pause := c.dropOldest(now().Unix()); pause > 0 {
			return pause
		}
		if tired() {
			return p.Sleep
		}
	}
	return wait
}

// tooMuch reports whether the cache is larger than it may be.
func (c *Cache) tooMuch() bool {
	c.mu.Lock()
	much := c.MaxSize > 0 && c.size >= max(c.MaxSize/c.block, 1) || c.count >= c.watermark
	some := c.count > 0
	c.mu.Unlock()
	return some && (much || c.MinFree > 0 && c.freeBytes() <= c.MinFree)
}

const (
	idle  = 10 * time.Second // between rounds when there is nothing to do
	again = time.Second
)

// dropInactive drops what was not asked for in time. more says that the pace has ended the round.
func (c *Cache) dropInactive(now func() time.Time, tired func() bool) (wait time.Duration, more bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		n := c.oldest
		if n == 0 {
			return idle, false
		}
		d := c.at(n)
		sec := now().Unix()
		if left := d.expire - sec; left > 0 {
			return min(time.Duration(left)*time.Second, idle), false
		}
		if d.count == 0 {
			c.drop(n)
		} else if d.deleting {
			return again, false
		} else {
			c.inUse(n, sec)
		}
		if tired() {
			return 0, true
		}
	}
}

// inUse keeps an old entry that is being used, and tells of it.
func (c *Cache) inUse(n uint32, now int64) {
	d := c.at(n)
	c.touch(n)
	d.expire = now + int64(c.Inactive/time.Second)
	c.log.Logf(logs.Alert, 0, "ignore long locked inactive cache entry %s, count:%d", hex.EncodeToString(d.key[:]), d.count)
}

// dropOldest drops the entry that was not asked for longest. Otherwise it says how long to wait.
func (c *Cache) dropOldest(now int64) (pause time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for range 20 {
		n := c.oldest
		switch {
		case n == 0:
			return idle
		case c.at(n).count == 0:
			c.drop(n)
			return 0
		case c.at(n).deleting:
			return again
		}
		c.inUse(n, now)
	}
	return again
}

// drop drops an entry that nobody holds, and its file. The lock is not held meanwhile.
func (c *Cache) drop(n uint32) {
	d := c.at(n)
	c.memory.drop(&d.key)
	if d.exists {
		c.size -= int64(d.blocks)
		d.blocks = 0
		path := c.Path(d.key)
		d.count++
		d.exists, d.deleting = false, true
		c.mu.Unlock()
		c.unlink(path)
		c.mu.Lock()
		d.count--
		d.deleting = false
	}
	if d.count == 0 && !d.exists { // somebody may have stored it anew meanwhile
		c.remove(n)
	}
}

// setWatermark asks the manager to keep the number of entries below what has turned out to be too many.
func (c *Cache) setWatermark() { c.watermark = c.count - c.count/8 }

// MakeRoom drops the oldest entry for a new one. It touches the disk.
func (c *Cache) MakeRoom(now int64) { c.dropOldest(now) }
