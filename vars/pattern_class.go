package vars

import (
	"strings"
	"unicode"
)

// A byteSet is a set of bytes: what a character class is in PCRE without UTF.
type byteSet [4]uint64

func (s *byteSet) add(b byte)      { s[b>>6] |= 1 << (b & 63) }
func (s *byteSet) has(b byte) bool { return s[b>>6]&(1<<(b&63)) != 0 }

func (s *byteSet) addRange(from, to byte) {
	for b := int(from); b <= int(to); b++ {
		s.add(byte(b))
	}
}

func (s *byteSet) union(o byteSet) {
	for i := range s {
		s[i] |= o[i]
	}
}

func (s byteSet) negated() byteSet {
	for i := range s {
		s[i] = ^s[i]
	}
	return s
}

// rangesOf makes a set of pairs: "azAZ" are all letters.
func rangesOf(pairs string) (s byteSet) {
	for i := 0; i+1 < len(pairs); i += 2 {
		s.addRange(pairs[i], pairs[i+1])
	}
	return s
}

// typeSet returns the set of \d, \w and their kin, as PCRE's default tables have them.
func typeSet(c byte) (s byteSet, ok bool) {
	switch c | 0x20 {
	case 'd':
		s = rangesOf("09")
	case 'w':
		s = rangesOf("09AZaz__")
	case 's':
		s = rangesOf("\t\r  ")
	case 'h':
		s = rangesOf("\t\t  \xa0\xa0")
	case 'v':
		s = rangesOf("\n\r\x85\x85")
	default:
		return s, false
	}
	if c&0x20 == 0 {
		s = s.negated()
	}
	return s, true
}

// posixSet returns the set of [:name:].
func posixSet(name string) (s byteSet, ok bool) {
	name, negated := strings.CutPrefix(name, "^")
	pairs, ok := map[string]string{
		"alnum": "09AZaz", "alpha": "AZaz", "ascii": "\x00\x7f", "blank": "\t\t  ", "cntrl": "\x00\x1f\x7f\x7f",
		"digit": "09", "graph": "!~", "lower": "az", "print": " ~", "punct": "!/:@[`{~", "space": "\t\r  ",
		"upper": "AZ", "word": "09AZaz__", "xdigit": "09AFaf",
	}[name]
	if s = rangesOf(pairs); negated {
		s = s.negated()
	}
	return s, ok
}

// propertySet returns the set of \p{name}. Without UTF, PCRE takes bytes for the first 256 characters
// of Unicode.
func propertySet(name string) (s byteSet, ok bool) {
	name, negated := strings.CutPrefix(name, "^")
	table := unicode.Categories[name]
	if table == nil {
		table = unicode.Scripts[name]
	}
	for b := range 256 {
		switch {
		case name == "Any", table != nil && unicode.Is(table, rune(b)):
			s.add(byte(b))
		case name == "L&" && unicode.In(rune(b), unicode.Lu, unicode.Ll, unicode.Lt):
			s.add(byte(b))
		}
	}
	if negated {
		s = s.negated()
	}
	return s, table != nil || name == "Any" || name == "L&"
}

// appendClass writes a set as a class of both engines. A negated set is written as such, so that
// ignoring case takes both cases away.
func appendClass(out []byte, s byteSet, negated bool) []byte {
	if s == (byteSet{}) {
		s, negated = s.negated(), !negated
	}
	out = append(out, '[')
	if negated {
		out = append(out, '^')
	}
	for b := 0; b < 256; b++ {
		if !s.has(byte(b)) {
			continue
		}
		end := b
		for end < 255 && end != 0x7f && s.has(byte(end+1)) {
			end++
		}
		out = appendCode(out, byte(b))
		if end > b {
			out = appendCode(append(out, '-'), byte(end))
		}
		b = end
	}
	return append(out, ']')
}

// appendCode writes a byte as \x{…}.
func appendCode(out []byte, b byte) []byte {
	const hex = "0123456789ABCDEF"
	out = append(out, `\x{`...)
	if b >= 0x80 {
		out = append(out, "E0"...)
	}
	return append(out, hex[b>>4], hex[b&15], '}')
}

// appendLiteral writes a byte that stands for itself.
func appendLiteral(out []byte, b byte) []byte {
	switch {
	case isNameByte(b) || strings.IndexByte("/-=,;:!&%@~'\"<> ", b) >= 0:
		return append(out, b)
	case b < 0x20 || b >= 0x7f || b == '#':
		return appendCode(out, b)
	}
	return append(out, '\\', b)
}
