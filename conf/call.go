package conf

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// A Call is one occurrence of a directive, checked against its syntax line, or its default.
type Call struct {
	Node *Node
	Env  any // what the caller of Declare or NewScopes passed in

	tree  *Tree
	diags *Diagnostics
	block *Block // that the settings are resolved for first: an inner one of In when they are inherited
}

// Lookup finds the addresses of a name: Tree.Lookup.
func (c *Call) Lookup(host string) ([]netip.Addr, error) { return c.tree.Lookup(host) }

// Args are the words after the name.
func (c *Call) Args() []Word { return c.Node.Words[1:] }

// Len is the number of words after the name.
func (c *Call) Len() int { return len(c.Node.Words) - 1 }

// Arg is the text of argument i, from 0; "" when there is none.
func (c *Call) Arg(i int) string {
	if i < 0 || i+1 >= len(c.Node.Words) {
		return ""
	}
	return c.Node.Words[i+1].Text
}

// Name is the name of the directive.
func (c *Call) Name() string { return c.Node.Words[0].Text }

// Has reports whether the keyword key, or key=value, is among the arguments.
func (c *Call) Has(key string) bool { return c.find(key, true) >= 0 }

// Key returns the value of key=value. Where it stands twice the last one holds.
func (c *Call) Key(key string) (Word, bool) {
	i := c.find(key, false)
	if i < 0 {
		return Word{}, false
	}
	w := c.Node.Words[i+1]
	cut := len(key) + 1
	w.Text = w.Text[cut:]
	if !w.Quoted && int(w.Len) >= cut {
		w.Pos.Off += int32(cut)
		w.Len -= int32(cut)
	}
	return w, true
}

// Index is the number of the argument that holds the keyword key or key=value, or -1.
func (c *Call) Index(key string) int { return c.find(key, true) }

// find looks for a keyword among the arguments that are not values.
func (c *Call) find(key string, bare bool) int {
	for i := c.Len() - 1; i >= 0; i-- {
		if i < 64 && c.Node.vals&(1<<i) != 0 {
			continue
		}
		rest, ok := strings.CutPrefix(c.Arg(i), key)
		if ok && (strings.HasPrefix(rest, "=") || rest == "" && bare) {
			return i
		}
	}
	return -1
}

// String is the value of key=value, "" when it is absent.
func (c *Call) String(key string) string {
	w, _ := c.Key(key)
	return w.Text
}

// Int is the number in key=<number>, 0 when it is absent.
func (c *Call) Int(key string) int {
	n, _ := ParseInt(c.String(key))
	return n
}

// IntOr is the number in key=<number>, or def.
func (c *Call) IntOr(key string, def int) int {
	if n, err := ParseInt(c.String(key)); err == nil {
		return n
	}
	return def
}

// Size is the number of bytes in key=<size>, 0 when it is absent.
func (c *Call) Size(key string) int64 {
	n, _ := ParseSize(c.String(key))
	return n
}

// Time is the time in key=<time>, 0 when it is absent.
func (c *Call) Time(key string) time.Duration {
	s := c.String(key)
	if d, err := ParseTime(s); err == nil {
		return d
	}
	d, _ := ParseSeconds(s)
	return d
}

// Block is the block that the occurrence stands in; for a default the one it is used for.
func (c *Call) Block() *Block {
	if c.Node.In == nil {
		return c.block
	}
	return c.Node.In
}

// Body is the directive's own { }, or nil.
func (c *Call) Body() *Block { return c.Node.Block }

// IsDefault reports whether this is the default of the directive instead of an occurrence.
func (c *Call) IsDefault() bool { return c.Node.In == nil }

// Tree is the configuration that the occurrence is part of.
func (c *Call) Tree() *Tree { return c.tree }

// Path makes a path of the configuration absolute.
func (c *Call) Path(path string) string { return c.tree.Full(path) }

// A Spot is a word of a directive, for errors that show later.
type Spot struct {
	Node *Node
	Arg  int // as for Errorf
}

// Errorf makes an error at the place.
func (p Spot) Errorf(format string, a ...any) *Error {
	p.Node.Keep()
	return &Error{Node: p.Node, Arg: p.Arg, Text: fmt.Sprintf(format, a...)}
}

// Spot is argument arg of the directive.
func (c *Call) Spot(arg int) Spot { return Spot{c.Node, arg} }

// Errorf makes an error about argument arg, or about the name of the directive (-1). The message
// should be nginx's own.
func (c *Call) Errorf(arg int, format string, a ...any) *Error {
	return &Error{Node: c.Node, Arg: arg, Text: fmt.Sprintf(format, a...)}
}

// Invalid makes nginx's error for a slot: "x" directive invalid value.
func (c *Call) Invalid(arg int, what string) *Error {
	return c.Errorf(arg, "\"%s\" directive %s", c.Name(), what)
}

// Warn is Warnf with an error that has a hint.
func (c *Call) Warn(e *Error) {
	if !c.IsDefault() {
		c.diags.WarnOf(e)
	}
}

// Warnf warns about argument arg, or about the name of the directive (-1).
func (c *Call) Warnf(arg int, format string, a ...any) {
	if !c.IsDefault() {
		c.diags.Warn(c.Node, arg, format, a...)
	}
}
