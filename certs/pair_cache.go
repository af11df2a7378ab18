package certs

import (
	"container/list"
	"sync"
	"time"
)

// A PairCache keeps certificates and keys that are found while serving (ssl_certificate_cache). Any goroutine.
type PairCache struct {
	mu       sync.Mutex
	limit    int
	inactive time.Duration
	valid    time.Duration
	byName   map[pairName]*list.Element
	used     *list.List // of *keptPair, what was used last in front
}

type pairName struct{ cert, key string }

type keptPair struct {
	name         pairName
	pair         *Pair
	loaded, used time.Time
}

// NewPairCache makes a cache of so many certificates and keys, which forgets those that nobody has used for a time, and loads them anew after another.
func NewPairCache(limit int, inactive, valid time.Duration) *PairCache {
	return &PairCache{limit: limit, inactive: inactive, valid: valid, byName: map[pairName]*list.Element{}, used: list.New()}
}

// Get finds a pair; nil if it has to be loaded.
func (c *PairCache) Get(cert, key string, now time.Time) *Pair {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for e := c.used.Back(); e != nil; e = c.used.Back() {
		if now.Sub(e.Value.(*keptPair).used) <= c.inactive {
			break
		}
		c.drop(e)
	}
	e := c.byName[pairName{cert, key}]
	if e == nil {
		return nil
	}
	k := e.Value.(*keptPair)
	if now.Sub(k.loaded) > c.valid {
		c.drop(e)
		return nil
	}
	k.used = now
	c.used.MoveToFront(e)
	return k.pair
}

// Put keeps a pair that was loaded, unless its key was encrypted: who has not the password must not get at it.
func (c *PairCache) Put(cert, key string, p *Pair, now time.Time) {
	if c == nil || p.Encrypted {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	name := pairName{cert, key}
	if e := c.byName[name]; e != nil {
		c.drop(e)
	}
	c.byName[name] = c.used.PushFront(&keptPair{name, p, now, now})
	for 2*c.used.Len() > c.limit { // certificates and keys count, as in nginx
		c.drop(c.used.Back())
	}
}

func (c *PairCache) drop(e *list.Element) {
	delete(c.byName, c.used.Remove(e).(*keptPair).name)
}
