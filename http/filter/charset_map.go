package filter

import (
	"errors"
	"strconv"
	"strings"

	"weir/conf"
	"weir/http"
	"weir/http/field"
)

// charsets are all that a configuration names.
type charsets struct{ list []*charset }

// A charset is known by its name and by what it can be recoded to.
type charset struct {
	name []byte
	utf8 bool
	to   map[*charset]*recoding
}

// A recoding is the way from one charset to another: one of the three is set. Codes below 0x80 stay as
// they are when they come from utf-8.
type recoding struct {
	bytes    *[256]byte        // one byte to one byte
	toUTF8   *[256]string      // one byte to a character
	fromUTF8 *[256]*[256]uint8 // a character below 0x10000, by halves, to one byte; 0: there is none
}

// add finds a charset by name, or makes it. Load only.
func (c *charsets) add(name string) *charset {
	if have := c.find([]byte(name)); have != nil {
		return have
	}
	s := &charset{name: []byte(name), utf8: strings.EqualFold(name, "utf-8"), to: map[*charset]*recoding{}}
	c.list = append(c.list, s)
	return s
}

// find finds a charset by name, whatever its case; nil if there is none. Any goroutine, once loaded.
func (c *charsets) find(name []byte) *charset {
	for _, s := range c.list {
		if field.EqualFold(name, string(s.name)) {
			return s
		}
	}
	return nil
}

func declareCharsetMap(call *conf.Call) error {
	known := http.Of[charsets](http.Env(call))
	src, dst := known.add(call.Arg(0)), known.add(call.Arg(1))
	switch {
	case src == dst:
		return call.Errorf(-1, "\"charset_map\" between the same charsets \"%s\" and \"%s\"", call.Arg(0), call.Arg(1))
	case src.utf8:
		return call.Errorf(-1, "\"charset_map\" with \"utf-8\" charset should be given in the second column")
	case src.to[dst] != nil:
		return call.Errorf(-1, "duplicate \"charset_map\" between \"%s\" and \"%s\"", call.Arg(0), call.Arg(1))
	}
	add := byteMap(src, dst)
	if dst.utf8 {
		add = utf8Map(src, dst)
	}
	var errs []error
	for n := range call.Body().Lines() {
		if len(n.Words) != 2 {
			errs = append(errs, http.ErrorAt(n, -1, "invalid parameters number"))
			continue
		}
		code, ok := parseCode(n.Name())
		if !ok {
			errs = append(errs, http.ErrorAt(n, -1, "invalid value \"%s\"", n.Name()))
			continue
		}
		if !add(code, n.Words[1].Text) {
			errs = append(errs, http.ErrorAt(n, 0, "invalid value \"%s\"", n.Words[1].Text))
		}
	}
	return errors.Join(errs...)
}

// parseCode reads one byte in hexadecimal.
func parseCode(s string) (byte, bool) {
	if s == "" || s[0] == '+' || s[0] == '-' || strings.Contains(s, "_") {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 16, 64)
	return byte(n), err == nil && n <= 255
}

// byteMap makes the recodings between two charsets of one byte; add adds a line.
func byteMap(src, dst *charset) (add func(code byte, value string) bool) {
	there, back := &[256]byte{}, &[256]byte{}
	for i := range there {
		there[i], back[i] = byte(i), byte(i)
		if i >= 0x80 {
			there[i], back[i] = '?', '?'
		}
	}
	src.to[dst], dst.to[src] = &recoding{bytes: there}, &recoding{bytes: back}
	return func(code byte, value string) bool {
		other, ok := parseCode(value)
		if ok {
			there[code], back[other] = other, code
		}
		return ok
	}
}

// utf8Map makes the recodings between a charset of one byte and utf-8; add adds a line, whose character
// must take two or three bytes.
func utf8Map(src, dst *charset) (add func(code byte, value string) bool) {
	there, back := &[256]string{}, &[256]*[256]uint8{}
	for i := range there {
		there[i] = string(rune(i))
		if i >= 0x80 {
			there[i] = "?"
		}
	}
	src.to[dst], dst.to[src] = &recoding{toUTF8: there}, &recoding{fromUTF8: back}
	return func(code byte, value string) bool {
		if len(value) > 6 || len(value)%2 != 0 {
			return false
		}
		var b []byte
		for i := 0; i < len(value); i += 2 {
			c, ok := parseCode(value[i : i+2])
			if !ok {
				return false
			}
			b = append(b, c)
		}
		char, n := decodeUTF8(b)
		if n <= 0 || char > 0xffff {
			return false
		}
		there[code] = string(b)
		page := back[char>>8]
		if page == nil {
			page = &[256]uint8{}
			back[char>>8] = page
		}
		page[char&0xff] = code
		return true
	}
}
