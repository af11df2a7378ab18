package conf

import (
	"net/netip"
	"slices"
	"sort"
	"strings"
	"sync"
)

// A Pos is a place in the configuration: a file of the Tree and an offset in it. Line and column
// are worked out when someone asks. A negative File is no place at all.
type Pos struct {
	File int32
	Off  int32
}

// nowhere is the position of what stands in no file, such as a default.
var nowhere = Pos{File: -1}

// IsValid reports whether p is a place in some file.
func (p Pos) IsValid() bool { return p.File >= 0 }

// A Word is one word of a directive.
type Word struct {
	Text   string // without quotes and escapes
	Pos    Pos    // where it begins, the quote included
	Len    int32  // its length in the file, quotes and escapes included
	Quoted bool
}

// A Node is one directive as it stands in a file: words, then ";" or a block.
type Node struct {
	Words []Word // Words[0] is the name
	Block *Block // its { }, or nil
	In    *Block // the block it stands in
	End   Pos    // its ";" or "{", whose line is the one that nginx reports

	entry *Entry // what the word means here; nil until Check, and for what has no meaning
	vals  uint64 // bit i: argument i is a value, not a keyword of the syntax line
	bad   bool   // Check, Declare or Set found an error: it is not looked at any more
	lent  bool   // of Lines: it is used for the next line, too
}

// Name is the first word.
func (n *Node) Name() string { return n.Words[0].Text }

// Args are the words after the name.
func (n *Node) Args() []Word { return n.Words[1:] }

// Pos is where the directive begins.
func (n *Node) Pos() Pos { return n.Words[0].Pos }

// Entry is what Check found the directive to be, or nil. Entries of free-form blocks have none.
func (n *Node) Entry() *Entry { return n.entry }

// OK reports whether nothing wrong was found with the directive itself.
func (n *Node) OK() bool { return !n.bad }

// A Block is what stands between { and }, or a whole configuration.
type Block struct {
	Context Context // set by Check
	Nodes   []*Node
	Node    *Node // the directive that opened it; nil for the main block
	Parent  *Block
	End     Pos // its "}"; not valid where there is none

	data    *data      // its lines, where they are no nodes
	present []presence // by module, set by Check
	bits    uint64     // of the modules in present: most blocks have directives of few
}

// presence is the occurrences of one module's directives in a block.
type presence struct {
	module *Module
	nodes  []*Node
	number int // in the tree
}

// All returns the directives with this name that stand in the block itself, in order.
func (b *Block) All(name string) []*Node {
	var all []*Node
	for _, n := range b.Nodes {
		if n.Name() == name {
			all = append(all, n)
		}
	}
	return all
}

// First returns the first directive with this name that stands in the block itself, or nil.
func (b *Block) First(name string) *Node {
	for _, n := range b.Nodes {
		if n.Name() == name {
			return n
		}
	}
	return nil
}

// Nearest returns the first directive with one of the names in b or, where it has none, in the blocks around it. It
// returns the directive that opened b when there is none at all.
func (b *Block) Nearest(names ...string) *Node {
	for at := b; at != nil; at = at.Parent {
		for _, name := range names {
			if n := at.First(name); n != nil {
				return n
			}
		}
	}
	return b.Node
}

// Walk calls f for the directives of b and of all blocks in it, in file order. Where f returns
// false the block of that directive is skipped.
func (b *Block) Walk(f func(*Node) bool) {
	for _, n := range b.Nodes {
		if f(n) && n.Block != nil {
			n.Block.Walk(f)
		}
	}
}

// WalkBad calls f for every directive that something is wrong with, and for those inside it.
func (b *Block) WalkBad(f func(*Node)) {
	b.Walk(func(n *Node) bool {
		if !n.bad {
			return true
		}
		f(n)
		if n.Block != nil {
			n.Block.Walk(func(in *Node) bool { f(in); return true })
		}
		return false
	})
}

// of returns the occurrences of a module's directives in b, nil when there are none.
func (b *Block) of(m *Module) *presence {
	if b.bits&m.bit == 0 {
		return nil
	}
	for i := range b.present {
		if b.present[i].module == m {
			return &b.present[i]
		}
	}
	return nil
}

// A Tree is a whole configuration, with the files that were read for it.
type Tree struct {
	Main       *Block
	Files      []*File // in the order they were read; a file included twice is here twice
	Prefix     string  // of relative paths in general; ends in "/" unless empty
	ConfPrefix string  // of included files: the folder of the main file; ends in "/" unless empty

	presences int
	outside   Outside
}

// Forget drops all blocks: once settings were made of them, they are only in the way. Files stay, for Dump and for
// diagnostics.
func (t *Tree) Forget() { t.Main = &Block{Context: Main} }

// Lookup finds the addresses of a name while the configuration is read. It may wait.
func (t *Tree) Lookup(host string) ([]netip.Addr, error) { return t.outside.Lookup(host) }

// Facts are what the configuration depends on beside its files: who reads it, and where.
func (t *Tree) Facts() Facts { return t.outside.Facts() }

// Outside is the world that the configuration was read from, complete.
func (t *Tree) Outside() Outside { return t.outside }

// A File is one reading of a file.
type File struct {
	Name     string // full path; empty for the command line (-g)
	Text     string
	Included Pos // the include directive; not valid for the main file

	end int32 // offset of the ";" of that directive
	src *source
}

// source is the text of a file, shared by all its readings.
type source struct {
	text  string
	once  sync.Once
	lines []int32 // offset of each line
}

func (s *source) index() []int32 {
	s.once.Do(func() {
		s.lines = append(s.lines, 0)
		for i := range len(s.text) {
			if s.text[i] == '\n' {
				s.lines = append(s.lines, int32(i+1))
			}
		}
	})
	return s.lines
}

// Position is a Pos for people. Line and Col count from 1; Col counts bytes.
type Position struct {
	File string
	Line int
	Col  int
}

// Position works out file, line and column of p.
func (t *Tree) Position(p Pos) Position {
	if p.File < 0 || int(p.File) >= len(t.Files) {
		return Position{}
	}
	f := t.Files[p.File]
	lines := f.src.index()
	i := sort.Search(len(lines), func(i int) bool { return lines[i] > p.Off })
	return Position{File: f.Name, Line: i, Col: int(p.Off-lines[i-1]) + 1}
}

// line is the text of the line that p is in, without its end.
func (t *Tree) line(p Pos) string {
	f := t.Files[p.File]
	lines := f.src.index()
	i := sort.Search(len(lines), func(i int) bool { return lines[i] > p.Off })
	s := f.Text[lines[i-1]:]
	if n := strings.IndexByte(s, '\n'); n >= 0 {
		s = s[:n]
	}
	return strings.TrimSuffix(s, "\r")
}

// before reports whether a is read before b.
func (t *Tree) before(a, b Pos) bool {
	if a.File == b.File {
		return a.Off < b.Off
	}
	if n := int32(len(t.Files)); !a.IsValid() || !b.IsValid() || a.File >= n || b.File >= n {
		return a.File < b.File
	}
	// A file is numbered after the one that includes it: lift the later one until they meet.
	from := a.File
	for a.File != b.File {
		late := &a
		if b.File > a.File {
			late = &b
		}
		f := t.Files[late.File]
		if !f.Included.IsValid() {
			return a.File < b.File
		}
		*late = Pos{f.Included.File, f.end}
	}
	if a.Off == b.Off { // one of them is the include itself: it comes first
		return from == a.File
	}
	return a.Off < b.Off
}

// First returns the one of some spots that is read first.
func (t *Tree) First(spots []Spot) Spot {
	return slices.MinFunc(spots, func(a, b Spot) int {
		switch at, bt := a.Node.Pos(), b.Node.Pos(); {
		case t.before(at, bt):
			return -1
		case t.before(bt, at):
			return 1
		}
		return a.Arg - b.Arg
	})
}

// Full makes a path absolute, as nginx does with paths in its configuration.
func (t *Tree) Full(path string) string { return full(t.Prefix, path) }

func full(prefix, path string) string {
	if strings.HasPrefix(path, "/") {
		return path
	}
	return prefix + path
}
