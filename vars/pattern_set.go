package vars

// A PatternSet asks many patterns at once, such as the lines of a map that lists thousands of user agents. Texts that may stand anywhere are
// looked up by three of their bytes in one pass; the time does not grow with their number. Any goroutine.
type PatternSet struct {
	patterns []*Pattern
	others   []int32 // patterns that are asked one by one, in order
	heads    map[uint32]int32
	texts    []setText
	seen     [1 << 11]uint32 // bits of the keys in heads, to pass by most places
}

// A setText is one text of a pattern; next is another one with the same key, -1 the last.
type setText struct {
	pattern, text, next int32
}

// setKey is how many bytes texts are looked up by.
const setKey = 3

// minSet is from how many texts on looking them up pays.
const minSet = 8

// NewPatternSet makes a set of patterns, of which earlier ones go before later ones.
func NewPatternSet(all []*Pattern) *PatternSet {
	s := &PatternSet{patterns: all, heads: map[uint32]int32{}}
	for i, p := range all {
		if !p.findable() || len(all) < minSet {
			s.others = append(s.others, int32(i))
			continue
		}
		for k, t := range p.plain.texts {
			key := keyOf(t.text)
			next, ok := s.heads[key]
			if !ok {
				next = -1
			}
			s.heads[key] = int32(len(s.texts))
			s.texts = append(s.texts, setText{int32(i), int32(k), next})
			s.seen[key>>5%uint32(len(s.seen))] |= 1 << (key & 31)
		}
	}
	return s
}

// findable reports whether the pattern is texts that may stand anywhere, and are long enough to be looked up.
func (p *Pattern) findable() bool {
	if p.plain == nil || p.plain.start || p.plain.end {
		return false
	}
	for _, t := range p.plain.texts {
		if len(t.text) < setKey {
			return false
		}
	}
	return true
}

// keyOf is the first bytes of a text, letters in lower case.
func keyOf(b []byte) uint32 { return uint32(low(b[0]))<<16 | uint32(low(b[1]))<<8 | uint32(low(b[2])) }

func low(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}

// Find has try called with the numbers of the patterns that may match s, in order, until it says that one does.
func (s *PatternSet) Find(b []byte, try func(i int) bool) {
	found := s.lookup(b)
	for _, i := range s.others {
		if found >= 0 && i > found {
			break
		}
		if try(int(i)) {
			return
		}
	}
	if found >= 0 {
		try(int(found))
	}
}

// lookup returns the first pattern that has a text in b, of those that are looked up; -1 is none.
func (s *PatternSet) lookup(b []byte) int32 {
	found := int32(-1)
	if len(s.texts) == 0 {
		return found
	}
	for at := 0; at+setKey <= len(b); at++ {
		key := keyOf(b[at:])
		if s.seen[key>>5%uint32(len(s.seen))]&(1<<(key&31)) == 0 {
			continue
		}
		i, ok := s.heads[key]
		for ; ok && i >= 0; i = s.texts[i].next {
			t := &s.texts[i]
			if found >= 0 && t.pattern >= found {
				continue
			}
			if p := s.patterns[t.pattern].plain; p.stands(b, at, p.texts[t.text].text) {
				found = t.pattern
			}
		}
	}
	return found
}
