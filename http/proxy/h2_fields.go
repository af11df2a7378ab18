package proxy

import (
	"errors"
	"sync"

	"golang.org/x/net/http2/hpack"
)

// A fieldDecoder reads a block of fields (RFC 7541) of a peer that was told to keep no table: fields are literals, or stand in the static
// table. As nginx does, it takes a compressed string whose padding is a whole byte.
type fieldDecoder struct {
	state fieldState
	index int  // of the name in the static table; 0: it is a literal
	whole bool // the value is of the table too
	shift uint // of the number that is being read
	n     int  // that, or how many bytes of a string are to come
	huff  bool
	name  []byte
	value []byte
	raw   []byte // of the string that is being read
	text  decoded
}

// decoded is where a compressed string is written to.
type decoded []byte

func (d *decoded) Write(p []byte) (int, error) {
	*d = append(*d, p...)
	return len(p), nil
}

type fieldState uint8

const (
	inStart fieldState = iota
	inIndex            // the second byte of an index
	inNameLen
	inNameMore // of its length
	inName
	inValueLen
	inValueMore
	inValue
	inComplete
)

// errEncoding is a fault of the coding; text and number say which.
type errEncoding struct {
	text   string
	number int // -1: none
}

func (e *errEncoding) Error() string { return e.text }

func encodingError(text string, number int) error { return &errEncoding{text, number} }

// errPartial says that a string goes on for longer than is allowed, or that there is no more of it.
var errPartial = errors.New("more of a field must come")

// staticTable is the table of RFC 7541, appendix A, from 1 on.
var staticTable = sync.OnceValue(func() (table [62]hpack.HeaderField) {
	d := hpack.NewDecoder(0, nil)
	for i := 1; i < len(table); i++ {
		f, _ := d.DecodeFull([]byte{0x80 | byte(i)})
		table[i] = f[0]
	}
	return table
})

func (d *fieldDecoder) reset() {
	*d = fieldDecoder{name: d.name[:0], value: d.value[:0], raw: d.raw[:0], text: d.text[:0]}
}

// next takes some of what b begins with, up to the end of a field, which name and value are until the next call. errPartial: b was used up.
// A string may have room bytes.
func (d *fieldDecoder) next(b []byte, room int64) (used int, err error) {
	if d.state == inComplete {
		d.reset()
	}
	for used < len(b) {
		if d.state == inName || d.state == inValue {
			n := min(d.n, len(b)-used)
			d.raw = append(d.raw, b[used:used+n]...)
			d.n -= n
			used += n
		} else {
			c := b[used]
			used++
			if err := d.octet(c); err != nil {
				return used, err
			}
			if (d.state == inName || d.state == inValue) && int64(d.n) > room {
				what := "name"
				if d.state == inValue {
					what = "value"
				}
				return used, encodingError("sent too large http2 header "+what+" length", d.n)
			}
		}
		if err := d.stringEnd(); err != nil {
			return used, err
		}
		if d.state == inComplete {
			return used, nil
		}
	}
	return used, errPartial
}

// octet takes a byte that is not of a string.
func (d *fieldDecoder) octet(c byte) error {
	switch d.state {
	case inStart:
		return d.begin(c)
	case inIndex:
		if c&0x80 != 0 {
			return encodingError("sent http2 table index with continuation flag", -1)
		}
		d.index += int(c)
		return d.indexed()
	case inNameLen, inValueLen:
		d.huff, d.n, d.shift = c&0x80 != 0, int(c&0x7f), 0
		d.raw = d.raw[:0]
		if d.state++; d.n < 0x7f {
			d.state++
		}
	case inNameMore, inValueMore:
		if d.shift > 14 { // nothing so long is of use
			what := "name"
			if d.state == inValueMore {
				what = "value"
			}
			return encodingError("sent too large http2 header "+what+" length", -1)
		}
		d.n += int(c&0x7f) << d.shift
		if d.shift += 7; c&0x80 == 0 {
			d.state++
		}
	}
	if d.state == inName && d.n == 0 {
		return encodingError("sent zero http2 header name length", -1)
	}
	return nil
}

// begin takes the first byte of a field.
func (d *fieldDecoder) begin(c byte) error {
	switch {
	case c&0x80 != 0:
		d.index, d.whole = int(c&0x7f), true
		return d.indexed()
	case c&0x40 != 0:
		return d.literal(c, 0x3f)
	case c&0x20 != 0:
		if size := int(c & 0x1f); size > 0 {
			return encodingError("sent invalid http2 dynamic table size update", size)
		}
		return nil
	}
	return d.literal(c, 0x0f)
}

func (d *fieldDecoder) literal(c, mask byte) error {
	if d.index = int(c & mask); d.index == int(mask) {
		d.state = inIndex
		return nil
	}
	if d.index == 0 {
		d.state = inNameLen
		return nil
	}
	return d.indexed()
}

// indexed goes on when the index is known.
func (d *fieldDecoder) indexed() error {
	table := staticTable()
	if d.index == 0 || d.index >= len(table) {
		return encodingError("sent invalid http2 table index", d.index)
	}
	f := &table[d.index]
	d.name = append(d.name[:0], f.Name...)
	if d.state = inValueLen; d.whole {
		d.value = append(d.value[:0], f.Value...)
		d.state = inComplete
	}
	return nil
}

// stringEnd takes a string that is complete.
func (d *fieldDecoder) stringEnd() error {
	if d.n > 0 || d.state != inName && d.state != inValue {
		return nil
	}
	to := &d.name
	if d.state++; d.state == inComplete {
		to = &d.value
	}
	if !d.huff {
		*to = append((*to)[:0], d.raw...)
		return nil
	}
	d.text = d.text[:0]
	_, err := hpack.HuffmanDecode(&d.text, d.raw)
	if n := len(d.raw); err != nil && n > 0 && d.raw[n-1] == 0xff {
		d.text = d.text[:0]
		_, err = hpack.HuffmanDecode(&d.text, d.raw[:n-1])
	}
	if err != nil {
		return encodingError("sent invalid encoded header", -1)
	}
	*to = append((*to)[:0], d.text...)
	return nil
}
