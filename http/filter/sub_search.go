package filter

// A subSearch finds the first of several texts, without case. It never changes, so all loops may use it.
//
// It looks at the byte that stands where the shortest text would end, and goes on at once by as many bytes as that one allows (Horspool's
// way, for several texts).
type subSearch struct {
	texts    [][]byte // lower case
	shortest int
	longest  int
	shift    [256]uint8 // by the byte where the shortest text would end; both cases
	ending   [256][]int // the texts that have this byte there, in their order
}

// subState is how a search has ended.
type subState uint8

const (
	subNone  subState = iota // nothing is found
	subMatch                 // a text is found
	subPart                  // what is there may be the beginning of a text
)

func newSubSearch(texts [][]byte) *subSearch {
	s := &subSearch{texts: texts, shortest: len(texts[0])}
	for _, t := range texts {
		s.shortest = min(s.shortest, len(t))
		s.longest = max(s.longest, len(t))
	}
	for i := range s.shift {
		s.shift[i] = uint8(min(s.shortest, 255))
	}
	for i, t := range texts {
		for k := range min(s.shortest, 255) {
			c := t[s.shortest-1-k]
			s.shift[c] = min(s.shift[c], uint8(k))
		}
		c := t[s.shortest-1]
		s.ending[c] = append(s.ending[c], i)
	}
	for c := 'A'; c <= 'Z'; c++ {
		s.shift[c], s.ending[c] = s.shift[c|0x20], s.ending[c|0x20]
	}
	return s
}

// next looks for a text that begins at from or behind it, but before limit. Texts that are spent do not count. It says where the text, or
// what may be one, begins; and if there is none, from where on nothing could be told.
func (s *subSearch) next(b []byte, from, limit int, use *subText) (pos, text int, state subState) {
	end := len(b) - s.shortest
	for pos = from; pos < limit && pos <= end; {
		c := b[pos+s.shortest-1]
		if shift := s.shift[c]; shift > 0 {
			pos += int(shift)
			continue
		}
		for _, text := range s.ending[c] {
			if use.spent(text) {
				continue
			}
			if same, whole := s.compare(b[pos:], s.texts[text]); whole {
				return pos, text, subMatch
			} else if same {
				return pos, text, subPart
			}
		}
		pos++
	}
	return min(pos, len(b)), 0, subNone
}

// compare says whether a text stands at the beginning of b: as far as b goes, and as a whole.
func (s *subSearch) compare(b, text []byte) (same, whole bool) {
	n := min(len(b), len(text))
	for i, c := range b[:n] {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != text[i] {
			return false, false
		}
	}
	return true, n == len(text)
}

// tail says from where on b may be the beginning of a text, at from or behind it. No text fits there as a whole.
func (s *subSearch) tail(b []byte, from int) int {
	for ; from < len(b); from++ {
		for _, t := range s.texts {
			if same, _ := s.compare(b[from:], t); same {
				return from
			}
		}
	}
	return from
}
