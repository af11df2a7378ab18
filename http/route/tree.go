package route

import (
	"bytes"
	"slices"
	"sort"
	"strings"
)

// tree holds the exact and prefix locations of one block as a radix tree: each step down compares one
// label and chooses a child by one byte, so ten thousand locations cost no more than their names'
// common beginnings.
type tree[T any] struct {
	entries []*entry[T]
	root    *node[T]
}

type node[T any] struct {
	label  string // what the name has here beyond the node above
	first  []byte // first bytes of the children's labels
	kids   []*node[T]
	exact  *entry[T]
	prefix *entry[T]
}

// how says in which way a name was found.
type how uint8

const (
	isNot how = iota
	isPrefix
	isExact
	isShort // the URI lacks the final slash of a location that wants a redirect
)

func (t *tree[T]) add(e *entry[T]) { t.entries = append(t.entries, e) }

func (t *tree[T]) finish() {
	if len(t.entries) == 0 {
		return
	}
	slices.SortStableFunc(t.entries, func(a, b *entry[T]) int { return strings.Compare(a.name, b.name) })
	t.root = grow(t.entries, 0)
}

// grow builds the node of names that agree up to depth; they are sorted and not empty.
func grow[T any](entries []*entry[T], depth int) *node[T] {
	first, last := entries[0].name, entries[len(entries)-1].name
	end := depth + common(first[depth:], last[depth:])
	n := &node[T]{label: first[depth:end]}
	for len(entries) > 0 && len(entries[0].name) == end {
		if e := entries[0]; e.kind == Exact {
			n.exact = e
		} else {
			n.prefix = e
		}
		entries = entries[1:]
	}
	if kids := branches(entries, end); kids > 0 {
		n.first, n.kids = make([]byte, 0, kids), make([]*node[T], 0, kids)
	}
	for len(entries) > 0 {
		c := entries[0].name[end]
		same := sort.Search(len(entries), func(i int) bool { return entries[i].name[end] > c })
		n.first = append(n.first, c)
		n.kids = append(n.kids, grow(entries[:same], end))
		entries = entries[same:]
	}
	return n
}

// branches is how many different bytes the names have at end.
func branches[T any](entries []*entry[T], end int) int {
	n := 0
	for i, e := range entries {
		if i == 0 || e.name[end] != entries[i-1].name[end] {
			n++
		}
	}
	return n
}

// common returns the length of what a and b begin with alike.
func common(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// find returns the exact location of a URI, or the longest prefix. A location that is the URI and a
// slash, and wants a redirect, goes before a shorter prefix.
func (t *tree[T]) find(uri []byte) (best *entry[T], _ how) {
	rest := uri
	for n := t.root; n != nil; n = n.child(rest[0]) {
		if len(rest) < len(n.label) || string(rest[:len(n.label)]) != n.label {
			if n.slashAfter(rest) {
				return n.redirect(), isShort
			}
			break
		}
		rest = rest[len(n.label):]
		if n.prefix != nil {
			best = n.prefix
		}
		if len(rest) > 0 {
			continue
		}
		if n.exact != nil {
			return n.exact, isExact
		}
		if n.prefix != nil {
			break
		}
		if k := n.child('/'); k != nil && k.slashAfter(rest) {
			return k.redirect(), isShort
		}
		break
	}
	if best == nil {
		return nil, isNot
	}
	return best, isPrefix
}

// child returns the node that goes on with c.
func (n *node[T]) child(c byte) *node[T] {
	if i := bytes.IndexByte(n.first, c); i >= 0 {
		return n.kids[i]
	}
	return nil
}

// slashAfter reports whether the node is rest and a slash, and wants a redirect.
func (n *node[T]) slashAfter(rest []byte) bool {
	return len(n.label) == len(rest)+1 && n.label[:len(rest)] == string(rest) &&
		(n.exact != nil && n.exact.slash || n.prefix != nil && n.prefix.slash)
}

// redirect returns the location a redirect leads to.
func (n *node[T]) redirect() *entry[T] {
	if n.exact != nil {
		return n.exact
	}
	return n.prefix
}
