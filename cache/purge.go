package cache

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"weir/disk"
	"weir/loop"
)

// A purge is of all entries whose key begins with something, of all variants of a key, or of all responses with a tag. It holds at once: what it names is not answered
// any more. A task then goes through the index and drops it, and when it has been everywhere the purge is forgotten.
//
// Generations tell what was there before a purge from what was fetched after it: each purge begins a new one, and an entry has that
// in which its request began.
type purge struct {
	key        []byte // or the tag
	prefix     bool
	fields     []string // of responses, that have tags; nil: it is not by tag
	generation uint32
}

// names reports whether the purge is of a response with this key and head.
func (p *purge) names(key, head []byte) bool {
	switch {
	case p.fields != nil:
		return hasTag(head, p.fields, p.key)
	case p.prefix:
		return bytes.HasPrefix(key, p.key)
	}
	return bytes.Equal(key, p.key)
}

// hasTag reports whether one of these fields of a head has the tag among its words.
func hasTag(head []byte, fields []string, tag []byte) bool {
	for line := range bytes.Lines(head) {
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || !slices.ContainsFunc(fields, func(f string) bool { return strings.EqualFold(f, string(name)) }) {
			continue
		}
		for word := range bytes.FieldsFuncSeq(value, func(r rune) bool { return r == ' ' || r == ',' || r == '\t' || r == '\r' || r == '\n' }) {
			if bytes.Equal(word, tag) {
				return true
			}
		}
	}
	return false
}

// Purge drops the entry of a key, with its variants. It reports false when there is none. It touches the disk.
func (c *Cache) Purge(key []byte, sum Sum) bool {
	path := c.Path(sum)
	buf := make([]byte, HeaderStart(len(key)))
	h, ok := readHeader(path, buf, key)
	c.mu.Lock()
	c.generation++
	if len(h.Vary) > 0 {
		c.addPurge(purge{key: bytes.Clone(key), generation: c.generation})
	}
	n := c.find(&sum)
	if n == 0 && (c.varied.Load() || c.cold) { // its variants may be there without it
		if n = c.index.add(&sum); n != 0 {
			c.at(n).expire = time.Now().Unix() + int64(c.Inactive/time.Second)
		}
	}
	if n != 0 {
		if c.varied.Load() || c.cold {
			c.at(n).floor = c.generation
		}
		c.void(n, c.generation)
	}
	c.mu.Unlock()
	if ok {
		_ = disk.RemoveBlocking(path)
	}
	return ok
}

// PurgePrefix drops all entries whose key begins so.
func (c *Cache) PurgePrefix(prefix []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.generation++
	c.addPurge(purge{key: bytes.Clone(prefix), prefix: true, generation: c.generation})
}

// PurgeTag drops all responses that have the tag among the words of one of these fields.
func (c *Cache) PurgeTag(fields []string, tag []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.generation++
	c.addPurge(purge{key: bytes.Clone(tag), fields: fields, generation: c.generation})
}

// mostPurges is how many purges are kept apart; beyond that everything is purged that the last ones have in common.
const mostPurges = 1000

func (c *Cache) addPurge(p purge) {
	for i := range c.purges {
		if q := &c.purges[i]; q.prefix == p.prefix && bytes.Equal(q.key, p.key) && slices.Equal(q.fields, p.fields) {
			q.generation = p.generation
			return
		}
	}
	if len(c.purges) == mostPurges {
		last := &c.purges[mostPurges-1]
		n := 0
		for last.fields == nil && p.fields == nil && n < min(len(last.key), len(p.key)) && last.key[n] == p.key[n] {
			n++
		}
		*last = purge{key: last.key[:n], prefix: true, generation: p.generation}
	} else {
		c.purges = append(c.purges, p)
	}
}

// void makes an entry one without a file. What is being fetched since before that generation is not to be stored any more.
func (c *state) void(n, generation uint32) {
	d := c.at(n)
	c.memory.drop(&d.key)
	c.size -= int64(d.blocks)
	d.exists, d.blocks, d.uniq, d.bodyStart, d.errorCode = false, 0, 0, 0, 0
	d.generation = max(d.generation, generation)
	if d.count == 0 && d.floor == 0 {
		c.remove(n)
	}
}

// Purged reports whether the entry that is held, of a response with this head, was purged, and drops its file then from the index; the file is the
// caller's to remove.
func (h *Hold) Purged(key, head []byte) bool {
	c := h.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	generation := c.at(h.n).generation
	if len(c.purges) == 0 && h.floor <= generation {
		return false
	}
	by := c.purgedBy(key, head, generation)
	if h.floor > generation {
		by = max(by, h.floor)
	}
	if by == 0 {
		return false
	}
	c.void(h.n, by)
	return true
}

// purgedBy is the generation of the newest purge that names what is of an older one, 0 if there is none.
func (c *state) purgedBy(key, head []byte, generation uint32) (by uint32) {
	for i := range c.purges {
		if p := &c.purges[i]; max(generation, by) < p.generation && p.names(key, head) {
			by = p.generation
		}
	}
	return by
}

// Remove removes the file of an entry. It touches the disk.
func (c *Cache) Remove(sum Sum) { _ = disk.RemoveBlocking(c.Path(sum)) }

// readHeader reads the header of a file and holds it against the key, unless that is nil.
func readHeader(path string, buf, key []byte) (h Header, ok bool) {
	n, err := disk.ReadHeadBlocking(path, buf)
	if err != nil {
		return h, false
	}
	switch fault := h.Parse(buf[:n], key, CRC(key), 1<<16); fault {
	case "":
	case LongHeader: // the head was not read
		h.Vary = buf[atVary : atVary+min(int(buf[atVaryLen]), Longest)]
	default:
		return h, false
	}
	return h, true
}

// CarryOut drops what was purged, in a task of its own, unless there is one that does. Loop only.
func (c *Cache) CarryOut(l *loop.Loop) {
	c.mu.Lock()
	idle := !c.purging && len(c.purges) > 0
	c.purging = c.purging || idle
	c.mu.Unlock()
	if idle {
		l.Go(c.carryOut)
	}
}

func (c *Cache) carryOut(t *loop.Task) {
	for n, until := uint32(1), uint32(0); ; {
		if n == 1 {
			if until = c.purgesUpTo(); until == 0 {
				return
			}
		}
		pause, done := c.Manager.Sleep, false
		if c.Cold() { // there may be files that nobody knows
			pause = time.Second
		} else {
			t.Await(func() { n, done = c.purgeSome(n, time.Now) })
		}
		if done {
			c.forgetPurges(until)
			n = 1
			continue
		}
		if t.Sleep(pause) != nil {
			return
		}
	}
}

// purgesUpTo is the generation of the newest purge. When there is none it is 0, and nobody carries purges out any more.
func (c *Cache) purgesUpTo() (newest uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.purging = len(c.purges) > 0
	for i := range c.purges {
		newest = max(newest, c.purges[i].generation)
	}
	return newest
}

func (c *Cache) forgetPurges(until uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	left := c.purges[:0]
	for _, p := range c.purges {
		if p.generation > until {
			left = append(left, p)
		}
	}
	clear(c.purges[len(left):])
	c.purges = left
}

// purgeSome looks at entries from number n on, as the manager's pace allows. It touches the disk.
func (c *Cache) purgeSome(n uint32, now func() time.Time) (next uint32, done bool) {
	began := now()
	buf := make([]byte, 4096)
	for files := 0; files < c.Manager.Files && now().Sub(began) < c.Manager.Threshold; n++ {
		c.mu.Lock()
		if n > c.made {
			c.mu.Unlock()
			return n, true
		}
		d := *c.at(n)
		if !d.exists && d.count > 0 {
			// What is being fetched may be named. Its key is not known here: it is not stored this time.
			c.at(n).generation = c.generation
		}
		c.mu.Unlock()
		if !d.exists {
			continue
		}
		files++
		path := c.Path(d.key)
		key, head, ok := readKey(path, buf)
		if !ok {
			continue
		}
		c.mu.Lock()
		by := uint32(0)
		if c.at(n).key == d.key && c.at(n).uniq == d.uniq {
			by = c.purgedBy(key, head, c.at(n).generation)
		}
		gone := by > 0
		if gone {
			c.void(n, by)
		}
		c.mu.Unlock()
		if gone {
			_ = disk.RemoveBlocking(path)
		}
	}
	return n, false
}

// readKey reads the key in a file, and the head of the response.
func readKey(path string, buf []byte) (key, head []byte, ok bool) {
	n, err := disk.ReadHeadBlocking(path, buf)
	if err != nil || n < HeaderStart(0) {
		return nil, nil, false
	}
	var h Header
	h.read(buf)
	start, end := int(h.HeaderStart), int(h.BodyStart)
	if start < HeaderStart(0) || end < start {
		return nil, nil, false
	}
	if end > n {
		buf = make([]byte, end)
		if n, err = disk.ReadHeadBlocking(path, buf); err != nil || n < end {
			return nil, nil, false
		}
	}
	return buf[HeaderStart(0)-1 : start-1], buf[start:end], true
}
