package conf

import (
	"errors"
	"fmt"
	"sort"
	"strings"
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

	node *Node // the directive it is about, nil: none
	arg  int   // its argument, -1: its name
	late bool  // Line is where nginx comes upon it, not where it stands
	kind kind
}

// kind says how a diagnostic hangs together with others: one cause is one error.
type kind uint8

const (
	ordinary  kind = iota
	misplaced      // a directive stands where it may not
	unmatched      // a brace without its other half
	noBrace        // a block that was not opened: what follows is one level off
	strange        // an unknown block: what is in it may not be nginx's language
)

// Diagnostics collects what is wrong with a tree.
type Diagnostics struct {
	tree   *Tree
	table  *Table // that the tree was checked against, nil before
	list   []Diagnostic
	doubts map[seenKey]Diagnostic // directives that may have swallowed the next one, and of which nothing was said
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
	if g.node != nil {
		delete(d.doubts, d.placeOf(g.node))
		if g.Hint == "" {
			g.Hint = d.guess(&g)
		}
	}
	if g.Level != "warn" {
		d.failed = true
	}
	d.list = append(d.list, g)
}

// doubt adds a warning that is of use as long as nothing else is said of the directive.
func (d *Diagnostics) doubt(g Diagnostic) {
	if d.doubts == nil {
		d.doubts = make(map[seenKey]Diagnostic)
	}
	d.doubts[d.placeOf(g.node)] = g
}

// placeOf is the place of a directive, however often its file is included.
func (d *Diagnostics) placeOf(n *Node) seenKey {
	at := n.Pos()
	return seenKey{src: d.tree.Files[at.File].src, off: at.Off}
}

// Error adds an error about argument arg of n, or about its name (-1). n may be nil.
func (d *Diagnostics) Error(n *Node, arg int, format string, a ...any) {
	d.Add(about("emerg", n, arg, fmt.Sprintf(format, a...)))
}

// Warn adds a warning about argument arg of n, or about its name (-1). n may be nil.
func (d *Diagnostics) Warn(n *Node, arg int, format string, a ...any) {
	d.Add(about("warn", n, arg, fmt.Sprintf(format, a...)))
}

// WarnOf adds an error as a warning.
func (d *Diagnostics) WarnOf(e *Error) {
	g := d.at(e)
	g.Level = "warn"
	d.Add(g)
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
		d.Add(d.at(at))
		return
	}
	d.Add(about("emerg", nil, -1, err.Error()))
}

// Failed reports whether there is anything worse than a warning.
func (d *Diagnostics) Failed() bool { return d.failed }

// at makes a diagnostic of an error.
func (d *Diagnostics) at(e *Error) Diagnostic {
	g := about("emerg", e.Node, e.Arg, e.Text)
	g.Hint = e.hint
	if e.unplaced {
		g.Line = nowhere
	}
	if e.ended && g.node != nil && e.end.IsValid() {
		g.Line, g.late = e.end, true
	}
	if e.part != "" && g.node != nil {
		d.narrow(&g, e.part)
	}
	if e.before != nil {
		g.Hint = "the first is in " + d.where(e.before.Pos())
	}
	return g
}

// outermost is the block around b that stands in the main block.
func outermost(b *Block) *Block {
	for b.Parent != nil && b.Parent.Parent != nil {
		b = b.Parent
	}
	return b
}

// narrow lets a diagnostic point at a part of its argument, or of one after it, where it stands there as written.
func (d *Diagnostics) narrow(g *Diagnostic, part string) {
	for i, w := range g.node.Args() {
		if i < g.arg || !w.Pos.IsValid() {
			continue
		}
		text := d.tree.Files[w.Pos.File].Text[w.Pos.Off : w.Pos.Off+w.Len]
		if at := strings.Index(strings.ToLower(text), strings.ToLower(part)); at >= 0 {
			g.Pos, g.Len = Pos{w.Pos.File, w.Pos.Off + int32(at)}, len(part)
			return
		}
	}
}

// where is a place for people: "/etc/nginx/nginx.conf:12".
func (d *Diagnostics) where(p Pos) string {
	at := d.tree.Position(p)
	if at.File == "" {
		return "the command line"
	}
	return fmt.Sprintf("%s:%d", at.File, at.Line)
}

// List returns everything, in the order of the files, without what only follows from something else.
func (d *Diagnostics) List() []Diagnostic {
	list := append([]Diagnostic(nil), d.list...)
	for _, g := range d.doubts {
		list = append(list, g)
	}
	sort.SliceStable(list, func(i, j int) bool {
		return d.tree.before(list[i].at(), list[j].at())
	})
	return causes(list)
}

// causes leaves out what follows from an error before it. A brace too many or too few moves everything behind it to
// another level, where it may not stand; of that one error is enough. What an unknown block holds may be of another
// language, whose braces mean nothing.
func causes(list []Diagnostic) []Diagnostic {
	uneven := "" // which brace is one too many or too few
	for _, g := range list {
		if g.kind == unmatched {
			uneven = "is there a \"}\" too many before it?"
			if g.Len == 0 { // at the end of the file
				uneven = "is a \"}\" missing before it?"
			}
		}
	}
	kept := list[:0]
	lost, odd := false, false
	for _, g := range list {
		switch g.kind {
		case misplaced:
			if lost && uneven != "" {
				continue
			}
			if uneven != "" {
				g.Hint, g.Syntax, lost = uneven, "", true
			}
		case unmatched:
			if odd {
				continue
			}
		case noBrace:
			lost, odd = true, true
		case strange:
			odd = true
		case ordinary:
		}
		kept = append(kept, g)
	}
	return kept
}

func (g *Diagnostic) at() Pos {
	if g.Line.IsValid() && !g.late {
		return g.Line
	}
	if g.Pos.IsValid() {
		return g.Pos
	}
	return Pos{File: 1<<31 - 1} // what has no line comes last
}

// about makes a diagnostic about a word of n.
func about(level string, n *Node, arg int, text string) Diagnostic {
	g := Diagnostic{Level: level, Text: text, Pos: nowhere, Line: nowhere, arg: arg}
	if n == nil || !n.Words[0].Pos.IsValid() {
		return g
	}
	n.Keep()
	w := n.Words[0]
	if arg >= 0 && arg+1 < len(n.Words) {
		w = n.Words[arg+1]
	}
	g.Pos, g.Len, g.Line, g.node = w.Pos, int(w.Len), n.End, n
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

	hint     string
	part     string // of the argument, that it is about
	before   *Node  // what stands in its way
	unplaced bool
	ended    bool
	end      Pos // of the block at whose end nginx comes upon it
}

func (e *Error) Error() string { return e.Text }

// Hintf says what would have been right.
func (e *Error) Hintf(format string, a ...any) *Error {
	e.hint = fmt.Sprintf(format, a...)
	return e
}

// Among asks whether one of names was meant where word stands.
func (e *Error) Among(word string, names []string) *Error {
	e.hint = DidYouMean(word, names)
	return e
}

// Part says which part of the argument is meant.
func (e *Error) Part(s string) *Error {
	e.part = s
	return e
}

// After says that first, which stands before, is why this one cannot be.
func (e *Error) After(first *Node) *Error {
	e.before = first
	return e
}

// Unplaced leaves file and line out of the sentence, as nginx does where it finds the error after reading. Help names
// them still.
func (e *Error) Unplaced() *Error {
	e.unplaced = true
	return e
}

// Merged says that nginx finds it when it merges blocks: the sentence has the line of the "}" that ends them all.
func (e *Error) Merged() *Error {
	if e.Node == nil || e.Node.In == nil {
		return e
	}
	return e.Ending(outermost(e.Node.In))
}

// Ending says that nginx finds it when a block ends: the sentence has the line of its "}".
func (e *Error) Ending(b *Block) *Error {
	e.ended, e.end = true, b.End
	return e
}
