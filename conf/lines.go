package conf

import "iter"

// data are the lines of a block that has no directives, as map and geo: where they stand, since there may be a million of them, and
// a node for each would take more than the table that is made of them.
type data struct {
	stretches []stretch
	cut       bool // what comes next does not continue the last stretch
}

// A stretch is lines of one file, with nothing else between them.
type stretch struct {
	text     string
	file     int32
	from, to int32
}

// add adds the line that a lexer has just read.
func (d *data) add(lex *lexer, words []Word) {
	if n := len(d.stretches); n > 0 && !d.cut && d.stretches[n-1].file == lex.file {
		d.stretches[n-1].to = int32(lex.pos)
		return
	}
	d.stretches = append(d.stretches, stretch{lex.src, lex.file, words[0].Pos.Off, int32(lex.pos)})
	d.cut = false
}

// interrupt says that something else than a line comes.
func (b *Block) interrupt() {
	if b.data != nil {
		b.data.cut = true
	}
}

// Lines are the lines of a block without directives, in order, but for those that something is wrong with. A node is good until the next
// one, unless it is kept: errors and diagnostics do.
func (b *Block) Lines() iter.Seq[*Node] {
	return func(yield func(*Node) bool) {
		for _, n := range b.Nodes {
			if n.OK() && !yield(n) {
				return
			}
		}
		if b.data == nil {
			return
		}
		var n *Node
		var words []Word
		for _, s := range b.data.stretches {
			lex := &lexer{src: s.text, file: s.file, pos: int(s.from), slab: &words, fail: func(int, int, int, string) {}}
			for lex.pos < int(s.to) {
				kind, line, end := lex.next()
				if kind != stPlain {
					continue
				}
				if n == nil {
					n = &Node{}
				}
				*n = Node{Words: line, In: b, End: Pos{s.file, int32(end)}, lent: true}
				if !yield(n) {
					return
				}
				if words = words[:0]; !n.lent {
					n, words = nil, nil
				}
			}
		}
	}
}

// Keep has a node of Lines stay as it is. Other nodes do anyway.
func (n *Node) Keep() {
	if n != nil && n.lent {
		n.lent = false
	}
}
