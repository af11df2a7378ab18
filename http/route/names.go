package route

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// Names are the server names of one listening address. They are filled at load, in file order; then
// any goroutine may search.
type Names[T any] struct {
	exact  map[string]T
	heads  wildcards[T] // *.example.com under example.com
	tails  wildcards[T] // mail.* under mail
	regexp []nameRegexp[T]
}

type nameRegexp[T any] struct {
	match  Matcher
	server T
}

// wildcards are names with a star at one end, without star and dot.
type wildcards[T any] struct {
	of      map[string]T
	longest int
}

// ConflictError is a name that another server, or the same, has on this address already. nginx warns
// and goes on: conflicting server name "x" on 0.0.0.0:80, ignored.
type ConflictError struct{ Name string }

func (e *ConflictError) Error() string { return `conflicting server name "` + e.Name + `"` }

// NewNames returns Names without a name.
func NewNames[T any]() *Names[T] {
	return &Names[T]{
		exact: map[string]T{},
		heads: wildcards[T]{of: map[string]T{}},
		tails: wildcards[T]{of: map[string]T{}},
	}
}

// CheckName refuses what nginx refuses where server_name stands:
// server name "*" is invalid.
func CheckName(name string) error {
	star := strings.HasPrefix(name, "*") && (len(name) < 3 || name[1] != '.')
	if star || name == "." {
		return errors.New(`server name "` + name + `" is invalid`)
	}
	return nil
}

// Add adds a name: "example.com", "*.example.com", ".example.com" (both at once), "mail.*" or "".
// A name that is taken gives a ConflictError and is ignored as a whole; one with stars or dots out of
// place gives nginx's sentence without its " on 0.0.0.0:80", and should end the load. nginx looks at
// neither when one server has the address to itself, since it then needs no names.
func (n *Names[T]) Add(name string, server T) error {
	name = strings.ToLower(name)
	bare, form := shape(name)
	switch form {
	case badName:
		return fmt.Errorf(`invalid server name or wildcard "%s"`, name)
	case exactName:
		return put(n.exact, bare, name, server)
	case tailName:
		return n.tails.add(bare, name, server)
	}
	_, isExact := n.exact[bare]
	_, isHead := n.heads.of[bare]
	if isHead || form == dotName && isExact {
		return &ConflictError{name}
	}
	if form == dotName {
		n.exact[bare] = server
	}
	return n.heads.add(bare, name, server)
}

// AddRegexp adds a regular expression; the first that matches wins.
func (n *Names[T]) AddRegexp(m Matcher, server T) {
	n.regexp = append(n.regexp, nameRegexp[T]{m, server})
}

// Find returns the server of a host, which must be in lower case, without port and final dot. nginx's
// order: the exact name, the longest name with a star in front, the longest with a star behind, the
// first regular expression. With a nil try, the Matchers given to AddRegexp are asked; else try is
// asked for each server, once for each of its expressions. ok is false when the default server has
// to answer. It allocates nothing. Any goroutine.
func (n *Names[T]) Find(host []byte, try func(m Matcher, server T) (bool, error)) (server T, ok bool, err error) {
	if server, ok = n.exact[string(host)]; ok {
		return server, true, nil
	}
	if len(host) == 0 {
		return server, false, nil
	}
	if server, ok = n.heads.head(host); ok {
		return server, true, nil
	}
	if server, ok = n.tails.tail(host); ok {
		return server, true, nil
	}
	for i := range n.regexp {
		r := &n.regexp[i]
		if try != nil {
			ok, err = try(r.match, r.server)
		} else {
			ok, err = r.match.Match(host)
		}
		if ok || err != nil {
			return r.server, ok, err
		}
	}
	return server, false, nil
}

// Len returns the number of names and expressions.
func (n *Names[T]) Len() int {
	return len(n.exact) + len(n.heads.of) + len(n.tails.of) + len(n.regexp)
}

type nameForm uint8

const (
	badName nameForm = iota
	exactName
	dotName
	headName
	tailName
)

// shape reports the form of a name and what it is without its star.
func shape(name string) (bare string, form nameForm) {
	stars := strings.Count(name, "*")
	if strings.Contains(name, "..") || stars > 1 {
		return "", badName
	}
	switch {
	case len(name) > 1 && name[0] == '.':
		return name[1:], dotName
	case stars == 0:
		return name, exactName
	case len(name) > 2 && strings.HasPrefix(name, "*."):
		return name[2:], headName
	case len(name) > 2 && strings.HasSuffix(name, ".*"):
		return name[:len(name)-2], tailName
	}
	return "", badName
}

func put[T any](m map[string]T, key, name string, server T) error {
	if _, taken := m[key]; taken {
		return &ConflictError{name}
	}
	m[key] = server
	return nil
}

func (w *wildcards[T]) add(bare, name string, server T) error {
	w.longest = max(w.longest, len(bare))
	return put(w.of, bare, name, server)
}

// head finds the longest name that host ends in after a dot.
func (w *wildcards[T]) head(host []byte) (server T, ok bool) {
	if len(w.of) == 0 {
		return server, false
	}
	at := max(0, len(host)-w.longest-1) // a longer rest cannot be known
	for at < len(host) {
		dot := bytes.IndexByte(host[at:], '.')
		if dot < 0 {
			break
		}
		at += dot + 1
		if server, ok = w.of[string(host[at:])]; ok {
			return server, true
		}
	}
	return server, false
}

// tail finds the longest name that host begins with before a dot.
func (w *wildcards[T]) tail(host []byte) (server T, ok bool) {
	if len(w.of) == 0 {
		return server, false
	}
	end := min(len(host), w.longest+1)
	for {
		end = bytes.LastIndexByte(host[:end], '.')
		if end < 0 {
			return server, false
		}
		if server, ok = w.of[string(host[:end])]; ok {
			return server, true
		}
	}
}
