package conf

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"
	"unsafe"
)

// LoadOptions say where a configuration is.
type LoadOptions struct {
	Prefix  string // -p: where relative paths begin; of the main file, too
	Globals string // -g: directives that come before the main file
	// Data reports whether what stands in blocks of this name is data instead of directives, as Table.Data does: it is then found by
	// Block.Lines only, and takes no memory. nil: all is in Block.Nodes.
	Data func(name string) bool

	Outside
}

// Limits of what a configuration includes: how deep, and how many files in all.
const (
	maxDepth = 100
	maxFiles = 1 << 20
)

// Load reads a configuration with all that it includes. It checks the syntax only; there is always
// a tree, however much is wrong.
func Load(path string, o LoadOptions) (*Tree, *Diagnostics) {
	o.Outside = o.withDefaults()
	t := &Tree{Prefix: withSlash(o.Prefix), outside: o.Outside}
	path = full(t.Prefix, path)
	t.ConfPrefix = path[:strings.LastIndexByte(path, '/')+1]
	l := &loader{tree: t, diags: newDiagnostics(t), o: o, sources: make(map[string]*source)}
	t.Main = l.block(nil, nil)
	t.Main.Context = Main
	if o.Globals != "" {
		src := &source{text: o.Globals}
		l.read(&File{Text: src.text, Included: nowhere, src: src}, t.Main)
	}
	l.file(path, nil, t.Main)
	return t, l.diags
}

// Parse reads a configuration from a text instead of a file. It includes nothing.
func Parse(name, text string) (*Tree, *Diagnostics) {
	return Load(name, LoadOptions{Outside: Outside{
		Read: func(path string) ([]byte, error) {
			if path == name {
				return []byte(text), nil
			}
			return nil, syscall.ENOENT
		},
		Glob: func(string) ([]string, error) { return nil, nil },
	}})
}

func withSlash(s string) string {
	if s == "" || strings.HasSuffix(s, "/") {
		return s
	}
	return s + "/"
}

type loader struct {
	tree    *Tree
	diags   *Diagnostics
	o       LoadOptions
	sources map[string]*source
	words   []Word  // where words are allocated
	nodes   []Node  // where nodes are
	bls     []Block // where blocks are
}

// file reads one file into a block; by is the directive that includes it.
func (l *loader) file(path string, by *Node, into *Block) {
	src, err := l.source(path)
	if err != nil {
		l.cannotRead(path, err, by)
		return
	}
	f := &File{Name: path, Text: src.text, Included: nowhere, src: src}
	if by != nil {
		f.Included = by.Pos()
		f.end = by.End.Off
		if loop := l.tree.loop(path, by); loop != "" {
			l.diags.Error(by, 0, "include loop: %s", loop)
			return
		}
	}
	l.read(f, into)
}

// cannotRead reports a file that cannot be read. nginx opens folders and fails to read them, and
// then names no line.
func (l *loader) cannotRead(path string, err error, by *Node) {
	if errors.Is(err, syscall.EISDIR) {
		g := about("crit", by, 0, fmt.Sprintf("pread() \"%s\" failed (%s)", path, Errno(err)))
		g.Line = nowhere
		l.diags.Add(g)
		return
	}
	l.diags.Error(by, 0, "open() \"%s\" failed (%s)", path, Errno(err))
}

func (l *loader) source(path string) (*source, error) {
	if s := l.sources[path]; s != nil {
		return s, nil
	}
	b, err := l.o.Read(path)
	if err != nil {
		return nil, err
	}
	if len(b) > 1<<31-2 {
		return nil, syscall.EFBIG
	}
	s := &source{text: unsafe.String(unsafe.SliceData(b), len(b))} // nobody changes what was read
	l.sources[path] = s
	return s, nil
}

// loop says how path comes to include itself, "" when it does not.
func (t *Tree) loop(path string, by *Node) string {
	chain := []string{path}
	for p := by.Pos(); p.IsValid(); p = t.Files[p.File].Included {
		name := t.Files[p.File].Name
		chain = append(chain, name)
		if name == path {
			for i, j := 0, len(chain)-1; i < j; i, j = i+1, j-1 {
				chain[i], chain[j] = chain[j], chain[i]
			}
			return strings.Join(chain, " includes ")
		}
	}
	if len(chain) > maxDepth || len(t.Files) > maxFiles {
		return "too many files"
	}
	return ""
}

// read parses a file into a block. A stack of its own is not needed: blocks know their parents.
func (l *loader) read(f *File, into *Block) {
	id := int32(len(l.tree.Files))
	l.tree.Files = append(l.tree.Files, f)
	lex := &lexer{src: f.Text, file: id, args: f.Name == "", slab: &l.words, last: nowhere}
	lex.fail = func(at, length, line int, text string) {
		g := Diagnostic{Text: text, Pos: Pos{id, int32(at)}, Len: length, Line: Pos{id, int32(line)}}
		if lex.unclosed > 0 {
			p := l.tree.Position(Pos{id, int32(lex.unclosed)})
			g.Hint = fmt.Sprintf("the quote at line %d, column %d is still open", p.Line, p.Col)
		}
		if lex.last.IsValid() {
			g.Hint = fmt.Sprintf("is a \";\" missing at the end of line %d?", l.tree.Position(lex.last).Line)
		}
		l.diags.Add(g)
	}
	cur := into
	for {
		kind, words, end := lex.next()
		switch kind {
		case stPlain:
			if cur.data != nil && !isInclude(words) {
				cur.data.add(lex, words)
				l.words = l.words[:len(l.words)-len(words)]
				continue
			}
			l.plain(words, Pos{id, int32(end)}, cur)
		case stOpen:
			cur = l.open(words, Pos{id, int32(end)}, cur)
			if len(words) > 0 && isLua(words[0].Text) {
				if end, ok := lex.skipLua(); ok {
					cur.End = Pos{id, int32(end)}
					cur = cur.Parent
				}
			}
			if lex.args {
				lex.fail(end, 1, end, "block directives are not supported in -g option")
				return
			}
		case stClose:
			if cur == into {
				at := Pos{id, int32(end)}
				l.diags.Add(Diagnostic{Text: "unexpected \"}\"", Pos: at, Len: 1, Line: at, kind: unmatched})
				continue
			}
			cur.End = Pos{id, int32(end)}
			cur = cur.Parent
		case stEOF:
			if cur != into {
				l.unclosed(lex, cur, end)
			}
			return
		case stStop:
			return
		case stSkip: // nothing to keep
		}
	}
}

func (l *loader) unclosed(lex *lexer, b *Block, end int) {
	g := Diagnostic{
		Text: "unexpected end of file, expecting \"}\"",
		Pos:  Pos{lex.file, int32(end)}, Line: Pos{lex.file, int32(end)}, kind: unmatched,
	}
	if b.Node != nil {
		at := l.tree.Position(b.Node.Pos())
		g.Hint = fmt.Sprintf("the \"%s\" of line %d is still open", b.Node.Name(), at.Line)
	}
	l.diags.Add(g)
}

func (l *loader) plain(words []Word, end Pos, in *Block) {
	n := l.node(words, end, in)
	if isInclude(words) {
		in.interrupt()
		l.include(n)
		return
	}
	in.Nodes = append(in.Nodes, n)
	if n.Name() == "state" && len(words) == 2 && in.Node != nil && in.Node.Name() == "upstream" {
		l.state(n)
	}
}

func isInclude(words []Word) bool { return len(words) == 2 && words[0].Text == "include" }

// state reads the servers that a state file of an upstream has. It need not be there.
func (l *loader) state(n *Node) {
	path := full(l.tree.Prefix, n.Words[1].Text)
	if _, err := l.source(path); errors.Is(err, fs.ErrNotExist) {
		return
	}
	l.file(path, n, n.In)
}

// open begins a block. Without words it belongs to nothing, and what is in it is forgotten.
func (l *loader) open(words []Word, end Pos, in *Block) *Block {
	in.interrupt()
	if len(words) == 0 {
		return l.block(nil, in)
	}
	n := l.node(words, end, in)
	n.Block = l.block(n, in)
	if l.o.Data != nil && l.o.Data(n.Name()) {
		n.Block.data = &data{}
	}
	in.Nodes = append(in.Nodes, n)
	return n.Block
}

func (l *loader) node(words []Word, end Pos, in *Block) *Node {
	if len(l.nodes) == cap(l.nodes) {
		l.nodes = make([]Node, 0, 256)
	}
	l.nodes = append(l.nodes, Node{Words: words, In: in, End: end})
	return &l.nodes[len(l.nodes)-1]
}

func (l *loader) block(n *Node, parent *Block) *Block {
	if len(l.bls) == cap(l.bls) {
		l.bls = make([]Block, 0, 64)
	}
	l.bls = append(l.bls, Block{Node: n, Parent: parent, End: nowhere})
	return &l.bls[len(l.bls)-1]
}

// include reads the files that an include directive names.
func (l *loader) include(n *Node) {
	path := full(l.tree.ConfPrefix, n.Words[1].Text)
	if !strings.ContainsAny(path, "*?[") {
		l.file(path, n, n.In)
		return
	}
	names, err := l.o.Glob(path)
	if err != nil {
		l.diags.Error(n, 0, "glob() \"%s\" failed (%s)", path, Errno(err))
	}
	for _, name := range names {
		l.file(name, n, n.In)
	}
}

// globFiles is glob(3) as nginx calls it: sorted, without hidden files unless they are asked for. A
// pattern that cannot be read matches nothing.
func globFiles(pattern string) ([]string, error) {
	names, err := filepath.Glob(strings.ReplaceAll(pattern, "[!", "[^"))
	if err != nil {
		return nil, nil
	}
	asked := strings.Split(pattern, "/")
	kept := names[:0]
	for _, name := range names {
		if !hidden(asked, strings.Split(name, "/")) {
			kept = append(kept, name)
		}
	}
	return kept, nil
}

func hidden(asked, parts []string) bool {
	for i, p := range parts {
		if strings.HasPrefix(p, ".") && i < len(asked) && !strings.HasPrefix(asked[i], ".") {
			return true
		}
	}
	return false
}

// Errno is an error of the system as nginx prints it: "2: No such file or directory".
func Errno(err error) string {
	var no syscall.Errno
	if !errors.As(err, &no) {
		return err.Error()
	}
	text := no.Error()
	return fmt.Sprintf("%d: %s%s", int(no), strings.ToUpper(text[:1]), text[1:])
}
