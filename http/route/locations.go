package route

import (
	"fmt"
	"strings"
)

// Kind is how a location is written.
type Kind uint8

const (
	Prefix   Kind = iota // location /a
	NoRegexp             // location ^~ /a: when it is the longest, regular expressions beside it are not asked
	Exact                // location = /a
	Regexp               // location ~ a, location ~* a
	Named                // location @a: never found by URI
)

// Locations are the location blocks of a server, or those inside a location block, which hang below
// the entry of that block. They are filled at load, in file order, and made ready by Finish; then any
// goroutine may search.
type Locations[T any] struct {
	own    *entry[T] // the location around, nil for a server
	static tree[T]
	regexp []*entry[T]
	named  map[string]*entry[T]
	taken  map[string]bool // takenName of each, once there are many
}

// few is up to how many locations are looked through to find a duplicate.
const few = 8

// entry is one location.
type entry[T any] struct {
	loc    T
	kind   Kind
	name   string
	match  Matcher
	slash  bool // AutoRedirect
	inside Locations[T]
}

// NewLocations returns the Locations of a server.
func NewLocations[T any]() *Locations[T] { return &Locations[T]{} }

// Add adds a location and returns what is to hold the locations inside it. A Regexp brings its
// matcher, and name is its source. Errors are in nginx's words.
//
// Two of nginx's habits are kept. A prefix or exact location inside a regular expression must repeat
// the expression as the beginning of its name, and is never found even so. Of two named locations
// with one name the first is kept.
func (l *Locations[T]) Add(kind Kind, name string, match Matcher, loc T) (*Locations[T], error) {
	if err := l.admits(kind, name); err != nil {
		return nil, err
	}
	e := &entry[T]{loc: loc, kind: kind, name: name, match: match}
	e.inside.own = e
	switch kind {
	case Regexp:
		l.regexp = append(l.regexp, e)
	case Named:
		if l.named == nil {
			l.named = map[string]*entry[T]{}
		}
		if l.named[name] == nil {
			l.named[name] = e
		}
	default:
		if l.own != nil && l.own.kind == Regexp {
			break
		}
		if err := l.take(kind, name); err != nil {
			return nil, err
		}
		l.static.add(e)
	}
	return &e.inside, nil
}

// admits checks a location against the one around it.
func (l *Locations[T]) admits(kind Kind, name string) error {
	if l.own == nil {
		return nil
	}
	switch {
	case l.own.kind == Exact:
		return fmt.Errorf(`location "%s" cannot be inside the exact location "%s"`, name, l.own.name)
	case l.own.kind == Named:
		return fmt.Errorf(`location "%s" cannot be inside the named location "%s"`, name, l.own.name)
	case kind == Named:
		return fmt.Errorf(`named location "%s" can be on the server level only`, name)
	case kind != Regexp && !strings.HasPrefix(name, l.own.name):
		return fmt.Errorf(`location "%s" is outside location "%s"`, name, l.own.name)
	}
	return nil
}

// take reserves a name: an exact location and a prefix of one name may stand side by side.
func (l *Locations[T]) take(kind Kind, name string) error {
	have := l.static.entries
	if len(have) == few {
		l.taken = map[string]bool{}
		for _, e := range have {
			l.taken[takenName(e.kind, e.name)] = true
		}
	}
	found := false
	if l.taken != nil {
		key := takenName(kind, name)
		found = l.taken[key]
		l.taken[key] = true
	} else {
		for _, e := range have {
			found = found || e.name == name && (e.kind == Exact) == (kind == Exact)
		}
	}
	if found {
		return fmt.Errorf(`duplicate location "%s"`, name)
	}
	return nil
}

// takenName tells exact locations from prefixes.
func takenName(kind Kind, name string) string {
	if kind == Exact {
		return "=" + name
	}
	return " " + name
}

// AutoRedirect says that a request for the location around, without its final slash, is to be
// redirected to it: its content is proxy_pass or a kin of it. It means nothing for a name that does
// not end in "/". To be called before Finish.
func (l *Locations[T]) AutoRedirect() {
	if l.own != nil {
		l.own.slash = strings.HasSuffix(l.own.name, "/")
	}
}

// Finish makes the Locations, and those inside, ready to be searched.
func (l *Locations[T]) Finish() {
	l.static.finish()
	for _, e := range l.static.entries {
		e.inside.Finish()
	}
	for _, e := range l.regexp {
		e.inside.Finish()
	}
	l.taken = nil
}

// Named returns the location of a name that begins with "@". Any goroutine.
func (l *Locations[T]) Named(name []byte) (loc T, ok bool) {
	if e := l.named[string(name)]; e != nil {
		return e.loc, true
	}
	return loc, false
}
