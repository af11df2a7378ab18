package route

import "strings"

// A Found is the answer of a search.
type Found[T any] struct {
	Loc T
	OK  bool // a location was found
	// AutoRedirect: the location is the URI and a slash, and the client is to be sent there.
	AutoRedirect bool
}

// A Try asks a location's regular expression about a URI, for callers that keep what the groups
// matched.
type Try[T any] func(loc T, uri []byte) (bool, error)

// Find returns the location of a URI, by nginx's rules:
//
//   - an exact location wins;
//   - else the longest prefix is noted, and the locations inside it are searched by the same rules; a
//     location that regular expressions or an exact name found in there wins;
//   - else the regular expressions beside that prefix are asked in file order, unless it is NoRegexp;
//     the first to match wins, or a regular expression inside it;
//   - else the innermost prefix noted wins.
//
// So regular expressions are asked from the inside outwards, and NoRegexp silences only those that
// stand beside it. A URI that is one slash short of a location with AutoRedirect ends the search.
//
// With a nil try, the Matchers given to Add are asked. An error is a regular expression's that could
// not be decided. It allocates nothing. Any goroutine, after Finish.
func (l *Locations[T]) Find(uri []byte, try Try[T]) (Found[T], error) {
	var s search[T]
	_, err := s.level(l, uri, try)
	if err != nil || s.found == nil {
		return Found[T]{}, err
	}
	return Found[T]{Loc: s.found.loc, OK: true, AutoRedirect: s.redirect}, nil
}

// Passed reports which prefix and exact locations a search for the URI passes, from the outside inwards, for a
// log that shows how a location was found. It looks at every location of the blocks that it comes through.
func (l *Locations[T]) Passed(uri []byte, tell func(name string)) {
	for l != nil {
		for _, e := range l.static.entries {
			if e.kind == Exact && e.name == string(uri) || e.kind != Exact && strings.HasPrefix(string(uri), e.name) {
				tell(e.name)
			}
		}
		e, how := l.static.find(uri)
		if how != isPrefix {
			return
		}
		l = &e.inside
	}
}

// search is one Find under way. What it searches for is passed beside it, so that the compiler sees
// that the caller's function does not outlive the call.
type search[T any] struct {
	found    *entry[T] // best so far
	redirect bool
}

// level searches the locations of one block; final means that the blocks around have no say.
func (s *search[T]) level(l *Locations[T], uri []byte, try Try[T]) (final bool, err error) {
	e, how := l.static.find(uri)
	if e != nil {
		s.found = e
	}
	switch how {
	case isExact:
		return true, nil
	case isShort:
		s.redirect = true
		return true, nil
	case isPrefix:
		if final, err := s.level(&e.inside, uri, try); final || err != nil {
			return true, err
		}
		if e.kind == NoRegexp {
			return false, nil
		}
	}
	return s.regexps(l, uri, try)
}

// regexps asks the regular expressions of one block.
func (s *search[T]) regexps(l *Locations[T], uri []byte, try Try[T]) (final bool, err error) {
	for _, e := range l.regexp {
		ok, err := e.matches(uri, try)
		if err != nil {
			return false, err
		}
		if ok {
			s.found = e
			_, err = s.regexps(&e.inside, uri, try)
			return true, err
		}
	}
	return false, nil
}

func (e *entry[T]) matches(uri []byte, try Try[T]) (bool, error) {
	if try != nil {
		return try(e.loc, uri)
	}
	return e.match.Match(uri)
}
