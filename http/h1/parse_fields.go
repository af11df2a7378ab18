package h1

import (
	"bytes"

	"weir/http"
	"weir/http/field"
)

// fieldState is what the next byte of the header fields belongs to.
type fieldState uint8

const (
	fieldStart   fieldState = iota // the first byte of a field, or the empty line
	fieldName                      // its name
	fieldGap                       // spaces before its value
	fieldValue                     // its value
	fieldCR                        // LF after the CR of its line
	fieldIgnored                   // a line that is skipped
	fieldLastCR                    // LF after the CR of the empty line
)

// A span is where a field lies in the buffer.
type span struct {
	name, nameEnd, value, valueEnd uint32
	id                             field.ID
	flags                          field.Flags
}

// head reads header fields and is what parsers of requests, responses and trailers share. It keeps
// offsets only, so the buffer may move between calls.
type head struct {
	pos    int // the next byte to look at
	lineAt int // where the current line begins
	lastAt int // where the line before it began
	seen   int // fields that Forget has dropped
	badAt  int // the byte at which nginx gives up, after http.FaultField
	spans  []span
	cur    span
	state  fieldState
	peer   bool // fields of an upstream server: a status line among them is skipped
}

func (h *head) resetFields(at int) {
	h.pos, h.lineAt, h.lastAt, h.badAt, h.seen = at, at, at, at, 0
	h.spans = h.spans[:0]
	h.state = fieldStart
}

// Used is the offset behind the last byte that was taken.
func (h *head) Used() int { return h.pos }

// Len is the number of fields read so far, without those that were forgotten.
func (h *head) Len() int { return len(h.spans) }

// Forget drops the fields read so far, which the caller has taken.
func (h *head) Forget() {
	h.seen += len(h.spans)
	h.spans = h.spans[:0]
}

// AtFirstField reports whether nothing of the first field has come.
func (h *head) AtFirstField() bool { return h.seen+len(h.spans) == 0 && h.state == fieldStart }

// LineAt is the offset at which the line being read begins.
func (h *head) LineAt() int { return h.lineAt }

// ParseFields reads header fields up to the empty line behind them. It returns false when it needs
// more bytes; buf must then have the same bytes at the same offsets, and more, in the next call.
func (h *head) ParseFields(buf []byte) (done bool, err error) {
	for h.pos < len(buf) {
		switch h.state {
		case fieldStart:
			done, err = h.startField(buf)
		case fieldName:
			err = h.readName(buf)
		case fieldGap, fieldValue:
			err = h.readValue(buf)
		case fieldCR:
			err = h.endLine(buf)
		case fieldIgnored:
			h.skipLine(buf)
		case fieldLastCR:
			if buf[h.pos] != '\n' {
				return false, h.fail(h.pos - 1)
			}
			h.pos++
			return true, nil
		}
		if done || err != nil {
			return done, err
		}
	}
	return false, nil
}

func (h *head) fail(at int) error {
	h.badAt = at
	return http.FaultField
}

func (h *head) startField(buf []byte) (done bool, err error) {
	h.lineAt = h.pos
	switch c := buf[h.pos]; {
	case c == '\r':
		h.pos++
		h.state = fieldLastCR
		return false, nil
	case c == '\n':
		h.pos++
		return true, nil
	case c == ':' || field.NameClasses[c] == field.NameStop: // no name, or obs-fold
		return false, h.fail(h.pos)
	}
	h.cur = span{name: uint32(h.pos)}
	h.state = fieldName
	return false, h.readName(buf)
}

// readName reads a name and what ends it. Of a peer, a line without a colon is a field without a value, as in nginx.
func (h *head) readName(buf []byte) error {
	i, class := h.pos, uint8(h.cur.flags)
	for i < len(buf) {
		c := field.NameClasses[buf[i]]
		class |= c
		if c >= field.NameColon {
			break
		}
		i++
	}
	h.cur.flags = field.Flags(class & uint8(field.Underscore|field.Invalid|field.NoToken))
	h.pos = i
	if i == len(buf) {
		return nil
	}
	name := buf[h.cur.name:i]
	if h.peer && h.cur.flags != 0 && bytes.HasPrefix(name, peerLine) {
		h.state = fieldIgnored
		return nil
	}
	c := buf[i]
	if c != ':' && (!h.peer || c != '\r' && c != '\n') {
		return h.fail(i)
	}
	h.cur.nameEnd = uint32(i)
	if h.cur.flags == 0 {
		h.cur.id = field.Lookup(name)
	}
	if c == ':' {
		h.pos = i + 1
		h.state = fieldGap
		return h.readValue(buf)
	}
	h.cur.value, h.cur.valueEnd = uint32(i), uint32(i)
	return h.endValue(buf, i)
}

// peerLine begins the second status line that IIS is known to send among its fields.
var peerLine = []byte("HTTP/")

// readValue reads the spaces before a value and the value. Only spaces are taken off, not tabs, as in
// nginx. Control bytes are taken from a peer only.
func (h *head) readValue(buf []byte) error {
	i := h.pos
	if h.state == fieldGap {
		for i < len(buf) && buf[i] == ' ' {
			i++
		}
		if i == len(buf) {
			h.pos = i
			return nil
		}
		h.cur.value = uint32(i)
		h.state = fieldValue
	}
	for {
		i = field.NextControl(buf, i)
		if i == len(buf) {
			h.pos = i
			return nil
		}
		switch buf[i] {
		case '\r', '\n':
			end := i
			for end > int(h.cur.value) && buf[end-1] == ' ' {
				end--
			}
			h.cur.valueEnd = uint32(end)
			return h.endValue(buf, i)
		case '\t':
		case 0:
			return h.fail(i)
		default:
			if !h.peer {
				return h.fail(i)
			}
		}
		i++
	}
}

// endValue takes the CR or LF at i, which ends a field.
func (h *head) endValue(buf []byte, i int) error {
	h.pos = i + 1
	if buf[i] == '\n' {
		return h.endField()
	}
	h.state = fieldCR
	if h.pos < len(buf) {
		return h.endLine(buf)
	}
	return nil
}

// endLine takes the LF after a CR. nginx allows further CRs before it.
func (h *head) endLine(buf []byte) error {
	switch buf[h.pos] {
	case '\n':
		h.pos++
		return h.endField()
	case '\r':
		h.pos++
		return nil
	}
	return h.fail(int(h.cur.valueEnd))
}

func (h *head) endField() error {
	h.spans = append(h.spans, h.cur)
	h.state = fieldStart
	h.lastAt, h.lineAt = h.lineAt, h.pos
	return nil
}

func (h *head) skipLine(buf []byte) {
	n := bytes.IndexByte(buf[h.pos:], '\n')
	if n < 0 {
		h.pos = len(buf)
		return
	}
	h.pos += n + 1
	h.state = fieldStart
	h.lastAt, h.lineAt = h.lineAt, h.pos
}

// Fields appends the fields read to dst. Names and values are borrowed from buf.
func (h *head) Fields(buf []byte, dst http.Fields) http.Fields {
	for i := range h.spans {
		dst = append(dst, h.Field(buf, i))
	}
	return dst
}

// Field returns field i. Its name and value are borrowed from buf.
func (h *head) Field(buf []byte, i int) http.Field {
	s := &h.spans[i]
	return http.Field{
		ID: s.id, Flags: s.flags,
		Name:  buf[s.name:s.nameEnd:s.nameEnd],
		Value: buf[s.value:s.valueEnd:s.valueEnd],
	}
}

// FieldText returns field i as it was sent, "Name: value", for the log. It is borrowed from buf.
func (h *head) FieldText(buf []byte, i int) []byte {
	return buf[h.spans[i].name:h.spans[i].valueEnd]
}

// maxFaultText is how much of a faulty line gets into the log: nginx's log lines have 2048 bytes.
const maxFaultText = 2048 - 300

// AppendFault appends what nginx logs after "client " or "upstream " about the fault that ParseFields
// has reported for buf.
func (h *head) AppendFault(dst, buf []byte, f *http.Fault) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, f.Text()...)
	switch f {
	case http.FaultField:
		if h.peer {
			dst = append(dst[:len(dst)-len(f.Text())], "sent invalid header"...)
		}
		at := min(h.badAt, len(buf)-1)
		dst = append(dst, `: "`...)
		dst = append(dst, buf[h.lineAt:max(at, h.lineAt)]...)
		if at >= 0 {
			dst = append(dst, '\\', 'x', hex[buf[at]>>4], hex[buf[at]&15])
		}
		dst = append(dst, `..."`...)
	case FaultFieldTooLong:
		at := h.lineAt
		if h.state == fieldStart { // the line before took all of the buffer
			at = max(h.lastAt, 0)
		}
		dst = append(dst, `: "`...)
		dst = append(dst, buf[at:min(len(buf), at+maxFaultText)]...)
		dst = append(dst, `..."`...)
	}
	return dst
}
