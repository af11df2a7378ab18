package h2

import (
	"errors"
	"strings"

	"golang.org/x/net/http2/hpack"

	"weir/http/field"
	"weir/loop"
)

// A block is the fields that HEADERS began and CONTINUATION goes on with. They are decoded as they come, also when they count for
// nothing, since the client's table must be kept. Nothing may come in between.
type block struct {
	open     bool
	fresh    bool // nothing of it has come
	id       uint32
	stream   *stream // nil: the fields count for nothing
	trailers bool
	last     bool // END_STREAM
	tooLarge bool
	nameless bool
	badField bool      // of trailers
	room     int64     // bytes of names and values that are still allowed
	until    loop.Time // when the time for the rest is over
}

// beginHeaders checks the head of HEADERS.
func (c *conn) beginHeaders() error {
	in := &c.in
	before := uint32(0)
	if in.flags&flagPadded != 0 {
		before++
	}
	if in.flags&flagHasPriority != 0 {
		before += 5
	}
	switch {
	case in.rest < before:
		return c.fault(codeSize, "client sent HEADERS frame with incorrect length %d", in.rest)
	case in.rest == before:
		return c.fault(codeSize, "client sent HEADERS frame with empty header block")
	}
	in.rest -= before
	if in.flags&flagPadded != 0 {
		in.state = inPadded
		return nil
	}
	return c.unpadded()
}

// padded takes the length of the padding of DATA or HEADERS.
func (c *conn) padded() error {
	in := &c.in
	if in.kind == kindData {
		return c.paddedData()
	}
	if uint32(in.pad) > in.rest {
		return c.fault(codeProtocol, "client sent padded HEADERS frame with incorrect length: %d, padding: %d", in.rest, in.pad)
	}
	in.rest -= uint32(in.pad)
	return c.unpadded()
}

// unpadded goes on with HEADERS behind the length of its padding.
func (c *conn) unpadded() error {
	if c.in.flags&flagHasPriority != 0 {
		c.in.state = inPriority
		return nil
	}
	return c.beginBlock(0, defaultWeight-1, false)
}

// beginBlock begins the fields of a stream: of a new one, or its trailers.
func (c *conn) beginBlock(dependency uint32, weight byte, told bool) error {
	id := c.in.id
	if s := c.find(id); s != nil {
		return c.beginTrailers(s)
	}
	if id != 0 && id <= c.lastID && c.wasRefused(id) {
		c.openBlock(nil)
		return c.spend(1)
	}
	if id%2 == 0 || id <= c.lastID {
		return c.fault(codeProtocol, "client sent HEADERS frame with incorrect identifier %d, the last was %d", id, c.lastID)
	}
	if dependency&maxWindow == id {
		return c.fault(codeProtocol, "client sent HEADERS frame for stream %d with incorrect dependency", id)
	}
	if c.goaway {
		c.lateID = max(c.lateID, id)
		c.openBlock(nil)
		return c.spend(1)
	}
	c.lastID = id
	if err, refused := c.refuse(); refused {
		c.openBlock(nil)
		return err
	}
	s := c.newStream(id)
	if told || c.tree != nil {
		c.depend(s, dependency, weight, told)
	}
	core := c.core()
	if core.KeepaliveTimeout == 0 || int64(c.client.Requests) >= int64(core.KeepaliveRequests) ||
		s.began.Sub(c.client.Started) > core.KeepaliveTime {
		c.goAway(codeNone)
	}
	c.openBlock(s)
	return nil
}

// refuse refuses a new stream when there are too many.
func (c *conn) refuse() (err error, refused bool) {
	now := int32(len(c.work.streams))
	c.newStreams++
	switch {
	case now >= c.streams:
		c.logf("concurrent streams exceeded %d", now)
	case c.newStreams > 2*c.streams:
		c.logf("client sent too many streams at once")
	case !c.acked && c.in.flags&flagEndStream == 0 && c.preread < defaultWindow:
		c.logf("client sent stream with data before settings were acknowledged")
	default:
		return nil, false
	}
	if c.refusals++; c.refusals > max(c.streams, 100)+1 {
		return c.fault(codeNone, "client sent too many refused streams"), true
	}
	c.sendReset(c.in.id, codeRefused)
	return nil, true
}

// beginTrailers begins a block for a stream that there is.
func (c *conn) beginTrailers(s *stream) error {
	cost := 1
	switch {
	case s.wasReset():
		return c.fault(codeClosed, "client sent HEADERS frame for closed stream %d", s.id)
	case s.lost != nil:
		s = nil
	case s.inClosed:
		s.terminate(codeClosed)
		s, cost = nil, resetCost
	case c.in.flags&flagEndStream == 0: // a second head
		s.terminate(codeProtocol)
		s, cost = nil, resetCost
	}
	c.openBlock(s)
	c.in.block.trailers = s != nil
	return c.spend(cost)
}

// openBlock makes ready for the fields of a stream, or for such as count for nothing.
func (c *conn) openBlock(s *stream) {
	core := c.client.Server().Core
	c.decoder.SetMaxStringLength(int(core.LargeSize))
	c.in.block = block{
		open: true, fresh: true, id: c.in.id, stream: s, last: c.in.flags&flagEndStream != 0, room: core.LargeSize * int64(core.LargeCount),
		until: c.client.Conn.Loop().Now().Add(core.HeaderTimeout),
	}
	c.in.state = inBlock
}

// beginContinuation goes on with a block.
func (c *conn) beginContinuation() error {
	in := &c.in
	if !in.block.open {
		return c.fault(codeProtocol, "client sent unexpected CONTINUATION frame")
	}
	in.state = inBlock
	if in.rest == 0 {
		return c.spend(10)
	}
	return c.spend(1)
}

// fragment decodes a part of the block; ends says that it is the last of its frame.
func (c *conn) fragment(part []byte, ends bool) error {
	b := &c.in.block
	if b.fresh && len(part) > 0 {
		b.fresh = false
		c.resized = c.resized || part[0]>>5 == 1 // only here may the table's size be changed (RFC 7541, section 4.2)
	}
	if _, err := c.decoder.Write(part); err != nil {
		return c.badBlock(err)
	}
	switch {
	case b.nameless:
		return c.fault(codeProtocol, "client sent zero header name length")
	case b.tooLarge:
		return c.fault(codeCalm, "client sent too large header")
	}
	if b.stream != nil && !b.trailers {
		b.stream.headBytes += len(part)
	}
	if !ends || c.in.flags&flagEndHeaders == 0 {
		return nil
	}
	if err := c.decoder.Close(); err != nil {
		return c.fault(codeSize, "client sent header block with incorrect length")
	}
	b.open = false
	s := b.stream
	b.stream = nil
	switch {
	case s == nil:
	case b.trailers:
		if b.badField {
			s.terminate(codeProtocol)
			return c.spend(resetCost)
		}
		s.endInput()
	default:
		s.inClosed = b.last
		s.start()
	}
	return nil
}

// badBlock reports why a block cannot be decoded.
func (c *conn) badBlock(err error) error {
	var index hpack.InvalidIndexError
	switch {
	case errors.Is(err, hpack.ErrStringLength):
		return c.fault(codeCalm, "client sent too large header field")
	case errors.Is(err, hpack.ErrInvalidHuffman):
		return c.fault(codeCompression, "client sent invalid encoded header field")
	case errors.As(err, &index) && index == 0:
		return c.fault(codeCompression, "client sent invalid hpack table index 0")
	case errors.As(err, &index):
		return c.fault(codeCompression, "client sent out of bound hpack table index: %d", int(index)-staticEntries)
	case strings.Contains(err.Error(), "table size"):
		return c.fault(codeCompression, "client sent invalid table size update")
	}
	return c.fault(codeCompression, "client sent header block with too long header index value")
}

// staticEntries is how many fields every table begins with (RFC 7541, appendix A).
const staticEntries = 61

// field takes a decoded field.
func (c *conn) field(f hpack.HeaderField) {
	b := &c.in.block
	if f.Name == "" {
		b.nameless = true
		return
	}
	if b.room -= int64(len(f.Name) + len(f.Value)); b.room < 0 {
		b.tooLarge = true
		return
	}
	switch {
	case b.stream == nil:
	case b.trailers:
		if _, ok := field.CheckName([]byte(f.Name)); !ok || strings.ContainsAny(f.Name, upperCase) || !field.CheckValue([]byte(f.Value)) {
			b.badField = true
		}
	default:
		b.stream.addField(f.Name, f.Value)
	}
}

const upperCase = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

// late ends a stream whose head does not come: the rest of it is read over.
func (b *block) late() {
	s := b.stream
	b.stream = nil
	if b.trailers {
		s.terminate(codeProtocol)
		return
	}
	s.lateHead = true
	s.start()
}
