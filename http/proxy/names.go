package proxy

import (
	"strings"

	"weir/http"
	"weir/http/field"
)

// A nameSet is a set of field names: those of the table as bits, the others by text.
type nameSet struct {
	known [4]uint64
	other []string
}

func (s *nameSet) add(name string) {
	if id := field.Lookup([]byte(name)); id != field.Unknown {
		s.addKnown(id)
		return
	}
	s.other = append(s.other, strings.ToLower(name))
}

func (s *nameSet) addKnown(id field.ID) { s.known[id>>6] |= 1 << (id & 63) }

func (s *nameSet) remove(name string) {
	if id := field.Lookup([]byte(name)); id != field.Unknown {
		s.known[id>>6] &^= 1 << (id & 63)
		return
	}
	for i, o := range s.other {
		if strings.EqualFold(o, name) {
			s.other = append(s.other[:i], s.other[i+1:]...)
			return
		}
	}
}

// has says whether a field's name is in the set, whatever its case.
func (s *nameSet) has(f *http.Field) bool {
	if f.ID != field.Unknown {
		return s.known[f.ID>>6]&(1<<(f.ID&63)) != 0
	}
	for _, o := range s.other {
		if field.EqualFold(f.Name, o) {
			return true
		}
	}
	return false
}

// hiddenNames are the response fields that clients do not get to see: those of a protocol, and of hide, but not
// those of pass.
func hiddenNames(usual, hide, pass []string) (s nameSet) {
	for _, name := range usual {
		s.add(name)
	}
	for _, name := range hide {
		s.add(name)
	}
	for _, name := range pass {
		s.remove(name)
	}
	return s
}
