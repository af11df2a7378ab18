package conf

import (
	"bytes"
	"math/rand"
	"path/filepath"
	"testing"
)

func seeds(t testing.TB) []string {
	t.Helper()
	var texts []string
	paths, _ := filepath.Glob("testdata/*.txt")
	for _, path := range paths {
		for _, c := range readCases(t, path) {
			if len(c.config) < 2000 {
				texts = append(texts, c.config)
			}
		}
	}
	return texts
}

// FuzzParse: nothing panics, and every position is in its file.
func FuzzParse(f *testing.F) {
	for _, s := range seeds(f) {
		f.Add(s)
	}
	table := NewTable(testModules()...)
	f.Fuzz(func(t *testing.T, text string) { checkText(t, table, text) })
}

func checkText(t *testing.T, table *Table, text string) {
	t.Helper()
	tree, diags := loadFiles(splitFiles(text))
	tree.Main.Walk(func(n *Node) bool {
		checkPos(t, tree, n.End, 1)
		for _, w := range n.Words {
			checkPos(t, tree, w.Pos, int(w.Len))
		}
		if n.Block != nil && (n.Block.Node != n || n.Block.Parent != n.In) {
			t.Fatalf("%q: a block that does not know where it is", text)
		}
		return true
	})
	checkLines(t, text)
	table.Check(tree, diags)
	table.Declare(tree, nil, diags)
	settleAll(table, tree, diags)
	for _, g := range diags.List() {
		if g.Pos.IsValid() {
			checkPos(t, tree, g.Pos, 0)
		}
	}
	var b bytes.Buffer
	diags.Print(&b, "weir")
	tree.Dump(&b)
}

func checkPos(t *testing.T, tree *Tree, p Pos, length int) {
	t.Helper()
	if p.File < 0 || int(p.File) >= len(tree.Files) || p.Off < 0 || int(p.Off)+length > len(tree.Files[p.File].Text) {
		t.Fatalf("position %v+%d is outside", p, length)
	}
}

// TestEveryCut: a configuration may end anywhere.
func TestEveryCut(t *testing.T) {
	table := NewTable(testModules()...)
	for _, s := range seeds(t) {
		for i := range s {
			checkText(t, table, s[:i])
			checkText(t, table, s[i:])
		}
	}
}

// TestGenerated: what the grammar makes is taken by the grammar.
func TestGenerated(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	for _, m := range testModules() {
		for _, e := range m.Entries {
			for range 200 {
				args := e.Generate(r)
				if bad := e.CheckArgs(args); bad != "" {
					t.Errorf("%s %q: %s (%s)", e.Name, args, bad, e.Syntax)
				}
				if e.CheckArgs(e.Spoil(r, args)) == "" && e.Syntax == "on | off" && len(args) == 0 {
					t.Errorf("%s: spoilt %q is taken", e.Name, args)
				}
			}
		}
	}
}
