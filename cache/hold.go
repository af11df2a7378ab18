package cache

import (
	"time"

	"weir/loop"
)

// Found is what acquiring an entry finds.
type Found uint8

const (
	Known   Found = iota // there is an entry: Hold.Exists says whether it has a file, Hold.Error whether it is a status
	Missing              // there was none
	Scarce               // it was not asked for often enough to be stored
	Full                 // there is no room for another entry: see MakeRoom
)

// A Hold is the grip of one request on an entry. Its fields say how the entry was when it was acquired. One goroutine.
type Hold struct {
	Exists    bool
	Error     int    // status
	Uniq      uint64 // of the file, when it exists
	BodyStart int    // of the file; 0: not known
	Updating  bool   // this request is the one that fetches it anew
	Item      *Item  // it is in memory; see TakeItem

	cache    *Cache
	n        uint32
	lockTime int64
	minUses  int
	began    uint32 // generation of purges
	floor    uint32 // likewise: what is older is not answered
	signal   loop.Signal
	waits    bool
	refused  bool // the flight there is is of no use
}

// Held reports whether there is an entry to be freed.
func (h *Hold) Held() bool { return h.n != 0 }

// TakeItem returns the item that is in memory, nil if there is none. It is the caller's to release then; otherwise it goes with the hold.
func (h *Hold) TakeItem() *Item {
	i := h.Item
	h.Item = nil
	return i
}

func (h *Hold) dropItem() {
	if i := h.TakeItem(); i != nil {
		i.Release()
	}
}

// MoveTo gives the grip to another Hold, which must be empty. Nobody waits with h.
func (h *Hold) MoveTo(to *Hold) {
	to.Exists, to.Error, to.Uniq, to.BodyStart, to.Updating, to.Item = h.Exists, h.Error, h.Uniq, h.BodyStart, h.Updating, h.TakeItem()
	to.cache, to.n, to.lockTime, to.minUses, to.began = h.cache, h.n, h.lockTime, h.minUses, h.began
	h.forget()
}

// Acquire takes hold of the entry of a key, which counts as a use of it; or looks at the entry again that is held. now is in
// seconds since 1970.
func (c *Cache) Acquire(h *Hold, key Sum, minUses int, now int64) Found {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := h.n
	if n == 0 {
		n = c.find(&key)
	}
	found := Known
	if n != 0 {
		d := c.at(n)
		c.touch(n)
		if h.n == 0 {
			d.use()
			d.count++
		}
		switch {
		case d.errorCode != 0 && d.validSec < now:
			c.renew(d)
			found = Missing
		case d.errorCode == 0 && !d.exists && int(d.uses) < minUses:
			found = Scarce
		}
	} else {
		if n = c.add(&key); n == 0 {
			c.setWatermark()
			return Full
		}
		d := c.at(n)
		d.uses, d.count = 1, 1
		found = Missing
	}
	d := c.at(n)
	d.expire = now + int64(c.Inactive/time.Second)
	h.cache, h.n, h.minUses, h.began = c, n, minUses, c.generation
	h.Exists, h.Error, h.Uniq, h.BodyStart = d.exists, int(d.errorCode), d.uniq, int(d.bodyStart)
	h.dropItem()
	if d.exists {
		h.Item = c.memory.get(&key, d.uniq)
	}
	return found
}

// use counts a use.
func (d *node) use() {
	if d.uses < 1023 {
		d.uses++
	}
}

// renew makes an entry as good as new.
func (c *Cache) renew(d *node) {
	c.size -= int64(d.blocks)
	d.errorCode, d.exists, d.validSec, d.uniq, d.bodyStart, d.blocks = 0, false, 0, 0, 0, 0
}

// Learn tells the index of a file that it did not know because the folder was not read to its end.
func (h *Hold) Learn(uniq uint64, bodyStart int, blocks uint32) {
	c := h.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.at(h.n)
	if !c.cold || d.exists {
		return
	}
	d.uses, d.exists, d.uniq, d.bodyStart, d.blocks = 1, true, uniq, uint16(bodyStart), blocks
	c.size += int64(blocks)
}

// Expired is asked by who found an entry that is too old. It reports whether another request is fetching it anew; if not, this one
// does from now on.
func (h *Hold) Expired() (busy bool) {
	c := h.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.at(h.n)
	if d.updating {
		return true
	}
	d.updating = true
	h.Updating, h.lockTime = true, d.lockTime
	return false
}

// Lock makes this request the one that fetches the entry, unless there is another one whose lock is not over.
func (h *Hold) Lock(now loop.Time, age time.Duration) bool {
	c := h.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.at(h.n)
	if d.updating && d.lockTime > int64(now) {
		return false
	}
	d.updating = true
	d.lockTime = int64(now.Add(age))
	h.Updating, h.lockTime = true, d.lockTime
	return true
}

// A waiter is a request that waits for the end of a lock.
type waiter struct{ hold *Hold }

// Wait waits until the request that fetches the entry has done so, or has given up, or lets others join it, or its lock is over. loop.ErrTimeout when the
// deadline comes first. For the task t.
func (h *Hold) Wait(t *loop.Task, deadline loop.Time) error {
	for {
		end, busy := h.enlist(int64(t.Now()))
		if !busy {
			return nil
		}
		w := loop.Wait{Signal: &h.signal, Deadline: min(deadline, loop.Time(end))}
		err := t.Poll(&w)
		h.delist()
		if err != nil && (err != loop.ErrTimeout || t.Now() >= deadline) {
			return err
		}
	}
}

// enlist has the signal fired when the lock ends, if there is one still, and says when it is over.
func (h *Hold) enlist(now int64) (end int64, busy bool) {
	c := h.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.at(h.n)
	if !d.updating || d.lockTime <= now || c.flights[h.n] != nil && !h.refused {
		return 0, false
	}
	c.waiters[h.n] = append(c.waiters[h.n], waiter{h})
	h.waits = true
	return d.lockTime, true
}

func (h *Hold) delist() {
	c := h.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	if !h.waits {
		return
	}
	h.waits = false
	list := c.waiters[h.n]
	for i := range list {
		if list[i].hold == h {
			list[i] = list[len(list)-1]
			list[len(list)-1] = waiter{}
			list = list[:len(list)-1]
			break
		}
	}
	if len(list) == 0 {
		delete(c.waiters, h.n)
	} else {
		c.waiters[h.n] = list
	}
}

// unlock ends the lock of an entry and wakes those who wait for it.
func (c *Cache) unlock(n uint32) {
	c.at(n).updating = false
	delete(c.flights, n)
	c.wake(n)
}

// Update says that the file of the entry was written anew, and frees the entry. It reports false when the entry was purged meanwhile: the
// file is to be removed.
func (h *Hold) Update(s Stat, bodyStart int, item *Item) (ok bool) {
	if h.n == 0 {
		return true
	}
	c := h.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.at(h.n)
	d.count--
	d.errorCode = 0
	if ok = h.began >= d.generation; ok {
		c.size += int64(s.Blocks) - int64(d.blocks)
		d.uniq, d.bodyStart, d.blocks, d.exists, d.generation = s.Uniq, uint16(bodyStart), s.Blocks, true, h.began
	}
	c.memory.drop(&d.key)
	if ok && item != nil && d.uses > 1 {
		c.memory.put(&d.key, item)
	}
	c.unlock(h.n)
	h.forget()
	return ok
}

// Free lets go of the entry, and of its lock. status, unless it is 0, is answered in place of the entry until validSec; an entry
// that has nothing is dropped.
func (h *Hold) Free(status int, validSec int64) {
	if h.n == 0 {
		return
	}
	c := h.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.at(h.n)
	d.count--
	if h.Updating && d.lockTime == h.lockTime {
		c.unlock(h.n)
	}
	switch {
	case status != 0:
		d.errorCode = uint16(status)
		if validSec != 0 {
			d.validSec = validSec
		}
	case !d.exists && d.count == 0 && h.minUses == 1 && d.errorCode == 0 && d.floor == 0:
		c.remove(h.n)
	}
	h.forget()
}

func (h *Hold) forget() {
	h.dropItem()
	h.n, h.Updating, h.cache, h.refused, h.floor = 0, false, nil, false, 0
}

// Release lets go of the entry for another one, without its lock: the key has turned out to be that of several variants. What was purged with all of
// its variants is not there for this hold any more, whatever their files say.
func (h *Hold) Release(unlock bool) {
	if h.n == 0 {
		return
	}
	c := h.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	d := c.at(h.n)
	d.count--
	if unlock {
		c.unlock(h.n)
	}
	floor := d.floor
	h.forget()
	h.floor = floor
}
