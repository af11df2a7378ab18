package conf

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// linesOf are the lines of all blocks called map, as they stand in the files.
func linesOf(tree *Tree) (all []string) {
	tree.Main.Walk(func(n *Node) bool {
		if n.Name() != "map" || n.Block == nil {
			return true
		}
		for line := range n.Block.Lines() {
			if line.Block != nil { // an error, which Check tells of
				continue
			}
			s := fmt.Sprint(line.Pos(), line.End, line.In == n.Block)
			for _, w := range line.Words {
				s += fmt.Sprintf(" %q", w.Text)
			}
			all = append(all, s)
		}
		return false
	})
	return all
}

// checkLines: lines that are no nodes are the same as those that are.
func checkLines(t *testing.T, text string) {
	t.Helper()
	nodes, diags := loadFiles(splitFiles(text))
	data, same := loadData(splitFiles(text), func(name string) bool { return name == "map" })
	if want, got := linesOf(nodes), linesOf(data); !slices.Equal(got, want) {
		t.Errorf("%q:\n\tlines %q,\n\tnodes %q", text, got, want)
	}
	if want, got := fmt.Sprint(diags.List()), fmt.Sprint(same.List()); len(diags.List()) != len(same.List()) {
		t.Errorf("%q: %s, want %s", text, got, want)
	}
}

func TestLines(t *testing.T) {
	for _, text := range []string{
		"map { a b; c d; }",
		"map a { 'x y' \"z\\\"\"; # ;\n ~^a{2} b ; $a ${b}; }",
		"map { a b; include x.conf; c d; include none.conf; e f; include *.conf; } map { g h; }\n-- x.conf --\nx y;\nz z;\n-- y.conf --\n",
		"map { a b; c { d e; } f g; { h i; } j k; include a b; include; }",
		"map { a b; c d }\nmap { e f",
		"map { a " + strings.Repeat("x", 5000) + "; b c; } d;",
		"map { map { a b; } c d; } http { map e { f g; } }",
		"map { a b; ; c d; } }",
	} {
		checkLines(t, text)
	}
}

// TestKeptLine: what an error is about stays.
func TestKeptLine(t *testing.T) {
	tree, _ := loadData([]namedText{{"nginx.conf", "map { a b; c d; e f; g h; }"}}, func(string) bool { return true })
	var kept []*Node
	for n := range tree.Main.First("map").Block.Lines() {
		switch n.Name() {
		case "a", "c":
			n.Keep()
			kept = append(kept, n)
		case "e":
			kept = append(kept, Spot{Node: n}.Errorf("odd").Node)
		}
	}
	got := ""
	for _, n := range kept {
		got += n.Name() + n.Words[1].Text + " "
	}
	if got != "ab cd ef " {
		t.Errorf("kept %q", got)
	}
}
