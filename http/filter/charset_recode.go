package filter

import (
	"strconv"

	"weir/disk"
	"weir/http"
)

// A recoder recodes the body of one response (http.BodyFilter).
type recoder struct {
	table *recoding
	kept  [3]byte // the beginning of a character whose rest is still to come
	nkept int
	turn  turn
}

// recodeSize is how much is recoded at a time. What comes out may be four times as long.
const recodeSize = 16 << 10

// recodeAhead is how much may wait for the client before more of a file is read.
const recodeAhead = 128 << 10

func (c *recoder) Body(r *http.Request, i int, p []http.Piece, f http.Flags) error {
	out := make([]http.Piece, 0, len(p))
	for k := range p {
		if p[k].Len > 0 {
			if err := r.PassBody(i+1, out, 0); err != nil {
				return err
			}
			out = out[:0]
			if err := c.file(r, i, p[k]); err != nil {
				return err
			}
			continue
		}
		out = c.memory(r, out, p[k])
	}
	if len(out) == 0 && f == 0 {
		return nil
	}
	return r.PassBody(i+1, out, f)
}

// memory recodes a piece of memory: in place where it is the piece's own and its length stays.
func (c *recoder) memory(r *http.Request, out []http.Piece, p http.Piece) []http.Piece {
	if p.Own != nil && c.table.bytes != nil {
		recodeBytes(p.B, p.B, c.table.bytes)
		return append(out, p)
	}
	for b := p.B; len(b) > 0; {
		n := min(len(b), recodeSize)
		out = append(out, c.recode(r, b[:n]))
		b = b[n:]
	}
	if p.Own != nil {
		r.Loop().Give(p.Own)
	}
	return out
}

// file recodes a file, not much faster than the client takes it.
func (c *recoder) file(r *http.Request, i int, p http.Piece) error {
	buf := r.Loop().Take(recodeSize)
	defer r.Loop().Give(buf)
	for p.Len > 0 {
		n, err := disk.ReadAt(r.Task, p.FD, buf[:min(p.Len, recodeSize)], p.Off)
		if err != nil {
			return err
		}
		p.Off += int64(n)
		p.Len -= int64(n)
		out := [1]http.Piece{c.recode(r, buf[:n])}
		if err := r.PassBody(i+1, out[:], 0); err != nil {
			return err
		}
		c.turn.rest(r)
		if r.Wire.Queued() > recodeAhead {
			if err := r.Drain(); err != nil {
				return err
			}
		}
	}
	return nil
}

// recode recodes at most recodeSize bytes into a buffer of the loop.
func (c *recoder) recode(r *http.Request, b []byte) http.Piece {
	buf := r.Loop().Take(4 * (len(b) + len(c.kept)))
	return http.Piece{B: c.append(buf[:0], b), Own: buf}
}

// append appends b, recoded, to dst.
func (c *recoder) append(dst, b []byte) []byte {
	switch {
	case c.table.bytes != nil:
		n := len(dst)
		dst = append(dst, b...)
		recodeBytes(dst[n:], b, c.table.bytes)
		return dst
	case c.table.toUTF8 != nil:
		for _, x := range b {
			dst = append(dst, c.table.toUTF8[x]...)
		}
		return dst
	}
	for c.nkept > 0 && len(b) > 0 {
		// at most three bytes are kept, and with all that belongs to them they are a character
		var char [4]byte
		n := copy(char[:], c.kept[:c.nkept])
		taken := copy(char[n:], b[:min(len(b), charLen(char[0])-n)])
		n += taken
		b = b[taken:]
		if n < charLen(char[0]) {
			c.nkept = copy(c.kept[:], char[:n])
			return dst
		}
		c.nkept = 0
		dst = c.fromUTF8(dst, char[:n])
	}
	return c.fromUTF8(dst, b)
}

func recodeBytes(dst, src []byte, table *[256]byte) {
	for i, x := range src {
		dst[i] = table[x]
	}
}

// fromUTF8 appends what is left of utf-8 in a charset of one byte: what it does not have as a number,
// what is no utf-8 as "?". An unfinished character at the end is kept for the next call.
func (c *recoder) fromUTF8(dst, b []byte) []byte {
	for len(b) > 0 {
		if b[0] < 0x80 {
			dst = append(dst, b[0])
			b = b[1:]
			continue
		}
		char, n := decodeUTF8(b)
		if n == 0 {
			c.nkept = copy(c.kept[:], b)
			break
		}
		if n < 0 {
			dst = append(dst, '?')
			b = b[-n:]
			continue
		}
		b = b[n:]
		if char <= 0xffff {
			if page := c.table.fromUTF8[char>>8]; page != nil && page[char&0xff] != 0 {
				dst = append(dst, page[char&0xff])
				continue
			}
		}
		dst = append(strconv.AppendUint(append(dst, "&#"...), uint64(char), 10), ';')
	}
	return dst
}

// charLen is how many bytes a character takes, by its first byte; 1 for one that begins none.
func charLen(first byte) int {
	switch {
	case first >= 0xf8 || first < 0xc2:
		return 1
	case first >= 0xf0:
		return 4
	case first >= 0xe0:
		return 3
	}
	return 2
}

// decodeUTF8 reads the character at the beginning of b, which is none of ASCII, and the number of its
// bytes: 0 when some are still missing, -n when n bytes are no character.
//
// It takes what nginx takes, which is more than the standard allows (a surrogate; a last byte of 0xc0 and
// above), and like nginx it counts the byte that spoils a character as part of what is no character.
func decodeUTF8(b []byte) (char uint32, n int) {
	if len(b) == 0 {
		return 0, 0
	}
	n = charLen(b[0])
	least := [...]uint32{0, 0, 0x80, 0x800, 0x10000}[n]
	if n == 1 {
		return 0, -1
	}
	if len(b) < n {
		return 0, 0
	}
	char = uint32(b[0]) & (0x7f >> n)
	for i := 1; i < n; i++ {
		if b[i] < 0x80 {
			return 0, -i - 1
		}
		char = char<<6 | uint32(b[i])&0x3f
	}
	if char < least || char > 0x10ffff {
		return 0, -n
	}
	return char, n
}
