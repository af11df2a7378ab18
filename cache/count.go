package cache

// An Outcome is what a request has got of a cache, for those who count.
type Outcome uint8

const (
	Hit Outcome = iota
	Stale
	Updating
	Revalidated
	Miss
	Expired
	Bypass
	outcomes = iota
)

// What is counted of each outcome.
const (
	countResponses = iota
	countBytes
	countWritten
	countBytesWritten
	countsOfOutcome
)

// Count counts a request: the bytes that were read, of the cache or of a peer, and those that were written into the cache, if anything
// was. On a loop.
func (c *Cache) Count(loop int, o Outcome, bytes, written int64) {
	at := int(o) * countsOfOutcome
	c.tally.Add(loop, at+countResponses, 1)
	c.tally.Add(loop, at+countBytes, uint64(bytes))
	if written > 0 {
		c.tally.Add(loop, at+countWritten, 1)
		c.tally.Add(loop, at+countBytesWritten, uint64(written))
	}
}

// Counts is what was counted of one outcome.
type Counts struct{ Responses, Bytes, Written, BytesWritten uint64 }

// Counts returns what was counted of an outcome. Any goroutine.
func (c *Cache) Counts(o Outcome) Counts {
	at := int(o) * countsOfOutcome
	return Counts{
		c.tally.Get(at + countResponses), c.tally.Get(at + countBytes),
		c.tally.Get(at + countWritten), c.tally.Get(at + countBytesWritten),
	}
}

// ResetCounts begins to count anew. Any goroutine.
func (c *Cache) ResetCounts() { c.tally.Reset(0, outcomes*countsOfOutcome) }

// A Status is how large a cache is.
type Status struct {
	Size    int64 // bytes of its files
	Cold    bool  // the folder is being read still
	Entries int
	Most    int // entries that there is room for in the zone
}

// Status tells how large the cache is. Any goroutine.
func (c *Cache) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Status{c.size * c.block, c.cold, c.count, c.most}
}
