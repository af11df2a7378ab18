package h2

import (
	"time"

	"golang.org/x/net/http2/hpack"
)

// A client compresses its fields by a table that the server must keep as long as the connection lives: some kilobytes, as a decoder
// has it. A connection that has been idle for a while keeps instead a block of fields that makes the same table, which is a tenth of
// that, and decodes it when the client comes again.

const (
	foldAfter     = 3 * time.Second
	maxIdleTables = 64
)

// foldable says that the table can be made again. It cannot when the client has changed its size, which a decoder does not tell.
func (c *conn) foldable() bool { return c.decoder != nil && !c.resized && !c.in.incomplete() }

// fold gives the decoder away and keeps what makes its table.
func (c *conn) fold() {
	if !c.foldable() {
		return
	}
	var entries []hpack.HeaderField
	d := c.decoder
	d.SetMaxStringLength(0)
	d.SetEmitFunc(func(f hpack.HeaderField) { entries = append(entries, f) })
	for i := staticEntries + 1; ; i++ { // the newest first
		if _, err := d.Write(appendInt(nil, 0x80, 7, i)); err != nil {
			break
		}
	}
	n := 0
	for i := range entries {
		n += len(entries[i].Name) + len(entries[i].Value) + 10
	}
	b := make([]byte, 0, n)
	for i := len(entries) - 1; i >= 0; i-- {
		b = appendString(append(b, 0x40), []byte(entries[i].Name))
		b = appendString(b, []byte(entries[i].Value))
	}
	c.folded = append([]byte(nil), b...)
	c.giveDecoder()
}

// unfold makes the table again.
func (c *conn) unfold() {
	d := c.takeDecoder()
	d.SetEmitEnabled(false)
	_, _ = d.Write(c.folded)
	_ = d.Close()
	d.SetEmitEnabled(true)
	c.decoder, c.folded = d, nil
}

// takeDecoder takes a decoder with an empty table.
func (c *conn) takeDecoder() *hpack.Decoder {
	p := &c.shared.pools[c.client.Conn.Loop().ID()]
	n := len(p.tables)
	if n == 0 {
		return hpack.NewDecoder(tableSize, c.field)
	}
	d := p.tables[n-1]
	p.tables = p.tables[:n-1]
	d.SetEmitFunc(c.field)
	return d
}

// giveDecoder empties the decoder and leaves it to other connections.
func (c *conn) giveDecoder() {
	d := c.decoder
	c.decoder = nil
	_ = d.Close()
	d.SetEmitFunc(nil)
	d.SetMaxDynamicTableSize(0)
	d.SetMaxDynamicTableSize(tableSize)
	if p := &c.shared.pools[c.client.Conn.Loop().ID()]; len(p.tables) < maxIdleTables {
		p.tables = append(p.tables, d)
	}
}
