package conf

import (
	"errors"
	"fmt"
	"sort"
)

// A Diagnostic is one thing that is wrong with a configuration.
type Diagnostic struct {
	Level  string // emerg, alert, crit, warn
	Text   string // nginx's sentence, without " in file:line"
	Pos    Pos    // what it is about
	Len    int    // its length in bytes
	Line   Pos    // whose line nginx reports; not valid: no line is reported
	Hint   string // what would have been right
	Syntax string // the syntax line of the directive
}

// Diagnostics collects what is wrong with a tree.
type Diagnostics struct {
	tree   *Tree
	list   []Diagnostic
	seen   map[seenKey]bool
	failed bool
}

// seenKey is a place of a file, however often the file is included, and what was said of it.
type seenKey struct {
	src  *source
	off  int32
	text string
}

func newDiagnostics(t *Tree) *Diagnostics {
	return &Diagnostics{tree: t, seen: make(map[seenKey]bool)}
}

// Add adds a diagnostic, unless the same was said of the same place before.
func (d *Diagnostics) Add(g Diagnostic) {
	key := seenKey{off: g.Pos.Off, text: g.Text}
	if g.Pos.IsValid() {
		key.src = d.tree.Files[g.Pos.File].src
	}
	if d.seen[key] {
		return
	}
	d.seen[key] = true
	if g.Level == "" {
		g.Level = "emerg"
	}
	if g.Level != "warn" {
		d.failed = true
	}
	d.list = append(d.list, g)
}

// Error adds an error about argument arg of n, or about its name (-1). n may be nil.
func (d *Diagnostics) Error(n *Node, arg int, format string, a ...any) {
	d.Add(about("emerg", n, arg, fmt.Sprintf(format, a...)))
}

// ErrorNowhere adds an error about argument arg of n that nginx, which comes upon it later, gives no line for.
func (d *Diagnostics) ErrorNowhere(n *Node, arg int, text string) {
	g := about("emerg", n, arg, text)
	g.Line = nowhere
	d.Add(g)
}

// Warn adds a warning about argument arg of n, or about its name (-1). n may be nil.
func (d *Diagnostics) Warn(n *Node, arg int, format string, a ...any) {
	d.Add(about("warn", n, arg, fmt.Sprintf(format, a...)))
}

// Err adds an error: at its place when it is an *Error, else without one. Joined errors are
// added one by one.
func (d *Diagnostics) Err(err error) {
	if err == nil {
		return
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range many.Unwrap() {
			d.Err(e)
		}
		return
	}
	var at *Error
	if errors.As(err, &at) {
		d.Add(about("emerg", at.Node, at.Arg, at.Text))
		return
	}
	d.Add(about("emerg", nil, -1, err.Error()))
}

// Failed reports whether there is anything worse than a warning.
func (d *Diagnostics) Failed() bool { return d.failed }

// List returns everything, in the order in which nginx would have come upon it.
func (d *Diagnostics) List() []Diagnostic {
	list := append([]Diagnostic(nil), d.list...)
	sort.SliceStable(list, func(i, j int) bool {
		return d.tree.before(list[i].order(), list[j].order())
	})
	return list
}

func (g *Diagnostic) order() Pos {
	if g.Line.IsValid() {
		return g.Line
	}
	if g.Pos.IsValid() {
		return g.Pos
	}
	return Pos{File: 1<<31 - 1} // what has no line comes last
}

// about makes a diagnostic about a word of n.
func about(level string, n *Node, arg int, text string) Diagnostic {
	g := Diagnostic{Level: level, Text: text, Pos: nowhere, Line: nowhere}
	if n == nil {
		return g
	}
	w := n.Words[0]
	if arg >= 0 && arg+1 < len(n.Words) {
		w = n.Words[arg+1]
	}
	g.Pos, g.Len, g.Line = w.Pos, int(w.Len), n.End
	if n.entry != nil {
		g.Syntax = n.entry.usage()
	}
	return g
}

// An Error is an error about a word of a directive.
type Error struct {
	Node *Node
	Arg  int // -1: the name
	Text string
}

func (e *Error) Error() string { return e.Text }
